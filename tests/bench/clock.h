/* Time for the benchmarks: rounds in turn, the best of which counts. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <time.h>

static inline double now(void) /* seconds */
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds that the processor worked for this program, which on a busy machine is less than what went by. */
static inline double worked(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static inline void keep_best(double *best, double seconds)
{
    if (*best == 0 || seconds < *best)
        *best = seconds;
}

#endif
