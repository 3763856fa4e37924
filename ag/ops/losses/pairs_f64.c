#include "ag/kernels/kernels.h"
#include "ag/ops/losses/pairs.h"
#include <stdint.h>

/* The sum of log(1 + e), 0 <= e <= 1, n <= 512: the logarithm of the rounded 1 + e, corrected for
 * what the rounding lost. */
static inline double log1p_sum(int64_t n, const double *e)
{
    double term[512], sum = 0;
    const int64_t whole = ag_padded(n); /* what is in e behind n does not matter */
    AG_VECTOR_LOOP for (int64_t i = 0; i < whole; i++) term[i] = ag_v_log(1 + e[i]);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        const double w = 1 + e[i];
        sum += term[i] + (e[i] - (w - 1)) / w;
    }
    return sum;
}

#define REAL double
#define REAL_EXP ag_v_exp
#define REAL_DECAY ag_exp_f64
#define REAL_LOG ag_v_log
#define REAL_LOG1P ag_v_log1p
#define REAL_ABS fabs
#define REAL_KEEP ag_keep_f64
#define PAIRS ag_pairs_f64
#define LOG1P_SUM log1p_sum
#include "ag/ops/losses/pairs.inc"
