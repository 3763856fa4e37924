/* Three workloads of peers.sh, one thread, f32: prints `WORKLOAD SECONDS`, seconds of a whole training step. */
#include "clock.h"
#include "nn/nn.h"
#include "optim/optim.h"

typedef struct workload {
    ag_tensor data[3], param[3];
    optim *sgd;
    ag_tensor (*loss)(const struct workload *w);
} workload;

static ag_tensor random_buffer(ag_tape *t, int64_t rows, int64_t columns)
{
    return ag_buffer(ag_randn(t, AG_FLOAT, AG_SHAPE(rows, columns), 0, 1), "data");
}

/* 1000 points against a circle of three scalar parameters, sigmoid and mean BCE */
static ag_tensor circle_loss(const workload *w)
{
    ag_tensor squares = ag_add(ag_square(ag_sub(w->data[0], w->param[0])), ag_square(ag_sub(w->data[1], w->param[1])));
    return ag_bce_logits(ag_sub(squares, ag_square(w->param[2])), w->data[2]);
}

static void circle(ag_tape *t, workload *w)
{
    for (int i = 0; i < 2; i++)
        w->data[i] = ag_buffer(ag_rand(t, AG_FLOAT, AG_SHAPE(1000), -2, 2), "x");
    ag_tensor inside = ag_less(ag_add(ag_square(w->data[0]), ag_square(w->data[1])), ag_constant(t, 1.44));
    w->data[2] = ag_buffer(ag_scalar_sub(1, ag_cast(inside, AG_FLOAT)), "y");
    for (int i = 0; i < 3; i++)
        w->param[i] = ag_param(ag_full(t, AG_FLOAT, AG_SCALAR, i < 2 ? 0.1 : 0.5), "parameter");
    w->sgd = optim_sgd(ag_params(t), (optim_sgd_config){ .lr = 0.1 });
    w->loss = circle_loss;
}

/* 64-1000-100-10, ReLU, sum of squares */
static ag_tensor net_loss(const workload *w)
{
    ag_tensor y = ag_matmul(ag_relu(ag_matmul(w->data[0], w->param[0])), w->param[1]);
    return ag_sum(ag_square(ag_sub(y, w->data[1])));
}

static void net(ag_tape *t, workload *w)
{
    w->data[0] = random_buffer(t, 64, 1000);
    w->data[1] = random_buffer(t, 64, 10);
    w->param[0] = ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(1000, 100), 0, 0.03), "w1");
    w->param[1] = ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(100, 10), 0, 0.1), "w2");
    w->sgd = optim_sgd(ag_params(t), (optim_sgd_config){ .lr = 1e-6 });
    w->loss = net_loss;
}

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
    return measure("circle", circle, 20000) || measure("net", net, 1000) || measure("attention", attention, 10);
}
