/* F1 and F2 of workloads.h run block by block, op by op, and F1 by hand: processor time, the best of interleaved rounds.
 *   chains [ROUNDS] */
#include "hand_chains.h"

#include <stdio.h>

static workload *start(int64_t fuse, double (*step)(workload *))
{
    workload *w = hand_zeros(sizeof *w);
    w->t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 1, .fuse = fuse });
    w->step = step;
    make_f(w);
    ag_tape_reset(w->t);
    return w;
}

static double time_step(workload *w)
{
    const double begin = worked();
    w->step(w);
    return worked() - begin;
}

static ag_status measure(const char *name, double (*step)(workload *), int rounds)
{
    double blocks = 0, ops = 0;
    workload *fused = start(0, step), *plain = start(AG_FUSE_OFF, step);
    for (int i = 0; i < rounds; i++) {
        keep_best(&blocks, time_step(fused));
        keep_best(&ops, time_step(plain));
    }
    printf("%s: block by block %.2f ms, op by op %.2f ms: %.2f of it\n", name, blocks * 1e3, ops * 1e3, blocks / ops);
    const ag_status status = free_workload(fused), other = free_workload(plain);
    return status ? status : other;
}

typedef float by_hand(const float *x, float *dx, float a, float b, float *da, float *db);

static double time_by_hand(by_hand *f, const float *x, float *dx)
{
    float da, db;
    const double begin = worked();
    const float y = f(x, dx, 1.5f, 0.3f, &da, &db);
    const double seconds = worked() - begin;
    return isfinite(y + da + db) ? seconds : INFINITY;
}

static void measure_hand(int rounds)
{
    double blocks = 0, loop = 0;
    float *x = hand_zeros(F1_NUMBERS * sizeof *x), *dx = hand_zeros(F1_NUMBERS * sizeof *dx);
    for (int i = 0; i < rounds; i++) {
        keep_best(&blocks, time_by_hand(hand_f1_blocks, x, dx));
        keep_best(&loop, time_by_hand(hand_f1_loop, x, dx));
    }
    printf("F1: by hand a loop for each op and block %.2f ms, one loop %.2f ms\n", blocks * 1e3, loop * 1e3);
    free(x);
    free(dx);
}

int main(int arguments, char **argument)
{
    const int rounds = arguments > 1 ? atoi(argument[1]) : 12;
    const ag_status f1 = measure("F1", f1_step, rounds), f2 = measure("F2", f2_step, rounds);
    measure_hand(rounds);
    return f1 || f2;
}
