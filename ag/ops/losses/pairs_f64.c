#include "ag/kernels/kernels.h"
#include "ag/ops/losses/pairs.h"
#include <stdint.h>

/* The sum of AG_PAIR_DENIED(z, y) + log(1 + e), 0 <= e <= 1, n <= 512: the logarithm of the rounded 1 + e, corrected
 * for what the rounding lost. */
static inline double logits_sum(int64_t n, const double *z, const double *y, const double *e)
{
    double term[512], sum = 0;
    const int64_t whole = ag_padded(n); /* e is padded */
    AG_VECTOR_LOOP for (int64_t i = 0; i < whole; i++) term[i] = ag_v_log(1 + e[i]);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        const double w = 1 + e[i];
        sum += AG_PAIR_DENIED(z[i], y[i], fabs) + (term[i] + (e[i] - (w - 1)) / w);
    }
    return sum;
}

#define REAL double
#define REAL_EXP ag_v_exp
#define REAL_LOG ag_v_log
#define REAL_LOG1P ag_v_log1p
#define REAL_ABS fabs
#define REAL_KEEP ag_keep_f64
#define PAIRS ag_pairs_f64
#define LOGITS_SUM logits_sum
#include "ag/ops/losses/pairs.inc"
