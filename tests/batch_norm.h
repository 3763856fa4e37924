/* The norm of a batch as an op of one's own, column by column of x [batch,n]:
 *
 *     mean = sum of x / batch        variance = sum of (x - mean)^2 / batch
 *     y = gamma (x - mean) / sqrt(variance + epsilon) + beta
 *
 * Its inputs are x, gamma [n] and beta [n], its outputs y and, for running averages, mean [n] and variance [n]. For its
 * derivative it saves the inverse deviation, 1 / sqrt(variance + epsilon). */
#ifndef TESTS_BATCH_NORM_H
#define TESTS_BATCH_NORM_H

#include "ag/ag.h"
#include <math.h>
#include <string.h>

typedef struct batch_norm_params {
    double epsilon;
} batch_norm_params;

enum { NORM_X, NORM_GAMMA, NORM_BETA, NORM_INPUTS };
enum { NORM_Y, NORM_MEAN, NORM_VARIANCE, NORM_OUTPUTS, NORM_INVERSE = NORM_OUTPUTS, NORM_RESULTS };

static inline double batch_norm_epsilon(const ag_call *c)
{
    const batch_norm_params *p = ag_call_params(c);
    return p->epsilon;
}

static inline ag_status batch_norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    for (int i = 0; i < NORM_INPUTS; i++)
        if ((x[i].dtype != AG_F32 && x[i].dtype != AG_F64) || x[i].dtype != x[0].dtype)
            return ag_call_fail(c, AG_EDTYPE, "all operands must be f32, or all f64");
    if (x[NORM_X].shape.rank != 2 || x[NORM_X].shape.dim[0] < 1)
        return ag_call_fail(c, AG_ESHAPE, "x is a matrix with a row per example, one at least");
    const int64_t n = x[NORM_X].shape.dim[1];
    for (int i = NORM_GAMMA; i < NORM_INPUTS; i++)
        if (x[i].shape.rank != 1 || x[i].shape.dim[0] != n)
            return ag_call_fail(c, AG_ESHAPE, "gamma and beta are [%lld], as x has so many columns", (long long)n);
    for (int k = 0; k < NORM_RESULTS; k++)
        y[k] = (ag_array){ .dtype = x[0].dtype, .shape = AG_SHAPE(n) };
    y[NORM_Y].shape = x[NORM_X].shape;
    return AG_OK;
}

/* ---- rows, which lie without gaps (AG_DENSE_ROWS), and columns of doubles */

#define REAL float
#define NAME(f) f##_f32
#include "batch_norm_loops.h"
#define REAL double
#define NAME(f) f##_f64
#include "batch_norm_loops.h"

/* The loop for the array's dtype. */
#define BATCH_NORM(loop, array, ...)              \
    do {                                          \
        if ((array)->dtype == AG_F32)             \
            batch_norm_##loop##_f32(__VA_ARGS__); \
        else                                      \
            batch_norm_##loop##_f64(__VA_ARGS__); \
    } while (0)

static inline void *batch_norm_at(const ag_array *x, int64_t row) /* NULL for an array that is not there */
{
    return x->data ? (char *)x->data + row * x->stride[0] * (int64_t)ag_dtype_size(x->dtype) : NULL;
}

static inline double *batch_norm_columns(const ag_call *c, int64_t n) /* zeros; NULL: no memory */
{
    double *sums = ag_call_scratch(c, (size_t)n * sizeof *sums);
    if (sums)
        memset(sums, 0, (size_t)n * sizeof *sums);
    return sums;
}

static inline double batch_norm_get(const ag_array *x, int64_t j, double if_absent)
{
    return !x->data             ? if_absent
           : x->dtype == AG_F32 ? (double)((const float *)x->data)[j]
                                : ((const double *)x->data)[j];
}

/* ---- values */

static inline ag_status batch_norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t batch = x->shape.dim[0], n = x->shape.dim[1];
    double *mean = batch_norm_columns(c, n), *variance = batch_norm_columns(c, n), *inverse = batch_norm_columns(c, n);
    if (!mean || !variance || !inverse)
        return AG_ENOMEM;
    for (int64_t k = 0; k < batch; k++)
        BATCH_NORM(sum, x, n, batch_norm_at(x, k), mean);
    for (int64_t j = 0; j < n; j++)
        mean[j] /= (double)batch;
    for (int64_t k = 0; k < batch; k++)
        BATCH_NORM(squares, x, n, batch_norm_at(x, k), mean, variance);
    for (int64_t j = 0; j < n; j++) {
        variance[j] /= (double)batch;
        inverse[j] = 1 / sqrt(variance[j] + batch_norm_epsilon(c));
    }
    BATCH_NORM(store, x, n, mean, y[NORM_MEAN].data, false);
    BATCH_NORM(store, x, n, variance, y[NORM_VARIANCE].data, false);
    BATCH_NORM(store, x, n, inverse, y[NORM_INVERSE].data, false);
    for (int64_t k = 0; k < batch; k++)
        BATCH_NORM(row, x, n, batch_norm_at(x, k), y[NORM_MEAN].data, y[NORM_INVERSE].data, x[NORM_GAMMA].data,
                   x[NORM_BETA].data, batch_norm_at(y, k));
    return AG_OK;
}

/* ---- the rule. y is a function of x, mean and inverse, inverse one of variance, and these are functions of x: what
 * arrives at any of them goes on to x. The mean's part in the variance is sum of (x - mean), zero whatever x is. */

static inline ag_tensor batch_norm_sum_rows(ag_tensor x)
{
    return ag_sum_over(x, AG_AXES(0), 0);
}

static inline void batch_norm_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, NORM_X), mean = ag_call_output(c, NORM_MEAN),
                    inverse = ag_call_output(c, NORM_INVERSE), centered = ag_sub(x, mean);
    const double batch = (double)ag_shape_of(x).dim[0];
    if (ag_call_needs(c, NORM_GAMMA))
        dx[NORM_GAMMA] = batch_norm_sum_rows(ag_mul(dy[NORM_Y], ag_mul(centered, inverse)));
    if (ag_call_needs(c, NORM_BETA))
        dx[NORM_BETA] = batch_norm_sum_rows(dy[NORM_Y]);
    if (!ag_call_needs(c, NORM_X))
        return;
    const ag_tensor g = ag_mul(dy[NORM_Y], ag_call_input(c, NORM_GAMMA)), direct = ag_mul(g, inverse);
    const ag_tensor dinverse = ag_add(dy[NORM_INVERSE], batch_norm_sum_rows(ag_mul(g, centered)));
    const ag_tensor cube = ag_mul(ag_square(inverse), inverse);
    const ag_tensor dvariance = ag_sub(dy[NORM_VARIANCE], ag_mul_scalar(ag_mul(dinverse, cube), 0.5));
    const ag_tensor dmean = ag_sub(dy[NORM_MEAN], batch_norm_sum_rows(direct));
    const ag_tensor by_variance = ag_mul(centered, ag_mul_scalar(dvariance, 2 / batch));
    dx[NORM_X] = ag_add(ag_add(direct, by_variance), ag_mul_scalar(dmean, 1 / batch));
}

/* ---- the same as a kernel */

/* By x, from the sums of dy and of dy times the normalised x. */
static inline ag_status batch_norm_back(const ag_call *c, const ag_array *dy, const ag_array *dx, const double *sum,
                                        const double *product, bool add)
{
    const ag_array *x = ag_call_input_array(c, NORM_X), *gamma = ag_call_input_array(c, NORM_GAMMA),
                   *mean = ag_call_output_array(c, NORM_MEAN), *inverse = ag_call_output_array(c, NORM_INVERSE);
    const int64_t batch = dx->shape.dim[0], n = dx->shape.dim[1];
    double *scale = batch_norm_columns(c, n), *slope = batch_norm_columns(c, n), *shift = batch_norm_columns(c, n);
    if (!scale || !slope || !shift)
        return AG_ENOMEM;
    if (!x || !gamma || !mean || !inverse)
        return AG_EUSE; /* written since */
    for (int64_t j = 0; j < n; j++) {
        const double r = batch_norm_get(inverse, j, 0), dvariance = batch_norm_get(&dy[NORM_VARIANCE], j, 0),
                     dmean = batch_norm_get(&dy[NORM_MEAN], j, 0);
        scale[j] = batch_norm_get(gamma, j, 0) * r;
        slope[j] = (2 * dvariance - scale[j] * product[j] * r) / (double)batch;
        shift[j] = (dmean - scale[j] * sum[j]) / (double)batch;
    }
    for (int64_t k = 0; k < batch; k++)
        BATCH_NORM(row_back, x, n, batch_norm_at(&dy[NORM_Y], k), batch_norm_at(x, k), mean->data, scale, slope, shift,
                   batch_norm_at(dx, k), add);
    return AG_OK;
}

static inline ag_status batch_norm_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *mean = ag_call_output_array(c, NORM_MEAN), *inverse = ag_call_output_array(c, NORM_INVERSE);
    if (dy[NORM_INVERSE].data) /* of a rule that was recorded */
        return AG_USE_RULE;
    if (!mean || !inverse)
        return AG_EUSE;
    const int64_t batch = dy[NORM_Y].shape.dim[0], n = dy[NORM_Y].shape.dim[1];
    double *sum = batch_norm_columns(c, n), *product = batch_norm_columns(c, n);
    if (!sum || !product)
        return AG_ENOMEM;
    if (dy[NORM_Y].data && (dx[NORM_X].data || dx[NORM_GAMMA].data || dx[NORM_BETA].data)) {
        const ag_array *x = ag_call_input_array(c, NORM_X);
        for (int64_t k = 0; x && k < batch; k++)
            BATCH_NORM(sums_back, x, n, batch_norm_at(&dy[NORM_Y], k), batch_norm_at(x, k), mean->data, inverse->data,
                       sum, product);
        if (!x)
            return AG_EUSE;
    }
    if (dx[NORM_GAMMA].data)
        BATCH_NORM(store, mean, n, product, dx[NORM_GAMMA].data, beta[NORM_GAMMA] != 0);
    if (dx[NORM_BETA].data)
        BATCH_NORM(store, mean, n, sum, dx[NORM_BETA].data, beta[NORM_BETA] != 0);
    return dx[NORM_X].data ? batch_norm_back(c, dy, &dx[NORM_X], sum, product, beta[NORM_X] != 0) : AG_OK;
}

/* ---- the op */

static const batch_norm_params batch_norm_sample_params = { 0.01 };
static const ag_sample batch_norm_samples[] = { { .params = &batch_norm_sample_params,
                                                  .low = { -1, 0.5, -1 },
                                                  .high = { 1, 1.5, 1 },
                                                  .shape = { AG_DIMS(5, 3), AG_DIMS(3), AG_DIMS(3) } },
                                                { 0 } };

static const ag_op batch_norm = { .size = sizeof(ag_op),
                                  .name = "batch_norm",
                                  .formula = "gamma (x - mean) / sqrt(variance + epsilon) + beta",
                                  .inputs = NORM_INPUTS,
                                  .outputs = NORM_OUTPUTS,
                                  .saved = NORM_RESULTS - NORM_OUTPUTS,
                                  .flags = AG_DENSE_ROWS,
                                  .params_size = sizeof(batch_norm_params),
                                  .shape = batch_norm_shape,
                                  .forward = batch_norm_forward,
                                  .vjp = batch_norm_vjp,
                                  .vjp_fused = batch_norm_vjp_fused,
                                  .samples = batch_norm_samples };

#endif
