/* One evaluation of a checked function. A transient input is a leaf with the point's values, made for each evaluation.
 * A persistent one is written in place, since f may know it by a handle of its own, and is put back in the end: its
 * values, its gradient, and the leaves through which the step used it before. */
#include "ag/check/check.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- failing */

bool ag_evaluation_fail(ag_evaluation *v, ag_verdict verdict, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(v->result->text, sizeof v->result->text, format, list);
    va_end(list);
    v->result->report.verdict = verdict;
    return false;
}

/* An error is pending: memory and limits say nothing about f. */
bool ag_evaluation_fail_pending(ag_evaluation *v, const char *what)
{
    ag_status s = v->t->error.status;
    bool resources = s == AG_ENOMEM || s == AG_ELIMIT;
    return ag_evaluation_fail(v, resources ? AG_INCONCLUSIVE : AG_FAIL, "%s: %s: %s", what, ag_status_name(s),
                              v->t->error.text);
}

/* ---- holding what persistent tensors are */

struct ag_check_held {
    ag_slot slot;
    void *value, *grad; /* copies; grad NULL: none had arrived */
};

static ag_tensor persistent(const ag_evaluation *v, size_t i)
{
    return v->p->persistent ? v->p->persistent[i] : (ag_tensor){ 0 };
}

static ag_slot *slot_of(const ag_evaluation *v, size_t i)
{
    return &v->t->slots[AG_INDEX(persistent(v, i).id)];
}

static void *copy_of(ag_tape *t, const void *from, size_t bytes)
{
    void *copy = ag_scratch(t, bytes);
    return copy ? memcpy(copy, from, bytes) : NULL;
}

static bool hold(ag_evaluation *v, size_t i, ag_check_held *to)
{
    const ag_slot *s = slot_of(v, i);
    size_t bytes = (size_t)s->layout->size * sizeof(double);
    to->value = copy_of(v->t, s->data, bytes);
    to->grad = s->grad.arrived ? copy_of(v->t, s->grad.data, bytes) : NULL;
    to->slot = *s;
    return to->value && (to->grad || !s->grad.arrived);
}

/* While they are held they have no leaf and no gradient that was given out, so that no write marks anything outside. */
bool ag_evaluation_hold(ag_evaluation *v)
{
    size_t count = v->p->persistent ? v->p->inputs : 0;
    ag_check_held *held = ag_scratch(v->t, count * sizeof *held);
    if (!held)
        return false;
    for (size_t i = 0; i < count; i++)
        if (persistent(v, i).tape && !hold(v, i, &held[i]))
            return false;
    for (size_t i = 0; i < count; i++) {
        ag_slot *s = persistent(v, i).tape ? slot_of(v, i) : NULL;
        if (s)
            s->leaf_epoch = s->first_epoch = s->grad.alias_epoch = 0;
    }
    v->held = held;
    return true;
}

static void put_back(ag_slot *s, const ag_check_held *h)
{
    size_t bytes = (size_t)s->layout->size * sizeof(double);
    memcpy(s->data, h->value, bytes);
    if (h->grad)
        memcpy(s->grad.data, h->grad, bytes);
    s->grad.arrived = h->slot.grad.arrived;
    s->grad.alias_id = h->slot.grad.alias_id;
    s->grad.alias_epoch = h->slot.grad.alias_epoch;
    s->leaf_id = h->slot.leaf_id;
    s->leaf_epoch = h->slot.leaf_epoch;
    s->first_id = h->slot.first_id;
    s->first_epoch = h->slot.first_epoch;
    s->handle = h->slot.handle;
}

void ag_evaluation_end(ag_evaluation *v)
{
    for (size_t i = 0; v->held && v->p->persistent && i < v->p->inputs; i++)
        if (persistent(v, i).tape)
            put_back(slot_of(v, i), &v->held[i]);
    v->held = NULL;
}

/* ---- giving them to f */

/* A buffer wants no gradient, but one that is checked gets it. */
static bool write_in_place(ag_evaluation *v, size_t i, const double *x)
{
    ag_tape *t = v->t;
    ag_slot *s = ag_slot_of(persistent(v, i), "ag_gradcheck");
    if (!s)
        return false;
    ag_array to = ag_layout_array(s->layout, s->data), from = to;
    from.data = (void *)(uintptr_t)x;
    ag_array_dense(&from);
    ag_copy_array(&to, &from, false, t->options.threads);
    s->leaf_epoch = s->first_epoch = 0;
    v->leaf[i] = persistent(v, i);
    uint32_t id = ag_resolve(t, v->leaf[i], "ag_gradcheck", 0);
    if (id) {
        t->headers[AG_INDEX(id)].flags |= AG_NEEDS;
        ag_echo_stop(t);
    }
    return id;
}

/* Rank 0 as records, as a caller's variables are. */
static bool make_leaves(ag_evaluation *v)
{
    const double *x = v->point;
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        if (persistent(v, i).tape)
            write_in_place(v, i, x);
        else if (v->p->shape[i].rank == 0)
            v->leaf[i] = ag_variable(v->t, x[0]);
        else
            v->leaf[i] = ag_require_grad(ag_from(v->t, AG_F64, v->p->shape[i], x, (size_t)size * sizeof *x));
        x += size;
    }
    return !v->t->error.status;
}

/* ---- the call */

static bool check_output(ag_evaluation *v, int k)
{
    ag_tensor y = v->y[k];
    if (!y.tape || (y.tape == v->t && !y.id))
        return ag_evaluation_fail(v, AG_FAIL, "f returned no usable tensor, and no error");
    if (y.tape != v->t)
        return ag_evaluation_fail(v, AG_FAIL, "f returned a tensor of another tape");
    if (!ag_ok(y))
        return ag_evaluation_fail(v, AG_FAIL, "f returned a stale tensor");
    if (v->m && (ag_dtype_of(y) != v->dtype[k] || !ag_shape_equal(ag_shape_of(y), v->shape[k])))
        return ag_evaluation_fail(v, AG_FAIL, "the size or dtype of f's value is not the same in every evaluation");
    return true;
}

/* What f may have left open on the tape, as it was before. */
static bool close_scopes(ag_evaluation *v, uint32_t no_grad, int scopes, int hidden)
{
    ag_tape *t = v->t;
    t->no_grad = no_grad;
    t->scope_count = scopes;
    ag_set_recording(t);
    if (t->hidden_count == hidden)
        return true;
    t->hidden_count = hidden;
    if (hidden)
        t->hidden[hidden - 1] = *v->hidden;
    t->error.status = AG_OK;
    return ag_evaluation_fail(v, AG_FAIL,
                              "f calls ag_error_push and ag_error_pop, but not the one as often as the other");
}

/* f at the point, from the same random numbers each time. It may neither reset nor rewind. */
bool ag_evaluation_run(ag_evaluation *v)
{
    ag_tape *t = v->t;
    t->random_calls = v->random_calls;
    if (!make_leaves(v))
        return ag_evaluation_fail_pending(v, "the inputs");
    for (int k = 0; k < v->p->outputs; k++)
        v->y[k] = (ag_tensor){ 0 };
    uint32_t no_grad = t->no_grad;
    int scopes = t->scope_count, hidden = t->hidden_count;
    t->busy++;
    v->p->run(v->p, v->leaf, v->y);
    t->busy--;
    if (!close_scopes(v, no_grad, scopes, hidden))
        return false;
    if (t->error.status)
        return ag_evaluation_fail_pending(v, "f failed");
    for (int k = 0; k < v->p->outputs; k++)
        if (!check_output(v, k))
            return false;
    return true;
}

/* ---- does f use its inputs? */

static bool is_leaf_of(const ag_tape *t, uint32_t i, uint32_t slot)
{
    const ag_node *d = ag_node_or_null(t, i);
    return t->headers[i].op == AG_OP_PERSISTENT && (d ? d->input[0] : t->records[i].parent[1]) == slot;
}

static bool is_reached(const ag_evaluation *v, size_t i, const uint8_t *mask, uint32_t y)
{
    const ag_tape *t = v->t;
    ag_tensor p = persistent(v, i);
    if (!p.tape)
        return AG_INDEX(v->leaf[i].id) <= y && mask[AG_INDEX(v->leaf[i].id)];
    for (uint32_t k = 0; k < t->stop_count && t->stops[k] <= y; k++)
        if (mask[t->stops[k]] && is_leaf_of(t, t->stops[k], AG_INDEX(p.id)))
            return true;
    return false;
}

static bool shows(const ag_evaluation *v, uint32_t id,
                  size_t i) /* the values of persistent input i, or a view of them */
{
    const ag_node *d = ag_node_or_null(v->t, AG_INDEX(id));
    uint32_t leaf = d ? v->t->nodes[d->owner].id : AG_INDEX(id);
    return is_leaf_of(v->t, leaf, AG_INDEX(persistent(v, i).id));
}

/* A result from before the check keeps its value when the persistent tensor that it was computed from is changed, and
 * still passes its gradient on. */
static bool is_outdated(const ag_evaluation *v, size_t i, const uint8_t *mask, uint32_t y)
{
    const ag_tape *t = v->t;
    for (uint32_t n = 1; persistent(v, i).tape && n < v->begin && n <= y; n++) {
        if (!mask[n] || t->headers[n].op < AG_OP_FIRST || ag_op_at(t, t->headers[n].op)->flags & AG_VIEW)
            continue;
        const ag_node *d = ag_node_or_null(t, n);
        const uint32_t *inputs = d ? ag_node_inputs(d) : t->records[n].parent;
        for (int k = 0; k < (d ? d->inputs : 2); k++)
            if (shows(v, inputs[k], i))
                return true;
    }
    return false;
}

bool ag_evaluation_reach(ag_evaluation *v, ag_tensor of)
{
    ag_tape *t = v->t;
    uint32_t y = AG_INDEX(ag_resolve(t, of, "ag_gradcheck", 0));
    uint8_t *mask = y ? ag_reachable(t, y, 1) : NULL;
    if (!mask)
        return ag_evaluation_fail_pending(v, "the check");
    bool fine = true;
    for (size_t i = 0; i < v->p->inputs && fine; i++) {
        v->reached[i] |= is_reached(v, i, mask, y);
        fine = !is_outdated(v, i, mask, y);
        if (!fine)
            ag_evaluation_fail(
                v, AG_INCONCLUSIVE,
                "f reads a tensor that was computed from input %zu before the check, and does not follow "
                "it: compute it in f, or see ag_detach",
                i);
    }
    ag_pool_give(t, mask, (size_t)y + 1);
    return fine;
}
