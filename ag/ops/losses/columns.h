/* Cross entropy of classes whose logits stand in columns: x[n,inner], of which a block of neighbouring columns is
 * handled at a time, as it lies. */
#ifndef AG_OPS_LOSS_COLUMNS_H
#define AG_OPS_LOSS_COLUMNS_H

#include "ag/array/array.h"

enum { AG_COLUMNS = 64 }; /* of a block, at most */

typedef struct ag_columns {
    int64_t n, inner, width;
    const void *z;         /* of the first column */
    const int64_t *target; /* a class for each column; -1: it is ignored */
} ag_columns;

typedef struct ag_columns_kernels {
    void (*loss)(const ag_columns *c, double *loss);
    /* dz = what arrives at each loss times its derivative (+ beta dz); where 0 arrives nothing passes */
    void (*back)(const ag_columns *c, const double *scale, double beta, void *dz);
} ag_columns_kernels;
extern const ag_columns_kernels ag_columns_f32, ag_columns_f64;

#endif
