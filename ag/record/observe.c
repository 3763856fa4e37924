/* Showing ops to observers, of which the finite checks are the first. */
#include "ag/record/record.h"

static void set_observed(ag_tape *t)
{
    t->observed = t->observers || t->options.check_finite;
    t->examined = t->options.check_finite;
    for (const ag_observer *o = t->observers; o; o = o->next)
        t->examined |= !o->blind;
    ag_set_recording(t);
}

void ag_observer_add(ag_tape *t, ag_observer *o)
{
    o->next = t->observers;
    t->observers = o;
    set_observed(t);
}

void ag_observer_remove(ag_tape *t, ag_observer *o)
{
    ag_observer **at = &t->observers;
    while (*at && *at != o)
        at = &(*at)->next;
    if (*at)
        *at = o->next;
    set_observed(t);
}

void ag_check_nothing(ag_tape *t)
{
    t->options.check_finite = false;
    set_observed(t);
}

ag_status ag_observe(ag_event *e, ag_moment m)
{
    ag_tape *t = e->call->tape;
    e->moment = m;
    ag_status status = t->options.check_finite ? ag_check_finite(e) : AG_OK;
    for (ag_observer *o = t->observers; o && !status; o = o->next)
        status = o->see(o, e);
    return status;
}

ag_status ag_observe_computed(const ag_call *c)
{
    return ag_observe(&(ag_event){ .call = c }, AG_COMPUTED);
}

void ag_observe_enter(ag_tape *t, const char *name)
{
    for (ag_observer *o = t->observers; o; o = o->next)
        if (o->enter)
            o->enter(o, name);
}

void ag_observe_leave(ag_tape *t, const char *name)
{
    for (ag_observer *o = t->observers; o; o = o->next)
        if (o->leave)
            o->leave(o, name);
}

void ag_observe_aside(ag_tape *t)
{
    t->observed = false;
    t->waiting.eager++; /* its result will be looked at */
}

void ag_observe_again(ag_tape *t)
{
    t->waiting.eager--;
    set_observed(t);
}
