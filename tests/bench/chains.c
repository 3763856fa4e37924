/* Chains of elementwise ops with their gradients, f32: run block by block, op by op, and by hand; processor time, the best of
 * interleaved rounds.
 *   F1: mean(tanh(a x + b) sigmoid(x) + exp(-x x)) of ten million x; by hand as one loop, and with a loop for each op and block
 *   F2: a layer norm and x sigmoid(1.702 x), of elementwise ops and means, on [512, 4096]
 *   chains [ROUNDS]; chains --peers prints `WORKLOAD SECONDS` of the first alone, for peers.sh */
#include "ag/ag.h"
#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
extern float expf(float) __attribute__((simd("notinbranch")));
extern float tanhf(float) __attribute__((simd("notinbranch")));
#endif

enum { N = 10000000, BLOCK = 1000, ROWS = 512, COLUMNS = 4096 };

/* ---- ag */

typedef struct side {
    ag_tape *t;
    ag_tensor x, p[2];
} side;

static ag_tensor f1(const side *s)
{
    const ag_tensor u = ag_mul(ag_tanh(ag_add(ag_mul(s->p[0], s->x), s->p[1])), ag_sigmoid(s->x));
    return ag_mean(ag_add(u, ag_exp(ag_neg(ag_mul(s->x, s->x)))));
}

static ag_tensor f2(const side *s)
{
    const ag_tensor d = ag_sub(s->x, ag_mean_over(s->x, AG_AXES(-1), AG_KEEPDIM));
    const ag_tensor v = ag_mean_over(ag_square(d), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor r = ag_scalar_div(1, ag_sqrt(ag_add_scalar(v, 1e-5)));
    const ag_tensor z = ag_add(ag_mul(ag_mul(d, r), s->p[0]), s->p[1]);
    return ag_mean(ag_mul(z, ag_sigmoid(ag_mul_scalar(z, 1.702))));
}

static side side_of(int64_t fuse, ag_shape x, ag_shape p)
{
    side s = { .t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 1, .fuse = fuse }) };
    s.x = ag_param(ag_randn(s.t, AG_FLOAT, x, 0, 1), "x");
    s.p[0] = ag_param(ag_full(s.t, AG_FLOAT, p, 1.5), "a");
    s.p[1] = ag_param(ag_full(s.t, AG_FLOAT, p, 0.3), "b");
    ag_tape_reset(s.t);
    return s;
}

static double step(const side *s, ag_tensor (*f)(const side *))
{
    const double start = worked();
    const ag_tensor y = f(s);
    ag_zero_grad(s->x);
    for (int i = 0; i < 2; i++)
        ag_zero_grad(s->p[i]);
    ag_backward(y);
    ag_item(y);
    ag_tape_reset(s->t);
    return worked() - start;
}

/* ---- by hand */

static __attribute__((noinline)) float one_loop(const float *x, float *dx, float a, float b, float *da, float *db)
{
    float y = 0, ga = 0, gb = 0;
    const float share = 1.0f / N;
#pragma omp simd reduction(+ : y, ga, gb)
    for (int i = 0; i < N; i++) {
        const float t = tanhf(a * x[i] + b), s = 1 / (1 + expf(-x[i])), e = expf(-x[i] * x[i]);
        const float du = share * s * (1 - t * t);
        y += t * s + e;
        ga += du * x[i];
        gb += du;
        dx[i] = a * du + share * (t * s * (1 - s) - 2 * x[i] * e);
    }
    *da = ga;
    *db = gb;
    return y / N;
}

#define LOOP(name, value)                                                                          \
    static __attribute__((noinline)) void name(float *to, const float *x, const float *y, float c) \
    {                                                                                              \
        (void)y, (void)c;                                                                          \
        _Pragma("omp simd") for (int i = 0; i < BLOCK; i++) to[i] = value;                         \
    }
LOOP(scale, c *x[i])
LOOP(shift, x[i] + c)
LOOP(tanhs, tanhf(x[i]))
LOOP(sigmoids, 1 / (1 + expf(-x[i])))
LOOP(times, x[i] * y[i])
LOOP(exps, expf(-x[i]))
LOOP(plus, x[i] + y[i])
LOOP(tanh_back, x[i] * (1 - y[i] * y[i]))
LOOP(sigmoid_back, x[i] * y[i] * (1 - y[i]))
LOOP(twice_back, to[i] - 2 * c * x[i] * y[i])

static __attribute__((noinline)) float sum(const float *x)
{
    float y = 0;
#pragma omp simd reduction(+ : y)
    for (int i = 0; i < BLOCK; i++)
        y += x[i];
    return y;
}

static float by_block(const float *x, float *dx, float a, float b, float *da, float *db)
{
    float t[BLOCK], s[BLOCK], e[BLOCK], v[BLOCK], d[BLOCK], y = 0;
    const float share = 1.0f / N;
    *da = *db = 0;
    for (int i = 0; i < N; i += BLOCK, x += BLOCK, dx += BLOCK) {
        scale(t, x, NULL, a);
        shift(t, t, NULL, b);
        tanhs(t, t, NULL, 0);
        sigmoids(s, x, NULL, 0);
        times(v, t, s, 0);
        times(e, x, x, 0);
        exps(e, e, NULL, 0);
        plus(v, v, e, 0);
        y += sum(v);
        scale(d, s, NULL, share);
        tanh_back(d, d, t, 0);
        *db += sum(d);
        times(v, d, x, 0);
        *da += sum(v);
        scale(v, t, NULL, share);
        sigmoid_back(v, v, s, 0);
        scale(d, d, NULL, a);
        plus(dx, d, v, 0);
        twice_back(dx, x, e, share);
    }
    return y / N;
}

typedef float by_hand(const float *x, float *dx, float a, float b, float *da, float *db);

static double time_by_hand(by_hand *f, const float *x, float *dx)
{
    float da, db;
    const double start = worked();
    const float y = f(x, dx, 1.5f, 0.3f, &da, &db);
    const double seconds = worked() - start;
    return isfinite(y + da + db) ? seconds : INFINITY;
}

/* ---- */

static void measure(const char *name, ag_tensor (*f)(const side *), ag_shape x, ag_shape p, int rounds, bool peers)
{
    const bool hands = x.rank == 1 && !peers;
    double best[4] = { 0 };
    const side s[2] = { side_of(0, x, p), side_of(AG_FUSE_OFF, x, p) };
    float *data = calloc(N, sizeof *data), *dx = calloc(N, sizeof *dx);
    if (!data || !dx || ag_copy_out(s[0].x, AG_F32, data, (size_t)ag_shape_size(x) * sizeof *data))
        exit(1);
    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < (peers ? 1 : 2); k++)
            keep_best(&best[k], step(&s[k], f));
        if (hands) {
            keep_best(&best[2], time_by_hand(by_block, data, dx));
            keep_best(&best[3], time_by_hand(one_loop, data, dx));
        }
    }
    if (peers)
        printf("%s %.9f\n", name, best[0]);
    else
        printf("%s: block by block %.2f ms, op by op %.2f ms: %.2f of it\n", name, best[0] * 1e3, best[1] * 1e3,
               best[0] / best[1]);
    if (hands)
        printf("%s: by hand a loop for each op and block %.2f ms, one loop %.2f ms\n", name, best[2] * 1e3,
               best[3] * 1e3);
    for (int k = 0; k < 2; k++)
        ag_tape_free(s[k].t);
    free(data);
    free(dx);
}

int main(int arguments, char **argument)
{
    const bool peers = arguments > 1 && !strcmp(argument[1], "--peers");
    const int rounds = arguments > 1 && !peers ? atoi(argument[1]) : 12;
    measure("F1", f1, AG_SHAPE(N), AG_SCALAR, rounds, peers);
    measure("F2", f2, AG_SHAPE(ROWS, COLUMNS), AG_SHAPE(COLUMNS), rounds, peers);
    return 0;
}
