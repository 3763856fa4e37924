/* An LSTM cell as an op of one's own, as PyTorch computes it:
 *
 *     i, f, g, o = x W' + h U' + b        i, f and o squashed by a sigmoid, g by tanh
 *     c_new = f c + i g
 *     h_new = o tanh(c_new)
 *
 * Its inputs are x [batch,n], h and c [batch,hidden], W [4 hidden,n], U [4 hidden,hidden] and b [4 hidden], its outputs
 * h_new and c_new. For its derivative it saves the four gates and tanh(c_new), which nobody else gets. */
#ifndef TESTS_LSTM_H
#define TESTS_LSTM_H

#include "ag/ag.h"
#include <math.h>
#include <string.h>

enum { LSTM_X, LSTM_H, LSTM_C, LSTM_W, LSTM_U, LSTM_B, LSTM_INPUTS };
enum { LSTM_H_NEW, LSTM_C_NEW, LSTM_OUTPUTS, LSTM_GATES = LSTM_OUTPUTS, LSTM_SQUASHED, LSTM_RESULTS };

/* ---- shapes: what is not refused here has to work in all that follows */

static inline bool lstm_fits(const ag_array *x, int64_t rows, int64_t columns)
{
    return x->shape.rank == 2 && x->shape.dim[0] == rows && x->shape.dim[1] == columns;
}

static inline ag_status lstm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    for (int i = 0; i < LSTM_INPUTS; i++)
        if ((x[i].dtype != AG_F32 && x[i].dtype != AG_F64) || x[i].dtype != x[0].dtype)
            return ag_call_fail(c, AG_EDTYPE, "all operands must be f32, or all f64");
    if (x[LSTM_X].shape.rank != 2 || x[LSTM_H].shape.rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "x and h are matrices with a row per example");
    const int64_t batch = x[LSTM_X].shape.dim[0], n = x[LSTM_X].shape.dim[1], hidden = x[LSTM_H].shape.dim[1];
    if (!lstm_fits(&x[LSTM_H], batch, hidden) || !lstm_fits(&x[LSTM_C], batch, hidden))
        return ag_call_fail(c, AG_ESHAPE, "h and c are [%lld,hidden], as x has so many rows", (long long)batch);
    if (!lstm_fits(&x[LSTM_W], 4 * hidden, n) || !lstm_fits(&x[LSTM_U], 4 * hidden, hidden) ||
        x[LSTM_B].shape.rank != 1 || x[LSTM_B].shape.dim[0] != 4 * hidden)
        return ag_call_fail(c, AG_ESHAPE, "the weights are [4 hidden,n], [4 hidden,hidden] and [4 hidden], hidden %lld",
                            (long long)hidden);
    for (int k = 0; k < LSTM_RESULTS; k++)
        y[k] = (ag_array){ .dtype = x[0].dtype, .shape = x[LSTM_H].shape };
    y[LSTM_GATES].shape.dim[1] = 4 * hidden;
    return AG_OK;
}

/* ---- arrays: rows lie without gaps (AG_DENSE_ROWS), however far apart they are */

/* Loops that call these become vector code; a call for each element would take more time than all the products. */
#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
extern float expf(float) __attribute__((simd("notinbranch")));
extern float tanhf(float) __attribute__((simd("notinbranch")));
extern double exp(double) __attribute__((simd("notinbranch")));
extern double tanh(double) __attribute__((simd("notinbranch")));
#endif
#endif

#define REAL float
#define EXP expf
#define TANH tanhf
#define NAME(f) f##_f32
#include "lstm_loops.h"
#define REAL double
#define EXP exp
#define TANH tanh
#define NAME(f) f##_f64
#include "lstm_loops.h"

static inline void *lstm_at(const ag_array *x, int64_t row) /* NULL for an array that is not there */
{
    return x->data ? (char *)x->data + row * x->stride[0] * (int64_t)ag_dtype_size(x->dtype) : NULL;
}

static inline ag_array lstm_transposed(const ag_array *x)
{
    ag_array y = *x;
    y.shape = AG_SHAPE(x->shape.dim[1], x->shape.dim[0]);
    y.stride[0] = x->stride[1];
    y.stride[1] = x->stride[0];
    return y;
}

/* ---- values */

static inline ag_status lstm_forward(const ag_call *call, const ag_array *x, ag_array *y)
{
    const ag_array w = lstm_transposed(&x[LSTM_W]), u = lstm_transposed(&x[LSTM_U]), *gates = &y[LSTM_GATES];
    const int64_t batch = x[LSTM_H].shape.dim[0], hidden = x[LSTM_H].shape.dim[1];
    for (int64_t k = 0; k < batch; k++)
        memcpy(lstm_at(gates, k), x[LSTM_B].data, 4 * (size_t)hidden * ag_dtype_size(gates->dtype));
    ag_status status = ag_call_matmul(call, &x[LSTM_X], &w, gates, 1);
    if (!status)
        status = ag_call_matmul(call, &x[LSTM_H], &u, gates, 1);
    for (int64_t k = 0; k < batch && !status; k++) {
        void *a = lstm_at(gates, k), *c = lstm_at(&x[LSTM_C], k), *h_new = lstm_at(&y[LSTM_H_NEW], k),
             *c_new = lstm_at(&y[LSTM_C_NEW], k), *squashed = lstm_at(&y[LSTM_SQUASHED], k);
        if (gates->dtype == AG_F32)
            lstm_row_f32(hidden, a, c, h_new, c_new, squashed);
        else
            lstm_row_f64(hidden, a, c, h_new, c_new, squashed);
    }
    return status;
}

/* ---- the rule: the derivative in ag ops, from which all higher orders come. What it reads of the gates depends on the
 * inputs, so their adjoints, which arrive when it is differentiated in its turn, are passed on too. */

static inline ag_tensor lstm_gate(ag_tensor gates, int k)
{
    const int64_t hidden = ag_shape_of(gates).dim[1] / 4;
    return ag_slice(gates, 1, k * hidden, (k + 1) * hidden, 1);
}

static inline ag_tensor lstm_sigmoid_slope(ag_tensor y)
{
    return ag_mul(y, ag_scalar_sub(1, y));
}

static inline ag_tensor lstm_tanh_slope(ag_tensor y)
{
    return ag_scalar_sub(1, ag_square(y));
}

static inline void lstm_vjp(const ag_call *call, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(call, LSTM_X), h = ag_call_input(call, LSTM_H), c = ag_call_input(call, LSTM_C);
    const ag_tensor gates = ag_call_output(call, LSTM_GATES), squashed = ag_call_output(call, LSTM_SQUASHED);
    const ag_tensor i = lstm_gate(gates, 0), f = lstm_gate(gates, 1), g = lstm_gate(gates, 2), o = lstm_gate(gates, 3);
    const ag_tensor dsquashed = ag_add(dy[LSTM_SQUASHED], ag_mul(dy[LSTM_H_NEW], o));
    const ag_tensor dc_new = ag_add(dy[LSTM_C_NEW], ag_mul(dsquashed, lstm_tanh_slope(squashed)));
    const ag_tensor dgates = ag_add(
        dy[LSTM_GATES],
        ag_concat(AG_LIST(ag_mul(dc_new, g), ag_mul(dc_new, c), ag_mul(dc_new, i), ag_mul(dy[LSTM_H_NEW], squashed)),
                  1));
    const ag_tensor slopes =
        ag_concat(AG_LIST(lstm_sigmoid_slope(i), lstm_sigmoid_slope(f), lstm_tanh_slope(g), lstm_sigmoid_slope(o)), 1);
    const ag_tensor dz = ag_mul(dgates, slopes), dz_transposed = ag_transpose(dz, 0, 1);
    if (ag_call_needs(call, LSTM_X))
        dx[LSTM_X] = ag_matmul(dz, ag_call_input(call, LSTM_W));
    if (ag_call_needs(call, LSTM_H))
        dx[LSTM_H] = ag_matmul(dz, ag_call_input(call, LSTM_U));
    if (ag_call_needs(call, LSTM_C))
        dx[LSTM_C] = ag_mul(dc_new, f);
    if (ag_call_needs(call, LSTM_W))
        dx[LSTM_W] = ag_matmul(dz_transposed, x);
    if (ag_call_needs(call, LSTM_U))
        dx[LSTM_U] = ag_matmul(dz_transposed, h);
    if (ag_call_needs(call, LSTM_B))
        dx[LSTM_B] = ag_sum_over(dz, AG_AXES(0), 0);
}

/* ---- the same as a kernel, for passes that nobody differentiates again */

/* dz, and c's part. */
static inline void lstm_back(const ag_array *gates, const ag_array *squashed, const ag_array *c, const ag_array *dy,
                             const ag_array *dz, const ag_array *dc, bool add)
{
    const int64_t hidden = c->shape.dim[1];
    for (int64_t k = 0; k < c->shape.dim[0]; k++) {
        void *a = lstm_at(gates, k), *s = lstm_at(squashed, k), *old = lstm_at(c, k), *to = lstm_at(dz, k),
             *to_c = lstm_at(dc, k), *dh_new = lstm_at(&dy[LSTM_H_NEW], k), *dc_new = lstm_at(&dy[LSTM_C_NEW], k);
        if (c->dtype == AG_F32)
            lstm_row_back_f32(hidden, a, s, old, dh_new, dc_new, to, to_c, add);
        else
            lstm_row_back_f64(hidden, a, s, old, dh_new, dc_new, to, to_c, add);
    }
}

/* The rows of dz, added up. */
static inline void lstm_back_bias(const ag_array *dz, const ag_array *db, bool add)
{
    const int64_t n = db->shape.dim[0];
    if (!add)
        memset(db->data, 0, (size_t)n * ag_dtype_size(db->dtype));
    for (int64_t k = 0; k < dz->shape.dim[0]; k++) {
        if (dz->dtype == AG_F32)
            lstm_add_f32(n, db->data, lstm_at(dz, k));
        else
            lstm_add_f64(n, db->data, lstm_at(dz, k));
    }
}

static inline ag_status lstm_vjp_fused(const ag_call *call, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *in[LSTM_INPUTS], *gates = ag_call_output_array(call, LSTM_GATES),
                                     *squashed = ag_call_output_array(call, LSTM_SQUASHED);
    if (dy[LSTM_GATES].data || dy[LSTM_SQUASHED].data) /* of a rule that was recorded */
        return AG_USE_RULE;
    for (int i = 0; i < LSTM_B; i++)
        if (!(in[i] = ag_call_input_array(call, i)))
            return AG_EUSE;
    ag_array dz = *gates;
    dz.data = ag_call_scratch(call, (size_t)ag_shape_size(dz.shape) * ag_dtype_size(dz.dtype));
    if (!dz.data)
        return AG_ENOMEM;
    lstm_back(gates, squashed, in[LSTM_C], dy, &dz, &dx[LSTM_C], beta[LSTM_C] != 0);
    if (dx[LSTM_B].data)
        lstm_back_bias(&dz, &dx[LSTM_B], beta[LSTM_B] != 0);
    const ag_array dz_transposed = lstm_transposed(&dz);
    const ag_array *const factors[][2] = { [LSTM_X] = { &dz, in[LSTM_W] },
                                           [LSTM_H] = { &dz, in[LSTM_U] },
                                           [LSTM_W] = { &dz_transposed, in[LSTM_X] },
                                           [LSTM_U] = { &dz_transposed, in[LSTM_H] } };
    static const int products[] = { LSTM_X, LSTM_H, LSTM_W, LSTM_U };
    ag_status status = AG_OK;
    for (int k = 0; k < 4 && !status; k++) {
        const int i = products[k];
        if (dx[i].data)
            status = ag_call_matmul(call, factors[i][0], factors[i][1], &dx[i], beta[i]);
    }
    return status;
}

/* ---- the op */

static const ag_sample lstm_samples[] = { { .low = { -1 },
                                            .high = { 1 },
                                            .shape = { [LSTM_X] = AG_DIMS(2, 3),
                                                       [LSTM_H] = AG_DIMS(2, 4),
                                                       [LSTM_C] = AG_DIMS(2, 4),
                                                       [LSTM_W] = AG_DIMS(16, 3),
                                                       [LSTM_U] = AG_DIMS(16, 4),
                                                       [LSTM_B] = AG_DIMS(16) } },
                                          { 0 } };

static const ag_op lstm_cell = { .size = sizeof(ag_op),
                                 .name = "lstm_cell",
                                 .formula = "o tanh(f c + i g)",
                                 .inputs = LSTM_INPUTS,
                                 .outputs = LSTM_OUTPUTS,
                                 .saved = LSTM_RESULTS - LSTM_OUTPUTS,
                                 .flags = AG_DENSE_ROWS,
                                 .shape = lstm_shape,
                                 .forward = lstm_forward,
                                 .vjp = lstm_vjp,
                                 .vjp_fused = lstm_vjp_fused,
                                 .samples = lstm_samples };

#endif
