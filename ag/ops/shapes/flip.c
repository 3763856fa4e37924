/* Elements in reverse order along axes, and moved along one in a circle. */
#include "ag/ops/shapes/views.h"

/* ---- flip */

typedef struct flip_params {
    ag_axes axes;
} flip_params;

static ag_status flip_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const flip_params *p = ag_call_params(c);
    bool reversed[AG_MAX_RANK];
    if (!ag_axes_mask(p->axes, x->shape.rank, reversed))
        return ag_call_axes_fail(c, p->axes);
    *y = *x;
    if (ag_array_size(x) == 0)
        return AG_OK;
    for (int i = 0; i < x->shape.rank; i++) {
        if (!reversed[i])
            continue;
        y->data = (char *)y->data + (x->shape.dim[i] - 1) * x->stride[i] * (int64_t)ag_dtype_size(x->dtype);
        y->stride[i] = -x->stride[i];
    }
    return AG_OK;
}

static ag_tensor flip_again(const ag_call *c, ag_tensor x)
{
    const flip_params *p = ag_call_params(c);
    return ag_flip(x, p->axes);
}

static void flip_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = flip_again(c, dy[0]);
}

static void flip_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = flip_again(c, dx[0]);
}

/* clang-format off */
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define ALL { -1, { 0 } }
#define NONE { 0, { 0 } }
#define FLIP(axes, ...)                                                                                                \
    { .params = &(const flip_params){ axes }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(flip) = {
    .name = "flip",
    .formula = "x in reverse order along axes",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(flip_params),
    .shape = flip_shape,
    .vjp = flip_vjp,
    .jvp = flip_jvp,
    .samples = (const ag_sample[]){ FLIP(AXES(0), AG_DIMS(4)),
                                    FLIP(AXES(1), AG_DIMS(2, 3)),
                                    FLIP(AXES(-1, 0), AG_DIMS(3, 2, 2)),
                                    FLIP(ALL, AG_DIMS(2, 1, 3)),
                                    FLIP(NONE, AG_DIMS(2, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_flip - x in reverse order along the given axes (AG_ALL: all). A view.
 *   y[..,i,..] = x[..,n - 1 - i,..]        dx: dy in reverse order along the same axes
 * Errors: AG_ESHAPE if an axis is out of range or named twice. */
AG_API ag_tensor ag_flip(ag_tensor x, ag_axes axes)
{
    const flip_params p = { axes };
    return AG_APPLY(flip, AG_LIST(x), &p);
}

/* ---- roll */

typedef struct roll_params {
    int64_t shift;
    int64_t axis;
} roll_params;

static ag_status roll_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const roll_params *p = ag_call_params(c);
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    return ag_call_axis(c, (int)p->axis, x->shape.rank) < 0 ? AG_ESHAPE : AG_OK;
}

/* The two parts of x change places: the last `shift` elements come first. */
static void roll(const ag_call *c, const ag_array *to, const ag_array *from, bool back, bool add)
{
    const roll_params *p = ag_call_params(c);
    const int axis = ag_axis((int)p->axis, from->shape.rank), threads = ag_call_threads(c);
    const int64_t n = from->shape.dim[axis], rest = n > 0 ? p->shift % n : 0, shift = rest < 0 ? rest + n : rest;
    const int64_t first = back ? n - shift : shift;
    ag_array part = ag_region(to, axis, 0, first, 1), source = ag_region(from, axis, n - first, first, 1);
    ag_copy_array(&part, &source, add, threads);
    part = ag_region(to, axis, first, n - first, 1);
    source = ag_region(from, axis, 0, n - first, 1);
    ag_copy_array(&part, &source, add, threads);
}

static ag_status roll_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    roll(c, y, x, false, false);
    return AG_OK;
}

static void roll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const roll_params *p = ag_call_params(c);
    const int64_t n = ag_call_input_shape(c, 0).dim[ag_axis((int)p->axis, ag_call_input_shape(c, 0).rank)];
    dx[0] = ag_roll(dy[0], (int)p->axis, n > 0 ? -(p->shift % n) : 0);
}

static void roll_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const roll_params *p = ag_call_params(c);
    dy[0] = ag_roll(dx[0], (int)p->axis, p->shift);
}

static ag_status roll_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    roll(c, &dx[0], dy, true, beta[0] != 0);
    return AG_OK;
}

/* clang-format off */
#define ROLL(axis, shift, ...)                                                                                         \
    { .params = &(const roll_params){ shift, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(roll) = {
    .name = "roll",
    .formula = "x moved along an axis in a circle",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(roll_params),
    .shape = roll_shape,
    .forward = roll_forward,
    .vjp = roll_vjp,
    .jvp = roll_jvp,
    .vjp_fused = roll_vjp_fused,
    .samples = (const ag_sample[]){ ROLL(0, 1, AG_DIMS(4)),
                                    ROLL(-1, -1, AG_DIMS(2, 5)),
                                    ROLL(1, 7, AG_DIMS(2, 3, 2)),
                                    ROLL(0, 0, AG_DIMS(3, 2)),
                                    ROLL(0, INT64_MIN, AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_roll - x with element i of an axis in place i + shift; those that leave at one end come in at the other.
 *   y[..,(i + shift) mod n,..] = x[..,i,..]        dx: dy moved by -shift
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_roll(ag_tensor x, int axis, int64_t shift)
{
    const roll_params p = { shift, axis };
    return AG_APPLY(roll, AG_LIST(x), &p);
}
