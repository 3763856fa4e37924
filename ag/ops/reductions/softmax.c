/* Softmax, its logarithm, and the logarithm of sums of exponentials, all safe from overflow. */
#include "ag/ops/reductions/lines.h"
#include "ag/ops/reductions/softmax_kernels.h"
#include <math.h>

/* ---- softmax and log_softmax */

static ag_status softmax_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_along *p = ag_call_params(c);
    return ag_floats_along_shape(c, p->axis, x, y);
}

static ag_softmax_job job_of(const ag_call *c, ag_softmax_kind kind, const ag_array *x, ag_lines e)
{
    return (ag_softmax_job){ .kind = kind,
                             .dtype = x->dtype,
                             .outer = e.outer,
                             .n = e.n,
                             .inner = e.inner,
                             .x = x->data,
                             .threads = ag_call_threads(c) };
}

static ag_status softmax_run(const ag_call *c, const ag_array *x, ag_array *y, ag_softmax_kind kind)
{
    if (ag_array_size(x) == 0) /* however many rows of nothing */
        return AG_OK;
    const ag_softmax_job j = job_of(c, kind, x, ag_call_lines(c, &x->shape));
    ag_softmax_run(&j, y->data);
    return AG_OK;
}

static ag_status softmax_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta,
                              ag_softmax_kind kind)
{
    const ag_array *y = ag_call_output_array(c, 0);
    if (!y)
        return AG_EUSE;
    if (ag_array_size(y) == 0)
        return AG_OK;
    const ag_softmax_job j = job_of(c, kind, y, ag_call_lines(c, &y->shape));
    ag_softmax_back(&j, dy->data, beta[0], dx->data);
    return AG_OK;
}

/* Sums along the axis, which stays; of a number, the number. */
static ag_tensor sum_along(const ag_call *c, ag_tensor x)
{
    const ag_along *p = ag_call_params(c);
    return ag_shape_of(x).rank > 0 ? ag_sum_over(x, AG_AXES(p->axis), AG_KEEPDIM) : x;
}

static ag_status softmax_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return softmax_run(c, x, y, AG_SOFTMAX);
}

static void softmax_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor y = ag_call_output(c, 0);
    dx[0] = ag_mul(y, ag_sub(dy[0], sum_along(c, ag_mul(y, dy[0]))));
}

static ag_status softmax_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return softmax_back(c, dy, dx, beta, AG_SOFTMAX);
}

/* clang-format off */
#define SAMPLE(which, ...) { .params = &(const ag_along){ which }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */
static const ag_sample softmax_samples[] = { SAMPLE(-1, AG_DIMS(3, 4)),   SAMPLE(0, AG_DIMS(3, 4)),
                                             SAMPLE(1, AG_DIMS(2, 3, 2)), SAMPLE(-2, AG_DIMS(3, 2, 1)),
                                             SAMPLE(0, AG_DIMS(5)),       { 0 } };

AG_OP(softmax) = {
    .name = "softmax",
    .formula = "exp(x) / s, s = sum of exp(x) along an axis",
    .inputs = 1,
    .params_size = sizeof(ag_along),
    .shape = softmax_shape,
    .forward = softmax_forward,
    .vjp = softmax_vjp,
    .vjp_fused = softmax_vjp_fused,
    .samples = softmax_samples,
};

/* ag_softmax - exponentials that sum to 1 along an axis (-1: the last).
 *   y = exp(x) / s, s = sum of exp(x) along the axis        dx = y (dy - sum of y dy along the axis)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_softmax(ag_tensor x, int axis)
{
    return AG_APPLY(softmax, AG_LIST(x), &(ag_along){ axis });
}

/* ag_softmin - ag_softmax of -x: the smallest element gets the most.
 *   y = exp(-x) / s, s = sum of exp(-x) along the axis        dx = y (sum of y dy along the axis - dy)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_softmin(ag_tensor x, int axis)
{
    return ag_softmax(ag_neg(x), axis);
}

static ag_status log_softmax_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return softmax_run(c, x, y, AG_LOG_SOFTMAX);
}

static void log_softmax_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_sub(dy[0], ag_mul(ag_exp(ag_call_output(c, 0)), sum_along(c, dy[0])));
}

static ag_status log_softmax_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return softmax_back(c, dy, dx, beta, AG_LOG_SOFTMAX);
}

AG_OP(log_softmax) = {
    .name = "log_softmax",
    .formula = "x - log s, s = sum of exp(x) along an axis",
    .inputs = 1,
    .params_size = sizeof(ag_along),
    .shape = softmax_shape,
    .forward = log_softmax_forward,
    .vjp = log_softmax_vjp,
    .vjp_fused = log_softmax_vjp_fused,
    .samples = softmax_samples,
};

/* ag_log_softmax - the logarithm of ag_softmax.
 *   y = x - log s, s = sum of exp(x) along the axis        dx = dy - exp(y) (sum of dy along the axis)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_log_softmax(ag_tensor x, int axis)
{
    return AG_APPLY(log_softmax, AG_LIST(x), &(ag_along){ axis });
}

/* ---- logsumexp */

typedef struct logsumexp_params {
    ag_axes axes;
    int flags;
} logsumexp_params;

/* y, and what is kept of each: what was subtracted, and 1 / the sum of the exponentials. */
static ag_status logsumexp_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const logsumexp_params *p = ag_call_params(c);
    bool reduced[AG_MAX_RANK];
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "is defined for f32 and f64; see ag_cast");
    if (p->flags & ~AG_KEEPDIM)
        return ag_call_fail(c, AG_EARG, "unknown flags %d", p->flags);
    if (!ag_axes_mask(p->axes, x->shape.rank, reduced))
        return ag_call_fail(c, AG_ESHAPE, "an axis is out of range or given twice");
    for (int i = 0; i < x->shape.rank; i++) {
        if (!reduced[i])
            y->shape.dim[y->shape.rank++] = x->shape.dim[i];
        else if (p->flags & AG_KEEPDIM)
            y->shape.dim[y->shape.rank++] = 1;
    }
    y[0].dtype = y[1].dtype = x->dtype;
    y[2].dtype = AG_F64;
    y[1].shape = y[2].shape = y->shape.rank ? y->shape : AG_SHAPE(1); /* a pass with more numbers is not repeated */
    return AG_OK;
}

static ag_status logsumexp_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const logsumexp_params *p = ag_call_params(c);
    ag_array lined;
    ag_lines e;
    if (ag_array_size(x) == 0) {
        ag_fill_array(&y[0], -INFINITY);
        ag_fill_array(&y[1], 0);
        ag_fill_array(&y[2], 0);
        return AG_OK;
    }
    if (ag_reduced_lines(c, x, p->axes, &lined, &e))
        return AG_ENOMEM;
    ag_softmax_job j = job_of(c, AG_LOGSUMEXP, &lined, e);
    j.kept = (ag_softmax_kept){ y[1].data, y[2].data };
    ag_softmax_run(&j, y[0].data);
    return AG_OK;
}

/* y or dy with the reduced axes kept. */
static ag_tensor kept(const ag_call *c, ag_tensor y, ag_shape x)
{
    const logsumexp_params *p = ag_call_params(c);
    bool reduced[AG_MAX_RANK] = { false };
    if (!ag_axes_mask(p->axes, x.rank, reduced))
        return y;
    for (int i = 0; i < x.rank; i++)
        if (reduced[i])
            x.dim[i] = 1;
    return ag_reshape(y, x);
}

static void logsumexp_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), y = ag_call_output(c, 0);
    const ag_shape s = ag_shape_of(x);
    if (s.rank < 0)
        return;
    /* y, rounded, may be far from log s, so that the sum is not quite 1 */
    const logsumexp_params *p = ag_call_params(c);
    const ag_tensor whole = kept(c, y, s), same = ag_logical_and(ag_isinf(x), ag_equal(x, whole));
    const ag_tensor e = ag_exp(ag_where_scalar(ag_logical_not(same), ag_sub(x, whole), 0));
    const ag_tensor sum = s.rank > 0 ? ag_sum_over(e, p->axes, AG_KEEPDIM) : e;
    dx[0] = ag_mul(kept(c, dy[0], s), ag_div(e, sum));
}

static ag_status logsumexp_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    const ag_array *shift = ag_call_output_array(c, 1), *factor = ag_call_output_array(c, 2);
    const logsumexp_params *p = ag_call_params(c);
    bool reduced[AG_MAX_RANK] = { false };
    ag_lines e;
    if (!x || !y || !shift || !factor)
        return AG_EUSE;
    if (ag_array_size(x) == 0)
        return AG_OK;
    ag_axes_mask(p->axes, x->shape.rank, reduced);
    if (!ag_side_by_side(&x->shape, reduced, &e) || ag_find_nonfinite(y, 0) >= 0)
        return AG_USE_RULE;
    ag_softmax_job j = job_of(c, AG_LOGSUMEXP, x, e);
    j.kept = (ag_softmax_kept){ shift->data, factor->data };
    ag_softmax_back(&j, dy->data, beta[0], dx->data);
    return AG_OK;
}

static const logsumexp_params all = { { -1, { 0 } }, 0 }, all_kept = { { -1, { 0 } }, AG_KEEPDIM },
                              last = { { 1, { -1 } }, 0 }, first_kept = { { 1, { 0 } }, AG_KEEPDIM },
                              middle = { { 1, { 1 } }, 0 }, outer_two = { { 2, { 0, -1 } }, 0 };
/* clang-format off */
#define REDUCE(which, ...) { .params = &(which), .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(logsumexp) = {
    .name = "logsumexp",
    .formula = "log of the sum of exp(x) over axes",
    .inputs = 1,
    .saved = 2,
    .params_size = sizeof(logsumexp_params),
    .shape = logsumexp_shape,
    .forward = logsumexp_forward,
    .vjp = logsumexp_vjp,
    .vjp_fused = logsumexp_vjp_fused,
    .samples = (const ag_sample[]){ REDUCE(last, AG_DIMS(3, 4)),
                                    REDUCE(first_kept, AG_DIMS(3, 4)),
                                    REDUCE(all, AG_DIMS(2, 3)),
                                    REDUCE(all_kept, AG_DIMS(5)),
                                    REDUCE(middle, AG_DIMS(2, 3, 2)),
                                    REDUCE(outer_two, AG_DIMS(2, 3, 2)),
                                    { 0 } },
};

/* ag_logsumexp - the logarithm of the sum of exponentials over axes (AG_ALL: all), -infinity where there are no
 * elements. flags: AG_KEEPDIM.
 *   y = log(sum of exp(x))        dx = dy exp(x - y), shared by what is infinite where y is
 * Errors: AG_ESHAPE for an axis that is out of range or given twice. */
AG_API ag_tensor ag_logsumexp(ag_tensor x, ag_axes axes, int flags)
{
    return AG_APPLY(logsumexp, AG_LIST(x), (&(logsumexp_params){ axes, flags }));
}
