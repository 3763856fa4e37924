/* Fashion-MNIST, 784-128-10, ReLU, cross entropy, batches of 64: an epoch by ag, and by a hand-written loop on the same
 * products, in turn.
 *   mlp [--epochs N] [--threads T] [--only ag]
 * Prints the best epoch of Adam as a line "epoch seconds: X". */
#include "ag/kernels/matmul.h"
#include "ag/kernels/vector.h"
#include "clock.h"
#include "nn/nn.h"
#include "optim/optim.h"

#include <stdlib.h>
#include <string.h>

#define DIR "/usr/share/datasets/fashion-mnist/"

enum { BATCH = 64, IN = 784, HIDDEN = 128, OUT = 10, WEIGHTS = IN * HIDDEN + HIDDEN + HIDDEN * OUT + OUT };

typedef struct settings {
    int epochs, threads;
    bool only_ag;
} settings;

typedef struct data {
    nn_dataset train, test;
} data;

static const double rate[] = { 1e-3, 0.01 }; /* Adam, momentum */
static const char *const names[] = { "Adam", "SGD, momentum 0.9" };

static data read_data(ag_tape *t)
{
    return (data){ nn_read_idx(t, DIR "train-images-idx3-ubyte.gz", DIR "train-labels-idx1-ubyte.gz"),
                   nn_read_idx(t, DIR "t10k-images-idx3-ubyte.gz", DIR "t10k-labels-idx1-ubyte.gz") };
}

/* ---- by ag */

typedef struct by_ag {
    ag_tape *tape;
    nn_batches *train, *test;
    nn_module *net;
    optim *optimizer;
} by_ag;

static by_ag make_ag(int which, int threads)
{
    by_ag m = { .tape = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = 1, .threads = threads }) };
    const data d = read_data(m.tape);
    m.train = nn_batches_new(d.train, (nn_batches_config){ .size = BATCH, .shuffle = true, .scale = 1 / 255.0 });
    m.test = nn_batches_new(d.test, (nn_batches_config){ .size = 500, .scale = 1 / 255.0 });
    m.net = nn_mlp(m.tape, (nn_mlp_config){ .sizes = { IN, HIDDEN, OUT }, .activation = NN_RELU });
    m.optimizer = which == 0 ? optim_adam(nn_params(m.net), (optim_adam_config){ .lr = rate[0] })
                             : optim_sgd(nn_params(m.net), (optim_sgd_config){ .lr = rate[1], .momentum = 0.9 });
    return m;
}

static void ag_epoch(by_ag *m)
{
    while (nn_batches_next(m->train)) {
        const ag_tensor z = nn_forward(m->net, ag_reshape(m->train->x, AG_SHAPE(-1, IN)));
        const ag_tensor loss = ag_cross_entropy(z, m->train->y);
        optim_zero_grad(m->optimizer);
        ag_backward(loss);
        optim_step(m->optimizer);
        ag_tape_reset(m->tape);
    }
}

static double ag_accuracy(by_ag *m)
{
    int64_t right = 0, seen = 0;
    nn_train(m->net, false);
    ag_no_grad_begin(m->tape);
    while (nn_batches_next(m->test)) {
        right += nn_correct(nn_forward(m->net, ag_reshape(m->test->x, AG_SHAPE(-1, IN))), m->test->y);
        seen += m->test->count;
        ag_tape_reset(m->tape);
    }
    ag_no_grad_end(m->tape);
    nn_train(m->net, true);
    return seen ? (double)right / (double)seen : 0;
}

/* ---- by hand. Parameters lie in one array: w1 [in,hidden], b1, w2 [hidden,out], b2. */

typedef struct by_hand {
    ag_tape *tape; /* of the data */
    const uint8_t *x, *labels, *test_x, *test_labels;
    int64_t count, test_count, steps;
    int threads;
    int64_t *order;
    float *p, *g, *m, *v; /* parameters, gradients, momenta */
    void *workspace;
} by_hand;

static const int64_t b1_at = IN * HIDDEN, w2_at = IN * HIDDEN + HIDDEN, b2_at = WEIGHTS - OUT;

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s >> 11;
}

static void *zeros(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(1);
    return memset(p, 0, bytes);
}

static by_hand make_hand(int threads)
{
    by_hand h = { .tape = ag_tape_new((ag_options){ .dtype = AG_F32 }), .threads = threads };
    const data d = read_data(h.tape);
    uint64_t seed = 88172645463325252u;
    h.count = ag_shape_of(d.train.x).dim[0];
    h.test_count = ag_shape_of(d.test.x).dim[0];
    h.x = ag_data(d.train.x, AG_U8);
    h.labels = ag_data(d.train.y, AG_U8);
    h.test_x = ag_data(d.test.x, AG_U8);
    h.test_labels = ag_data(d.test.y, AG_U8);
    h.order = zeros((size_t)h.count * sizeof *h.order);
    for (int64_t i = 0; i < h.count; i++)
        h.order[i] = i;
    float **const arrays[] = { &h.p, &h.g, &h.m, &h.v };
    for (int i = 0; i < 4; i++)
        *arrays[i] = zeros(WEIGHTS * sizeof(float));
    for (int64_t i = 0; i < WEIGHTS; i++) {
        const double bound = 1 / sqrt(i < w2_at ? IN : HIDDEN);
        h.p[i] = (float)(bound * ((double)next_random(&seed) / 4503599627370496.0 - 1));
    }
    h.workspace = zeros(1 << 24);
    return h;
}

static void free_hand(by_hand *h)
{
    void *const memory[] = { h->order, h->p, h->g, h->m, h->v, h->workspace };
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        free(memory[i]);
    ag_tape_free(h->tape);
}

/* c[m,n] = a b (+ c): a and b by rows, or transposed */
static void product(const by_hand *h, int64_t m, int64_t n, int64_t k, const float *a, bool a_transposed,
                    const float *b, bool b_transposed, float *c, bool add)
{
    const ag_product p = { .dtype = AG_F32,
                           .m = m,
                           .n = n,
                           .k = k,
                           .a = a,
                           .a_row = a_transposed ? 1 : k,
                           .a_col = a_transposed ? m : 1,
                           .b = b,
                           .b_row = b_transposed ? 1 : n,
                           .b_col = b_transposed ? k : 1,
                           .c = c,
                           .c_row = n,
                           .c_col = 1,
                           .beta = add,
                           .threads = h->threads };
    if (ag_product_workspace(&p) > 1 << 24 || ag_product_run(&p, h->workspace))
        exit(1);
}

static void fill_rows(int64_t rows, int64_t n, const float *bias, float *to)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * n, bias, (size_t)n * sizeof *bias);
}

static void sum_rows(int64_t rows, int64_t n, const float *from, float *to)
{
    memcpy(to, from, (size_t)n * sizeof *to);
    for (int64_t i = 1; i < rows; i++) {
#pragma omp simd
        for (int64_t j = 0; j < n; j++)
            to[j] += from[i * n + j];
    }
}

static void forward(const by_hand *h, int64_t rows, const float *x, float *hidden, float *z)
{
    fill_rows(rows, HIDDEN, h->p + b1_at, hidden);
    product(h, rows, HIDDEN, IN, x, false, h->p, false, hidden, true);
#pragma omp simd
    for (int64_t i = 0; i < rows * HIDDEN; i++)
        hidden[i] = hidden[i] > 0 ? hidden[i] : 0;
    fill_rows(rows, OUT, h->p + b2_at, z);
    product(h, rows, OUT, HIDDEN, hidden, false, h->p + w2_at, false, z, true);
}

/* z becomes (softmax(z) - onehot) / rows; returns the mean loss. */
static float softmax_loss(int64_t rows, const uint8_t *labels, float *z)
{
    float e[BATCH * OUT], loss = 0;
    memset(e, 0, sizeof e);
    for (int64_t i = 0; i < rows; i++) {
        const float *row = z + i * OUT;
        float most = row[0];
        for (int j = 1; j < OUT; j++)
            most = row[j] > most ? row[j] : most;
        for (int j = 0; j < OUT; j++)
            e[i * OUT + j] = row[j] - most;
        loss -= row[labels[i]] - most;
    }
#pragma omp simd
    for (int i = 0; i < BATCH * OUT; i++)
        e[i] = expf(e[i]);
    for (int64_t i = 0; i < rows; i++) {
        float sum = 0;
        for (int j = 0; j < OUT; j++)
            sum += e[i * OUT + j];
        for (int j = 0; j < OUT; j++)
            z[i * OUT + j] = e[i * OUT + j] / (sum * (float)rows);
        z[i * OUT + labels[i]] -= 1 / (float)rows;
        loss += logf(sum);
    }
    return loss / (float)rows;
}

static void adam(const by_hand *h)
{
    const double k = (double)h->steps;
    const float lr = (float)(rate[0] / (1 - pow(0.9, k))), root = (float)(1 / sqrt(1 - pow(0.999, k)));
    float *restrict p = h->p, *restrict m = h->m, *restrict v = h->v;
    const float *restrict g = h->g;
#pragma omp simd
    for (int64_t i = 0; i < WEIGHTS; i++) {
        m[i] = 0.9f * m[i] + 0.1f * g[i];
        v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
        p[i] -= lr * m[i] / (sqrtf(v[i]) * root + 1e-8f);
    }
}

static void momentum(const by_hand *h)
{
    const float lr = (float)rate[1];
    float *restrict p = h->p, *restrict m = h->m;
    const float *restrict g = h->g;
#pragma omp simd
    for (int64_t i = 0; i < WEIGHTS; i++) {
        m[i] = 0.9f * m[i] + g[i];
        p[i] -= lr * m[i];
    }
}

static float hand_step(by_hand *h, int which, int64_t rows, const float *x, const uint8_t *labels)
{
    static _Alignas(64) float hidden[BATCH * HIDDEN], z[BATCH * OUT], back[BATCH * HIDDEN];
    forward(h, rows, x, hidden, z);
    const float loss = softmax_loss(rows, labels, z);
    product(h, HIDDEN, OUT, rows, hidden, true, z, false, h->g + w2_at, false);
    sum_rows(rows, OUT, z, h->g + b2_at);
    product(h, rows, HIDDEN, OUT, z, false, h->p + w2_at, true, back, false);
#pragma omp simd
    for (int64_t i = 0; i < rows * HIDDEN; i++)
        back[i] = hidden[i] > 0 ? back[i] : 0;
    product(h, IN, HIDDEN, rows, x, true, back, false, h->g, false);
    sum_rows(rows, HIDDEN, back, h->g + b1_at);
    h->steps++;
    if (which == 0)
        adam(h);
    else
        momentum(h);
    return loss;
}

static void hand_epoch(by_hand *h, int which)
{
    static _Alignas(64) float x[BATCH * IN];
    uint8_t labels[BATCH];
    uint64_t seed = 1 + (uint64_t)h->steps * 2654435761u;
    for (int64_t i = h->count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(next_random(&seed) % (uint64_t)(i + 1)), other = h->order[j];
        h->order[j] = h->order[i];
        h->order[i] = other;
    }
    for (int64_t at = 0; at < h->count; at += BATCH) {
        const int64_t rows = h->count - at < BATCH ? h->count - at : BATCH;
        for (int64_t i = 0; i < rows; i++) {
            const uint8_t *from = h->x + h->order[at + i] * IN;
            labels[i] = h->labels[h->order[at + i]];
#pragma omp simd
            for (int j = 0; j < IN; j++)
                x[i * IN + j] = (float)from[j] * (1 / 255.0f);
        }
        hand_step(h, which, rows, x, labels);
    }
}

static double hand_accuracy(const by_hand *h)
{
    static _Alignas(64) float x[BATCH * IN], hidden[BATCH * HIDDEN], z[BATCH * OUT];
    int64_t right = 0;
    for (int64_t at = 0; at < h->test_count; at += BATCH) {
        const int64_t rows = h->test_count - at < BATCH ? h->test_count - at : BATCH;
        for (int64_t i = 0; i < rows * IN; i++)
            x[i] = (float)h->test_x[at * IN + i] * (1 / 255.0f);
        forward(h, rows, x, hidden, z);
        for (int64_t i = 0; i < rows; i++) {
            int best = 0;
            for (int j = 1; j < OUT; j++)
                best = z[i * OUT + j] > z[i * OUT + best] ? j : best;
            right += best == h->test_labels[at + i];
        }
    }
    return (double)right / (double)h->test_count;
}

/* ---- both */

/* Returns the best epoch of ag; 0 on failure. */
static double compare(int which, const settings *s)
{
    by_ag m = make_ag(which, s->threads);
    if (ag_error(m.tape)) {
        ag_tape_free(m.tape);
        return 0;
    }
    by_hand h = { 0 };
    double best = 0, hand = 0;
    if (!s->only_ag)
        h = make_hand(s->threads);
    for (int epoch = 0; epoch < s->epochs; epoch++) {
        const double t0 = now();
        ag_epoch(&m);
        const double t1 = now();
        if (!s->only_ag)
            hand_epoch(&h, which);
        keep_best(&best, t1 - t0);
        keep_best(&hand, now() - t1);
    }
    const double accuracy = ag_accuracy(&m);
    printf("%-18s epoch by ag %.4f s", names[which], best);
    if (!s->only_ag)
        printf(", by hand %.4f s, ratio %.3f", hand, best / hand);
    printf("; test accuracy after %d epochs %.4f", s->epochs, accuracy);
    if (!s->only_ag)
        printf(" and %.4f", hand_accuracy(&h));
    printf("\n");
    const bool failed = ag_error(m.tape) || !(accuracy > 0.7);
    ag_tape_free(m.tape);
    if (!s->only_ag)
        free_hand(&h);
    return failed ? 0 : best;
}

static bool read_settings(int count, char **arguments, settings *s)
{
    *s = (settings){ .epochs = 5, .threads = 1 };
    for (int i = 1; i + 1 < count; i += 2) {
        if (!strcmp(arguments[i], "--epochs"))
            s->epochs = atoi(arguments[i + 1]);
        else if (!strcmp(arguments[i], "--threads"))
            s->threads = atoi(arguments[i + 1]);
        else if (!strcmp(arguments[i], "--only") && !strcmp(arguments[i + 1], "ag"))
            s->only_ag = true;
        else
            return false;
    }
    return count % 2 == 1 && s->epochs > 0 && s->threads > 0;
}

int main(int count, char **arguments)
{
    settings s;
    if (!read_settings(count, arguments, &s)) {
        fprintf(stderr, "mlp [--epochs N] [--threads T] [--only ag]\n");
        return 2;
    }
    const double adam_epoch = compare(0, &s);
    const double momentum_epoch = s.only_ag ? 1 : compare(1, &s);
    if (adam_epoch > 0)
        printf("epoch seconds: %.4f\n", adam_epoch);
    return !(adam_epoch > 0) || !(momentum_epoch > 0);
}
