#include "ag/kernels/kernels.h"
#include <stdint.h>

/* The sum of the logarithms of n <= 512 numbers, in whose place these are written, to the next whole vector. */
static inline double log_sum(int64_t n, double *v)
{
    const int64_t whole = ag_padded(n);
    double sum = 0;
    for (int64_t i = n; i < whole; i++)
        v[i] = 1;
    AG_VECTOR_LOOP for (int64_t i = 0; i < whole; i++) v[i] = ag_v_log(v[i]);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

#define REAL double
#define REAL_LOG ag_v_log
#define NORMALS ag_gaussian_f64
#include "ag/ops/losses/gaussian.inc"
