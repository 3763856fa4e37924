/* Parts of a tensor along an axis that an index of one dimension names, and their counterpart, in which they are added. */
#include "ag/ops/indexing/rows.h"

static ag_status check_operands(const ag_call *c, const ag_array *x, int *axis)
{
    *axis = ag_call_axis(c, ag_along_axis(c), ag_shape_as_vector(x[0].shape).rank);
    if (*axis < 0)
        return AG_ESHAPE;
    if (ag_call_is_index(c, &x[1]))
        return AG_EDTYPE;
    if (x[1].shape.rank > 1)
        return ag_call_fail(c, AG_ESHAPE, "the index must be a vector; see ag_index, ag_gather");
    return AG_OK;
}

/* What index_select makes of x: as many along the axis as there are indices. */
static ag_shape selected(ag_shape x, int axis, ag_shape index)
{
    if (x.rank > 0)
        x.dim[axis] = ag_shape_as_vector(index).dim[0];
    return x;
}

static ag_status index_select_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis;
    const ag_status status = check_operands(c, x, &axis);
    if (status)
        return status;
    if (x[0].shape.rank == 0 && ag_array_size(&x[1]) != 1)
        return ag_call_fail(c, AG_ESHAPE, "of a number there is one element");
    y->dtype = x[0].dtype;
    y->shape = selected(x[0].shape, axis, x[1].shape);
    return AG_OK;
}

/* `list` is what is selected from `table`, or their adjoints. */
static ag_status lookup_of(const ag_call *c, const ag_array *table, const ag_array *index, const ag_array *list,
                           ag_lookup *u)
{
    const ag_array to = ag_as_vector(table), from = ag_as_vector(list), places = ag_as_vector(index);
    ag_index_list l = { .index = &places, .count = 1, .shape = places.shape };
    l.axis = ag_axis(ag_along_axis(c), to.shape.rank);
    return ag_lookup_of(c, &to, &from, &l, u);
}

static ag_status index_select_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_lookup u;
    const ag_status status = lookup_of(c, &x[0], &x[1], y, &u);
    if (!status)
        ag_lookup_take(c, &u);
    return status;
}

static void index_select_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), ag_call_input_shape(c, 0));
    dx[0] = ag_index_add(zeros, ag_along_axis(c), ag_call_input(c, 1), dy[0]);
}

static void index_select_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_index_select(dx[0], ag_along_axis(c), ag_call_input(c, 1));
}

static ag_status index_select_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    ag_lookup u;
    if (!index)
        return AG_EUSE;
    const ag_status status = lookup_of(c, &dx[0], index, dy, &u);
    return status ? status : ag_lookup_put(c, &u, AG_ADD, beta[0] == 0, -1);
}

/* clang-format off */
#define SELECT(which, type, count, ...)                                                                                \
    { .params = &(const ag_along_params){ which }, .low = { -2, 0, -2 }, .high = { 2, count, 2 },                      \
      .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }

AG_OP(index_select) = {
    .name = "index_select",
    .formula = "x[.., index[i], ..] along an axis",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = index_select_shape,
    .forward = index_select_forward,
    .vjp = index_select_vjp,
    .jvp = index_select_jvp,
    .vjp_fused = index_select_vjp_fused,
    .samples = (const ag_sample[]){ SELECT(0, AG_I64, 4, AG_DIMS(4, 5), AG_DIMS(6)),
                                    SELECT(-1, AG_I32, 3, AG_DIMS(2, 3), AG_DIMS(5)),
                                    SELECT(1, AG_I64, 3, AG_DIMS(2, 3, 4), AG_DIMS(4)),
                                    SELECT(0, AG_U8, 4, AG_DIMS(4), AG_DIMS(3)),
                                    SELECT(0, AG_I64, 1, { 0 }, { 0 }),
                                    { 0 } },
};
/* clang-format on */

/* ag_index_select - the parts of x at places along an axis (-1: the last) that a vector of indices names, each as often
 * as it occurs.
 *   y[..,p,..] = x[..,index[p],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating, AG_ESHAPE if it is no vector or there is no such axis. */
AG_API ag_tensor ag_index_select(ag_tensor x, int axis, ag_tensor index)
{
    return AG_APPLY(index_select, AG_LIST(x, index), &(ag_along_params){ axis });
}

/* ---- index_add */

static ag_status index_add_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis;
    char text[128];
    const ag_status status = check_operands(c, x, &axis);
    if (status)
        return status;
    if (x[2].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE, "what is added must have the dtype of what it is added to; see ag_cast");
    const ag_shape expected = selected(ag_shape_as_vector(x[0].shape), axis, x[1].shape);
    if (!ag_shape_equal(expected, ag_shape_as_vector(x[2].shape)))
        return ag_call_fail(c, AG_ESHAPE, "what is added must be %s, along axis %d as many as there are indices",
                            ag_shape_text(expected, text, sizeof text), axis);
    y->dtype = x[0].dtype;
    y->shape = x[0].shape;
    return AG_OK;
}

static ag_status index_add_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_lookup u;
    const ag_status status = lookup_of(c, y, &x[1], &x[2], &u);
    if (status)
        return status;
    ag_copy_array(y, &x[0], false, ag_call_threads(c));
    return ag_lookup_put(c, &u, AG_ADD, false, -1);
}

static void index_add_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = dy[0];
    if (ag_call_needs(c, 2)) {
        const ag_shape from = ag_call_input_shape(c, 2);
        const ag_tensor y = from.rank && !ag_shape_of(dy[0]).rank ? ag_reshape(dy[0], AG_SHAPE(1)) : dy[0];
        dx[2] = ag_reshape(ag_index_select(y, ag_along_axis(c), ag_call_input(c, 1)), from);
    }
}

static void index_add_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_tensor x = ag_call_tangent(c, dx, 0);
    dy[0] = dx[2].tape ? ag_index_add(x, ag_along_axis(c), ag_call_input(c, 1), dx[2]) : x;
}

/* The source's adjoint is taken, not added: the rule does that, where there is one already. */
static ag_status index_add_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    ag_lookup u;
    if (!index)
        return AG_EUSE;
    if (dx[2].data && (beta[2] != 0 || !ag_array_is_dense(&dx[2])))
        return AG_USE_RULE;
    if (dx[2].data && lookup_of(c, dy, index, &dx[2], &u))
        return ag_error(ag_call_tape(c));
    if (dx[2].data)
        ag_lookup_take(c, &u);
    if (dx[0].data)
        ag_copy_array(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
AG_OP(index_add) = {
    .name = "index_add",
    .formula = "x, and the sources added at the places along an axis that the index names",
    .inputs = 3,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = index_add_shape,
    .forward = index_add_forward,
    .vjp = index_add_vjp,
    .jvp = index_add_jvp,
    .vjp_fused = index_add_vjp_fused,
    .samples = (const ag_sample[]){ SELECT(0, AG_I64, 4, AG_DIMS(4, 5), AG_DIMS(6), AG_DIMS(6, 5)),
                                    SELECT(-1, AG_I32, 3, AG_DIMS(2, 3), AG_DIMS(5), AG_DIMS(2, 5)),
                                    SELECT(1, AG_I64, 3, AG_DIMS(2, 3, 4), AG_DIMS(4), AG_DIMS(2, 4, 4)),
                                    SELECT(0, AG_U8, 4, AG_DIMS(4), AG_DIMS(3), AG_DIMS(3)),
                                    SELECT(0, AG_I64, 1, { 0 }, { 0 }, { 0 }),
                                    { 0 } },
};
/* clang-format on */

/* ag_index_add - x with parts of src added at places along an axis (-1: the last) that a vector of indices names; src has
 * x's shape but along the axis, where it has as many elements as the index.
 *   y = x, y[..,index[p],..] += src[..,p,..]        dx = dy    dsrc[..,p,..] = dy[..,index[p],..]
 * Sums are in the order of the index. Errors: as ag_index_select; AG_EDTYPE, AG_ESHAPE if src has another dtype or shape. */
AG_API ag_tensor ag_index_add(ag_tensor x, int axis, ag_tensor index, ag_tensor src)
{
    return AG_APPLY(index_add, AG_LIST(x, index, src), &(ag_along_params){ axis });
}
