/* The shapes of convolutions, and what can be wrong with them. */
#include "ag/ops/convolution/convolution.h"

static const char *const input_shapes[] = { "[n,c,l] or [c,l]", "[n,c,h,w] or [c,h,w]", "[n,c,d,h,w] or [c,d,h,w]" };
static const char *const weight_shapes[][3] = {
    { "[out,c/groups,k]", "[out,c/groups,kh,kw]", "[out,c/groups,kd,kh,kw]" },
    { "[c,out/groups,k]", "[c,out/groups,kh,kw]", "[c,out/groups,kd,kh,kw]" }
};

static const ag_conv_params *params_of(const ag_call *c)
{
    return ag_call_params(c);
}

/* ---- the options */

static ag_status check_options(const ag_call *c, ag_conv_result result)
{
    const ag_conv_options *o = &params_of(c)->options;
    const int64_t spatial = params_of(c)->spatial;
    if (params_of(c)->of_rule)
        return AG_OK;
    ag_status s = ag_check_spatial(c, "stride", o->stride, 1, spatial);
    if (!s)
        s = ag_check_spatial(c, "dilation", o->dilation, 1, spatial);
    if (!s)
        s = ag_check_spatial(c, "padding", o->padding, 0, spatial);
    if (!s)
        s = ag_check_spatial(c, "output_padding", o->output_padding, 0, spatial);
    if (s)
        return s;
    if (o->groups < 0)
        return ag_call_fail(c, AG_EARG, "%lld groups are given", (long long)o->groups);
    if (o->mode != AG_CONV_PADDED && o->mode != AG_CONV_SAME)
        return ag_call_fail(c, AG_EARG, "%d is no mode of padding", (int)o->mode);
    for (int d = 0; d < AG_SPATIAL; d++) {
        if (o->mode == AG_CONV_SAME && (o->padding[d] || o->stride[d] > 1 || result == AG_CONV_X))
            return ag_call_fail(c, AG_EARG, "AG_CONV_SAME goes with %s",
                                result == AG_CONV_X ? "convolutions that are not transposed"
                                : o->padding[d]     ? "no other padding"
                                                    : "a stride of 1");
        if (o->output_padding[d] && result != AG_CONV_X)
            return ag_call_fail(c, AG_EARG, "output_padding is for transposed convolutions");
        if (o->output_padding[d] && o->output_padding[d] >= o->stride[d] && o->output_padding[d] >= o->dilation[d])
            return ag_call_fail(c, AG_EARG, "output_padding[%d] is %lld, but must be below the stride or the dilation",
                                d, (long long)o->output_padding[d]);
    }
    return AG_OK;
}

/* ---- extents */

static int64_t at_least_1(int64_t x)
{
    return x > 1 ? x : 1;
}

/* Strides and paddings of dimension d, which is option i; *after: what is padded behind. */
static void take_options(const ag_conv_params *p, ag_conv *v, int d, int i, int64_t *after)
{
    const ag_conv_options *o = &p->options;
    v->stride[d] = at_least_1(o->stride[i]);
    v->dilation[d] = at_least_1(o->dilation[i]);
    v->before[d] = *after = o->padding[i];
    if (p->of_rule)
        *after = p->after[i];
    else
        *after -= o->output_padding[i];
    if (o->mode == AG_CONV_SAME) {
        const int64_t all = v->k[d] > 0 ? v->dilation[d] * (v->k[d] - 1) : 0;
        v->before[d] = all / 2;
        *after = all - all / 2;
    }
}

/* The extent that is missing in dimension d, which is option i. */
static ag_status find_extent(const ag_call *c, ag_conv_result result, ag_conv *v, int d, int i)
{
    const ag_conv_params *p = params_of(c);
    const double reach = (double)at_least_1(p->options.dilation[i]) * (double)v->k[d];
    if (reach > 0x1p58 || (double)v->x[d] > 0x1p58 ||
        (double)v->y[d] * (double)at_least_1(p->options.stride[i]) > 0x1p58)
        return ag_call_fail(c, AG_ELIMIT, "the extents are too large");
    int64_t after;
    take_options(p, v, d, i, &after);
    const int64_t kernel = v->dilation[d] * (v->k[d] - 1) + 1, padded = v->x[d] + v->before[d] + after;
    const int axis = i - (int)p->spatial;
    if (result == AG_CONV_Y) {
        if (padded < kernel)
            return ag_call_fail(
                c, AG_ESHAPE,
                "along axis %d the extent would be (x + 2 padding - dilation (k - 1) - 1) / stride + 1 with "
                "x = %lld, padding %lld, dilation %lld and k = %lld: the kernel is longer than what it reads",
                axis, (long long)v->x[d], (long long)v->before[d], (long long)v->dilation[d], (long long)v->k[d]);
        v->y[d] = (padded - kernel) / v->stride[d] + 1;
    } else if (result == AG_CONV_X) {
        v->x[d] = (v->y[d] - 1) * v->stride[d] - v->before[d] - after + kernel;
        if (v->x[d] < !p->of_rule || (v->y[d] < 1 && !p->of_rule))
            return ag_call_fail(
                c, AG_ESHAPE,
                "along axis %d the extent would be (x - 1) stride - 2 padding + dilation (k - 1) + "
                "output_padding + 1 = %lld, with x = %lld, stride %lld, padding %lld, dilation %lld and k = %lld",
                axis, (long long)v->x[d], (long long)v->y[d], (long long)v->stride[d], (long long)v->before[d],
                (long long)v->dilation[d], (long long)v->k[d]);
    } else if (padded < kernel || v->y[d] != (padded - kernel) / v->stride[d] + 1)
        return ag_call_fail(c, AG_ESHAPE, "along axis %d a kernel of %lld does not lead from %lld to %lld", axis,
                            (long long)v->k[d], (long long)v->x[d], (long long)v->y[d]);
    return AG_OK;
}

/* ---- channels */

static ag_status check_channels(const ag_call *c, ag_conv_result result, const ag_shape *x, const ag_shape *w,
                                int64_t channels, ag_conv *v)
{
    const int64_t first = w->dim[0], second = w->dim[1], groups = v->groups;
    if (first % groups)
        return ag_call_fail(c, AG_ESHAPE, "%lld groups do not divide the weight's %lld %s", (long long)groups,
                            (long long)first, result == AG_CONV_X ? "inputs" : "outputs");
    v->o = first / groups;
    v->c = second;
    const bool fits = result == AG_CONV_X ? channels == first : channels / groups == second && channels % groups == 0;
    if (fits)
        return AG_OK;
    if (groups == 1 || result == AG_CONV_X) {
        const int64_t wanted = result == AG_CONV_X ? first : second;
        char text[80] = "";
        if (x->dim[x->rank - 1] == wanted)
            snprintf(text, sizeof text, "; where they come last, ag_movedim(x, -1, %d) would fit", 1 - w->rank);
        return ag_call_fail(c, AG_ESHAPE, "the input has %lld channels, but the weight is for %lld%s",
                            (long long)channels, (long long)wanted, text);
    }
    return ag_call_fail(c, AG_ESHAPE, "the input has %lld channels, but the weight is for %lld in each of %lld groups",
                        (long long)channels, (long long)second, (long long)groups);
}

static void take_extents(const ag_shape *s, int64_t spatial, int64_t *to)
{
    for (int d = 0; d < AG_SPATIAL; d++)
        to[d] = d < AG_SPATIAL - spatial ? 1 : s->dim[s->rank - AG_SPATIAL + d];
}

ag_status ag_conv_settle(const ag_call *c, ag_conv_result result, const ag_array *operands, ag_conv *v)
{
    const ag_conv_params *p = params_of(c);
    const ag_shape *a = &operands[0].shape, *b = &operands[1].shape;
    const int spatial = (int)p->spatial, batch = a->rank - spatial - 1, missing = AG_SPATIAL - spatial;
    *v = (ag_conv){ .dtype = operands[0].dtype,
                    .images = batch ? a->dim[0] : 1,
                    .groups = at_least_1(p->options.groups),
                    .threads = ag_call_threads(c) };
    for (int d = 0; d < missing; d++)
        v->x[d] = v->y[d] = v->k[d] = v->stride[d] = v->dilation[d] = 1;
    take_extents(a, spatial, result == AG_CONV_X ? v->y : v->x);
    take_extents(b, spatial, result == AG_CONV_W ? v->y : v->k);
    ag_status s = AG_OK;
    if (result == AG_CONV_W) {
        if (b->rank != a->rank || (batch && b->dim[0] != a->dim[0]) || a->dim[batch] % v->groups ||
            b->dim[batch] % v->groups)
            return ag_call_fail(c, AG_ESHAPE, "the shapes do not fit");
        v->c = a->dim[batch] / v->groups;
        v->o = b->dim[batch] / v->groups;
        for (int i = 0; i < spatial; i++)
            v->k[missing + i] = p->kernel[i];
    } else {
        s = check_channels(c, result, a, b, a->dim[batch], v);
    }
    for (int i = 0; i < spatial && !s; i++)
        s = find_extent(c, result, v, missing + i, i);
    return s;
}

ag_shape ag_conv_result_shape(const ag_call *c, ag_conv_result result, const ag_conv *v, bool batch)
{
    const int spatial = (int)params_of(c)->spatial;
    const int64_t *extents = result == AG_CONV_Y ? v->y : result == AG_CONV_X ? v->x : v->k;
    ag_shape s = AG_SCALAR;
    if (result == AG_CONV_W)
        s.dim[s.rank++] = v->groups * v->o;
    else if (batch)
        s.dim[s.rank++] = v->images;
    s.dim[s.rank++] = result == AG_CONV_W ? v->c : v->groups * (result == AG_CONV_Y ? v->o : v->c);
    for (int d = AG_SPATIAL - spatial; d < AG_SPATIAL; d++)
        s.dim[s.rank++] = extents[d];
    return s;
}

ag_status ag_conv_shape(const ag_call *c, ag_conv_result result, const ag_array *x, ag_array *y)
{
    const int count = ag_call_inputs(c), spatial = (int)params_of(c)->spatial;
    if (spatial < 1 || spatial > AG_SPATIAL)
        return ag_call_fail(c, AG_EARG, "there are no convolutions over %d dimensions", spatial);
    if (count < 2 || count > 3)
        return ag_call_fail(c, AG_EARG, "takes an input, a weight and perhaps a bias");
    for (int i = 0; i < count; i++)
        if (x[i].dtype != x[0].dtype || !ag_is_float(x[i].dtype))
            return ag_call_fail(c, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
    if (x[0].shape.rank != spatial + 1 && x[0].shape.rank != spatial + 2)
        return ag_call_fail(c, AG_ESHAPE, "the input must be %s", input_shapes[spatial - 1]);
    if (result != AG_CONV_W && x[1].shape.rank != spatial + 2)
        return ag_call_fail(c, AG_ESHAPE, "the weight must be %s", weight_shapes[result == AG_CONV_X][spatial - 1]);
    for (int i = 0; result != AG_CONV_W && i < spatial; i++)
        if (x[1].shape.dim[2 + i] < 1)
            return ag_call_fail(c, AG_ESHAPE, "the weight has no elements along axis %d", i - spatial);
    ag_status s = check_options(c, result);
    ag_conv v;
    if (!s)
        s = ag_conv_settle(c, result, x, &v);
    if (!s && result != AG_CONV_W)
        ag_watch_padding(c, params_of(c)->options.padding, &x[1].shape.dim[2], spatial);
    if (s)
        return s;
    const int64_t channels = v.groups * (result == AG_CONV_X ? v.c : v.o);
    if (count == 3 && (x[2].shape.rank != 1 || x[2].shape.dim[0] != channels))
        return ag_call_fail(c, AG_ESHAPE, "the bias must be [%lld]", (long long)channels);
    y->shape = ag_conv_result_shape(c, result, &v, x[0].shape.rank == spatial + 2);
    y->dtype = x[0].dtype;
    return AG_OK;
}

/* ---- what rules need */

ag_conv_params ag_conv_params_of(const ag_call *c, const ag_conv *v)
{
    ag_conv_params p = *params_of(c);
    const int missing = AG_SPATIAL - (int)p.spatial;
    p.options.mode = AG_CONV_PADDED;
    p.of_rule = 1;
    for (int i = 0; i < p.spatial; i++) {
        const int d = missing + i;
        p.options.output_padding[i] = 0;
        p.options.padding[i] = v->before[d];
        p.after[i] = (v->y[d] - 1) * v->stride[d] - v->before[d] + v->dilation[d] * (v->k[d] - 1) + 1 - v->x[d];
        p.kernel[i] = v->k[d];
    }
    return p;
}

ag_tensor ag_conv_bias_gradient(const ag_call *c, ag_tensor dy)
{
    const int rank = ag_shape_of(dy).rank, channel = rank - 1 - (int)params_of(c)->spatial;
    ag_axes axes = { 0 };
    for (int d = 0; d < rank; d++)
        if (d != channel)
            axes.axis[axes.count++] = d;
    return ag_sum_over(dy, axes, 0);
}

void ag_conv_bias_back(const ag_call *c, const ag_array *dy, const ag_array *db, double beta)
{
    const int channel = dy->shape.rank - 1 - (int)params_of(c)->spatial;
    ag_array to = *db;
    to.shape = dy->shape;
    for (int d = 0; d < to.shape.rank; d++)
        if (d != channel)
            to.shape.dim[d] = 1;
    ag_array_dense(&to);
    ag_sum_array(&to, dy, 1, beta != 0, ag_call_threads(c));
}
