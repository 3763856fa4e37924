/* Elements put to places along an axis of a copy of x, or added there. */
#include "ag/ops/indexing/rows.h"

/* ---- what the ops share */

static ag_status scatter_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    int axis;
    const ag_status status = ag_elements_check(c, x, &axis);
    if (status)
        return status;
    const ag_shape to = ag_shape_as_vector(x[0].shape), index = ag_shape_as_vector(x[1].shape);
    for (int d = 0; d < to.rank; d++)
        if (d != axis && index.dim[d] > to.dim[d])
            return ag_call_fail(c, AG_ESHAPE, "along axis %d the index has extent %lld, but there are %lld elements", d,
                                (long long)index.dim[d], (long long)to.dim[d]);
    y->dtype = x[0].dtype;
    y->shape = x[0].shape;
    return AG_OK;
}

static ag_status scatter_from_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = scatter_shape(c, x, y);
    if (status)
        return status;
    const ag_shape index = ag_shape_as_vector(x[1].shape), from = ag_shape_as_vector(x[2].shape);
    if (x[2].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE,
                            "what is scattered must have the dtype of what it is scattered to; see ag_cast");
    bool fits = from.rank == index.rank;
    for (int d = 0; fits && d < index.rank; d++)
        fits = index.dim[d] <= from.dim[d];
    if (!fits)
        return ag_call_fail(c, AG_ESHAPE, "the index is larger than what is scattered");
    return AG_OK;
}

/* The part of a source that the index is about. */
static ag_array part_of(const ag_array *from, const ag_array *index)
{
    ag_array r = ag_as_vector(from);
    r.shape = ag_shape_as_vector(index->shape);
    return r;
}

static ag_status scatter_from(const ag_call *c, const ag_array *x, ag_array *y, ag_putting how)
{
    const ag_array list = part_of(&x[2], &x[1]);
    ag_elements e = ag_elements_of(c, y, &x[1], &list);
    e.before = &x[0];
    return ag_along_put(c, &e, &x[1], how, false);
}

/* What the source receives, of the index' shape: zeros where the index does not reach. */
static ag_tensor grown(const ag_call *c, ag_tensor dsrc)
{
    ag_shape index = ag_shape_of(dsrc);
    const ag_shape from = ag_call_input_shape(c, 2);
    if (index.rank >= 0 && index.rank != from.rank) { /* one is a number, or has a single axis */
        index = from.rank ? ag_shape_as_vector(index) : AG_SCALAR;
        dsrc = ag_reshape(index.rank || ag_size_of(dsrc) == 1 ? dsrc : ag_sum(dsrc), index);
    }
    for (int d = 0; d < from.rank && index.rank > 0; d++)
        if (index.dim[d] != from.dim[d])
            dsrc = ag_embed(dsrc, d, from.dim[d], 0, 1);
    return dsrc;
}

/* clang-format off */
#define SCATTER(which, type, count, ...)                                                                               \
    { .params = &(const ag_along_params){ which }, .low = { -2, 0, -2 }, .high = { 2, count, 2 },                      \
      .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }
#define SAMPLES                                                                                                        \
    (const ag_sample[]){ SCATTER(0, AG_I64, 3, AG_DIMS(3, 4), AG_DIMS(5, 4), AG_DIMS(5, 4)),                           \
                         SCATTER(-1, AG_I32, 4, AG_DIMS(3, 4), AG_DIMS(3, 6), AG_DIMS(3, 6)),                          \
                         SCATTER(1, AG_I64, 3, AG_DIMS(2, 3, 4), AG_DIMS(2, 2, 3), AG_DIMS(3, 2, 4)),                  \
                         SCATTER(0, AG_U8, 4, AG_DIMS(4), AG_DIMS(7), AG_DIMS(7)),                                     \
                         SCATTER(0, AG_I64, 1, { 0 }, { 0 }, { 0 }),                                                   \
                         { 0 } }
/* clang-format on */

/* ---- scatter_add */

static ag_status scatter_add_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return scatter_from(c, x, y, AG_ADD);
}

static void scatter_add_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = dy[0];
    if (ag_call_needs(c, 2))
        dx[2] = grown(c, ag_gather(dy[0], ag_along_axis(c), ag_call_input(c, 1)));
}

static void scatter_add_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_tensor x = ag_call_tangent(c, dx, 0);
    dy[0] = dx[2].tape ? ag_scatter_add(x, ag_along_axis(c), ag_call_input(c, 1), dx[2]) : x;
}

/* The source's adjoint is taken, not added: the rule does that, where there is one already. */
static ag_status scatter_add_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    if (!index)
        return AG_EUSE;
    if (dx[2].data && beta[2] != 0)
        return AG_USE_RULE;
    if (dx[2].data) {
        const ag_array list = part_of(&dx[2], index);
        const ag_elements e = ag_elements_of(c, dy, index, &list);
        if (!ag_shape_equal(list.shape, ag_shape_as_vector(dx[2].shape)))
            ag_fill_array(&dx[2], 0);
        const ag_status status = ag_along_take(c, &e, index);
        if (status)
            return status;
    }
    if (dx[0].data)
        ag_copy_array(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

AG_OP(scatter_add) = {
    .name = "scatter_add",
    .formula = "x, and the sources added at the places along an axis that the index names",
    .inputs = 3,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = scatter_from_shape,
    .forward = scatter_add_forward,
    .vjp = scatter_add_vjp,
    .jvp = scatter_add_jvp,
    .vjp_fused = scatter_add_vjp_fused,
    .samples = SAMPLES,
};

/* ag_scatter_add - x with elements of src added at places along an axis (-1: the last), one for each element of the
 * index, which has x's rank, at most src's extents and, along the other axes, at most x's.
 *   y = x, y[i,..,index[i,..,p,..],..] += src[i,..,p,..]
 *       dx = dy    dsrc[i,..,p,..] = dy[i,..,index[i,..,p,..],..], 0 where the index does not reach
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating or src has another dtype, AG_ESHAPE for other ranks or larger extents. */
AG_API ag_tensor ag_scatter_add(ag_tensor x, int axis, ag_tensor index, ag_tensor src)
{
    return AG_APPLY(scatter_add, AG_LIST(x, index, src), &(ag_along_params){ axis });
}

/* ---- scatter: the last one that is put to a place stays there */

static ag_status scatter_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return scatter_from(c, x, y, AG_PUT);
}

/* u8, of the index' shape: is what was put there the last at its place? */
static ag_tensor stayed(const ag_call *c, ag_tensor index)
{
    const ag_shape places = ag_shape_of(index);
    if (places.rank < 0)
        return ag_inert(c->tape);
    const ag_tensor number = ag_reshape(ag_arange(c->tape, AG_I64, 0, (double)ag_shape_size(places), 1), places);
    const ag_tensor none = ag_zeros(c->tape, AG_I64, ag_call_input_shape(c, 0));
    const ag_tensor last = ag_scatter(none, ag_along_axis(c), index, number);
    return ag_equal(ag_gather(last, ag_along_axis(c), index), number);
}

static void scatter_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor index = ag_call_input(c, 1);
    if (ag_call_needs(c, 0))
        dx[0] = ag_scatter_scalar(dy[0], ag_along_axis(c), index, 0);
    if (ag_call_needs(c, 2))
        dx[2] = grown(
            c, ag_where(stayed(c, index), ag_gather(dy[0], ag_along_axis(c), index), ag_constant(ag_call_tape(c), 0)));
}

static void scatter_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_tensor index = ag_call_input(c, 1), x = ag_call_tangent(c, dx, 0);
    dy[0] =
        dx[2].tape ? ag_scatter(x, ag_along_axis(c), index, dx[2]) : ag_scatter_scalar(x, ag_along_axis(c), index, 0);
}

/* What arrives is moved to the last source of a place, and zeros are left for the others and for x. */
static ag_status scatter_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    if (!index)
        return AG_EUSE;
    if (!dx[2].data || beta[2] != 0 || (dx[0].data && beta[0] != 0))
        return AG_USE_RULE;
    ag_array left = dx[0];
    if (!left.data)
        left = ag_dense_array(dy->shape, dy->dtype,
                              ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_bytes_of(dy->dtype)));
    if (!left.data)
        return AG_ENOMEM;
    const ag_array list = part_of(&dx[2], index);
    ag_elements e = ag_elements_of(c, &left, index, &list);
    e.before = dy;
    if (!ag_shape_equal(list.shape, ag_shape_as_vector(dx[2].shape)))
        ag_fill_array(&dx[2], 0);
    return ag_elements_put(&e, AG_MOVE, NULL, ag_call_threads(c)) ? AG_OK : ag_elements_outside(c, &e, index);
}

AG_OP(scatter) = {
    .name = "scatter",
    .formula = "x, but the sources at the places along an axis that the index names",
    .inputs = 3,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_along_params),
    .shape = scatter_from_shape,
    .forward = scatter_forward,
    .vjp = scatter_vjp,
    .jvp = scatter_jvp,
    .vjp_fused = scatter_vjp_fused,
    .samples = SAMPLES,
};

/* ag_scatter - x with elements of src in place of its own at places along an axis (-1: the last), one for each element
 * of the index; its extents are as in ag_scatter_add. Of several that are put to one place the last in row-major order
 * of the index stays, and it alone receives a gradient (PyTorch leaves open which).
 *   y = x, y[i,..,index[i,..,p,..],..] = src[i,..,p,..]
 *       dx = dy, 0 at the places    dsrc[i,..,p,..] = dy[i,..,index[i,..,p,..],..] where that one stayed, else 0
 * Errors: as ag_scatter_add. */
AG_API ag_tensor ag_scatter(ag_tensor x, int axis, ag_tensor index, ag_tensor src)
{
    return AG_APPLY(scatter, AG_LIST(x, index, src), &(ag_along_params){ axis });
}

/* ---- scatter_scalar */

typedef struct scatter_scalar_params {
    ag_along_params along;
    double number;
} scatter_scalar_params;

/* In an array of x's dtype that is one number everywhere. */
static ag_status scatter_scalar_put(const ag_call *c, ag_array *y, const ag_array *index)
{
    const scatter_scalar_params *p = ag_call_params(c);
    uint64_t number = 0;
    ag_array list = { .data = &number, .dtype = y->dtype };
    ag_fill_array(&list, p->number);
    list.shape = index->shape;
    const ag_elements e = ag_elements_of(c, y, index, &list);
    return ag_along_put(c, &e, index, AG_PUT, false);
}

static ag_status scatter_scalar_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_copy_array(y, &x[0], false, ag_call_threads(c));
    return scatter_scalar_put(c, y, &x[1]);
}

static void scatter_scalar_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_scatter_scalar(dy[0], ag_along_axis(c), ag_call_input(c, 1), 0);
}

static void scatter_scalar_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_scatter_scalar(dx[0], ag_along_axis(c), ag_call_input(c, 1), 0);
}

/* clang-format off */
#define NUMBER(which, value, type, count, ...)                                                                         \
    { .params = &(const scatter_scalar_params){ { which }, value }, .low = { -2, 0 }, .high = { 2, count },            \
      .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }

AG_OP(scatter_scalar) = {
    .name = "scatter_scalar",
    .formula = "x, but a number at the places along an axis that the index names",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(scatter_scalar_params),
    .shape = scatter_shape,
    .forward = scatter_scalar_forward,
    .vjp = scatter_scalar_vjp,
    .jvp = scatter_scalar_jvp,
    .samples = (const ag_sample[]){ NUMBER(0, 1.5, AG_I64, 3, AG_DIMS(3, 4), AG_DIMS(2, 4)),
                                    NUMBER(-1, 0, AG_I32, 4, AG_DIMS(3, 4), AG_DIMS(2, 2)),
                                    NUMBER(0, -1, AG_U8, 5, AG_DIMS(5), AG_DIMS(2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_scatter_scalar - x with a number in place of its own elements at places along an axis, as ag_scatter.
 *   y = x, y[i,..,index[i,..,p,..],..] = number        dx = dy, 0 at the places
 * Errors: as ag_scatter_add. */
AG_API ag_tensor ag_scatter_scalar(ag_tensor x, int axis, ag_tensor index, double number)
{
    return AG_APPLY(scatter_scalar, AG_LIST(x, index), (&(scatter_scalar_params){ { axis }, number }));
}
