/* Single elements of what is in order. */
#include "ag/ops/shapes/views.h"

/* ag_kthvalue - the k-th smallest element along an axis (-1: the last), which the results lack, k counted from 1, and
 * where it is; of equal ones as ag_sort puts them.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG or AG_ESHAPE if there is no k-th element. */
AG_API ag_placed ag_kthvalue(ag_tensor x, int64_t k, int axis)
{
    const ag_placed first = ag_topk(x, k, axis, (ag_topk_options){ .smallest = true });
    if (!first.values.id || ag_shape_of(x).rank == 0)
        return first;
    ag_tensor y[] = { ag_select(first.values, axis, k - 1), ag_select(first.indices, axis, k - 1) };
    ag_all_or_none(y, 2);
    return (ag_placed){ y[0], y[1] };
}

/* ag_median - the element in the middle along an axis (-1: the last), which the results lack, the lower one of two, and
 * where it is; NaN where one is NaN.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_median(ag_tensor x, int axis)
{
    const ag_placed all = ag_sort(x, axis, (ag_sort_options){ false });
    const ag_shape s = ag_shape_of(all.values);
    const int at = ag_axis(axis, s.rank);
    if (s.rank < 1 || at < 0)
        return all;
    const int64_t last = s.dim[at] - 1, middle = last / 2;
    const ag_tensor end = ag_select(all.values, at, last), nan = ag_not_equal(end, end);
    ag_tensor y[] = { ag_where(nan, end, ag_select(all.values, at, middle)),
                      ag_where(nan, ag_select(all.indices, at, last), ag_select(all.indices, at, middle)) };
    ag_all_or_none(y, 2);
    return (ag_placed){ y[0], y[1] };
}
