#include "ag/kernels/vector.h"
#include <stdint.h>

/* The sum of log(1 + e[i]), 0 <= e[i] <= 1, n at most 512 and a multiple of AG_LANES: the logarithm of the rounded
 * 1 + e[i], corrected for what the rounding lost. */
static inline double log1p_sum(int64_t n, const double *e)
{
    double term[512], sum = 0;
    AG_VECTOR_LOOP for (int64_t i = 0; i < n; i++) term[i] = ag_v_log(1 + e[i]);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        const double w = 1 + e[i];
        sum += term[i] + (e[i] - (w - 1)) / w;
    }
    return sum;
}

#define REAL double
#define REAL_EXP ag_v_exp
#define REAL_LOG ag_v_log
#define REAL_ABS fabs
#define PAIRS ag_pairs_f64
#define LOG1P_SUM log1p_sum
#include "ag/kernels/pairs.inc"
