/* Ops of one's own: many inputs, many outputs, and what their functions may ask. */
#include "support.h"

/* ---- several outputs: y[k] = (k + 1) a^(k+1) b, of 2 or 12 */

typedef struct powers_params {
    int outputs;
} powers_params;

static int powers_count(const ag_call *c)
{
    const powers_params *p = ag_call_params(c);
    return p->outputs;
}

static ag_status powers_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x[0].dtype != x[1].dtype)
        return ag_call_fail(c, AG_EDTYPE, "the dtypes differ");
    if (x[0].shape.rank != x[1].shape.rank)
        return ag_call_fail(c, AG_ESHAPE, "the ranks differ");
    for (int k = 0; k < powers_count(c); k++) {
        y[k].dtype = x[0].dtype;
        y[k].shape = x[0].shape;
    }
    return AG_OK;
}

static ag_status powers_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    int64_t n = ag_shape_size(x[0].shape);
    const double *a = x[0].data, *b = x[1].data;
    for (int k = 0; k < powers_count(c); k++)
        for (int64_t i = 0; i < n; i++)
            ((double *)y[k].data)[i] = (k + 1) * pow(a[i], k + 1) * b[i];
    return AG_OK;
}

static int powers_runs; /* of the rule */

static void powers_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1);
    powers_runs++;
    for (int k = 0; k < powers_count(c); k++) {
        ag_tensor da = ag_mul(dy[k], ag_mul(ag_mul_scalar(ag_pow_scalar(a, k), (k + 1) * (k + 1)), b));
        ag_tensor db = ag_mul(dy[k], ag_mul_scalar(ag_pow_scalar(a, k + 1), k + 1));
        dx[0] = k ? ag_add(dx[0], da) : da;
        dx[1] = k ? ag_add(dx[1], db) : db;
    }
}

static const ag_op two_powers = { .name = "two_powers",
                                  .inputs = 2,
                                  .outputs = 2,
                                  .params_size = sizeof(powers_params),
                                  .shape = powers_shape,
                                  .forward = powers_forward,
                                  .vjp = powers_vjp };
static const ag_op twelve_powers = { .name = "twelve_powers",
                                     .inputs = 2,
                                     .outputs = 12,
                                     .params_size = sizeof(powers_params),
                                     .shape = powers_shape,
                                     .forward = powers_forward,
                                     .vjp = powers_vjp };

static void several_outputs(void **state)
{
    (void)state;
    for (int way = 0; way < 8; way++) {
        int outputs = way % 2 ? 12 : 2, flags = way / 4;
        const ag_op *op = way % 2 ? &twelve_powers : &two_powers;
        bool ranked = way / 2 % 2;
        ag_tape *t = new_tape();
        ag_tensor a = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1.5, 0.5)) : ag_variable(t, 1.5);
        ag_tensor b = ranked ? ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 4), "b") : ag_param(ag_constant(t, 2), "b");
        ag_tensor y[12], g[2];
        assert_int_equal(ag_apply_all(op, AG_LIST(a, b), &(powers_params){ outputs }, y), AG_OK);
        for (int used = 0; used < outputs; used++) { /* one output alone, whichever */
            powers_runs = 0;
            assert_close(ag_item_at(y[used], 0), (used + 1) * pow(1.5, used + 1) * 2, 1e-12);
            assert_int_equal(ag_gradients(ag_sum(ag_square(y[used])), AG_LIST(a, b), flags, g), AG_OK);
            assert_int_equal(powers_runs, 1);
            double v = (used + 1) * pow(1.5, used + 1) * 2;
            assert_close(ag_item_at(g[0], 0), 2 * v * (used + 1) * (used + 1) * pow(1.5, used) * 2, 1e-12);
            assert_close(ag_item_at(g[1], 0), 2 * v * v / 2, 1e-12);
        }
        ag_tensor sum = ag_constant(t, 0), last = ag_sum(y[outputs - 1]), h;
        double da = 0, db = 0;
        for (int k = 0; k < outputs; k++) {
            sum = ag_add(sum, ag_sum(y[k]));
            da += (k + 1) * (k + 1) * pow(1.5, k) * 2;
            db += (k + 1) * pow(1.5, k + 1);
        }
        assert_int_equal(ag_backward(sum), AG_OK); /* all of them */
        assert_close(ag_item_at(ag_grad(a), 0), da, 1e-12);
        assert_close(ag_item_at(ag_grad(b), 0), db, 1e-12);
        assert_int_equal(ag_backward(last), AG_OK);
        assert_close(ag_item_at(ag_grad(b), 0), db + outputs * pow(1.5, outputs), 1e-12);
        if (!ranked)
            assert_int_equal(ag_backward(y[0]), AG_OK); /* itself the end of the pass */
        assert_int_equal(ag_gradients(last, AG_LIST(a), AG_CREATE_GRAPH, g), AG_OK);
        assert_int_equal(ag_gradients(g[0], AG_LIST(a), 0, &h), AG_OK);
        int n = outputs;
        assert_close(ag_item_at(h, 0), n * n * (n - 1) * pow(1.5, n - 2) * 2, 1e-10);
        ag_retain_grad(y[1]);
        assert_int_equal(ag_backward(ag_sum(ag_mul_scalar(y[1], 3))), AG_OK);
        assert_close(ag_item_at(ag_grad(y[1]), 0), 3, 0);
        assert_int_equal(ag_gradients(ag_sum(ag_mul_scalar(y[1], 3)), AG_LIST(y[0], y[1]), flags, g), AG_OK);
        assert_close(ag_item_at(g[0], 0), 0, 0);
        assert_close(ag_item_at(g[1], 0), 3, 0);
        ag_no_grad_begin(t);
        assert_int_equal(ag_apply_all(op, AG_LIST(a, b), &(powers_params){ outputs }, y), AG_OK);
        ag_no_grad_end(t);
        assert_false(ag_needs_grad(y[0]) || ag_needs_grad(y[1]));
        assert_close(ag_item_at(y[1], 0), 9, 1e-12);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* ---- 20 inputs: y = sum of (i + 1) x[i] */

static ag_status weighted_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = AG_F64;
    y->shape = x[0].shape;
    for (int i = 0; i < ag_call_inputs(c); i++)
        if (ag_shape_size(x[i].shape) != ag_shape_size(x[0].shape))
            return ag_call_fail(c, AG_ESHAPE, "the sizes differ");
    return AG_OK;
}

static ag_status weighted_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    double *to = y->data;
    for (int64_t k = 0; k < ag_shape_size(y->shape); k++) {
        to[k] = 0;
        for (int i = 0; i < ag_call_inputs(c); i++)
            to[k] += (i + 1) * ((const double *)x[i].data)[k];
    }
    return AG_OK;
}

static void weighted_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    for (int i = 0; i < ag_call_inputs(c); i++)
        if (ag_call_needs(c, i))
            dx[i] = ag_mul_scalar(dy[0], i + 1);
}

static ag_status weighted_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    for (int i = 0; i < ag_call_inputs(c); i++)
        for (int64_t k = 0; dx[i].data && k < ag_shape_size(dy->shape); k++) {
            double *to = (double *)dx[i].data + k;
            *to = (i + 1) * ((const double *)dy->data)[k] + (beta[i] ? *to : 0);
        }
    return AG_OK;
}

static const ag_op weighted = {
    .name = "weighted", .flags = AG_VARIADIC, .shape = weighted_shape, .forward = weighted_forward, .vjp = weighted_vjp
};
static const ag_op weighted_quick = { .name = "weighted_quick",
                                      .flags = AG_VARIADIC,
                                      .shape = weighted_shape,
                                      .forward = weighted_forward,
                                      .vjp = weighted_vjp,
                                      .vjp_fused = weighted_fused };

static void many_inputs(void **state)
{
    (void)state;
    enum { N = 20 };
    for (int way = 0; way < 8; way++) {
        ag_tape *t = new_tape();
        const ag_op *op = way % 2 ? &weighted_quick : &weighted;
        ag_tensor x[N], g[N];
        double expected = 0;
        for (int i = 0; i < N; i++) {
            ag_tensor v = way / 2 % 2 ? AG_VALUES(t, AG_SHAPE(2), i, -i) : ag_constant(t, i);
            x[i] = i % 4 == 0   ? v
                   : i % 4 == 1 ? ag_require_grad(v)
                   : i % 4 == 2 ? ag_param(v, NULL)
                   : i == 19    ? x[1]
                                : ag_require_grad(v);
            expected += (i + 1) * (i == 19 ? 1 : i);
        }
        ag_tensor y = ag_apply(op, (ag_list){ x, N }, NULL);
        assert_close(ag_item_at(y, 0), expected, 0);
        assert_int_equal(ag_gradients(ag_sum(y), (ag_list){ x, N }, way / 4, g), AG_OK);
        assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        for (int i = 0; i < N; i++) {
            double slope = i % 4 == 0 ? 0 : i == 1 || i == 19 ? 2 + 20 : i + 1;
            assert_close(ag_item_at(g[i], 0), slope, 0);
            if (i % 4)
                assert_close(ag_item_at(ag_grad(x[i]), 0), slope, 0);
        }
        ag_tensor local = ag_local(y, x[4]);
        assert_close(ag_item_at(local, 0), 5, 0);
        ag_tape_free(t);
    }
}

/* ---- what an op's functions ask */

/* What an op's functions ask of the call outside of its range, and of none at all. */
static ag_status curious_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    assert_int_equal(ag_call_inputs(c), 1);
    assert_true(ag_call_threads(c) > 0);
    assert_false(ag_call_needs(c, -1) || ag_call_needs(c, 1) || ag_call_needs(c, 1000000));
    assert_null(ag_call_params(c));
    assert_null(ag_call_input_array(c, 0)); /* of kernels alone */
    assert_null(ag_call_output_array(c, 0));
    assert_true(is_inert(ag_call_output(c, 0), ag_call_tape(c))); /* there is none yet */
    assert_close(ag_item_at(ag_call_input(c, 0), 1), 2, 0);
    assert_non_null(ag_call_scratch(c, 0));
    y->dtype = AG_F64;
    y->shape = x->shape;
    return AG_OK;
}

static void curious_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tape *t = ag_call_tape(c);
    assert_true(is_inert(ag_call_input(c, -1), t) && is_inert(ag_call_input(c, 1), t) &&
                is_inert(ag_call_output(c, 1), t));
    assert_true(ag_ok(ag_call_input(c, 0)) && ag_ok(ag_call_output(c, 0)));
    dx[0] = dy[0];
}

static void calls_answer(void **state)
{
    (void)state;
    const ag_op curious = {
        .name = "curious", .inputs = 1, .shape = curious_shape, .forward = weighted_forward, .vjp = curious_vjp
    };
    ag_tape *t = new_tape();
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(2));
    memcpy(ag_write(x, AG_F64), (const double[]){ 1, 2 }, 2 * sizeof(double));
    x = ag_require_grad(x);
    assert_int_equal(ag_backward(ag_sum(ag_apply(&curious, AG_LIST(x), NULL))), AG_OK);
    assert_values(ag_grad(x), 1, 1);
    assert_null(ag_call_tape(NULL));
    assert_int_equal(ag_call_inputs(NULL), 0);
    assert_int_equal(ag_call_threads(NULL), 0);
    assert_null(ag_call_params(NULL));
    assert_false(ag_call_needs(NULL, 0));
    assert_true(is_inert(ag_call_input(NULL, 0), NULL) && is_inert(ag_call_output(NULL, 0), NULL));
    assert_null(ag_call_input_array(NULL, 0));
    assert_null(ag_call_output_array(NULL, 0));
    assert_null(ag_call_scratch(NULL, 8));
    assert_int_equal(ag_call_fail(NULL, AG_EARG, "nobody"), AG_EARG);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_outputs),
        cmocka_unit_test(many_inputs),
        cmocka_unit_test(calls_answer),
    };
    return cmocka_run_group_tests_name("user ops", tests, NULL, NULL);
}
