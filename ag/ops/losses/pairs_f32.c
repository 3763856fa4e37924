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

/* The sum of the logarithms of n <= 512 numbers. They are one, of the product of the mantissas, which f64 can hold; the
 * powers of two are added apart. */
static inline double log_sum(int64_t n, const float *v)
{
    double product = 1, sum = 0;
    int32_t power = 0;
    int other = 0; /* is there one that is no normal number above 0? */
#pragma omp simd reduction(* : product) reduction(+ : power) reduction(| : other)
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        float mantissa;
        memcpy(&bits, &v[i], sizeof bits);
        other |= bits - 0x00800000u >= 0x7f000000u;
        power += (int32_t)(bits >> 23) - 127;
        bits = (bits & 0x007fffffu) | 0x3f800000u;
        memcpy(&mantissa, &bits, sizeof mantissa);
        product *= (double)mantissa;
    }
    for (int64_t i = 0; other && i < n; i++)
        sum += log((double)v[i]);
    return other ? sum : log(product) + power * 0.69314718055994530942;
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
#define LOG_SUM log_sum
#include "ag/ops/losses/pairs.inc"
