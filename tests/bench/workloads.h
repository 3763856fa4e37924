/* Training steps that are measured again and again: data and parameters are the same in every run, one thread, f32 unless
 * said. T1 to T6 are whole steps on arrays, F1 and F2 long chains of elementwise ops, W1 and W2 gradients of rank-0 numbers, op a
 * chain of one-element ops. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "clock.h"
#include "nn/nn.h"
#include "optim/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LAYERS = 16,   /* of a network at most */
    POINTS = 1000, /* of the circle */
    F1_NUMBERS = 10000000,
    NET_POINTS = 100, /* of the small net */
    NET_WIDTH = 16,   /* of its two hidden layers */
    NET_WEIGHTS = 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1,
    CHAIN = 1000,                       /* one-element ops */
    CIRCLE_OPS = 18,                    /* a sample, in W1 */
    NET_OPS = 16 * 5 + 16 * 33 + 32 + 3 /* a point, in W2 */
};

typedef struct workload workload;
struct workload {
    const char *name, *what;
    double (*step)(workload *w); /* returns the loss */
    double units;                /* that its figure is for: ops of a step; 0: the step */
    ag_tape *t;
    ag_tensor x[2], y, w[NET_WEIGHTS];
    int64_t sizes[LAYERS + 1];
    int layers;
    bool tanh, squares, persistent;
    nn_module *net;
    optim *optimizer;
    double forward, backward; /* seconds of the last step, where it is of single ops */
};

static inline double next_uniform(uint64_t *s) /* in [0, 1) */
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return (double)(*s >> 11) / 9007199254740992.0;
}

static inline ag_tensor numbers(ag_tape *t, ag_shape s, double low, double high, uint64_t seed)
{
    seed = seed * 2654435761u + 88172645463325252u;
    const ag_tensor x = ag_empty(t, AG_F32, s);
    float *to = ag_write(x, AG_F32);
    for (int64_t i = 0; to && i < ag_shape_size(s); i++)
        to[i] = (float)(low + (high - low) * next_uniform(&seed));
    return ag_buffer(x, NULL);
}

static inline double end_step(workload *w, ag_tensor loss)
{
    optim_zero_grad(w->optimizer);
    ag_backward(loss);
    optim_step(w->optimizer);
    const double value = ag_item(loss);
    ag_tape_reset(w->t);
    return value;
}

/* ---- T1: 1000 points, positive outside a circle; radius and centre are rank-0 parameters */

static const float circle_start[3] = { 0.8f, 0.1f, 0.05f }; /* radius, centre */
static const double circle_rate = 0.1;

static inline double circle_step(workload *w)
{
    const ag_tensor a = ag_sub(w->x[0], w->w[1]), b = ag_sub(w->x[1], w->w[2]);
    const ag_tensor z = ag_sub(ag_add(ag_square(a), ag_square(b)), ag_square(w->w[0]));
    return end_step(w, ag_bce_logits(z, w->y));
}

static inline void circle_points(float *x1, float *x2, float *y)
{
    uint64_t s = 88172645463325252u;
    for (int i = 0; i < POINTS; i++) {
        x1[i] = (float)(4 * next_uniform(&s) - 2);
        x2[i] = (float)(4 * next_uniform(&s) - 2);
        y[i] = (x1[i] - 0.3f) * (x1[i] - 0.3f) + (x2[i] + 0.2f) * (x2[i] + 0.2f) > 1.21f;
    }
}

static inline void make_circle(workload *w)
{
    static float at[3][POINTS];
    ag_tensor *const to[] = { &w->x[0], &w->x[1], &w->y };
    circle_points(at[0], at[1], at[2]);
    for (int k = 0; k < 3; k++)
        *to[k] = ag_buffer(ag_from(w->t, AG_F32, AG_SHAPE(POINTS), at[k], sizeof at[k]), NULL);
    for (int k = 0; k < 3; k++)
        w->w[k] = ag_param(ag_full(w->t, AG_F32, AG_SCALAR, (double)circle_start[k]), NULL);
    w->optimizer = optim_sgd(ag_params(w->t), (optim_sgd_config){ .lr = circle_rate });
}

/* ---- networks */

static inline double net_step(workload *w)
{
    const ag_tensor z = nn_forward(w->net, w->x[0]);
    return end_step(w, ag_dtype_of(w->y) == AG_I64 ? ag_cross_entropy(z, w->y)
                       : w->squares                ? ag_mse(z, w->y)
                                                   : ag_bce_logits(z, w->y));
}

static inline void make_net(workload *w, int64_t batch)
{
    const int64_t in = w->sizes[0], out = w->sizes[w->layers];
    nn_module *modules[2 * LAYERS];
    size_t count = 0;
    w->x[0] = numbers(w->t, AG_SHAPE(batch, in), w->squares ? -1 : 0, 1, 1);
    w->y = numbers(w->t, AG_SHAPE(batch, out), 0, 1, 2);
    if (!w->squares && out > 1)
        w->y = ag_buffer(ag_remainder_scalar(ag_arange(w->t, AG_I64, 0, (double)batch, 1), (double)out), NULL);
    else if (!w->squares)
        w->y = ag_buffer(ag_cast(ag_greater_scalar(w->y, 0.5), AG_F32), NULL);
    for (int i = 0; i < w->layers; i++) {
        if (i)
            modules[count++] = nn_activation(w->t, w->tanh ? NN_TANH : NN_RELU);
        modules[count++] = nn_linear(w->t, w->sizes[i], w->sizes[i + 1], (nn_linear_config){ 0 });
    }
    w->net = nn_sequential(w->t, modules, count);
}

/* ---- T2: two products without biases, the sum of squares */

static inline double products_step(workload *w)
{
    const ag_tensor z = ag_matmul(ag_relu(ag_matmul(w->x[0], w->w[0])), w->w[1]);
    return end_step(w, ag_sum(ag_square(ag_sub(z, w->y))));
}

static inline ag_tensor weight(workload *w, int64_t in, int64_t out)
{
    const double bound = 1 / sqrt((double)in);
    return ag_param(numbers(w->t, AG_SHAPE(in, out), -bound, bound, 3), NULL);
}

static inline void make_products(workload *w)
{
    w->x[0] = numbers(w->t, AG_SHAPE(64, w->sizes[0]), -1, 1, 1);
    w->y = numbers(w->t, AG_SHAPE(64, w->sizes[2]), 0, 1, 2);
    w->w[0] = weight(w, w->sizes[0], w->sizes[1]);
    w->w[1] = weight(w, w->sizes[1], w->sizes[2]);
    w->optimizer = optim_sgd(AG_LIST(w->w[0], w->w[1]), (optim_sgd_config){ .lr = 1e-5 });
}

static inline void make_momentum(workload *w)
{
    make_net(w, 64);
    w->optimizer = optim_sgd(nn_params(w->net), (optim_sgd_config){ .lr = 1e-2, .momentum = 0.9 });
}

static inline void make_adam(workload *w)
{
    make_net(w, w->layers > 2 ? 256 : 64);
    w->optimizer = optim_adam(nn_params(w->net), (optim_adam_config){ .lr = 1e-3 });
}

static inline void make_t4(workload *w)
{
    make_net(w, 100);
    w->optimizer = optim_sgd(nn_params(w->net), (optim_sgd_config){ .lr = 0.1 });
}

static inline void make_t6(workload *w)
{
    make_net(w, 512);
    w->optimizer = optim_sgd(nn_params(w->net), (optim_sgd_config){ .lr = 1e-3 });
}

/* ---- F1 and F2: chains of elementwise ops on large arrays, with gradients to x and two parameters */

static inline double f_step(workload *w, ag_tensor y)
{
    ag_zero_grad(w->x[0]);
    ag_zero_grad(w->w[0]);
    ag_zero_grad(w->w[1]);
    ag_backward(y);
    const double value = ag_item(y);
    ag_tape_reset(w->t);
    return value;
}

/* mean(tanh(a x + b) sigmoid(x) + exp(-x x)) */
static inline double f1_step(workload *w)
{
    const ag_tensor x = w->x[0];
    const ag_tensor u = ag_mul(ag_tanh(ag_add(ag_mul(w->w[0], x), w->w[1])), ag_sigmoid(x));
    return f_step(w, ag_mean(ag_add(u, ag_exp(ag_neg(ag_mul(x, x))))));
}

/* a layer norm and x sigmoid(1.702 x), of elementwise ops and means */
static inline double f2_step(workload *w)
{
    const ag_tensor d = ag_sub(w->x[0], ag_mean_over(w->x[0], AG_AXES(-1), AG_KEEPDIM));
    const ag_tensor v = ag_mean_over(ag_square(d), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor r = ag_scalar_div(1, ag_sqrt(ag_add_scalar(v, 1e-5)));
    const ag_tensor z = ag_add(ag_mul(ag_mul(d, r), w->w[0]), w->w[1]);
    return f_step(w, ag_mean(ag_mul(z, ag_sigmoid(ag_mul_scalar(z, 1.702)))));
}

static inline void make_f(workload *w)
{
    const bool first = w->step == f1_step;
    const ag_shape p = first ? AG_SCALAR : AG_SHAPE(4096);
    w->x[0] = ag_param(ag_randn(w->t, AG_F32, first ? AG_SHAPE(F1_NUMBERS) : AG_SHAPE(512, 4096), 0, 1), NULL);
    w->w[0] = ag_param(ag_full(w->t, AG_F32, p, 1.5), NULL);
    w->w[1] = ag_param(ag_full(w->t, AG_F32, p, 0.3), NULL);
}

/* ---- W1: the circle sample by sample, on rank-0 f64 numbers */

static inline double samples_step(workload *w)
{
    static float at[3][POINTS];
    if (at[0][0] == 0)
        circle_points(at[0], at[1], at[2]);
    ag_tensor loss = ag_constant(w->t, 0), p[3];
    for (int k = 0; k < 3; k++)
        p[k] = ag_variable(w->t, (double)circle_start[k]);
    for (int i = 0; i < POINTS; i++) {
        const double label = (double)at[2][i];
        const ag_tensor a = ag_scalar_sub((double)at[0][i], p[1]), c = ag_scalar_sub((double)at[1][i], p[2]);
        const ag_tensor aa = ag_mul(a, a), cc = ag_mul(c, c), s = ag_add(aa, cc), rr = ag_mul(p[0], p[0]);
        const ag_tensor e = ag_exp(ag_neg(ag_sub(s, rr))), q = ag_scalar_div(1, ag_add_scalar(e, 1));
        const ag_tensor yes = ag_mul_scalar(ag_log(q), -label);
        const ag_tensor no = ag_mul_scalar(ag_log(ag_scalar_sub(1, q)), 1 - label);
        loss = ag_add(loss, ag_sub(yes, no));
    }
    ag_backward(loss);
    const double value = ag_item(loss) / POINTS;
    ag_tape_reset(w->t);
    return value;
}

static inline void make_samples(workload *w)
{
    w->units = (double)POINTS * CIRCLE_OPS;
}

/* ---- W2: 2-16-16-1, tanh, squares, point by point, every weight a rank-0 f64 */

static inline void net_weights(double *to)
{
    uint64_t s = 5;
    for (int i = 0; i < NET_WEIGHTS; i++)
        to[i] = 0.6 * next_uniform(&s) - 0.3;
}

static inline void net_point(int i, double *x1, double *x2, double *y)
{
    *x1 = (double)(i % 10) / 5 - 0.9;
    *x2 = (double)(i / 10) / 5 - 0.9;
    *y = *x1 * *x2 > 0;
}

static inline ag_tensor neuron(const ag_tensor *x, int count, const ag_tensor **at)
{
    const ag_tensor *v = *at;
    ag_tensor sum = v[count];
    for (int k = 0; k < count; k++)
        sum = ag_add(sum, ag_mul(x[k], v[k]));
    *at += count + 1;
    return sum;
}

static inline double numbers_step(workload *w)
{
    double start[NET_WEIGHTS], x1, x2, y;
    ag_tensor h[NET_WIDTH], g[NET_WIDTH], loss = ag_constant(w->t, 0);
    net_weights(start);
    for (int k = 0; k < NET_WEIGHTS && !w->persistent; k++)
        w->w[k] = ag_variable(w->t, start[k]);
    for (int i = 0; i < NET_POINTS; i++) {
        const ag_tensor *at = w->w;
        net_point(i, &x1, &x2, &y);
        const ag_tensor x[2] = { ag_constant(w->t, x1), ag_constant(w->t, x2) };
        for (int k = 0; k < NET_WIDTH; k++)
            h[k] = ag_tanh(neuron(x, 2, &at));
        for (int k = 0; k < NET_WIDTH; k++)
            g[k] = ag_tanh(neuron(h, NET_WIDTH, &at));
        loss = ag_add(loss, ag_square(ag_add_scalar(neuron(g, NET_WIDTH, &at), -y)));
    }
    ag_backward(loss);
    const double value = ag_item(loss) / NET_POINTS;
    for (int k = 0; k < NET_WEIGHTS && w->persistent; k++)
        ag_zero_grad(w->w[k]);
    ag_tape_reset(w->t);
    return value;
}

static inline void make_numbers(workload *w)
{
    double start[NET_WEIGHTS];
    w->units = (double)NET_POINTS * NET_OPS;
    net_weights(start);
    for (int k = 0; k < NET_WEIGHTS && w->persistent; k++)
        w->w[k] = ag_param(ag_constant(w->t, start[k]), NULL);
}

/* ---- one-element ops */

static inline ag_tensor chain(workload *w)
{
    ag_tensor x = w->w[0];
    for (int k = 0; k < CHAIN; k += 2)
        x = ag_add(ag_mul(x, w->w[0]), w->w[0]);
    return x;
}

static inline double chain_step(workload *w)
{
    const double t0 = now();
    const ag_tensor x = chain(w);
    const double t1 = now();
    ag_backward(x);
    w->forward = t1 - t0;
    w->backward = now() - t1;
    const double value = ag_item(x);
    ag_zero_grad(w->w[0]);
    ag_tape_reset(w->t);
    return value;
}

static inline void make_chain(workload *w)
{
    w->units = CHAIN;
    w->w[0] = ag_param(ag_full(w->t, AG_F32, AG_SHAPE(1), 0.999), NULL);
}

/* ---- all of them */

typedef struct workload_kind {
    const char *name, *what;
    void (*make)(workload *w);
    double (*step)(workload *w);
    int layers;
    int64_t sizes[4]; /* the last one is that of all layers that follow */
    bool tanh, squares, persistent;
} workload_kind;

/* clang-format off */
static const workload_kind workload_kinds[] = {
    { "T1", "circle, 1000 points, 3 rank-0 parameters, SGD", make_circle, circle_step, 0, { 0 }, false, false, false },
    { "T2", "1000-100-10, no biases, batch 64, squares, SGD", make_products, products_step, 2, { 1000, 100, 10 }, false, true, false },
    { "T3_momentum", "784-128-10, batch 64, SGD with momentum", make_momentum, net_step, 2, { 784, 128, 10 }, false, false, false },
    { "T3_adam", "784-128-10, batch 64, Adam", make_adam, net_step, 2, { 784, 128, 10 }, false, false, false },
    { "T4_relu", "2-16-16-1, relu, batch 100, SGD", make_t4, net_step, 3, { 2, 16, 16, 1 }, false, false, false },
    { "T4_tanh", "2-16-16-1, tanh, batch 100, SGD", make_t4, net_step, 3, { 2, 16, 16, 1 }, true, false, false },
    { "T5", "16 layers of 256, batch 256, Adam", make_adam, net_step, 16, { 256 }, false, true, false },
    { "T6", "4096-4096-4096, batch 512, SGD", make_t6, net_step, 2, { 4096 }, false, true, false },
    { "F1", "tanh(a x + b) sigmoid(x) + exp(-x x) of 10 million x", make_f, f1_step, 0, { 0 }, false, false, false },
    { "F2", "layer norm and gelu of ops, [512, 4096]", make_f, f2_step, 0, { 0 }, false, false, false },
    { "W1", "circle sample by sample", make_samples, samples_step, 0, { 0 }, false, false, false },
    { "W2_variables", "2-16-16-1 point by point, variables", make_numbers, numbers_step, 0, { 0 }, false, false, false },
    { "W2_parameters", "2-16-16-1 point by point, parameters", make_numbers, numbers_step, 0, { 0 }, false, false, true },
    { "op", "one-element op, forward and backward", make_chain, chain_step, 0, { 0 }, false, false, false },
};
/* clang-format on */
enum { WORKLOADS = sizeof workload_kinds / sizeof *workload_kinds };

static inline workload *make_workload(const workload_kind *k, int threads)
{
    workload *w = calloc(1, sizeof *w);
    if (!w)
        exit(1);
    *w = (workload){ .name = k->name, .what = k->what, .step = k->step, .layers = k->layers };
    w->tanh = k->tanh;
    w->squares = k->squares;
    w->persistent = k->persistent;
    for (int i = 0; i <= k->layers; i++)
        w->sizes[i] = i < 4 && k->sizes[i] ? k->sizes[i] : w->sizes[i - 1];
    w->t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = 1, .threads = threads });
    k->make(w);
    ag_tape_reset(w->t);
    return w;
}

static inline ag_status free_workload(workload *w)
{
    const ag_status status = ag_error(w->t);
    ag_tape_free(w->t);
    free(w);
    return status;
}

#endif
