/* Norms of vectors. */
#include "ag/ops/reductions/norm.h"
#include "ag/ops/reductions/reduction.h"
#include <math.h>

typedef struct norm_params {
    ag_reduction reduction;
    double p; /* not 0, which counts and is made of other ops */
} norm_params;

/* y, and where it is an extreme |x| how many are, which is saved in double */
static ag_status norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "integers have no norm; see ag_cast");
    if (p->p != p->p)
        return ag_call_fail(c, AG_EARG, "p is NaN");
    if (ag_reduction_shape(c, x->shape, &y->shape))
        return c->tape->error.status;
    if ((p->p < 0 || isinf(p->p)) && ag_array_size(x) == 0 && ag_shape_size(y->shape) > 0)
        return ag_call_fail(c, AG_ESHAPE, "of no elements there is no norm with p = %g", p->p);
    y[0].dtype = x->dtype;
    y[1].dtype = AG_F64;
    y[1].shape = isinf(p->p) ? y[0].shape : AG_SHAPE(0);
    return AG_OK;
}

static void put(ag_array *y, int64_t i, double norm)
{
    if (y->dtype == AG_F32)
        ((float *)y->data)[i] = (float)norm;
    else
        ((double *)y->data)[i] = norm;
}

static void finish(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y)
{
    enum { SOME = 256 };
    const double p = ((const norm_params *)ag_call_params(c))->p;
    double norm[SOME];
    for (int64_t i = 0; i < count && isinf(p); i++)
        ((double *)y[1].data)[first + i] = (double)total[i].n;
    for (int64_t i = 0; i < count && p != 2; i++)
        put(y, first + i, ag_norm_of(&total[i], p));
    for (int64_t at = 0; at < count && p == 2; at += SOME) { /* roots by themselves are a loop of vectors */
        const int64_t some = count - at < SOME ? count - at : SOME;
        for (int64_t k = 0; k < some; k++)
            norm[k] = ag_norm_of(&total[at + k], 2);
        for (int64_t k = 0; k < some; k++)
            put(y, first + at + k, norm[k]);
    }
}

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    const ag_fold f = ag_norm_fold(&p->p, x->dtype);
    return ag_fold_axes(c, &f, x, p->reduction.axes, finish, y);
}

/* ---- the derivative */

/* Of y by each element of x: x/y, or sign(x) (|x|/y)^(p-1); 0 where y = 0, and where x = 0 and it would be infinite. Of
 * an extreme |x| its sign, shared by equal ones. */
static ag_tensor slope(const ag_call *c)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor x = ag_call_input(c, 0),
                    y = ag_reshape(ag_call_output(c, 0), ag_reduction_kept(c, ag_call_input_shape(c, 0)));
    const ag_tensor zero = ag_zeros(ag_call_tape(c), ag_dtype_of(x), AG_SCALAR), one = ag_add_scalar(zero, 1);
    const ag_tensor none = ag_equal(y, zero), safe = ag_where(none, one, y);
    if (p->p == 1)
        return ag_sign(x);
    if (p->p == 2)
        return ag_where(none, zero, ag_div(x, safe));
    if (isinf(p->p)) {
        const ag_tensor here = ag_cast(ag_logical_or(ag_equal(ag_abs(x), y), ag_isnan(x)), ag_dtype_of(x));
        const ag_tensor count = ag_sum_over(here, ag_reduction_of(c).axes, AG_KEEPDIM);
        return ag_where(ag_equal(here, zero), zero, ag_div(ag_sign(x), count));
    }
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
        else if (ds == 1 && xs == 1 && ys == 1 && gs == 1 && !add)                                               \
            for (int64_t i = 0; i < w->n; i++) {                                                                 \
                const type v = x[i] / y[i] * dy[i];                                                              \
                dx[i] = y[i] == 0 ? 0 : v;                                                                       \
            }                                                                                                    \
        else                                                                                                     \
            for (int64_t i = 0; i < w->n; i++)                                                                   \
                dx[i * ds] = (add ? dx[i * ds] : 0) + (y[i * ys] == 0 ? 0 : x[i * xs] / y[i * ys] * dy[i * gs]); \
    }
UNIT(unit_f32, float)
UNIT(unit_f64, double)

/* Arrays of a row: dx, x, dy. context: is it added? */
#define SIGN(v) ((v) > 0 ? 1 : (v) < 0 ? -1 : (v))
#define SIGNED(name, type)                                                                             \
    static void name(const ag_walk_row *w, void *context)                                              \
    {                                                                                                  \
        type *restrict dx = w->data[0];                                                                \
        const type *x = w->data[1], *dy = w->data[2];                                                  \
        const int64_t ds = w->stride[0], xs = w->stride[1], gs = w->stride[2];                         \
        const bool add = *(const bool *)context, plain = ds == 1 && xs == 1 && gs <= 1 && !add;        \
        const type g = *dy;                                                                            \
        for (int64_t i = 0; plain && gs == 0 && i < w->n; i++)                                         \
            dx[i] = x[i] == 0 ? 0 : SIGN(x[i]) * g;                                                    \
        for (int64_t i = 0; plain && gs == 1 && i < w->n; i++) {                                       \
            const type v = SIGN(x[i]) * dy[i];                                                         \
            dx[i] = x[i] == 0 ? 0 : v;                                                                 \
        }                                                                                              \
        for (int64_t i = 0; !plain && i < w->n; i++)                                                   \
            dx[i * ds] = (add ? dx[i * ds] : 0) + (x[i * xs] == 0 ? 0 : SIGN(x[i * xs]) * dy[i * gs]); \
    }
SIGNED(signed_f32, float)
SIGNED(signed_f64, double)

/* Arrays of a row: dx, x, y, dy divided by how many share it. context: is it added? */
#define TAKEN(x, size, y) ((size) == (y) || (x) != (x))
#define SHARED(name, type, type_abs)                                                                                \
    static void name(const ag_walk_row *w, void *context)                                                           \
    {                                                                                                               \
        type *restrict dx = w->data[0];                                                                             \
        const type *x = w->data[1], *y = w->data[2], *share = w->data[3];                                           \
        const int64_t ds = w->stride[0], xs = w->stride[1], ys = w->stride[2], ss = w->stride[3];                   \
        const bool add = *(const bool *)context, plain = ds == 1 && xs == 1 && ys <= 1 && ys == ss && !add;         \
        const type top = *y, one = *share;                                                                          \
        for (int64_t i = 0; plain && ys == 0 && i < w->n; i++) {                                                    \
            const type v = SIGN(x[i]) * one;                                                                        \
            dx[i] = TAKEN(x[i], type_abs(x[i]), top) ? v : 0;                                                       \
        }                                                                                                           \
        for (int64_t i = 0; plain && ys == 1 && i < w->n; i++) {                                                    \
            const type v = SIGN(x[i]) * share[i];                                                                   \
            dx[i] = TAKEN(x[i], type_abs(x[i]), y[i]) ? v : 0;                                                      \
        }                                                                                                           \
        for (int64_t i = 0; !plain && i < w->n; i++) {                                                              \
            const type v = x[i * xs];                                                                               \
            dx[i * ds] = (add ? dx[i * ds] : 0) + (TAKEN(v, type_abs(v), y[i * ys]) ? SIGN(v) * share[i * ss] : 0); \
        }                                                                                                           \
    }
SHARED(shared_f32, float, fabsf)
SHARED(shared_f64, double, fabs)

/* dy divided by how many elements of each line share it; NULL: there was no memory. */
static void *shares(const ag_call *c, const ag_array *dy)
{
    const ag_array *many = ag_call_output_array(c, 1);
    const int64_t results = ag_array_size(dy);
    const bool single = dy->dtype == AG_F32;
    void *share = many ? ag_call_scratch(c, (size_t)results * ag_dtype_size(dy->dtype)) : NULL;
    for (int64_t i = 0; share && i < results; i++) {
        const double g = ag_array_get(dy, i) / ((const double *)many->data)[i];
        if (single)
            ((float *)share)[i] = (float)g;
        else
            ((double *)share)[i] = g;
    }
    return share;
}

static ag_status norm_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const norm_params *p = ag_call_params(c);
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    if (!x || !y)
        return AG_EUSE;
    const bool single = x->dtype == AG_F32;
    const ag_array ys = ag_reduction_array(c, y, x->shape), each = ag_array_expand(&ys, x->shape);
    ag_array gs = ag_reduction_array(c, dy, x->shape);
    if (isinf(p->p) && !(gs.data = shares(c, dy)))
        return AG_ENOMEM;
    const ag_array g = ag_array_expand(&gs, x->shape);
    bool add = beta[0] != 0;
    if (p->p == 1)
        ag_walk_tiles(x->shape, 3, (const ag_array *const[]){ &dx[0], x, &g }, 1 << 1 | 1 << 2,
                      single ? signed_f32 : signed_f64, &add, ag_call_threads(c));
    else if (p->p == 2 || isinf(p->p))
        ag_walk_tiles(x->shape, 4, (const ag_array *const[]){ &dx[0], x, &each, &g }, 1 << 1 | 1 << 2 | 1 << 3,
                      p->p == 2 ? (single ? unit_f32 : unit_f64) : (single ? shared_f32 : shared_f64), &add,
                      ag_call_threads(c));
    else
        return AG_USE_RULE;
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
    .saved = 1,
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
                                    SAMPLE(1, AXES(1), 0, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(1, AXES(0), 0, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(INFINITY, AXES(1), 0, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(INFINITY, AXES(0), 0, -2, 2, AG_DIMS(3, 4)),
                                    SAMPLE(-INFINITY, AXES(0, 2), AG_KEEPDIM, -2, 2, AG_DIMS(2, 3, 2)),
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
    if (p != 0 || !ag_is_float(ag_dtype_of(x)))
        return AG_APPLY(norm_over, AG_LIST(x), &all);
    return ag_cast(ag_count_nonzero_over(x, axes, flags), ag_dtype_of(x));
}
