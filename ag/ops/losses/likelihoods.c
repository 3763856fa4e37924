/* Losses that are negative log likelihoods of distributions, and divergences between them. */
#include "ag/ops/losses/loss.h"

/* ---- Poisson */

static void poisson_nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_sub(ag_exp(z), y));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_neg(z));
}

AG_OP(poisson_nll) = {
    .name = "poisson_nll",
    .formula = "exp(z) - y z, reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = poisson_nll_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_POISSON, 0, -2, 2, 0, 4),
};

static void poisson_rate_nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor rate = ag_add_scalar(ag_call_input(c, 0), ag_loss_constant(c)), each = ag_loss_share(c, dy[0]);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_scalar_sub(1, ag_div(ag_call_input(c, 1), rate)));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_neg(ag_log(rate)));
}

AG_OP(poisson_rate_nll) = {
    .name = "poisson_rate_nll",
    .formula = "z - y log(z + eps), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = poisson_rate_nll_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_POISSON_RATE, 1e-2, 0.2, 4, 0, 4),
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
    const ag_tensor loss =
        options.rate ? AG_APPLY(poisson_rate_nll, AG_LIST(z, y), &p) : AG_APPLY(poisson_nll, AG_LIST(z, y), &p);
    return options.full && loss.id ? ag_add(loss, ag_loss_reduced(log_factorial(y), options.reduce)) : loss;
}

/* ---- normal */

static ag_status gaussian_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(&x[1]);
    for (int64_t i = 0; i < n; i++) {
        const bool negative =
            x[1].dtype == AG_F32 ? ((const float *)x[1].data)[i] < 0 : ((const double *)x[1].data)[i] < 0;
        if (negative)
            return ag_call_fail(c, AG_EARG, "the variance of element %lld is %g, and must not be below 0", (long long)i,
                                ag_array_get(&x[1], i));
    }
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

/* The variance of each element, or of each row, where the last axis is lacking or of extent 1. */
static ag_tensor spread_variance(ag_tensor variance, ag_tensor d)
{
    const ag_shape s = ag_shape_of(d), v = ag_shape_of(variance);
    return v.rank >= 0 && v.rank == s.rank - 1 ? ag_expand(ag_unsqueeze(variance, -1), s) : ag_expand(variance, s);
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
    const ag_tensor d = ag_sub(mean, y);
    const ag_tensor loss = AG_APPLY(gaussian_nll, AG_LIST(d, spread_variance(variance, d)), &p);
    const bool sum = options.reduce == AG_REDUCE_SUM || options.reduce == AG_REDUCE_BATCH_MEAN;
    const double count = (double)ag_size_of(d) / (double)ag_loss_divisor(options.reduce, ag_shape_of(d));
    return options.full && loss.id ? ag_add_scalar(loss, sum ? half_log_two_pi * count : half_log_two_pi) : loss;
}

/* ---- Kullback-Leibler */

static void kl_div_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_neg(y));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_sub(ag_add_scalar(ag_log(y), 1), z));
}

AG_OP(kl_div) = {
    .name = "kl_div",
    .formula = "y (log y - z), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = kl_div_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_KL, 0, -3, 0, 0.1, 1),
};

static void kl_div_log_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]), p = ag_exp(y);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_neg(p));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_chain(p, ag_add_scalar(ag_sub(y, z), 1)));
}

AG_OP(kl_div_log) = {
    .name = "kl_div_log",
    .formula = "exp(y) (y - z), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = kl_div_log_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_KL_LOG, 0, -3, 0, -3, 0),
};

/* ag_kl_div - Kullback-Leibler divergence of distributions from targets y, given the logarithms z of the former;
 * floating tensors of one shape. A target of 0 contributes 0, whatever its logarithm. With log_target y are logarithms
 * too. The divergence itself is the sum over a distribution's elements: AG_REDUCE_BATCH_MEAN is the mean of those.
 *   L = reduced y (log y - z)         dz = -dL y         dy = dL (log y + 1 - z)
 *   L = reduced exp(y) (y - z)        dz = -dL exp(y)    dy = dL exp(y) (y - z + 1)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_kl_div(ag_tensor z, ag_tensor y, bool log_target, ag_reduce reduce)
{
    if (log_target)
        return AG_APPLY(kl_div_log, AG_LIST(z, y), (&(ag_loss_params){ reduce, AG_PAIR_KL_LOG, 0 }));
    return AG_APPLY(kl_div, AG_LIST(z, y), (&(ag_loss_params){ reduce, AG_PAIR_KL, 0 }));
}
