/* Where contributions go in a plain backward pass: the adjoints of operands, un-broadcast and cast on the way. */
#include "ag/backward/routine.h"

void ag_pass_adjoint(const ag_tape *t, const ag_node *d, ag_array *a)
{
    *a = ag_layout_array(d->layout, d->adjoint);
    if (!d->layout->dense && t->headers[d->id].op != AG_OP_PERSISTENT)
        ag_array_dense(a);
}

void *ag_pass_place(ag_pass *s, ag_node *d, bool *add)
{
    *add = d->adjoint;
    if (d->adjoint)
        return d->adjoint;
    ag_slot *slot = ag_pass_direct(s, d);
    if (AG_UNLIKELY(s->stacks))
        return d->adjoint = ag_stack_place(s, d);
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
    ag_pass_adjoint(s->t, d, to);
    return true;
}

void ag_pass_drop(ag_pass *s, ag_node *d)
{
    if (d->flags & AG_NODE_DIRECT)
        s->t->slots[d->input[0]].grad.begun = false;
    else if (d->adjoint && !s->stacks)
        ag_pool_give(s->t, d->adjoint, ag_layout_bytes(d->layout));
    d->adjoint = NULL;
    d->flags &= (uint8_t)~AG_NODE_DIRECT;
}

bool ag_pass_deliver_number(ag_pass *s, uint32_t id, double contribution, const double *noted)
{
    ag_node *d = ag_node_or_null(s->t, id);
    void *to = NULL;
    bool add = true;
    if (!ag_is_number(d) && !(to = ag_pass_place(s, d, &add)))
        return false;
    if (s->list)
        ag_note_number(s, id, to, add, noted);
    if (!to) {
        s->t->adjoints[AG_INDEX(id)] += contribution;
        return true;
    }
    if (d->layout->dtype == AG_F32)
        *(float *)to = add ? *(float *)to + (float)contribution : (float)contribution;
    else
        *(double *)to = add ? *(double *)to + contribution : contribution;
    return true;
}

static double sum_of(ag_pass *s, const ag_array *a, const double **noted)
{
    const int threads = s->t->options.threads;
    double sum = 0;
    const ag_array to = ag_layout_array(&ag_scalar_layouts[AG_F64], &sum);
    *noted = NULL;
    if (ag_is_float(a->dtype) && ag_array_is_dense(a)) {
        if (s->list)
            *noted = ag_note_sum(s, a->dtype, a->data, ag_array_size(a), 1);
        return ag_sum_floats(a->dtype, a->data, ag_array_size(a), threads);
    }
    ag_reduce_to(&to, a, false, threads);
    return sum;
}

bool ag_pass_deliver(ag_pass *s, uint32_t id, const ag_array *contribution)
{
    const int threads = s->t->options.threads;
    ag_node *d = ag_node_or_null(s->t, id);
    ag_array to;
    bool add;
    if (ag_is_number(d) || d->layout->rank == 0) {
        const double *noted, sum = sum_of(s, contribution, &noted);
        return ag_pass_deliver_number(s, id, sum, noted);
    }
    if (!ag_pass_target(s, d, &to, &add))
        return false;
    if (s->list)
        ag_note_arrays(s, AG_DO_REDUCE, &to, contribution, add);
    ag_reduce_to(&to, contribution, add, threads);
    return true;
}
