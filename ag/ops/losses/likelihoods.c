/* Losses that are negative log likelihoods of distributions, and divergences between them. */
#include "ag/ops/losses/loss.h"

/* ---- Poisson */

/* of z, the logarithm of the rate, or of the rate itself */
static void poisson_nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const bool given = ag_loss_kind(c) == AG_PAIR_POISSON_RATE;
    const ag_tensor rate = given ? ag_add_scalar(z, ag_loss_constant(c)) : z;
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, given ? ag_scalar_sub(1, ag_div(y, rate)) : ag_sub(ag_exp(z), y));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_neg(given ? ag_log(rate) : z));
}

AG_OP(poisson_nll) = {
    .name = "poisson_nll",
    .formula = "exp(z) - y z, or of a rate z - y log(z + eps), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = poisson_nll_vjp,
    .vjp_fused = ag_loss_back,
    .samples = (const ag_sample[]){ AG_LOSS_ROWS(AG_PAIR_POISSON, 0, -2, 2, 0, 4),
                                    AG_LOSS_ROWS(AG_PAIR_POISSON_RATE, 1e-2, 0.2, 4, 0, 4),
                                    { 0 } },
};

/* log y! by Stirling's formula where y > 1, else 0 */
static ag_tensor log_factorial(ag_tensor y)
{
    const double half_log_two_pi = 0.91893853320467274178;
    const ag_tensor one = ag_constant(y.tape, 1), many = ag_greater(y, one), safe = ag_where(many, y, one);
    const ag_tensor stirling = ag_sub(ag_mul(ag_add_scalar(safe, 0.5), ag_log(safe)), safe);
    return ag_where(many, ag_add_scalar(stirling, half_log_two_pi), ag_mul_scalar(safe, 0));
}

/* ag_poisson_nll - negative log likelihood of counts y under Poisson distributions, z the logarithms of their rates or,
 * with options.rate, these themselves; floating tensors of one shape. log y! is left out, as it depends on no z, but
 * with options.full, which adds Stirling's approximation of it where y > 1.
 *   L = reduced exp(z) - y z         dz = dL (exp(z) - y)            dy = -dL z
 *   L = reduced z - y log(z + eps)   dz = dL (1 - y / (z + eps))     dy = -dL log(z + eps)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_poisson_nll(ag_tensor z, ag_tensor y, ag_poisson_options options)
{
    const ag_loss_params p = { options.reduce, options.rate ? AG_PAIR_POISSON_RATE : AG_PAIR_POISSON,
                               options.eps != 0 ? options.eps : 1e-8 };
    const ag_tensor loss = AG_APPLY(poisson_nll, AG_LIST(z, y), &p);
    return options.full && loss.id ? ag_add(loss, ag_loss_reduced(log_factorial(y), options.reduce)) : loss;
}

/* ---- normal */

/* The first of n variances that is below 0; -1: none. */
#define FIND_NEGATIVE(type)                                                                       \
    static int64_t negative_##type(int64_t n, const type *v)                                      \
    {                                                                                             \
        int any = 0;                                                                              \
        _Pragma("omp simd reduction(| : any)") for (int64_t i = 0; i < n; i++) any |= (v[i] < 0); \
        for (int64_t i = 0; any && i < n; i++)                                                    \
            if (v[i] < 0)                                                                         \
                return i;                                                                         \
        return -1;                                                                                \
    }
FIND_NEGATIVE(float)
FIND_NEGATIVE(double)

static ag_status gaussian_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(&x[1]);
    const int64_t at = x[1].dtype == AG_F32 ? negative_float(n, x[1].data) : negative_double(n, x[1].data);
    if (at >= 0)
        return ag_call_fail(c, AG_EARG, "the variance of element %lld is %g, and must not be below 0", (long long)at,
                            ag_array_get(&x[1], at));
    return ag_loss_forward(c, x, y);
}

/* A variance below eps counts as eps, and its derivative as if it were that, so that it can grow again. */
static void gaussian_nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor d = ag_call_input(c, 0), given = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const ag_tensor v = ag_add(given, ag_detach(ag_relu(ag_scalar_sub(ag_loss_constant(c), given))));
    const ag_tensor ratio = ag_div(d, v);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ratio);
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(ag_mul_scalar(each, 0.5), ag_sub(ag_scalar_div(1, v), ag_square(ratio)));
}

AG_OP(gaussian_nll) = {
    .name = "gaussian_nll",
    .formula = "(log v + d^2 / v) / 2, v the variance but at least eps, reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = gaussian_forward,
    .vjp = gaussian_nll_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_GAUSSIAN, 1e-6, -2, 2, 0.3, 2),
};

/* The shapes are those of the means, of y and of the variances. The result's shape; rank -1: refused. */
static ag_shape gaussian_result(ag_tape *t, const ag_shape *s)
{
    ag_shape both, all, variance = s[2];
    char text[128], wanted[128];
    if (!ag_shape_broadcast(s[0], s[1], &both)) {
        ag_fail(t, AG_ESHAPE, "ag_gaussian_nll: the means %s and the targets %s do not broadcast",
                ag_shape_text(s[0], text, sizeof text), ag_shape_text(s[1], wanted, sizeof wanted));
        return (ag_shape){ .rank = -1 };
    }
    if (variance.rank == both.rank - 1)
        variance.dim[variance.rank++] = 1;
    if (!ag_shape_broadcast(variance, both, &all) || !ag_shape_equal(all, both)) {
        ag_fail(t, AG_ESHAPE,
                "ag_gaussian_nll: the variances are %s, and must be %s, lack its last axis or broadcast to it",
                ag_shape_text(s[2], text, sizeof text), ag_shape_text(both, wanted, sizeof wanted));
        return (ag_shape){ .rank = -1 };
    }
    return both;
}

/* ag_gaussian_nll - negative log likelihood of y under normal distributions of the given means and variances. The means
 * and y broadcast; the variances have the shape of both, or lack its last axis, or broadcast to it. A variance below
 * eps counts as eps, and is passed the derivative that it would have there.
 *   L = reduced (log v + (mean - y)^2 / v) / 2, v = max(variance, eps)
 *       dmean = dL (mean - y) / v    dy = -dmean    dvariance = dL (1 - (mean - y)^2 / v) / (2 v)
 * Errors: AG_EARG for a variance below 0 or an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_gaussian_nll(ag_tensor mean, ag_tensor y, ag_tensor variance, ag_gaussian_options options)
{
    const double half_log_two_pi = 0.91893853320467274178;
    const ag_loss_params p = { options.reduce, AG_PAIR_GAUSSIAN, options.eps != 0 ? options.eps : 1e-6 };
    const ag_dtype d = ag_ok(mean) ? ag_dtype_of(mean) : AG_FLOAT;
    ag_shape s[3];
    ag_tape *t = ag_shapes_for("ag_gaussian_nll", AG_LIST(mean, y, variance), s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(mean, y, variance)));
    if (!ag_is_float(d) || ag_dtype_of(y) != d || ag_dtype_of(variance) != d) {
        ag_fail(t, AG_EDTYPE, "ag_gaussian_nll: all must be f32, or all f64; see ag_cast");
        return ag_inert(t);
    }
    const ag_shape both = gaussian_result(t, s);
    if (both.rank < 0)
        return ag_inert(t);
    const ag_tensor each = s[2].rank == both.rank - 1 ? ag_unsqueeze(variance, -1) : variance;
    const ag_tensor loss = AG_APPLY(gaussian_nll, AG_LIST(ag_sub(mean, y), ag_expand(each, both)), &p);
    const bool sum = options.reduce == AG_REDUCE_SUM || options.reduce == AG_REDUCE_BATCH_MEAN;
    const double count = (double)ag_shape_size(both) / (double)ag_loss_divisor(options.reduce, both);
    return options.full && loss.id ? ag_add_scalar(loss, sum ? half_log_two_pi * count : half_log_two_pi) : loss;
}

/* ---- Kullback-Leibler */

static void kl_div_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const bool logarithms = ag_loss_kind(c) == AG_PAIR_KL_LOG;
    const ag_tensor p = logarithms ? ag_exp(y) : y;
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_neg(p));
    if (ag_call_needs(c, 1)) {
        const ag_tensor slope = ag_add_scalar(ag_sub(logarithms ? y : ag_log(y), z), 1);
        dx[1] = ag_chain(each, logarithms ? ag_chain(p, slope) : slope);
    }
}

AG_OP(kl_div) = {
    .name = "kl_div",
    .formula = "y (log y - z), or of logarithms exp(y) (y - z), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = kl_div_vjp,
    .vjp_fused = ag_loss_back,
    .samples = (const ag_sample[]){ AG_LOSS_ROWS(AG_PAIR_KL, 0, -3, 0, 0.1, 1),
                                    AG_LOSS_ROWS(AG_PAIR_KL_LOG, 0, -3, 0, -3, 0),
                                    { 0 } },
};

/* ag_kl_div - Kullback-Leibler divergence of distributions from targets y, given the logarithms z of the former;
 * floating tensors of one shape. A target of 0 contributes 0, whatever its logarithm. With log_target y are logarithms
 * too. The divergence itself is the sum over a distribution's elements: AG_REDUCE_BATCH_MEAN is the mean of those.
 *   L = reduced y (log y - z)         dz = -dL y         dy = dL (log y + 1 - z)
 *   L = reduced exp(y) (y - z)        dz = -dL exp(y)    dy = dL exp(y) (y - z + 1)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_kl_div(ag_tensor z, ag_tensor y, bool log_target, ag_reduce reduce)
{
    const ag_pair_kind kind = log_target ? AG_PAIR_KL_LOG : AG_PAIR_KL;
    return AG_APPLY(kl_div, AG_LIST(z, y), (&(ag_loss_params){ reduce, kind, 0 }));
}
