/* Linear recurrences along an axis. */
#include "ag/ops/scans/scans.h"

static ag_status recurrence_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_scanning *p = ag_call_params(c);
    if (!ag_is_float(x[0].dtype) || x[0].dtype != x[1].dtype)
        return ag_call_fail(c, AG_EDTYPE, "is defined for two operands of f32 or two of f64; see ag_cast");
    if (!ag_shape_equal(x[0].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes differ; see ag_expand");
    return ag_along_shape(c, p->axis, &x[1], y);
}

static ag_status recurrence_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_scan s = ag_call_scan(c, &x[1], false);
    ag_scan_linear(&s, x[0].data, x[1].data, y->data, 0);
    return AG_OK;
}

ag_tensor ag_recurrence_along(ag_tensor a, ag_tensor b, int axis, bool reverse)
{
    const ag_scanning p = { axis, reverse };
    return AG_APPLY(recurrence, AG_LIST(a, b), &p);
}

/* l[i] = dy[i] + a[i+1] l[i+1] is what depends on y[i]: db = l, da[i] = l[i] y[i-1]. */
static void recurrence_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor a = ag_one_further(ag_call_input(c, 0), p->axis, !p->reverse);
    dx[1] = ag_recurrence_along(a, dy[0], p->axis, !p->reverse);
    if (ag_call_needs(c, 0))
        dx[0] = ag_mul(dx[1], ag_one_further(ag_call_output(c, 0), p->axis, p->reverse));
}

/* Of the tangents da and db one may be absent, which is 0. */
static void recurrence_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor a = ag_call_input(c, 0), before = ag_one_further(ag_call_output(c, 0), p->axis, p->reverse);
    const ag_tensor by_a = dx[0].tape ? ag_mul(dx[0], before) : dx[1];
    const ag_tensor b = dx[0].tape && dx[1].tape ? ag_add(by_a, dx[1]) : by_a;
    dy[0] = ag_recurrence_along(a, b, p->axis, p->reverse);
}

/* Arrays of a row: da, l, y one place before. context: is it added? */
#define PRODUCT(name, type)                                                                                      \
    static void name(const ag_walk_row *w, void *context)                                                        \
    {                                                                                                            \
        const bool add = *(const bool *)context;                                                                 \
        type *da = w->data[0];                                                                                   \
        const type *l = w->data[1], *y = w->data[2];                                                             \
        for (int64_t i = 0; i < w->n; i++)                                                                       \
            da[i * w->stride[0]] = (add ? da[i * w->stride[0]] : 0) + l[i * w->stride[1]] * y[i * w->stride[2]]; \
    }
PRODUCT(product_f32, float)
PRODUCT(product_f64, double)

/* da[i] = l[i] y[i-1], and 0 where there is no y. */
static void to_factors(const ag_call *c, const ag_array *l, const ag_array *y, const ag_array *da, bool add)
{
    const ag_scan s = ag_call_scan(c, y, false);
    ag_array as[3] = { *da, *l, *y };
    for (int i = 0; i < 3; i++) {
        as[i].shape = (ag_shape){ 3, { s.outer, s.n, s.inner } };
        ag_array_dense(&as[i]);
    }
    if (ag_array_size(y) == 0)
        return;
    const ag_array first = ag_region(&as[0], 1, s.reverse ? s.n - 1 : 0, 1, 1);
    if (!add)
        ag_fill_array(&first, 0);
    for (int i = 0; i < 3; i++)
        as[i] = ag_region(&as[i], 1, (i < 2) != s.reverse, s.n - 1, 1);
    ag_walk(as[0].shape, 3, (const ag_array *const[]){ &as[0], &as[1], &as[2] },
            y->dtype == AG_F32 ? product_f32 : product_f64, &add, s.threads);
}

static ag_status recurrence_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *a = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    if (!a || !y)
        return AG_EUSE;
    const ag_scan s = ag_call_scan(c, dy, true);
    ag_array l = dx[1];
    if (!l.data || beta[1] != 0) {
        l = *dy;
        l.data = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    }
    if (!l.data)
        return AG_ENOMEM;
    ag_scan_linear(&s, a->data, dy->data, l.data, 1);
    if (dx[0].data)
        to_factors(c, &l, y, &dx[0], beta[0] != 0);
    if (dx[1].data && beta[1] != 0)
        ag_copy_array(&dx[1], &l, true, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define SAMPLE(axis, reverse, ...)                                                                                     \
    { .params = &(const ag_scanning){ axis, reverse }, .low = { -2, -2 }, .high = { 2, 2 },                            \
      .shape = { __VA_ARGS__, __VA_ARGS__ } }
/* clang-format on */

AG_OP(recurrence) = {
    .name = "recurrence",
    .formula = "y[i] = a[i] y[i-1] + b[i] along an axis",
    .inputs = 2,
    .params_size = sizeof(ag_scanning),
    .shape = recurrence_shape,
    .forward = recurrence_forward,
    .vjp = recurrence_vjp,
    .jvp = recurrence_jvp,
    .vjp_fused = recurrence_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(-1, 0, AG_DIMS(3, 4)),
                                    SAMPLE(0, 0, AG_DIMS(3, 4)),
                                    SAMPLE(1, 0, AG_DIMS(2, 3, 2)),
                                    SAMPLE(-1, 1, AG_DIMS(2, 4)),
                                    SAMPLE(0, 1, AG_DIMS(3, 2)),
                                    SAMPLE(0, 0, AG_DIMS(5)),
                                    { 0 } },
};

/* ag_recurrence - linear recurrence along an axis (-1: the last), as of exponential averages; y[..,-1,..] counts as 0,
 * and a[..,0,..] is not read. f32 is computed in double.
 *   y[..,i,..] = a[..,i,..] y[..,i-1,..] + b[..,i,..]
 *       db[..,i,..] = dy[..,i,..] + a[..,i+1,..] db[..,i+1,..], da[..,i,..] = db[..,i,..] y[..,i-1,..]
 * Errors: AG_ESHAPE if there is no such axis or the shapes differ; AG_EDTYPE if the dtypes do. */
AG_API ag_tensor ag_recurrence(ag_tensor a, ag_tensor b, int axis)
{
    return ag_recurrence_along(a, b, axis, false);
}
