/* The backward pass that records: adjoints are tensors, contributions are made by the ops' rules in ag ops on the
 * values of the parents, so that the gradients can be differentiated again. */
#include "ag/backward/backward.h"

typedef struct replay {
    ag_tape *t;
    uint32_t top;
    uint32_t *adjoint; /* ids by index, 0: none arrived */
} replay;

/* Sums over the dimensions along which the input was broadcast, and casts: what deliver in backward_op.c does,
 * differentiably. */
static ag_tensor as_input(ag_tape *t, ag_tensor g, const ag_layout *input)
{
    ag_shape from = ag_shape_of(g), to = ag_layout_shape(input), both;
    if (from.rank < 0)
        return ag_inert(t);
    if (!ag_shape_equal(from, to)) {
        if (!ag_shape_broadcast(to, from, &both) || !ag_shape_equal(both, from)) {
            char a[128], b[128];
            ag_fail(t, AG_ESHAPE, "a derivative rule gave %s for an operand of shape %s",
                    ag_shape_text(from, a, sizeof a), ag_shape_text(to, b, sizeof b));
            return ag_inert(t);
        }
        ag_axes axes = { 0 };
        for (int i = 0; i < from.rank; i++) {
            int k = i - (from.rank - to.rank);
            if (k < 0 || (to.dim[k] == 1 && from.dim[i] != 1))
                axes.axis[axes.count++] = i;
        }
        if (axes.count)
            g = ag_sum_over(g, axes, AG_KEEPDIM);
        g = ag_reshape(g, to);
    }
    return ag_dtype_of(g) == input->dtype ? g : ag_cast(g, input->dtype);
}

static bool add_adjoint(replay *p, uint32_t id, ag_tensor g)
{
    uint32_t *to = &p->adjoint[AG_INDEX(id)];
    if (*to)
        g = ag_add(ag_handle(p->t, *to), g);
    *to = g.id;
    return g.id;
}

/* Adjoints of all outputs of the op at index i; false: none arrived. */
static bool collect(replay *p, uint32_t i, int outputs, ag_tensor *dy)
{
    ag_tape *t = p->t;
    bool any = false;
    for (int k = 0; k < outputs; k++)
        any |= p->adjoint[i + (uint32_t)k];
    for (int k = 0; any && k < outputs; k++) {
        uint32_t id = p->adjoint[i + (uint32_t)k];
        const ag_layout *l = ag_layout_at(t, i + (uint32_t)k);
        dy[k] = id ? ag_handle(t, id) : ag_zeros(t, l->dtype, ag_layout_shape(l));
    }
    return any;
}

static ag_status replay_node(replay *p, uint32_t i)
{
    ag_tape *t = p->t;
    ag_call c;
    uint32_t ids[3];
    double constants[2];
    ag_tensor few[AG_FEW] = { 0 }, *dy = few;
    ag_call_of(t, i, &c, ids, constants);
    if (c.outputs == 1 && !p->adjoint[i])
        return AG_OK;
    size_t wanted = (size_t)c.outputs + (size_t)c.count;
    if (wanted > AG_FEW) {
        dy = ag_scratch(t, wanted * sizeof *dy);
        if (!dy)
            return t->error.status;
        memset(dy, 0, wanted * sizeof *dy);
    }
    if (!collect(p, i, c.outputs, dy))
        return t->error.status;
    if (!c.op->vjp)
        return ag_call_fail(&c, AG_EUSE, "the op has no derivative");
    ag_tensor *dx = dy + c.outputs;
    c.op->vjp(&c, dy, dx);
    for (int k = 0; k < c.count && !t->error.status; k++) {
        if (!ag_needs(t, c.inputs[k]) || !dx[k].tape)
            continue;
        if (!ag_rule_result(&c, dx[k], k))
            break;
        ag_tensor g = as_input(t, dx[k], ag_layout_at(t, c.inputs[k]));
        if (!g.id || !add_adjoint(p, c.inputs[k], g))
            break;
    }
    return t->error.status;
}

static bool take(replay *p, const ag_target *target, ag_tensor *out)
{
    ag_tape *t = p->t;
    if (!target->slot) {
        uint32_t i = AG_INDEX(target->id);
        uint32_t id = i <= p->top ? p->adjoint[i] : 0;
        const ag_layout *l = ag_layout_at(t, i);
        *out = id ? ag_handle(t, id) : ag_zeros(t, l->dtype, ag_layout_shape(l));
        return out->id;
    }
    const ag_slot *slot = &t->slots[target->slot - 1];
    *out = (ag_tensor){ 0 };
    for (uint32_t n = 0; n < t->stop_count && t->stops[n] <= p->top; n++) {
        uint32_t i = t->stops[n];
        if (t->headers[i].op != AG_OP_PERSISTENT || ag_leaf_slot(t, i) != target->slot - 1 || !p->adjoint[i])
            continue;
        ag_tensor g = ag_handle(t, p->adjoint[i]);
        *out = out->tape ? ag_add(*out, g) : g;
    }
    if (!out->tape)
        *out = ag_zeros(t, slot->layout->dtype, ag_layout_shape(slot->layout));
    return out->id;
}

ag_status ag_graph_gradients(ag_tape *t, uint32_t y, ag_tensor seed, const ag_target *targets, size_t count,
                             ag_tensor *out)
{
    replay p = { .t = t, .top = AG_INDEX(y) };
    uint32_t first = p.top;
    if (t->headers[first].op == AG_OP_OUTPUT)
        first -= ag_node_at(t, first)->output;
    const ag_op *op = t->headers[first].op >= AG_OP_FIRST ? ag_op_at(t, t->headers[first].op) : NULL;
    if (op && op->outputs > 1)
        p.top = first + (uint32_t)op->outputs - 1;
    size_t bytes = ((size_t)p.top + 1) * sizeof *p.adjoint;
    p.adjoint = ag_pool_take(t, bytes);
    if (!p.adjoint)
        return t->error.status;
    memset(p.adjoint, 0, bytes);
    p.adjoint[AG_INDEX(y)] = seed.id;
    ag_status status = AG_OK;
    for (uint32_t i = p.top; i > 0 && !status; i--)
        if (t->headers[i].op >= AG_OP_FIRST && t->headers[i].flags & AG_NEEDS)
            status = replay_node(&p, i);
    for (size_t k = 0; k < count && !status; k++)
        if (!take(&p, &targets[k], &out[k]))
            status = ag_refuse(t, "ag_gradients");
    ag_pool_give(t, p.adjoint, bytes);
    return status;
}
