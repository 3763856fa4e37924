/* Means over pairs of elements: squared error and binary cross entropy. */
#include "ag/ops/define.h"
#include "ag/ops/losses/pairs.h"

/* Both of one shape; only two numbers may have different dtypes, and then count as f64. */
static ag_status loss_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!ag_is_float(x[0].dtype) || !ag_is_float(x[1].dtype))
        return ag_call_fail(c, AG_EDTYPE, "both must be f32 or f64; see ag_cast");
    if (!ag_shape_equal(x[0].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes differ%s",
                            ag_array_size(&x[0]) == ag_array_size(&x[1])
                                ? "; ag_squeeze or ag_reshape gives one the shape of the other"
                                : "");
    if (x[0].dtype != x[1].dtype && x[0].shape.rank > 0)
        return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
    y->dtype = x[0].dtype == x[1].dtype ? x[0].dtype : AG_F64;
    return AG_OK;
}

static ag_status loss_run(const ag_call *c, const ag_array *x, ag_array *y, ag_pair_kind kind)
{
    const int64_t n = ag_array_size(&x[0]);
    double *partials = ag_call_scratch(c, (size_t)ag_pair_partials(n) * sizeof *partials);
    if (!partials)
        return AG_ENOMEM;
    if (x[0].dtype != x[1].dtype) {
        const double a = ag_array_get(&x[0], 0), b = ag_array_get(&x[1], 0);
        ag_fill_array(y, ag_pair_sum(kind, AG_F64, 1, &a, &b, partials, 1));
        return AG_OK;
    }
    const double sum = ag_pair_sum(kind, y->dtype, n, x[0].data, x[1].data, partials, ag_call_threads(c));
    ag_fill_array(y, sum / (double)n);
    return AG_OK;
}

static ag_status loss_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta, ag_pair_kind kind)
{
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1);
    if (!a || !b)
        return AG_EUSE;
    if (a->dtype != b->dtype)
        return AG_USE_RULE;
    const int64_t n = ag_array_size(a);
    const double scale = ag_array_get(dy, 0) / (double)n;
    for (int side = 0; side < 2; side++)
        if (dx[side].data)
            ag_pair_gradient(kind, a->dtype, side, n, a->data, b->data, scale, beta[side], dx[side].data,
                             ag_call_threads(c));
    return AG_OK;
}

/* dy / n, which broadcasts over the operands */
static ag_tensor share(const ag_call *c, ag_tensor dy)
{
    const int64_t n = ag_size_of(ag_call_input(c, 0));
    return n > 0 ? ag_mul_scalar(dy, 1 / (double)n) : dy;
}

/* clang-format off */
#define SAMPLE(low_a, high_a, low_b, high_b, ...) \
    { .low = { low_a, low_b }, .high = { high_a, high_b }, .shape = { __VA_ARGS__, __VA_ARGS__ } }
#define SAMPLES(low_a, high_a, low_b, high_b) \
    (const ag_sample[]){ SAMPLE(low_a, high_a, low_b, high_b, AG_DIMS(5)), \
                         SAMPLE(low_a, high_a, low_b, high_b, AG_DIMS(3, 7)), \
                         SAMPLE(low_a, high_a, low_b, high_b, { 0, { 0 } }), \
                         { 0 } }
/* clang-format on */

/* ---- mean squared error */

static ag_status mse_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return loss_run(c, x, y, AG_PAIR_SQUARE);
}

static void mse_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor difference = ag_sub(ag_call_input(c, 0), ag_call_input(c, 1));
    const ag_tensor d = ag_mul(difference, ag_mul_scalar(share(c, dy[0]), 2));
    if (ag_call_needs(c, 0))
        dx[0] = d;
    if (ag_call_needs(c, 1))
        dx[1] = ag_neg(d);
}

static ag_status mse_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return loss_back(c, dy, dx, beta, AG_PAIR_SQUARE);
}

AG_OP(mse) = {
    .name = "mse",
    .formula = "mean of (a - b)^2",
    .inputs = 2,
    .shape = loss_shape,
    .forward = mse_forward,
    .vjp = mse_vjp,
    .vjp_fused = mse_vjp_fused,
    .samples = SAMPLES(-2, 2, -2, 2),
};

/* ag_mse - mean squared error of tensors of one shape; NaN where they are empty.
 *   y = 1/n sum (a - b)^2        da = 2 dy (a - b) / n    db = -da
 * Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_mse(ag_tensor a, ag_tensor b)
{
    return AG_APPLY(mse, AG_LIST(a, b), NULL);
}

/* ---- binary cross entropy of probabilities */

#define FIND_OUTSIDE(type)                                                                                     \
    static int64_t outside_##type(int64_t n, const type *p)                                                    \
    {                                                                                                          \
        int any = 0;                                                                                           \
        _Pragma("omp simd reduction(| : any)") for (int64_t i = 0; i < n; i++) any |= (p[i] < 0) | (p[i] > 1); \
        for (int64_t i = 0; any && i < n; i++)                                                                 \
            if (p[i] < 0 || p[i] > 1)                                                                          \
                return i;                                                                                      \
        return -1;                                                                                             \
    }
FIND_OUTSIDE(float)
FIND_OUTSIDE(double)

static ag_status bce_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(&x[0]);
    const int64_t at = x[0].dtype == AG_F32 ? outside_float(n, x[0].data) : outside_double(n, x[0].data);
    if (at >= 0)
        return ag_call_fail(c, AG_EARG, "element %lld, %g, is no probability; for logits see ag_bce_logits",
                            (long long)at, ag_array_get(&x[0], at));
    return loss_run(c, x, y, AG_PAIR_BCE);
}

/* a / b where b is above the least probability whose logarithm counts, else 0 */
static ag_tensor quotient(ag_tensor a, ag_tensor b)
{
    const ag_tensor q = ag_div(a, b);
    return ag_where(ag_greater(b, ag_constant(b.tape, AG_PAIR_FLOOR)), q, ag_mul_scalar(a, 0));
}

/* max(log p, the floor) */
static ag_tensor clamped_log(ag_tensor p)
{
    return ag_maximum_scalar(ag_log(p), AG_PAIR_LOG_FLOOR);
}

static void bce_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor p = ag_call_input(c, 0), y = ag_call_input(c, 1), each = share(c, dy[0]);
    const ag_tensor q = ag_scalar_sub(1, p);
    if (ag_call_needs(c, 0))
        dx[0] = ag_mul(ag_sub(quotient(ag_scalar_sub(1, y), q), quotient(y, p)), each);
    if (ag_call_needs(c, 1))
        dx[1] = ag_mul(ag_sub(clamped_log(q), clamped_log(p)), each);
}

static ag_status bce_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return loss_back(c, dy, dx, beta, AG_PAIR_BCE);
}

AG_OP(bce) = {
    .name = "bce",
    .formula = "mean of -(y log p + (1 - y) log(1 - p))",
    .inputs = 2,
    .shape = loss_shape,
    .forward = bce_forward,
    .vjp = bce_vjp,
    .vjp_fused = bce_vjp_fused,
    .samples = SAMPLES(0.1, 0.9, 0.05, 0.95),
};

/* ag_bce - binary cross entropy of probabilities p and targets y of one shape, mean; NaN where they are empty.
 * Logarithms count as at least -100, and where they would be less, at p or 1-p of e^-100 and below, their derivative
 * is 0.
 *   L = -1/n sum (y log p + (1-y) log(1-p))
 *       dp = dL ((1-y) / (1-p) - y / p) / n    dy = dL (log(1-p) - log p) / n
 * Errors: AG_EARG if a p is below 0 or above 1 (NaN is passed on); AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce(ag_tensor p, ag_tensor y)
{
    return AG_APPLY(bce, AG_LIST(p, y), NULL);
}

/* ---- binary cross entropy of logits */

static ag_status bce_logits_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return loss_run(c, x, y, AG_PAIR_BCE_LOGITS);
}

static void bce_logits_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), each = share(c, dy[0]);
    if (ag_call_needs(c, 0))
        dx[0] = ag_mul(ag_sub(ag_sigmoid(z), ag_call_input(c, 1)), each);
    if (ag_call_needs(c, 1))
        dx[1] = ag_mul(ag_neg(z), each);
}

static ag_status bce_logits_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return loss_back(c, dy, dx, beta, AG_PAIR_BCE_LOGITS);
}

AG_OP(bce_logits) = {
    .name = "bce_logits",
    .formula = "mean of max(z, 0) - z y + log(1 + exp(-|z|))",
    .inputs = 2,
    .shape = loss_shape,
    .forward = bce_logits_forward,
    .vjp = bce_logits_vjp,
    .vjp_fused = bce_logits_vjp_fused,
    .samples = SAMPLES(-3, 3, 0, 1),
};

/* ag_bce_logits - ag_bce of sigmoid(z), without overflow and without clamping.
 *   L = 1/n sum (max(z,0) - z y + log(1 + exp(-|z|)))        dz = dL (sigmoid(z) - y) / n    dy = -dL z / n
 * Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce_logits(ag_tensor z, ag_tensor y)
{
    return AG_APPLY(bce_logits, AG_LIST(z, y), NULL);
}
