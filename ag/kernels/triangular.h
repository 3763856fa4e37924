/* Systems with triangular matrices. */
#ifndef AG_KERNELS_TRIANGULAR_H
#define AG_KERNELS_TRIANGULAR_H

#include <stdbool.h>
#include <stdint.h>

/* b[n,k] = the solution x of t x = b, for t[n,n] of which one triangle alone is read. Strides are counted in elements. */
typedef struct ag_triangular {
    int64_t n, k;
    bool upper, unit; /* unit: the diagonal counts as ones and is not read */
    const double *t;
    int64_t t_row, t_col;
    double *b;
    int64_t b_row, b_col;
} ag_triangular;

/* Right sides are spread over threads where there are many. The result does not depend on how many threads there are. */
void ag_triangular_run(const ag_triangular *s, int threads);

#endif
