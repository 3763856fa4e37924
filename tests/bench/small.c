/* Small tensors, f32, one thread: what an op costs beside its arithmetic.
 *   small [rounds]
 * One-element ops, and whole training steps of the vector circle beside a hand-written loop. */
#include "ag/ag.h"
#include "clock.h"
#include "optim/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
extern float expf(float) __attribute__((simd("notinbranch")));
extern float logf(float) __attribute__((simd("notinbranch")));
#endif

enum { POINTS = 1000, PADDED = 1024, CHAIN = 1000, STEPS = 20 };

/* ---- one-element ops: a chain of products and sums */

static int one_element(int rounds)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1 });
    const ag_tensor w = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(1), 0.999), "w");
    double record = 0, reverse = 0, whole = 0;
    for (int i = 0; i < rounds; i++) {
        const double t0 = now();
        ag_tensor x = w;
        for (int k = 0; k < CHAIN; k += 2)
            x = ag_add(ag_mul(x, w), w);
        const double t1 = now();
        ag_backward(x);
        const double t2 = now();
        ag_zero_grad(w);
        ag_tape_reset(t);
        keep_best(&record, t1 - t0);
        keep_best(&reverse, t2 - t1);
        keep_best(&whole, now() - t0);
    }
    printf("one-element op, f32 [1]: forward %.1f ns, backward %.1f ns, with reset %.1f ns\n", record * 1e9 / CHAIN,
           reverse * 1e9 / CHAIN, whole * 1e9 / CHAIN);
    const int failed = ag_error(t);
    ag_tape_free(t);
    return failed;
}

/* ---- the circle: z = |x - centre|^2 - radius^2, p = sigmoid(z), mean binary cross entropy, gradient descent */

typedef struct points {
    float x1[PADDED], x2[PADDED], y[PADDED];
} points;

static const float rate = 0.1f, initial[3] = { 0.8f, 0.1f, 0.05f }; /* radius, centre */

static void make_points(points *p)
{
    uint64_t s = 88172645463325252u;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < POINTS; i++) {
        float *const to[] = { &p->x1[i], &p->x2[i] };
        for (int k = 0; k < 2; k++) {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            *to[k] = (float)((double)(s >> 11) * (4.0 / 9007199254740992.0) - 2);
        }
        p->y[i] = (p->x1[i] - 0.3f) * (p->x1[i] - 0.3f) + (p->x2[i] + 0.2f) * (p->x2[i] + 0.2f) > 1.21f;
    }
}

static void update(float *w, float g0, float g1, float g2)
{
    const float k = -2 * rate / POINTS;
    w[0] -= k * g0 * w[0];
    w[1] -= k * g1;
    w[2] -= k * g2;
}

/* One step by hand, as one writes it first: a loop that does everything for a point. */
static __attribute__((noinline)) float by_loop(const points *p, float *w)
{
    float loss = 0, g0 = 0, g1 = 0, g2 = 0;
    const float rr = w[0] * w[0], c1 = w[1], c2 = w[2];
#pragma omp simd reduction(+ : loss, g0, g1, g2)
    for (int i = 0; i < POINTS; i++) {
        const float a = p->x1[i] - c1, b = p->x2[i] - c2, z = a * a + b * b - rr, e = expf(-fabsf(z));
        const float d = (z >= 0 ? 1 : e) / (1 + e) - p->y[i];
        loss += 0.5f * (z + fabsf(z)) - z * p->y[i] + logf(1 + e);
        g0 += d;
        g1 += d * a;
        g2 += d * b;
    }
    update(w, g0, g1, g2);
    return loss / POINTS;
}

/* The same in four passes over arrays in L1, each vectorised whole. */
static __attribute__((noinline)) float by_passes(const points *p, float *w)
{
    float z[PADDED], e[PADDED], l[PADDED], loss = 0, g0 = 0, g1 = 0, g2 = 0;
    const float rr = w[0] * w[0], c1 = w[1], c2 = w[2];
#pragma omp simd
    for (int i = 0; i < PADDED; i++) {
        const float a = p->x1[i] - c1, b = p->x2[i] - c2;
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
        const float d = (z[i] >= 0 ? 1 : e[i]) / (1 + e[i]) - p->y[i];
        loss += 0.5f * (z[i] + fabsf(z[i])) - z[i] * p->y[i] + l[i];
        g0 += d;
        g1 += d * (p->x1[i] - c1);
        g2 += d * (p->x2[i] - c2);
    }
    update(w, g0, g1, g2);
    return loss / POINTS;
}

typedef struct model {
    const char *name;
    ag_tape *tape;
    ag_tensor x[2], y, w[3];
    optim *sgd;
    ag_tensor (*logits)(const struct model *m);
    double best, forward; /* seconds of a step, and of its forward pass with a reset */
} model;

/* two vectors, three parameters of rank 0 */
static ag_tensor by_coordinates(const model *m)
{
    const ag_tensor a = ag_sub(m->x[0], m->w[1]), b = ag_sub(m->x[1], m->w[2]);
    return ag_sub(ag_add(ag_square(a), ag_square(b)), ag_square(m->w[0]));
}

/* x[n,2], centre[2], a radius of rank 0 */
static ag_tensor by_points(const model *m)
{
    const ag_tensor squares = ag_square(ag_sub(m->x[0], m->w[1]));
    return ag_sub(ag_sum_over(squares, AG_AXES(1), 0), ag_square(m->w[0]));
}

static ag_tape *new_tape(void)
{
    return ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1 });
}

static ag_tensor vector(ag_tape *t, const float *values)
{
    return ag_buffer(ag_from(t, AG_F32, AG_SHAPE(POINTS), values, POINTS * sizeof *values), NULL);
}

static model coordinates_model(const points *p, ag_dtype d)
{
    model m = { .name = d == AG_F32 ? "two vectors, f32 parameters" : "two vectors, f64 parameters",
                .logits = by_coordinates };
    m.tape = new_tape();
    m.x[0] = vector(m.tape, p->x1);
    m.x[1] = vector(m.tape, p->x2);
    m.y = vector(m.tape, p->y);
    for (int k = 0; k < 3; k++)
        m.w[k] = ag_param(ag_full(m.tape, d, AG_SCALAR, initial[k]), NULL);
    m.sgd = optim_sgd(ag_params(m.tape), (optim_sgd_config){ .lr = rate });
    return m;
}

static model points_model(const points *p)
{
    model m = { .name = "x[1000,2], centre[2]", .logits = by_points };
    float x[POINTS][2];
    for (int i = 0; i < POINTS; i++) {
        x[i][0] = p->x1[i];
        x[i][1] = p->x2[i];
    }
    m.tape = new_tape();
    m.x[0] = ag_buffer(ag_from(m.tape, AG_F32, AG_SHAPE(POINTS, 2), x, sizeof x), NULL);
    m.y = vector(m.tape, p->y);
    m.w[0] = ag_param(ag_full(m.tape, AG_F32, AG_SCALAR, initial[0]), NULL);
    m.w[1] = ag_param(AG_VALUES(m.tape, AG_SHAPE(2), initial[1], initial[2]), NULL);
    m.sgd = optim_sgd(ag_params(m.tape), (optim_sgd_config){ .lr = rate });
    return m;
}

static double step(const model *m)
{
    const ag_tensor loss = ag_bce_logits(m->logits(m), m->y);
    optim_zero_grad(m->sgd);
    ag_backward(loss);
    optim_step(m->sgd);
    const double value = ag_item(loss);
    ag_tape_reset(m->tape);
    return value;
}

static double some_steps(model *m)
{
    double loss = 0;
    const double t0 = now();
    for (int i = 0; i < STEPS; i++)
        loss = step(m);
    const double t1 = now();
    for (int i = 0; i < STEPS; i++) {
        ag_bce_logits(m->logits(m), m->y);
        ag_tape_reset(m->tape);
    }
    keep_best(&m->forward, (now() - t1) / STEPS);
    keep_best(&m->best, (t1 - t0) / STEPS);
    return loss;
}

static int circle(int rounds)
{
    points p;
    make_points(&p);
    model models[] = { coordinates_model(&p, AG_F32), coordinates_model(&p, AG_F64), points_model(&p) };
    const int count = (int)(sizeof models / sizeof *models);
    float w[2][3];
    double loop = 0, passes = 0, losses[3] = { 0, 0, 0 }, expected[2] = { 0, 0 };
    int failed = 0;
    memcpy(w[0], initial, sizeof initial);
    memcpy(w[1], initial, sizeof initial);
    for (int i = 0; i < rounds; i++) {
        const double t0 = now();
        for (int k = 0; k < STEPS; k++)
            expected[0] = (double)by_loop(&p, w[0]);
        const double t1 = now();
        for (int k = 0; k < STEPS; k++)
            expected[1] = (double)by_passes(&p, w[1]);
        keep_best(&loop, (t1 - t0) / STEPS);
        keep_best(&passes, (now() - t1) / STEPS);
        for (int k = 0; k < count; k++)
            losses[k] = some_steps(&models[k]);
    }
    printf("circle, %d points, whole step by hand: %.2f us in one loop, %.2f us in vectorised passes\n", POINTS,
           loop * 1e6, passes * 1e6);
    failed |= !(fabs(expected[0] - expected[1]) < 1e-4 * expected[1]);
    for (int k = 0; k < count; k++) {
        const model *m = &models[k];
        printf("  %-28s %.2f us, forward %.2f; %.2f of the loop, %.2f of the passes; loss %.6f and %.6f\n", m->name,
               m->best * 1e6, m->forward * 1e6, m->best / loop, m->best / passes, losses[k], expected[1]);
        failed |= ag_error(m->tape) || !(fabs(losses[k] - expected[1]) < 1e-4 * expected[1]);
        ag_tape_free(m->tape);
    }
    return failed;
}

int main(int count, char **arguments)
{
    const int rounds = count > 1 ? atoi(arguments[1]) : 1000;
    const int failed = one_element(rounds);
    return circle(rounds) || failed;
}
