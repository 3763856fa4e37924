/* Norms of vectors. */
#include "ag/ops/reductions/lines.h"
#include "ag/ops/reductions/reduction.h"
#include <float.h>
#include <math.h>

typedef struct norm_params {
    ag_reduction reduction;
    double p; /* neither 0 nor 1, and finite: the others are made of other ops */
} norm_params;

static ag_status norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "integers have no norm; see ag_cast");
    if (p->p != p->p)
        return ag_call_fail(c, AG_EARG, "p is NaN");
    if (ag_reduction_shape(c, x->shape, &y->shape))
        return c->tape->error.status;
    if (p->p < 0 && ag_array_size(x) == 0 && ag_shape_size(y->shape) > 0)
        return ag_call_fail(c, AG_ESHAPE, "of no elements there is no norm with p = %g", p->p);
    y->dtype = x->dtype;
    return AG_OK;
}

/* ---- b a^(1/p): a is the sum of (|x| / b)^p, b 1 where that is safe, else about the element that counts most */

static double most(const double *x, int64_t n, bool smallest)
{
    double m = x[0];
    for (int64_t i = 1; i < n; i++)
        m = (smallest ? x[i] < m : x[i] > m) || x[i] != x[i] ? x[i] : m;
    return m;
}

/* A NaN makes the sum NaN, an infinity b. */
static ag_total_of scaled(const double *x, int64_t n, double p)
{
    double power[AG_FOLD_COLUMNS * 4], a = 0;
    const double b = most(x, n, p < 0);
    if (b != b)
        return (ag_total_of){ b, 1, 0 };
    if (b == 0 && p > 0)
        return (ag_total_of){ 0, 1, 0 };
    if (b == 0 || b > DBL_MAX)
        return (ag_total_of){ 1, b, 0 };
    for (int64_t i = 0; i < ag_padded(n); i++)
        power[i] = i < n ? x[i] / b : 1;
    AG_VECTOR_LOOP
    for (int64_t i = 0; i < ag_padded(n); i++)
        power[i] = ag_v_pow(power[i], p);
    for (int64_t i = 0; i < n; i++)
        a += power[i];
    return (ag_total_of){ a, b, 0 };
}

static void join_norms(ag_total_of *total, const ag_total_of *more, const void *context)
{
    const double p = *(const double *)context;
    if (more->a == 0)
        return;
    if (total->a == 0 || total->b == more->b) {
        total->a += more->a;
        total->b = more->b;
        return;
    }
    const bool other = (total->b < more->b) == (p > 0) || more->a != more->a;
    const ag_total_of large = other ? *more : *total, small = other ? *total : *more;
    const double r = small.b / large.b;
    *total = (ag_total_of){ large.a + small.a * (p == 2 ? r * r : pow(r, p)), large.b, 0 };
}

/* A line's elements in double, a few at a time: to be scaled where squares overflow or vanish. */
#define NORM(name, type)                                                                                              \
    static void name##_slowly(const type *x, int64_t n, int64_t step, double p, ag_total_of *total)                   \
    {                                                                                                                 \
        double some[AG_FOLD_COLUMNS * 4];                                                                             \
        *total = (ag_total_of){ 0, 1, 0 };                                                                            \
        for (int64_t i = 0; i < n;) {                                                                                 \
            int64_t count = 0;                                                                                        \
            for (; i < n && count < AG_FOLD_COLUMNS * 4; i++)                                                         \
                some[count++] = fabs((double)x[i * step]);                                                            \
            const ag_total_of more = scaled(some, count, p);                                                          \
            join_norms(total, &more, &p);                                                                             \
        }                                                                                                             \
    }                                                                                                                 \
    static void name(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                 \
        const type *x = x_;                                                                                           \
        const double p = *(const double *)context;                                                                    \
        double sum[AG_FOLD_COLUMNS] = { 0 };                                                                          \
        for (int64_t i = 0; i < n && p == 2; i++)                                                                     \
            for (int64_t k = 0; k < count; k++)                                                                       \
                sum[k] += (double)x[i * step + k] * (double)x[i * step + k];                                          \
        for (int64_t k = 0; k < count; k++)                                                                           \
            if (p == 2 && sum[k] > 1e-280 && sum[k] < 1e300)                                                          \
                total[k] = (ag_total_of){ sum[k], 1, 0 };                                                             \
            else                                                                                                      \
                name##_slowly(x + k, n, step, p, &total[k]);                                                          \
    }
NORM(norm_f32, float)
NORM(norm_f64, double)

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    const ag_fold f = { x->dtype == AG_F32 ? norm_f32 : norm_f64, join_norms, &p->p, { 0, 1, 0 } };
    const int64_t results = ag_array_size(y);
    ag_total_of *total = ag_call_scratch(c, (size_t)results * sizeof *total);
    if (!total || ag_fold_axes(c, &f, x, p->reduction.axes, total))
        return AG_ENOMEM;
    for (int64_t i = 0; i < results; i++) {
        const double v = total[i].b * (p->p == 2 ? sqrt(total[i].a) : pow(total[i].a, 1 / p->p));
        if (y->dtype == AG_F32)
            ((float *)y->data)[i] = (float)v;
        else
            ((double *)y->data)[i] = v;
    }
    return AG_OK;
}

/* ---- the derivative */

/* Of y by each element of x: x/y, or sign(x) (|x|/y)^(p-1); 0 where y = 0, and where x = 0 and it would be infinite. */
static ag_tensor slope(const ag_call *c)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor x = ag_call_input(c, 0),
                    y = ag_reshape(ag_call_output(c, 0), ag_reduction_kept(c, ag_call_input_shape(c, 0)));
    const ag_tensor zero = ag_zeros(ag_call_tape(c), ag_dtype_of(x), AG_SCALAR), one = ag_add_scalar(zero, 1);
    const ag_tensor none = ag_equal(y, zero), safe = ag_where(none, one, y);
    if (p->p == 2)
        return ag_where(none, zero, ag_div(x, safe));
    const ag_tensor at_zero = ag_equal(x, zero);
    const ag_tensor size = ag_div(ag_abs(p->p < 1 ? ag_where(at_zero, one, x) : x), safe);
    const ag_tensor power = ag_mul(ag_sign(x), ag_pow_scalar(size, p->p - 1));
    return ag_where(none, zero, p->p < 1 ? ag_where(at_zero, zero, power) : power);
}

static void norm_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(slope(c), ag_reshape(dy[0], ag_reduction_kept(c, ag_call_input_shape(c, 0))));
}

static void norm_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_reduction p = ag_reduction_of(c);
    dy[0] = ag_sum_over(ag_mul(slope(c), dx[0]), p.axes, p.flags);
}

/* Arrays of a row: dx, x, y, dy. context: is it added? */
#define UNIT(name, type)                                                                                         \
    static void name(const ag_walk_row *w, void *context)                                                        \
    {                                                                                                            \
        type *restrict dx = w->data[0];                                                                          \
        const type *x = w->data[1], *y = w->data[2], *dy = w->data[3];                                           \
        const int64_t ds = w->stride[0], xs = w->stride[1], ys = w->stride[2], gs = w->stride[3];                \
        const bool add = *(const bool *)context;                                                                 \
        const type length = *y, g = *dy;                                                                         \
        if (ds == 1 && xs == 1 && ys == 0 && gs == 0 && !add)                                                    \
            for (int64_t i = 0; i < w->n; i++) {                                                                 \
                const type v = x[i] / length * g; /* made always: else there are no vectors of it */             \
                dx[i] = length == 0 ? 0 : v;                                                                     \
            }                                                                                                    \
        else                                                                                                     \
            for (int64_t i = 0; i < w->n; i++)                                                                   \
                dx[i * ds] = (add ? dx[i * ds] : 0) + (y[i * ys] == 0 ? 0 : x[i * xs] / y[i * ys] * dy[i * gs]); \
    }
UNIT(unit_f32, float)
UNIT(unit_f64, double)

static ag_status norm_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const norm_params *p = ag_call_params(c);
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    if (!x || !y)
        return AG_EUSE;
    if (p->p != 2)
        return AG_USE_RULE;
    const ag_array ys = ag_reduction_array(c, y, x->shape), gs = ag_reduction_array(c, dy, x->shape);
    const ag_array each = ag_array_expand(&ys, x->shape), g = ag_array_expand(&gs, x->shape);
    bool add = beta[0] != 0;
    ag_walk(x->shape, 4, (const ag_array *const[]){ &dx[0], x, &each, &g }, x->dtype == AG_F32 ? unit_f32 : unit_f64,
            &add, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define SAMPLE(p, axes, flags, low_, high_, ...)                                                                       \
    { .params = &(const norm_params){ { axes, flags }, p }, .low = { low_ }, .high = { high_ }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define EVERY { -1, { 0 } }
/* clang-format on */

AG_OP(norm_over) = {
    .name = "norm_over",
    .formula = "(sum of |x|^p)^(1/p) over axes",
    .inputs = 1,
    .params_size = sizeof(norm_params),
    .shape = norm_shape,
    .forward = norm_forward,
    .vjp = norm_vjp,
    .jvp = norm_jvp,
    .vjp_fused = norm_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(2, AXES(1), 0, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(2, AXES(0), AG_KEEPDIM, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(2, AXES(0, 2), 0, -2, 2, AG_DIMS(2, 3, 2)),
                                    SAMPLE(2, EVERY, 0, -2, 2, AG_DIMS(2, 3)),
                                    SAMPLE(3, AXES(1), 0, 0.5, 2, AG_DIMS(2, 3, 2)),
                                    SAMPLE(1.5, EVERY, AG_KEEPDIM, -2, -0.5, AG_DIMS(5)),
                                    SAMPLE(-2, AXES(-1), 0, 0.5, 2, AG_DIMS(3, 3)),
                                    { 0 } },
};

/* ag_norm - the length of all elements as a vector; neither huge nor tiny elements overflow or vanish in it.
 *   y = sqrt(sum of x^2)        dx = dy x / y, 0 where y = 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_norm(ag_tensor x)
{
    return ag_norm_over(x, 2, AG_ALL, 0);
}

/* ag_norm_over - p-norms over axes; axes and flags as in ag_sum_over. p may be any number: 0 counts what is not 0
 * (without a gradient), INFINITY and -INFINITY take the largest and smallest |x| (equal ones share dy).
 *   y = (sum of |x|^p)^(1/p)        dx = dy sign(x) (|x| / y)^(p-1), 0 where y = 0; where p < 1 also where x = 0
 * Errors: AG_ESHAPE if an axis is out of range or named twice, or there are no elements and p is negative or infinite;
 * AG_EARG for unknown flags or if p is NaN; AG_EDTYPE for integers. */
AG_API ag_tensor ag_norm_over(ag_tensor x, double p, ag_axes axes, int flags)
{
    const norm_params all = { { axes, flags }, p };
    const bool plain = p != 0 && p != 1 && !isinf(p);
    if (plain || !ag_is_float(ag_dtype_of(x)))
        return AG_APPLY(norm_over, AG_LIST(x), &all);
    if (p == 0)
        return ag_cast(ag_sum_over(ag_not_equal(x, ag_zeros(x.tape, ag_dtype_of(x), AG_SCALAR)), axes, flags),
                       ag_dtype_of(x));
    if (p == 1)
        return ag_sum_over(ag_abs(x), axes, flags);
    return p > 0 ? ag_max_over(ag_abs(x), axes, flags) : ag_min_over(ag_abs(x), axes, flags);
}
