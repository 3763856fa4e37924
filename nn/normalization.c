/* Layers that normalise: by the features of an example, by the examples of a batch. */
#include "nn/internal.h"
#include "ag/array/array.h"
#include <math.h>

static bool check_eps(ag_tape *t, double eps, const char *who)
{
    if (eps >= 0 && isfinite(eps))
        return true;
    ag_fail(t, AG_EARG, "%s: eps is a number above 0, not %g", who, eps);
    return false;
}

/* ---- over features */

typedef struct layer_norm {
    nn_module base;
    ag_tensor weight, bias; /* absent: none */
    ag_shape shape;
    ag_layer_norm_options options;
} layer_norm;

static ag_tensor layer_norm_forward(nn_module *base, ag_tensor x)
{
    const layer_norm *m = (const layer_norm *)base;
    const ag_shape s = ag_shape_of(x);
    bool fits = s.rank >= m->shape.rank;
    for (int i = 1; fits && i <= m->shape.rank; i++)
        fits = s.dim[s.rank - i] == m->shape.dim[m->shape.rank - i];
    if (fits)
        return ag_layer_norm(x, m->weight, m->bias, m->options);
    char given[128], wanted[128];
    if (s.rank >= 0)
        ag_fail(base->tape, AG_ESHAPE, "nn_layer_norm: x is %s, and does not end in %s",
                ag_shape_text(s, given, sizeof given), ag_shape_text(m->shape, wanted, sizeof wanted));
    return nn_inert(base->tape);
}

nn_module *nn_layer_norm(ag_tape *t, ag_shape shape, nn_layer_norm_config config)
{
    bool good = shape.rank >= 1 && shape.rank <= AG_MAX_RANK;
    for (int i = 0; good && i < shape.rank; i++)
        good = shape.dim[i] >= 1;
    if (!good) {
        char text[128];
        ag_fail(t, AG_EARG, "nn_layer_norm: the shape is %s; it needs extents, of at least 1",
                ag_shape_text(shape, text, sizeof text));
        return NULL;
    }
    if (!check_eps(t, config.eps, "nn_layer_norm"))
        return NULL;
    layer_norm *m = (layer_norm *)nn_new(t, sizeof *m, "layer_norm", layer_norm_forward);
    if (!m)
        return NULL;
    const bool biased = !config.no_affine && !config.no_bias;
    m->shape = shape;
    m->options = (ag_layer_norm_options){ .dims = shape.rank, .eps = config.eps };
    if (!config.no_affine)
        m->weight = nn_param(&m->base, ag_ones(t, AG_FLOAT, shape), "weight");
    if (biased && m->weight.id)
        m->bias = nn_param(&m->base, ag_zeros(t, AG_FLOAT, shape), "bias");
    if ((config.no_affine || m->weight.id) && (!biased || m->bias.id))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

/* ---- over a batch */

typedef struct batch_norm {
    nn_module base;
    ag_tensor weight, bias, mean, variance, count; /* absent: none */
    ag_batch_norm_options options;
} batch_norm;

static ag_tensor batch_norm_forward(nn_module *base, ag_tensor x)
{
    const batch_norm *m = (const batch_norm *)base;
    const bool running = m->mean.id, moves = running && base->training;
    ag_batch_norm_options options = m->options;
    options.training = base->training || !running;
    const ag_batch_normed y = ag_batch_norm(x, m->mean, m->variance, m->weight, m->bias, options);
    if (!moves || !y.output.id)
        return y.output;
    const bool moved = !ag_assign(m->mean, y.running_mean) && !ag_assign(m->variance, y.running_var) &&
                       !ag_assign(m->count, ag_add_scalar(m->count, 1));
    return moved ? y.output : nn_inert(base->tape);
}

/* Everything that it has; false: some is missing, reported. */
static bool fill_batch_norm(batch_norm *m, ag_shape s, nn_batch_norm_config config)
{
    ag_tape *t = m->base.tape;
    if (!config.no_affine) {
        m->weight = nn_param(&m->base, ag_ones(t, AG_FLOAT, s), "weight");
        m->bias = m->weight.id ? nn_param(&m->base, ag_zeros(t, AG_FLOAT, s), "bias") : m->weight;
    }
    if (!config.no_affine && !m->bias.id)
        return false;
    if (config.no_running)
        return true;
    m->mean = nn_buffer(&m->base, ag_zeros(t, AG_FLOAT, s), "running_mean");
    if (m->mean.id)
        m->variance = nn_buffer(&m->base, ag_ones(t, AG_FLOAT, s), "running_var");
    if (m->variance.id)
        m->count = nn_buffer(&m->base, ag_zeros(t, AG_I64, AG_SCALAR), "num_batches_tracked");
    return m->count.id;
}

nn_module *nn_batch_norm(ag_tape *t, int64_t channels, nn_batch_norm_config config)
{
    if (channels < 1) {
        ag_fail(t, AG_EARG, "nn_batch_norm: a layer needs at least one channel, not %lld", (long long)channels);
        return NULL;
    }
    if (!check_eps(t, config.eps, "nn_batch_norm"))
        return NULL;
    if (!(config.momentum >= 0 && config.momentum <= 1)) {
        ag_fail(t, AG_EARG, "nn_batch_norm: a momentum is from 0 to 1, not %g", config.momentum);
        return NULL;
    }
    batch_norm *m = (batch_norm *)nn_new(t, sizeof *m, "batch_norm", batch_norm_forward);
    if (!m)
        return NULL;
    m->options = (ag_batch_norm_options){ .momentum = config.momentum, .eps = config.eps };
    if (fill_batch_norm(m, AG_SHAPE(channels), config))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}
