/* Attention over sequences, and the transformer's block. */
#include "nn/internal.h"
#include "ag/array/array.h"
#include <math.h>

/* ---- attention */

typedef struct attention {
    nn_module base;
    ag_tensor weight, bias; /* of query, key and value, one below the other; bias absent: none */
    nn_module *out;
    int64_t features, heads;
    nn_attention_config config;
} attention;

/* Where a query may look at a key; absent: everywhere. */
static ag_tensor allowed(const attention *m, ag_tensor mask, ag_shape scores)
{
    const ag_dtype d = mask.tape ? ag_dtype_of(mask) : AG_U8;
    if (d == AG_F32 || d == AG_F64)
        mask = ag_not_equal_scalar(mask, -INFINITY);
    if (!m->config.causal)
        return mask;
    const ag_shape s = AG_SHAPE(scores.dim[2], scores.dim[3]);
    const ag_tensor before = ag_tril(ag_ones(m->base.tape, AG_U8, s), 0);
    return mask.tape ? ag_logical_and(mask, before) : before;
}

/* What ag_scaled_dot_product_attention averages with, as a matrix, of which some is dropped. */
static ag_tensor dropped_weights(const attention *m, ag_tensor q, ag_tensor k, ag_tensor mask)
{
    const double scale = 1 / sqrt((double)(m->features / m->heads));
    ag_tensor scores = ag_matmul(ag_mul_scalar(q, scale), ag_transpose(k, -2, -1));
    const ag_shape s = ag_shape_of(scores);
    if (s.rank < 0)
        return nn_inert(m->base.tape);
    const ag_tensor where = allowed(m, mask, s);
    if (mask.tape && ag_dtype_of(mask) != AG_U8)
        scores = ag_add(scores, mask);
    ag_tensor weights = ag_softmax(where.tape ? ag_where_scalar(where, scores, -INFINITY) : scores, -1);
    if (where.tape) /* also in a row that sees nothing */
        weights = ag_where_scalar(where, weights, 0);
    return ag_dropout(weights, m->config.dropout);
}

/* Of each head, q[n,heads,q,d], k and v[n,heads,k,d] */
static ag_tensor attend_heads(const attention *m, ag_tensor q, ag_tensor k, ag_tensor v, ag_tensor mask)
{
    if (m->base.training && m->config.dropout > 0)
        return ag_matmul(dropped_weights(m, q, k, mask), v);
    return ag_scaled_dot_product_attention(q, k, v, mask, (ag_attention_options){ .causal = m->config.causal });
}

/* Maps first to first + count - 1 of x, side by side. */
static ag_tensor project(const attention *m, ag_tensor x, int64_t first, int64_t count)
{
    const int64_t from = first * m->features, to = (first + count) * m->features;
    return ag_linear(x, ag_slice(m->weight, 0, from, to, 1),
                     m->bias.tape ? ag_slice(m->bias, 0, from, to, 1) : m->bias);
}

/* Map i of those side by side in y[n,t,..], as [n,heads,t,d]. */
static ag_tensor split_heads(const attention *m, ag_tensor y, int64_t i, ag_shape x)
{
    const ag_tensor part = ag_slice(y, 2, i * m->features, (i + 1) * m->features, 1);
    const ag_shape s = AG_SHAPE(x.dim[0], x.dim[1], m->heads, m->features / m->heads);
    return ag_permute(ag_reshape(part, s), AG_AXES(0, 2, 1, 3));
}

static ag_tensor join_heads(const attention *m, ag_tensor y, ag_shape query)
{
    return nn_forward(m->out, ag_reshape(ag_permute(y, AG_AXES(0, 2, 1, 3)), query));
}

static bool same_tensor(ag_tensor x, ag_tensor y)
{
    return x.id == y.id && x.epoch == y.epoch;
}

static bool check_operand(const attention *m, ag_tensor x, const char *name, ag_shape *s)
{
    char text[128];
    *s = ag_shape_of(x);
    if (s->rank < 0)
        return false;
    if (s->rank == 3 && s->dim[2] == m->features)
        return true;
    ag_fail(m->base.tape, AG_ESHAPE, "nn_attend: %s is %s, not [n,t,%lld]", name, ag_shape_text(*s, text, sizeof text),
            (long long)m->features);
    return false;
}

static bool check_operands(const attention *m, const ag_tensor *x, ag_shape *s)
{
    static const char *const names[] = { "the query", "the key", "the value" };
    for (int i = 0; i < 3; i++)
        if (!check_operand(m, x[i], names[i], &s[i]))
            return false;
    if (s[0].dim[0] == s[1].dim[0] && s[1].dim[0] == s[2].dim[0] && s[1].dim[1] == s[2].dim[1])
        return true;
    char text[3][128];
    ag_fail(m->base.tape, AG_ESHAPE, "nn_attend: a query %s, a key %s and a value %s do not fit",
            ag_shape_text(s[0], text[0], sizeof text[0]), ag_shape_text(s[1], text[1], sizeof text[1]),
            ag_shape_text(s[2], text[2], sizeof text[2]));
    return false;
}

static bool broadcasts(ag_shape s, ag_shape to)
{
    for (int i = 1; i <= s.rank; i++)
        if (i > to.rank || (s.dim[s.rank - i] != 1 && s.dim[s.rank - i] != to.dim[to.rank - i]))
            return false;
    return s.rank >= 0;
}

/* What ag_scaled_dot_product_attention takes: with dropout it is not there to say so. */
static bool check_mask(const attention *m, ag_tensor mask, ag_tensor query, const ag_shape *s)
{
    const ag_dtype d = mask.id ? ag_dtype_of(mask) : AG_U8, wanted = ag_dtype_of(query);
    const ag_shape scores = AG_SHAPE(s[0].dim[0], m->heads, s[0].dim[1], s[1].dim[1]), own = ag_shape_of(mask);
    char text[2][128];
    if (d != AG_U8 && d != wanted)
        ag_fail(m->base.tape, AG_EDTYPE, "nn_attend: a mask is u8, or %s as the query, not %s", ag_dtype_name(wanted),
                ag_dtype_name(d));
    else if (mask.id && !broadcasts(own, scores))
        ag_fail(m->base.tape, AG_ESHAPE, "nn_attend: a mask %s does not broadcast to [n,heads,q,k], %s",
                ag_shape_text(own, text[0], sizeof text[0]), ag_shape_text(scores, text[1], sizeof text[1]));
    else
        return true;
    return false;
}

static ag_tensor attend(const attention *m, ag_tensor query, ag_tensor key, ag_tensor value, ag_tensor mask)
{
    const ag_tensor x[] = { query, key, value };
    ag_tensor parts[3];
    ag_shape s[3];
    if (!check_operands(m, x, s) || !check_mask(m, mask, query, s))
        return nn_inert(m->base.tape);
    const bool itself = same_tensor(query, key) && same_tensor(key, value);
    const ag_tensor all = itself ? project(m, query, 0, 3) : (ag_tensor){ 0 };
    for (int i = 0; i < 3; i++)
        parts[i] = itself ? split_heads(m, all, i, s[i]) : split_heads(m, project(m, x[i], i, 1), 0, s[i]);
    return join_heads(m, attend_heads(m, parts[0], parts[1], parts[2], mask), s[0]);
}

static ag_tensor attention_forward(nn_module *base, ag_tensor x)
{
    return attend((const attention *)base, x, x, x, (ag_tensor){ 0 });
}

ag_tensor nn_attend(nn_module *m, ag_tensor query, ag_tensor key, ag_tensor value, ag_tensor mask)
{
    nn_call call;
    if (!nn_usable(m, query.tape, "nn_attend"))
        return nn_inert(query.tape);
    const ag_tensor given[] = { query, key, value, mask };
    ag_tensor y = nn_inert(m->tape);
    if (m->forward != attention_forward) {
        ag_fail(m->tape, AG_EUSE, "nn_attend: module '%s' is no attention", m->name);
        return y;
    }
    for (int i = 1; i < 4; i++) {
        if (given[i].tape == m->tape || (i == 3 && !given[i].tape))
            continue;
        ag_fail(m->tape, given[i].tape ? AG_EUSE : AG_ENULL, "nn_attend: an operand %s",
                given[i].tape ? "belongs to another tape" : "is absent");
        return y;
    }
    if (nn_begin(m, query, "nn_attend", &call)) {
        y = attend((const attention *)m, query, key, value, mask);
        nn_end(m, call);
    }
    return y;
}

static bool check_attention(ag_tape *t, int64_t features, int64_t heads, double dropout, const char *who)
{
    if (features >= 1 && heads >= 1 && features % heads == 0 && features <= INT64_MAX / 8)
        return nn_is_probability(t, dropout, who);
    ag_fail(t, AG_EARG, "%s: %lld features are not %lld heads of one size", who, (long long)features, (long long)heads);
    return false;
}

/* Glorot's bound for the three maps together, as PyTorch has it. */
static bool fill_attention(attention *m)
{
    ag_tape *t = m->base.tape;
    const double bound = sqrt(6 / (4 * (double)m->features));
    m->weight = nn_add_weight(&m->base, 3 * m->features, m->features, bound, "in_proj_weight");
    if (!m->config.no_bias && m->weight.id)
        m->bias = nn_param(&m->base, ag_zeros(t, AG_FLOAT, AG_SHAPE(3 * m->features)), "in_proj_bias");
    if (!m->weight.id || (!m->config.no_bias && !m->bias.id))
        return false;
    m->out = nn_linear(t, m->features, m->features, (nn_linear_config){ .no_bias = m->config.no_bias });
    if (!nn_append(&m->base, m->out, "out_proj"))
        return false;
    return m->config.no_bias || !ag_assign(nn_find(m->out, "bias"), ag_zeros(t, AG_FLOAT, AG_SHAPE(m->features)));
}

nn_module *nn_multihead_attention(ag_tape *t, int64_t features, int64_t heads, nn_attention_config config)
{
    if (!check_attention(t, features, heads, config.dropout, "nn_multihead_attention"))
        return NULL;
    attention *m = (attention *)nn_new(t, sizeof *m, "attention", attention_forward);
    if (!m)
        return NULL;
    m->features = features;
    m->heads = heads;
    m->config = config;
    if (fill_attention(m))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

/* ---- the transformer's block */

typedef struct block {
    nn_module base;
    nn_module *attention, *linear1, *linear2, *norm1, *norm2;
    nn_transformer_config config;
} block;

static ag_tensor look_around(const block *m, ag_tensor x)
{
    return nn_drop(&m->base, nn_forward(m->attention, x), m->config.dropout);
}

static ag_tensor think(const block *m, ag_tensor x)
{
    const ag_tensor h = nn_activate(m->config.activation, nn_forward(m->linear1, x));
    return nn_drop(&m->base, nn_forward(m->linear2, nn_drop(&m->base, h, m->config.dropout)), m->config.dropout);
}

static ag_tensor block_forward(nn_module *base, ag_tensor x)
{
    const block *m = (const block *)base;
    if (m->config.post_norm) {
        x = nn_forward(m->norm1, ag_add(x, look_around(m, x)));
        return nn_forward(m->norm2, ag_add(x, think(m, x)));
    }
    x = ag_add(x, look_around(m, nn_forward(m->norm1, x)));
    return ag_add(x, think(m, nn_forward(m->norm2, x)));
}

static bool fill_block(block *m, int64_t features, int64_t heads, int64_t hidden)
{
    ag_tape *t = m->base.tape;
    nn_module *b = &m->base;
    const nn_attention_config attention_config = { .dropout = m->config.dropout, .causal = m->config.causal };
    const nn_layer_norm_config norm = { .eps = m->config.eps };
    const nn_linear_config linear = { 0 };
    m->attention = nn_append(b, nn_multihead_attention(t, features, heads, attention_config), "self_attn");
    m->linear1 = m->attention ? nn_append(b, nn_linear(t, features, hidden, linear), "linear1") : NULL;
    m->linear2 = m->linear1 ? nn_append(b, nn_linear(t, hidden, features, linear), "linear2") : NULL;
    m->norm1 = m->linear2 ? nn_append(b, nn_layer_norm(t, AG_SHAPE(features), norm), "norm1") : NULL;
    m->norm2 = m->norm1 ? nn_append(b, nn_layer_norm(t, AG_SHAPE(features), norm), "norm2") : NULL;
    return m->norm2;
}

nn_module *nn_transformer_block(ag_tape *t, int64_t features, int64_t heads, int64_t hidden,
                                nn_transformer_config config)
{
    const char *who = "nn_transformer_block";
    if (!check_attention(t, features, heads, config.dropout, who) || !nn_activation_known(t, config.activation, who))
        return NULL;
    if (hidden < 1) {
        ag_fail(t, AG_EARG, "%s: %lld features between the linear maps", who, (long long)hidden);
        return NULL;
    }
    block *m = (block *)nn_new(t, sizeof *m, "transformer", block_forward);
    if (!m)
        return NULL;
    m->config = config;
    if (fill_block(m, features, heads, hidden))
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

/* ---- positions */

ag_tensor nn_positions(ag_tape *t, int64_t length, int64_t features)
{
    const int64_t many = (int64_t)1 << 53; /* exact as numbers */
    if (length < 1 || features < 1 || length > many || features > many) {
        ag_fail(t, AG_EARG, "nn_positions: there are no %lld positions of %lld features", (long long)length,
                (long long)features);
        return nn_inert(t);
    }
    const int64_t pairs = (features + 1) / 2;
    const double base = -2 * log(10000) / (double)features;
    const ag_tensor place = ag_reshape(ag_arange(t, AG_FLOAT, 0, (double)length, 1), AG_SHAPE(length, 1)),
                    rate = ag_exp(ag_mul_scalar(ag_arange(t, AG_FLOAT, 0, (double)pairs, 1), base)),
                    angle = ag_mul(place, rate);
    const ag_tensor both = ag_stack(AG_LIST(ag_sin(angle), ag_cos(angle)), 2);
    return ag_slice(ag_reshape(both, AG_SHAPE(length, 2 * pairs)), 1, 0, features, 1);
}
