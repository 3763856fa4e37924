/* Sums and means, over everything or over axes. */
#include "ag/ops/reductions/reduction.h"

enum { FEW = AG_SHARE }; /* elements: a share of one thread */

/* ---- what all four share */

static ag_status sum_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = ag_is_float(x->dtype) ? x->dtype : AG_I64;
    return ag_reduction_shape(c, x->shape, &y->shape);
}

static ag_status mean_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "integers have no mean; see ag_cast");
    return sum_shape(c, x, y);
}

/* 1/n, n elements of x to each of the result's */
static double mean_scale(const ag_call *c, ag_shape x)
{
    ag_shape kept = ag_reduction_kept(c, x);
    double n = 1;
    for (int i = 0; i < x.rank; i++)
        n *= kept.dim[i] != x.dim[i] ? (double)x.dim[i] : 1;
    return 1 / n;
}

/* Of all elements, dense and not many: the same bits as by ag_sum_within, whose plan takes longer than the sum. */
static bool sum_few(const ag_call *c, const ag_array *x, const ag_array *y, bool mean)
{
    const int64_t n = ag_array_size(x);
    if (ag_call_params(c) || !ag_is_float(x->dtype) || n < 1 || n > FEW || !ag_array_is_dense(x))
        return false;
    ag_fill_array(y, ag_sum_floats(x->dtype, x->data, n, 1) / (mean ? (double)n : 1));
    return true;
}

static ag_status reduce(const ag_call *c, const ag_array *x, const ag_array *y, double scale)
{
    ag_array to = ag_reduction_array(c, y, x->shape);
    const size_t bytes = ag_sum_work(&to, x);
    void *work = bytes ? ag_call_scratch(c, bytes) : NULL;
    if (bytes && !work)
        return AG_ENOMEM;
    ag_sum_within(&to, x, scale, false, work, ag_call_threads(c));
    return AG_OK;
}

static ag_status sum_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return sum_few(c, x, y, false) ? AG_OK : reduce(c, x, y, 1);
}

static ag_status mean_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return sum_few(c, x, y, true) ? AG_OK : reduce(c, x, y, mean_scale(c, x->shape));
}

static void sum_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_reduction_spread(c, dy[0], ag_call_input_shape(c, 0));
}

static void mean_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_shape x = ag_call_input_shape(c, 0);
    dx[0] = ag_reduction_spread(c, ag_mul_scalar(dy[0], mean_scale(c, x)), x);
}

static ag_status spread(const ag_call *c, const ag_array *dy, const ag_array *dx, double beta)
{
    ag_array kept = ag_reduction_array(c, dy, dx->shape), from = ag_array_expand(&kept, dx->shape);
    ag_copy_array(dx, &from, beta != 0, ag_call_threads(c));
    return AG_OK;
}

static ag_status sum_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return spread(c, dy, &dx[0], beta[0]);
}

static ag_status mean_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_array scaled = *dy;
    scaled.data = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    if (!scaled.data)
        return AG_ENOMEM;
    ag_sum_array(&scaled, dy, mean_scale(c, dx[0].shape), false, ag_call_threads(c));
    return spread(c, &scaled, &dx[0], beta[0]);
}

void ag_sum_share(const ag_op *op, int64_t n, const ag_array *dy, const ag_array *share)
{
    ag_sum_array(share, dy, op->flags & AG_AVERAGES ? 1 / (double)n : 1, false, 1);
}

/* clang-format off */
#define ALL(...) { .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OVER(axes, flags, ...)                                                                                         \
    { .params = &(const ag_reduction){ axes, flags }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define EVERY { -1, { 0 } }
#define SAMPLES_ALL (const ag_sample[]){ ALL(AG_DIMS(5)), ALL(AG_DIMS(2, 3)), ALL(AG_DIMS(2, 1, 3)), { 0 } }
#define SAMPLES_OVER                                                                                                   \
    (const ag_sample[]){ OVER(AXES(1), 0, AG_DIMS(3, 4)),                                                              \
                         OVER(AXES(0), 0, AG_DIMS(3, 4)),                                                              \
                         OVER(AXES(-1), AG_KEEPDIM, AG_DIMS(3, 2)),                                                    \
                         OVER(AXES(0, 2), 0, AG_DIMS(2, 3, 2)),                                                        \
                         OVER(AXES(-1, 0), AG_KEEPDIM, AG_DIMS(2, 3, 2)),                                              \
                         OVER(AXES(1), 0, AG_DIMS(2, 3, 2)),                                                           \
                         OVER(EVERY, 0, AG_DIMS(2, 3)),                                                                \
                         OVER(EVERY, AG_KEEPDIM, AG_DIMS(2, 3)),                                                       \
                         { 0 } }
/* clang-format on */

/* ---- sums */

static void sum_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    ag_reduction p = ag_reduction_of(c);
    dy[0] = ag_sum_over(dx[0], p.axes, p.flags);
}

AG_OP(sum) = {
    .name = "sum",
    .formula = "sum of x",
    .inputs = 1,
    .flags = AG_STRIDED | AG_SUMS | AG_REPEATS,
    .shape = sum_shape,
    .forward = sum_forward,
    .vjp = sum_vjp,
    .jvp = sum_jvp,
    .vjp_fused = sum_vjp_fused,
    .samples = SAMPLES_ALL,
};

/* ag_sum - the sum of all elements, 0 if there are none; of integers as i64.
 *   y = sum of x        dx = dy everywhere */
AG_API ag_tensor ag_sum(ag_tensor x)
{
    return AG_APPLY(sum, AG_LIST(x), NULL);
}

AG_OP(sum_over) = {
    .name = "sum_over",
    .formula = "sum of x over axes",
    .inputs = 1,
    .flags = AG_STRIDED | AG_SUMS | AG_REPEATS,
    .params_size = sizeof(ag_reduction),
    .shape = sum_shape,
    .forward = sum_forward,
    .vjp = sum_vjp,
    .jvp = sum_jvp,
    .vjp_fused = sum_vjp_fused,
    .samples = SAMPLES_OVER,
};

/* ag_sum_over - sums over axes (AG_ALL: all), which are dropped, or kept with extent 1 under the flag AG_KEEPDIM; of
 * integers as i64.
 *   y[i,..] = sum of x[i,..,j,..] over j        dx[i,..,j,..] = dy[i,..]
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_sum_over(ag_tensor x, ag_axes axes, int flags)
{
    const ag_reduction p = { axes, flags };
    return AG_APPLY(sum_over, AG_LIST(x), &p);
}

/* ---- means */

static void mean_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    ag_reduction p = ag_reduction_of(c);
    dy[0] = ag_mean_over(dx[0], p.axes, p.flags);
}

AG_OP(mean) = {
    .name = "mean",
    .formula = "mean of x",
    .inputs = 1,
    .flags = AG_STRIDED | AG_SUMS | AG_AVERAGES | AG_REPEATS,
    .shape = mean_shape,
    .forward = mean_forward,
    .vjp = mean_vjp,
    .jvp = mean_jvp,
    .vjp_fused = mean_vjp_fused,
    .samples = SAMPLES_ALL,
};

/* ag_mean - the mean of all n elements, NaN if there are none.
 *   y = (sum of x) / n        dx = dy / n everywhere
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_mean(ag_tensor x)
{
    return AG_APPLY(mean, AG_LIST(x), NULL);
}

AG_OP(mean_over) = {
    .name = "mean_over",
    .formula = "mean of x over axes",
    .inputs = 1,
    .flags = AG_STRIDED | AG_SUMS | AG_AVERAGES | AG_REPEATS,
    .params_size = sizeof(ag_reduction),
    .shape = mean_shape,
    .forward = mean_forward,
    .vjp = mean_vjp,
    .jvp = mean_jvp,
    .vjp_fused = mean_vjp_fused,
    .samples = SAMPLES_OVER,
};

/* ag_mean_over - means over axes (AG_ALL: all) with n elements each; axes and flags as in ag_sum_over.
 *   y[i,..] = (sum of x[i,..,j,..] over j) / n        dx[i,..,j,..] = dy[i,..] / n
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_mean_over(ag_tensor x, ag_axes axes, int flags)
{
    const ag_reduction p = { axes, flags };
    return AG_APPLY(mean_over, AG_LIST(x), &p);
}
