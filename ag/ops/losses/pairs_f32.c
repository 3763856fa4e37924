#include "ag/kernels/kernels.h"
#include "ag/ops/losses/pairs.h"
#include <stdint.h>

/* The sum of log(1 + e), 0 <= e <= 1, n <= 512. The logarithms are one, of a product: of the rounded 1 + e in f64, which
 * can hold 2^1023; what the rounding lost is added, so that small terms keep their precision. */
static inline double log1p_sum(int64_t n, const float *e)
{
    double product = 1;
    float lost = 0;
#pragma omp simd reduction(* : product) reduction(+ : lost)
    for (int64_t i = 0; i < n; i++) {
        const float w = 1 + e[i];
        lost += e[i] - (w - 1);
        product *= (double)w;
    }
    return log(product) + (double)lost;
}

#define REAL float
#define REAL_EXP ag_v_expf
#define REAL_DECAY ag_exp_f32
#define REAL_LOG ag_v_logf
#define REAL_LOG1P ag_v_log1pf
#define REAL_ABS fabsf
#define REAL_KEEP ag_keep_f32
#define PAIRS ag_pairs_f32
#define LOG1P_SUM log1p_sum
#include "ag/ops/losses/pairs.inc"
