/* The affine map of a layer. */
#include "ag/ops/products/products.h"

/* What is there to do? Often an image has not become a row yet. */
static ag_status inner_differs(const ag_call *c, const ag_shape *in, int64_t wanted)
{
    char hint[80] = "";
    int64_t product = in->dim[in->rank - 1];
    for (int axis = in->rank - 2; axis >= 0 && !*hint; axis--) {
        if (__builtin_mul_overflow(product, in->dim[axis], &product))
            break;
        if (product == wanted)
            snprintf(hint, sizeof hint, "; ag_flatten(x, %d, -1) would fit", axis);
    }
    return ag_call_fail(c, AG_ESHAPE, "the shapes do not fit: inner %lld != %lld%s", (long long)in->dim[in->rank - 1],
                        (long long)wanted, hint);
}

static ag_status linear_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int count = ag_call_inputs(c);
    if (count < 2 || count > 3)
        return ag_call_fail(c, AG_EARG, "takes an input, a weight and perhaps a bias");
    const ag_shape *in = &x[0].shape, *w = &x[1].shape;
    for (int i = 0; i < count; i++)
        if (x[i].dtype != x[0].dtype || !ag_is_float(x[i].dtype))
            return ag_call_fail(c, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
    if (in->rank == 0)
        return ag_call_fail(c, AG_ESHAPE, "the input must be [..,in]");
    if (w->rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "the weight must be [out,in]");
    const int64_t inner = in->dim[in->rank - 1];
    if (inner != w->dim[1])
        return inner_differs(c, in, w->dim[1]);
    if (count == 3 && (x[2].shape.rank != 1 || x[2].shape.dim[0] != w->dim[0]))
        return ag_call_fail(c, AG_ESHAPE, "the bias must be [%lld]", (long long)w->dim[0]);
    y->shape = *in;
    y->shape.dim[in->rank - 1] = w->dim[0];
    y->dtype = x[0].dtype;
    return AG_OK;
}

/* A vector as a matrix of one row; of a stack each one. */
static ag_array rows_in(const ag_array *x, int stacked)
{
    return x->shape.rank == 1 + stacked ? ag_with_axis(x, stacked) : *x;
}

static ag_array as_rows(const ag_array *x)
{
    return rows_in(x, 0);
}

/* Every row of the dense y becomes the bias: the first one is copied, then what is there already. */
static void fill_rows(const ag_call *c, const ag_array *bias, ag_array *y)
{
    const size_t row = (size_t)bias->shape.dim[0] * ag_dtype_size(y->dtype);
    const size_t all = (size_t)ag_array_size(y) * ag_dtype_size(y->dtype);
    if (all == 0)
        return;
    if (bias->stride[0] == 1) {
        memcpy(y->data, bias->data, row);
    } else {
        ag_array first = *bias;
        first.data = y->data;
        first.stride[0] = 1;
        ag_copy_array(&first, bias, false, ag_call_threads(c));
    }
    for (size_t done = row; done < all; done *= 2)
        memcpy((char *)y->data + done, y->data, done < all - done ? done : all - done);
}

static ag_status linear_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const bool bias = ag_call_inputs(c) == 3;
    const ag_array in = as_rows(&x[0]), w = ag_swapped(&x[1]), out = as_rows(y);
    if (bias)
        fill_rows(c, &x[2], y);
    return ag_call_product(c, &in, &w, &out, bias);
}

static ag_tensor rows_of(ag_tensor x)
{
    const ag_shape s = ag_shape_of(x);
    int64_t rows = 1;
    for (int i = 0; i < s.rank - 1; i++)
        rows *= s.dim[i];
    return s.rank == 2 ? x : ag_reshape(x, AG_SHAPE(rows, s.rank > 0 ? s.dim[s.rank - 1] : 0));
}

static void linear_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    if (ag_call_needs(c, 0))
        dx[0] = ag_matmul(dy[0], ag_call_input(c, 1));
    if (ag_call_needs(c, 1))
        dx[1] = ag_matmul(ag_transpose(rows_of(dy[0]), 0, 1), rows_of(ag_call_input(c, 0)));
    if (ag_call_inputs(c) == 3 && ag_call_needs(c, 2))
        dx[2] = dy[0];
}

static ag_status linear_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *w = ag_call_input_array(c, 1);
    if (!x || !w)
        return AG_EUSE;
    const int stacked = ag_call_stacked(c, dy);
    const ag_array out = rows_in(dy, stacked), in = as_rows(x), columns = ag_swapped(&out);
    ag_status status = AG_OK;
    if (dx[0].data) {
        const ag_array d = rows_in(&dx[0], stacked);
        status = ag_call_product(c, &out, w, &d, beta[0]);
    }
    if (dx[1].data && !status) {
        const ag_array d = ag_stack_aligned(dx[1], stacked, out.shape.rank);
        status = ag_call_product(c, &columns, &in, &d, beta[1]);
    }
    if (ag_call_inputs(c) == 3 && dx[2].data && !status) {
        const ag_array d = ag_stack_aligned(dx[2], stacked, dy->shape.rank);
        ag_reduce_to(&d, dy, beta[2] != 0, ag_call_threads(c));
    }
    return status;
}

static double linear_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    return (double)ag_array_size(y) * (2 * (double)x[1].shape.dim[1] + (ag_call_inputs(c) == 3));
}

/* clang-format off */
#define SAMPLE(count, ...) { .inputs = count, .low = { -2, -2, -2 }, .high = { 2, 2, 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(linear) = {
    .name = "linear",
    .formula = "x w' + b",
    .flags = AG_VARIADIC | AG_STRIDED | AG_STACKED | AG_REPEATS | AG_PRODUCTS,
    .shape = linear_shape,
    .forward = linear_forward,
    .vjp = linear_vjp,
    .vjp_fused = linear_vjp_fused,
    .flops = linear_flops,
    .samples = (const ag_sample[]){ SAMPLE(3, AG_DIMS(3, 4), AG_DIMS(2, 4), AG_DIMS(2)),
                                    SAMPLE(2, AG_DIMS(3, 4), AG_DIMS(2, 4)),
                                    SAMPLE(3, AG_DIMS(4), AG_DIMS(3, 4), AG_DIMS(3)),
                                    SAMPLE(2, AG_DIMS(4), AG_DIMS(1, 4)),
                                    SAMPLE(3, AG_DIMS(2, 3, 2), AG_DIMS(3, 2), AG_DIMS(3)),
                                    SAMPLE(3, AG_DIMS(2, 1, 2, 3), AG_DIMS(2, 3), AG_DIMS(2)),
                                    { 0 } },
};

/* ag_linear - affine map of the last dimension; b may be absent, {0}. Fastest with weights stored by columns: see
 * ag_param_as.
 *   y[..,out] = x[..,in] w[out,in]' + b[out]        dx = dy w    dw = dy' x    db = sum of dy over all rows
 * Errors: AG_ESHAPE if the extents called `in` or `out` differ. */
AG_API ag_tensor ag_linear(ag_tensor x, ag_tensor w, ag_tensor b)
{
    const bool absent = !b.tape && !b.id && !b.epoch;
    return AG_APPLY(linear, absent ? AG_LIST(x, w) : AG_LIST(x, w, b), NULL);
}
