/* Running extrema along an axis, and where they are. */
#include "ag/ops/reductions/placed.h"

static ag_status running_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_along *p = ag_call_params(c);
    const ag_status status = ag_along_shape(c, p->axis, x, &y[0]);
    y[1] = y[0];
    y[1].dtype = AG_I64;
    return status;
}

typedef struct running {
    ag_lines lines;
    const void *x;
    void *value;
    int64_t *place;
    ag_dtype dtype;
} running;

/* A NaN is more extreme than any number, and stays; of equal ones the last is told. A line by itself has what it told
 * last in registers. */
#define RUN(type, NEXT)                                                  \
    {                                                                    \
        const type *x = (const type *)r->x + row * n * inner;            \
        type *value = (type *)r->value + row * n * inner;                \
        if (inner == 1) {                                                \
            type most = x[0];                                            \
            int64_t at = 0;                                              \
            for (int64_t i = 0; i < n; i++) {                            \
                if (NEXT(x[i], most)) {                                  \
                    most = x[i];                                         \
                    at = i;                                              \
                }                                                        \
                value[i] = most;                                         \
                place[i] = at;                                           \
            }                                                            \
            break;                                                       \
        }                                                                \
        for (int64_t i = 0; i < n * inner; i++) {                        \
            const bool next = i < inner || NEXT(x[i], value[i - inner]); \
            value[i] = next ? x[i] : value[i - inner];                   \
            place[i] = next ? i / inner : place[i - inner];              \
        }                                                                \
        break;                                                           \
    }
#define ABOVE(a, b) ((a) >= (b) || (a) != (a))
#define BELOW(a, b) ((a) <= (b) || (a) != (a))

#define ROWS(name, NEXT)                                              \
    static void name(const void *context, int64_t begin, int64_t end) \
    {                                                                 \
        const running *r = context;                                   \
        const int64_t n = r->lines.n, inner = r->lines.inner;         \
        for (int64_t row = begin; row < end; row++) {                 \
            int64_t *place = r->place + row * n * inner;              \
            switch (r->dtype) {                                       \
            case AG_F32:                                              \
                RUN(float, NEXT)                                      \
            case AG_F64:                                              \
                RUN(double, NEXT)                                     \
            case AG_I32:                                              \
                RUN(int32_t, NEXT)                                    \
            case AG_I64:                                              \
                RUN(int64_t, NEXT)                                    \
            default:                                                  \
                RUN(uint8_t, NEXT)                                    \
            }                                                         \
        }                                                             \
    }
ROWS(largest, ABOVE)
ROWS(smallest, BELOW)

static ag_status run(const ag_call *c, const ag_array *x, ag_array *y, ag_range_function *rows)
{
    const ag_lines l = ag_call_lines(c, &x->shape);
    const running r = { l, x->data, y[0].data, y[1].data, x->dtype };
    if (ag_array_size(x) > 0)
        ag_for_ranges(l.outer, (double)(l.n * l.inner) * 4, ag_call_threads(c), rows, &r);
    return AG_OK;
}

static ag_status cummax_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return run(c, x, y, largest);
}

static ag_status cummin_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return run(c, x, y, smallest);
}

static void running_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_along *p = ag_call_params(c);
    dx[0] = ag_placed_vjp(c, p->axis, dy[0]);
}

static void running_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_along *p = ag_call_params(c);
    dy[0] = ag_placed_jvp(c, p->axis, dx[0]);
}

static ag_status running_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_along *p = ag_call_params(c);
    return ag_placed_vjp_fused(c, p->axis, &dy[0], &dx[0], beta[0]);
}

/* clang-format off */
#define ALONG(which, ...) { .params = &(const ag_along){ which }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define SAMPLES                                                                                                        \
    (const ag_sample[]){ ALONG(-1, AG_DIMS(2, 2, 3, 2)), ALONG(0, AG_DIMS(3, 4)), ALONG(1, AG_DIMS(2, 3, 2)),          \
                         ALONG(0, AG_DIMS(5)), { 0 } }
/* clang-format on */

AG_OP(cummax) = {
    .name = "cummax",
    .formula = "running largest element of x along an axis, and its place",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(ag_along),
    .shape = running_shape,
    .forward = cummax_forward,
    .vjp = running_vjp,
    .jvp = running_jvp,
    .vjp_fused = running_vjp_fused,
    .samples = SAMPLES,
};

/* ag_cummax - the largest elements so far along an axis (-1: the last), and where they are: the last one of equal ones,
 * the last NaN once there is one.
 *   values[..,i,..] = max of x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum of dvalues[..,i,..] where j = indices[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_cummax(ag_tensor x, int axis)
{
    return ag_placed_of(&ag_op_cummax, x, &(ag_along){ axis });
}

AG_OP(cummin) = {
    .name = "cummin",
    .formula = "running smallest element of x along an axis, and its place",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(ag_along),
    .shape = running_shape,
    .forward = cummin_forward,
    .vjp = running_vjp,
    .jvp = running_jvp,
    .vjp_fused = running_vjp_fused,
    .samples = SAMPLES,
};

/* ag_cummin - the smallest elements so far along an axis (-1: the last), and where they are: the last one of equal ones,
 * the last NaN once there is one.
 *   values[..,i,..] = min of x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum of dvalues[..,i,..] where j = indices[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_cummin(ag_tensor x, int axis)
{
    return ag_placed_of(&ag_op_cummin, x, &(ag_along){ axis });
}
