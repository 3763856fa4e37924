/* The backward pass that records: adjoints are tensors, contributions are made by the ops' rules in ag ops on the
 * values of the parents, so that the gradients can be differentiated again. */
#include "ag/backward/backward.h"
#include "ag/ops.h"

typedef struct replay {
    ag_tape *t;
    const ag_targets *targets;
    uint32_t *adjoint; /* ids by index, 0: none arrived */
    uint32_t begin;    /* the first id of what the pass records */
    ag_suspects suspects;
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
    for (int k = 0; k < outputs; k++)
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

/* For observers. */
static ag_array observed_adjoint(const ag_event *e, uint32_t id)
{
    const replay *p = e->pass;
    const uint32_t adjoint = p->adjoint[AG_INDEX(id)];
    return adjoint ? ag_array_of(p->t, adjoint) : (ag_array){ 0 };
}

static ag_status replay_op(replay *p, uint32_t i)
{
    ag_tape *t = p->t;
    ag_rule r;
    if (!ag_rule_begin(t, i, p->targets, &r))
        return t->error.status;
    for (int k = 0; k < r.call.outputs; k++)
        r.dy[k] = adjoint_at(p, i + (uint32_t)k);
    ag_event e = { .call = &r.call, .adjoint = observed_adjoint, .pass = p, .suspects = &p->suspects };
    ag_status status = t->error.status;
    if (!status && AG_UNLIKELY(t->observed))
        status = ag_observe(&e, AG_ARRIVED);
    if (!status)
        status = ag_rule_run(&r);
    for (int k = 0; k < r.call.count && !status; k++) {
        uint32_t dx;
        status = ag_rule_result(&r, k, &dx);
        if (status || !dx)
            continue;
        ag_tensor g = as_operand(t, dx, ag_layout_at(t, r.call.inputs[k]));
        if (!g.id || !add_adjoint(p, r.call.inputs[k], g))
            status = t->error.status;
    }
    return status || AG_LIKELY(!t->observed) ? status : ag_observe(&e, AG_PASSED_ON);
}

static ag_status replay_node(replay *p, uint32_t i)
{
    ag_tape *t = p->t;
    if (!any_arrived(p, i, ag_op_results(ag_op_at(t, t->headers[i].op))))
        return AG_OK;
    if (AG_LIKELY(!t->observed))
        return replay_op(p, i);
    ag_observe_enter(t, NULL);
    ag_status status = replay_op(p, i);
    ag_observe_leave(t, NULL);
    return status;
}

static ag_status replay_hooks(replay *p, uint32_t i, uint32_t low)
{
    const uint32_t below = ag_leaf_below(p->t, i, low);
    if (!below)
        return ag_graph_hooks(p->t, i, &p->adjoint[i], &p->suspects);
    const bool added = add_adjoint(p, below, ag_handle(p->t, p->adjoint[i]));
    p->adjoint[i] = 0;
    return added ? AG_OK : p->t->error.status;
}

/* The sum of the adjoints of a persistent tensor's leaves, for each target that is one. */
static ag_status take_leaves(const replay *p, const ag_targets *targets, ag_tensor *out)
{
    ag_tape *t = p->t;
    for (uint32_t n = 0; targets->of_slot && n < t->stop_count && t->stops[n] <= targets->top; n++) {
        uint32_t i = t->stops[n];
        for (size_t k = p->adjoint[i] ? ag_targets_at_leaf(t, targets, i) : 0; k; k = targets->at[k - 1].next) {
            ag_tensor g = ag_handle(t, p->adjoint[i]), *to = &out[k - 1];
            *to = to->id ? ag_add(*to, g) : g;
            if (!to->id)
                return t->error.status;
        }
    }
    return AG_OK;
}

static ag_status take_all(const replay *p, const ag_targets *targets, ag_tensor *out)
{
    ag_tape *t = p->t;
    for (size_t k = 0; k < targets->count; k++) {
        uint32_t i = AG_INDEX(targets->at[k].id); /* 0 for a persistent tensor; a constant may be y itself */
        bool arrived = i && i <= targets->top && p->adjoint[i] && ag_needs(t, i);
        out[k] = arrived ? ag_handle(t, p->adjoint[i]) : ag_inert(t);
    }
    ag_status status = take_leaves(p, targets, out);
    for (size_t k = 0; k < targets->count && !status; k++) {
        const ag_layout *l = ag_target_layout(t, &targets->at[k]);
        if (!out[k].id)
            out[k] = ag_zeros(t, l->dtype, ag_layout_shape(l));
        else if (AG_INDEX(out[k].id) < p->begin) /* a tensor of before, which may be written or rewound */
            out[k] = ag_mul_scalar(out[k], 1);
        status = out[k].id ? AG_OK : t->error.status;
    }
    return status;
}

static ag_status pass(ag_tape *t, uint32_t y, uint32_t dy, const ag_targets *targets, ag_tensor *out)
{
    replay p = { .t = t, .targets = targets, .begin = ag_next(t) };
    size_t bytes = ((size_t)targets->top + 1) * sizeof *p.adjoint;
    p.adjoint = ag_pool_take(t, bytes);
    if (!p.adjoint)
        return t->error.status;
    memset(p.adjoint, 0, bytes);
    p.adjoint[AG_INDEX(y)] = dy;
    p.suspects.count = (size_t)targets->top + 1;
    ag_status status = AG_OK;
    const uint32_t low = t->inner > targets->low ? t->inner : targets->low;
    for (uint32_t i = targets->top; i >= low && !status; i--) {
        if (AG_UNLIKELY(t->headers[i].flags & AG_HOOKED) && targets->wanted[i] && p.adjoint[i])
            status = replay_hooks(&p, i, low);
        if (!status && targets->wanted[i] & AG_PASSES)
            status = replay_node(&p, i);
    }
    if (!status)
        status = ag_watch_targets(t, targets, &p.suspects);
    if (!status)
        status = take_all(&p, targets, out);
    ag_suspects_end(t, &p.suspects);
    ag_pool_give(t, p.adjoint, bytes);
    return status;
}

ag_status ag_graph_gradients(ag_tape *t, uint32_t y, uint32_t dy, const ag_targets *targets, ag_tensor *out)
{
    if (AG_LIKELY(!t->observed))
        return pass(t, y, dy, targets, out);
    static const char name[] = AG_BACKWARD_PASS ", recorded";
    ag_observe_enter(t, name);
    ag_status status = pass(t, y, dy, targets, out);
    ag_observe_leave(t, name);
    return status;
}
