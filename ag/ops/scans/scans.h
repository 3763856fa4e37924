/* What scans share: their parameters, and x one place further along the axis. */
#ifndef AG_OPS_SCANS_H
#define AG_OPS_SCANS_H

#include "ag/ops/reductions/lines.h"

/* reverse: from the last element to the first, for derivatives. */
typedef struct ag_scanning {
    int axis, reverse;
} ag_scanning;

/* Of running sums and products. */
static inline ag_status ag_running_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_status status = ag_along_shape(c, p->axis, x, y);
    y->dtype = ag_is_float(x->dtype) ? x->dtype : AG_I64;
    return status;
}

/* Of a dense array like x, in the direction of the op or, where its derivative goes backward, in the other one. */
static inline ag_scan ag_call_scan(const ag_call *c, const ag_array *x, bool backward)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_lines l = ag_lines_of(&x->shape, ag_line_axis(p->axis, x->shape.rank));
    return (ag_scan){ .dtype = x->dtype,
                      .outer = l.outer,
                      .n = l.n,
                      .inner = l.inner,
                      .reverse = (p->reverse != 0) != backward,
                      .threads = ag_call_threads(c) };
}

/* y[i] = x[i-1] along an axis, or x[i+1] in reverse, 0 where there is none; of floats. */
static inline ag_tensor ag_one_further(ag_tensor x, int at, bool reverse)
{
    const ag_shape s = ag_shape_of(x);
    const int axis = ag_line_axis(at, s.rank);
    if (s.rank == 0)
        return ag_zeros(x.tape, ag_dtype_of(x), s);
    if (s.rank < 0 || s.dim[axis] == 0)
        return x;
    const ag_tensor kept = ag_slice(x, axis, reverse, reverse ? INT64_MAX : -1, 1);
    return ag_embed(kept, axis, s.dim[axis], !reverse, 1);
}

/* recurrence.c: ag_recurrence, or in reverse y[i] = a[i] y[i+1] + b[i] */
ag_tensor ag_recurrence_along(ag_tensor a, ag_tensor b, int axis, bool reverse);
/* cumprod.c: the product of what is before each element along an axis, or in reverse after it. */
ag_tensor ag_product_before(ag_tensor x, int axis, bool reverse);

/* clang-format off */
#define AG_SCAN_SAMPLE(axis, reverse, from, to, ...)                                                                   \
    { .params = &(const ag_scanning){ axis, reverse }, .low = { from }, .high = { to }, .shape = { __VA_ARGS__ } }
#define AG_SCAN_SAMPLES(from, to)                                                                                      \
    AG_SCAN_SAMPLE(-1, 0, from, to, AG_DIMS(3, 4)), AG_SCAN_SAMPLE(0, 0, from, to, AG_DIMS(3, 4)),                     \
    AG_SCAN_SAMPLE(1, 0, from, to, AG_DIMS(2, 3, 2)), AG_SCAN_SAMPLE(-1, 1, from, to, AG_DIMS(2, 4)),                  \
    AG_SCAN_SAMPLE(0, 1, from, to, AG_DIMS(3, 2)), AG_SCAN_SAMPLE(0, 0, from, to, AG_DIMS(5))
/* clang-format on */

#endif
