/* The workloads by hand, as far as C goes on the same products: what the steps of workloads.h take at least. Nothing is
 * recorded, nothing is allocated, every loop is over whole arrays. */
#ifndef BENCH_HAND_H
#define BENCH_HAND_H

#include "ag/kernels/matmul.h"
#include "workloads.h"

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
extern float expf(float) __attribute__((simd("notinbranch")));
extern float logf(float) __attribute__((simd("notinbranch")));
extern double exp(double) __attribute__((simd("notinbranch")));
#endif

enum { HAND_WORKSPACE = 1 << 27 };

typedef enum hand_rule { HAND_SGD, HAND_MOMENTUM, HAND_ADAM } hand_rule;
typedef enum hand_loss { HAND_SQUARES, HAND_CLASSES, HAND_BINARY } hand_loss;

typedef struct hand hand;
struct hand {
    double (*step)(hand *h);
    int layers, threads;
    int64_t batch, sizes[LAYERS + 1], weights, steps;
    bool tanh, biases;
    hand_rule rule;
    hand_loss loss;
    float rate, *p, *g, *m, *v;      /* parameters, gradients, momenta */
    float *h[LAYERS + 1], *d[2], *y; /* activations, adjoints, targets */
    int64_t w_at[LAYERS], b_at[LAYERS], *labels;
    void *workspace;
};

static inline void *hand_zeros(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(1);
    return memset(p, 0, bytes);
}

/* ---- T1, in passes over arrays in L1, each vectorised whole */

enum { PADDED = 1024 };

static inline void hand_points(hand *h)
{
    for (int i = 0; i < 2; i++)
        h->h[i] = hand_zeros(PADDED * sizeof(float));
    h->y = hand_zeros(PADDED * sizeof(float));
    h->p = hand_zeros(3 * sizeof(float));
    circle_points(h->h[0], h->h[1], h->y);
    memcpy(h->p, circle_start, sizeof circle_start);
}

static inline double hand_circle(hand *h)
{
    static _Alignas(64) float z[PADDED], e[PADDED], l[PADDED];
    const float *restrict x1 = h->h[0], *restrict x2 = h->h[1], *restrict y = h->y;
    float *w = h->p, loss = 0, g0 = 0, g1 = 0, g2 = 0;
    const float rr = w[0] * w[0], c1 = w[1], c2 = w[2], k = -2 * (float)circle_rate / POINTS;
#pragma omp simd
    for (int i = 0; i < PADDED; i++) {
        const float a = x1[i] - c1, b = x2[i] - c2;
        z[i] = a * a + b * b - rr;
        e[i] = -fabsf(z[i]);
    }
#pragma omp simd
    for (int i = 0; i < PADDED; i++)
        e[i] = expf(e[i]);
#pragma omp simd
    for (int i = 0; i < PADDED; i++)
        l[i] = logf(1 + e[i]);
#pragma omp simd reduction(+ : loss, g0, g1, g2)
    for (int i = 0; i < POINTS; i++) {
        const float d = (z[i] >= 0 ? 1 : e[i]) / (1 + e[i]) - y[i];
        loss += 0.5f * (z[i] + fabsf(z[i])) - z[i] * y[i] + l[i];
        g0 += d;
        g1 += d * (x1[i] - c1);
        g2 += d * (x2[i] - c2);
    }
    w[0] -= k * g0 * w[0];
    w[1] -= k * g1;
    w[2] -= k * g2;
    return (double)(loss / POINTS);
}

/* ---- networks. Weights lie as [in,out]. */

/* Memory for layers, sizes, batch and rule as they are set. */
static inline void hand_allocate(hand *h)
{
    int64_t widest = 0;
    for (int l = 0; l < h->layers; l++) {
        h->w_at[l] = h->weights;
        h->b_at[l] = h->weights + h->sizes[l] * h->sizes[l + 1];
        h->weights = h->b_at[l] + (h->biases ? h->sizes[l + 1] : 0);
    }
    for (int l = 0; l <= h->layers; l++) {
        widest = h->sizes[l] > widest ? h->sizes[l] : widest;
        h->h[l] = hand_zeros((size_t)(h->batch * h->sizes[l]) * sizeof(float));
    }
    float **const arrays[] = { &h->p, &h->g, &h->m, &h->v };
    for (int i = 0; i < (h->rule == HAND_ADAM ? 4 : h->rule == HAND_MOMENTUM ? 3 : 2); i++)
        *arrays[i] = hand_zeros((size_t)h->weights * sizeof(float));
    for (int i = 0; i < 2; i++)
        h->d[i] = hand_zeros((size_t)(h->batch * widest) * sizeof(float));
    h->y = hand_zeros((size_t)(h->batch * h->sizes[h->layers]) * sizeof(float));
    h->labels = hand_zeros((size_t)h->batch * sizeof *h->labels);
    h->workspace = hand_zeros(HAND_WORKSPACE);
}

static inline void hand_weights(hand *h, uint64_t *seed)
{
    for (int l = 0; l < h->layers; l++) {
        const double bound = 1 / sqrt((double)h->sizes[l]);
        for (int64_t i = h->w_at[l]; i < h->b_at[l]; i++)
            h->p[i] = (float)(bound * (2 * next_uniform(seed) - 1));
    }
}

/* c[m,n] = a b (+ c): a and b by rows, or transposed */
static inline void hand_product(const hand *h, int64_t m, int64_t n, int64_t k, const float *a, bool a_turned,
                                const float *b, bool b_turned, float *c, bool add)
{
    const ag_product p = { .dtype = AG_F32,
                           .m = m,
                           .n = n,
                           .k = k,
                           .a = a,
                           .a_row = a_turned ? 1 : k,
                           .a_col = a_turned ? m : 1,
                           .b = b,
                           .b_row = b_turned ? 1 : n,
                           .b_col = b_turned ? k : 1,
                           .c = c,
                           .c_row = n,
                           .c_col = 1,
                           .beta = add,
                           .threads = h->threads };
    if (ag_product_workspace(&p) > HAND_WORKSPACE || ag_product_run(&p, h->workspace))
        exit(1);
}

static inline void hand_activate(const hand *h, int64_t count, float *restrict x)
{
    if (h->tanh) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            x[i] = 1 - 2 / (expf(2 * x[i]) + 1);
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            x[i] = x[i] > 0 ? x[i] : 0;
    }
}

static inline void hand_slope(const hand *h, int64_t count, const float *restrict y, float *restrict d)
{
    if (h->tanh) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            d[i] *= 1 - y[i] * y[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            d[i] = y[i] > 0 ? d[i] : 0;
    }
}

/* z becomes its adjoint; returns the loss. */
static inline float hand_squares(const hand *h, int64_t count, float *restrict z)
{
    const float *restrict y = h->y;
    const float scale = h->biases ? 1 / (float)count : 1;
    float loss = 0;
#pragma omp simd reduction(+ : loss)
    for (int64_t i = 0; i < count; i++) {
        const float e = z[i] - y[i];
        loss += e * e;
        z[i] = 2 * scale * e;
    }
    return loss * scale;
}

static inline float hand_binary(const hand *h, int64_t count, float *restrict z)
{
    const float *restrict y = h->y;
    float loss = 0;
#pragma omp simd reduction(+ : loss)
    for (int64_t i = 0; i < count; i++) {
        const float e = expf(-fabsf(z[i])), p = (z[i] >= 0 ? 1 : e) / (1 + e);
        loss += 0.5f * (z[i] + fabsf(z[i])) - z[i] * y[i] + logf(1 + e);
        z[i] = (p - y[i]) / (float)count;
    }
    return loss / (float)count;
}

static inline float hand_classes(const hand *h, int64_t n, float *restrict z)
{
    float loss = 0;
    for (int64_t i = 0; i < h->batch; i++) {
        float *restrict row = z + i * n, most = row[0];
        const int64_t label = h->labels[i];
        for (int64_t j = 1; j < n; j++)
            most = row[j] > most ? row[j] : most;
        loss -= row[label] - most;
        for (int64_t j = 0; j < n; j++)
            row[j] -= most;
    }
#pragma omp simd
    for (int64_t i = 0; i < h->batch * n; i++)
        z[i] = expf(z[i]);
    for (int64_t i = 0; i < h->batch; i++) {
        float *restrict row = z + i * n, sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += row[j];
        const float scale = 1 / (sum * (float)h->batch);
        for (int64_t j = 0; j < n; j++)
            row[j] *= scale;
        row[h->labels[i]] -= 1 / (float)h->batch;
        loss += logf(sum);
    }
    return loss / (float)h->batch;
}

static inline void hand_update(hand *h)
{
    const double k = (double)++h->steps;
    const float rate = h->rate, now = (float)(h->rate / (1 - pow(0.9, k))), root = (float)(1 / sqrt(1 - pow(0.999, k)));
    float *restrict p = h->p, *restrict m = h->m, *restrict v = h->v;
    const float *restrict g = h->g;
    if (h->rule == HAND_SGD) {
#pragma omp simd
        for (int64_t i = 0; i < h->weights; i++)
            p[i] -= rate * g[i];
    } else if (h->rule == HAND_MOMENTUM) {
#pragma omp simd
        for (int64_t i = 0; i < h->weights; i++) {
            m[i] = 0.9f * m[i] + g[i];
            p[i] -= rate * m[i];
        }
    } else {
#pragma omp simd
        for (int64_t i = 0; i < h->weights; i++) {
            m[i] = 0.9f * m[i] + 0.1f * g[i];
            v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
            p[i] -= now * m[i] / (sqrtf(v[i]) * root + 1e-8f);
        }
    }
}

static inline void hand_forward(const hand *h)
{
    for (int l = 0; l < h->layers; l++) {
        const int64_t out = h->sizes[l + 1];
        for (int64_t i = 0; i < h->batch && h->biases; i++)
            memcpy(h->h[l + 1] + i * out, h->p + h->b_at[l], (size_t)out * sizeof(float));
        hand_product(h, h->batch, out, h->sizes[l], h->h[l], false, h->p + h->w_at[l], false, h->h[l + 1], h->biases);
        if (l + 1 < h->layers)
            hand_activate(h, h->batch * out, h->h[l + 1]);
    }
}

static inline void hand_sum_rows(const hand *h, int64_t n, const float *restrict from, float *restrict to)
{
    memcpy(to, from, (size_t)n * sizeof *to);
    for (int64_t i = 1; i < h->batch; i++) {
#pragma omp simd
        for (int64_t j = 0; j < n; j++)
            to[j] += from[i * n + j];
    }
}

static inline double hand_net(hand *h)
{
    const int64_t last = h->sizes[h->layers];
    float *z = h->h[h->layers];
    hand_forward(h);
    const float loss = h->loss == HAND_SQUARES   ? hand_squares(h, h->batch * last, z)
                       : h->loss == HAND_CLASSES ? hand_classes(h, last, z)
                                                 : hand_binary(h, h->batch * last, z);
    const float *d = z;
    for (int l = h->layers - 1; l >= 0; l--) {
        const int64_t in = h->sizes[l], out = h->sizes[l + 1];
        hand_product(h, in, out, h->batch, h->h[l], true, d, false, h->g + h->w_at[l], false);
        if (h->biases)
            hand_sum_rows(h, out, d, h->g + h->b_at[l]);
        if (!l)
            break;
        hand_product(h, h->batch, in, out, d, false, h->p + h->w_at[l], true, h->d[l % 2], false);
        hand_slope(h, h->batch * in, h->h[l], h->d[l % 2]);
        d = h->d[l % 2];
    }
    hand_update(h);
    return (double)loss;
}

#endif
