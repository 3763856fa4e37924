/* The end of a plain backward pass: adjoints become gradients. Nothing here can fail half-way: memory is
 * taken first. */
#include "ag/backward/routine.h"

static bool is_leaf(const ag_tape *t, uint32_t i)
{
    return t->headers[i].op == AG_OP_VARIABLE || t->headers[i].op == AG_OP_PERSISTENT;
}

static bool wanted(const ag_pass *s, uint32_t i)
{
    return s->t->headers[i].flags & AG_NEEDS && i <= s->top;
}

/* ---- making room */

static bool prepare_node(ag_pass *s, ag_node *d)
{
    ag_tape *t = s->t;
    if (t->headers[d->id].op == AG_OP_PERSISTENT)
        return ag_slot_gradient(t, &t->slots[d->input[0]]);
    if (d->grad)
        return true;
    if (!t->grad_free) {
        if (!ag_grow(t, (void **)&t->grads, &t->grad_capacity, sizeof *t->grads, (uint64_t)t->grad_count + 1))
            return false;
        t->grads[t->grad_count++] = (ag_stored){ 0 };
        t->grad_free = t->grad_count;
    }
    d->grad = t->grad_free;
    t->grad_free = t->grads[d->grad - 1].alias_id;
    t->grads[d->grad - 1] = (ag_stored){ 0 };
    return true;
}

static bool prepare_scalar(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    if (t->headers[i].op != AG_OP_PERSISTENT)
        return true;
    if (t->adjoints[i] == 0 && !s->reached) {
        s->reached = ag_reachable(t, s->y, s->first);
        if (!s->reached)
            return false;
    }
    return ag_slot_gradient(t, &t->slots[ag_leaf_slot(t, i)]);
}

static bool prepare(ag_pass *s)
{
    ag_tape *t = s->t;
    if (s->kept) {
        uint32_t before = t->retained_capacity;
        if (s->top >= before) {
            if (!ag_grow(t, (void **)&t->retained, &t->retained_capacity, sizeof *t->retained, t->capacity))
                return false;
            memset(t->retained + before, 0, (t->retained_capacity - before) * sizeof *t->retained);
        }
    }
    for (uint32_t k = ag_stop_from(t, s->first); k < t->stop_count && t->stops[k] <= s->top; k++) {
        uint32_t i = t->stops[k];
        if (!wanted(s, i))
            continue;
        ag_node *d = ag_node_or_null(t, i);
        if (d && d->adjoint ? !prepare_node(s, d) : !d && !prepare_scalar(s, i))
            return false;
    }
    return true;
}

/* ---- storing */

static void store_node(ag_pass *s, ag_node *d)
{
    ag_tape *t = s->t;
    bool persistent = t->headers[d->id].op == AG_OP_PERSISTENT;
    ag_stored *g = persistent ? &t->slots[d->input[0]].grad : &t->grads[d->grad - 1];
    ag_stored_changed(t, g);
    if (!persistent)
        ag_note_leave(s);
    if (!persistent && !g->data) {
        g->data = d->adjoint; /* the block changes hands */
        d->adjoint = NULL;
    } else if (g->data != d->adjoint) {
        ag_array to = {
            .data = g->data, .dtype = d->layout->dtype, .shape = { 1, { d->layout->size } }, .stride = { 1 }
        };
        ag_array from = to;
        from.data = d->adjoint;
        if (s->list)
            ag_note_arrays(s, AG_DO_COPY, &to, &from, g->arrived || g->begun);
        ag_copy_array(&to, &from, g->arrived || g->begun, t->options.threads);
    }
    if (s->list)
        ag_note_index(s, AG_DO_ARRIVED, d->input[0], 0);
    g->arrived = true;
    ag_pass_drop(s, d);
}

static void store_scalar(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    double g = t->adjoints[i];
    t->adjoints[i] = 0;
    if (s->list)
        ag_note_index(s, AG_DO_STORE, i, 0);
    if (t->headers[i].op == AG_OP_VARIABLE) {
        t->records[i].partial[0] += g;
        t->headers[i].flags |= AG_STORED;
    } else if (g != 0 || (s->reached && s->reached[i])) {
        ag_stored *to = &t->slots[ag_leaf_slot(t, i)].grad;
        ag_stored_changed(t, to);
        *(double *)to->data = to->arrived ? *(double *)to->data + g : g;
        to->arrived = true;
    }
}

ag_status ag_pass_commit(ag_pass *s)
{
    ag_tape *t = s->t;
    if (!prepare(s))
        return t->error.status;
    for (uint32_t k = ag_stop_from(t, s->first); k < t->stop_count && t->stops[k] <= s->top; k++) {
        uint32_t i = t->stops[k];
        ag_node *d = ag_node_or_null(t, i);
        if (d && d->adjoint)
            store_node(s, d);
        else if (!d && is_leaf(t, i) && wanted(s, i))
            store_scalar(s, i);
    }
    for (uint32_t i = s->first; s->kept && i <= s->top; i++)
        t->retained[i] += s->kept[i];
    return AG_OK;
}
