/* Applying an op that is not an elementwise row: operands, shape, forward, node. */
#include "ag/record/record.h"

enum { FEW = 8 }; /* operands and outputs that need no memory of their own */

/* ---- the registry */

uint32_t ag_op_number(ag_tape *t, const ag_op *op)
{
    for (uint32_t i = 0; i < t->user_op_count; i++)
        if (t->user_ops[i] == op)
            return ag_op_count + i;
    for (uint32_t i = 0; i < ag_op_count - AG_OP_FIRST; i++)
        if (ag_builtin[i] == op)
            return AG_OP_FIRST + i;
    if (t->user_op_count + ag_op_count >= UINT16_MAX) {
        ag_fail(t, AG_ELIMIT, "ag_apply: more than %u different ops on one tape", t->user_op_count);
        return 0;
    }
    if (!ag_grow(t, (void **)&t->user_ops, &t->user_op_capacity, sizeof *t->user_ops, (uint64_t)t->user_op_count + 1))
        return 0;
    t->user_ops[t->user_op_count] = op;
    return ag_op_count + t->user_op_count++;
}

/* ---- applying */

typedef struct application {
    ag_call call;
    ag_array few_x[FEW], few_y[FEW];
    uint32_t few_ids[FEW];
    ag_array *x, *y;
    uint32_t *ids;
    bool needs;
} application;

static bool reserve(ag_tape *t, application *a, const ag_op *op, size_t count)
{
    int outputs = op->outputs ? op->outputs : 1;
    a->x = a->few_x;
    a->y = a->few_y;
    a->ids = a->few_ids;
    if (count > FEW) {
        a->x = ag_scratch(t, count * sizeof *a->x);
        a->ids = ag_scratch(t, count * sizeof *a->ids);
    }
    if (outputs > FEW)
        a->y = ag_scratch(t, (size_t)outputs * sizeof *a->y);
    a->call = (ag_call){ .tape = t, .op = op, .x = a->x, .inputs = a->ids, .count = (int)count, .outputs = outputs };
    return a->x && a->y && a->ids;
}

static bool check_op(ag_tape *t, const ag_op *op, ag_list inputs, const void *params)
{
    bool complete = op && op->name && (op->map || (op->shape && (op->forward || op->flags & AG_VIEW)));
    if (!complete)
        return ag_fail(t, AG_EARG, "ag_apply: the op needs a name and either map, or shape and forward"), false;
    bool count_fits =
        op->flags & AG_VARIADIC ? inputs.count >= 1 : op->inputs >= 0 && inputs.count == (size_t)op->inputs;
    if (!count_fits || inputs.count > UINT16_MAX)
        return ag_fail(t, AG_EARG, "%s%s: %zu operands given, but it takes %s%d", ag_op_prefix(op), op->name,
                       inputs.count, op->flags & AG_VARIADIC ? "at least " : "",
                       op->flags & AG_VARIADIC ? 1 : op->inputs),
               false;
    if (op->outputs < 0 || op->outputs > UINT8_MAX || (op->map && op->outputs > 1))
        return ag_fail(t, AG_EARG, "%s: %d outputs are not possible", op->name, op->outputs), false;
    if (op->params_size && !params)
        return ag_fail(t, AG_ENULL, "%s: the parameters are NULL", op->name), false;
    return true;
}

static AG_COLD uint32_t resolve_slowly(ag_tape *t, const ag_op *op, ag_list inputs, size_t i)
{
    char who[80];
    snprintf(who, sizeof who, "%s%s", ag_op_prefix(op), op->name);
    return ag_resolve(t, inputs.at[i], who, inputs.count == 1 ? 0 : (int)i + 1);
}

/* A view goes on showing its operand: a number, which lies in the records, is copied to the step's memory. */
static bool keep_number(ag_tape *t, application *a)
{
    ag_array *x = &a->x[0];
    if (x->data != &t->records[AG_INDEX(a->ids[0])].value)
        return true;
    const double value = *(const double *)x->data;
    x->data = ag_scratch(t, sizeof value);
    if (x->data)
        *(double *)x->data = value;
    return x->data;
}

static bool resolve_all(ag_tape *t, application *a, ag_list inputs)
{
    for (size_t i = 0; i < inputs.count; i++) {
        a->ids[i] = AG_LIKELY(inputs.at[i].tape == t) ? ag_quick_id(t, inputs.at[i]) : 0;
        if (!a->ids[i] && inputs.at[i].tape == t && ag_is_persistent(inputs.at[i])) /* its first use in this step */
            a->ids[i] = ag_resolve(t, inputs.at[i], a->call.op->name, (int)i + 1);
        if (AG_UNLIKELY(!a->ids[i]))
            a->ids[i] = resolve_slowly(t, a->call.op, inputs, i);
        if (!a->ids[i])
            return false;
        a->needs |= ag_needs(t, a->ids[i]);
    }
    if (t->no_grad || a->call.op->flags & AG_NO_GRADIENT)
        a->needs = false;
    for (size_t i = 0; i < inputs.count; i++)
        a->x[i] = ag_array_of(t, a->ids[i]);
    return !(a->call.op->flags & AG_VIEW) || keep_number(t, a);
}

/* The status of a function of the op that did not succeed, which may have said nothing. */
static ag_status failed(const ag_call *c, ag_status s, const char *what)
{
    if (!s || c->tape->error.status)
        return s;
    return ag_call_fail(c, s == AG_USE_RULE ? AG_EUSE : s, "%s failed without saying why", what);
}

static ag_status find_shapes(application *a)
{
    const ag_op *op = a->call.op;
    for (int i = 0; i < a->call.outputs; i++)
        a->y[i] = (ag_array){ 0 };
    ag_status s = op->map ? ag_map_shape(&a->call, a->x, a->y) : op->shape(&a->call, a->x, a->y);
    if (s)
        return failed(&a->call, s, "the op's shape rule");
    for (int i = 0; i < a->call.outputs; i++) {
        if (ag_shape_size(a->y[i].shape) < 0 || ag_shape_size(a->y[i].shape) > INT64_MAX / 16)
            return ag_call_fail(&a->call, AG_ELIMIT, "the result would be too large");
        if (!ag_dtype_size(a->y[i].dtype))
            return ag_call_fail(&a->call, AG_EDTYPE, "the op's shape rule sets no dtype");
        if (!(op->flags & AG_VIEW))
            ag_array_dense(&a->y[i]);
    }
    return AG_OK;
}

/* Replaces strided inputs by dense copies for an op that wants them dense. */
static bool densify(ag_tape *t, ag_array *x, int count)
{
    for (int i = 0; i < count; i++) {
        if (ag_array_is_dense(&x[i]))
            continue;
        ag_array copy = x[i];
        copy.data = ag_scratch(t, (size_t)ag_array_size(&x[i]) * ag_dtype_size(x[i].dtype));
        if (!copy.data)
            return false;
        ag_array_dense(&copy);
        ag_copy_array(&copy, &x[i], false, t->options.threads);
        x[i] = copy;
    }
    return true;
}

static void *copy_params(ag_tape *t, const ag_op *op, const void *params)
{
    void *copy = ag_scratch(t, op->params_size);
    return copy ? memcpy(copy, params, op->params_size) : NULL;
}

static bool is_record(const ag_array *y)
{
    return y->dtype == AG_F64 && y->shape.rank == 0;
}

/* The node of output i, after the data is there. A view's data belongs to the node of its first input. */
static ag_tensor output_node(ag_tape *t, application *a, uint32_t number, int i, double value)
{
    const ag_array *y = &a->y[i];
    bool scalar = is_record(y), view = a->call.op->flags & AG_VIEW;
    const ag_layout *base = ag_layout_at(t, a->ids[0]);
    bool as_input = ag_shape_equal(y->shape, ag_layout_shape(base)) && base->dtype == y->dtype && base->dense && !view;
    const ag_layout *l = as_input ? base : ag_layout_of_array(t, y);
    if (!l)
        return ag_inert(t);
    uint32_t op = t->no_grad ? AG_OP_CONSTANT : i ? AG_OP_OUTPUT : number;
    bool inputs = !t->no_grad && !i;
    if (t->no_grad && scalar)
        return ag_scalar_new(t, AG_OP_CONSTANT, value);
    ag_tensor r = ag_node_new(t, op, l, scalar ? NULL : y->data, a->ids, inputs ? (size_t)a->call.count : 0, a->needs);
    if (!r.id)
        return r;
    ag_node *d = ag_node_at(t, r.id);
    d->params = inputs ? (void *)(uintptr_t)a->call.params : NULL;
    d->output = (uint8_t)i;
    const ag_node *x = ag_node_or_null(t, a->ids[0]);
    if (view && !scalar && x && x->data && ag_view_is_of(y, &a->x[0]))
        d->owner = x->owner;
    if (scalar)
        t->records[AG_INDEX(r.id)].value = value;
    return r;
}

static ag_status compute(ag_tape *t, application *a, double *values)
{
    const ag_op *op = a->call.op;
    for (int i = 0; i < a->call.outputs; i++) {
        ag_array *y = &a->y[i];
        if (op->flags & AG_VIEW) {
            ag_status s = ag_view_settle(&a->call, &a->x[0], y);
            if (s)
                return s;
            if (is_record(y))
                values[i] = *(double *)y->data;
            continue;
        }
        y->data = is_record(y) ? (void *)&values[i] : ag_scratch(t, (size_t)ag_array_size(y) * ag_dtype_size(y->dtype));
        if (!y->data)
            return t->error.status;
    }
    if (op->flags & AG_VIEW)
        return AG_OK;
    if (op->map) {
        ag_map_forward(&a->call, a->x, a->y);
        return AG_OK;
    }
    if (!(op->flags & AG_STRIDED) && !densify(t, a->x, a->call.count))
        return t->error.status;
    return failed(&a->call, op->forward(&a->call, a->x, a->y), "the op");
}

static ag_status apply(ag_tape *t, uint32_t number, ag_list inputs, const void *params, ag_tensor *outputs)
{
    application a;
    a.needs = false;
    const ag_op *op = ag_op_at(t, number);
    double few_values[FEW] = { 0 }, *values = few_values;
    if (!reserve(t, &a, op, inputs.count) || !resolve_all(t, &a, inputs))
        return t->error.status ? t->error.status : AG_ENULL;
    if (a.call.outputs > FEW)
        values = ag_scratch(t, (size_t)a.call.outputs * sizeof *values);
    a.call.params = params;
    if (op->params_size && !t->no_grad)
        a.call.params = copy_params(t, op, params);
    if (!values || (op->params_size && !a.call.params))
        return t->error.status;
    ag_status s = find_shapes(&a);
    if (!s)
        s = compute(t, &a, values);
    if (s)
        return s;
    if (!ag_make_room(t, (uint32_t)a.call.outputs)) /* so that all outputs or none are made */
        return t->error.status;
    uint32_t first = ag_next(t);
    for (int i = 0; i < a.call.outputs; i++) {
        outputs[i] = output_node(t, &a, number, i, values[i]);
        if (!outputs[i].id) {
            ag_rewind_nodes(t, first);
            return t->error.status;
        }
    }
    return AG_OK;
}

ag_status ag_apply_number(ag_tape *t, uint32_t number, ag_list inputs, const void *params, ag_tensor *outputs)
{
    const ag_op *op = ag_op_at(t, number);
    int count = op->outputs ? op->outputs : 1;
    for (int i = 0; i < count; i++)
        outputs[i] = ag_inert(t);
    if (!check_op(t, op, inputs, params))
        return t->error.status;
    if (op->flags & AG_ROW) {
        ag_row_params q = { 0, 0 };
        if (op->params_size)
            memcpy(&q, params, sizeof q);
        outputs[0] = ag_row_apply(number, inputs.at, q);
        return outputs[0].id ? AG_OK : t->error.status ? t->error.status : AG_ENULL;
    }
    ag_status s = apply(t, number, inputs, params, outputs);
    for (int i = 0; s && i < count; i++)
        outputs[i] = ag_inert(t);
    return s;
}

ag_tensor ag_apply_op(uint32_t number, ag_list inputs, const void *params)
{
    ag_tensor few[FEW];
    if (!inputs.at)
        return ag_inert(NULL);
    ag_tape *t = inputs.count ? inputs.at[0].tape : NULL;
    bool same = t;
    for (size_t i = 1; i < inputs.count; i++)
        same &= inputs.at[i].tape == t;
    if (AG_UNLIKELY(!same)) {
        char who[80];
        snprintf(who, sizeof who, "ag_%s", ag_op_at(NULL, number)->name);
        t = ag_common_tape(inputs.at, inputs.count, who);
        if (!t)
            return ag_inert(inputs.count ? inputs.at[0].tape : NULL);
    }
    ag_apply_number(t, number, inputs, params, few);
    return few[0];
}

ag_status ag_apply_all(const ag_op *op, ag_list inputs, const void *params, ag_tensor *outputs)
{
    ag_tape *any = inputs.count && inputs.at ? inputs.at[0].tape : NULL;
    if (!op || !outputs || (inputs.count && !inputs.at))
        return ag_fail(any, AG_ENULL, "ag_apply_all: the op, the list or the results are NULL");
    int count = op->outputs > 0 ? op->outputs : 1;
    ag_tape *first = inputs.count ? inputs.at[0].tape : NULL;
    for (int i = 0; i < count; i++)
        outputs[i] = ag_inert(first);
    ag_tape *t = ag_common_tape(inputs.at, inputs.count, op->name ? op->name : "ag_apply");
    if (!t)
        return first ? first->error.status : AG_ENULL;
    uint32_t number = check_op(t, op, inputs, params) ? ag_op_number(t, op) : 0;
    if (!number) {
        for (int i = 0; i < count; i++)
            outputs[i] = ag_inert(t);
        return t->error.status;
    }
    return ag_apply_number(t, number, inputs, params, outputs);
}

ag_tensor ag_apply(const ag_op *op, ag_list inputs, const void *params)
{
    ag_tensor few[FEW], *outputs = few;
    ag_tape *t = inputs.count && inputs.at ? inputs.at[0].tape : NULL;
    if (op && op->outputs > FEW && t)
        outputs = ag_scratch(t, (size_t)op->outputs * sizeof *outputs);
    if (!op || !outputs || !inputs.at) {
        if (!op && t)
            ag_fail(t, AG_ENULL, "ag_apply: the op is NULL");
        return ag_inert(t);
    }
    ag_apply_all(op, inputs, params, outputs);
    return outputs[0];
}
