/* Running sums along an axis. */
#include "ag/ops/scans/scans.h"

/* False: no memory. */
static ag_status sum(const ag_call *c, const ag_array *x, void *y, bool backward)
{
    const ag_scan s = ag_call_scan(c, x, backward);
    const size_t bytes = ag_scan_work(&s);
    void *work = bytes ? ag_call_scratch(c, bytes) : NULL;
    if (bytes && !work)
        return AG_ENOMEM;
    ag_scan_sum(&s, x->data, y, work);
    return AG_OK;
}

static ag_status cumsum_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return sum(c, x, y->data, false);
}

/* In the direction of the op, or in the other one. */
static ag_tensor cumsum(const ag_call *c, ag_tensor x, bool backward)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_scanning q = { p->axis, p->reverse != backward };
    return AG_APPLY(cumsum, AG_LIST(x), &q);
}

static void cumsum_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = cumsum(c, dy[0], true);
}

static void cumsum_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = cumsum(c, dx[0], false);
}

static ag_status cumsum_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_array sums = dx[0];
    if (beta[0] != 0)
        sums.data = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    if (!sums.data || sum(c, dy, sums.data, true))
        return AG_ENOMEM;
    if (beta[0] != 0)
        ag_copy_array(&dx[0], &sums, true, ag_call_threads(c));
    return AG_OK;
}

AG_OP(cumsum) = {
    .name = "cumsum",
    .formula = "running sums of x along an axis",
    .inputs = 1,
    .params_size = sizeof(ag_scanning),
    .shape = ag_running_shape,
    .forward = cumsum_forward,
    .vjp = cumsum_vjp,
    .jvp = cumsum_jvp,
    .vjp_fused = cumsum_vjp_fused,
    .samples = (const ag_sample[]){ AG_SCAN_SAMPLES(-2, 2), { 0 } },
};

/* ag_cumsum - running sums along an axis (-1: the last); of integers as i64. f32 is added in double; where no element is
 * negative the sums do not descend.
 *   y[..,i,..] = x[..,0,..] + ... + x[..,i,..]        dx[..,j,..] = dy[..,j,..] + ... + dy[..,n-1,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_cumsum(ag_tensor x, int axis)
{
    const ag_scanning p = { axis, false };
    return AG_APPLY(cumsum, AG_LIST(x), &p);
}
