/* Warnings of a step: gradients that nobody zeroes or that never arrive, and values that are not finite. */
#include "optim/internal.h"

enum { STEPS_UNZEROED = 3 };

static void watch_zeroing(optim *o)
{
    const optim_slot *unzeroed = NULL;
    for (size_t i = 0; i < o->count; i++) {
        optim_slot *s = &o->slots[i];
        if (o->steps > 1 && s->at.grad && s->zeroed == s->at.zeroed)
            unzeroed = unzeroed ? unzeroed : s;
        s->zeroed = s->at.zeroed;
    }
    o->unzeroed = unzeroed ? o->unzeroed + 1 : 0;
    if (o->unzeroed < STEPS_UNZEROED || o->warned_unzeroed)
        return;
    o->warned_unzeroed = true;
    ag_warn(o->t,
            "optim_step: the gradient of '%s' was not zeroed before the last %d steps, so that it is the sum of "
            "all passes; call optim_zero_grad before each ag_backward",
            ag_name_of(unzeroed->param), STEPS_UNZEROED);
}

static void watch_arrival(optim *o)
{
    bool arrived = o->warned_none;
    for (size_t i = 0; i < o->count && !arrived; i++)
        arrived = o->slots[i].at.grad != NULL;
    if (arrived)
        return;
    o->warned_none = true;
    ag_warn(o->t, "optim_step: no parameter has a gradient, so that nothing changes; optim_zero_grad, ag_backward, "
                  "optim_step is the order, and the loss must depend on the optimizer's parameters");
}

void optim_watch_gradients(optim *o)
{
    o->steps++;
    watch_arrival(o);
    watch_zeroing(o);
    for (size_t i = 0; i < o->count && !o->warned_gradient; i++) {
        const optim_slot *s = &o->slots[i];
        if (!s->at.grad || optim_is_finite(s, s->at.grad))
            continue;
        o->warned_gradient = true;
        ag_warn(o->t,
                "optim_step: the gradient of '%s' is not finite in step %lld; if the loss has grown until then, lr "
                "%g is too large, else there is a NaN in the data, or ag_options.check_finite finds the op",
                ag_name_of(s->param), (long long)o->steps, o->lr);
    }
}

void optim_watch_values(optim *o)
{
    for (size_t i = 0; i < o->count && !o->warned_value && !o->warned_gradient; i++) {
        const optim_slot *s = &o->slots[i];
        if (!s->at.grad || optim_is_finite(s, s->at.value))
            continue;
        o->warned_value = true;
        ag_warn(o->t, "optim_step: '%s' is not finite after step %lld, though its gradient was; lr %g is too large",
                ag_name_of(s->param), (long long)o->steps, o->lr);
    }
}
