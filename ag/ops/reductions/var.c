/* Variances and standard deviations. */
#include "ag/ops/reductions/eight.h"
#include "ag/ops/reductions/lines.h"
#include "ag/ops/reductions/reduction.h"
#include <math.h>

/* by: what is taken from the number of elements */
typedef struct var_params {
    ag_reduction reduction;
    double by;
} var_params;

/* y, and the means, which are saved in double */
static ag_status var_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "integers have no variance; see ag_cast");
    const ag_status status = ag_reduction_shape(c, x->shape, &y[0].shape);
    y[0].dtype = x->dtype;
    y[1].shape = y[0].shape;
    y[1].dtype = AG_F64;
    return status;
}

/* ---- a: the mean, b: the sum of squares about it, n: of how many; the parts joined as by Chan, Golub and LeVeque
 * (1979) */

#define EACH(...) AG_FOLD_EACH(__VA_ARGS__)
EACH(sum_f64, double, double, 0, a += v)
EACH(squares_f64, double, double, 0, b += (v - cs[k]) * (v - cs[k]))

/* In two passes, a few lines at a time, which lie in the cache. */
static void moments_f64(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total)
{
    enum { FEW = 256 };
    double mean[FEW], square[FEW], unused[FEW];
    (void)context;
    for (int64_t at = 0; at < count; at += FEW) {
        const int64_t few = count - at < FEW ? count - at : FEW;
        const double *x = (const double *)x_ + at;
        sum_f64(x, n, step, few, NULL, mean, unused);
        for (int64_t k = 0; k < few; k++)
            mean[k] /= (double)n;
        squares_f64(x, n, step, few, mean, unused, square);
        for (int64_t k = 0; k < few; k++)
            total[at + k] = (ag_total_of){ mean[k], square[k], n };
    }
}

EACH(moments_once, float, double, 0, const double d = (double)v - cs[k]; a += d; b += d * d)

/* In one pass, about the lines' first elements: such a one is among the n, so that its distance from the mean makes the
 * sum of squares at most n + 1 times as large, which double has the digits for. */
static void moments_f32(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total)
{
    const float *x = x_;
    double first[AG_FOLD_COLUMNS], sum[AG_FOLD_COLUMNS], square[AG_FOLD_COLUMNS];
    (void)context;
    for (int64_t k = 0; k < count; k++)
        first[k] = isfinite(x[k]) ? (double)x[k] : 0;
    moments_once(x, n, step, count, first, sum, square);
    for (int64_t k = 0; k < count; k++) {
        const double mean = sum[k] / (double)n;
        total[k] = (ag_total_of){ first[k] + mean, square[k] - sum[k] * mean, n };
    }
}

/* Sums over a line's elements of their distances d from c, and of d d. */
#define LINE_MOMENTS(name, type, load)                                                           \
    AG_INLINE void name##_about(const type *x, int64_t n, double c, double *sum, double *square) \
    {                                                                                            \
        const ag_eight none = ag_eight_all(0);                                                   \
        ag_eight a[2] = { none, none }, b[2] = { none, none };                                   \
        int64_t i = 0;                                                                           \
        for (; i + 16 <= n; i += 16)                                                             \
            for (int k = 0; k < 2; k++) {                                                        \
                const ag_eight d = ag_eight_from(load(x + i + 8 * k), c);                        \
                a[k] = ag_eight_add(a[k], d);                                                    \
                b[k] = ag_eight_add_square(b[k], d);                                             \
            }                                                                                    \
        for (; i < n; i += 8) { /* the last vector overlaps, and counts what is new in it */     \
            const ag_eight v = ag_eight_from(load(i + 8 <= n ? x + i : x + n - 8), c);           \
            const ag_eight d = ag_eight_last(v, i + 8 <= n ? 8 : n - i, 0);                      \
            a[0] = ag_eight_add(a[0], d);                                                        \
            b[0] = ag_eight_add_square(b[0], d);                                                 \
        }                                                                                        \
        *sum = ag_eight_sum(ag_eight_add(a[0], a[1]));                                           \
        *square = ag_eight_sum(ag_eight_add(b[0], b[1]));                                        \
    }
LINE_MOMENTS(moments_f32, float, ag_eight_f32)
LINE_MOMENTS(moments_f64, double, ag_eight_f64)

static void lines_f32(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total)
{
    const float *x = x_;
    (void)context;
    for (int64_t k = 0; k < count; k++, x += n) {
        const double first = isfinite(*x) ? (double)*x : 0;
        double sum, square;
        moments_f32_about(x, n, first, &sum, &square);
        const double mean = sum / (double)n;
        total[k] = (ag_total_of){ first + mean, square - sum * mean, n };
    }
}

static void lines_f64(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total)
{
    const double *x = x_;
    (void)context;
    for (int64_t k = 0; k < count; k++, x += n) {
        double sum, square, unused;
        moments_f64_about(x, n, 0, &sum, &unused);
        const double mean = sum / (double)n;
        moments_f64_about(x, n, mean, &unused, &square);
        total[k] = (ag_total_of){ mean, square, n };
    }
}

static void join_moments(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    (void)context;
    for (int64_t i = 0; i < count; i++) {
        const double m = (double)more[i].n, n = (double)total[i].n + m, d = more[i].a - total[i].a, part = m / n;
        if (total[i].n == 0) {
            total[i] = more[i];
            continue;
        }
        total[i].b += more[i].b + d * d * (double)total[i].n * part;
        total[i].a += d * part;
        total[i].n += more[i].n;
    }
}

/* n - by, not below 0; fmax would be a call */
static double divisor(double n, double by)
{
    return n - by > 0 ? n - by : 0;
}

static void finish(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y, bool root)
{
    const double by = ((const var_params *)ag_call_params(c))->by;
    double *mean = (double *)y[1].data + first, *wide = y->data;
    float *narrow = y->data;
    for (int64_t i = 0; i < count; i++) {
        const double var = total[i].b / divisor((double)total[i].n, by), v = root ? sqrt(var) : var;
        mean[i] = total[i].a;
        if (y->dtype == AG_F32)
            narrow[first + i] = (float)v;
        else
            wide[first + i] = v;
    }
}

static void finish_var(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y)
{
    finish(c, total, first, count, y, false);
}

static void finish_std(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y)
{
    finish(c, total, first, count, y, true);
}

static ag_status forward(const ag_call *c, const ag_array *x, ag_array *y, ag_finish_function *end)
{
    const ag_fold f = { .lines = x->dtype == AG_F32 ? lines_f32 : lines_f64,
                        .least = 16,
                        .columns = x->dtype == AG_F32 ? moments_f32 : moments_f64,
                        .join = join_moments,
                        .deep = x->dtype == AG_F32 ? 2048 : 128 };
    return ag_fold_axes(c, &f, x, ag_reduction_of(c).axes, end, y);
}

static ag_status var_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return forward(c, x, y, finish_var);
}

static ag_status std_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return forward(c, x, y, finish_std);
}

/* ---- the derivative: dx = s (x - mean), s = 2 dy / (n - by); of a root dy / (y (n - by)), but 0 where y = 0 */

static double divisor_of(const ag_call *c, ag_shape x)
{
    const var_params *p = ag_call_params(c);
    const ag_shape kept = ag_reduction_kept(c, x);
    double n = 1;
    for (int i = 0; i < x.rank; i++)
        n *= kept.dim[i] != x.dim[i] ? (double)x.dim[i] : 1;
    return divisor(n, p->by);
}

static ag_tensor centered(const ag_call *c, ag_tensor x)
{
    return ag_sub(x, ag_mean_over(x, ag_reduction_of(c).axes, AG_KEEPDIM));
}

static ag_tensor kept(const ag_call *c, ag_tensor y)
{
    return ag_reshape(y, ag_reduction_kept(c, ag_call_input_shape(c, 0)));
}

static void var_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0);
    const double n = divisor_of(c, ag_call_input_shape(c, 0));
    dx[0] = ag_mul(kept(c, ag_mul_scalar(dy[0], 2 / n)), centered(c, x));
}

/* dy / y, 0 where y = 0 */
static ag_tensor over_root(const ag_call *c, ag_tensor dy)
{
    const ag_tensor y = ag_call_output(c, 0), zero = ag_zeros(ag_call_tape(c), ag_dtype_of(y), AG_SCALAR);
    const ag_tensor none = ag_equal(y, zero), safe = ag_where(none, ag_add_scalar(zero, 1), y);
    return ag_where(none, zero, ag_div(dy, safe));
}

static void std_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0);
    const double n = divisor_of(c, ag_call_input_shape(c, 0));
    dx[0] = ag_mul(kept(c, ag_mul_scalar(over_root(c, dy[0]), 1 / n)), centered(c, x));
}

/* The sum of (x - mean) dx over the axes, divided by n - by. */
static ag_tensor covariance(const ag_call *c, ag_tensor dx)
{
    const ag_reduction p = ag_reduction_of(c);
    const ag_tensor products = ag_mul(centered(c, ag_call_input(c, 0)), dx);
    return ag_mul_scalar(ag_sum_over(products, p.axes, p.flags), 1 / divisor_of(c, ag_call_input_shape(c, 0)));
}

static void var_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_mul_scalar(covariance(c, dx[0]), 2);
}

static void std_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = over_root(c, covariance(c, dx[0]));
}

/* Arrays of a row: dx, x, the mean, s. context: is it added? */
#define CENTERED(name, type)                                                                                       \
    static void name(const ag_walk_row *w, void *context)                                                          \
    {                                                                                                              \
        type *restrict dx = w->data[0];                                                                            \
        const type *x = w->data[1];                                                                                \
        const double *mean = w->data[2], *s = w->data[3];                                                          \
        const int64_t ds = w->stride[0], xs = w->stride[1], ms = w->stride[2];                                     \
        const bool add = *(const bool *)context, plain = ds == 1 && xs == 1 && ms <= 1 && !add;                    \
        for (int64_t i = 0; plain && ms == 0 && i < w->n; i++)                                                     \
            dx[i] = (type)(((double)x[i] - *mean) * *s);                                                           \
        for (int64_t i = 0; plain && ms == 1 && i < w->n; i++)                                                     \
            dx[i] = (type)(((double)x[i] - mean[i]) * s[i]);                                                       \
        for (int64_t i = 0; !plain && i < w->n; i++)                                                               \
            dx[i * ds] =                                                                                           \
                (type)((add ? (double)dx[i * ds] : 0) + ((double)x[i * xs] - mean[i * ms]) * s[i * w->stride[3]]); \
    }
CENTERED(centered_f32, float)
CENTERED(centered_f64, double)

static ag_status back(const ag_call *c, const ag_array *dy, ag_array *dx, double beta, bool root)
{
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0), *mean = ag_call_output_array(c, 1);
    if (!x || !y || !mean)
        return AG_EUSE;
    const int64_t results = ag_array_size(dy);
    const double n = divisor_of(c, x->shape);
    ag_array scale = *mean;
    double *s = scale.data = ag_call_scratch(c, (size_t)results * sizeof *s);
    bool add = beta != 0;
    if (!s)
        return AG_ENOMEM;
    for (int64_t i = 0; i < results; i++) {
        const double root_of = root ? ag_array_get(y, i) : 0.5;
        s[i] = root_of == 0 ? 0 : ag_array_get(dy, i) / root_of / n;
    }
    const ag_array means = ag_reduction_array(c, mean, x->shape), scales = ag_reduction_array(c, &scale, x->shape);
    const ag_array m = ag_array_expand(&means, x->shape), f = ag_array_expand(&scales, x->shape);
    ag_walk_tiles(x->shape, 4, (const ag_array *const[]){ &dx[0], x, &m, &f }, 1 << 1 | 1 << 2 | 1 << 3,
                  x->dtype == AG_F32 ? centered_f32 : centered_f64, &add, ag_call_threads(c));
    return AG_OK;
}

static ag_status var_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return back(c, dy, dx, beta[0], false);
}

static ag_status std_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return back(c, dy, dx, beta[0], true);
}

/* clang-format off */
#define SAMPLE(axes, flags, by, ...)                                                                                   \
    { .params = &(const var_params){ { axes, flags }, by }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define EVERY { -1, { 0 } }
#define SAMPLES                                                                                                        \
    (const ag_sample[]){ SAMPLE(AXES(1), 0, 1, AG_DIMS(3, 4)),                                                         \
                         SAMPLE(AXES(0), 0, 0, AG_DIMS(3, 4)),                                                         \
                         SAMPLE(AXES(-1), AG_KEEPDIM, 0.5, AG_DIMS(3, 3)),                                             \
                         SAMPLE(AXES(0, 2), 0, 1, AG_DIMS(2, 3, 2)),                                                   \
                         SAMPLE(AXES(1), 0, 1, AG_DIMS(2, 3, 2)),                                                      \
                         SAMPLE(EVERY, 0, 0.5, AG_DIMS(2, 3)),                                                           \
                         SAMPLE(EVERY, AG_KEEPDIM, 0, AG_DIMS(5)),                                                     \
                         { 0 } }
/* clang-format on */

AG_OP(var_over) = {
    .name = "var_over",
    .formula = "variance of x over axes",
    .inputs = 1,
    .saved = 1,
    .params_size = sizeof(var_params),
    .shape = var_shape,
    .forward = var_forward,
    .vjp = var_vjp,
    .jvp = var_jvp,
    .vjp_fused = var_vjp_fused,
    .samples = SAMPLES,
};

AG_OP(std_over) = {
    .name = "std_over",
    .formula = "standard deviation of x over axes",
    .inputs = 1,
    .saved = 1,
    .params_size = sizeof(var_params),
    .shape = var_shape,
    .forward = std_forward,
    .vjp = std_vjp,
    .jvp = std_jvp,
    .vjp_fused = std_vjp_fused,
    .samples = SAMPLES,
};

static var_params params_of(ag_axes axes, int flags, ag_var_options o)
{
    return (var_params){ { axes, flags }, o.biased ? 0 : o.correction != 0 ? o.correction : 1 };
}

/* ag_var - the variance of all n elements about their mean, with n - 1 in the denominator; NaN if there are fewer than
 * two.
 *   y = sum of (x - mean)^2 / (n - 1)        dx = 2 dy (x - mean) / (n - 1)
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_var(ag_tensor x)
{
    return ag_var_over(x, AG_ALL, 0, (ag_var_options){ 0 });
}

/* ag_var_over - variances over axes with n elements each, axes and flags as in ag_sum_over; c is the options'
 * correction, 1 unless they say otherwise. Where n - c is not positive it counts as 0, which makes infinity or NaN.
 *   y = sum of (x - mean)^2 / (n - c)        dx = 2 dy (x - mean) / (n - c)
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_var_over(ag_tensor x, ag_axes axes, int flags, ag_var_options options)
{
    const var_params p = params_of(axes, flags, options);
    return AG_APPLY(var_over, AG_LIST(x), &p);
}

/* ag_std - the standard deviation of all n elements, with n - 1 in the denominator; NaN if there are fewer than two.
 *   y = sqrt(sum of (x - mean)^2 / (n - 1))        dx = dy (x - mean) / (y (n - 1)), 0 where y = 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_std(ag_tensor x)
{
    return ag_std_over(x, AG_ALL, 0, (ag_var_options){ 0 });
}

/* ag_std_over - the roots of ag_var_over.
 *   y = sqrt(sum of (x - mean)^2 / (n - c))        dx = dy (x - mean) / (y (n - c)), 0 where y = 0
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_std_over(ag_tensor x, ag_axes axes, int flags, ag_var_options options)
{
    const var_params p = params_of(axes, flags, options);
    return AG_APPLY(std_over, AG_LIST(x), &p);
}
