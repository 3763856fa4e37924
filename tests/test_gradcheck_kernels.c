/* The checks of an op on structured ops whose kernels or rules are wrong in one way each. */
#include "planted.h"

/* ---- structured: y = x + b, b a row, with kernels */

typedef enum kernel {
    RIGHT,
    LAST_ROW_ONLY,   /* the sum over broadcast rows is forgotten */
    BETA_IGNORED,    /* it overwrites */
    BETA_MULTIPLIED, /* 0 times what is there */
    WRONG_SIGN,
    RULE_WITHOUT_SUM, /* the rule gives one row of dy */
    BY_THREADS,
    INACCURATE_F32,
    ELEMENT_FORGOTTEN, /* the last one of the result is not written */
    STRIDES_IGNORED,
    MISTAKES
} kernel;

static kernel kind_of(const ag_call *c)
{
    return *(const kernel *)ag_call_params(c);
}

static ag_status bias_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    bool fits = x[0].shape.rank == 2 && x[1].shape.rank == 1 && x[0].shape.dim[1] == x[1].shape.dim[0];
    if (x[0].dtype != x[1].dtype || (x[0].dtype != AG_F32 && x[0].dtype != AG_F64))
        return ag_call_fail(c, AG_EDTYPE, "both must be f32 or f64");
    if (!fits)
        return ag_call_fail(c, AG_ESHAPE, "expected [n,m] and [m]");
    y->dtype = x[0].dtype;
    y->shape = x[0].shape;
    return AG_OK;
}

static double at(const ag_array *x, int64_t i, int64_t j, bool dense)
{
    ag_array a = *x;
    if (dense)
        ag_array_dense(&a);
    int64_t k = a.shape.rank == 2 ? i * a.stride[0] + j * a.stride[1] : j * a.stride[0];
    return a.dtype == AG_F32 ? (double)((const float *)a.data)[k] : ((const double *)a.data)[k];
}

static void put(const ag_array *x, int64_t k, double value)
{
    if (x->dtype == AG_F32)
        ((float *)x->data)[k] = (float)value;
    else
        ((double *)x->data)[k] = value;
}

static double nudge(const ag_call *c, ag_dtype d)
{
    return kind_of(c) == BY_THREADS                      ? 1e-9 * ag_call_threads(c)
           : kind_of(c) == INACCURATE_F32 && d == AG_F32 ? 1e-4
                                                         : 0;
}

static ag_status bias_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    int64_t n = x[0].shape.dim[0], m = x[0].shape.dim[1], written = n * m - (kind_of(c) == ELEMENT_FORGOTTEN);
    bool dense = kind_of(c) == STRIDES_IGNORED;
    for (int64_t k = 0; k < written; k++)
        put(y, k, at(&x[0], k / m, k % m, dense) + at(&x[1], 0, k % m, dense) + nudge(c, y->dtype));
    return AG_OK;
}

static void bias_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = dy[0];
    dx[1] = kind_of(c) == RULE_WITHOUT_SUM ? ag_select(dy[0], 0, -1) : dy[0];
}

static double begun(const ag_call *c, const ag_array *dx, int64_t k, double beta)
{
    double old = dx->dtype == AG_F32 ? (double)((const float *)dx->data)[k] : ((const double *)dx->data)[k];
    if (kind_of(c) == BETA_IGNORED)
        return 0;
    return beta != 0 || kind_of(c) == BETA_MULTIPLIED ? beta * old : 0;
}

static ag_status bias_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    int64_t n = dy->shape.dim[0], m = dy->shape.dim[1];
    double sign = kind_of(c) == WRONG_SIGN ? -1 : 1;
    for (int64_t k = 0; k < n * m && dx[0].data; k++)
        put(&dx[0], k, begun(c, &dx[0], k, beta[0]) + at(dy, k / m, k % m, false));
    for (int64_t j = 0; j < m && dx[1].data; j++) {
        double sum = 0;
        for (int64_t i = kind_of(c) == LAST_ROW_ONLY && n ? n - 1 : 0; i < n; i++)
            sum += sign * at(dy, i, j, false);
        put(&dx[1], j, begun(c, &dx[1], j, beta[1]) + sum);
    }
    return AG_OK;
}

static ag_op bias(const kernel *k, ag_sample samples[2])
{
    samples[0] =
        (ag_sample){ .params = k, .low = { -2, -2 }, .high = { 2, 2 }, .shape = { AG_DIMS(3, 4), AG_DIMS(4) } };
    samples[1] = (ag_sample){ 0 };
    return (ag_op){ .name = "bias",
                    .inputs = 2,
                    .params_size = sizeof(kernel),
                    .shape = bias_shape,
                    .forward = bias_forward,
                    .vjp = bias_vjp,
                    .vjp_fused = bias_fused,
                    .samples = samples };
}

static void wrong_kernels_fail(void **state)
{
    (void)state;
    const ag_check_id found_by[MISTAKES] = {
        [LAST_ROW_ONLY] = AG_CHECK_FIRST, [BETA_IGNORED] = AG_CHECK_PASSES,      [BETA_MULTIPLIED] = AG_CHECK_MEMORY,
        [WRONG_SIGN] = AG_CHECK_FIRST,    [RULE_WITHOUT_SUM] = AG_CHECK_PASSES,  [BY_THREADS] = AG_CHECK_THREADS,
        [INACCURATE_F32] = AG_CHECK_F32,  [ELEMENT_FORGOTTEN] = AG_CHECK_MEMORY, [STRIDES_IGNORED] = AG_CHECK_STRIDES,
    };
    ag_sample samples[2];
    for (kernel k = RIGHT; k < MISTAKES; k++) {
        ag_op op = bias(&k, samples);
        if (k == STRIDES_IGNORED)
            op.flags = AG_STRIDED;
        if (k == RIGHT)
            expect_pass(&op);
        else
            expect_fail(&op, found_by[k]);
    }
    kernel k = RIGHT;
    ag_op op = bias(&k, samples);
    op.flags = AG_STRIDED; /* and this is right */
    expect_pass(&op);
    k = RULE_WITHOUT_SUM;
    op = bias(&k, samples);
    op.vjp_fused = NULL;
    expect_fail(&op, AG_CHECK_FIRST);
}

/* ---- structured: y = a' with rules that transpose once too often; operands read behind the call's back */

static ag_status turn_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->shape.rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "expected a matrix");
    y->dtype = x->dtype;
    y->shape = AG_SHAPE(x->shape.dim[1], x->shape.dim[0]);
    return x->dtype == AG_F64 || x->dtype == AG_F32 ? AG_OK : ag_call_fail(c, AG_EDTYPE, "expected floats");
}

static ag_status turn_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    int64_t n = y->shape.dim[0], m = y->shape.dim[1];
    for (int64_t k = 0; k < n * m; k++) {
        double v = at(x, k % m, k / m, false);
        put(y, k, v * v);
    }
    return AG_OK;
}

static void turn_right(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(ag_transpose(dy[0], 0, 1), ag_mul_scalar(ag_call_input(c, 0), 2));
}

static void turn_not(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* fits square matrices alone */
{
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_call_input(c, 0), 2));
}

static ag_status turn_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = &c->operands[0]; /* not through ag_call_input_array */
    int64_t n = dy->shape.dim[0], m = dy->shape.dim[1];
    for (int64_t k = 0; k < n * m; k++) {
        double old = beta[0] != 0 ? beta[0] * at(&dx[0], k % m, k / m, false) : 0;
        put(&dx[0], k % m * n + k / m, old + 2 * at(x, k % m, k / m, false) * at(dy, k / m, k % m, false));
    }
    return AG_OK;
}

static void wrong_matrix_rules_fail(void **state)
{
    (void)state;
    const ag_sample square[] = { { .low = { -2 }, .high = { 2 }, .shape = { AG_DIMS(3, 3) } }, { 0 } };
    ag_op op = {
        .name = "turn", .inputs = 1, .shape = turn_shape, .forward = turn_forward, .vjp = turn_right, .samples = square
    };
    expect_pass(&op);
    op.vjp = turn_not;
    expect_fail(&op, AG_CHECK_FIRST);
    op.vjp = turn_right;
    op.vjp_fused = turn_fused;
    expect_fail(&op, AG_CHECK_WRITES);
}

/* ---- a batch norm of one feature: the saved deviation is an output with an adjoint, or a constant */

static ag_status norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->shape.rank != 1 || (x->dtype != AG_F64 && x->dtype != AG_F32))
        return ag_call_fail(c, AG_ESHAPE, "expected a vector of floats");
    y[0].dtype = y[1].dtype = x->dtype;
    y[0].shape = x->shape;
    y[1].shape = AG_SHAPE(1);
    return AG_OK;
}

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    double sum = 0;
    for (int64_t k = 0; k < x->shape.dim[0]; k++)
        sum += at(x, 0, k, false) * at(x, 0, k, false);
    put(&y[1], 0, 1 / sqrt(1 + sum));
    for (int64_t k = 0; k < x->shape.dim[0]; k++)
        put(&y[0], k, at(x, 0, k, false) / sqrt(1 + sum));
    return AG_OK;
}

/* y = x r, r = (1 + x.x)^(-1/2), dr = -r^3 x: dx = r dy - (r^3 (x.dy) + r^3 dr) x */
static void norm_vjp_with(const ag_call *c, ag_tensor r, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0), cubed = ag_mul(ag_square(r), r);
    ag_tensor inner = ag_add(ag_sum_over(ag_mul(x, dy[0]), AG_AXES(0), AG_KEEPDIM), dy[1]);
    dx[0] = ag_sub(ag_mul(r, dy[0]), ag_mul(ag_mul(cubed, inner), x));
}

static void norm_right(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    norm_vjp_with(c, ag_call_output(c, 1), dy, dx);
}

static void norm_saved(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    norm_vjp_with(c, ag_detach(ag_call_output(c, 1)), dy, dx);
}

static void saved_values_that_count_as_constants_fail(void **state)
{
    (void)state;
    const ag_sample vectors[] = { { .low = { -2 }, .high = { 2 }, .shape = { AG_DIMS(5) } }, { 0 } };
    ag_op op = { .name = "norm",
                 .inputs = 1,
                 .outputs = 2,
                 .shape = norm_shape,
                 .forward = norm_forward,
                 .vjp = norm_right,
                 .samples = vectors };
    expect_pass(&op);
    op.vjp = norm_saved;
    ag_op_check k = { 0 };
    assert_int_equal(ag_check_op_into(&op, NULL, &k), AG_FAIL);
    assert_int_equal(k.result[AG_CHECK_FIRST].verdict, AG_PASS);
    assert_int_equal(k.result[AG_CHECK_SECOND].verdict, AG_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_kernels_fail),
        cmocka_unit_test(wrong_matrix_rules_fail),
        cmocka_unit_test(saved_values_that_count_as_constants_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
