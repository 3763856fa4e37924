/* The norms of groups of channels and of batches, composed of ops. Channels are the axis 1. */
#include "ag/ops/shapes/views.h"

/* The operands that are there, with their shapes; NULL: they cannot be used, or x has no channels. */
static ag_tape *check_operands(const char *who, const ag_tensor *given, size_t count, ag_shape *s)
{
    static const char *const of_groups[] = { "x", "the weight", "the bias" };
    static const char *const of_batches[] = { "x", "running_mean", "running_var", "the weight", "the bias" };
    const char *names[5];
    ag_tensor there[5];
    ag_list list = { there, 0 };
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !ag_absent(given[i])) {
            names[list.count] = count == 3 ? of_groups[i] : of_batches[i];
            there[list.count++] = given[i];
        }
    ag_tape *t = ag_shapes_for(who, list, s);
    char text[128];
    if (!t)
        return NULL;
    if (s[0].rank < 2) {
        ag_fail(t, AG_ESHAPE, "%s: x must be [n,channels,..], not %s", who, ag_shape_text(s[0], text, sizeof text));
        return NULL;
    }
    for (size_t i = 0; i < list.count; i++)
        if (!ag_is_float(ag_dtype_of(list.at[i])) || ag_dtype_of(list.at[i]) != ag_dtype_of(list.at[0])) {
            ag_fail(t, AG_EDTYPE, "%s: all must be f32, or all f64; see ag_cast", who);
            return NULL;
        }
    for (size_t i = 1; i < list.count; i++)
        if (s[i].rank != 1 || s[i].dim[0] != s[0].dim[1]) {
            ag_fail(t, AG_ESHAPE, "%s: %s is %s, and not [%lld], for each channel of x a number", who, names[i],
                    ag_shape_text(s[i], text, sizeof text), (long long)s[0].dim[1]);
            return NULL;
        }
    return t;
}

/* A number for each channel, so that it broadcasts to x. */
static ag_tensor of_channels(ag_tensor v, ag_shape x)
{
    ag_shape s = { x.rank - 1, { x.dim[1] } };
    for (int i = 1; i < s.rank; i++)
        s.dim[i] = 1;
    return ag_reshape(v, s);
}

static ag_tensor weighted(ag_tensor z, ag_tensor weight, ag_tensor bias, ag_shape x)
{
    if (!ag_absent(weight))
        z = ag_mul(z, of_channels(weight, x));
    return ag_absent(bias) ? z : ag_add(z, of_channels(bias, x));
}

/* Each group, or each channel, as a row for the layer norm; who: of messages. */
static ag_tensor grouped(const char *who, ag_tensor x, bool each, int64_t groups, ag_tensor weight, ag_tensor bias,
                         double eps)
{
    const ag_tensor given[] = { x, weight, bias };
    ag_shape s[5];
    ag_tape *t = check_operands(who, given, 3, s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(x, weight, bias)));
    const int64_t channels = s[0].dim[1], count = each ? channels : groups;
    if (!each && (groups < 1 || channels % groups)) {
        ag_fail(t, AG_EARG, "%s: %lld channels are not %lld groups of one size", who, (long long)channels,
                (long long)groups);
        return ag_inert(t);
    }
    if (!(eps >= 0 && ag_is_finite(eps))) {
        ag_fail(t, AG_EARG, "%s: eps is a number above 0, not %g", who, eps);
        return ag_inert(t);
    }
    int64_t n = count > 0 ? channels / count : 0;
    for (int i = 2; i < s[0].rank; i++)
        n *= s[0].dim[i];
    const ag_tensor none = { 0 }, rows = ag_reshape(x, AG_SHAPE(s[0].dim[0], count, n));
    const ag_tensor z = ag_layer_norm(rows, none, none, (ag_layer_norm_options){ .eps = eps });
    return weighted(ag_reshape(z, s[0]), weight, bias, s[0]);
}

/* ag_group_norm - x[n,channels,..] with each group of channels of an example about its mean, in units of its deviation;
 * then weight[channels] and bias[channels], which may be absent, {0}. An eps of 0 is 1e-5.
 *   y = z weight + bias, z = (x - mean) / sqrt(mean of (x - mean)^2 + eps)        dx as for ag_layer_norm
 * Errors: AG_EARG unless the channels are so many groups of one size, or for an eps below 0; AG_ESHAPE; AG_EDTYPE. */
AG_API ag_tensor ag_group_norm(ag_tensor x, int64_t groups, ag_tensor weight, ag_tensor bias, double eps)
{
    return grouped("ag_group_norm", x, false, groups, weight, bias, eps);
}

/* ag_instance_norm - ag_group_norm with each channel a group of its own.
 *   y = z weight + bias, z = (x - mean) / sqrt(mean of (x - mean)^2 + eps)        dx as for ag_layer_norm
 * Errors: as for ag_group_norm. */
AG_API ag_tensor ag_instance_norm(ag_tensor x, ag_tensor weight, ag_tensor bias, double eps)
{
    return grouped("ag_instance_norm", x, true, 0, weight, bias, eps);
}

/* ---- batches */

typedef struct weights { /* of channels, or absent */
    ag_tensor weight, bias;
} weights;

/* x about the means of its channels in units of their deviations, weighted: the units are, which are few. */
static ag_tensor in_units(ag_tensor x, ag_shape s, ag_tensor mean, ag_tensor variance, double eps, weights w)
{
    const ag_tensor k = ag_pow_scalar(ag_add_scalar(variance, eps != 0 ? eps : 1e-5), -0.5);
    const ag_tensor scale = ag_absent(w.weight) ? k : ag_mul(k, w.weight);
    const ag_tensor z = ag_mul(ag_sub(x, of_channels(mean, s)), of_channels(scale, s));
    return ag_absent(w.bias) ? z : ag_add(z, of_channels(w.bias, s));
}

static ag_tensor between(ag_tensor a, ag_tensor b, double part) /* a at 0, b at 1 */
{
    return ag_add(ag_mul_scalar(a, 1 - part), ag_mul_scalar(b, part));
}

/* With the batch's own statistics, whose averages go on. */
static ag_batch_normed by_batch(ag_tensor x, ag_shape s, ag_tensor mean, ag_tensor variance, ag_batch_norm_options o,
                                weights w)
{
    ag_axes others = { s.rank - 1, { 0 } };
    for (int i = 1; i < others.count; i++)
        others.axis[i] = i + 1;
    double n = (double)s.dim[0];
    for (int i = 2; i < s.rank; i++)
        n *= (double)s.dim[i];
    const double part = o.momentum != 0 ? o.momentum : 0.1;
    const ag_tensor m = ag_mean_over(x, others, 0), v = ag_var_over(x, others, 0, (ag_var_options){ .biased = true });
    ag_batch_normed y = { in_units(x, s, m, v, o.eps, w), ag_detach(m), ag_mul_scalar(ag_detach(v), n / (n - 1)) };
    if (!ag_absent(mean))
        y.running_mean = between(ag_detach(mean), y.running_mean, part);
    if (!ag_absent(variance))
        y.running_var = between(ag_detach(variance), y.running_var, part);
    return y;
}

static ag_batch_normed by_given(ag_tensor x, ag_shape s, ag_tensor mean, ag_tensor variance, ag_batch_norm_options o,
                                weights w)
{
    const ag_tensor m = ag_detach(mean), v = ag_detach(variance);
    return (ag_batch_normed){ in_units(x, s, m, v, o.eps, w), m, v };
}

/* ag_batch_norm - x[n,channels,..] with each channel about a mean and in units of a deviation; then weight and bias,
 * which may be absent, {0}, as may the running statistics where options.training, which then are those of the batch.
 * There mean and variance are the batch's own, and the running ones that are returned have moved towards them, the
 * variance's estimate with n - 1, by options.momentum; they carry no gradient and are the caller's to keep, with
 * ag_assign. Otherwise the given statistics are used, and returned.
 *   y = z weight + bias, z = (x - mean) / sqrt(variance + eps)
 *       dx = k (g - mean of g - z (mean of g z)), k = 1 / sqrt(variance + eps), g = dy weight; of given statistics k g
 * Errors: AG_EARG where there are too few numbers for a variance, or statistics are missing; AG_ESHAPE; AG_EDTYPE. */
AG_API ag_batch_normed ag_batch_norm(ag_tensor x, ag_tensor running_mean, ag_tensor running_var, ag_tensor weight,
                                     ag_tensor bias, ag_batch_norm_options options)
{
    const ag_tensor given[] = { x, running_mean, running_var, weight, bias };
    ag_shape s[5];
    ag_tape *t = check_operands("ag_batch_norm", given, 5, s);
    const ag_tensor inert = ag_inert(ag_list_tape((ag_list){ given, 5 }));
    const ag_batch_normed none = { inert, inert, inert };
    if (!t)
        return none;
    const int64_t size = ag_size_of(x);
    if (!(options.eps >= 0 && options.momentum >= 0 && options.momentum <= 1 && ag_is_finite(options.eps)))
        ag_fail(t, AG_EARG, "ag_batch_norm: there is no eps %g, or no momentum %g", options.eps, options.momentum);
    else if (options.training && size > 0 && size == s[0].dim[1])
        ag_fail(t, AG_EARG, "ag_batch_norm: a channel has one number, which has no variance");
    else if (!options.training && (ag_absent(running_mean) || ag_absent(running_var)))
        ag_fail(t, AG_EARG, "ag_batch_norm: there are no running statistics, which only training can do without");
    else {
        const weights w = { weight, bias };
        const ag_batch_normed y = options.training ? by_batch(x, s[0], running_mean, running_var, options, w)
                                                   : by_given(x, s[0], running_mean, running_var, options, w);
        ag_tensor all[] = { y.output, y.running_mean, y.running_var };
        ag_all_or_none(all, 3);
        return (ag_batch_normed){ all[0], all[1], all[2] };
    }
    return none;
}
