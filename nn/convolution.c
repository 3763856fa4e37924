/* Layers for images and the like: convolutions, pools, and what leads from these to linear layers. */
#include "nn/internal.h"
#include <math.h>

/* ---- convolutions */

typedef struct convolution {
    nn_module base;
    ag_tensor weight, bias; /* bias absent: none */
    ag_conv_options options;
} convolution;

static ag_tensor conv1d_forward(nn_module *base, ag_tensor x)
{
    const convolution *m = (const convolution *)base;
    return ag_conv1d(x, m->weight, m->bias, m->options);
}

static ag_tensor conv2d_forward(nn_module *base, ag_tensor x)
{
    const convolution *m = (const convolution *)base;
    return ag_conv2d(x, m->weight, m->bias, m->options);
}

static ag_tensor conv3d_forward(nn_module *base, ag_tensor x)
{
    const convolution *m = (const convolution *)base;
    return ag_conv3d(x, m->weight, m->bias, m->options);
}

static const struct kind {
    const char *name, *who;
    nn_function *forward;
} kinds[] = { { "conv1d", "nn_conv1d", conv1d_forward },
              { "conv2d", "nn_conv2d", conv2d_forward },
              { "conv3d", "nn_conv3d", conv3d_forward } };

/* The weight's shape; rank 0: reported. */
static ag_shape weight_shape(ag_tape *t, int spatial, int64_t in, int64_t out, ag_shape kernel, int64_t groups)
{
    const char *who = kinds[spatial - 1].who;
    ag_shape s = { 2, { out, in / groups } };
    if (in < 1 || out < 1 || in % groups || out % groups) {
        ag_fail(t, AG_EARG,
                "%s: %lld inputs and %lld outputs in groups of %lld: both must be multiples, and at least 1", who,
                (long long)in, (long long)out, (long long)groups);
        return AG_SCALAR;
    }
    if (kernel.rank != spatial) {
        ag_fail(t, AG_EARG, "%s: the kernel has %d extents, not %d", who, kernel.rank, spatial);
        return AG_SCALAR;
    }
    for (int i = 0; i < spatial; i++) {
        if (kernel.dim[i] < 1) {
            ag_fail(t, AG_EARG, "%s: extent %d of the kernel is %lld", who, i, (long long)kernel.dim[i]);
            return AG_SCALAR;
        }
        s.dim[s.rank++] = kernel.dim[i];
    }
    return s;
}

static nn_module *new_convolution(ag_tape *t, int spatial, int64_t in, int64_t out, ag_shape kernel,
                                  nn_conv_config config)
{
    const int64_t groups = config.options.groups;
    if (groups < 0) {
        ag_fail(t, AG_EARG, "%s: %lld groups", kinds[spatial - 1].who, (long long)groups);
        return NULL;
    }
    const ag_shape s = weight_shape(t, spatial, in, out, kernel, groups ? groups : 1);
    if (!s.rank)
        return NULL;
    convolution *m = (convolution *)nn_new(t, sizeof *m, kinds[spatial - 1].name, kinds[spatial - 1].forward);
    if (!m)
        return NULL;
    double fan_in = 1;
    for (int d = 1; d < s.rank; d++)
        fan_in *= (double)s.dim[d];
    const double bound = 1 / sqrt(fan_in);
    m->options = config.options;
    m->weight = nn_param(&m->base, ag_rand(t, AG_FLOAT, s, -bound, bound), "weight");
    if (!config.no_bias && m->weight.id)
        m->bias = nn_param(&m->base, ag_rand(t, AG_FLOAT, AG_SHAPE(out), -bound, bound), "bias");
    if (m->weight.id && (config.no_bias || m->bias.id))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

nn_module *nn_conv1d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config)
{
    return new_convolution(t, 1, in, out, kernel, config);
}

nn_module *nn_conv2d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config)
{
    return new_convolution(t, 2, in, out, kernel, config);
}

nn_module *nn_conv3d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config)
{
    return new_convolution(t, 3, in, out, kernel, config);
}

/* ---- pools */

typedef struct pool {
    nn_module base;
    ag_shape window;
    ag_pool_options options;
} pool;

static ag_tensor max_pool2d_forward(nn_module *base, ag_tensor x)
{
    const pool *m = (const pool *)base;
    return ag_max_pool2d(x, m->window, m->options);
}

static ag_tensor avg_pool2d_forward(nn_module *base, ag_tensor x)
{
    const pool *m = (const pool *)base;
    return ag_avg_pool2d(x, m->window, m->options);
}

static nn_module *new_pool(ag_tape *t, const char *name, nn_function *forward, ag_shape window, ag_pool_options options)
{
    if (window.rank != 2 || window.dim[0] < 1 || window.dim[1] < 1) {
        ag_fail(t, AG_EARG, "nn_%s: a window has two extents of at least 1", name);
        return NULL;
    }
    pool *m = (pool *)nn_new(t, sizeof *m, name, forward);
    if (!m)
        return NULL;
    m->window = window;
    m->options = options;
    return &m->base;
}

nn_module *nn_max_pool2d(ag_tape *t, ag_shape window, ag_pool_options options)
{
    return new_pool(t, "max_pool2d", max_pool2d_forward, window, options);
}

nn_module *nn_avg_pool2d(ag_tape *t, ag_shape window, ag_pool_options options)
{
    return new_pool(t, "avg_pool2d", avg_pool2d_forward, window, options);
}

static ag_tensor flatten_forward(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_flatten(x, 1, -1);
}

nn_module *nn_flatten(ag_tape *t)
{
    return nn_new(t, sizeof(nn_module), "flatten", flatten_forward);
}
