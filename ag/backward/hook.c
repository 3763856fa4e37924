/* Hooks: functions of the caller's that see an adjoint when it is complete, and may replace it. A pass on a tape that has
 * any is careful from its first attempt, so that it calls them once. */
#include "ag/backward/backward.h"
#include "ag/ops.h"

/* ---- giving one */

static uint32_t first_hook(const ag_tape *t, uint32_t index) /* the place of the first one of this index or above */
{
    return ag_first_from(t->hooks, t->hook_count, sizeof *t->hooks, offsetof(ag_hooked, index), index);
}

/* A number's record is no stop of passes until it has a hook. */
static bool make_stop(ag_tape *t, uint32_t i)
{
    const uint32_t at = ag_stop_from(t, i);
    if (at < t->stop_count && t->stops[at] == i)
        return true;
    if (!ag_grow(t, (void **)&t->stops, &t->stop_capacity, sizeof *t->stops, (uint64_t)t->stop_count + 1))
        return false;
    memmove(&t->stops[at + 1], &t->stops[at], (t->stop_count++ - at) * sizeof *t->stops);
    t->stops[at] = i;
    return true;
}

static ag_status hook_node(ag_tape *t, uint32_t i, ag_hook_function *f, void *user)
{
    if (!ag_grow(t, (void **)&t->hooks, &t->hook_capacity, sizeof *t->hooks, (uint64_t)t->hook_count + 1) ||
        !make_stop(t, i))
        return t->error.status;
    const uint32_t at = first_hook(t, i + 1);
    memmove(&t->hooks[at + 1], &t->hooks[at], (t->hook_count++ - at) * sizeof *t->hooks);
    t->hooks[at] = (ag_hooked){ f, user, i };
    t->headers[i].flags |= AG_HOOKED;
    t->hooked_again |= t->modes.notes > 0;
    return AG_OK;
}

static ag_status hook_slot(ag_tape *t, uint32_t index, ag_hook_function *f, void *user)
{
    ag_slot *s = &t->slots[index];
    if (!ag_grow(t, (void **)&s->hooks, &s->hook_capacity, sizeof *s->hooks, (uint64_t)s->hook_count + 1))
        return t->error.status;
    s->hooks[s->hook_count++] = (ag_hooked){ f, user, 0 };
    t->slot_hooks++;
    for (uint32_t k = 0; k < t->stop_count; k++)
        if (t->headers[t->stops[k]].op == AG_OP_PERSISTENT && ag_leaf_slot(t, t->stops[k]) == index)
            t->headers[t->stops[k]].flags |= AG_HOOKED;
    return AG_OK;
}

ag_status ag_hook(ag_tensor x, ag_hook_function *f, void *user)
{
    ag_tape *t = x.tape;
    if (!t)
        return AG_ENULL;
    const bool persistent = x.id & AG_TAG_PERSISTENT;
    const ag_slot *s = persistent ? ag_slot_of(x, "ag_hook") : NULL;
    const uint32_t id = persistent ? 0 : ag_resolve(t, x, "ag_hook", 0), i = AG_INDEX(id);
    if (persistent ? !s : !id)
        return ag_refuse(t, "ag_hook");
    if (!f)
        return ag_fail(t, AG_ENULL, "ag_hook: the function is NULL");
    if (t->closed || (t->inner && (persistent || i < t->inner)))
        return ag_fail(t, AG_EUSE,
                       "ag_hook: not inside an error handler or an op's functions, nor in a rule, a hook or a "
                       "checkpoint for a tensor that was there before");
    if (persistent ? s->param : ag_needs(t, id))
        return persistent ? hook_slot(t, AG_INDEX(x.id), f, user) : hook_node(t, i, f, user);
    return ag_fail_unwanted(x, "ag_hook");
}

/* ---- calling them */

static const ag_hooked *hook_at(const ag_tape *t, uint32_t i, uint32_t k) /* the k-th of the node at i; NULL: no more */
{
    if (t->headers[i].op == AG_OP_PERSISTENT) {
        const ag_slot *s = &t->slots[ag_leaf_slot(t, i)];
        return k < s->hook_count ? &s->hooks[k] : NULL;
    }
    const uint32_t at = first_hook(t, i) + k;
    return at < t->hook_count && t->hooks[at].index == i ? &t->hooks[at] : NULL;
}

/* What a hook of the node at i gave, if that can take the adjoint's place. Inert: reported. */
static ag_tensor accept(ag_tape *t, uint32_t i, ag_tensor given)
{
    const ag_layout *x = ag_layout_at(t, i);
    char own[128], other[128], who[192];
    const char *name = ag_operand_name(t, i);
    snprintf(who, sizeof who, "ag_hook: the hook%s%.100s%s", *name ? " of '" : "", name, *name ? "'" : "");
    const uint32_t id = ag_resolve(t, given, who, 0);
    if (!id) {
        ag_refuse(t, who);
        return ag_inert(t);
    }
    const ag_layout *l = ag_layout_at(t, id);
    if (!ag_layout_same_shape(l, x))
        ag_fail(t, AG_ESHAPE, "%s gave %s for an adjoint of shape %s", who,
                ag_shape_text(ag_layout_shape(l), other, sizeof other),
                ag_shape_text(ag_layout_shape(x), own, sizeof own));
    else if (!ag_is_float(l->dtype))
        ag_fail(t, AG_EDTYPE, "%s gave %s for an adjoint, which is floating; see ag_cast", who,
                ag_dtype_name(l->dtype));
    return t->error.status ? ag_inert(t) : ag_handle(t, id);
}

/* The adjoint g after all hooks of the node at i. Inert: one has failed. */
static ag_tensor call_all(ag_tape *t, uint32_t i, ag_tensor g)
{
    const ag_hooked *h;
    for (uint32_t k = 0; g.id && (h = hook_at(t, i, k)); k++) {
        const ag_inner_pass before = ag_inner_begin(t);
        ag_tensor given = h->f(g, h->user);
        ag_inner_end(t, before);
        if (t->error.status)
            return ag_inert(t);
        if (given.tape)
            g = accept(t, i, given);
    }
    return g;
}

uint32_t ag_leaf_below(const ag_tape *t, uint32_t i, uint32_t low)
{
    if (t->headers[i].op != AG_OP_PERSISTENT)
        return 0;
    const uint32_t slot = ag_leaf_slot(t, i);
    if (AG_LIKELY(AG_INDEX(t->slots[slot].first_id) == i))
        return 0;
    for (uint32_t k = ag_stop_from(t, i); k-- > 0 && t->stops[k] >= low;)
        if (t->headers[t->stops[k]].op == AG_OP_PERSISTENT && ag_leaf_slot(t, t->stops[k]) == slot)
            return t->stops[k];
    return 0;
}

/* The finite checks after the hooks of the node at index i, whose adjoint was finite before, or not. */
static ag_status check_finite(ag_tape *t, ag_suspects *s, uint32_t i, const ag_array *adjoint, bool was_finite)
{
    const int64_t at = ag_find_nonfinite(adjoint, 0);
    const char *name = ag_operand_name(t, i);
    char shape[128];
    if (at < 0 && s->by_index)
        s->by_index[i] = NULL;
    if (at < 0 || !was_finite)
        return t->headers[i].op < AG_OP_OUTPUT ? ag_suspects_at(t, s, i) : AG_OK;
    return ag_fail(t, AG_EVALUE, "ag_hook: a hook%s%s%s makes element %lld of a finite adjoint, %s, %s",
                   *name ? " of '" : "", name, *name ? "'" : "", (long long)at,
                   ag_shape_text(adjoint->shape, shape, sizeof shape), ag_nonfinite_text(ag_array_get(adjoint, at)));
}

/* ---- in a plain pass */

static ag_array adjoint_array(const ag_tape *t, uint32_t i)
{
    const ag_node *d = ag_node_or_null(t, i);
    ag_array a;
    if (ag_is_number(d))
        return ag_dense_array(AG_SCALAR, AG_F64, &t->adjoints[i]);
    ag_pass_adjoint(t, d, &a);
    return a;
}

/* The adjoint of a leaf goes to another one of the same tensor. */
static ag_status move_adjoint(ag_pass *s, uint32_t i, uint32_t below)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, i);
    ag_array a = adjoint_array(t, i);
    const ag_suspect **by = s->suspects.by_index;
    if (!ag_pass_deliver(s, below, &a))
        return t->error.status;
    if (ag_is_number(d))
        t->adjoints[i] = 0;
    else
        ag_pass_drop(s, d);
    if (by && !by[below])
        by[below] = by[i];
    return AG_OK;
}

static ag_status replace(ag_tape *t, uint32_t i, ag_tensor first, ag_tensor last)
{
    if (!last.id || last.id == first.id)
        return t->error.status;
    ag_array to = adjoint_array(t, i), from = ag_array_of(t, last.id);
    const ag_node *d = ag_node_or_null(t, first.id), *e = ag_node_or_null(t, last.id);
    if (d && e && e->owner == d->owner) { /* a view of what is about to be written */
        ag_array copy = ag_dense_array(from.shape, from.dtype, ag_scratch(t, ag_layout_bytes(e->layout)));
        if (!copy.data)
            return t->error.status;
        ag_copy_array(&copy, &from, false, t->options.threads);
        from = copy;
    }
    ag_copy_array(&to, &from, false, t->options.threads);
    return AG_OK;
}

static ag_status call_aside(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    ag_interlude aside;
    if (!ag_interlude_begin(t, &aside))
        return t->error.status;
    ag_no_grad_begin(t);
    const ag_tensor first = ag_pass_adjoint_handle(s, i, NULL);
    const ag_tensor last = first.id ? call_all(t, i, first) : first;
    ag_status status = replace(t, i, first, last);
    ag_interlude_end(t, &aside);
    return status;
}

ag_status ag_pass_hooks(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    const ag_node *d = ag_node_or_null(t, i);
    const bool checked = t->options.check_finite && !t->rules;
    if (t->headers[i].op == AG_OP_PERSISTENT && s->first > 1) /* the outer pass has the rest of its adjoint */
        return AG_OK;
    if (ag_is_number(d) ? !ag_pass_arrived(s, i, t->adjoints[i]) : !d->adjoint)
        return t->error.status;
    const uint32_t below = ag_leaf_below(t, i, s->low);
    if (below)
        return move_adjoint(s, i, below);
    ag_array a = adjoint_array(t, i);
    const bool finite = checked && ag_find_nonfinite(&a, 0) < 0;
    ag_status status = call_aside(s, i);
    if (status || !checked)
        return status;
    a = adjoint_array(t, i);
    return check_finite(t, &s->suspects, i, &a, finite);
}

/* ---- in a pass that records */

ag_status ag_graph_hooks(ag_tape *t, uint32_t i, uint32_t *adjoint, ag_suspects *suspects)
{
    const bool checked = t->options.check_finite && !t->rules;
    const ag_dtype dtype = ag_layout_at(t, i)->dtype;
    if (t->headers[i].op == AG_OP_PERSISTENT && t->inner)
        return AG_OK;
    ag_array a = ag_array_of(t, *adjoint);
    const bool finite = checked && ag_find_nonfinite(&a, 0) < 0;
    ag_tensor g = call_all(t, i, ag_handle(t, *adjoint));
    if (g.id && ag_layout_at(t, g.id)->dtype != dtype)
        g = ag_cast(g, dtype);
    if (!g.id)
        return t->error.status;
    *adjoint = g.id;
    a = ag_array_of(t, g.id);
    return checked ? check_finite(t, suspects, i, &a, finite) : AG_OK;
}
