/* Ops of one's own with several outputs: their fused kernels, and outputs that are integers. */
#include "support.h"

/* ---- y[k] = x^(k+1), of 2 or 40, and where asked for a first output i64 that says which x are positive */

typedef struct family {
    int outputs; /* floating ones */
    bool sign;
} family;

static family family_of(const ag_call *c)
{
    return *(const family *)ag_call_params(c);
}

static ag_status family_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    family f = family_of(c);
    for (int k = 0; k < f.outputs + f.sign; k++)
        y[k] = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    if (f.sign)
        y[0].dtype = AG_I64;
    return AG_OK;
}

static ag_status family_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    family f = family_of(c);
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        double v = ((const double *)x->data)[i];
        if (f.sign)
            ((int64_t *)y[0].data)[i] = v > 0;
        for (int k = 0; k < f.outputs; k++)
            ((double *)y[k + f.sign].data)[i] = pow(v, k + 1);
    }
    return AG_OK;
}

static int rules, kernels, arrivals;

static void family_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    family f = family_of(c);
    rules++;
    for (int k = 0; k < f.outputs; k++) {
        ag_tensor g = ag_mul(dy[k + f.sign], ag_mul_scalar(ag_pow_scalar(ag_call_input(c, 0), k), k + 1));
        dx[0] = k ? ag_add(dx[0], g) : g;
    }
}

static ag_status family_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    family f = family_of(c);
    const double *x = ag_call_input_array(c, 0)->data;
    kernels++;
    arrivals = 0;
    if (f.sign)
        assert_null(dy[0].data);
    for (int k = 0; k < f.outputs; k++) {
        assert_int_equal(dy[k + f.sign].dtype, AG_F64);
        assert_int_equal(dy[k + f.sign].shape.rank, dx[0].shape.rank);
        arrivals += dy[k + f.sign].data != NULL;
    }
    for (int64_t i = 0; i < ag_shape_size(dx[0].shape); i++) {
        double sum = beta[0] != 0 ? ((double *)dx[0].data)[i] : 0;
        for (int k = 0; k < f.outputs; k++)
            if (dy[k + f.sign].data)
                sum += ((const double *)dy[k + f.sign].data)[i] * (k + 1) * pow(x[i], k);
        ((double *)dx[0].data)[i] = sum;
    }
    return AG_OK;
}

static ag_status declining_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    (void)c, (void)dy, (void)dx, (void)beta;
    kernels++;
    return AG_USE_RULE;
}

static ag_op family_op(family f)
{
    return (ag_op){ .name = "family",
                    .inputs = 1,
                    .outputs = f.outputs + f.sign,
                    .params_size = sizeof f,
                    .shape = family_shape,
                    .forward = family_forward,
                    .vjp = family_vjp,
                    .vjp_fused = family_fused };
}

static ag_tensor operand(ag_tape *t, int kind)
{
    ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 2, -3);
    return kind == 0   ? ag_variable(t, 2)
           : kind == 1 ? ag_require_grad(v)
           : kind == 2 ? ag_param(v, "x")
                       : ag_param(ag_constant(t, 2), "x");
}

static void kernels_of_several_outputs(void **state)
{
    (void)state;
    for (int way = 0; way < 16; way++) {
        family f = { way % 2 ? 40 : 2, way / 2 % 2 };
        ag_op op = family_op(f);
        ag_tape *t = new_tape();
        ag_tensor x = operand(t, way / 4), all[41], *y = all + f.sign, g[2];
        assert_int_equal(ag_apply_all(&op, AG_LIST(x), &f, all), AG_OK);
        for (int k = 0; k < f.outputs; k += 13) { /* one alone: the others received nothing */
            rules = kernels = 0;
            assert_int_equal(ag_gradients(ag_sum(y[k]), AG_LIST(x), 0, g), AG_OK);
            assert_true(rules == 0 && kernels == 1 && arrivals == 1);
            assert_close(ag_item_at(g[0], 0), (k + 1) * pow(2, k), 1e-12);
            assert_int_equal(ag_gradients(ag_sum(y[k]), AG_LIST(x), AG_CREATE_GRAPH, g), AG_OK);
            assert_true(rules == 1 && kernels == 1);
            assert_close(ag_item_at(g[0], 0), (k + 1) * pow(2, k), 1e-12);
        }
        double slope = 5; /* of the loss below, at 2 */
        ag_tensor loss = ag_sum(ag_mul_scalar(x, 5));
        for (int k = 0; k < f.outputs; k++) {
            loss = ag_add(loss, ag_sum(ag_mul_scalar(y[k], 1. / (k + 1))));
            slope += pow(2, k);
        }
        ag_retain_grad(y[1]);
        for (int times = 1; times <= 2; times++) { /* what is there already is added to */
            assert_int_equal(ag_backward(loss), AG_OK);
            assert_int_equal(arrivals, f.outputs);
            assert_close(ag_item_at(ag_grad(x), 0), times * slope, 1e-12);
            assert_close(ag_item_at(ag_grad(y[1]), 0), times * 0.5, 1e-12);
        }
        kernels = rules = 0;
        op.vjp_fused = declining_fused;
        assert_int_equal(ag_backward(loss), AG_OK);
        assert_true(kernels == 1 && rules == 1);
        assert_close(ag_item_at(ag_grad(x), 0), 3 * slope, 1e-12);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* Adjoints that are zero have arrived all the same. */
static void a_zero_adjoint_has_arrived(void **state)
{
    (void)state;
    family f = { 2, false };
    ag_op op = family_op(f);
    for (int kind = 0; kind < 2; kind++) {
        ag_tape *t = new_tape();
        ag_tensor x = operand(t, kind), y[2], g;
        assert_int_equal(ag_apply_all(&op, AG_LIST(x), &f, y), AG_OK);
        assert_int_equal(ag_gradients(ag_sum(ag_mul_scalar(y[1], 0)), AG_LIST(x), 0, &g), AG_OK);
        assert_int_equal(arrivals, 1);
        assert_close(ag_item_at(g, 0), 0, 0);
        ag_tape_free(t);
    }
}

/* ---- integer outputs take no gradient */

static void integer_outputs_take_no_gradient(void **state)
{
    (void)state;
    for (int way = 0; way < 8; way++) {
        family f = { 2, true };
        ag_op op = family_op(f);
        if (way % 2)
            op.vjp_fused = NULL;
        ag_tape *t = new_tape();
        ag_tensor x = operand(t, way / 2), y[3], g[2];
        assert_int_equal(ag_apply_all(&op, AG_LIST(x), &f, y), AG_OK);
        assert_false(ag_needs_grad(y[0]));
        assert_true(ag_needs_grad(y[1]) && ag_needs_grad(y[2]));
        assert_int_equal(ag_backward_from(y[0], y[1]), AG_EUSE);
        expect_error(t, AG_EUSE, "gradient");
        assert_int_equal(ag_gradients(y[0], AG_LIST(x), 0, g), AG_EDTYPE);
        expect_error(t, AG_EDTYPE, "i64");
        assert_int_equal(ag_retain_grad(y[0]), AG_EUSE);
        ag_error_clear(t);
        for (int flags = 0; flags < 2; flags++) {
            assert_int_equal(ag_gradients(ag_sum(y[2]), AG_LIST(x, y[0]), flags, g), AG_OK);
            assert_close(ag_item_at(g[0], 0), 4, 1e-12);
            assert_close(ag_item_at(g[1], 0), 0, 0);
            assert_int_equal(ag_dtype_of(g[1]), AG_I64);
        }
        ag_tensor largest = ag_max(y[0]), hot = ag_cast(y[0], AG_F64);
        assert_false(ag_needs_grad(largest) || ag_needs_grad(hot));
        assert_int_equal(ag_backward(ag_sum(ag_mul(y[1], ag_cast(y[0], AG_F64)))), AG_OK);
        assert_close(ag_item_at(ag_grad(x), 0), 1, 1e-12);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* ---- an op whose only result is an integer claims a gradient */

static ag_status bytes_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *y = (ag_array){ .dtype = AG_U8, .shape = x->shape };
    return AG_OK;
}

static ag_status bytes_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    memset(y->data, 3, (size_t)ag_shape_size(x->shape));
    return AG_OK;
}

static void pass_on(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void integer_results_claim_nothing(void **state)
{
    (void)state;
    const ag_op op = { .name = "bytes", .inputs = 1, .shape = bytes_shape, .forward = bytes_forward, .vjp = pass_on };
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(1000))), y = ag_apply(&op, AG_LIST(x), NULL), g;
    ag_tensor m = ag_max(y);
    assert_false(ag_needs_grad(y) || ag_needs_grad(m));
    assert_item(m, 3);
    assert_int_equal(ag_backward(m), AG_EUSE);
    expect_error(t, AG_EUSE, "gradient");
    ag_tensor loss = ag_add(ag_sum(x), ag_cast(m, AG_F64));
    for (int flags = 0; flags < 2; flags++) {
        assert_int_equal(ag_gradients(loss, AG_LIST(x), flags, &g), AG_OK);
        assert_close(ag_item_at(g, 999), 1, 0);
    }
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_of_several_outputs),
        cmocka_unit_test(a_zero_adjoint_has_arrived),
        cmocka_unit_test(integer_outputs_take_no_gradient),
        cmocka_unit_test(integer_results_claim_nothing),
    };
    return cmocka_run_group_tests_name("outputs of user ops", tests, NULL, NULL);
}
