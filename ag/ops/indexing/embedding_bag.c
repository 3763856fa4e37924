/* Rows of a table of weights, summed, averaged or compared in bags. */
#include "ag/ops/indexing/bags.h"

typedef struct bag_params {
    ag_bag mode;
} bag_params;

static ag_bag mode_of(const ag_call *c)
{
    const bag_params *p = ag_call_params(c);
    return p->mode;
}

/* ---- shapes: weight, index, offsets and perhaps a factor for each index; saved: each index' bag */

static ag_status bag_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int count = ag_call_inputs(c);
    if (count < 3 || count > 4)
        return ag_call_fail(c, AG_EARG, "takes a weight, an index, offsets and perhaps factors");
    if ((unsigned)mode_of(c) > AG_BAG_MAX)
        return ag_call_fail(c, AG_EARG, "unknown mode %d", (int)mode_of(c));
    if (!ag_is_float(x[0].dtype) || (count > 3 && x[3].dtype != x[0].dtype))
        return ag_call_fail(c, AG_EDTYPE, "weight and factors must be f32, or f64; see ag_cast");
    if (ag_call_is_index(c, &x[1]) || ag_call_is_index(c, &x[2]))
        return AG_EDTYPE;
    if (x[0].shape.rank != 2 || x[1].shape.rank != 1 || x[2].shape.rank != 1)
        return ag_call_fail(c, AG_ESHAPE, "the weight must be a matrix, the index and the offsets vectors");
    if (count > 3 && mode_of(c) != AG_BAG_SUM)
        return ag_call_fail(c, AG_EARG, "factors are for sums");
    if (count > 3 && !ag_shape_equal(x[3].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "there must be a factor for each index");
    y[0].dtype = x[0].dtype;
    y[0].shape = AG_SHAPE(x[2].shape.dim[0], x[0].shape.dim[1]);
    y[1].dtype = AG_I64;
    y[1].shape = x[1].shape;
    return AG_OK;
}

/* Bag k has the indices offset[k] ... offset[k + 1] - 1. */
static ag_status find_bags(const ag_call *c, const ag_array *offsets, int64_t n, int64_t *bag)
{
    const int64_t bags = offsets->shape.dim[0];
    int64_t p = 0;
    for (int64_t k = 0; k <= bags; k++) {
        const int64_t end = k < bags ? ag_array_get_integer(offsets, k) : n;
        if (end < p || end > n || (k == 0 && end != 0))
            return ag_call_fail(c, AG_EARG, "offsets must ascend from 0 to at most %lld, but offset[%lld] is %lld",
                                (long long)n, (long long)k, (long long)end);
        for (; p < end; p++)
            bag[p] = k - 1;
    }
    return AG_OK;
}

/* ---- values */

/* The rows that the indices name, checked. NULL: an error is pending. */
static const int64_t *rows_of(const ag_call *c, const ag_array *weight, const ag_array *index)
{
    const ag_index_list l = {
        .index = index, .count = 1, .shape = index->shape, .extent = { weight->shape.dim[0] }, .step = { 1 }
    };
    return ag_index_places(c, &l);
}

static ag_status bag_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = x[1].shape.dim[0];
    const ag_status status = find_bags(c, &x[2], n, y[1].data);
    if (status)
        return status;
    if (x[2].shape.dim[0] == 0 && n > 0)
        return ag_call_fail(c, AG_EARG, "there are indices, but no bags");
    ag_bags b = { .mode = mode_of(c), .weight = x[0].data, .factor = ag_call_inputs(c) > 3 ? x[3].data : NULL };
    b.at = rows_of(c, &x[0], &x[1]);
    if (!b.at)
        return ag_error(ag_call_tape(c));
    b.bag = y[1].data;
    b.y = y[0].data;
    b.n = n;
    b.bags = x[2].shape.dim[0];
    b.width = x[0].shape.dim[1];
    if (ag_array_size(&y[0]) > 0)
        ag_for_ranges(b.bags, (double)(b.width * (n / b.bags + 1)), ag_call_threads(c),
                      x[0].dtype == AG_F32 ? ag_bags_f32 : ag_bags_f64, &b);
    return AG_OK;
}

/* ---- the derivative: each index' row receives its bag's adjoint, with a factor */

/* For each index: how many there are in its bag */
static ag_tensor sizes(ag_tensor bag, int64_t bags, ag_dtype d)
{
    const ag_tensor ones = ag_ones(bag.tape, d, ag_shape_of(bag));
    const ag_tensor count = ag_index_add(ag_zeros(bag.tape, d, AG_SHAPE(bags)), 0, bag, ones);
    return ag_unsqueeze(ag_index_select(count, 0, bag), 1);
}

/* The largest rows share what arrives. */
static ag_tensor largest(const ag_call *c, ag_tensor bag, ag_tensor arrives, int64_t bags)
{
    const ag_tensor zero = ag_constant(ag_call_tape(c), 0),
                    rows = ag_index_select(ag_call_input(c, 0), 0, ag_call_input(c, 1));
    const ag_dtype d = ag_dtype_of(rows);
    const ag_tensor y = ag_index_select(ag_call_output(c, 0), 0, bag);
    const ag_tensor share = ag_add(ag_cast(ag_equal(rows, y), d), ag_cast(ag_not_equal(rows, rows), d));
    const ag_tensor none = ag_zeros(ag_call_tape(c), d, AG_SHAPE(bags, ag_shape_of(rows).dim[1]));
    const ag_tensor count = ag_index_select(ag_index_add(none, 0, bag, share), 0, bag);
    return ag_where(ag_greater(share, zero), ag_div(arrives, count), zero);
}

static void bag_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor index = ag_call_input(c, 1), bag = ag_call_output(c, 1);
    const int64_t bags = ag_call_input_shape(c, 2).dim[0];
    const ag_tensor arrives = ag_index_select(dy[0], 0, bag);
    ag_tensor list = arrives;
    if (ag_call_inputs(c) > 3)
        list = ag_mul(arrives, ag_unsqueeze(ag_call_input(c, 3), 1));
    else if (mode_of(c) == AG_BAG_MEAN)
        list = ag_div(arrives, sizes(bag, bags, ag_dtype_of(dy[0])));
    else if (mode_of(c) == AG_BAG_MAX)
        list = largest(c, bag, arrives, bags);
    if (ag_call_needs(c, 0))
        dx[0] = ag_index_add(ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), ag_call_input_shape(c, 0)), 0, index, list);
    if (ag_call_inputs(c) > 3 && ag_call_needs(c, 3))
        dx[3] = ag_sum_over(ag_mul(arrives, ag_index_select(ag_call_input(c, 0), 0, index)), AG_AXES(1), 0);
}

/* ---- the same as a kernel, of sums and means */

static void divide(const ag_array *dy, const double *size, void *to)
{
    const int64_t width = dy->shape.dim[1];
    for (int64_t k = 0; k < dy->shape.dim[0]; k++)
        for (int64_t i = k * width; i < (k + 1) * width; i++)
            if (dy->dtype == AG_F32)
                ((float *)to)[i] = ((const float *)dy->data)[i] / (float)size[k];
            else
                ((double *)to)[i] = ((const double *)dy->data)[i] / size[k];
}

/* dy divided by the sizes of the bags. NULL: no memory. */
static const void *divided(const ag_call *c, const ag_array *dy, const int64_t *bag, int64_t n)
{
    const int64_t bags = dy->shape.dim[0];
    double *size = ag_call_scratch(c, (size_t)bags * sizeof *size);
    void *to = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    if (!size || !to)
        return NULL;
    for (int64_t k = 0; k < bags; k++)
        size[k] = 0;
    for (int64_t p = 0; p < n; p++)
        size[bag[p]]++;
    divide(dy, size, to);
    return to;
}

static ag_status bag_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    if (ag_call_inputs(c) > 3 || mode_of(c) == AG_BAG_MAX || !dy[0].data || !dx[0].data)
        return AG_USE_RULE;
    if (ag_array_size(&dx[0]) == 0) /* of rows without elements there may be very many */
        return AG_OK;
    const ag_array *index = ag_call_input_array(c, 1), *bag = ag_call_output_array(c, 1);
    if (!index || !bag)
        return AG_EUSE;
    const int64_t n = index->shape.dim[0];
    ag_rows r = { 1, dx[0].shape.dim[0], dx[0].shape.dim[1], n, .from = bag->data, .skip = -1, .dtype = dx[0].dtype };
    const void *list = mode_of(c) == AG_BAG_MEAN ? divided(c, &dy[0], bag->data, n) : dy[0].data;
    r.at = rows_of(c, &dx[0], index);
    if (!r.at)
        return ag_error(ag_call_tape(c));
    return list ? ag_rows_put(c, &r, dx[0].data, list, AG_ADD, beta[0] == 0) : AG_ENOMEM;
}

/* clang-format off */
#define BAG(mode_, count, ...)                                                                                         \
    { .params = &(const bag_params){ mode_ }, .low = { -2, 0, 0, -2 }, .high = { 2, 4, 1, 2 },                         \
      .dtype = { AG_FLOAT, AG_I64, AG_I64 }, .shape = { __VA_ARGS__ }, .inputs = count }

AG_OP(embedding_bag) = {
    .name = "embedding_bag",
    .formula = "sums, means or maxima of weight[index[..], ..] in bags",
    .flags = AG_VARIADIC,
    .saved = 1,
    .params_size = sizeof(bag_params),
    .shape = bag_shape,
    .forward = bag_forward,
    .vjp = bag_vjp,
    .vjp_fused = bag_vjp_fused,
    .samples = (const ag_sample[]){ BAG(AG_BAG_SUM, 3, AG_DIMS(4, 3), AG_DIMS(5), AG_DIMS(1)),
                                    BAG(AG_BAG_MEAN, 3, AG_DIMS(4, 3), AG_DIMS(6), AG_DIMS(2)),
                                    BAG(AG_BAG_MAX, 3, AG_DIMS(4, 3), AG_DIMS(5), AG_DIMS(2)),
                                    BAG(AG_BAG_SUM, 4, AG_DIMS(4, 3), AG_DIMS(5), AG_DIMS(2), AG_DIMS(5)),
                                    { 0 } },
};
/* clang-format on */

/* ag_embedding_bag - of rows of weight[n,d] that a vector of indices names, the mean, sum or maximum of each bag: bag k
 * has the indices from offsets[k] on, up to offsets[k+1] or the end. Without offsets, {0}, each row of an index of two
 * dimensions is a bag. factors, for sums, may be absent, {0}. An empty bag makes zeros.
 *   y[k,:] = mean, sum or max of factors[p] weight[index[p],:] over p in bag k
 *       dweight = dy factors, dy / size of the bag, or dy shared by the largest, summed in the rows that are named
 *       dfactors[p] = sum of dy[k,:] weight[index[p],:]
 * Errors: AG_EARG for an index out of range, offsets that do not ascend from 0, or factors of what is no sum; AG_EDTYPE,
 * AG_ESHAPE for other arguments. */
AG_API ag_tensor ag_embedding_bag(ag_tensor weight, ag_tensor index, ag_tensor offsets, ag_tensor factors, ag_bag mode)
{
    const bag_params p = { mode };
    if (!offsets.tape && !ag_ok(index)) /* the op says why */
        offsets = index;
    const ag_shape s = offsets.tape ? AG_SCALAR : ag_shape_of(index);
    if (!offsets.tape && s.rank != 2) {
        ag_tape *t = weight.tape ? weight.tape : index.tape;
        ag_fail(t, AG_ENULL, "ag_embedding_bag: an index of %d dimensions, not 2, needs offsets", s.rank);
        return ag_inert(t);
    }
    if (!offsets.tape) {
        const double width = (double)s.dim[1], end = (double)s.dim[0] * width;
        const ag_shape all = AG_SHAPE(s.dim[0] * s.dim[1]);
        offsets =
            width > 0 ? ag_arange(index.tape, AG_I64, 0, end, width) : ag_zeros(index.tape, AG_I64, AG_SHAPE(s.dim[0]));
        index = ag_reshape(index, all);
        factors = factors.tape ? ag_reshape(factors, all) : factors;
    }
    if (factors.tape)
        return AG_APPLY(embedding_bag, AG_LIST(weight, index, offsets, factors), &p);
    return AG_APPLY(embedding_bag, AG_LIST(weight, index, offsets), &p);
}
