/* The loss of normal distributions, some elements at a time. */
#ifndef AG_OPS_GAUSSIAN_H
#define AG_OPS_GAUSSIAN_H

#include "ag/array/array.h"

enum { AG_NORMALS = 512 }; /* at most */
typedef struct ag_normals {
    int64_t n;
    const void *mean, *y, *variance;
    double least; /* that a variance counts as */
} ag_normals;

/* What the types provide, of the loss (log v + (mean - y)^2 / v) / 2. back: to[i] = g times the derivative by mean, y and
 * variance, g being `scale`, or dy[i] unless dy is NULL (+ beta[k] to[i], beta being 0 or 1); those may be NULL. */
typedef struct ag_gaussian_kernels {
    bool (*negative)(const ag_normals *x);     /* is a variance below 0? */
    double (*logarithms)(const ag_normals *x); /* the sum of log v */
    double (*quotients)(const ag_normals *x);  /* the sum of (mean - y)^2 / v */
    void (*each)(const ag_normals *x, void *y);
    void (*back)(const ag_normals *x, const void *dy, double scale, const double *beta, void *const *to);
} ag_gaussian_kernels;
extern const ag_gaussian_kernels ag_gaussian_f32, ag_gaussian_f64;

#endif
