/* How many elements are true, whether one is, whether all are: of any dtype, what is not 0 is true, a NaN too. */
#include "ag/ops/reductions/reduction.h"

/* ag_count_nonzero - how many elements are not 0, i64; 0 if there are none.
 *   y = sum of (x != 0), no gradient */
AG_API ag_tensor ag_count_nonzero(ag_tensor x)
{
    return ag_sum(ag_not_equal_scalar(x, 0));
}

/* ag_count_nonzero_over - how many are not 0 over axes, i64; axes and flags as in ag_sum_over.
 *   y[i,..] = sum of (x[i,..,j,..] != 0) over j, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_count_nonzero_over(ag_tensor x, ag_axes axes, int flags)
{
    return ag_sum_over(ag_not_equal_scalar(x, 0), axes, flags);
}

/* Truth values are ordered: one of them is true if the largest is, all are if the smallest is. Of none there is no
 * largest: they are counted. */
static ag_tensor one_of(ag_tensor truth, ag_axes axes, int flags)
{
    return ag_size_of(truth) > 0 ? ag_max_over(truth, axes, flags)
                                 : ag_not_equal_scalar(ag_sum_over(truth, axes, flags), 0);
}

static ag_tensor all_of(ag_tensor truth, ag_axes axes, int flags)
{
    return ag_size_of(truth) > 0 ? ag_min_over(truth, axes, flags)
                                 : ag_equal_scalar(ag_sum_over(truth, axes, flags), 0);
}

/* ag_any - is one element not 0? u8; 0 if there are none.
 *   y = 1 where an x != 0, else 0, no gradient */
AG_API ag_tensor ag_any(ag_tensor x)
{
    return one_of(ag_not_equal_scalar(x, 0), AG_ALL, 0);
}

/* ag_any_over - is one of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where an x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_any_over(ag_tensor x, ag_axes axes, int flags)
{
    return one_of(ag_not_equal_scalar(x, 0), axes, flags);
}

/* ag_all - are all elements not 0? u8; 1 if there are none.
 *   y = 1 where every x != 0, else 0, no gradient */
AG_API ag_tensor ag_all(ag_tensor x)
{
    return all_of(ag_not_equal_scalar(x, 0), AG_ALL, 0);
}

/* ag_all_over - are all of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where every x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_all_over(ag_tensor x, ag_axes axes, int flags)
{
    return all_of(ag_not_equal_scalar(x, 0), axes, flags);
}
