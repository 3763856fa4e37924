/* Penalties on parameters. */
#include "nn/internal.h"
#include <math.h>

/* factor times the sum of f(p) over all elements. */
static ag_tensor penalty(ag_list params, double factor, ag_tensor (*f)(ag_tensor), const char *who)
{
    ag_tape *t = ag_list_tape(params);
    ag_tensor sum = nn_inert(t);
    if (!t)
        return sum;
    if (!params.count)
        return ag_fail(t, AG_EARG, "%s: the list has no parameters", who), sum;
    if (!(factor >= 0 && factor < INFINITY))
        return ag_fail(t, AG_EARG, "%s: the factor is %g; it must be finite and not negative", who, factor), sum;
    for (size_t i = 0; i < params.count; i++) {
        ag_tensor one = ag_sum(f(params.at[i]));
        sum = i ? ag_add(sum, one) : one;
    }
    return ag_mul_scalar(sum, factor);
}

ag_tensor nn_l1_penalty(ag_list params, double factor)
{
    return penalty(params, factor, (ag_abs), "nn_l1_penalty");
}

ag_tensor nn_l2_penalty(ag_list params, double factor)
{
    return penalty(params, factor, (ag_square), "nn_l2_penalty");
}
