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
