/* Where contributions go in a plain backward pass: the adjoints of operands, un-broadcast and cast on the way. */
#include "ag/backward/backward.h"

ag_array ag_pass_adjoint(const ag_tape *t, const ag_node *d)
{
    ag_array a = ag_layout_array(d->layout, d->adjoint);
    if (!d->layout->dense && t->headers[d->id].op != AG_OP_PERSISTENT)
        ag_array_dense(&a);
    return a;
}

void *ag_pass_place(ag_pass *s, ag_node *d, bool *add)
{
    *add = d->adjoint;
    if (d->adjoint)
        return d->adjoint;
    ag_slot *slot = ag_pass_direct(s, d);
    if (!slot)
        return d->adjoint = ag_pool_take(s->t, ag_layout_bytes(d->layout));
    if (!ag_slot_gradient(s->t, slot))
        return NULL;
    d->flags |= AG_NODE_DIRECT;
    slot->grad.begun = true;
    return d->adjoint = slot->grad.data;
}

bool ag_pass_target(ag_pass *s, ag_node *d, ag_array *to, bool *add)
{
    if (!ag_pass_place(s, d, add))
        return false;
    *to = ag_pass_adjoint(s->t, d);
    return true;
}

void ag_pass_drop(ag_pass *s, ag_node *d)
{
    if (d->flags & AG_NODE_DIRECT)
        s->t->slots[d->input[0]].grad.begun = false;
    else if (d->adjoint)
        ag_pool_give(s->t, d->adjoint, ag_layout_bytes(d->layout));
    d->adjoint = NULL;
    d->flags &= (uint8_t)~AG_NODE_DIRECT;
}

bool ag_pass_deliver(ag_pass *s, uint32_t id, const ag_array *contribution, double scale)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, id);
    bool record = !d || !d->data, number = record || d->layout->rank == 0, add;
    double sum = 0;
    ag_array to = ag_layout_array(&ag_scalar_layouts[AG_F64], &sum), total = to;
    if (number) {
        if (ag_is_float(contribution->dtype) && ag_array_is_dense(contribution))
            sum =
                ag_sum_floats(contribution->dtype, contribution->data, ag_array_size(contribution), t->options.threads);
        else
            ag_reduce_to(&to, contribution, false, t->options.threads);
        sum *= scale;
        contribution = &total;
    }
    if (record)
        t->adjoints[AG_INDEX(id)] += sum;
    else if (ag_pass_target(s, d, &to, &add))
        ag_reduce_to(&to, contribution, add, t->options.threads);
    else
        return false;
    return true;
}
