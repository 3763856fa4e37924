/* Rank-0 tensors: ns per op, recording and reverse pass, beside hand-written C.
 *   scalar [rounds]
 * The circle sample by sample takes 18 ops each for 1000 samples; by hand it is the analytic gradient in one loop. */
#include "ag/ag.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 1000, OPS = 18 };

static double x1[SAMPLES], x2[SAMPLES], label[SAMPLES];
static const double start[3] = { 0.8, 0.1, 0.05 }; /* radius and centre */

/* Points in [-2, 2)^2, positive outside a circle. */
static void make_samples(void)
{
    uint64_t s = 88172645463325252u;
    for (int i = 0; i < SAMPLES; i++) {
        double *const to[] = { &x1[i], &x2[i] };
        for (int k = 0; k < 2; k++) {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            *to[k] = (double)(s >> 11) * (4.0 / 9007199254740992.0) - 2;
        }
        label[i] = (x1[i] - 0.3) * (x1[i] - 0.3) + (x2[i] + 0.2) * (x2[i] + 0.2) > 1.21;
    }
}

static __attribute__((noinline)) double by_hand(const double *w, double *g)
{
    double g0 = 0, g1 = 0, g2 = 0, loss = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double a = x1[i] - w[1], c = x2[i] - w[2], y = label[i];
        const double p = 1 / (1 + exp(-(a * a + c * c - w[0] * w[0])));
        loss += -y * log(p) - (1 - y) * log(1 - p);
        g0 += (p - y) * -2 * w[0];
        g1 += (p - y) * -2 * a;
        g2 += (p - y) * -2 * c;
    }
    g[0] = g0;
    g[1] = g1;
    g[2] = g2;
    return loss;
}

static ag_tensor by_tape(ag_tape *t, const ag_tensor *w)
{
    ag_tensor loss = ag_constant(t, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const ag_tensor a = ag_scalar_sub(x1[i], w[1]), c = ag_scalar_sub(x2[i], w[2]);
        const ag_tensor aa = ag_mul(a, a), cc = ag_mul(c, c), s = ag_add(aa, cc), rr = ag_mul(w[0], w[0]);
        const ag_tensor z = ag_sub(s, rr), minus = ag_neg(z), e = ag_exp(minus), below = ag_add_scalar(e, 1);
        const ag_tensor p = ag_scalar_div(1, below), yes = ag_mul_scalar(ag_log(p), -label[i]);
        const ag_tensor no = ag_mul_scalar(ag_log(ag_scalar_sub(1, p)), 1 - label[i]);
        loss = ag_add(loss, ag_sub(yes, no));
    }
    return loss;
}

typedef struct times {
    double record, reverse, whole;
} times;

/* One gradient; w: persistent parameters, or none for variables of this pass. */
static double gradient(ag_tape *t, const ag_tensor *w, times *best, double *g)
{
    ag_tensor made[3];
    const double t0 = now();
    for (int k = 0; k < 3; k++)
        made[k] = w ? w[k] : ag_variable(t, start[k]);
    const ag_tensor loss = by_tape(t, made);
    const double t1 = now();
    ag_backward(loss);
    for (int k = 0; k < 3; k++)
        g[k] = ag_item(ag_grad(made[k]));
    const double t2 = now(), value = ag_item(loss);
    for (int k = 0; k < 3 && w; k++)
        ag_zero_grad(w[k]);
    ag_tape_reset(t);
    keep_best(&best->record, t1 - t0);
    keep_best(&best->reverse, t2 - t1);
    keep_best(&best->whole, now() - t0);
    return value;
}

static double worst_error(const double *a, const double *b)
{
    double worst = 0;
    for (int k = 0; k < 3; k++)
        worst = fmax(worst, fabs(a[k] - b[k]) / fabs(b[k]));
    return worst;
}

static void print_circle(const char *name, const times *best, double hand, double error)
{
    const double per_op = 1e9 / ((double)SAMPLES * OPS);
    printf("%-28s %7.2f %7.2f %7.2f ns an op %6.2f of hand-written (%.1f us)  error %.0e\n", name,
           best->record * per_op, best->reverse * per_op, best->whole * per_op, best->whole / hand, hand * 1e6, error);
}

static int circle(ag_tape *t, int rounds)
{
    ag_tensor w[3];
    double expected[3], g[2][3], hand = 0, losses[3] = { 0, 0, 0 };
    times best[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    for (int k = 0; k < 3; k++)
        w[k] = ag_param(ag_constant(t, start[k]), "w");
    for (int i = 0; i < rounds; i++) {
        losses[0] = gradient(t, NULL, &best[0], g[0]);
        losses[1] = gradient(t, w, &best[1], g[1]);
        const double before = now();
        losses[2] = by_hand(start, expected);
        keep_best(&hand, now() - before);
    }
    double errors[2];
    for (int k = 0; k < 2; k++)
        errors[k] = fmax(worst_error(g[k], expected), fabs(losses[k] - losses[2]) / losses[2]);
    printf("circle sample by sample, %d ops     record reverse   whole\n", SAMPLES * OPS);
    print_circle("  variables", &best[0], hand, errors[0]);
    print_circle("  persistent parameters", &best[1], hand, errors[1]);
    return ag_error(t) || !(errors[0] < 1e-10) || !(errors[1] < 1e-10);
}

/* x = c x + d, again and again: every op waits for the one before. */
static int chain(int64_t ops, int rounds)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1 });
    times best = { 0, 0, 0 };
    double recorded = 0, bytes = 0, g = 0;
    for (int i = 0; i < rounds && !ag_error(t); i++) {
        const uint64_t before = ag_tape_memory(t);
        const double t0 = now();
        const ag_tensor c = ag_variable(t, 0.999), d = ag_variable(t, 0.001);
        ag_tensor x = ag_variable(t, 2);
        for (int64_t k = 0; k < ops; k += 2)
            x = ag_add(ag_mul(x, c), d);
        const double t1 = now();
        if (i == 0)
            recorded = (double)(ag_tape_memory(t) - before);
        ag_backward(x);
        g = ag_item(ag_grad(d));
        const double t2 = now();
        if (i == 0)
            bytes = (double)(ag_tape_memory(t) - before);
        ag_tape_reset(t);
        keep_best(&best.record, t1 - t0);
        keep_best(&best.reverse, t2 - t1);
        keep_best(&best.whole, now() - t0);
        if (i == 0)
            printf("chain of %8lld ops, first     %7.2f %7.2f %7.2f ns an op\n", (long long)ops,
                   (t1 - t0) * 1e9 / (double)ops, (t2 - t1) * 1e9 / (double)ops, (t2 - t0) * 1e9 / (double)ops);
    }
    const double per_op = 1e9 / (double)ops, expected = (1 - pow(0.999, (double)ops / 2)) / 0.001;
    printf("chain of %8lld ops, best      %7.2f %7.2f %7.2f ns an op; %.1f bytes an op, after a pass %.1f\n",
           (long long)ops, best.record * per_op, best.reverse * per_op, best.whole * per_op, recorded / (double)ops,
           bytes / (double)ops);
    const int failed = ag_error(t) || !(fabs(g - expected) < 1e-6 * expected);
    ag_tape_free(t);
    return failed;
}

int main(int count, char **arguments)
{
    const int rounds = count > 1 ? atoi(arguments[1]) : 2000;
    make_samples();
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1 });
    int failed = circle(t, rounds);
    ag_tape_free(t);
    failed |= chain(1000000, 40);
    failed |= chain(10000000, 5);
    return failed;
}
