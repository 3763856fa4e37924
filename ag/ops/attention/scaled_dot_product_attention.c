/* Averages of values, weighted with what a softmax makes of the products of queries and keys. */
#include "ag/ops/attention/attention.h"
#include "ag/ops/shapes/views.h"
#include <math.h>

/* ---- shapes */

static ag_shape leading(ag_shape s)
{
    s.rank -= 2;
    return s;
}

static ag_shape with_matrices(ag_shape s, int64_t rows, int64_t columns)
{
    s.dim[s.rank] = rows;
    s.dim[s.rank + 1] = columns;
    s.rank += 2;
    return s;
}

static int64_t rows_of(const ag_array *x)
{
    return x->shape.dim[x->shape.rank - 2];
}

static int64_t columns_of(const ag_array *x)
{
    return x->shape.dim[x->shape.rank - 1];
}

static ag_status check_operands(const ag_call *c, const ag_array *x)
{
    static const char *const names[] = { "q", "k", "v" };
    const double scale = ((const ag_attention_options *)ag_call_params(c))->scale;
    if (ag_call_inputs(c) < 3 || ag_call_inputs(c) > 4)
        return ag_call_fail(c, AG_EARG, "takes q, k, v and perhaps a mask");
    for (int i = 0; i < 3; i++) {
        if (!ag_is_float(x[i].dtype) || x[i].dtype != x[0].dtype)
            return ag_call_fail(c, AG_EDTYPE, "q, k and v must be f32, or all f64; see ag_cast");
        if (x[i].shape.rank < 2)
            return ag_call_fail(c, AG_ESHAPE, "%s must have two dimensions at least", names[i]);
    }
    if (columns_of(&x[0]) != columns_of(&x[1]))
        return ag_call_fail(c, AG_ESHAPE, "queries of %lld numbers, but keys of %lld", (long long)columns_of(&x[0]),
                            (long long)columns_of(&x[1]));
    if (rows_of(&x[1]) != rows_of(&x[2]))
        return ag_call_fail(c, AG_ESHAPE, "%lld keys, but %lld values", (long long)rows_of(&x[1]),
                            (long long)rows_of(&x[2]));
    if (!ag_is_finite(scale))
        return ag_call_fail(c, AG_EARG, "scale is %g", scale);
    return AG_OK;
}

static ag_status check_mask(const ag_call *c, const ag_array *x, ag_shape batch)
{
    char text[128];
    const ag_shape scores = with_matrices(batch, rows_of(&x[0]), rows_of(&x[1]));
    ag_shape both;
    if (ag_call_inputs(c) < 4)
        return AG_OK;
    if (x[3].dtype != AG_U8 && x[3].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE, "a mask is u8, or %s as the others", ag_dtype_name(x[0].dtype));
    if (!ag_shape_broadcast(x[3].shape, scores, &both) || !ag_shape_equal(both, scores))
        return ag_call_fail(c, AG_ESHAPE, "the mask must broadcast to %s", ag_shape_text(scores, text, sizeof text));
    return AG_OK;
}

/* y, and what is saved: the logarithms of the sums of its rows */
static ag_status attention_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_shape batch;
    const ag_status s = check_operands(c, x);
    if (s)
        return s;
    if (!ag_shape_broadcast(leading(x[0].shape), leading(x[1].shape), &batch) ||
        !ag_shape_broadcast(batch, leading(x[2].shape), &batch))
        return ag_call_fail(c, AG_ESHAPE, "the leading dimensions do not broadcast");
    y[0] = (ag_array){ .dtype = x[0].dtype, .shape = with_matrices(batch, rows_of(&x[0]), columns_of(&x[2])) };
    y[1] = (ag_array){ .dtype = AG_F64, .shape = y[0].shape };
    y[1].shape.rank--;
    return check_mask(c, x, batch);
}

/* ---- values and the way back by tiles */

static double scale_of(const ag_call *c, int64_t d)
{
    const double scale = ((const ag_attention_options *)ag_call_params(c))->scale;
    return scale != 0 ? scale : d > 0 ? 1 / sqrt((double)d) : 1;
}

static ag_attention attention_of(const ag_call *c, const ag_array *const *x, const ag_array *y, const ag_array *sums)
{
    const ag_attention_options *p = ag_call_params(c);
    const ag_shape batch = leading(y->shape);
    ag_attention a = { .dtype = y->dtype, .size = ag_dtype_size(y->dtype), .batches = 1, .y = *y, .sums = sums->data };
    for (int i = 0; i < batch.rank; i++)
        a.batches = ag_times(a.batches, batch.dim[i]);
    a.n = rows_of(x[0]);
    a.m = rows_of(x[1]);
    a.d = columns_of(x[0]);
    a.e = columns_of(x[2]);
    a.causal = p->causal;
    a.scale = scale_of(c, a.d);
    a.q = ag_array_expand(x[0], with_matrices(batch, a.n, a.d));
    a.k = ag_array_expand(x[1], with_matrices(batch, a.m, a.d));
    a.v = ag_array_expand(x[2], with_matrices(batch, a.m, a.e));
    if (x[3])
        a.mask = ag_array_expand(x[3], with_matrices(batch, a.n, a.m));
    a.threads = ag_call_threads(c);
    return a;
}

static ag_status attention_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_array *operands[] = { &x[0], &x[1], &x[2], ag_call_inputs(c) == 4 ? &x[3] : NULL };
    const ag_attention a = attention_of(c, operands, &y[0], &y[1]);
    return ag_array_size(&y[1]) == 0 ? AG_OK : ag_attention_run(c, &a);
}

/* Where a gradient is added up: in its place, or for all batches where the operand is one for several. */
static ag_status set_target(const ag_call *c, const ag_array *dx, double beta, const ag_array *operand, ag_array *to)
{
    const ag_shape s = operand->shape; /* of all batches */
    *to = *dx;
    if (!dx->data)
        return AG_OK;
    if (!ag_shape_equal(dx->shape, s)) {
        *to = ag_dense_array(s, dx->dtype, NULL);
        to->data = ag_call_scratch(c, (size_t)ag_array_size(to) * ag_dtype_size(dx->dtype));
        beta = 0;
    }
    if (to->data && beta == 0)
        ag_fill_array(to, 0);
    return to->data ? AG_OK : AG_ENOMEM;
}

/* A gradient by the mask is as large as the matrix that is not made otherwise. */
static ag_status attention_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const bool masked = ag_call_inputs(c) == 4;
    const ag_array *x[4] = { ag_call_input_array(c, 0), ag_call_input_array(c, 1), ag_call_input_array(c, 2),
                             masked ? ag_call_input_array(c, 3) : NULL };
    const ag_array *y = ag_call_output_array(c, 0), *sums = ag_call_output_array(c, 1);
    if (!x[0] || !x[1] || !x[2] || (masked && !x[3]) || !y || !sums)
        return AG_EUSE;
    if (!dy[0].data || (masked && dx[3].data))
        return AG_USE_RULE;
    const ag_attention a = attention_of(c, x, y, sums);
    ag_attention_gradients g = { .dy = dy[0] };
    const ag_array *operands[] = { &a.q, &a.k, &a.v };
    ag_array *targets[] = { &g.dq, &g.dk, &g.dv };
    for (int i = 0; i < 3; i++)
        if (set_target(c, &dx[i], beta[i], operands[i], targets[i]))
            return AG_ENOMEM;
    if (ag_array_size(sums) > 0 && a.m > 0) {
        g.dots = ag_call_scratch(c, (size_t)ag_array_size(sums) * sizeof *g.dots);
        const ag_status s = g.dots ? ag_attention_back(c, &a, &g) : AG_ENOMEM;
        if (s)
            return s;
    }
    for (int i = 0; i < 3; i++)
        if (targets[i]->data != dx[i].data)
            ag_reduce_to(&dx[i], targets[i], beta[i] != 0, a.threads);
    return AG_OK;
}

/* ---- the rules, with the matrix of weights: p = softmax(s), s = scale q k' + mask,
 *      dv = p' dy, ds = p (dy v' - sum of dy v' p), dq = scale ds k, dk = scale ds' q */

static ag_tensor turned(ag_tensor x)
{
    return ag_transpose(x, -2, -1);
}

static double scale_in_rule(const ag_call *c)
{
    const ag_shape q = ag_call_input_shape(c, 0);
    return scale_of(c, q.dim[q.rank - 1]);
}

static ag_tensor weights_of(const ag_call *c)
{
    const ag_attention_options *p = ag_call_params(c);
    const ag_tensor k = ag_call_input(c, 1), mask = ag_call_inputs(c) == 4 ? ag_call_input(c, 3) : (ag_tensor){ 0 };
    ag_tensor s = ag_mul_scalar(ag_matmul(ag_call_input(c, 0), turned(k)), scale_in_rule(c));
    const ag_shape shape = ag_shape_of(s);
    if (shape.rank < 2 || ag_size_of(s) == 0)
        return s;
    if (!ag_absent(mask))
        s = ag_dtype_of(mask) == AG_U8 ? ag_where_scalar(mask, s, -INFINITY) : ag_add(s, mask);
    if (p->causal) {
        const ag_shape matrix = { 2, { shape.dim[shape.rank - 2], shape.dim[shape.rank - 1] } };
        s = ag_where_scalar(ag_tril(ag_ones(ag_call_tape(c), AG_U8, matrix), 0), s, -INFINITY);
    }
    const ag_tensor any = ag_not_equal_scalar(ag_max_over(s, AG_AXES(-1), AG_KEEPDIM), -INFINITY);
    return ag_where_scalar(any, ag_softmax(ag_where_scalar(any, s, 0), -1), 0);
}

/* The change of a softmax p with that of what it is taken of, and the other way round: the matrix is symmetric. */
static ag_tensor through_softmax(ag_tensor p, ag_tensor dp)
{
    return ag_mul(p, ag_sub(dp, ag_sum_over(ag_mul(p, dp), AG_AXES(-1), AG_KEEPDIM)));
}

static void attention_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const bool by_mask = ag_call_inputs(c) == 4 && ag_call_needs(c, 3);
    const ag_tensor p = weights_of(c);
    if (ag_call_needs(c, 2))
        dx[2] = ag_matmul(turned(p), dy[0]);
    if (!ag_call_needs(c, 0) && !ag_call_needs(c, 1) && !by_mask)
        return;
    const ag_tensor ds = through_softmax(p, ag_matmul(dy[0], turned(ag_call_input(c, 2))));
    const ag_tensor scaled = ag_mul_scalar(ds, scale_in_rule(c));
    if (ag_call_needs(c, 0))
        dx[0] = ag_matmul(scaled, ag_call_input(c, 1));
    if (ag_call_needs(c, 1))
        dx[1] = ag_matmul(turned(scaled), ag_call_input(c, 0));
    if (by_mask)
        dx[3] = ds;
}

static void attention_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const bool by_mask = ag_call_inputs(c) == 4 && dx[3].tape;
    const ag_tensor q = ag_call_input(c, 0), k = ag_call_input(c, 1), p = weights_of(c);
    const ag_tensor s =
        ag_add(ag_matmul(ag_call_tangent(c, dx, 0), turned(k)), ag_matmul(q, turned(ag_call_tangent(c, dx, 1))));
    const ag_tensor scaled = ag_mul_scalar(s, scale_in_rule(c));
    const ag_tensor dp = through_softmax(p, by_mask ? ag_add(scaled, dx[3]) : scaled);
    dy[0] = ag_add(ag_matmul(dp, ag_call_input(c, 2)), ag_matmul(p, ag_call_tangent(c, dx, 2)));
}

/* Of scores and of weighted values, those of pairs that are masked or not causal too. */
static double attention_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    (void)c;
    const double pairs = (double)rows_of(&x[0]) * (double)rows_of(&x[1]),
                 each = (double)(columns_of(&x[0]) + columns_of(&x[2]));
    return 2 * (double)ag_shape_size(leading(y->shape)) * pairs * each;
}

/* clang-format off */
#define OPTIONS(...) &(const ag_attention_options){ __VA_ARGS__ }
#define SAMPLE(count, options, ...) \
    { .inputs = count, .params = options, .low = { -2, -2, -2, -2 }, .high = { 2, 2, 2, 2 }, .shape = { __VA_ARGS__ } }
#define CHOSEN(options, ...) \
    { .inputs = 4, .params = options, .low = { -2, -2, -2, 0 }, .high = { 2, 2, 2, 2 }, .dtype = { 0, 0, 0, AG_U8 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(scaled_dot_product_attention) = {
    .name = "scaled_dot_product_attention",
    .formula = "softmax(scale q k' + mask) v",
    .flags = AG_VARIADIC | AG_DENSE_ROWS,
    .saved = 1,
    .params_size = sizeof(ag_attention_options),
    .shape = attention_shape,
    .forward = attention_forward,
    .vjp = attention_vjp,
    .jvp = attention_jvp,
    .vjp_fused = attention_vjp_fused,
    .flops = attention_flops,
    .samples =
        (const ag_sample[]){
            SAMPLE(3, OPTIONS(0), AG_DIMS(3, 2), AG_DIMS(4, 2), AG_DIMS(4, 3)),
            SAMPLE(3, OPTIONS(.causal = true, .scale = 0.7), AG_DIMS(2, 3, 2), AG_DIMS(2, 2, 2), AG_DIMS(2, 2, 1)),
            SAMPLE(3, OPTIONS(0), AG_DIMS(2, 1, 2, 3), AG_DIMS(2, 3, 3), AG_DIMS(3, 2)),
            SAMPLE(4, OPTIONS(0), AG_DIMS(2, 3, 2), AG_DIMS(2, 2, 2), AG_DIMS(2, 2, 1), AG_DIMS(3, 2)),
            CHOSEN(OPTIONS(.scale = -0.5), AG_DIMS(2, 3, 2), AG_DIMS(3, 2), AG_DIMS(3, 2), AG_DIMS(2, 3, 3)),
            CHOSEN(OPTIONS(.causal = true), AG_DIMS(3, 2), AG_DIMS(3, 2), AG_DIMS(3, 1), AG_DIMS(3)),
            { 0 } },
};

/* ag_scaled_dot_product_attention - for each query, a row of q[..,n,d], an average of the rows of v[..,m,e], weighted by
 * how its products with the keys, rows of k[..,m,d], compare. Leading dimensions broadcast. What takes part is where a
 * mask of u8 is not 0; one of q's dtype is added to the scores; it broadcasts to [..,n,m], or is absent, {0}. A row in
 * which nothing takes part is 0. No matrix [n,m] is made, except by derivatives of the second order and by the mask.
 *   y = p v, p = softmax of s along keys, s = scale q k' + mask        dv = p' dy, dq = scale ds k, dk = scale ds' q,
 *       ds = p (dp - sum of p dp along keys) = dmask, dp = dy v'
 * Errors: AG_ESHAPE where extents do not fit; AG_EDTYPE for a mask of another dtype; AG_EARG if scale is not finite. */
AG_API ag_tensor ag_scaled_dot_product_attention(ag_tensor q, ag_tensor k, ag_tensor v, ag_tensor mask,
                                                 ag_attention_options options)
{
    return AG_APPLY(scaled_dot_product_attention, ag_absent(mask) ? AG_LIST(q, k, v) : AG_LIST(q, k, v, mask),
                    &options);
}
