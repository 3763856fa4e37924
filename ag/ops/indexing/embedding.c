/* Rows of a table of weights. */
#include "ag/ops/indexing/rows.h"

typedef struct embedding_params {
    int64_t padded, padding; /* like all here, so that there is nothing between them */
} embedding_params;

/* The row that receives nothing, counted from 0, of so many; -1: none. */
static int64_t padding_of(const ag_call *c, int64_t rows)
{
    const embedding_params *p = ag_call_params(c);
    return !p->padded ? -1 : p->padding < 0 ? p->padding + rows : p->padding;
}

static ag_status embedding_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const embedding_params *p = ag_call_params(c);
    if (x[0].shape.rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "the weight must be a matrix, a row for each index");
    if (ag_call_is_index(c, &x[1]))
        return AG_EDTYPE;
    const int64_t rows = x[0].shape.dim[0], padding = padding_of(c, rows);
    if (p->padded && (padding < 0 || padding >= rows))
        return ag_call_fail(c, AG_EARG, "the padding is %lld, but there are %lld rows", (long long)p->padding,
                            (long long)rows);
    y->dtype = x[0].dtype;
    return ag_lookup_shape(c, x[0].shape, &(ag_index_list){ .count = 1, .shape = x[1].shape }, &y->shape);
}

static ag_status lookup_of(const ag_call *c, const ag_array *table, const ag_array *index, const ag_array *list,
                           ag_lookup *u)
{
    return ag_lookup_of(c, table, list, &(ag_index_list){ .index = index, .count = 1, .shape = index->shape }, u);
}

static ag_status embedding_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_lookup u;
    const ag_status status = lookup_of(c, &x[0], &x[1], y, &u);
    if (!status)
        ag_lookup_take(c, &u);
    return status;
}

/* dy, or a tangent of y, with zeros in the rows of the padding. */
static ag_tensor without_padding(const ag_call *c, ag_tensor dy)
{
    const int64_t padding = padding_of(c, ag_call_input_shape(c, 0).dim[0]);
    if (padding < 0)
        return dy;
    ag_tape *t = ag_call_tape(c);
    const ag_tensor index = ag_cast(ag_call_input(c, 1), AG_I64);
    const ag_tensor other = ag_not_equal(index, ag_full(t, AG_I64, AG_SCALAR, (double)padding));
    return ag_where(ag_unsqueeze(other, -1), dy, ag_constant(t, 0));
}

static void embedding_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor index = ag_call_input(c, 1);
    const ag_shape weight = ag_call_input_shape(c, 0), places = { 1, { ag_size_of(index) } };
    const ag_tensor list = ag_reshape(without_padding(c, dy[0]), AG_SHAPE(places.dim[0], weight.dim[1]));
    dx[0] = ag_index_add(ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), weight), 0, ag_reshape(index, places), list);
}

static void embedding_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = without_padding(c, ag_embedding(dx[0], ag_call_input(c, 1), (ag_embedding_options){ 0 }));
}

static ag_status embedding_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_input_array(c, 1);
    const int64_t padding = padding_of(c, dx[0].shape.dim[0]);
    ag_lookup u;
    if (!index)
        return AG_EUSE;
    if (padding >= 0 && !ag_array_is_dense(&dx[0]))
        return AG_USE_RULE;
    const ag_status status = lookup_of(c, &dx[0], index, dy, &u);
    return status ? status : ag_lookup_put(c, &u, AG_ADD, beta[0] == 0, padding);
}

/* clang-format off */
#define EMBEDDING(padded, padding, type, low_, high_, ...)                                                             \
    { .params = &(const embedding_params){ padded, padding }, .low = { -2, low_ }, .high = { 2, high_ },               \
      .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }

AG_OP(embedding) = {
    .name = "embedding",
    .formula = "weight[index[..], ..]",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(embedding_params),
    .shape = embedding_shape,
    .forward = embedding_forward,
    .vjp = embedding_vjp,
    .jvp = embedding_jvp,
    .vjp_fused = embedding_vjp_fused,
    .samples = (const ag_sample[]){ EMBEDDING(0, 0, AG_I64, 0, 5, AG_DIMS(5, 8), AG_DIMS(7)),
                                    EMBEDDING(0, 0, AG_I32, 0, 3, AG_DIMS(3, 2), AG_DIMS(2, 3)),
                                    EMBEDDING(0, 0, AG_U8, 0, 3, AG_DIMS(3, 4), { 0 }),
                                    EMBEDDING(1, 0, AG_I64, 1, 4, AG_DIMS(4, 3), AG_DIMS(6)),
                                    EMBEDDING(1, -1, AG_I64, 0, 3, AG_DIMS(4, 3), AG_DIMS(2, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_embedding - rows of weight[n,d], one for each index.
 *   y[..,:] = weight[index[..],:]        dweight = dy summed in the rows that the index names, 0 in others
 * Under options.padded the row padding_idx, from the end where it is negative, receives nothing. Sums are in the order of
 * the index; a gradient that is there already is changed in the named rows alone. Errors: AG_EARG for an index or padding
 * out of range, AG_EDTYPE if the index is floating, AG_ESHAPE if the weight is no matrix. */
AG_API ag_tensor ag_embedding(ag_tensor weight, ag_tensor index, ag_embedding_options options)
{
    return AG_APPLY(embedding, AG_LIST(weight, index), (&(embedding_params){ options.padded, options.padding_idx }));
}
