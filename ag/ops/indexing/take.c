/* Elements by their number in row-major order. */
#include "ag/ops/indexing/rows.h"

static ag_status take_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = x[0].dtype;
    y->shape = x[1].shape;
    return ag_call_is_index(c, &x[1]);
}

static ag_status lookup_of(const ag_call *c, const ag_array *table, const ag_array *index, const ag_array *list,
                           ag_lookup *u)
{
    const ag_array flat = ag_dense_array(AG_SHAPE(ag_array_size(table)), table->dtype, table->data);
    ag_index_list l = { .index = index, .count = 1, .shape = index->shape, .negative = true };
    return ag_lookup_of(c, &flat, list, &l, u);
}

static ag_status take_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_lookup u;
    const ag_status status = lookup_of(c, &x[0], &x[1], y, &u);
    if (!status)
        ag_lookup_take(c, &u);
    return status;
}

static void take_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_shape x = ag_call_input_shape(c, 0);
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), AG_SHAPE(ag_shape_size(x)));
    dx[0] = ag_reshape(ag_index_put(zeros, AG_LIST(ag_call_input(c, 1)), dy[0], true), x);
}

static void take_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_take(dx[0], ag_call_input(c, 1));
}

static ag_status take_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    ag_lookup u;
    if (!index)
        return AG_EUSE;
    const ag_status status = lookup_of(c, &dx[0], index, dy, &u);
    return status ? status : ag_lookup_put(c, &u, AG_ADD, beta[0] == 0, -1);
}

/* clang-format off */
#define TAKE(type, count, ...)                                                                                         \
    { .low = { -2, -(count) }, .high = { 2, count }, .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }

AG_OP(take) = {
    .name = "take",
    .formula = "elements of x by their number",
    .inputs = 2,
    .shape = take_shape,
    .forward = take_forward,
    .vjp = take_vjp,
    .jvp = take_jvp,
    .vjp_fused = take_vjp_fused,
    .samples = (const ag_sample[]){ TAKE(AG_I64, 6, AG_DIMS(2, 3), AG_DIMS(2, 4)),
                                    TAKE(AG_I32, 4, AG_DIMS(4), AG_DIMS(3)),
                                    TAKE(AG_I64, 1, { 0 }, AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_take - elements of x by their number in row-major order, in the index' shape; negative ones count from the end.
 *   y[..] = x.flat[index[..]]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index out of range, AG_EDTYPE if it is floating. */
AG_API ag_tensor ag_take(ag_tensor x, ag_tensor index)
{
    return AG_APPLY(take, AG_LIST(x, index), NULL);
}
