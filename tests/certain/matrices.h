/* Ops on matrices: a product of square ones, and a^2 + 2 b where b is a row. */
#ifndef TESTS_CERTAIN_MATRICES_H
#define TESTS_CERTAIN_MATRICES_H

#include "ag/ag.h"

static bool are_f64(const ag_array *x, int count)
{
    for (int i = 0; i < count; i++)
        if (x[i].dtype != AG_F64)
            return false;
    return true;
}

static ag_status matrix_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!are_f64(x, 2))
        return ag_call_fail(c, AG_EDTYPE, "expected f64");
    for (int i = 0; i < 2; i++)
        if (x[i].shape.rank != 2 || x[i].shape.dim[0] != x[0].shape.dim[1] || x[i].shape.dim[1] != x[0].shape.dim[1])
            return ag_call_fail(c, AG_ESHAPE, "expected square matrices of one size");
    *y = (ag_array){ .dtype = AG_F64, .shape = x[0].shape };
    return AG_OK;
}

static ag_status matrix_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_call_matmul(c, &x[0], &x[1], y, 0);
}

static void matrix_straight(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_matmul(dy[0], ag_call_input(c, 1));
    dx[1] = ag_matmul(ag_transpose(ag_call_input(c, 0), 0, 1), dy[0]);
}

static void matrix_turned(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_matmul(dy[0], ag_transpose(ag_call_input(c, 1), 0, 1));
    dx[1] = ag_matmul(ag_transpose(dy[0], 0, 1), ag_call_input(c, 0));
}

static const ag_sample matrix_samples[] = { { SAMPLE(-2, 2), .shape = { AG_DIMS(3, 3), AG_DIMS(3, 3) } }, { 0 } };
#define MATRIX_OP(rule)                                                                               \
    {                                                                                                 \
        .name = "matrix", .inputs = 2, .shape = matrix_shape, .forward = matrix_forward, .vjp = rule, \
        .samples = matrix_samples                                                                     \
    }

/* ---- rows */

static ag_status rows_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (!are_f64(x, 2))
        return ag_call_fail(c, AG_EDTYPE, "expected f64");
    if (x[0].shape.rank != 2 || x[1].shape.rank != 1 || x[1].shape.dim[0] != x[0].shape.dim[1])
        return ag_call_fail(c, AG_ESHAPE, "expected [n,m] and [m]");
    *y = (ag_array){ .dtype = AG_F64, .shape = x[0].shape };
    return AG_OK;
}

static ag_status rows_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    const double *a = x[0].data, *b = x[1].data;
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++)
        ((double *)y->data)[i] = a[i] * a[i] + 2 * b[i % x[1].shape.dim[0]];
    return AG_OK;
}

static void rows_last(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul_scalar(ag_mul(dy[0], ag_call_input(c, 0)), 2);
    if (ag_shape_of(dy[0]).dim[0])
        dx[1] = ag_mul_scalar(ag_select(dy[0], 0, -1), 2);
}

static void rows_mean(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul_scalar(ag_mul(dy[0], ag_call_input(c, 0)), 2);
    dx[1] = ag_mul_scalar(ag_mean_over(dy[0], AG_AXES(0), 0), 2);
}

static const ag_sample rows_samples[] = { { SAMPLE(-2, 2), .shape = { AG_DIMS(4, 3), AG_DIMS(3) } }, { 0 } };
#define ROWS_OP(rule)                                                                           \
    {                                                                                           \
        .name = "rows", .inputs = 2, .shape = rows_shape, .forward = rows_forward, .vjp = rule, \
        .samples = rows_samples                                                                 \
    }

#endif
