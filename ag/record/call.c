/* One application of an op as its functions see it: what they may ask, and how they complain. */
#include "ag/record/record.h"
#include <stdarg.h>

enum { LISTED = 8 }; /* operands that a message describes */

/* ---- messages */

const char *ag_op_prefix(const ag_op *op)
{
    for (uint32_t i = 0; i < ag_op_count - AG_OP_FIRST; i++)
        if (ag_builtin[i] == op)
            return "ag_";
    return "";
}

const char *ag_operand_name(const ag_tape *t, uint32_t id)
{
    if (t->headers[AG_INDEX(id)].op != AG_OP_PERSISTENT)
        return ag_named_at(t, AG_INDEX(id));
    return t->slots[ag_leaf_slot(t, id)].name;
}

const char *ag_written_name(const ag_tape *t, uint32_t id, char *where, size_t bytes)
{
    const char *name = ag_operand_name(t, id);
    const ag_node *d = ag_node_or_null(t, id);
    *where = 0;
    if (ag_is_number(d))
        return name;
    ag_written_text(t, d->owner, where, bytes);
    return *name ? name : ag_operand_name(t, t->nodes[d->owner].id);
}

ag_status ag_fail_written(ag_tape *t, const ag_op *op, uint32_t id, const char *what, int i)
{
    char where[AG_PLACE];
    const char *name = ag_written_name(t, id, where, sizeof where);
    return ag_fail(t, AG_EUSE,
                   "%s%s: %s %d%s%s%s was written%s after the op had been recorded, but its derivative needs the old "
                   "values; write after ag_backward, and record again before the next one",
                   ag_op_prefix(op), op->name, what, i + 1, *name ? " '" : "", name, *name ? "'" : "", where);
}

void ag_operand_text(const ag_call *c, const ag_array *x, char *text, size_t bytes)
{
    size_t used = 0;
    char shape[128];
    text[0] = 0;
    for (int i = 0; i < c->count && used < bytes; i++) {
        const char *name = c->inputs ? ag_operand_name(c->tape, c->inputs[i]) : "";
        used += (size_t)snprintf(text + used, bytes - used, "%s%s%s%s%s %s", i ? i + 1 < c->count ? ", " : " and " : "",
                                 *name ? "'" : "", name, *name ? "' " : "",
                                 ag_shape_text(x[i].shape, shape, sizeof shape), ag_dtype_name(x[i].dtype));
        if (c->count > LISTED && i == LISTED - 1) {
            if (used < bytes)
                snprintf(text + used, bytes - used, ", ...");
            return;
        }
    }
}

ag_status ag_call_fail(const ag_call *c, ag_status s, const char *format, ...)
{
    char operands[512], detail[384];
    va_list arguments;
    if (!c)
        return s;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    operands[0] = 0;
    if (c->x)
        ag_operand_text(c, c->x, operands, sizeof operands);
    return ag_fail(c->tape, s, "%s%s: %s%s%s", ag_op_prefix(c->op), c->op->name, operands, *operands ? ": " : "",
                   detail);
}

/* ---- what an op's functions get */

static bool has_dense_rows(const ag_array *x)
{
    const int last = x->shape.rank - 1;
    return last < 0 || x->stride[last] == 1 || x->shape.dim[last] <= 1;
}

bool ag_op_accepts(const ag_op *op, const ag_array *x)
{
    return op->flags & AG_STRIDED || (op->flags & AG_DENSE_ROWS && has_dense_rows(x)) || ag_array_is_dense(x);
}

bool ag_make_acceptable(ag_tape *t, const ag_op *op, ag_array *x, int count)
{
    for (int i = 0; i < count; i++) {
        if (ag_op_accepts(op, &x[i]))
            continue;
        ag_array copy = x[i];
        copy.data = ag_arena_take(t, &t->work, (size_t)ag_array_size(&x[i]) * ag_dtype_size(x[i].dtype));
        if (!copy.data)
            return false;
        ag_array_dense(&copy);
        ag_copy_array(&copy, &x[i], false, t->options.threads);
        x[i] = copy;
    }
    return true;
}

/* ---- what an op's functions may ask */

ag_tape *ag_call_tape(const ag_call *c)
{
    return c ? c->tape : NULL;
}

int ag_call_inputs(const ag_call *c)
{
    return c ? c->count : 0;
}

const void *ag_call_params(const ag_call *c)
{
    return c ? c->params : NULL;
}

int ag_call_threads(const ag_call *c)
{
    return c ? c->tape->options.threads : 0;
}

void *ag_call_scratch(const ag_call *c, size_t bytes)
{
    return c ? ag_arena_take(c->tape, &c->tape->work, bytes) : NULL;
}

static ag_status check_written(const ag_call *c, uint32_t id, const char *what, int i)
{
    const ag_tape *t = c->tape;
    const ag_node *d = ag_node_or_null(t, id);
    if (AG_LIKELY(!d || t->nodes[d->owner].written <= AG_INDEX(c->id)) || c->x) /* x: the op is being recorded */
        return AG_OK;
    return ag_fail_written(c->tape, c->op, id, what, i);
}

ag_tensor ag_call_input(const ag_call *c, int i)
{
    if (!c || i < 0 || i >= c->count || !c->inputs || check_written(c, c->inputs[i], "operand", i))
        return ag_inert(c ? c->tape : NULL);
    return ag_handle(c->tape, c->inputs[i]);
}

static uint32_t output_id(const ag_call *c, int i)
{
    return ag_id_at(c->tape, c->id + (uint32_t)i);
}

ag_tensor ag_call_output(const ag_call *c, int i)
{
    if (!c || i < 0 || i >= c->outputs || !c->inputs || c->x || check_written(c, output_id(c, i), "output", i))
        return ag_inert(c ? c->tape : NULL);
    return ag_handle(c->tape, output_id(c, i));
}

const ag_array *ag_call_input_array(const ag_call *c, int i)
{
    if (!c || i < 0 || i >= c->count || !c->operands || check_written(c, c->inputs[i], "operand", i))
        return NULL;
    return &c->operands[i];
}

const ag_array *ag_call_output_array(const ag_call *c, int i)
{
    if (!c || i < 0 || i >= c->outputs || !c->operands || check_written(c, output_id(c, i), "output", i))
        return NULL;
    return &c->operands[c->count + i];
}

bool ag_call_needs(const ag_call *c, int i)
{
    if (!c || !c->inputs || i < 0 || i >= c->count)
        return false;
    return c->all_needed || (c->wanted ? c->wanted[AG_INDEX(c->inputs[i])] : ag_needs(c->tape, c->inputs[i]));
}

void ag_call_of(ag_tape *t, uint32_t id, ag_call *c, uint32_t inputs[3], double constants[2])
{
    uint32_t index = AG_INDEX(id);
    const ag_record *r = &t->records[index];
    const ag_op *op = ag_op_at(t, t->headers[index].op);
    *c = (ag_call){ .tape = t, .op = op, .id = index, .outputs = ag_op_results(op) };
    const ag_node *d = ag_node_or_null(t, id);
    if (!d) {
        memcpy(inputs, r->parent, sizeof r->parent);
        c->inputs = inputs;
        c->count = op->inputs;
    } else {
        c->count = d->inputs;
        c->inputs = ag_node_inputs(d);
        c->params = d->params;
        if (AG_UNLIKELY(op->flags & AG_CARRIES) && ag_needs(t, id) && ag_carried_bytes(t, op, c->inputs[0]))
            c->carried = (char *)d->params + ag_carried_offset(op);
        if (d->inputs <= 3) {
            memcpy(inputs, d->input, sizeof d->input);
            c->inputs = inputs;
        }
    }
    if (op->flags & AG_ROW) {
        ag_row_params q = ag_row_params_at(t, id);
        memcpy(constants, &q, sizeof q);
        c->params = constants;
    }
}
