/* The largest and smallest elements along an axis, and where they are. */
#include "ag/ops/reductions/placed.h"

/* ---- what all four share */

/* Of x without the axis; a number has one, too. */
static ag_status places_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_along *p = ag_call_params(c);
    if (ag_along_shape(c, p->axis, x, y))
        return AG_ESHAPE;
    if (x->shape.rank > 0 && ag_call_lines(c, &x->shape).n == 0)
        return ag_call_fail(c, AG_ESHAPE, "among no elements there is no extreme one");
    y->dtype = AG_I64;
    if (x->shape.rank == 0)
        return AG_OK;
    y->shape.rank--;
    for (int i = ag_axis(p->axis, x->shape.rank); i < y->shape.rank; i++)
        y->shape.dim[i] = x->shape.dim[i + 1];
    return AG_OK;
}

static ag_status find(const ag_call *c, const ag_array *x, const ag_array *place, void *value, bool largest)
{
    const ag_lines l = ag_call_lines(c, &x->shape);
    ag_extremum_places(x->dtype, x->data, l.outer, l.n, l.inner, largest, place->data, value, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define ALONG(which, ...) { .params = &(const ag_along){ which }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define INTEGERS(which, type, ...)                                                                                     \
    { .params = &(const ag_along){ which }, .low = { 0 }, .high = { 9 }, .dtype = { type }, .shape = { __VA_ARGS__ } }
#define SAMPLES                                                                                                        \
    (const ag_sample[]){ ALONG(-1, AG_DIMS(3, 4)), ALONG(0, AG_DIMS(3, 4)), ALONG(1, AG_DIMS(2, 3, 2)),                \
                         ALONG(-3, AG_DIMS(2, 3, 1)), ALONG(0, AG_DIMS(5)), { 0 } }
#define SAMPLES_OF_PLACES                                                                                              \
    (const ag_sample[]){ ALONG(-1, AG_DIMS(3, 4)), ALONG(0, AG_DIMS(3, 4)), ALONG(1, AG_DIMS(2, 3, 2)),                \
                         INTEGERS(0, AG_I64, AG_DIMS(3, 4)), INTEGERS(-1, AG_I32, AG_DIMS(3, 4)),                      \
                         INTEGERS(0, AG_U8, AG_DIMS(7)), { 0 } }
/* clang-format on */

/* ---- places alone */

static ag_status argmax_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return find(c, x, y, NULL, true);
}

AG_OP(argmax) = {
    .name = "argmax",
    .formula = "place of the largest element along an axis",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(ag_along),
    .shape = places_shape,
    .forward = argmax_forward,
    .samples = SAMPLES_OF_PLACES,
};

/* ag_argmax - where along an axis (-1: the last), which the result lacks, the largest element is, i64: the first one of
 * equal ones, the first NaN if there is one.
 *   y[i,..] = the j of the largest x[i,..,j,..]        no gradient
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_tensor ag_argmax(ag_tensor x, int axis)
{
    return AG_APPLY(argmax, AG_LIST(x), &(ag_along){ axis });
}

/* ag_argmax_all - where in row-major order the largest of all elements is; see ag_argmax.
 *   y = the j of the largest x[j], x as a vector        no gradient
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_argmax_all(ag_tensor x)
{
    return ag_argmax(ag_reshape(x, AG_SHAPE(-1)), 0);
}

static ag_status argmin_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return find(c, x, y, NULL, false);
}

AG_OP(argmin) = {
    .name = "argmin",
    .formula = "place of the smallest element along an axis",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(ag_along),
    .shape = places_shape,
    .forward = argmin_forward,
    .samples = SAMPLES_OF_PLACES,
};

/* ag_argmin - where along an axis (-1: the last), which the result lacks, the smallest element is, i64: the first one of
 * equal ones, the first NaN if there is one.
 *   y[i,..] = the j of the smallest x[i,..,j,..]        no gradient
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_tensor ag_argmin(ag_tensor x, int axis)
{
    return AG_APPLY(argmin, AG_LIST(x), &(ag_along){ axis });
}

/* ag_argmin_all - where in row-major order the smallest of all elements is; see ag_argmin.
 *   y = the j of the smallest x[j], x as a vector        no gradient
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_argmin_all(ag_tensor x)
{
    return ag_argmin(ag_reshape(x, AG_SHAPE(-1)), 0);
}

/* ---- values and places: dy goes to the chosen element alone */

static ag_status values_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = places_shape(c, x, &y[1]);
    y[0].shape = y[1].shape;
    y[0].dtype = x->dtype;
    return status;
}

static ag_status max_along_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return find(c, x, &y[1], y[0].data, true);
}

static ag_status min_along_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return find(c, x, &y[1], y[0].data, false);
}

static void values_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_along *p = ag_call_params(c);
    dx[0] = ag_placed_vjp(c, p->axis, dy[0]);
}

static void values_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_along *p = ag_call_params(c);
    dy[0] = ag_placed_jvp(c, p->axis, dx[0]);
}

static ag_status values_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_along *p = ag_call_params(c);
    return ag_placed_vjp_fused(c, p->axis, &dy[0], &dx[0], beta[0]);
}

AG_OP(max_along) = {
    .name = "max_along",
    .formula = "largest element of x along an axis, and its place",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(ag_along),
    .shape = values_shape,
    .forward = max_along_forward,
    .vjp = values_vjp,
    .jvp = values_jvp,
    .vjp_fused = values_vjp_fused,
    .samples = SAMPLES,
};

/* ag_max_along - the largest elements along an axis (-1: the last), which the results lack, and where they are: the
 * first one of equal ones, the first NaN if there is one. Unlike ag_max_over, equal ones do not share dy.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_max_along(ag_tensor x, int axis)
{
    return ag_placed_of(&ag_op_max_along, x, &(ag_along){ axis });
}

AG_OP(min_along) = {
    .name = "min_along",
    .formula = "smallest element of x along an axis, and its place",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(ag_along),
    .shape = values_shape,
    .forward = min_along_forward,
    .vjp = values_vjp,
    .jvp = values_jvp,
    .vjp_fused = values_vjp_fused,
    .samples = SAMPLES,
};

/* ag_min_along - the smallest elements along an axis (-1: the last), which the results lack, and where they are: the
 * first one of equal ones, the first NaN if there is one. Unlike ag_min_over, equal ones do not share dy.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_min_along(ag_tensor x, int axis)
{
    return ag_placed_of(&ag_op_min_along, x, &(ag_along){ axis });
}
