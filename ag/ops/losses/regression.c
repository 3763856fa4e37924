/* Losses of regression: functions of the difference of a prediction and its target. */
#include "ag/ops/losses/loss.h"

/* d as the contribution to a, and -d to b: what every function of the difference passes on */
static void pass_difference(const ag_call *c, ag_tensor d, ag_tensor *dx)
{
    if (ag_call_needs(c, 0))
        dx[0] = d;
    if (ag_call_needs(c, 1))
        dx[1] = ag_neg(d);
}

static ag_tensor difference(const ag_call *c)
{
    return ag_sub(ag_call_input(c, 0), ag_call_input(c, 1));
}

/* ---- mean squared error */

static void mse_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    pass_difference(c, ag_chain(ag_mul_scalar(ag_loss_share(c, dy[0]), 2), difference(c)), dx);
}

AG_OP(mse) = {
    .name = "mse",
    .formula = "(a - b)^2, reduced",
    .inputs = 2,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = mse_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_SQUARE, 0, -2, 2, -2, 2),
};

/* ag_mse - mean squared error of tensors of one shape; NaN where they are empty.
 *   y = 1/n sum (a - b)^2        da = 2 dy (a - b) / n    db = -da
 * Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_mse(ag_tensor a, ag_tensor b)
{
    return ag_mse_with(a, b, AG_REDUCE_MEAN);
}

/* ag_mse_with - squared error of tensors of one shape, with a reduction.
 *   y = reduced (a - b)^2        da = 2 dy (a - b)    db = -da
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_mse_with(ag_tensor a, ag_tensor b, ag_reduce reduce)
{
    return AG_APPLY(mse, AG_LIST(a, b), (&(ag_loss_params){ reduce, AG_PAIR_SQUARE, 0 }));
}

/* ---- absolute error */

static void l1_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    pass_difference(c, ag_chain(ag_loss_share(c, dy[0]), ag_sign(difference(c))), dx);
}

AG_OP(l1) = {
    .name = "l1",
    .formula = "|a - b|, reduced",
    .inputs = 2,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = l1_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_ABSOLUTE, 0, -2, 2, -2, 2),
};

/* ag_l1 - absolute error of tensors of one shape; a mean is NaN where they are empty.
 *   y = reduced |a - b|        da = dy sign(a - b), 0 where they are equal    db = -da
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_l1(ag_tensor a, ag_tensor b, ag_reduce reduce)
{
    return AG_APPLY(l1, AG_LIST(a, b), (&(ag_loss_params){ reduce, AG_PAIR_ABSOLUTE, 0 }));
}

/* ---- quadratic for small differences, linear for large ones */

static ag_status huber_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const double delta = ag_loss_constant(c);
    if (!(delta > 0))
        return ag_call_fail(c, AG_EARG, "delta is %g, and must be above 0", delta);
    return ag_loss_shape(c, x, y);
}

static void huber_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const double delta = ag_loss_constant(c);
    pass_difference(c, ag_chain(ag_loss_share(c, dy[0]), ag_clamp(difference(c), -delta, delta)), dx);
}

AG_OP(huber) = {
    .name = "huber",
    .formula = "d = |a - b|: d^2 / 2 up to delta, delta (d - delta / 2) above, reduced",
    .inputs = 2,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = huber_shape,
    .forward = ag_loss_forward,
    .vjp = huber_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_HUBER, 1.3, -2, 2, -2, 2),
};

/* ag_huber - squared error up to a difference of delta, from where on it grows as the absolute one; of tensors of one
 * shape.
 *   y = reduced d^2 / 2 where d = |a - b| <= delta, else delta (d - delta / 2)
 *       da = dy (a - b), dy delta sign(a - b) where d is larger    db = -da
 * Errors: AG_EARG unless delta > 0, or for an unknown reduction; AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_huber(ag_tensor a, ag_tensor b, double delta, ag_reduce reduce)
{
    return AG_APPLY(huber, AG_LIST(a, b), (&(ag_loss_params){ reduce, AG_PAIR_HUBER, delta }));
}

static ag_status smooth_l1_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const double beta = ag_loss_constant(c);
    if (!(beta >= 0))
        return ag_call_fail(c, AG_EARG, "beta is %g, and must not be below 0", beta);
    return ag_loss_shape(c, x, y);
}

static void smooth_l1_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const double beta = ag_loss_constant(c);
    const ag_tensor d = difference(c), small = ag_clamp(ag_mul_scalar(d, 1 / beta), -1, 1);
    pass_difference(c, ag_chain(ag_loss_share(c, dy[0]), beta > 0 ? small : ag_sign(d)), dx);
}

AG_OP(smooth_l1) = {
    .name = "smooth_l1",
    .formula = "d = |a - b|: d^2 / (2 beta) below beta, d - beta / 2 from there on, reduced",
    .inputs = 2,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = smooth_l1_shape,
    .forward = ag_loss_forward,
    .vjp = smooth_l1_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_SMOOTH, 0.9, -2, 2, -2, 2),
};

/* ag_smooth_l1 - absolute error with a rounded tip, of tensors of one shape: ag_huber divided by its delta, and ag_l1
 * where beta is 0.
 *   y = reduced d^2 / (2 beta) where d = |a - b| < beta, else d - beta / 2
 *       da = dy (a - b) / beta, dy sign(a - b) where d is larger    db = -da
 * Errors: AG_EARG unless beta >= 0, or for an unknown reduction; AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_smooth_l1(ag_tensor a, ag_tensor b, double beta, ag_reduce reduce)
{
    return AG_APPLY(smooth_l1, AG_LIST(a, b), (&(ag_loss_params){ reduce, AG_PAIR_SMOOTH, beta }));
}
