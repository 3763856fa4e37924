/* Applying an op that is not an elementwise row: operands, shape, forward, node. */
#include "ag/record/record.h"
#include <math.h>

typedef struct application {
    ag_call call;
    ag_array few_x[AG_FEW], few_y[AG_FEW];
    double few_number[AG_FEW], few_value[AG_FEW];
    const ag_layout *few_layout[AG_FEW];
    uint32_t few_ids[AG_FEW];
    bool few_copied[AG_FEW];
    ag_array *x, *y;
    double *number, *value;   /* of operands and outputs that are records */
    const ag_layout **layout; /* of outputs */
    uint32_t *ids;
    bool *copied; /* is the output of an op with AG_VIEW none? */
    void *block;  /* of the pool, where few are not enough */
    size_t bytes;
    bool needs;
} application;

static bool reserve(ag_tape *t, application *a, const ag_op *op, size_t count)
{
    size_t outputs = (size_t)ag_op_results(op), both = count + outputs;
    a->x = a->few_x;
    a->y = a->few_y;
    a->number = a->few_number;
    a->value = a->few_value;
    a->layout = a->few_layout;
    a->ids = a->few_ids;
    a->copied = a->few_copied;
    a->block = NULL;
    a->needs = false;
    if (count > AG_FEW || outputs > AG_FEW) {
        a->bytes = both * (sizeof *a->x + sizeof *a->number) + count * sizeof *a->ids +
                   outputs * (sizeof *a->layout + sizeof *a->copied);
        a->block = ag_pool_take(t, a->bytes);
        if (!a->block)
            return false;
        a->x = a->block;
        a->y = a->x + count;
        a->number = (double *)(a->y + outputs);
        a->value = a->number + count;
        a->layout = (const ag_layout **)(a->value + outputs);
        a->ids = (uint32_t *)(a->layout + outputs);
        a->copied = (bool *)(a->ids + count);
    }
    a->call =
        (ag_call){ .tape = t, .op = op, .x = a->x, .inputs = a->ids, .count = (int)count, .outputs = (int)outputs };
    return true;
}

static bool check_call(ag_tape *t, const ag_op *op, ag_list inputs, const void *params)
{
    bool any = op->flags & AG_VARIADIC, fits = any ? inputs.count >= 1 : inputs.count == (size_t)op->inputs;
    if (AG_UNLIKELY(any && inputs.count > UINT16_MAX))
        return ag_fail(t, AG_EARG, "%s%s: %zu operands are more than the %d that an op can have", ag_op_prefix(op),
                       op->name, inputs.count, UINT16_MAX),
               false;
    if (AG_UNLIKELY(!fits))
        return ag_fail(t, AG_EARG, "%s%s: %zu operands given, but it takes %s%d", ag_op_prefix(op), op->name,
                       inputs.count, any ? "at least " : "", any ? 1 : op->inputs),
               false;
    if (AG_UNLIKELY(op->params_size && !params))
        return ag_fail(t, AG_ENULL, "%s: the parameters are NULL", op->name), false;
    return true;
}

static AG_COLD uint32_t resolve_slowly(ag_tape *t, const ag_op *op, ag_list inputs, size_t i)
{
    char who[80];
    snprintf(who, sizeof who, "%s%s", ag_op_prefix(op), op->name);
    return ag_resolve(t, inputs.at[i], who, inputs.count == 1 ? 0 : (int)i + 1);
}

/* The operands as the op's functions see them: a number, which they see as a copy, lies in the step's memory where a
 * view goes on showing it. */
static bool show_operands(ag_tape *t, application *a)
{
    for (int i = 0; i < a->call.count; i++) {
        ag_array *x = &a->x[i];
        ag_array_for_op(t, a->ids[i], &a->number[i], x);
        if (!(a->call.op->flags & AG_VIEW) || x->data != &a->number[i])
            continue;
        x->data = ag_scratch(t, sizeof *a->number);
        if (!x->data)
            return false;
        *(double *)x->data = a->number[i];
    }
    return true;
}

static bool resolve_all(ag_tape *t, application *a, ag_list inputs)
{
    for (size_t i = 0; i < inputs.count; i++) {
        a->ids[i] = AG_LIKELY(inputs.at[i].tape == t) ? ag_quick_id(t, inputs.at[i]) : 0;
        if (!a->ids[i] && inputs.at[i].tape == t && ag_is_persistent(inputs.at[i])) /* its first use in this step */
            a->ids[i] = ag_resolve(t, inputs.at[i], a->call.op->name, (int)i + 1);
        else if (AG_UNLIKELY(!a->ids[i]))
            a->ids[i] = resolve_slowly(t, a->call.op, inputs, i);
        if (!a->ids[i] || !ag_settle(t, a->ids[i]))
            return false;
        a->needs |= ag_needs(t, a->ids[i]);
    }
    if (t->no_grad || a->call.op->flags & AG_NO_GRADIENT)
        a->needs = false;
    return true;
}

/* The status of a function of the op that did not succeed, which may have said nothing. */
static ag_status failed(const ag_call *c, ag_status s, const char *what)
{
    if (s == AG_USE_RULE)
        s = AG_EUSE;
    return s && !c->tape->error.status ? ag_call_fail(c, s, "%s failed without saying why", what) : s;
}

static ag_status find_shapes(application *a, bool builtin)
{
    const ag_op *op = a->call.op;
    a->y[0] = (ag_array){ 0 }; /* one of them, as a rule: a loop would be a call of memset */
    for (int i = 1; i < a->call.outputs; i++)
        a->y[i] = (ag_array){ 0 };
    ag_kernel k = ag_kernel_begin(a->call.tape, !builtin);
    ag_status s = op->map ? ag_map_shape(&a->call, a->x, a->y) : op->shape(&a->call, a->x, a->y);
    s = ag_kernel_end(a->call.tape, k, s);
    if (s)
        return failed(&a->call, s, "the op's shape rule");
    for (int i = 0; i < a->call.outputs; i++) {
        const int64_t size = ag_shape_size(a->y[i].shape);
        if (size < 0 || size > INT64_MAX / 16)
            return ag_call_fail(&a->call, AG_ELIMIT, "the result would be too large");
        if (!ag_dtype_size(a->y[i].dtype))
            return ag_call_fail(&a->call, AG_EDTYPE, "the op's shape rule sets no dtype");
        if (!(op->flags & AG_VIEW))
            ag_array_dense(&a->y[i]);
    }
    return AG_OK;
}

static void *copy_params(ag_tape *t, application *a, const void *params)
{
    const ag_op *op = a->call.op;
    const size_t carried = a->needs ? ag_carried_bytes(t, op, a->ids[0]) : 0, offset = ag_carried_offset(op);
    char *copy = ag_scratch(t, carried ? offset + carried : op->params_size);
    a->call.carried = copy && carried ? copy + offset : NULL;
    return copy ? memcpy(copy, params, op->params_size) : NULL;
}

static bool is_record(const ag_array *y)
{
    return y->dtype == AG_F64 && y->shape.rank == 0;
}

static const ag_layout *output_layout(ag_tape *t, const application *a, int i)
{
    const ag_array *y = &a->y[i];
    const ag_layout *x = ag_layout_at(t, a->ids[0]);
    bool same = y->shape.rank == x->rank && x->dtype == y->dtype && x->dense && !(a->call.op->flags & AG_VIEW) &&
                !memcmp(y->shape.dim, x->dim, (size_t)x->rank * sizeof *x->dim);
    return same ? x : ag_layout_of_array(t, y);
}

/* The node of output i, after the data is there. A view's data belongs to the node of its first input. */
static ag_tensor output_node(ag_tape *t, application *a, uint32_t number, int i)
{
    const ag_array *y = &a->y[i];
    bool scalar = is_record(y), view = a->call.op->flags & AG_VIEW;
    uint32_t op = t->no_grad ? AG_OP_CONSTANT : i ? AG_OP_OUTPUT : number;
    bool inputs = !t->no_grad && !i;
    if (t->no_grad && scalar)
        return ag_scalar_new(t, AG_OP_CONSTANT, a->value[i]);
    bool needs = a->needs && ag_is_float(y->dtype);
    ag_tensor r =
        ag_node_new(t, op, a->layout[i], scalar ? NULL : y->data, a->ids, inputs ? (size_t)a->call.count : 0, needs);
    if (!r.id)
        return r;
    ag_node *d = ag_node_at(t, r.id);
    d->params = inputs ? (void *)(uintptr_t)a->call.params : NULL;
    d->output = (uint8_t)i;
    const ag_node *x = ag_node_or_null(t, a->ids[0]);
    if (view && !scalar && !a->copied[i] && !ag_is_number(x))
        d->owner = x->owner;
    if (scalar)
        t->records[AG_INDEX(r.id)].value = a->value[i];
    return r;
}

/* All outputs or none: only the first, which has the operands, takes memory, when that of all layouts is there. What
 * nobody will differentiate saves nothing. */
static ag_status make_nodes(ag_tape *t, application *a, uint32_t number, ag_tensor *outputs)
{
    const int given = ag_op_outputs(a->call.op);
    if (t->no_grad)
        a->call.outputs = given;
    if (a->call.outputs > 1 && !ag_make_room(t, (uint32_t)a->call.outputs))
        return t->error.status;
    for (int i = 0; i < a->call.outputs; i++) {
        a->layout[i] = output_layout(t, a, i);
        if (!a->layout[i])
            return t->error.status;
    }
    for (int i = 0; i < a->call.outputs; i++) {
        ag_tensor y = output_node(t, a, number, i);
        if (!y.id)
            return t->error.status;
        if (i < given)
            outputs[i] = y;
    }
    return AG_OK;
}

static ag_status make_views(application *a, bool builtin)
{
    ag_status s = AG_OK;
    for (int i = 0; i < a->call.outputs && !s; i++) {
        a->copied[i] = false;
        if (!builtin || !a->y[i].data) /* those of built-in ops are known to be right */
            s = ag_view_settle(&a->call, &a->x[0], &a->y[i], &a->copied[i]);
        if (!s && is_record(&a->y[i]))
            a->value[i] = *(const double *)a->y[i].data;
    }
    return s;
}

static ag_status compute(ag_tape *t, application *a, bool builtin)
{
    const ag_op *op = a->call.op;
    if (op->flags & AG_VIEW)
        return make_views(a, builtin);
    for (int i = 0; i < a->call.outputs; i++) {
        ag_array *y = &a->y[i];
        ag_arena *memory = t->no_grad && i >= ag_op_outputs(op) ? &t->work : &t->arena;
        a->value[i] = NAN; /* until it is written */
        y->data =
            is_record(y) ? &a->value[i] : ag_arena_take(t, memory, (size_t)ag_array_size(y) * ag_dtype_size(y->dtype));
        if (!y->data)
            return t->error.status;
    }
    ag_status s = AG_OK;
    if (!op->map && !(op->flags & AG_STRIDED) && !ag_make_acceptable(t, op, a->x, a->call.count))
        return t->error.status;
    ag_kernel k = ag_kernel_begin(t, !builtin);
    if (op->map)
        ag_map_forward(&a->call, a->x, a->y);
    else
        s = op->forward(&a->call, a->x, a->y);
    s = failed(&a->call, ag_kernel_end(t, k, s), "the op");
    return s;
}

/* The operands are resolved. */
static ag_status apply_anew(ag_tape *t, application *a, uint32_t number, const void *params, ag_tensor *outputs)
{
    const ag_op *op = a->call.op;
    if (!show_operands(t, a))
        return t->error.status;
    const char *begin = t->arena.at;
    const uint64_t position = ag_arena_position(&t->arena);
    a->call.params = params;
    if (op->params_size && !t->no_grad)
        a->call.params = copy_params(t, a, params);
    if (op->params_size && !a->call.params)
        return t->error.status;
    const uint64_t work = ag_work_begin(t);
    const bool builtin = number < ag_op_count;
    ag_status s = find_shapes(a, builtin);
    if (!s)
        s = compute(t, a, builtin);
    ag_work_end(t, work);
    if (s)
        ag_arena_rewind(&t->arena, position);
    if (!s)
        s = make_nodes(t, a, number, outputs);
    if (!s && !t->no_grad && AG_UNLIKELY(ag_echo_noted(t) != NULL))
        ag_repeat_note(t, number, &a->call, a->y, begin);
    return s;
}

static ag_status apply(ag_tape *t, application *a, uint32_t number, ag_list inputs, const void *params,
                       ag_tensor *outputs)
{
    if (!resolve_all(t, a, inputs))
        return t->error.status ? t->error.status : AG_ENULL;
    return apply_anew(t, a, number, params, outputs);
}

/* ---- in step with the last one: see repeat.c */

/* What is noted of the op, where it is in step; else NULL, and some of its operands' leaves may be there. */
static inline const struct ag_repeat *find_repeat(ag_tape *t, uint32_t number, const ag_op *op, ag_list inputs,
                                                  const void *params)
{
    uint32_t ids[AG_REPEAT_INPUTS];
    if (t->node_count >= t->echoes.end || t->span >= t->limit || inputs.count > AG_REPEAT_INPUTS ||
        (op->params_size && !params))
        return NULL;
    for (size_t i = 0; i < inputs.count; i++) {
        const ag_tensor x = inputs.at[i];
        ids[i] = x.tape == t ? ag_quick_id(t, x) : 0;
        if (!ids[i] && (x.tape != t || !(ids[i] = ag_leaf_again(t, x))))
            return NULL;
    }
    return ag_repeat_of(t, number, ids, (int)inputs.count, params);
}

/* Its forward has failed. */
static AG_COLD ag_status fail_repeat(ag_tape *t, const ag_op *op, ag_list inputs, ag_status s, ag_tensor *outputs)
{
    application a;
    outputs[0] = ag_inert(t);
    if (!reserve(t, &a, op, inputs.count) || !resolve_all(t, &a, inputs) || !show_operands(t, &a))
        return s;
    return failed(&a.call, s, "the op");
}

/* May the op be applied on a tape that does not simply record? Observers are shown that it begins. */
static AG_COLD bool begin_slowly(ag_tape *t, const ag_op *op)
{
    if (t->closed)
        return ag_fail(t, AG_EUSE, "%s%s: not inside an error handler, nor in an op's functions but its rule",
                       ag_op_prefix(op), op->name),
               false;
    if (t->observed && !(op->flags & AG_ROW))
        ag_observe_enter(t, NULL);
    return true;
}

/* ... and that it ends. */
static AG_COLD ag_status end_observed(ag_tape *t, application *a, ag_status s, const ag_tensor *outputs)
{
    a->call.id = AG_INDEX(outputs[0].id);
    a->call.x = NULL;
    if (!s)
        s = ag_observe_computed(&a->call);
    ag_observe_leave(t, NULL);
    return s;
}

ag_status ag_apply_number(ag_tape *t, uint32_t number, ag_list inputs, const void *params, ag_tensor *outputs)
{
    const ag_op *op = ag_op_at(t, number);
    const struct ag_repeat *r = find_repeat(t, number, op, inputs, params);
    if (AG_LIKELY(r != NULL)) {
        const ag_status s = ag_repeat_run(t, r, outputs);
        return AG_LIKELY(!s) ? AG_OK : fail_repeat(t, op, inputs, s, outputs);
    }
    int count = ag_op_outputs(op);
    for (int i = 0; i < count; i++)
        outputs[i] = ag_inert(t);
    if (!check_call(t, op, inputs, params))
        return t->error.status;
    if (AG_UNLIKELY(!t->limit) && !begin_slowly(t, op)) /* closed, without recording, or observed */
        return t->error.status;
    if (op->flags & AG_ROW) {
        ag_row_params q = { 0, 0 };
        if (op->params_size)
            memcpy(&q, params, sizeof q);
        outputs[0] = ag_row_apply(number, inputs.at, q);
        return outputs[0].id ? AG_OK : t->error.status ? t->error.status : AG_ENULL;
    }
    if (op->flags & AG_SUMS && (AG_UNLIKELY(t->waiting.pending) || op->params_size) &&
        ag_chain_sum(t, number, op, inputs.at[0], params, outputs))
        return outputs[0].id ? AG_OK : t->error.status;
    application a;
    ag_status s = reserve(t, &a, op, inputs.count) ? apply(t, &a, number, inputs, params, outputs) : t->error.status;
    if (AG_UNLIKELY(t->observed))
        s = end_observed(t, &a, s, outputs);
    if (AG_UNLIKELY(a.block))
        ag_pool_give(t, a.block, a.bytes);
    for (int i = 0; s && i < count; i++)
        outputs[i] = ag_inert(t);
    return s;
}

ag_tape *ag_tape_of_operands(const ag_op *op, ag_list inputs)
{
    ag_tape *t = inputs.count ? inputs.at[0].tape : ag_list_tape(inputs);
    bool same = t;
    for (size_t i = 1; i < inputs.count; i++)
        same &= inputs.at[i].tape == t;
    if (AG_LIKELY(same))
        return t;
    char who[80] = "ag_apply";
    if (op->name)
        snprintf(who, sizeof who, "%s%s", ag_op_prefix(op), op->name);
    return ag_common_tape(inputs.at, inputs.count, who);
}

ag_tensor ag_apply_op(uint32_t number, ag_list inputs, const void *params)
{
    ag_tensor y[AG_MAX_OUTPUTS];
    if (!inputs.at)
        return ag_inert(NULL);
    ag_tape *t = ag_tape_of_operands(ag_op_at(NULL, number), inputs);
    if (AG_UNLIKELY(!t))
        return ag_inert(inputs.count ? inputs.at[0].tape : NULL);
    ag_apply_number(t, number, inputs, params, y);
    return y[0];
}
