/* Rotations of rows, and the signs of vectors that are determined but for them. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

void ag_rotate(int64_t n, double *x, double *y, double c, double s)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const double before = x[i];
        x[i] = c * before + s * y[i];
        y[i] = c * y[i] - s * before;
    }
}

double ag_sign_of(int64_t n, const double *x, int64_t step)
{
    const double nearly = 1 - 0x1p-10;
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i * step]));
    for (int64_t i = 0; i < n; i++)
        if (fabs(x[i * step]) >= nearly * most)
            return x[i * step] < 0 ? -1 : 1;
    return 1;
}

bool ag_all_finite(int64_t n, const double *x)
{
    bool finite = true;
    for (int64_t i = 0; i < n; i++)
        finite &= ag_is_finite(x[i]);
    return finite;
}
