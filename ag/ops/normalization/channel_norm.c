/* The norms of groups of channels and of batches. x counts as [outer,groups,part,inner]; a set, which has a mean and a
 * variance, is a group of an example, or, of a batch, a channel of all examples. */
#include "ag/ops/normalization/channel_run.h"
#include "ag/ops/shapes/views.h"

typedef ag_channel_norm_params norm_params;

enum { MEAN = 1, VARIANCE }; /* as operands, where they are given; as outputs */

static int weight_at(const norm_params *p)
{
    return p->given ? 3 : 1;
}

static int bias_at(const norm_params *p)
{
    return weight_at(p) + p->weight;
}

/* ---- shapes: y, and the means and variances of the sets, in double */

static ag_status norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    const int count = ag_call_inputs(c);
    if (count != bias_at(p) + p->bias)
        return ag_call_fail(c, AG_EARG, "takes %d tensors, not %d", bias_at(p) + p->bias, count);
    if (x[0].shape.rank < 2)
        return ag_call_fail(c, AG_ESHAPE, "x must be [n,channels,..]");
    const int64_t channels = x[0].shape.dim[1];
    for (int i = 0; i < count; i++) {
        if (!ag_is_float(x[i].dtype) || x[i].dtype != x[0].dtype)
            return ag_call_fail(c, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
        if (i > 0 && (x[i].shape.rank != 1 || x[i].shape.dim[0] != channels))
            return ag_call_fail(c, AG_ESHAPE, "operand %d must be [%lld], for each channel of x a number", i + 1,
                                (long long)channels);
    }
    if (p->groups < 0 || (p->groups > 0 && channels % p->groups))
        return ag_call_fail(c, AG_EARG, "%lld channels are not %lld groups of one size", (long long)channels,
                            (long long)p->groups);
    if (!(p->eps >= 0 && ag_is_finite(p->eps)))
        return ag_call_fail(c, AG_EARG, "eps is a number above 0, not %g", p->eps);
    y[0] = (ag_array){ .dtype = x[0].dtype, .shape = x[0].shape };
    y[MEAN] = (ag_array){ .dtype = AG_F64, .shape = AG_SHAPE(channels) };
    if (p->groups)
        y[MEAN].shape = AG_SHAPE(x[0].shape.dim[0], p->groups);
    y[VARIANCE] = y[MEAN];
    return AG_OK;
}

/* ---- values */

static ag_channel_norm norm_of(const ag_call *c, const ag_array *x)
{
    const norm_params *p = ag_call_params(c);
    return (ag_channel_norm){ .outer = x->shape.dim[0],
                              .channels = x->shape.dim[1],
                              .inner = ag_norm_inner(&x->shape),
                              .groups = p->groups,
                              .eps = p->eps,
                              .given = p->given,
                              .x = *x };
}

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    ag_channel_norm n = norm_of(c, &x[0]);
    n.y = y[0];
    n.weight = p->weight ? &x[weight_at(p)] : NULL;
    n.bias = p->bias ? &x[bias_at(p)] : NULL;
    n.mean = y[MEAN].data;
    n.variance = y[VARIANCE].data;
    for (int64_t i = 0; p->given && i < n.channels; i++) {
        n.mean[i] = ag_array_get(&x[MEAN], i);
        n.variance[i] = ag_array_get(&x[VARIANCE], i);
    }
    return ag_channel_norm_forward(c, &n);
}

/* ---- the rule: with z the x in its units, k the inverse deviation and g = dy weight,
 *      dx = k (g - mean of g - z mean of g z) */

static ag_tensor viewed(const ag_call *c, ag_tensor x)
{
    const norm_params *p = ag_call_params(c);
    const ag_shape s = ag_call_input_shape(c, 0);
    const int64_t groups = p->groups ? p->groups : s.dim[1];
    return ag_reshape(x, AG_SHAPE(s.dim[0], groups, groups ? s.dim[1] / groups : 0, ag_norm_inner(&s)));
}

/* A number for each channel, so that it broadcasts to that. */
static ag_tensor of_channels(const ag_call *c, ag_tensor v)
{
    const norm_params *p = ag_call_params(c);
    const int64_t channels = ag_call_input_shape(c, 0).dim[1], groups = p->groups ? p->groups : channels;
    return ag_reshape(v, AG_SHAPE(1, groups, groups ? channels / groups : 0, 1));
}

static ag_axes of_sets(const ag_call *c)
{
    const norm_params *p = ag_call_params(c);
    return p->groups ? AG_AXES(2, 3) : AG_AXES(0, 3);
}

static ag_tensor mean_of(const ag_call *c, ag_tensor x)
{
    return ag_mean_over(x, of_sets(c), AG_KEEPDIM);
}

/* What is left of it for each channel. */
static ag_tensor sum_of(const ag_call *c, ag_tensor x)
{
    return ag_reshape(ag_sum_over(x, AG_AXES(0, 3), 0), AG_SHAPE(ag_call_input_shape(c, 0).dim[1]));
}

/* The adjoint of a set's mean or variance, divided by the elements of a set. */
static ag_tensor per_element(ag_tensor dy, ag_tensor like, ag_tensor x)
{
    const double count = (double)ag_size_of(x) / (double)ag_size_of(like);
    return ag_mul_scalar(ag_cast(ag_reshape(dy, ag_shape_of(like)), ag_dtype_of(like)), 1 / count);
}

typedef struct parts { /* of the value, for its derivatives */
    ag_tensor about, k, z;
} parts;

static parts parts_of(const ag_call *c)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor x = viewed(c, ag_call_input(c, 0));
    const ag_tensor about = ag_sub(x, p->given ? of_channels(c, ag_call_input(c, MEAN)) : mean_of(c, x));
    const ag_tensor variance = p->given ? of_channels(c, ag_call_input(c, VARIANCE)) : mean_of(c, ag_square(about));
    const ag_tensor k = ag_pow_scalar(ag_add_scalar(variance, p->eps), -0.5);
    return (parts){ about, k, ag_mul(about, k) };
}

/* Times the weights, if there are any. */
static ag_tensor weighted(const ag_call *c, ag_tensor x)
{
    const norm_params *p = ag_call_params(c);
    return p->weight ? ag_mul(x, of_channels(c, ag_call_input(c, weight_at(p)))) : x;
}

/* k (g - mean of g - z mean of g z): the matrix by which z changes with x, times g, is symmetric. */
static ag_tensor through_norm(const ag_call *c, parts v, ag_tensor g)
{
    const ag_tensor less = ag_add(mean_of(c, g), ag_mul(v.z, mean_of(c, ag_mul(g, v.z))));
    return ag_mul(v.k, ag_sub(g, less));
}

/* What comes by a mean and a variance that are x's own. */
static ag_tensor by_own(const ag_call *c, parts v, ag_tensor g, const ag_tensor *dy)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor dx = through_norm(c, v, g);
    if (p->groups)
        return dx;
    const ag_tensor dmean = per_element(dy[MEAN], v.k, v.z), dvariance = per_element(dy[VARIANCE], v.k, v.z);
    return ag_add(dx, ag_add(dmean, ag_mul(v.about, ag_mul_scalar(dvariance, 2))));
}

static void norm_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const norm_params *p = ag_call_params(c);
    const parts v = parts_of(c);
    const ag_tensor arrived = viewed(c, dy[0]), g = weighted(c, arrived), gk = ag_mul(g, v.k);
    if (ag_call_needs(c, 0))
        dx[0] = ag_reshape(p->given ? gk : by_own(c, v, g, dy), ag_call_input_shape(c, 0));
    if (p->given && ag_call_needs(c, MEAN))
        dx[MEAN] = ag_neg(sum_of(c, gk));
    if (p->given && ag_call_needs(c, VARIANCE))
        dx[VARIANCE] = ag_mul_scalar(sum_of(c, ag_mul(gk, ag_mul(v.z, v.k))), -0.5);
    if (p->weight && ag_call_needs(c, weight_at(p)))
        dx[weight_at(p)] = sum_of(c, ag_mul(arrived, v.z));
    if (p->bias && ag_call_needs(c, bias_at(p)))
        dx[bias_at(p)] = sum_of(c, arrived);
}

/* What z changes by with a mean and a variance that are given. */
static ag_tensor by_given(const ag_call *c, parts v, const ag_tensor *dx)
{
    const ag_tensor dmean = of_channels(c, ag_call_tangent(c, dx, MEAN)),
                    dvariance = of_channels(c, ag_call_tangent(c, dx, VARIANCE)),
                    less = ag_add(dmean, ag_mul(v.z, ag_mul_scalar(ag_mul(v.k, dvariance), 0.5)));
    return ag_mul(v.k, ag_sub(viewed(c, ag_call_tangent(c, dx, 0)), less));
}

static void norm_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const norm_params *p = ag_call_params(c);
    const parts v = parts_of(c);
    const ag_tensor moved = viewed(c, ag_call_tangent(c, dx, 0));
    ag_tensor y = weighted(c, p->given ? by_given(c, v, dx) : through_norm(c, v, moved));
    if (p->weight && dx[weight_at(p)].tape)
        y = ag_add(y, ag_mul(v.z, of_channels(c, dx[weight_at(p)])));
    if (p->bias && dx[bias_at(p)].tape)
        y = ag_add(y, of_channels(c, dx[bias_at(p)]));
    dy[0] = ag_reshape(y, ag_call_input_shape(c, 0));
    if (p->groups || p->given)
        return;
    const ag_shape channels = AG_SHAPE(ag_call_input_shape(c, 0).dim[1]);
    dy[MEAN] = ag_cast(ag_reshape(mean_of(c, moved), channels), AG_F64);
    dy[VARIANCE] = ag_cast(ag_mul_scalar(ag_reshape(mean_of(c, ag_mul(v.about, moved)), channels), 2), AG_F64);
}

/* ---- the same as a kernel */

void ag_norm_put(int64_t n, const double *sums, const ag_array *to, double beta)
{
    for (int64_t i = 0; i < n; i++)
        if (to->dtype == AG_F32)
            ((float *)to->data)[i] = (float)(sums[i] + (beta != 0 ? (double)((float *)to->data)[i] : 0));
        else
            ((double *)to->data)[i] = sums[i] + (beta != 0 ? ((double *)to->data)[i] : 0);
}

/* Zeros for the sums of an operand's adjoint, where it is wanted. False: no memory. */
static bool sums_for(const ag_call *c, bool there, const ag_array *dx, double **sums)
{
    if (!there || !dx->data)
        return true;
    const size_t bytes = (size_t)ag_array_size(dx) * sizeof **sums;
    *sums = ag_call_scratch(c, bytes);
    if (*sums)
        memset(*sums, 0, bytes);
    return *sums;
}

static ag_status norm_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const norm_params *p = ag_call_params(c);
    const int w = weight_at(p), b = bias_at(p);
    const ag_array *x = ag_call_input_array(c, 0), *mean = ag_call_output_array(c, MEAN),
                   *variance = ag_call_output_array(c, VARIANCE);
    if (!dy[0].data || (p->given && (dx[MEAN].data || dx[VARIANCE].data)))
        return AG_USE_RULE;
    if (!x || !mean || !variance)
        return AG_EUSE;
    ag_channel_norm n = norm_of(c, x);
    n.dy = dy[0];
    n.dx = dx[0];
    n.add = beta[0] != 0;
    n.mean = mean->data;
    n.variance = variance->data;
    n.dmean = &dy[MEAN];
    n.dvariance = &dy[VARIANCE];
    if (p->weight && !(n.weight = ag_call_input_array(c, w)))
        return AG_EUSE;
    if (!sums_for(c, p->weight, &dx[w], &n.dweight) || !sums_for(c, p->bias, &dx[b], &n.dbias))
        return AG_ENOMEM;
    const ag_status status = ag_channel_norm_back(c, &n);
    if (status)
        return status;
    if (n.dweight)
        ag_norm_put(n.channels, n.dweight, &dx[w], beta[w]);
    if (n.dbias)
        ag_norm_put(n.channels, n.dbias, &dx[b], beta[b]);
    return AG_OK;
}

/* clang-format off */
#define SAMPLE(count, groups, eps, given, weight, bias, ...)                                                           \
    { .inputs = count, .params = &(const norm_params){ groups, eps, given, weight, bias }, .shape = { __VA_ARGS__ },   \
      .low = { -2, 0.5, 0.5, 0.5, -1 }, .high = { 2, 1.5, 1.5, 1.5, 1 } }
#define COMMON                                                                                                         \
    .flags = AG_VARIADIC, .params_size = sizeof(norm_params), .shape = norm_shape, .forward = norm_forward,            \
    .vjp = norm_vjp, .jvp = norm_jvp, .vjp_fused = norm_vjp_fused
/* clang-format on */

AG_OP(group_norm) = {
    .name = "group_norm",
    .formula = "(x - mean) / sqrt(variance + eps) weight + bias, of groups of channels",
    .saved = 2,
    COMMON,
    .samples = (const ag_sample[]){ SAMPLE(3, 2, 1e-5, 0, 1, 1, AG_DIMS(2, 4, 3), AG_DIMS(4), AG_DIMS(4)),
                                    SAMPLE(2, 1, 0.1, 0, 1, 0, AG_DIMS(1, 3, 2, 2), AG_DIMS(3)),
                                    SAMPLE(2, 3, 0.1, 0, 0, 1, AG_DIMS(2, 3, 17), AG_DIMS(3)),
                                    SAMPLE(1, 2, 0.1, 0, 0, 0, AG_DIMS(2, 4)),
                                    { 0 } },
};

AG_OP(batch_norm) = {
    .name = "batch_norm",
    .formula = "(x - mean) / sqrt(variance + eps) weight + bias, of channels",
    .outputs = 3,
    COMMON,
    .samples = (const ag_sample[]){ SAMPLE(3, 0, 1e-5, 0, 1, 1, AG_DIMS(4, 3), AG_DIMS(3), AG_DIMS(3)),
                                    SAMPLE(2, 0, 0.1, 0, 1, 0, AG_DIMS(2, 2, 2, 2), AG_DIMS(2)),
                                    SAMPLE(2, 0, 0.1, 0, 0, 1, AG_DIMS(2, 2, 17), AG_DIMS(2)),
                                    SAMPLE(1, 0, 0.1, 0, 0, 0, AG_DIMS(3, 2)),
                                    { 0 } },
};

AG_OP(batch_norm_given) = {
    .name = "batch_norm_given",
    .formula = "(x - mean) / sqrt(variance + eps) weight + bias, of channels, these given",
    .saved = 2,
    COMMON,
    .samples = (const ag_sample[]){ SAMPLE(5, 0, 1e-5, 1, 1, 1, AG_DIMS(4, 3), AG_DIMS(3), AG_DIMS(3), AG_DIMS(3),
                                           AG_DIMS(3)),
                                    SAMPLE(4, 0, 0.1, 1, 1, 0, AG_DIMS(2, 2, 2, 2), AG_DIMS(2), AG_DIMS(2), AG_DIMS(2)),
                                    SAMPLE(4, 0, 0.1, 1, 0, 1, AG_DIMS(2, 2, 17), AG_DIMS(2), AG_DIMS(2), AG_DIMS(2)),
                                    SAMPLE(3, 0, 0.1, 1, 0, 0, AG_DIMS(3, 2), AG_DIMS(2), AG_DIMS(2)),
                                    { 0 } },
};
