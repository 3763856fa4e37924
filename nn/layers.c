/* Layers: compositions of ag's ops with parameters of their own. */
#include "nn/internal.h"
#include <math.h>
#include <stdio.h>

/* ---- linear */

typedef struct linear {
    nn_module base;
    ag_tensor weight, bias; /* bias absent: none */
} linear;

static ag_tensor linear_forward(nn_module *base, ag_tensor x)
{
    const linear *m = (const linear *)base;
    return ag_linear(x, m->weight, m->bias);
}

nn_module *nn_linear(ag_tape *t, int64_t in, int64_t out, nn_linear_config config)
{
    if (in < 1 || out < 1) {
        ag_fail(t, AG_EARG, "nn_linear: a layer needs at least one input and one output, not %lld and %lld",
                (long long)in, (long long)out);
        return NULL;
    }
    linear *m = (linear *)nn_new(t, sizeof *m, "linear", linear_forward);
    if (!m)
        return NULL;
    double bound = 1 / sqrt((double)in);
    ag_axes order = AG_AXES(1, 0);
    m->weight = nn_param_as(&m->base, ag_rand(t, AG_FLOAT, AG_SHAPE(out, in), -bound, bound), &order, "weight");
    if (!config.no_bias && m->weight.id)
        m->bias = nn_param(&m->base, ag_rand(t, AG_FLOAT, AG_SHAPE(out), -bound, bound), "bias");
    if (m->weight.id && (config.no_bias || m->bias.id))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

/* ---- activations */

static ag_tensor relu(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_relu(x);
}

static ag_tensor hyperbolic_tangent(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_tanh(x);
}

static ag_tensor sigmoid(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_sigmoid(x);
}

static ag_tensor softplus(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_softplus(x);
}

static ag_tensor leaky_relu(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_leaky_relu(x, 0.01);
}

static ag_tensor identity(nn_module *m, ag_tensor x)
{
    (void)m;
    return x;
}

static const struct activation {
    const char *name;
    nn_function *forward;
} activations[] = {
    [NN_RELU] = { "relu", relu },
    [NN_TANH] = { "tanh", hyperbolic_tangent },
    [NN_SIGMOID] = { "sigmoid", sigmoid },
    [NN_SOFTPLUS] = { "softplus", softplus },
    [NN_LEAKY_RELU] = { "leaky_relu", leaky_relu },
    [NN_IDENTITY] = { "identity", identity },
};

static bool known(ag_tape *t, int kind, const char *who)
{
    if (kind >= 0 && kind < (int)(sizeof activations / sizeof *activations))
        return true;
    ag_fail(t, AG_EARG, "%s: %d is no activation", who, kind);
    return false;
}

nn_module *nn_activation(ag_tape *t, int kind)
{
    if (!known(t, kind, "nn_activation"))
        return NULL;
    return nn_new(t, sizeof(nn_module), activations[kind].name, activations[kind].forward);
}

/* ---- sequences */

static ag_tensor sequential_forward(nn_module *m, ag_tensor x)
{
    for (const nn_entry *e = m->registry->first; e; e = e->next)
        if (e->child)
            x = nn_forward(e->child, x);
    return x;
}

static bool add_numbered(nn_module *m, nn_module *child, size_t number)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", number);
    return nn_child(m, child, name);
}

nn_module *nn_sequential(ag_tape *t, nn_module *const *modules, size_t count)
{
    if (!modules && count) {
        ag_fail(t, AG_ENULL, "nn_sequential: the list of modules is NULL");
        return NULL;
    }
    nn_module *m = nn_new(t, sizeof *m, "sequential", sequential_forward);
    for (size_t i = 0; m && i < count; i++)
        if (!add_numbered(m, modules[i], i))
            return NULL;
    return m;
}

/* ---- multi-layer perceptron */

/* How many sizes there are; 0: reported. */
static int count_sizes(ag_tape *t, const nn_mlp_config *c)
{
    int count = 0;
    while (count < NN_MLP_SIZES && c->sizes[count] > 0)
        count++;
    for (int i = count; i < NN_MLP_SIZES; i++) {
        if (c->sizes[i]) {
            ag_fail(t, AG_EARG, "nn_mlp: size %d, %d, %s", i + 1, c->sizes[i],
                    c->sizes[i] < 0 ? "is negative" : "stands after a size of 0");
            return 0;
        }
    }
    if (count < 2)
        ag_fail(t, AG_EARG, "nn_mlp: %d sizes are given; an input and an output at least are needed", count);
    return count < 2 ? 0 : count;
}

/* Appends a layer that was just made; on failure nothing of it remains. */
static bool append_layer(nn_module *m, nn_module *layer, size_t number)
{
    if (!layer)
        return false;
    bool added = add_numbered(m, layer, number);
    if (!added)
        nn_discard(layer);
    return added;
}

nn_module *nn_mlp(ag_tape *t, nn_mlp_config config)
{
    int sizes = count_sizes(t, &config);
    if (!sizes || !known(t, config.activation, "nn_mlp"))
        return NULL;
    nn_module *m = nn_new(t, sizeof *m, "mlp", sequential_forward);
    nn_linear_config linear_config = { .no_bias = config.no_bias };
    bool complete = m;
    for (int i = 1; complete && i < sizes; i++) {
        size_t number = 2 * (size_t)(i - 1);
        complete = append_layer(m, nn_linear(t, config.sizes[i - 1], config.sizes[i], linear_config), number);
        if (complete && i + 1 < sizes)
            complete = append_layer(m, nn_activation(t, config.activation), number + 1);
    }
    if (!complete)
        nn_discard(m);
    return complete ? m : NULL;
}
