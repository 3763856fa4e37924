/* F1 of workloads.h by hand: as one loop, and with a loop for each op and block of numbers. */
#ifndef BENCH_HAND_CHAINS_H
#define BENCH_HAND_CHAINS_H

#include "hand.h"

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
extern float tanhf(float) __attribute__((simd("notinbranch")));
#endif

enum { F1_BLOCK = 1000 };

static __attribute__((noinline, unused)) float hand_f1_loop(const float *x, float *dx, float a, float b, float *da,
                                                            float *db)
{
    float y = 0, ga = 0, gb = 0;
    const float share = 1.0f / F1_NUMBERS;
#pragma omp simd reduction(+ : y, ga, gb)
    for (int i = 0; i < F1_NUMBERS; i++) {
        const float t = tanhf(a * x[i] + b), s = 1 / (1 + expf(-x[i])), e = expf(-x[i] * x[i]);
        const float du = share * s * (1 - t * t);
        y += t * s + e;
        ga += du * x[i];
        gb += du;
        dx[i] = a * du + share * (t * s * (1 - s) - 2 * x[i] * e);
    }
    *da = ga;
    *db = gb;
    return y / F1_NUMBERS;
}

#define LOOP(name, value)                                                                                         \
    static __attribute__((noinline, unused)) void hand_##name(float *to, const float *x, const float *y, float c) \
    {                                                                                                             \
        (void)y, (void)c;                                                                                         \
        _Pragma("omp simd") for (int i = 0; i < F1_BLOCK; i++) to[i] = value;                                     \
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

static __attribute__((noinline, unused)) float hand_sum(const float *x)
{
    float y = 0;
#pragma omp simd reduction(+ : y)
    for (int i = 0; i < F1_BLOCK; i++)
        y += x[i];
    return y;
}

static inline float hand_f1_blocks(const float *x, float *dx, float a, float b, float *da, float *db)
{
    float t[F1_BLOCK], s[F1_BLOCK], e[F1_BLOCK], v[F1_BLOCK], d[F1_BLOCK], y = 0;
    const float share = 1.0f / F1_NUMBERS;
    *da = *db = 0;
    for (int i = 0; i < F1_NUMBERS; i += F1_BLOCK, x += F1_BLOCK, dx += F1_BLOCK) {
        hand_scale(t, x, NULL, a);
        hand_shift(t, t, NULL, b);
        hand_tanhs(t, t, NULL, 0);
        hand_sigmoids(s, x, NULL, 0);
        hand_times(v, t, s, 0);
        hand_times(e, x, x, 0);
        hand_exps(e, e, NULL, 0);
        hand_plus(v, v, e, 0);
        y += hand_sum(v);
        hand_scale(d, s, NULL, share);
        hand_tanh_back(d, d, t, 0);
        *db += hand_sum(d);
        hand_times(v, d, x, 0);
        *da += hand_sum(v);
        hand_scale(v, t, NULL, share);
        hand_sigmoid_back(v, v, s, 0);
        hand_scale(d, d, NULL, a);
        hand_plus(dx, d, v, 0);
        hand_twice_back(dx, x, e, share);
    }
    return y / F1_NUMBERS;
}

/* A step of goals.c: x in h[0], its gradient in d[0]. */
static inline double hand_f1(hand *h)
{
    float da, db;
    return (double)(hand_f1_blocks(h->h[0], h->d[0], 1.5f, 0.3f, &da, &db) + 0 * (da + db));
}

#endif
