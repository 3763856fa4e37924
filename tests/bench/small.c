/* Ways to write the step of the vector circle (T1 of workloads.h), f32, one thread, beside two by hand.
 *   small [rounds] */
#include "hand.h"

enum { STEPS = 20 };

/* One step by hand, as one writes it first: a loop that does everything for a point. */
static double by_loop(hand *h)
{
    const float *restrict x1 = h->h[0], *restrict x2 = h->h[1], *restrict y = h->y;
    float *w = h->p, loss = 0, g0 = 0, g1 = 0, g2 = 0;
    const float rr = w[0] * w[0], c1 = w[1], c2 = w[2], k = -2 * (float)circle_rate / POINTS;
#pragma omp simd reduction(+ : loss, g0, g1, g2)
    for (int i = 0; i < POINTS; i++) {
        const float a = x1[i] - c1, b = x2[i] - c2, z = a * a + b * b - rr, e = expf(-fabsf(z));
        const float d = (z >= 0 ? 1 : e) / (1 + e) - y[i];
        loss += 0.5f * (z + fabsf(z)) - z * y[i] + logf(1 + e);
        g0 += d;
        g1 += d * a;
        g2 += d * b;
    }
    w[0] -= k * g0 * w[0];
    w[1] -= k * g1;
    w[2] -= k * g2;
    return (double)(loss / POINTS);
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

static model coordinates_model(const hand *h, ag_dtype d)
{
    model m = { .name = d == AG_F32 ? "two vectors, f32 parameters" : "two vectors, f64 parameters",
                .logits = by_coordinates };
    m.tape = new_tape();
    m.x[0] = vector(m.tape, h->h[0]);
    m.x[1] = vector(m.tape, h->h[1]);
    m.y = vector(m.tape, h->y);
    for (int k = 0; k < 3; k++)
        m.w[k] = ag_param(ag_full(m.tape, d, AG_SCALAR, (double)circle_start[k]), NULL);
    m.sgd = optim_sgd(ag_params(m.tape), (optim_sgd_config){ .lr = circle_rate });
    return m;
}

static model points_model(const hand *h)
{
    model m = { .name = "x[1000,2], centre[2]", .logits = by_points };
    float x[POINTS][2];
    for (int i = 0; i < POINTS; i++) {
        x[i][0] = h->h[0][i];
        x[i][1] = h->h[1][i];
    }
    m.tape = new_tape();
    m.x[0] = ag_buffer(ag_from(m.tape, AG_F32, AG_SHAPE(POINTS, 2), x, sizeof x), NULL);
    m.y = vector(m.tape, h->y);
    m.w[0] = ag_param(ag_full(m.tape, AG_F32, AG_SCALAR, (double)circle_start[0]), NULL);
    m.w[1] = ag_param(AG_VALUES(m.tape, AG_SHAPE(2), (double)circle_start[1], (double)circle_start[2]), NULL);
    m.sgd = optim_sgd(ag_params(m.tape), (optim_sgd_config){ .lr = circle_rate });
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

static void best_of(double *seconds, hand *h, double *loss)
{
    const double begin = now();
    for (int k = 0; k < STEPS; k++)
        *loss = h->step(h);
    keep_best(seconds, (now() - begin) / STEPS);
}

int main(int arguments, char **argument)
{
    const int rounds = arguments > 1 ? atoi(argument[1]) : 1000;
    hand loop = { .step = by_loop }, passes = { .step = hand_circle };
    hand_points(&loop);
    hand_points(&passes);
    model models[] = { coordinates_model(&loop, AG_F32), coordinates_model(&loop, AG_F64), points_model(&loop) };
    const int count = (int)(sizeof models / sizeof *models);
    double by_loop = 0, by_passes = 0, losses[3] = { 0, 0, 0 }, expected[2] = { 0, 0 };
    for (int i = 0; i < rounds; i++) {
        best_of(&by_loop, &loop, &expected[0]);
        best_of(&by_passes, &passes, &expected[1]);
        for (int k = 0; k < count; k++)
            losses[k] = some_steps(&models[k]);
    }
    printf("circle, %d points, whole step by hand: %.2f us in one loop, %.2f us in vectorised passes\n", POINTS,
           by_loop * 1e6, by_passes * 1e6);
    bool failed = !(fabs(expected[0] - expected[1]) < 1e-4 * expected[1]);
    for (int k = 0; k < count; k++) {
        const model *m = &models[k];
        printf("  %-28s %.2f us, forward %.2f; %.2f of the loop, %.2f of the passes; loss %.6f and %.6f\n", m->name,
               m->best * 1e6, m->forward * 1e6, m->best / by_loop, m->best / by_passes, losses[k], expected[1]);
        failed |= ag_error(m->tape) || !(fabs(losses[k] - expected[1]) < 1e-4 * expected[1]);
        ag_tape_free(m->tape);
    }
    return failed;
}
