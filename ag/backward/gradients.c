/* The public face of differentiation. */
#include "ag/backward/backward.h"
#include "ag/ops.h"

ag_status ag_check_place(ag_tape *t, uint32_t y, bool busy, const char *who)
{
    if (t->closed || busy)
        return ag_fail(t, AG_EUSE, "%s: not inside an op's functions, a hook, an error handler or a gradient check",
                       who);
    if (AG_INDEX(y) < t->inner)
        return ag_fail(t, AG_EUSE,
                       "%s: in a rule, a hook or a checkpoint a pass can begin only at what was recorded there, in "
                       "rules and hooks after ag_enable_grad_begin",
                       who);
    return AG_OK;
}

/* ---- backward */

static AG_COLD ag_status several_elements(ag_tensor y, ag_shape s)
{
    const char *name = ag_name_of(y);
    char text[128];
    return ag_fail(y.tape, AG_ESHAPE,
                   "ag_backward: the tensor%s%s%s has shape %s, not one element; ag_mean or ag_sum makes a loss of it, "
                   "ag_backward_from takes an adjoint",
                   *name ? " '" : "", name, *name ? "'" : "", ag_shape_text(s, text, sizeof text));
}

static AG_COLD ag_status wrong_shape(ag_tape *t, const char *who, const ag_layout *given, const ag_layout *wanted)
{
    char a[128], b[128];
    return ag_fail(t, AG_ESHAPE, "%s: the adjoint has shape %s, the tensor %s", who,
                   ag_shape_text(ag_layout_shape(given), a, sizeof a),
                   ag_shape_text(ag_layout_shape(wanted), b, sizeof b));
}

static ag_status backward(ag_tensor y, const ag_tensor *dy, const char *who)
{
    ag_tape *t = y.tape;
    if (!t)
        return AG_ENULL;
    if (t->error.status)
        return t->error.status;
    uint32_t id = ag_find(t, y, who, 0), seed = 0;
    if (id && dy)
        seed = ag_resolve(t, *dy, who, 2);
    if (!id || (dy && !seed))
        return ag_refuse(t, who);
    ag_status status;
    const ag_layout *of = ag_layout_at(t, id);
    if (t->no_grad)
        return ag_fail(t, AG_EUSE, "%s: not between ag_no_grad_begin and ag_no_grad_end", who);
    status = ag_check_place(t, id, t->busy && !t->inner, who);
    if (!status && t->inner)
        status = ag_boundary_check(t, id, who);
    if (status)
        return status;
    if (!ag_needs(t, id))
        return ag_fail_constant(t, who);
    if (!dy && of->size != 1)
        return several_elements(y, ag_layout_shape(of));
    if (!dy)
        return ag_sweep(t, id, 0, NULL);
    const ag_layout *given = ag_layout_at(t, seed);
    if (!ag_layout_same_shape(given, of))
        return wrong_shape(t, who, given, of);
    if (!ag_is_float(given->dtype))
        return ag_fail(t, AG_EDTYPE, "%s: the adjoint is %s, not floating", who, ag_dtype_name(given->dtype));
    return ag_sweep(t, id, seed, NULL);
}

static ag_status counted(ag_tape *t, ag_tensor y, ag_status status)
{
    if (status || t->busy)
        return status;
    t->passes++;
    if (AG_UNLIKELY(t->options.debug))
        ag_watch_pass(t, y);
    return AG_OK;
}

ag_status ag_backward(ag_tensor y)
{
    return counted(y.tape, y, backward(y, NULL, "ag_backward"));
}

ag_status ag_backward_from(ag_tensor y, ag_tensor dy)
{
    return counted(y.tape, (ag_tensor){ 0 }, backward(y, &dy, "ag_backward_from"));
}

/* ---- gradients as results */

static bool set_target(ag_tape *t, ag_tensor x, ag_target *target, const char *who)
{
    if (x.tape == t && x.id & AG_TAG_PERSISTENT) {
        *target = (ag_target){ .slot = AG_INDEX(x.id) + 1 };
        return ag_slot_of(x, who);
    }
    uint32_t id = ag_resolve(t, x, who, 0);
    *target = (ag_target){ .id = id };
    return id;
}

/* What the sweep left for the target, as a transient tensor. */
static ag_tensor result(ag_tape *t, const ag_target *target)
{
    const ag_layout *l = ag_target_layout(t, target);
    if (!target->data)
        return ag_zeros(t, l->dtype, ag_layout_shape(l));
    ag_array a = ag_layout_array(l, target->data);
    if (!target->slot && t->headers[AG_INDEX(target->id)].op != AG_OP_PERSISTENT)
        ag_array_dense(&a); /* the adjoint of an intermediate is dense, whatever its strides */
    return ag_constant_of(t, &a);
}

static bool is_constant(const ag_tape *t, const ag_target *target)
{
    return !target->slot && !ag_needs(t, target->id);
}

static ag_status plain_gradients(ag_tape *t, uint32_t y, uint32_t dy, ag_targets *targets, ag_tensor *out)
{
    ag_status status = ag_needs(t, y) ? ag_sweep(t, y, dy, targets) : AG_OK;
    for (size_t i = 0; i < targets->count && !status; i++) {
        if (is_constant(t, &targets->at[i]))
            targets->at[i].data = NULL;
        out[i] = result(t, &targets->at[i]);
        if (!out[i].id)
            status = ag_refuse(t, "ag_gradients");
    }
    return status;
}

/* Results may be views of the adjoint that the pass begins with, so it cannot be written. */
static uint32_t ones_to_share(ag_tape *t, const ag_layout *l)
{
    uint32_t id = ag_ones(t, l->dtype, ag_layout_shape(l)).id;
    ag_node *d = id ? ag_node_or_null(t, id) : NULL;
    if (d)
        d->flags |= AG_NODE_READONLY;
    return id;
}

static ag_status graph_gradients(ag_tape *t, uint32_t y, uint32_t dy, ag_targets *targets, ag_tensor *out)
{
    if (!ag_settle_all(t))
        return t->error.status;
    const unsigned suspended = ag_enable_grad_begin(t);
    t->busy++;
    t->waiting.eager++;
    const ag_layout *l = ag_layout_at(t, y);
    /* a copy of the caller's adjoint, whose memory may be written: results can be views of it */
    dy = dy ? ag_mul_scalar(ag_handle(t, dy), 1).id : ones_to_share(t, l);
    ag_status status = dy ? ag_graph_gradients(t, y, dy, targets, out) : ag_refuse(t, "ag_gradients");
    t->waiting.eager--;
    t->busy--;
    ag_enable_grad_end(t, suspended);
    return status;
}

ag_status ag_find_gradients(ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *out, const char *who)
{
    ag_tape *t = y.tape;
    ag_target few[AG_FEW];
    ag_targets targets = { .at = few, .count = xs.count };
    if (!t)
        return AG_ENULL;
    for (size_t i = 0; out && i < xs.count; i++)
        out[i] = ag_inert(t);
    if (t->error.status)
        return t->error.status;
    if (!out || (!xs.at && xs.count))
        return ag_fail(t, AG_ENULL, "%s: the list or the results are NULL", who);
    if (flags & ~AG_CREATE_GRAPH)
        return ag_fail(t, AG_EARG, "%s: unknown flags %#x", who, (unsigned)flags);
    uint32_t id = ag_find(t, y, who, 1), seed = 0;
    if (id && dy.tape)
        seed = ag_resolve(t, dy, who, 2);
    if (!id || (dy.tape && !seed))
        return ag_refuse(t, who);
    ag_status status = ag_check_place(t, id, false, who);
    if (status)
        return status;
    if (!ag_is_float(ag_layout_at(t, id)->dtype))
        return ag_fail(t, AG_EDTYPE, "%s: only floating tensors have derivatives, not %s", who,
                       ag_dtype_name(ag_layout_at(t, id)->dtype));
    if (seed && !ag_is_float(ag_layout_at(t, seed)->dtype))
        return ag_fail(t, AG_EDTYPE, "%s: the adjoint is %s, not floating", who,
                       ag_dtype_name(ag_layout_at(t, seed)->dtype));
    if (seed && !ag_layout_same_shape(ag_layout_at(t, seed), ag_layout_at(t, id)))
        return wrong_shape(t, who, ag_layout_at(t, seed), ag_layout_at(t, id));
    if (!xs.count)
        return AG_OK;
    if (xs.count > AG_FEW)
        targets.at = ag_scratch(t, xs.count * sizeof *targets.at);
    if (!targets.at)
        return t->error.status;
    for (size_t i = 0; i < xs.count; i++)
        if (!set_target(t, xs.at[i], &targets.at[i], who))
            return ag_refuse(t, who);
    for (size_t i = 0; AG_UNLIKELY(t->options.debug) && i < xs.count; i++)
        ag_watch_unwanted(xs.at[i], who);
    if (!ag_targets_begin(t, &targets, id))
        return t->error.status;
    status = (flags & AG_CREATE_GRAPH ? graph_gradients : plain_gradients)(t, id, seed, &targets, out);
    ag_targets_end(t, &targets);
    for (size_t i = 0; status && i < xs.count; i++)
        out[i] = ag_inert(t);
    return status;
}

static ag_status watched(ag_status status, ag_tensor y, ag_list xs, const char *who)
{
    if (!status && AG_UNLIKELY(y.tape->options.debug))
        ag_watch_constant(y, xs, who);
    return status;
}

ag_status ag_gradients(ag_tensor y, ag_list xs, int flags, ag_tensor *out)
{
    return watched(ag_find_gradients(y, (ag_tensor){ 0 }, xs, flags, out, "ag_gradients"), y, xs, "ag_gradients");
}

/* The same where dy is not to be left out. */
static ag_status gradients_from(ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *out, const char *who)
{
    if (y.tape && !dy.tape)
        ag_fail(y.tape, AG_ENULL, "%s: the adjoint is absent", who);
    return watched(ag_find_gradients(y, dy, xs, flags, out, who), y, xs, who);
}

ag_status ag_gradients_from(ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *out)
{
    return gradients_from(y, dy, xs, flags, out, "ag_gradients_from");
}

ag_tensor ag_vjp(ag_tensor y, ag_tensor dy, ag_tensor x)
{
    ag_tensor out = ag_inert(y.tape);
    gradients_from(y, dy, AG_LIST(x), 0, &out, "ag_vjp");
    return out;
}

ag_status ag_vjps(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *out)
{
    return gradients_from(y, dy, xs, 0, out, "ag_vjps");
}

/* ---- stored gradients */

void ag_stored_changed(ag_tape *t, ag_stored *g)
{
    if (g->alias_epoch && ag_live(t, AG_INDEX(g->alias_id), g->alias_epoch))
        ag_mark_written(t, g->alias_id);
}

ag_status ag_grad_written(ag_tensor p)
{
    ag_slot *s = ag_slot_of(p, "ag_grad_written");
    if (!s)
        return ag_refuse(p.tape, "ag_grad_written");
    ag_stored_changed(p.tape, &s->grad);
    return AG_OK;
}

static ag_stored *stored_of(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_or_null(t, id);
    if (t->headers[AG_INDEX(id)].op == AG_OP_PERSISTENT)
        return &t->slots[ag_leaf_slot(t, id)].grad;
    return d && d->grad ? &t->grads[d->grad - 1] : NULL;
}

static bool may_have_gradient(const ag_tape *t, uint32_t id)
{
    const ag_header *h = &t->headers[AG_INDEX(id)];
    if (!(h->flags & AG_NEEDS))
        return false;
    return h->op == AG_OP_VARIABLE || h->op == AG_OP_PERSISTENT || h->flags & AG_RETAINED || t->options.keep_grads;
}

/* The id behind a handle whose gradient is asked for: 0 with the error reported. */
static uint32_t gradient_holder(ag_tensor x, const char *who)
{
    ag_tape *t = x.tape;
    uint32_t id = t ? ag_resolve(t, x, who, 0) : 0;
    if (id && !may_have_gradient(t, id)) {
        if (ag_needs(t, id))
            ag_fail(t, AG_EUSE,
                    "%s: the gradient of an intermediate result is kept only after ag_retain_grad, or with keep_grads",
                    who);
        else
            ag_fail_unwanted(x, who);
        return 0;
    }
    return id;
}

static double scalar_gradient(const ag_tape *t, uint32_t i)
{
    if (t->headers[i].op == AG_OP_VARIABLE)
        return t->headers[i].flags & AG_STORED ? t->records[i].partial[0] : 0;
    return t->retained && i < t->retained_capacity ? t->retained[i] : 0;
}

static ag_tensor show_stored(ag_tape *t, uint32_t id, ag_stored *g)
{
    const ag_layout *l = ag_layout_at(t, id);
    if (!g || !g->arrived)
        return ag_zeros(t, l->dtype, ag_layout_shape(l));
    if (g->alias_epoch && ag_live(t, AG_INDEX(g->alias_id), g->alias_epoch))
        return (ag_tensor){ t, g->alias_id, g->alias_epoch };
    if (l->rank == 0 && l->dtype == AG_F64)
        return ag_scalar_new(t, AG_OP_CONSTANT, *(double *)g->data);
    ag_array a = ag_layout_array(l, g->data);
    if (t->headers[AG_INDEX(id)].op != AG_OP_PERSISTENT)
        ag_array_dense(&a);
    const ag_layout *own = ag_layout_of_array(t, &a);
    ag_tensor alias = own ? ag_node_new(t, AG_OP_CONSTANT, own, g->data, NULL, 0, false) : ag_inert(t);
    if (alias.id) {
        ag_node_at(t, alias.id)->flags |= AG_NODE_READONLY;
        g->alias_id = alias.id;
        g->alias_epoch = alias.epoch;
    }
    return alias;
}

ag_tensor ag_grad(ag_tensor x)
{
    ag_tape *t = x.tape;
    uint32_t id = gradient_holder(x, "ag_grad");
    if (!id)
        return ag_inert(t);
    const ag_node *d = ag_node_or_null(t, id);
    bool record = t->headers[AG_INDEX(id)].op != AG_OP_PERSISTENT && ag_is_number(d);
    if (record)
        return ag_scalar_new(t, AG_OP_CONSTANT, scalar_gradient(t, AG_INDEX(id)));
    return show_stored(t, id, stored_of(t, id));
}

ag_status ag_zero_grad(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t)
        return AG_ENULL;
    t->last_pass = 0;
    if (x.id & AG_TAG_PERSISTENT) { /* without making a leaf */
        ag_slot *s = ag_slot_of(x, "ag_zero_grad");
        if (!s)
            return ag_refuse(t, "ag_zero_grad");
        ag_stored_changed(t, &s->grad);
        s->grad.arrived = false;
        s->zeroed++;
        return AG_OK;
    }
    uint32_t id = gradient_holder(x, "ag_zero_grad"), i = AG_INDEX(id);
    if (!id)
        return ag_refuse(t, "ag_zero_grad");
    ag_stored *g = stored_of(t, id);
    if (g) {
        ag_stored_changed(t, g);
        g->arrived = false;
        return AG_OK;
    }
    if (t->headers[i].op == AG_OP_VARIABLE && !ag_node_or_null(t, id)) {
        t->records[i].partial[0] = 0;
        t->headers[i].flags &= (uint16_t)~AG_STORED;
    } else if (t->retained && i < t->retained_capacity) {
        t->retained[i] = 0;
    }
    return AG_OK;
}

ag_status ag_retain_grad(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t)
        return AG_ENULL;
    uint32_t id = ag_resolve(t, x, "ag_retain_grad", 0);
    if (!id)
        return ag_refuse(t, "ag_retain_grad");
    if (!ag_needs(t, id))
        return ag_fail_unwanted(x, "ag_retain_grad");
    uint32_t i = AG_INDEX(id);
    bool kept = t->headers[i].flags & AG_RETAINED || t->options.keep_grads;
    t->headers[i].flags |= AG_RETAINED;
    if (id & AG_TAG_RANKED)
        return AG_OK;
    if (!kept && t->retained && i < t->retained_capacity)
        t->retained[i] = 0; /* what arrived in passes that kept the gradients of other numbers */
    t->any_retained = true;
    return AG_OK;
}
