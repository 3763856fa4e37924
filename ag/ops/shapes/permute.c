/* Axes in another order. */
#include "ag/ops/shapes/views.h"

typedef struct transpose_params {
    int a, b;
} transpose_params;

static ag_status transpose_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const transpose_params *p = ag_call_params(c);
    int a = ag_call_axis(c, p->a, x->shape.rank), b = a < 0 ? -1 : ag_call_axis(c, p->b, x->shape.rank);
    if (b < 0)
        return AG_ESHAPE;
    *y = *x;
    y->shape.dim[a] = x->shape.dim[b];
    y->shape.dim[b] = x->shape.dim[a];
    y->stride[a] = x->stride[b];
    y->stride[b] = x->stride[a];
    return AG_OK;
}

static ag_tensor transpose_again(const ag_call *c, ag_tensor x)
{
    const transpose_params *p = ag_call_params(c);
    return ag_transpose(x, p->a, p->b);
}

static void transpose_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = transpose_again(c, dy[0]);
}

static void transpose_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = transpose_again(c, dx[0]);
}

/* clang-format off */
#define TRANSPOSE(a, b, ...)                                                                                           \
    { .params = &(const transpose_params){ a, b }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(transpose) = {
    .name = "transpose",
    .formula = "x with two axes exchanged",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(transpose_params),
    .shape = transpose_shape,
    .vjp = transpose_vjp,
    .jvp = transpose_jvp,
    .samples = (const ag_sample[]){ TRANSPOSE(0, 1, AG_DIMS(2, 3)),
                                    TRANSPOSE(-1, -2, AG_DIMS(2, 3, 4)),
                                    TRANSPOSE(0, 2, AG_DIMS(2, 3, 2)),
                                    TRANSPOSE(1, 1, AG_DIMS(2, 3)),
                                    TRANSPOSE(0, -1, AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_transpose - x with the axes a and b exchanged. A view.
 *   y[..,i,..,j,..] = x[..,j,..,i,..]        dx: dy with the same axes exchanged
 * Errors: AG_ESHAPE if there are no such axes. */
AG_API ag_tensor ag_transpose(ag_tensor x, int a, int b)
{
    const transpose_params p = { a, b };
    return AG_APPLY(transpose, AG_LIST(x), &p);
}

typedef struct permute_params {
    ag_axes axes;
} permute_params;

static ag_status permute_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const permute_params *p = ag_call_params(c);
    bool taken[AG_MAX_RANK];
    if (p->axes.count != x->shape.rank)
        return ag_call_fail(c, AG_ESHAPE, "%d axes are given, but there are %d", p->axes.count, x->shape.rank);
    if (!ag_axes_mask(p->axes, x->shape.rank, taken))
        return ag_call_axes_fail(c, p->axes);
    *y = *x;
    for (int i = 0; i < x->shape.rank; i++) {
        int from = ag_axis(p->axes.axis[i], x->shape.rank);
        y->shape.dim[i] = x->shape.dim[from];
        y->stride[i] = x->stride[from];
    }
    return AG_OK;
}

static void permute_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const permute_params *p = ag_call_params(c);
    ag_axes back = { .count = p->axes.count };
    for (int i = 0; i < p->axes.count; i++)
        back.axis[ag_axis(p->axes.axis[i], p->axes.count)] = i;
    dx[0] = ag_permute(dy[0], back);
}

static void permute_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const permute_params *p = ag_call_params(c);
    dy[0] = ag_permute(dx[0], p->axes);
}

/* clang-format off */
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define PERMUTE(axes, ...)                                                                                             \
    { .params = &(const permute_params){ axes }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(permute) = {
    .name = "permute",
    .formula = "x with its axes in another order",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(permute_params),
    .shape = permute_shape,
    .vjp = permute_vjp,
    .jvp = permute_jvp,
    .samples = (const ag_sample[]){ PERMUTE(AXES(1, 0), AG_DIMS(2, 3)),
                                    PERMUTE(AXES(2, 0, 1), AG_DIMS(2, 3, 4)),
                                    PERMUTE(AXES(-1, 0, -2), AG_DIMS(2, 3, 2)),
                                    PERMUTE(AXES(0), AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_permute - axis i of the result is axis axes[i] of x; every axis is named once. A view.
 *   y = x with its axes in another order        dx: dy with its axes back in place
 * Errors: AG_ESHAPE if the axes are no permutation of x's. */
AG_API ag_tensor ag_permute(ag_tensor x, ag_axes axes)
{
    const permute_params p = { axes };
    return AG_APPLY(permute, AG_LIST(x), &p);
}

/* ag_swapaxes - NumPy's name of ag_transpose. */
AG_API ag_tensor ag_swapaxes(ag_tensor x, int a, int b)
{
    return ag_transpose(x, a, b);
}

/* ag_movedim - x with axis `from` moved to place `to`; the others keep their order. A view.
 * Errors: AG_ESHAPE if there are no such axes. */
AG_API ag_tensor ag_movedim(ag_tensor x, int from, int to)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_movedim", AG_LIST(x), &s);
    const int a = t ? ag_axis_for("ag_movedim", t, s, from) : -1, b = a < 0 ? -1 : ag_axis_for("ag_movedim", t, s, to);
    if (b < 0)
        return ag_inert(x.tape);
    ag_axes order = { .count = s.rank };
    for (int i = 0; i < s.rank; i++) {
        const int other = i - (i > b); /* number of the axis among those that are not moved */
        order.axis[i] = i == b ? a : other + (other >= a);
    }
    return ag_permute(x, order);
}
