/* A workload of peers.sh that goals.c does not have, one thread, f32: prints `WORKLOAD SECONDS`, seconds of a whole
 * training step. */
#include "clock.h"
#include "nn/nn.h"
#include "optim/optim.h"

typedef struct workload {
    ag_tensor param[3];
    optim *sgd;
    ag_tensor (*loss)(const struct workload *w);
} workload;

/* 4 heads of 1024 queries and keys of 64 numbers, causal, sum of squares */
static ag_tensor attention_loss(const workload *w)
{
    const ag_attention_options causal = { .causal = true };
    const ag_tensor none = { 0 };
    return ag_sum(ag_square(ag_scaled_dot_product_attention(w->param[0], w->param[1], w->param[2], none, causal)));
}

static void attention(ag_tape *t, workload *w)
{
    for (int i = 0; i < 3; i++)
        w->param[i] = ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(4, 1024, 64), 0, 1), "parameter");
    w->sgd = optim_sgd(ag_params(t), (optim_sgd_config){ .lr = 1e-6 });
    w->loss = attention_loss;
}

static ag_status measure(const char *name, void (*make)(ag_tape *, workload *), int steps)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 1 });
    workload w = { .loss = NULL };
    make(t, &w);
    double best = 0;
    for (int series = 0; series < 6; series++) {
        double start = now();
        for (int step = 0; step < steps; step++) {
            optim_zero_grad(w.sgd);
            ag_backward(w.loss(&w));
            optim_step(w.sgd);
            ag_tape_reset(t);
        }
        keep_best(&best, (now() - start) / steps);
    }
    printf("%s %.9f\n", name, best);
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}

int main(void)
{
    return measure("attention", attention, 10) != AG_OK;
}
