/* Running products along an axis. */
#include "ag/ops/scans/scans.h"

static ag_status cumprod_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_scan s = ag_call_scan(c, x, false);
    ag_scan_product(&s, x->data, y->data);
    return AG_OK;
}

/* ---- the derivative, without a division: dx[j] = (x[0] ... x[j-1]) s[j], s[j] = dy[j] + x[j+1] s[j+1] */

/* y[i-1], and 1 before the first one */
static ag_tensor one_before(ag_tensor y, int at, bool reverse)
{
    const ag_shape s = ag_shape_of(y);
    const int axis = ag_line_axis(at, s.rank);
    ag_shape one = { .rank = s.rank - axis };
    if (s.rank == 0)
        return ag_ones(y.tape, ag_dtype_of(y), s);
    if (s.rank < 0 || s.dim[axis] == 0)
        return y;
    for (int i = 0; i < one.rank; i++)
        one.dim[i] = 1;
    const ag_tensor first = ag_ones(y.tape, ag_dtype_of(y), one);
    return ag_add(ag_one_further(y, at, reverse), ag_embed(first, 0, s.dim[axis], reverse ? s.dim[axis] - 1 : 0, 1));
}

ag_tensor ag_product_before(ag_tensor x, int axis, bool reverse)
{
    const ag_scanning p = { axis, reverse };
    return one_before(AG_APPLY(cumprod, AG_LIST(x), &p), axis, reverse);
}

static ag_tensor product_before(const ag_call *c)
{
    const ag_scanning *p = ag_call_params(c);
    return one_before(ag_call_output(c, 0), p->axis, p->reverse);
}

static void cumprod_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor x = ag_one_further(ag_call_input(c, 0), p->axis, !p->reverse);
    dx[0] = ag_mul(product_before(c), ag_recurrence_along(x, dy[0], p->axis, !p->reverse));
}

/* dy[i] = x[i] dy[i-1] + y[i-1] dx[i] */
static void cumprod_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor x = ag_call_input(c, 0), b = ag_mul(product_before(c), dx[0]);
    dy[0] = ag_recurrence_along(x, b, p->axis, p->reverse);
}

static ag_status cumprod_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0);
    if (!x)
        return AG_EUSE;
    void *s = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    if (!s)
        return AG_ENOMEM;
    const ag_scan forward = ag_call_scan(c, x, false), back = ag_call_scan(c, x, true);
    ag_scan_linear(&back, x->data, dy->data, s, 1);
    ag_scan_product_before(&forward, x->data, s, dx[0].data, beta[0] != 0);
    return AG_OK;
}

AG_OP(cumprod) = {
    .name = "cumprod",
    .formula = "running products of x along an axis",
    .inputs = 1,
    .params_size = sizeof(ag_scanning),
    .shape = ag_running_shape,
    .forward = cumprod_forward,
    .vjp = cumprod_vjp,
    .jvp = cumprod_jvp,
    .vjp_fused = cumprod_vjp_fused,
    .samples = (const ag_sample[]){ AG_SCAN_SAMPLES(0.6, 1.5), { 0 } },
};

/* ag_cumprod - running products along an axis (-1: the last); of integers as i64. f32 is multiplied in double. The
 * derivative divides by nothing: elements of 0 do not harm it.
 *   y[..,i,..] = x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum over i >= j of dy[..,i,..] times the product without
 *       x[..,j,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_cumprod(ag_tensor x, int axis)
{
    const ag_scanning p = { axis, false };
    return AG_APPLY(cumprod, AG_LIST(x), &p);
}
