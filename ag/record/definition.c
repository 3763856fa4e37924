/* Ops of a user's: what their definitions may say, their numbers on a tape, and applying them. */
#include "ag/record/record.h"

/* What is wrong with a definition; NULL: nothing. */
static const char *flaw_of(const ag_op *op)
{
    bool view = op->flags & AG_VIEW;
    if (op->size && op->size != sizeof *op)
        return "its size is that of another version of the library";
    if (op->flags & ~(AG_VARIADIC | AG_NO_GRADIENT | AG_STRIDED | AG_VIEW | AG_DENSE_ROWS))
        return "it has flags that are not those of an op";
    if (op->inputs < !(op->flags & AG_VARIADIC) || op->inputs > UINT16_MAX)
        return "its field inputs must be from 1 to 65535, or 0 too with AG_VARIADIC";
    if (op->outputs < 0 || op->outputs > AG_MAX_OUTPUTS || (op->map && op->outputs > 1))
        return "its field outputs must be from 0, which means one, to 255, and a map has one";
    if (op->saved < 0 || op->saved > AG_MAX_OUTPUTS - ag_op_outputs(op))
        return "its number of saved outputs is not possible";
    if (op->saved && (op->map || view || !(op->vjp || op->vjp_fused)))
        return "outputs are saved by a forward, for a derivative";
    if (!op->map && (!op->shape || (!op->forward && !view)))
        return "it needs either map, or shape and forward";
    if (op->map && (op->shape || op->forward || view))
        return "a map comes without shape, forward and AG_VIEW";
    if (view && op->forward)
        return "a view has no forward";
    if (op->flags & AG_NO_GRADIENT && (op->vjp || op->vjp_fused || op->jvp))
        return "with AG_NO_GRADIENT it has no derivative";
    return NULL;
}

static uint32_t known_number(const ag_tape *t, const ag_op *op)
{
    for (uint32_t i = 0; i < t->user_op_count; i++)
        if (t->user_ops[i] == op)
            return ag_op_count + i;
    for (uint32_t i = AG_OP_FIRST; i < ag_op_count; i++)
        if (ag_builtin[i - AG_OP_FIRST] == op)
            return i;
    return 0;
}

uint32_t ag_op_number(ag_tape *t, const ag_op *op)
{
    uint32_t number = known_number(t, op);
    if (number && number < ag_op_count)
        return number;
    const char *flaw = op->name ? flaw_of(op) : "it needs a name"; /* what lies there may be another op than before */
    if (flaw) {
        ag_fail(t, AG_EARG, "%s: this op cannot be applied: %s", op->name ? op->name : "ag_apply", flaw);
        return 0;
    }
    if (number)
        return number;
    if (t->user_op_count + ag_op_count >= UINT16_MAX) {
        ag_fail(t, AG_ELIMIT, "ag_apply: more than %u different ops on one tape", t->user_op_count);
        return 0;
    }
    if (!ag_grow(t, (void **)&t->user_ops, &t->user_op_capacity, sizeof *t->user_ops, (uint64_t)t->user_op_count + 1))
        return 0;
    t->user_ops[t->user_op_count] = op;
    return ag_op_count + t->user_op_count++;
}

/* ---- applying them */

/* `count` results are there, as many as the op has outputs unless that is absurd. */
static ag_status apply_user(const ag_op *op, ag_list inputs, const void *params, ag_tensor *y, int count)
{
    ag_tape *first = inputs.count ? inputs.at[0].tape : ag_list_tape(inputs);
    for (int i = 0; i < count; i++)
        y[i] = ag_inert(first);
    ag_tape *t = ag_tape_of_operands(op, inputs);
    if (!t)
        return first ? first->error.status : AG_ENULL;
    for (int i = 0; i < count; i++)
        y[i] = ag_inert(t);
    uint32_t number = ag_op_number(t, op);
    return number ? ag_apply_number(t, number, inputs, params, y) : t->error.status;
}

ag_status ag_apply_all(const ag_op *op, ag_list inputs, const void *params, ag_tensor *outputs)
{
    ag_tape *any = inputs.count && inputs.at ? inputs.at[0].tape : NULL;
    if (!op || !outputs || (inputs.count && !inputs.at))
        return ag_fail(any, AG_ENULL, "ag_apply_all: the op, the list or the results are NULL");
    return apply_user(op, inputs, params, outputs, op->outputs > 0 ? op->outputs : 1);
}

ag_tensor ag_apply(const ag_op *op, ag_list inputs, const void *params)
{
    ag_tensor y[AG_MAX_OUTPUTS];
    ag_tape *t = inputs.count && inputs.at ? inputs.at[0].tape : NULL;
    if (!op || !inputs.at) {
        if (!op && t)
            ag_fail(t, AG_ENULL, "ag_apply: the op is NULL");
        return ag_inert(t);
    }
    int count = op->outputs < 1 ? 1 : op->outputs > AG_MAX_OUTPUTS ? AG_MAX_OUTPUTS : op->outputs;
    apply_user(op, inputs, params, y, count);
    return y[0];
}
