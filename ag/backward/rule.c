/* Running an op's derivative rule, and checking what it gives: for the plain pass, the pass that records and local
 * derivatives alike. */
#include "ag/backward/backward.h"

ag_inner_start ag_inner_enter(ag_tape *t)
{
    const ag_inner_start outer = { t->inner_arena, t->inner };
    t->inner = ag_next(t);
    t->inner_arena = ag_arena_position(&t->arena);
    return outer;
}

void ag_inner_leave(ag_tape *t, ag_inner_start outer)
{
    t->inner = outer.first;
    t->inner_arena = outer.arena;
}

ag_inner_pass ag_inner_begin(ag_tape *t)
{
    const ag_inner_pass before = { ag_inner_enter(t), t->no_grad };
    t->rules++;
    return before;
}

void ag_inner_end(ag_tape *t, ag_inner_pass before)
{
    t->rules--;
    ag_inner_leave(t, before.outer);
    if (AG_LIKELY(t->no_grad == before.no_grad))
        return;
    t->no_grad = before.no_grad;
    ag_set_recording(t);
}

bool ag_rule_begin(ag_tape *t, uint32_t id, const ag_targets *targets, ag_rule *r)
{
    ag_call *c = &r->call;
    ag_call_of(t, id, c, r->ids, r->constants);
    c->wanted = targets ? targets->wanted : NULL;
    if (!c->op->vjp)
        return ag_call_fail(c, AG_EUSE, "the op has no derivative"), false;
    size_t wanted = (size_t)c->outputs + (size_t)c->count;
    r->dy = wanted <= AG_FEW ? r->few : ag_scratch(t, wanted * sizeof *r->dy);
    if (!r->dy)
        return false;
    memset(r->dy, 0, wanted * sizeof *r->dy);
    r->dx = r->dy + c->outputs;
    return true;
}

ag_status ag_rule_run(ag_rule *r)
{
    ag_tape *t = r->call.tape;
    bool pending = t->error.status;
    const uint64_t work = ag_work_begin(t);
    const ag_inner_pass before = ag_inner_begin(t);
    r->call.op->vjp(&r->call, r->dy, r->dx);
    ag_inner_end(t, before);
    ag_work_end(t, work);
    return pending ? AG_OK : t->error.status; /* an error that the rule ignores is none the less */
}

static ag_status check_broadcast(const ag_call *c, int i, ag_shape given, ag_shape own)
{
    ag_axes axes;
    char x[128], y[128];
    if (ag_broadcast_axes(own, given, &axes))
        return AG_OK;
    return ag_fail(c->tape, AG_ESHAPE, "the derivative rule of %s gave %s for operand %d, which has shape %s",
                   c->op->name, ag_shape_text(given, x, sizeof x), i + 1, ag_shape_text(own, y, sizeof y));
}

ag_status ag_rule_result(const ag_rule *r, int i, uint32_t *id)
{
    const ag_call *c = &r->call;
    ag_tape *t = c->tape;
    *id = 0;
    if (!ag_call_needs(c, i) || !r->dx[i].tape)
        return AG_OK;
    *id = AG_LIKELY(r->dx[i].tape == t) ? ag_quick_id(t, r->dx[i]) : 0;
    if (AG_UNLIKELY(!*id)) {
        char who[80];
        snprintf(who, sizeof who, "the derivative rule of %s", c->op->name);
        *id = ag_resolve(t, r->dx[i], who, i + 1);
        if (!*id)
            return ag_refuse(t, who);
    }
    if (!ag_settle(t, *id))
        return t->error.status;
    const ag_layout *dx = ag_layout_at(t, *id), *x = ag_layout_at(t, c->inputs[i]);
    return AG_LIKELY(ag_layout_same_shape(dx, x)) ? AG_OK
                                                  : check_broadcast(c, i, ag_layout_shape(dx), ag_layout_shape(x));
}
