#include "ag/kernels/kernels.h"
#include <stdint.h>

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
#define REAL_LOG ag_v_logf
#define NORMALS ag_gaussian_f32
#include "ag/ops/losses/gaussian.inc"
