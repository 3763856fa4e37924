/* The backward pass that records: adjoints are tensors, contributions are made by the ops' rules in ag ops on the
 * values of the parents, so that the gradients can be differentiated again. */
#include "ag/backward/backward.h"

typedef struct replay {
    ag_tape *t;
    uint32_t top;
    uint32_t *adjoint; /* ids by index, 0: none arrived */
} replay;

/* Sums over the dimensions along which the operand was broadcast, and casts: what ag_pass_deliver does with an array. */
static ag_tensor as_operand(ag_tape *t, uint32_t id, const ag_layout *operand)
{
    ag_tensor g = ag_handle(t, id);
    ag_shape to = ag_layout_shape(operand), from = ag_layout_shape(ag_layout_at(t, id));
    ag_dtype dtype = ag_layout_at(t, id)->dtype;
    ag_axes axes;
    ag_broadcast_axes(to, from, &axes);
    if (axes.count)
        g = ag_sum_over(g, axes, AG_KEEPDIM);
    if (!ag_shape_equal(from, to))
        g = ag_reshape(g, to);
    return dtype == operand->dtype ? g : ag_cast(g, operand->dtype);
}

static bool add_adjoint(replay *p, uint32_t id, ag_tensor g)
{
    uint32_t *to = &p->adjoint[AG_INDEX(id)];
    if (*to)
        g = ag_add(ag_handle(p->t, *to), g);
    *to = g.id;
    return g.id;
}

static bool any_arrived(const replay *p, uint32_t i, int outputs)
{
    for (int k = 0; k < (outputs ? outputs : 1); k++)
        if (p->adjoint[i + (uint32_t)k])
            return true;
    return false;
}

/* The adjoint of the node at index i, zeros where none arrived. */
static ag_tensor adjoint_at(const replay *p, uint32_t i)
{
    const ag_layout *l = ag_layout_at(p->t, i);
    return p->adjoint[i] ? ag_handle(p->t, p->adjoint[i]) : ag_zeros(p->t, l->dtype, ag_layout_shape(l));
}

static ag_status replay_node(replay *p, uint32_t i)
{
    ag_tape *t = p->t;
    ag_rule r;
    const ag_op *op = ag_op_at(t, t->headers[i].op);
    if (!any_arrived(p, i, op->outputs))
        return AG_OK;
    if (!ag_rule_begin(t, i, &r))
        return t->error.status;
    for (int k = 0; k < r.call.outputs; k++)
        r.dy[k] = adjoint_at(p, i + (uint32_t)k);
    ag_status status = t->error.status ? t->error.status : ag_rule_run(&r);
    for (int k = 0; k < r.call.count && !status; k++) {
        uint32_t dx;
        status = ag_rule_result(&r, k, &dx);
        if (status || !dx)
            continue;
        ag_tensor g = as_operand(t, dx, ag_layout_at(t, r.call.inputs[k]));
        if (!g.id || !add_adjoint(p, r.call.inputs[k], g))
            status = t->error.status;
    }
    return status;
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

ag_status ag_graph_gradients(ag_tape *t, uint32_t y, uint32_t dy, const ag_target *targets, size_t count,
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
    p.adjoint[AG_INDEX(y)] = dy;
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
