/* Fashion-MNIST, 784-128-10, ReLU, cross entropy, batches of 64: an epoch by ag, and by a hand-written loop on the same
 * products, in turn.
 *   mlp [--epochs N] [--threads T] [--only ag]
 * Prints the best epoch of Adam as a line "epoch seconds: X". */
#include "hand.h"

#define DIR "/usr/share/datasets/fashion-mnist/"

enum { BATCH = 64, IN = 784, HIDDEN = 128, OUT = 10 };

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

/* ---- by hand (hand.h) */

typedef struct by_hand {
    ag_tape *tape; /* of the data */
    const uint8_t *x, *labels, *test_x, *test_labels;
    int64_t count, test_count, *order;
    hand net;
} by_hand;

static by_hand make_hand(int which, int threads)
{
    by_hand h = { .tape = ag_tape_new((ag_options){ .dtype = AG_F32 }) };
    const data d = read_data(h.tape);
    uint64_t seed = 88172645463325252u;
    h.count = ag_shape_of(d.train.x).dim[0];
    h.test_count = ag_shape_of(d.test.x).dim[0];
    h.x = ag_data(d.train.x, AG_U8);
    h.labels = ag_data(d.train.y, AG_U8);
    h.test_x = ag_data(d.test.x, AG_U8);
    h.test_labels = ag_data(d.test.y, AG_U8);
    h.order = hand_zeros((size_t)h.count * sizeof *h.order);
    for (int64_t i = 0; i < h.count; i++)
        h.order[i] = i;
    h.net = (hand){ .layers = 2, .threads = threads, .batch = BATCH, .sizes = { IN, HIDDEN, OUT }, .biases = true };
    h.net.loss = HAND_CLASSES;
    h.net.rule = which == 0 ? HAND_ADAM : HAND_MOMENTUM;
    h.net.rate = (float)rate[which];
    hand_allocate(&h.net);
    hand_weights(&h.net, &seed);
    return h;
}

static void take_sample(by_hand *h, int64_t i, const uint8_t *from, uint8_t label)
{
    float *restrict to = h->net.h[0] + i * IN;
    h->net.labels[i] = label;
#pragma omp simd
    for (int j = 0; j < IN; j++)
        to[j] = (float)from[j] * (1 / 255.0f);
}

static int64_t rows_from(int64_t at, int64_t count)
{
    return count - at < BATCH ? count - at : BATCH;
}

static void shuffle(by_hand *h)
{
    uint64_t seed = 1 + (uint64_t)h->net.steps * 2654435761u;
    for (int64_t i = h->count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(next_uniform(&seed) * (double)(i + 1)), other = h->order[j];
        h->order[j] = h->order[i];
        h->order[i] = other;
    }
}

static void hand_epoch(by_hand *h)
{
    shuffle(h);
    for (int64_t at = 0; at < h->count; at += BATCH) {
        h->net.batch = rows_from(at, h->count);
        for (int64_t i = 0; i < h->net.batch; i++)
            take_sample(h, i, h->x + h->order[at + i] * IN, h->labels[h->order[at + i]]);
        hand_net(&h->net);
    }
}

static double hand_accuracy(by_hand *h)
{
    int64_t right = 0;
    for (int64_t at = 0; at < h->test_count; at += BATCH) {
        h->net.batch = rows_from(at, h->test_count);
        for (int64_t i = 0; i < h->net.batch; i++)
            take_sample(h, i, h->test_x + (at + i) * IN, h->test_labels[at + i]);
        hand_forward(&h->net);
        for (int64_t i = 0; i < h->net.batch; i++) {
            const float *z = h->net.h[2] + i * OUT;
            int64_t most = 0;
            for (int j = 1; j < OUT; j++)
                most = z[j] > z[most] ? j : most;
            right += most == h->net.labels[i];
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
        h = make_hand(which, s->threads);
    for (int epoch = 0; epoch < s->epochs; epoch++) {
        const double t0 = now();
        ag_epoch(&m);
        const double t1 = now();
        if (!s->only_ag)
            hand_epoch(&h);
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
    ag_tape_free(h.tape); /* the arrays are the system's at the end */
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
