/* An LSTM cell as a fused op of one's own beside the same cell made of ag's ops, f32, one thread: a step with gradients.
 *   lstm [rounds [batch hidden]] */
#include "clock.h"
#include "tests/lstm.h"

#include <stdio.h>
#include <stdlib.h>

static void fused(const ag_tensor *in, ag_tensor *y)
{
    ag_apply_all(&lstm_cell, (ag_list){ in, LSTM_INPUTS }, NULL, y);
}

static void composed(const ag_tensor *in, ag_tensor *y)
{
    const ag_tensor z = ag_add(ag_add(ag_matmul(in[LSTM_X], ag_transpose(in[LSTM_W], 0, 1)),
                                      ag_matmul(in[LSTM_H], ag_transpose(in[LSTM_U], 0, 1))),
                               in[LSTM_B]);
    const ag_tensor i = ag_sigmoid(lstm_gate(z, 0)), f = ag_sigmoid(lstm_gate(z, 1)), g = ag_tanh(lstm_gate(z, 2)),
                    o = ag_sigmoid(lstm_gate(z, 3));
    y[1] = ag_add(ag_mul(f, in[LSTM_C]), ag_mul(i, g));
    y[0] = ag_mul(o, ag_tanh(y[1]));
}

typedef struct times {
    double forward, backward;
    uint64_t memory;
} times;

static void run(void (*cell)(const ag_tensor *in, ag_tensor *y), ag_tape *t, const ag_tensor *in, times *best)
{
    ag_tensor y[LSTM_OUTPUTS];
    const double t0 = now();
    cell(in, y);
    const double t1 = now();
    const ag_tensor loss = ag_add(ag_sum(y[0]), ag_sum(y[1]));
    const double t2 = now();
    ag_backward(loss);
    keep_best(&best->backward, now() - t2);
    keep_best(&best->forward, t1 - t0);
    best->memory = ag_tape_memory(t);
    for (int i = 0; i < LSTM_INPUTS; i++)
        ag_zero_grad(in[i]);
    ag_tape_reset(t);
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 300;
    const int64_t batch = argc > 2 ? atoi(argv[2]) : 64, hidden = argc > 3 ? atoi(argv[3]) : 128;
    const ag_shape shapes[] = { AG_DIMS(batch, hidden),      AG_DIMS(batch, hidden),      AG_DIMS(batch, hidden),
                                AG_DIMS(4 * hidden, hidden), AG_DIMS(4 * hidden, hidden), AG_DIMS(4 * hidden) };
    void (*const cells[])(const ag_tensor *, ag_tensor *) = { fused, composed };
    static const char *const names[] = { "fused", "composed" };
    times best[2] = { 0 };
    ag_tape *tapes[2];
    ag_tensor in[2][LSTM_INPUTS];
    for (int w = 0; w < 2; w++) {
        tapes[w] = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 1 });
        for (int i = 0; i < LSTM_INPUTS; i++)
            in[w][i] = ag_param(ag_randn(tapes[w], AG_F32, shapes[i], 0, 1), NULL);
    }
    for (int k = 0; k < rounds; k++)
        for (int w = 0; w < 2; w++)
            run(cells[w], tapes[w], in[w], &best[w]);
    for (int w = 0; w < 2; w++) {
        printf("lstm cell, f32, batch %lld, hidden %lld, %s: forward %.1f us, backward %.1f us, %.2f MB\n",
               (long long)batch, (long long)hidden, names[w], best[w].forward * 1e6, best[w].backward * 1e6,
               (double)best[w].memory * 0x1p-20);
        ag_tape_free(tapes[w]);
    }
    return 0;
}
