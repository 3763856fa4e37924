/* Rows about their mean, in units of their deviation, weighted: what layer_norm and rms_norm are made of. */
#ifndef AG_OPS_NORM_ROWS_H
#define AG_OPS_NORM_ROWS_H

#include "ag/array/array.h"

/* A row of n elements. weight, bias: n of them, or NULL. mean: 0 for a root mean square. */
typedef struct ag_norm_row {
    int64_t n;
    double eps;
    bool centered;
    const void *weight, *bias;
    double mean, inverse; /* 1 / sqrt(variance + eps) */
} ag_norm_row;

/* What the types provide. back: dx = beta dx + ..., where dx is no NULL; dweight[i] and dbias[i] get the row's
 * contributions, where they are no NULL. */
typedef struct ag_norm_kernels {
    void (*row)(ag_norm_row *r, const void *x, void *y); /* sets mean and inverse */
    void (*back)(const ag_norm_row *r, const void *x, const void *dy, double beta, void *dx, double *dweight,
                 double *dbias);
} ag_norm_kernels;
extern const ag_norm_kernels ag_norm_f32, ag_norm_f64;

#endif
