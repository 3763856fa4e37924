/* What leaves elements out at random, and samples. All are drawn from the tape's generator: see ag_rand. */
#include "ag/ops/shapes/views.h"
#include <math.h>

/* 1 with probability 1 - p for each element of x, u8 */
static ag_tensor kept_of(const char *who, ag_tensor x, double p)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for(who, AG_LIST(x), &s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(x)));
    const ag_dtype d = ag_dtype_of(x);
    if (!ag_is_float(d))
        ag_fail(t, AG_EDTYPE, "%s: is defined for f32 and f64, not %s; see ag_cast", who, ag_dtype_name(d));
    else if (!(p >= 0 && p <= 1))
        ag_fail(t, AG_EARG, "%s: a probability is from 0 to 1, not %g", who, p);
    else
        return ag_greater_equal_scalar(ag_rand(t, d, s, 0, 1), p);
    return ag_inert(t);
}

/* ag_dropout - each element is 0 with probability p, and those that stay are divided by 1 - p, so that the mean does not
 * change. It is for training: otherwise x itself is what is meant.
 *   y = x / (1 - p) where the element stays, else 0        dx = dy / (1 - p) where it stays, else 0
 * Errors: AG_EARG for a p that is not from 0 to 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_dropout(ag_tensor x, double p)
{
    const ag_tensor kept = kept_of("ag_dropout", x, p);
    return ag_where_scalar(kept, ag_mul_scalar(x, p < 1 ? 1 / (1 - p) : 1), 0);
}

/* ag_alpha_dropout - for what ag_selu makes: an element gets selu's limit towards minus infinity, a = -1.7580993408473766,
 * with probability p, and all are scaled and shifted so that mean 0 and variance 1 stay (Klambauer et al. 2017).
 *   y = u x + v where the element stays, else u a + v, u = 1 / sqrt((1 - p) (1 + p a^2)), v = -u p a; 0 if p = 1
 *       dx = u dy where it stays, else 0
 * Errors: AG_EARG for a p that is not from 0 to 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_alpha_dropout(ag_tensor x, double p)
{
    const double a = -1.7580993408473766, u = p < 1 ? 1 / sqrt((1 - p) * (1 + p * a * a)) : 0, v = -u * p * a;
    const ag_tensor kept = kept_of("ag_alpha_dropout", x, p);
    return ag_where_scalar(kept, ag_add_scalar(ag_mul_scalar(x, u), v), u * a + v);
}

/* ag_bernoulli - ones with the given probabilities, else zeros, u8. What is below 0 counts as 0, what is above 1 as 1, and
 * a NaN as 0. It has no derivative.
 *   y = 1 with probability p, else 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_bernoulli(ag_tensor p)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_bernoulli", AG_LIST(p), &s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(p)));
    if (!ag_is_float(ag_dtype_of(p))) {
        ag_fail(t, AG_EDTYPE, "ag_bernoulli: a probability is f32 or f64, not %s", ag_dtype_name(ag_dtype_of(p)));
        return ag_inert(t);
    }
    return ag_less(ag_rand(t, ag_dtype_of(p), s, 0, 1), ag_detach(p));
}

/* Weights that can be drawn from: none below 0, and in each row, enough of them above it. */
static bool can_draw(ag_tape *t, ag_tensor weights, int64_t needed)
{
    const ag_tensor positive = ag_cast(ag_greater_scalar(weights, 0), AG_F64);
    const double least = ag_item(ag_min(weights)), most = ag_item(ag_max(ag_sum_over(weights, AG_AXES(-1), 0)));
    const double above = ag_item(ag_min(ag_sum_over(positive, AG_AXES(-1), 0)));
    if (ag_error(t))
        return false;
    if (!(least >= 0 && ag_is_finite(most)))
        ag_fail(t, AG_EARG, "ag_multinomial: weights are not below 0, and their sums finite: %g and %g are there",
                least, most);
    else if (above < (double)needed)
        ag_fail(t, AG_EARG, "ag_multinomial: %g weights of a row are above 0, too few for %lld samples", above,
                (long long)needed);
    return !ag_error(t);
}

/* ag_multinomial - for each row of weights[..,n], `samples` indices, drawn with probabilities that are proportional to
 * the weights: i64 [..,samples]. Without replacement no index comes twice, in the order of drawing. No derivative.
 *   y = i with probability weights[i] / sum of weights
 * Errors: AG_EARG for weights below 0 or not finite, or where too few are above 0; AG_ESHAPE; AG_EDTYPE for integers. */
AG_API ag_tensor ag_multinomial(ag_tensor weights, int64_t samples, bool replacement)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_multinomial", AG_LIST(weights), &s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(weights)));
    if (!ag_is_float(ag_dtype_of(weights)))
        ag_fail(t, AG_EDTYPE, "ag_multinomial: weights are f32 or f64, not %s", ag_dtype_name(ag_dtype_of(weights)));
    else if (s.rank < 1 || s.dim[s.rank - 1] == 0)
        ag_fail(t, AG_ESHAPE, "ag_multinomial: there are no weights to draw from");
    else if (samples < 1)
        ag_fail(t, AG_EARG, "ag_multinomial: one sample at least is drawn, not %lld", (long long)samples);
    else if (ag_size_of(weights) == 0) {
        s.dim[s.rank - 1] = samples;
        return ag_zeros(t, AG_I64, s);
    } else {
        const ag_tensor w = ag_cast(ag_detach(weights), AG_F64);
        if (!can_draw(t, w, replacement ? 1 : samples))
            return ag_inert(t);
        if (!replacement) { /* the first ones of exponential times, which have the weights as rates */
            const ag_tensor u = ag_log(ag_rand(t, AG_F64, s, 0x1p-60, 1));
            return ag_topk(ag_div(u, w), samples, -1, (ag_topk_options){ 0 }).indices;
        }
        s.dim[s.rank - 1] = samples;
        const ag_tensor sums = ag_cumsum(w, -1), u = ag_rand(t, AG_F64, s, 0, 1 - 0x1p-50);
        return ag_searchsorted(sums, ag_mul(u, ag_slice(sums, -1, -1, INT64_MAX, 1)),
                               (ag_searchsorted_options){ .right = true });
    }
    return ag_inert(t);
}

/* 1 where the largest elements along the axis are, the first of equal ones, and 0 elsewhere. */
static ag_tensor hard_of(ag_tensor y, int axis)
{
    if (!ag_ok(y) || ag_size_of(y) == 0)
        return y;
    const ag_tensor none = ag_zeros(y.tape, ag_dtype_of(y), ag_shape_of(y));
    return ag_scatter_scalar(none, axis, ag_unsqueeze(ag_argmax(y, axis), axis), 1);
}

/* ag_gumbel_softmax - samples of classes with the probabilities softmax(x) along an axis (-1: the last), in a form that
 * has a derivative (Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017): the lower the temperature, the closer to a 1
 * among zeros. hard: exactly that, with the derivative of the soft ones.
 *   y = softmax((x + g) / temperature), g of ag_gumbel        dx = y (dy - sum of y dy along the axis) / temperature
 * Errors: AG_EARG for a temperature that is not above 0; AG_ESHAPE if there is no such axis; AG_EDTYPE for integers. */
AG_API ag_tensor ag_gumbel_softmax(ag_tensor x, double temperature, bool hard, int axis)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_gumbel_softmax", AG_LIST(x), &s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(x)));
    const ag_dtype d = ag_dtype_of(x);
    if (!ag_is_float(d))
        ag_fail(t, AG_EDTYPE, "ag_gumbel_softmax: is defined for f32 and f64, not %s; see ag_cast", ag_dtype_name(d));
    else if (!(temperature > 0 && ag_is_finite(temperature)))
        ag_fail(t, AG_EARG, "ag_gumbel_softmax: a temperature is above 0, not %g", temperature);
    else if (s.rank == 0 || ag_axis_for("ag_gumbel_softmax", t, s, axis) >= 0) {
        const ag_tensor noisy = ag_add(x, ag_gumbel(t, d, s, 0, 1));
        const ag_tensor y = ag_softmax(ag_mul_scalar(noisy, 1 / temperature), axis);
        return hard && s.rank > 0 ? ag_add(ag_sub(y, ag_detach(y)), ag_detach(hard_of(y, axis))) : y;
    }
    return ag_inert(t);
}
