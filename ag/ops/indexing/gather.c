/* Elements taken from places along an axis, each index saying one. */
#include "ag/ops/indexing/rows.h"

static ag_status gather_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis;
    const ag_status status = ag_elements_check(c, x, &axis);
    if (status)
        return status;
    const ag_shape from = ag_shape_as_vector(x[0].shape), index = ag_shape_as_vector(x[1].shape);
    for (int d = 0; d < from.rank; d++)
        if (d != axis && index.dim[d] > from.dim[d])
            return ag_call_fail(c, AG_ESHAPE, "along axis %d the index has extent %lld, but there are %lld elements", d,
                                (long long)index.dim[d], (long long)from.dim[d]);
    y->dtype = x[0].dtype;
    y->shape = x[1].shape;
    return AG_OK;
}

static ag_status gather_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_elements e = ag_elements_of(c, &x[0], &x[1], y);
    return ag_along_take(c, &e, &x[1]);
}

static void gather_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), ag_call_input_shape(c, 0));
    dx[0] = ag_scatter_add(zeros, ag_along_axis(c), ag_call_input(c, 1), dy[0]);
}

static void gather_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_gather(dx[0], ag_along_axis(c), ag_call_input(c, 1));
}

static ag_status gather_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    if (!index)
        return AG_EUSE;
    const ag_elements e = ag_elements_of(c, &dx[0], index, dy);
    return ag_along_put(c, &e, index, AG_ADD, beta[0] == 0);
}

/* clang-format off */
#define ALONG(which, type, count, ...)                                                                                 \
    { .params = &(const ag_along_params){ which }, .low = { -2, 0 }, .high = { 2, count }, .dtype = { AG_FLOAT, type }, \
      .shape = { __VA_ARGS__ } }

AG_OP(gather) = {
    .name = "gather",
    .formula = "x[.., index[..,i,..], ..] along an axis",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = gather_shape,
    .forward = gather_forward,
    .vjp = gather_vjp,
    .jvp = gather_jvp,
    .vjp_fused = gather_vjp_fused,
    .samples = (const ag_sample[]){ ALONG(0, AG_I64, 3, AG_DIMS(3, 4), AG_DIMS(5, 4)),
                                    ALONG(-1, AG_I32, 4, AG_DIMS(3, 4), AG_DIMS(3, 6)),
                                    ALONG(1, AG_I64, 3, AG_DIMS(2, 3, 4), AG_DIMS(2, 2, 3)),
                                    ALONG(0, AG_U8, 4, AG_DIMS(4), AG_DIMS(7)),
                                    ALONG(0, AG_I64, 1, { 0 }, { 0 }),
                                    { 0 } },
};
/* clang-format on */

/* ag_gather - elements of x at places along an axis (-1: the last), one for each element of the index, which has x's
 * rank and, along the other axes, at most x's extents.
 *   y[i,..,p,..] = x[i,..,index[i,..,p,..],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating, AG_ESHAPE for another rank or a larger extent. */
AG_API ag_tensor ag_gather(ag_tensor x, int axis, ag_tensor index)
{
    return AG_APPLY(gather, AG_LIST(x, index), &(ag_along_params){ axis });
}

/* ---- take_along */

static ag_status take_along_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis;
    const ag_status status = ag_elements_check(c, x, &axis);
    if (status)
        return status;
    ag_shape from = ag_shape_as_vector(x[0].shape), index = ag_shape_as_vector(x[1].shape);
    const int64_t places = index.dim[axis];
    from.dim[axis] = index.dim[axis] = 1;
    if (!ag_shape_broadcast(from, index, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "along the other axes than %d the shapes do not broadcast", axis);
    y->shape.dim[axis] = places;
    if (x[1].shape.rank == 0)
        y->shape = AG_SCALAR;
    y->dtype = x[0].dtype;
    return AG_OK;
}

/* The index has broadcast; where x did, the engine sums. */
static void take_along_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_shape to = ag_shape_of(dy[0]), from = ag_call_input_shape(c, 0);
    const int axis = ag_along_axis(c);
    if (to.rank < 0)
        return;
    ag_shape x = to;
    if (to.rank > 0)
        x.dim[ag_axis(axis, to.rank)] = from.rank > 0 ? from.dim[ag_axis(axis, to.rank)] : 1;
    dx[0] = ag_scatter_add(ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), to.rank > 0 ? x : from), axis,
                           ag_expand(ag_call_input(c, 1), to), dy[0]);
}

static void take_along_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_take_along(dx[0], ag_along_axis(c), ag_call_input(c, 1));
}

/* clang-format off */
AG_OP(take_along) = {
    .name = "take_along",
    .formula = "x[.., index[..,i,..], ..] along an axis, x and the index broadcasting along the others",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = take_along_shape,
    .forward = gather_forward,
    .vjp = take_along_vjp,
    .jvp = take_along_jvp,
    .vjp_fused = gather_vjp_fused,
    .samples = (const ag_sample[]){ ALONG(0, AG_I64, 3, AG_DIMS(3, 4), AG_DIMS(5, 1)),
                                    ALONG(-1, AG_I32, 4, AG_DIMS(1, 4), AG_DIMS(3, 6)),
                                    ALONG(1, AG_U8, 3, AG_DIMS(2, 3, 1), AG_DIMS(1, 2, 4)),
                                    ALONG(0, AG_I64, 4, AG_DIMS(4), AG_DIMS(7)),
                                    { 0 } },
};
/* clang-format on */

/* ag_take_along - ag_gather where x and the index broadcast along the other axes, as NumPy's take_along_axis: of a
 * matrix's rows the places that an argmax with its axis kept names, say.
 *   y[i,..,p,..] = x[i,..,index[i,..,p,..],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Errors: as ag_gather; AG_ESHAPE if the ranks differ or the other axes do not broadcast. */
AG_API ag_tensor ag_take_along(ag_tensor x, int axis, ag_tensor index)
{
    return AG_APPLY(take_along, AG_LIST(x, index), &(ag_along_params){ axis });
}
