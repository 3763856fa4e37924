/* Layers: compositions of ag's ops with parameters of their own. */
#include "nn/internal.h"
#include <math.h>
#include <stdio.h>

/* ---- parts */

nn_module *nn_append(nn_module *m, nn_module *made, const char *name)
{
    nn_module *child = made ? nn_child(m, made, name) : NULL;
    if (!child)
        nn_discard(made);
    return child;
}

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

ag_tensor nn_add_weight(nn_module *m, int64_t out, int64_t in, double bound, const char *name)
{
    const ag_axes order = AG_AXES(1, 0);
    return nn_param_as(m, ag_rand(m->tape, AG_FLOAT, AG_SHAPE(out, in), -bound, bound), &order, name);
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
    m->weight = nn_add_weight(&m->base, out, in, bound, "weight");
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

static ag_tensor gelu(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_gelu(x);
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
    [NN_GELU] = { "gelu", gelu },
};

bool nn_activation_known(ag_tape *t, int kind, const char *who)
{
    if (kind >= 0 && kind < (int)(sizeof activations / sizeof *activations))
        return true;
    ag_fail(t, AG_EARG, "%s: %d is no activation", who, kind);
    return false;
}

ag_tensor nn_activate(int kind, ag_tensor x)
{
    return activations[kind].forward(NULL, x);
}

nn_module *nn_activation(ag_tape *t, int kind)
{
    if (!nn_activation_known(t, kind, "nn_activation"))
        return NULL;
    return nn_new(t, sizeof(nn_module), activations[kind].name, activations[kind].forward);
}

/* ---- dropout */

typedef struct dropout {
    nn_module base;
    double p;
} dropout;

bool nn_is_probability(ag_tape *t, double p, const char *who)
{
    if (p >= 0 && p <= 1)
        return true;
    ag_fail(t, AG_EARG, "%s: a probability is from 0 to 1, not %g", who, p);
    return false;
}

ag_tensor nn_drop(const nn_module *m, ag_tensor x, double p)
{
    return m->training && p > 0 ? ag_dropout(x, p) : x;
}

static ag_tensor dropout_forward(nn_module *base, ag_tensor x)
{
    return nn_drop(base, x, ((const dropout *)base)->p);
}

nn_module *nn_dropout(ag_tape *t, double p)
{
    if (!nn_is_probability(t, p, "nn_dropout"))
        return NULL;
    dropout *m = (dropout *)nn_new(t, sizeof *m, "dropout", dropout_forward);
    if (!m)
        return NULL;
    m->p = p;
    return &m->base;
}

/* ---- tables */

typedef struct embedding {
    nn_module base;
    ag_tensor weight;
    ag_embedding_options options;
} embedding;

static ag_tensor embedding_forward(nn_module *base, ag_tensor x)
{
    const embedding *m = (const embedding *)base;
    return ag_embedding(m->weight, x, m->options);
}

/* Rows of normal numbers, but zeros in that of the padding; -1: there is none. */
static ag_tensor draw_rows(ag_tape *t, int64_t count, int64_t features, int64_t padding)
{
    const ag_tensor rows = ag_randn(t, AG_FLOAT, AG_SHAPE(count, features), 0, 1);
    if (padding < 0)
        return rows;
    const ag_tensor number = ag_reshape(ag_arange(t, AG_I64, 0, (double)count, 1), AG_SHAPE(count, 1));
    return ag_masked_fill(rows, ag_equal_scalar(number, (double)padding), 0);
}

nn_module *nn_embedding(ag_tape *t, int64_t count, int64_t features, ag_embedding_options options)
{
    if (count < 1 || features < 1) {
        ag_fail(t, AG_EARG, "nn_embedding: a table needs at least one row and one feature, not %lld and %lld",
                (long long)count, (long long)features);
        return NULL;
    }
    const int64_t asked = options.padding_idx, padding = asked < 0 ? asked + count : asked;
    if (options.padded && (padding < 0 || padding >= count)) {
        ag_fail(t, AG_EARG, "nn_embedding: the padding is %lld, but there are %lld rows", (long long)asked,
                (long long)count);
        return NULL;
    }
    embedding *m = (embedding *)nn_new(t, sizeof *m, "embedding", embedding_forward);
    if (!m)
        return NULL;
    m->options = options;
    m->weight = nn_param(&m->base, draw_rows(t, count, features, options.padded ? padding : -1), "weight");
    return m->weight.id ? &m->base : NULL;
}

/* ---- radial basis functions */

typedef struct rbf {
    nn_module base;
    ag_tensor centers, widths;
} rbf;

/* Distances by the differences, since the sum of squares and products cancels where x is near a center. */
static ag_tensor rbf_forward(nn_module *base, ag_tensor x)
{
    const rbf *m = (const rbf *)base;
    const ag_shape s = ag_shape_of(x), c = ag_shape_of(m->centers);
    if (s.rank < 0 || c.rank < 0)
        return nn_inert(base->tape);
    if (s.rank < 1 || s.dim[s.rank - 1] != c.dim[1]) {
        ag_fail(base->tape, AG_ESHAPE, "nn_rbf: x has %lld features, but the centers have %lld",
                s.rank ? (long long)s.dim[s.rank - 1] : 0, (long long)c.dim[1]);
        return nn_inert(base->tape);
    }
    const ag_tensor difference = ag_sub(ag_unsqueeze(x, -2), m->centers);
    const ag_tensor squares = ag_sum_over(ag_square(difference), AG_AXES(-1), 0);
    return ag_exp(ag_div(squares, ag_mul_scalar(ag_square(m->widths), -2)));
}

nn_module *nn_rbf(ag_tape *t, int64_t in, int64_t count, nn_rbf_config config)
{
    if (in < 1 || count < 1) {
        ag_fail(t, AG_EARG, "nn_rbf: a layer needs at least one input and one center, not %lld and %lld", (long long)in,
                (long long)count);
        return NULL;
    }
    if (!(config.width >= 0 && isfinite(config.width))) {
        ag_fail(t, AG_EARG, "nn_rbf: a width is a number above 0, not %g", config.width);
        return NULL;
    }
    rbf *m = (rbf *)nn_new(t, sizeof *m, "rbf", rbf_forward);
    if (!m)
        return NULL;
    ag_tensor (*const add)(nn_module *, ag_tensor, const char *) = config.fixed ? nn_buffer : nn_param;
    const double width = config.width != 0 ? config.width : 1;
    m->centers = add(&m->base, ag_randn(t, AG_FLOAT, AG_SHAPE(count, in), 0, 1), "centers");
    if (m->centers.id)
        m->widths = add(&m->base, ag_full(t, AG_FLOAT, AG_SHAPE(count), width), "widths");
    if (m->widths.id)
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

/* ---- sequences */

static ag_tensor sequential_forward(nn_module *m, ag_tensor x)
{
    for (const nn_entry *e = m->registry->first; e; e = e->next)
        if (e->child)
            x = nn_forward(e->child, x);
    return x;
}

enum { NUMBER = 24 };
static const char *numbered(char name[NUMBER], size_t number)
{
    snprintf(name, NUMBER, "%zu", number);
    return name;
}

nn_module *nn_sequential(ag_tape *t, nn_module *const *modules, size_t count)
{
    if (!modules && count) {
        ag_fail(t, AG_ENULL, "nn_sequential: the list of modules is NULL");
        return NULL;
    }
    char name[NUMBER];
    nn_module *m = nn_new(t, sizeof *m, "sequential", sequential_forward);
    for (size_t i = 0; m && i < count; i++)
        if (!nn_child(m, modules[i], numbered(name, i)))
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

nn_module *nn_mlp(ag_tape *t, nn_mlp_config config)
{
    int sizes = count_sizes(t, &config);
    if (!sizes || !nn_activation_known(t, config.activation, "nn_mlp"))
        return NULL;
    char name[NUMBER];
    nn_module *m = nn_new(t, sizeof *m, "mlp", sequential_forward);
    nn_linear_config linear_config = { .no_bias = config.no_bias };
    bool complete = m;
    for (int i = 1; complete && i < sizes; i++) {
        size_t number = 2 * (size_t)(i - 1);
        complete =
            nn_append(m, nn_linear(t, config.sizes[i - 1], config.sizes[i], linear_config), numbered(name, number));
        if (complete && i + 1 < sizes)
            complete = nn_append(m, nn_activation(t, config.activation), numbered(name, number + 1));
    }
    if (!complete)
        nn_discard(m);
    return complete ? m : NULL;
}
