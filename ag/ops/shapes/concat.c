/* Tensors joined along an axis of theirs, or along a new one. */
#include "ag/ops/shapes/views.h"

typedef struct join_params {
    int axis;
} join_params;

/* The list of the inputs' tangents, zeros for those that are absent; NULL: no memory. */
static const ag_tensor *tangents(const ag_call *c, const ag_tensor *dx)
{
    ag_tensor *all = ag_call_scratch(c, (size_t)ag_call_inputs(c) * sizeof *all);
    for (int i = 0; all && i < ag_call_inputs(c); i++)
        all[i] = ag_call_tangent(c, dx, i);
    return all;
}

/* ---- concat */

static ag_status concat_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const join_params *p = ag_call_params(c);
    if (x[0].shape.rank == 0)
        return ag_call_fail(c, AG_ESHAPE, "rank-0 tensors have no axis; see ag_stack");
    int axis = ag_call_axis(c, p->axis, x[0].shape.rank);
    if (axis < 0)
        return AG_ESHAPE;
    *y = (ag_array){ .dtype = x[0].dtype, .shape = x[0].shape };
    y->shape.dim[axis] = 0;
    for (int i = 0; i < ag_call_inputs(c); i++) {
        ag_shape like = x[i].shape;
        if (x[i].dtype != y->dtype)
            return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
        if (like.rank == x[0].shape.rank)
            like.dim[axis] = x[0].shape.dim[axis];
        if (!ag_shape_equal(like, x[0].shape))
            return ag_call_fail(c, AG_ESHAPE, "operand %d differs from the first in another axis than %d", i + 1,
                                p->axis);
        if (__builtin_add_overflow(y->shape.dim[axis], x[i].shape.dim[axis], &y->shape.dim[axis]))
            return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    }
    return AG_OK;
}

static int concat_axis(const ag_call *c, const ag_array *y)
{
    const join_params *p = ag_call_params(c);
    return ag_axis(p->axis, y->shape.rank);
}

static ag_status concat_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis = concat_axis(c, y);
    int64_t start = 0;
    for (int i = 0; i < ag_call_inputs(c); i++) {
        int64_t count = x[i].shape.dim[axis];
        ag_array to = ag_region(y, axis, start, count, 1);
        ag_copy_array(&to, &x[i], false, ag_call_threads(c));
        start += count;
    }
    return AG_OK;
}

static void concat_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const join_params *p = ag_call_params(c);
    int64_t start = 0;
    for (int i = 0; i < ag_call_inputs(c); i++) {
        ag_shape x = ag_call_input_shape(c, i);
        int64_t stop = start + x.dim[ag_axis(p->axis, x.rank)];
        if (ag_call_needs(c, i))
            dx[i] = ag_slice(dy[0], p->axis, start, stop, 1);
        start = stop;
    }
}

static void concat_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const join_params *p = ag_call_params(c);
    const ag_tensor *all = tangents(c, dx);
    if (all)
        dy[0] = ag_concat((ag_list){ all, (size_t)ag_call_inputs(c) }, p->axis);
}

static ag_status concat_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    int axis = concat_axis(c, dy);
    int64_t start = 0;
    for (int i = 0; i < ag_call_inputs(c); i++) {
        int64_t count = ag_call_input_shape(c, i).dim[axis];
        ag_array from = ag_region(dy, axis, start, count, 1);
        if (dx[i].data)
            ag_copy_array(&dx[i], &from, beta[i] != 0, ag_call_threads(c));
        start += count;
    }
    return AG_OK;
}

/* clang-format off */
#define JOIN(axis, count, ...)                                                                                         \
    { .params = &(const join_params){ axis }, .low = { -2, -2, -2 }, .high = { 2, 2, 2 }, .shape = { __VA_ARGS__ },    \
      .inputs = count }

AG_OP(concat) = {
    .name = "concat",
    .formula = "the inputs one after the other along an axis",
    .flags = AG_VARIADIC | AG_STRIDED,
    .params_size = sizeof(join_params),
    .shape = concat_shape,
    .forward = concat_forward,
    .vjp = concat_vjp,
    .jvp = concat_jvp,
    .vjp_fused = concat_vjp_fused,
    .samples = (const ag_sample[]){ JOIN(0, 2, AG_DIMS(2, 3), AG_DIMS(1, 3)),
                                    JOIN(-1, 3, AG_DIMS(2, 1), AG_DIMS(2, 3), AG_DIMS(2, 2)),
                                    JOIN(1, 2, AG_DIMS(2, 2, 2), AG_DIMS(2, 1, 2)),
                                    JOIN(0, 2, AG_DIMS(3), AG_DIMS(2)),
                                    JOIN(0, 1, AG_DIMS(2, 2)),
                                    JOIN(0, 2, AG_DIMS(0, 2), AG_DIMS(2, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_concat - the tensors of the list one after the other along an axis; the other extents are equal.
 *   y = [x0 x1 ...]        dxi = its part of dy
 * Errors: AG_ESHAPE if there is no such axis or other extents differ; AG_EDTYPE if dtypes differ. */
AG_API ag_tensor ag_concat(ag_list xs, int axis)
{
    const join_params p = { axis };
    return AG_APPLY(concat, xs, &p);
}

/* ---- stack */

/* Numbers of different float types give f64. */
static ag_status stack_dtype(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = x[0].dtype;
    for (int i = 1; i < ag_call_inputs(c); i++) {
        bool numbers = x[i].shape.rank == 0 && ag_is_float(x[i].dtype) && ag_is_float(y->dtype);
        if (x[i].dtype != y->dtype && !numbers)
            return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
        if (x[i].dtype != y->dtype)
            y->dtype = AG_F64;
    }
    return AG_OK;
}

static ag_status stack_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const join_params *p = ag_call_params(c);
    int axis = ag_call_axis(c, p->axis, x[0].shape.rank + 1);
    if (axis < 0)
        return AG_ESHAPE;
    for (int i = 1; i < ag_call_inputs(c); i++)
        if (!ag_shape_equal(x[i].shape, x[0].shape))
            return ag_call_fail(c, AG_ESHAPE, "operand %d differs from the first", i + 1);
    if (x[0].shape.rank == AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "a tensor has at most %d dimensions", AG_MAX_RANK);
    y->shape.rank = x[0].shape.rank + 1;
    for (int d = 0; d < y->shape.rank; d++)
        y->shape.dim[d] = d == axis ? ag_call_inputs(c) : x[0].shape.dim[d < axis ? d : d - 1];
    return stack_dtype(c, x, y);
}

/* The part of y, or of its adjoint, that is input i. */
static ag_array layer(const ag_call *c, const ag_array *y, int i)
{
    int axis = concat_axis(c, y);
    ag_array one = ag_region(y, axis, i, 1, 1);
    return ag_without_axis(&one, axis);
}

static ag_status stack_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    for (int i = 0; i < ag_call_inputs(c); i++) {
        ag_array to = layer(c, y, i);
        ag_copy_array(&to, &x[i], false, ag_call_threads(c));
    }
    return AG_OK;
}

static void stack_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const join_params *p = ag_call_params(c);
    for (int i = 0; i < ag_call_inputs(c); i++)
        if (ag_call_needs(c, i))
            dx[i] = ag_select(dy[0], p->axis, i);
}

static void stack_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const join_params *p = ag_call_params(c);
    const ag_tensor *all = tangents(c, dx);
    if (all)
        dy[0] = ag_stack((ag_list){ all, (size_t)ag_call_inputs(c) }, p->axis);
}

static ag_status stack_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    for (int i = 0; i < ag_call_inputs(c); i++) {
        ag_array from = layer(c, dy, i);
        if (dx[i].data)
            ag_copy_array(&dx[i], &from, beta[i] != 0, ag_call_threads(c));
    }
    return AG_OK;
}

AG_OP(stack) = {
    .name = "stack",
    .formula = "the inputs along a new axis",
    .flags = AG_VARIADIC | AG_STRIDED,
    .params_size = sizeof(join_params),
    .shape = stack_shape,
    .forward = stack_forward,
    .vjp = stack_vjp,
    .jvp = stack_jvp,
    .vjp_fused = stack_vjp_fused,
    .samples = (const ag_sample[]){ JOIN(0, 2, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    JOIN(-1, 3, AG_DIMS(2), AG_DIMS(2), AG_DIMS(2)),
                                    JOIN(1, 2, AG_DIMS(2, 2), AG_DIMS(2, 2)),
                                    JOIN(0, 3, { 0 }, { 0 }, { 0 }),
                                    JOIN(-2, 1, AG_DIMS(3)),
                                    { 0 } },
};

/* ag_stack - tensors of one shape along a new axis, which becomes axis `axis` of the result.
 *   y[..,i,..] = xi[..,..]        dxi = dy[..,i,..]
 * Errors: AG_ESHAPE if the shapes differ or there can be no such axis; AG_EDTYPE if dtypes differ (but for rank-0
 * floats, which make f64). */
AG_API ag_tensor ag_stack(ag_list xs, int axis)
{
    const join_params p = { axis };
    return AG_APPLY(stack, xs, &p);
}
