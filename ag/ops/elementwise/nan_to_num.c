/* Numbers in place of what is none. */
#include "ag/ops/elementwise/rows.h"
#include <float.h>

typedef struct replacements {
    double nan, high, low;
} replacements;

static ag_status nan_to_num_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "the op is defined for f32 and f64; see ag_cast");
    y->dtype = x->dtype;
    y->shape = x->shape;
    return AG_OK;
}

/* Arrays of a row: y, x. */
#define REPLACE(name, T, MAX)                                                             \
    static T within_##name(double v)                                                      \
    {                                                                                     \
        return (T)(v > MAX ? MAX : v < -MAX ? -MAX : v);                                  \
    }                                                                                     \
    static void name(const ag_walk_row *w, void *context)                                 \
    {                                                                                     \
        const replacements *r = context;                                                  \
        T *restrict y = w->data[0];                                                       \
        const T *x = w->data[1], nan = (T)r->nan;                                         \
        const T high = within_##name(r->high), low = within_##name(r->low);               \
        const int64_t ys = w->stride[0], xs = w->stride[1];                               \
        if (ys == 1 && xs == 1)                                                           \
            for (int64_t i = 0; i < w->n; i++)                                            \
                y[i] = x[i] != x[i] ? nan : x[i] > MAX ? high : x[i] < -MAX ? low : x[i]; \
        else                                                                              \
            for (int64_t i = 0; i < w->n; i++) {                                          \
                const T v = x[i * xs];                                                    \
                y[i * ys] = v != v ? nan : v > MAX ? high : v < -MAX ? low : v;           \
            }                                                                             \
    }
REPLACE(replace_f32, float, FLT_MAX)
REPLACE(replace_f64, double, DBL_MAX)

static ag_status nan_to_num_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    replacements r = *(const replacements *)ag_call_params(c);
    ag_walk(y->shape, 2, (const ag_array *const[]){ y, x }, y->dtype == AG_F32 ? replace_f32 : replace_f64, &r,
            ag_call_threads(c));
    return AG_OK;
}

static void nan_to_num_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_where_scalar(ag_isfinite(ag_call_input(c, 0)), dy[0], 0);
}

/* Arrays of a row: dx, x, dy. `add` is the context. */
#define PASS(name, T)                                                                  \
    static void name(const ag_walk_row *w, void *context)                              \
    {                                                                                  \
        const bool add = *(const bool *)context;                                       \
        T *dx = w->data[0];                                                            \
        const T *x = w->data[1], *dy = w->data[2];                                     \
        const int64_t ds = w->stride[0], xs = w->stride[1], ys = w->stride[2];         \
        for (int64_t i = 0; i < w->n && !add && ds == 1 && xs == 1 && ys == 1; i++) {  \
            const T g = dy[i]; /* loaded always: else there are no vectors of it */    \
            dx[i] = FINITE(x[i]) ? g : 0;                                              \
        }                                                                              \
        for (int64_t i = 0; i < w->n && (add || ds != 1 || xs != 1 || ys != 1); i++) { \
            const T g = FINITE(x[i * xs]) ? dy[i * ys] : 0;                            \
            dx[i * ds] = add ? dx[i * ds] + g : g;                                     \
        }                                                                              \
    }
PASS(pass_f32, float)
PASS(pass_f64, double)

static ag_status nan_to_num_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0);
    bool add = beta[0] != 0;
    if (!x)
        return AG_EUSE;
    ag_walk(dy->shape, 3, (const ag_array *const[]){ &dx[0], x, dy }, dy->dtype == AG_F32 ? pass_f32 : pass_f64, &add,
            ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
AG_OP(nan_to_num) = {
    .name = "nan_to_num",
    .formula = "x where it is finite, else a number",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(replacements),
    .shape = nan_to_num_shape,
    .forward = nan_to_num_forward,
    .vjp = nan_to_num_vjp,
    .jvp = nan_to_num_vjp,
    .vjp_fused = nan_to_num_vjp_fused,
    .samples = (const ag_sample[]){ { .params = &(const replacements){ 1, 2, 3 }, .low = { -2 }, .high = { 2 },
                                      .shape = { AG_DIMS(2, 3) } }, { 0 } },
};
/* clang-format on */

/* ag_nan_to_num - numbers for what is none: `nan` for NaN, `high` for inf, `low` for -inf. Those beyond the type, as INFINITY
 * and -INFINITY are, stand for its largest and its smallest number.
 *   y = x where it is finite        dx = dy there, else 0, whatever dy is
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_nan_to_num(ag_tensor x, double nan, double high, double low)
{
    const replacements p = { nan, high, low };
    return AG_APPLY(nan_to_num, AG_LIST(x), &p);
}
