/* Binary cross entropy of probabilities and of logits. */
#include "ag/ops/losses/loss.h"

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
    return ag_loss_forward(c, x, y);
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
    const ag_tensor p = ag_call_input(c, 0), y = ag_call_input(c, 1), each = ag_loss_share(c, dy[0]);
    const ag_tensor q = ag_scalar_sub(1, p);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_sub(quotient(ag_scalar_sub(1, y), q), quotient(y, p)));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_sub(clamped_log(q), clamped_log(p)));
}

AG_OP(bce) = {
    .name = "bce",
    .formula = "mean of -(y log p + (1 - y) log(1 - p))",
    .inputs = 2,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = bce_forward,
    .vjp = bce_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_BCE, 0, 0.1, 0.9, 0.05, 0.95),
};

/* ag_bce - binary cross entropy of probabilities p and targets y of one shape, mean; NaN where they are empty.
 * Logarithms count as at least -100, and where they would be less, at p or 1-p of e^-100 and below, their derivative
 * is 0.
 *   L = -1/n sum (y log p + (1-y) log(1-p))
 *       dp = dL ((1-y) / (1-p) - y / p) / n    dy = dL (log(1-p) - log p) / n
 * Errors: AG_EARG if a p is below 0 or above 1 (NaN is passed on); AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce(ag_tensor p, ag_tensor y)
{
    return AG_APPLY(bce, AG_LIST(p, y), (&(ag_loss_params){ AG_REDUCE_MEAN, AG_PAIR_BCE, 0 }));
}

/* Weights multiply the elements' losses before they are reduced. */
static ag_tensor weighted(ag_tensor each, ag_tensor weight, ag_reduce reduce)
{
    return ag_loss_reduced(ag_mul(each, ag_expand(weight, ag_shape_of(each))), reduce);
}

/* ag_bce_with - ag_bce with a weight for each element's loss, which broadcasts to p's shape or is absent, {0}, and a
 * reduction. A mean is divided by the number of elements, whatever they weigh.
 *   L = reduced weight (-y log p - (1-y) log(1-p))        dp, dy as for ag_bce, times the weights
 * Errors: AG_EARG if a p is below 0 or above 1 or for an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_bce_with(ag_tensor p, ag_tensor y, ag_tensor weight, ag_reduce reduce)
{
    const bool plain = ag_absent(weight);
    const ag_list given = plain ? AG_LIST(p, y) : AG_LIST(p, y, weight);
    ag_shape s[3];
    if (!ag_shapes_for("ag_bce_with", given, s))
        return ag_inert(ag_list_tape(given));
    const ag_loss_params params = { plain ? reduce : AG_REDUCE_NONE, AG_PAIR_BCE, 0 };
    const ag_tensor each = AG_APPLY(bce, AG_LIST(p, y), &params);
    return plain ? each : weighted(each, weight, reduce);
}

/* ---- binary cross entropy of logits */

static void bce_logits_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0), each = ag_loss_share(c, dy[0]);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, ag_sub(ag_sigmoid(z), ag_call_input(c, 1)));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, ag_neg(z));
}

AG_OP(bce_logits) = {
    .name = "bce_logits",
    .formula = "mean of max(z, 0) - z y + log(1 + exp(-|z|))",
    .inputs = 2,
    .flags = AG_REPEATS | AG_CARRIES,
    .params_size = sizeof(ag_loss_params),
    .shape = ag_loss_shape,
    .forward = ag_loss_forward,
    .vjp = bce_logits_vjp,
    .vjp_fused = ag_loss_back,
    .samples = AG_LOSS_SAMPLES(AG_PAIR_BCE_LOGITS, 0, -3, 3, 0, 1),
};

/* ag_bce_logits - ag_bce of sigmoid(z), without overflow and without clamping.
 *   L = 1/n sum (max(z,0) - z y + log(1 + exp(-|z|)))        dz = dL (sigmoid(z) - y) / n    dy = -dL z / n
 * Where z is infinite and y, 0 or 1, is what it says the loss is 0. Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce_logits(ag_tensor z, ag_tensor y)
{
    return AG_APPLY(bce_logits, AG_LIST(z, y), (&(ag_loss_params){ AG_REDUCE_MEAN, AG_PAIR_BCE_LOGITS, 0 }));
}

/* ag_bce_logits_with - ag_bce_logits with a weight for each element's loss, one for what is positive in it, which
 * trades recall for precision, and a reduction. Both weights broadcast to z's shape or are absent, {0}.
 *   L = reduced weight (pos_weight y log(1 + exp(-z)) + (1-y) log(1 + exp(z)))
 *       dz = dL weight ((1-y) sigmoid(z) - pos_weight y sigmoid(-z))
 * Errors: AG_EARG for an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_bce_logits_with(ag_tensor z, ag_tensor y, ag_tensor weight, ag_tensor pos_weight, ag_reduce reduce)
{
    const bool plain = ag_absent(weight) && ag_absent(pos_weight);
    ag_tensor given[4] = { z, y };
    ag_list list = { given, 2 };
    ag_shape s[4];
    if (!ag_absent(weight))
        given[list.count++] = weight;
    if (!ag_absent(pos_weight))
        given[list.count++] = pos_weight;
    if (!ag_shapes_for("ag_bce_logits_with", list, s))
        return ag_inert(ag_list_tape(list));
    const ag_loss_params params = { plain ? reduce : AG_REDUCE_NONE, AG_PAIR_BCE_LOGITS, 0 };
    ag_tensor each;
    if (ag_absent(pos_weight)) {
        each = AG_APPLY(bce_logits, AG_LIST(z, y), &params);
    } else {
        const ag_tensor yes = ag_mul(ag_expand(pos_weight, ag_shape_of(z)), y), no = ag_scalar_sub(1, y);
        each = ag_add(ag_chain(yes, ag_softplus(ag_neg(z))), ag_chain(no, ag_softplus(z)));
    }
    return plain ? each : ag_absent(weight) ? ag_loss_reduced(each, reduce) : weighted(each, weight, reduce);
}
