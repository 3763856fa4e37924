/* Recurrent layers: a step's state goes into the next. */
#include "nn/internal.h"
#include "ag/array/array.h"
#include <math.h>
#include <stdio.h>

typedef struct state {
    ag_tensor h, c; /* c: of an LSTM */
} state;

typedef struct layer {
    ag_tensor weight_ih, weight_hh, bias_ih, bias_hh; /* biases absent: none */
    state last;                                       /* after a run */
} layer;

typedef struct recurrent {
    nn_module base;
    const struct kind *kind;
    int64_t in, hidden;
    int layers;
    bool biased;
    double dropout;
    ag_tensor *steps; /* room for what the steps of a layer make, or the layers at the end */
    int64_t room;
    layer layer[];
} recurrent;

/* ---- a step, of what the input contributes to its gates, and what the last state does */

static ag_tensor gate(ag_tensor gates, int64_t hidden, int i)
{
    return ag_slice(gates, 1, i * hidden, (i + 1) * hidden, 1);
}

static state tanh_step(ag_tensor a, ag_tensor b, state s, int64_t hidden)
{
    (void)hidden;
    s.h = ag_tanh(ag_add(a, b));
    return s;
}

static state relu_step(ag_tensor a, ag_tensor b, state s, int64_t hidden)
{
    (void)hidden;
    s.h = ag_relu(ag_add(a, b));
    return s;
}

static state lstm_step(ag_tensor a, ag_tensor b, state s, int64_t hidden)
{
    const ag_tensor gates = ag_add(a, b);
    const ag_tensor in = ag_sigmoid(gate(gates, hidden, 0)), forget = ag_sigmoid(gate(gates, hidden, 1)),
                    candidate = ag_tanh(gate(gates, hidden, 2)), out = ag_sigmoid(gate(gates, hidden, 3));
    const ag_tensor c = ag_add(ag_mul(forget, s.c), ag_mul(in, candidate));
    return (state){ ag_mul(out, ag_tanh(c)), c };
}

static state gru_step(ag_tensor a, ag_tensor b, state s, int64_t hidden)
{
    const ag_tensor reset = ag_sigmoid(ag_add(gate(a, hidden, 0), gate(b, hidden, 0))),
                    keep = ag_sigmoid(ag_add(gate(a, hidden, 1), gate(b, hidden, 1))),
                    candidate = ag_tanh(ag_add(gate(a, hidden, 2), ag_mul(reset, gate(b, hidden, 2))));
    s.h = ag_add(candidate, ag_mul(keep, ag_sub(s.h, candidate)));
    return s;
}

enum { RNN, RELU, LSTM, GRU };
static const struct kind {
    const char *name, *who;
    int gates;
    state (*step)(ag_tensor a, ag_tensor b, state s, int64_t hidden);
} kinds[] = { [RNN] = { "rnn", "nn_rnn", 1, tanh_step },
              [RELU] = { "rnn", "nn_rnn", 1, relu_step },
              [LSTM] = { "lstm", "nn_lstm", 4, lstm_step },
              [GRU] = { "gru", "nn_gru", 3, gru_step } };

static bool is_lstm(const recurrent *m)
{
    return m->kind == &kinds[LSTM];
}

/* ---- layer by layer */

/* Room that stays with the module, so that a warm loop allocates nothing. */
static bool make_room(recurrent *m, int64_t count)
{
    if (count <= m->room)
        return true;
    if (count > PTRDIFF_MAX / 64) { /* where there is no sample there may be so many */
        ag_fail(m->base.tape, AG_ELIMIT, "%s: %lld steps are too many", m->kind->who, (long long)count);
        return false;
    }
    ag_tensor *steps = ag_tape_resize(m->base.tape, m->steps, (size_t)count * sizeof *steps);
    if (!steps)
        return false;
    m->steps = steps;
    m->room = count;
    return true;
}

/* The layer over x[n,t,..] from its state: the h of every step, side by side. All inputs' contributions are one
 * product. */
static ag_tensor run_layer(recurrent *m, layer *l, ag_tensor x, int64_t steps)
{
    const ag_tensor inputs = ag_linear(x, l->weight_ih, l->bias_ih);
    for (int64_t k = 0; k < steps; k++) {
        const ag_tensor last = ag_linear(l->last.h, l->weight_hh, l->bias_hh);
        l->last = m->kind->step(ag_select(inputs, 1, k), last, l->last, m->hidden);
        m->steps[k] = l->last.h;
        if (!l->last.h.id)
            return l->last.h;
    }
    return ag_stack((ag_list){ m->steps, (size_t)steps }, 1);
}

/* The last states of all layers as one tensor. */
static ag_tensor gather(recurrent *m, bool c)
{
    for (int i = 0; i < m->layers; i++)
        m->steps[i] = c ? m->layer[i].last.c : m->layer[i].last.h;
    return ag_stack((ag_list){ m->steps, (size_t)m->layers }, 0);
}

static nn_sequence run(recurrent *m, ag_tensor x, int64_t steps, ag_tensor h, ag_tensor c)
{
    for (int i = 0; i < m->layers; i++) {
        m->layer[i].last = (state){ ag_select(h, 0, i), is_lstm(m) ? ag_select(c, 0, i) : c };
        x = run_layer(m, &m->layer[i], i ? nn_drop(&m->base, x, m->dropout) : x, steps);
    }
    const ag_tensor absent = { 0 };
    return (nn_sequence){ x, gather(m, false), is_lstm(m) ? gather(m, true) : absent };
}

/* ---- over a sequence */

static bool is_shape(ag_shape s, ag_shape wanted)
{
    bool same = s.rank == wanted.rank;
    for (int i = 0; same && i < s.rank; i++)
        same = s.dim[i] == wanted.dim[i];
    return same;
}

/* The state that is given, or zeros. */
static ag_tensor start(const recurrent *m, ag_tensor given, int64_t n, const char *name)
{
    ag_tape *t = m->base.tape;
    const ag_shape wanted = AG_SHAPE(m->layers, n, m->hidden);
    if (!given.tape)
        return ag_zeros(t, AG_FLOAT, wanted);
    const ag_shape s = ag_shape_of(given);
    if (s.rank < 0 || is_shape(s, wanted))
        return s.rank < 0 ? nn_inert(t) : given;
    char is[128], expected[128];
    ag_fail(t, AG_ESHAPE, "%s: %s is %s, not %s", m->kind->who, name, ag_shape_text(s, is, sizeof is),
            ag_shape_text(wanted, expected, sizeof expected));
    return nn_inert(t);
}

static bool check_input(const recurrent *m, ag_shape s)
{
    char text[128];
    if (s.rank < 0)
        return false;
    if (s.rank == 3 && s.dim[1] >= 1 && s.dim[2] == m->in)
        return true;
    ag_fail(m->base.tape, AG_ESHAPE, "%s: x is %s, not [n,t,%lld] of at least one step", m->kind->who,
            ag_shape_text(s, text, sizeof text), (long long)m->in);
    return false;
}

static nn_sequence nothing(const recurrent *m)
{
    const ag_tensor inert = nn_inert(m->base.tape), absent = { 0 };
    return (nn_sequence){ inert, inert, is_lstm(m) ? inert : absent };
}

static nn_sequence unroll(recurrent *m, ag_tensor x, ag_tensor h, ag_tensor c)
{
    ag_tape *t = m->base.tape;
    const ag_shape s = ag_shape_of(x);
    if (c.tape && !is_lstm(m)) {
        ag_fail(t, AG_EARG, "%s: a c is given, which only an LSTM has", m->kind->who);
        return nothing(m);
    }
    if (!check_input(m, s) || !make_room(m, s.dim[1] > m->layers ? s.dim[1] : m->layers))
        return nothing(m);
    h = start(m, h, s.dim[0], "h");
    if (is_lstm(m))
        c = start(m, c, s.dim[0], "c");
    if (!h.id || (is_lstm(m) && !c.id))
        return nothing(m);
    const nn_sequence y = run(m, x, s.dim[1], h, c);
    return y.output.id && y.h.id && (!is_lstm(m) || y.c.id) ? y : nothing(m);
}

static ag_tensor recurrent_forward(nn_module *base, ag_tensor x)
{
    const ag_tensor none = { 0 };
    return unroll((recurrent *)base, x, none, none).output;
}

nn_sequence nn_unroll(nn_module *m, ag_tensor x, ag_tensor h, ag_tensor c)
{
    nn_call call;
    const ag_tensor failed = nn_inert(m && m->tape ? m->tape : x.tape);
    nn_sequence y = { failed, failed, failed };
    if (!nn_usable(m, x.tape, "nn_unroll"))
        return y;
    if (m->forward != recurrent_forward) {
        ag_fail(m->tape, AG_EUSE, "nn_unroll: module '%s' is not recurrent", m->name);
        return y;
    }
    y = nothing((recurrent *)m);
    if ((h.tape && h.tape != m->tape) || (c.tape && c.tape != m->tape))
        ag_fail(m->tape, AG_EUSE, "nn_unroll: the state belongs to another tape than module '%s'", m->name);
    else if (nn_begin(m, x, "nn_unroll", &call)) {
        y = unroll((recurrent *)m, x, h, c);
        nn_end(m, call);
    }
    return y;
}

/* ---- making */

static bool check(ag_tape *t, const struct kind *kind, int64_t in, int64_t hidden, const nn_recurrent_config *c)
{
    if (in < 1 || hidden < 1 || hidden > INT64_MAX / 8)
        ag_fail(t, AG_EARG, "%s: a layer needs at least one input and one hidden unit, not %lld and %lld", kind->who,
                (long long)in, (long long)hidden);
    else if (c->layers < 0)
        ag_fail(t, AG_EARG, "%s: %d layers", kind->who, c->layers);
    else if (c->relu && kind->gates > 1)
        ag_fail(t, AG_EARG, "%s: relu is an option of nn_rnn alone", kind->who);
    else
        return nn_is_probability(t, c->dropout, kind->who);
    return false;
}

static ag_tensor add_bias(recurrent *m, const char *name, double bound)
{
    const ag_shape s = AG_SHAPE(m->kind->gates * m->hidden);
    return nn_param(&m->base, ag_rand(m->base.tape, AG_FLOAT, s, -bound, bound), name);
}

/* The parameters of layer i; false: reported. */
static bool fill_layer(recurrent *m, int i, int64_t in)
{
    enum { WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH, COUNT };
    static const char *const formats[] = { "weight_ih_l%d", "weight_hh_l%d", "bias_ih_l%d", "bias_hh_l%d" };
    const double bound = 1 / sqrt((double)m->hidden);
    const int64_t rows = m->kind->gates * m->hidden;
    layer *l = &m->layer[i];
    ag_tensor *const to[] = { &l->weight_ih, &l->weight_hh, &l->bias_ih, &l->bias_hh };
    for (int k = 0; k < (m->biased ? COUNT : BIAS_IH); k++) {
        char name[32];
        snprintf(name, sizeof name, formats[k], i);
        *to[k] = k >= BIAS_IH ? add_bias(m, name, bound)
                              : nn_add_weight(&m->base, rows, k == WEIGHT_IH ? in : m->hidden, bound, name);
        if (!to[k]->id)
            return false;
    }
    return true;
}

static nn_module *new_recurrent(ag_tape *t, const struct kind *kind, int64_t in, int64_t hidden,
                                nn_recurrent_config config)
{
    if (!check(t, kind, in, hidden, &config))
        return NULL;
    const int layers = config.layers ? config.layers : 1;
    recurrent *m = (recurrent *)nn_new(t, sizeof *m + (size_t)layers * sizeof *m->layer, kind->name, recurrent_forward);
    if (!m)
        return NULL;
    m->kind = kind;
    m->in = in;
    m->hidden = hidden;
    m->layers = layers;
    m->biased = !config.no_bias;
    m->dropout = config.dropout;
    bool complete = true;
    for (int i = 0; complete && i < layers; i++)
        complete = fill_layer(m, i, i ? hidden : in);
    if (complete)
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}

nn_module *nn_rnn(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config)
{
    const struct kind *kind = &kinds[config.relu ? RELU : RNN];
    return new_recurrent(t, kind, in, hidden, config);
}

nn_module *nn_lstm(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config)
{
    return new_recurrent(t, &kinds[LSTM], in, hidden, config);
}

nn_module *nn_gru(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config)
{
    return new_recurrent(t, &kinds[GRU], in, hidden, config);
}
