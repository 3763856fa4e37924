/* What is public of the norms of groups of channels and of batches. Channels are the axis 1. */
#include "ag/ops/normalization/channel_run.h"
#include "ag/ops/shapes/views.h"

enum { SHORT = 16 }; /* elements of a channel of an example: fewer are not worth a loop of their own */

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

/* With the operands that are there. */
static ag_tensor apply(uint32_t op, const ag_channel_norm_params *p, const ag_tensor *given, size_t count, ag_tensor *y)
{
    ag_tensor there[5];
    ag_list list = { there, 0 };
    for (size_t i = 0; i < count; i++)
        if (!ag_absent(given[i]))
            there[list.count++] = given[i];
    ag_apply_number(given[0].tape, op, list, p, y);
    return y[0];
}

/* Each group as a row for the layer norm. */
static ag_tensor by_rows(const ag_tensor *given, ag_shape s, int64_t groups, int64_t n, double eps)
{
    const ag_tensor none = { 0 }, rows = ag_reshape(given[0], AG_SHAPE(s.dim[0], groups, n));
    ag_tensor z = ag_reshape(ag_layer_norm(rows, none, none, (ag_layer_norm_options){ .eps = eps }), s);
    if (!ag_absent(given[1]))
        z = ag_mul(z, of_channels(given[1], s));
    return ag_absent(given[2]) ? z : ag_add(z, of_channels(given[2], s));
}

/* who: of messages; each: a channel is a group */
static ag_tensor grouped(const char *who, ag_tensor x, bool each, int64_t groups, ag_tensor weight, ag_tensor bias,
                         double eps)
{
    const ag_tensor given[] = { x, weight, bias };
    ag_shape s[5] = { { 0 } };
    ag_tensor y;
    ag_tape *t = check_operands(who, given, 3, s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(x, weight, bias)));
    const int64_t channels = s[0].dim[1], count = each ? channels : groups, inner = ag_norm_inner(&s[0]);
    if (!each && (groups < 1 || channels % groups)) {
        ag_fail(t, AG_EARG, "%s: %lld channels are not %lld groups of one size", who, (long long)channels,
                (long long)groups);
        return ag_inert(t);
    }
    if (!(eps >= 0 && ag_is_finite(eps))) {
        ag_fail(t, AG_EARG, "%s: eps is a number above 0, not %g", who, eps);
        return ag_inert(t);
    }
    if (inner < SHORT)
        return by_rows(given, s[0], count, count ? channels / count * inner : 0, eps);
    const ag_channel_norm_params p = { count, eps != 0 ? eps : 1e-5, false, !ag_absent(weight), !ag_absent(bias) };
    return apply(AG_OP_group_norm, &p, given, 3, &y);
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

/* A batch of nothing moves nothing. */
static ag_tensor moved(ag_tensor running, ag_tensor own, double part, double n)
{
    running = ag_detach(running);
    return n == 0 ? running : ag_add(ag_mul_scalar(running, 1 - part), ag_mul_scalar(own, part));
}

/* With the batch's own statistics, whose averages go on. x, mean, variance, weight and bias are given. */
static ag_batch_normed by_batch(const ag_tensor *given, ag_shape s, ag_batch_norm_options o,
                                const ag_channel_norm_params *p)
{
    const ag_tensor operands[] = { given[0], given[3], given[4] };
    ag_tensor y[3];
    if (!ag_ok(apply(AG_OP_batch_norm, p, operands, 3, y)))
        return (ag_batch_normed){ y[0], y[1], y[2] };
    const double n = (double)s.dim[0] * (double)ag_norm_inner(&s), part = o.momentum != 0 ? o.momentum : 0.1;
    const ag_dtype d = ag_dtype_of(given[0]);
    ag_batch_normed all = { y[0], ag_cast(ag_detach(y[1]), d),
                            ag_cast(ag_mul_scalar(ag_detach(y[2]), n > 0 ? n / (n - 1) : 1), d) };
    if (!ag_absent(given[1]))
        all.running_mean = moved(given[1], all.running_mean, part, n);
    if (!ag_absent(given[2]))
        all.running_var = moved(given[2], all.running_var, part, n);
    return all;
}

static ag_batch_normed by_given(const ag_tensor *given, const ag_channel_norm_params *p)
{
    const ag_tensor m = ag_detach(given[1]), v = ag_detach(given[2]),
                    operands[] = { given[0], m, v, given[3], given[4] };
    ag_tensor y;
    return (ag_batch_normed){ apply(AG_OP_batch_norm_given, p, operands, 5, &y), m, v };
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
    ag_shape s[5] = { { 0 } };
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
        const ag_channel_norm_params p = { 0, options.eps != 0 ? options.eps : 1e-5, !options.training,
                                           !ag_absent(weight), !ag_absent(bias) };
        const ag_batch_normed y = options.training ? by_batch(given, s[0], options, &p) : by_given(given, &p);
        ag_tensor all[] = { y.output, y.running_mean, y.running_var };
        ag_all_or_none(all, 3);
        return (ag_batch_normed){ all[0], all[1], all[2] };
    }
    return none;
}
