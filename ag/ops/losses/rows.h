/* Numbers of pairs of rows, and their derivatives: distances and cosines. */
#ifndef AG_OPS_LOSS_ROWS_H
#define AG_OPS_LOSS_ROWS_H

#include "ag/array/array.h"

typedef enum ag_rows_kind {
    AG_ROWS_DISTANCE, /* the p-norm of a - b + eps */
    AG_ROWS_COSINE    /* a . b / (max(|a|, eps) max(|b|, eps)) */
} ag_rows_kind;

typedef struct ag_rows_params { /* of an op of rows */
    int64_t kind;
    double p, eps;
} ag_rows_params;

/* Where the derivatives by the rows a and b go, one of which may be NULL; add: to what is there. */
typedef struct ag_rows_slopes {
    void *to[2];
    bool add[2];
} ag_rows_slopes;

/* What the types provide. slopes: to[0][i] = g dy/da[i], to[1][i] = g dy/db[i], y being the number of the pair. */
typedef struct ag_rows_kernels {
    double (*value)(const ag_rows_params *p, int64_t n, const void *a, const void *b);
    void (*slopes)(const ag_rows_params *p, int64_t n, const void *a, const void *b, double y, double g,
                   const ag_rows_slopes *s);
} ag_rows_kernels;
extern const ag_rows_kernels ag_rows_f32, ag_rows_f64;

#endif
