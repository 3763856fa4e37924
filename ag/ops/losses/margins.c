/* Losses of classes -1 and 1, with margins. */
#include "ag/ops/losses/loss.h"

/* ---- hinge */

static void hinge_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const ag_tensor within = ag_heaviside(ag_scalar_sub(ag_loss_constant(c), ag_mul(x, y)), 0);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(within, ag_chain(each, ag_neg(y)));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(within, ag_chain(each, ag_neg(x)));
}

AG_OP(hinge) = {
    .name = "hinge",
    .formula = "max(margin - x y, 0), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = hinge_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_HINGE, 0.8, -2, 2, -2, 2),
};

/* ag_hinge - hinge loss of scores x and classes y, -1 or 1, floating tensors of one shape.
 *   L = reduced max(margin - x y, 0)        dx = -dL y where that is above 0, else 0    dy = -dL x likewise
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_hinge(ag_tensor x, ag_tensor y, double margin, ag_reduce reduce)
{
    return AG_APPLY(hinge, AG_LIST(x, y), (&(ag_loss_params){ reduce, AG_PAIR_HINGE, margin }));
}

/* ag_margin_ranking - ag_hinge of a - b: is a above b where y is 1, and below where it is -1? a and b broadcast.
 *   L = reduced max(margin - y (a - b), 0)        da = -dL y where that is above 0, else 0    db = -da
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_margin_ranking(ag_tensor a, ag_tensor b, ag_tensor y, double margin, ag_reduce reduce)
{
    return ag_hinge(ag_sub(a, b), y, margin, reduce);
}

/* ---- hinge of a distance */

/* 1 where y is something else than the class, else 0 */
static ag_tensor others(ag_tensor y, double class)
{
    return ag_cast(ag_not_equal(y, ag_constant(y.tape, class)), ag_dtype_of(y));
}

static void hinge_embedding_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const ag_tensor within = ag_heaviside(ag_scalar_sub(ag_loss_constant(c), x), 0);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(ag_sub(others(y, -1), ag_mul(others(y, 1), within)), each);
}

AG_OP(hinge_embedding) = {
    .name = "hinge_embedding",
    .formula = "x where y = 1, max(margin - x, 0) where y = -1, reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = hinge_embedding_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_EMBEDDING, 0.8, -2, 2, -2, 2),
};

/* ag_hinge_embedding - for distances x, of which those of class y = 1 are to be small and those of class -1 to be above
 * the margin; floating tensors of one shape. Any other y counts as both.
 *   L = reduced x where y = 1, max(margin - x, 0) where y = -1
 *       dx = dL where y = 1; where y = -1 -dL if x is below the margin, else 0
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_hinge_embedding(ag_tensor x, ag_tensor y, double margin, ag_reduce reduce)
{
    return AG_APPLY(hinge_embedding, AG_LIST(x, y), (&(ag_loss_params){ reduce, AG_PAIR_EMBEDDING, margin }));
}

/* ---- logistic */

static void soft_margin_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const ag_tensor s = ag_neg(ag_sigmoid(ag_neg(ag_mul(x, y))));
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_mul(y, s));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_mul(x, s));
}

AG_OP(soft_margin) = {
    .name = "soft_margin",
    .formula = "log(1 + exp(-x y)), reduced",
    .inputs = 2,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = soft_margin_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_SOFT_MARGIN, 0, -2, 2, -2, 2),
};

/* ag_soft_margin - logistic loss of scores x and classes y, -1 or 1, floating tensors of one shape.
 *   L = reduced log(1 + exp(-x y))        dx = -dL y sigmoid(-x y)    dy = -dL x sigmoid(-x y)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_soft_margin(ag_tensor x, ag_tensor y, ag_reduce reduce)
{
    return AG_APPLY(soft_margin, AG_LIST(x, y), (&(ag_loss_params){ reduce, AG_PAIR_SOFT_MARGIN, 0 }));
}
