/* What a plain pass does, shown to observers. */
#include "ag/backward/backward.h"

static ag_array adjoint(const ag_event *e, uint32_t id)
{
    const ag_pass *s = e->pass;
    const ag_tape *t = s->t;
    const ag_node *d = ag_node_or_null(t, id);
    ag_array a = { 0 };
    if (d && d->adjoint)
        ag_pass_adjoint(t, d, &a);
    if (!ag_is_number(d))
        return a;
    const bool seen = e->scalar && AG_INDEX(id) == e->call->id; /* it may be consumed before the operands have theirs */
    return ag_dense_array(AG_SCALAR, AG_F64, seen ? e->scalar : &t->adjoints[AG_INDEX(id)]);
}

ag_status ag_watch_begin(ag_pass *s, uint32_t id, const double *scalar, ag_watch *w)
{
    ag_call_of(s->t, id, &w->call, w->ids, w->constants);
    w->event =
        (ag_event){ .call = &w->call, .adjoint = adjoint, .pass = s, .scalar = scalar, .suspects = &s->suspects };
    ag_observe_enter(s->t, NULL);
    return ag_observe(&w->event, AG_ARRIVED);
}

ag_status ag_watch_end(ag_watch *w, ag_status status)
{
    if (!status)
        status = ag_observe(&w->event, AG_PASSED_ON);
    ag_observe_leave(w->call.tape, NULL);
    return status;
}

ag_status ag_watch_targets(ag_tape *t, const ag_targets *targets, const ag_suspects *suspects)
{
    ag_status status = AG_OK;
    for (size_t k = 0; suspects->by_index && k < targets->count && !status; k++)
        if (!targets->at[k].slot)
            status = ag_suspects_at(t, suspects, targets->at[k].id);
    return status;
}
