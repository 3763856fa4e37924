/* Refusing gradients that are not finite. */
#include "optim/internal.h"

#include "ag/kernels/kernels.h"

/* Where it is, row-major as the user sees the gradient, which lies in the order of the parameter's storage. */
static ag_status refuse(const optim *o, size_t i, const char *who)
{
    const ag_tensor p = o->slots[i].param, g = ag_grad(p);
    const int64_t size = ag_ok(g) ? ag_size_of(g) : 0;
    const char *name = ag_name_of(p);
    char of[32], shape[128];
    int64_t at = 0;
    while (at < size && ag_is_finite(ag_item_at(g, at)))
        at++;
    if (at >= size) /* no memory for a look at it */
        return ag_error(o->t);
    snprintf(of, sizeof of, "parameter %zu", i + 1);
    return ag_fail(o->t, AG_EVALUE, "%s: the gradient of %s%s%s is %s at element %lld of %s; nothing was changed", who,
                   *name ? "'" : of, name, *name ? "'" : "", ag_nonfinite_text(ag_item_at(g, at)), (long long)at,
                   ag_shape_text(ag_shape_of(p), shape, sizeof shape));
}

bool optim_is_finite(const optim_slot *s, const void *memory)
{
    ag_array a = ag_dense_array(AG_SHAPE(s->at.count), s->at.dtype, memory);
    return ag_find_nonfinite(&a, 0) < 0;
}

ag_status optim_check_finite(const optim *o, const char *who)
{
    for (size_t i = 0; o->error_if_nonfinite && i < o->count; i++) {
        const optim_slot *s = &o->slots[i];
        if (s->at.grad && !optim_is_finite(s, s->at.grad))
            return refuse(o, i, who);
    }
    return AG_OK;
}
