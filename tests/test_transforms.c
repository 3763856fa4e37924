/* Jacobians, Hessians and their products with vectors against closed forms and against pass by pass; derivatives of any
 * order against closed forms. */
#include "support.h"

/* ---- Jacobians */

static void a_jacobian_has_the_shapes_of_both(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_randn(t, AG_F64, AG_SHAPE(5, 3), 0, 1), x = ag_param(AG_VALUES(t, AG_SHAPE(3), 1, -2, 0.5), "x");
    ag_tensor y = ag_tanh(ag_matmul(w, x)), j = ag_jacobian(y, x);
    assert_shape(j, 5, 3);
    ag_tensor expected = ag_mul(ag_unsqueeze(ag_scalar_sub(1, ag_square(y)), 1), w);
    assert_true(ag_item(ag_max(ag_abs(ag_sub(j, expected)))) < 1e-15);
    ag_tensor m = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4)), s = ag_variable(t, 3);
    j = ag_jacobian(ag_mul(ag_square(m), s), m);
    assert_shape(j, 2, 2, 2, 2);
    assert_values(j, 6, 0, 0, 0, 0, 12, 0, 0, 0, 0, 18, 0, 0, 0, 0, 24);
    j = ag_jacobian(ag_mul(ag_square(m), s), s);
    assert_shape(j, 2, 2);
    assert_values(j, 1, 4, 9, 16);
    assert_values(ag_jacobian(ag_sum(m), m), 1, 1, 1, 1);
    assert_int_equal(ag_shape_of(ag_jacobian(ag_exp(s), s)).rank, 0);
    assert_item(ag_jacobian(ag_exp(s), s), exp(3));
    ag_tensor none = ag_slice(m, 0, 2, 2, 1);
    j = ag_jacobian(none, m);
    assert_shape(j, 0, 2, 2, 2);
    expect_fine(t);
    ag_tape_free(t);
}

static void by_what_and_of_what(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_param_as(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), AG_AXES(1, 0), "x");
    ag_tensor inside = ag_square(x), y = ag_sum_over(ag_mul(inside, x), AG_AXES(0), 0); /* x^3 summed down columns */
    assert_values(ag_jacobian(y, x), 3, 0, 27, 0, 0, 12, 0, 48);
    assert_values(ag_jacobian(y, inside), 1, 0, 3, 0, 0, 2, 0, 4); /* an intermediate result */
    assert_values(ag_jacobian(y, y), 1, 0, 0, 1);
    assert_values(ag_jacobian(x, x), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    ag_tensor other = ag_param(AG_VALUES(t, AG_SHAPE(2), 5, 6), "other"), fixed = AG_VALUES(t, AG_SHAPE(2), 7, 8);
    assert_values(ag_jacobian(y, other), 0, 0, 0, 0);
    assert_values(ag_jacobian(ag_mul(y, fixed), fixed), 0, 0, 0, 0); /* wants no gradient */
    assert_values(ag_jacobian(fixed, x), 0, 0, 0, 0, 0, 0, 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void dtypes_are_those_of_what_is_moved(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32 });
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_cast(ag_square(x), AG_F64);
    ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 1, 10), wide = ag_cast(v, AG_F64), out;
    assert_int_equal(ag_dtype_of(ag_jacobian(y, x)), AG_F32);
    assert_values(ag_jacobian(y, x), 2, 0, 0, 4);
    assert_int_equal(ag_dtype_of(ag_jvp(y, AG_LIST(x), AG_LIST(v))), AG_F64);
    assert_values(ag_jvp(y, AG_LIST(x), AG_LIST(v)), 2, 40);
    assert_values(ag_jvp(y, AG_LIST(x), AG_LIST(wide)), 2, 40); /* any floating vector will do */
    ag_tensor z = ag_sum(ag_mul(y, y));                         /* x^4 */
    assert_int_equal(ag_hvps(z, AG_LIST(x), AG_LIST(wide), &out), AG_OK);
    assert_int_equal(ag_dtype_of(out), AG_F32);
    assert_values(out, 12, 480);
    assert_int_equal(ag_dtype_of(ag_hessian(z, x)), AG_F32);
    assert_values(ag_hessian(z, x), 12, 0, 0, 48);
    expect_fine(t);
    ag_tape_free(t);
}

static void hessians(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, -2, 0.5));
    ag_tensor z = ag_sum(ag_mul(ag_square(x), ag_select(x, 0, 0))); /* sum of x_i^2 x_0 */
    assert_shape(ag_hessian(z, x), 3, 3);
    assert_values(ag_hessian(z, x), 6, -4, 1, -4, 2, 0, 1, 0, 2);
    assert_values(ag_hessian(ag_sum(x), x), 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_values(ag_hessian(ag_constant(t, 1), x), 0, 0, 0, 0, 0, 0, 0, 0, 0);
    ag_tensor m = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), "m"), s = ag_variable(t, 2);
    ag_tensor product = ag_mul(ag_select(ag_select(m, 0, 0), 0, 1), ag_select(ag_select(m, 0, 1), 0, 0));
    ag_tensor h = ag_hessian(product, m);
    assert_shape(h, 2, 2, 2, 2);
    assert_values(h, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    assert_item(ag_hessian(ag_pow_scalar(s, 3), s), 12);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- products */

static void vectors_from_the_right(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "x"), s = ag_variable(t, 5), inside = ag_square(x);
    ag_tensor y = ag_mul(inside, s), v = AG_VALUES(t, AG_SHAPE(2), 1, 10), one = ag_constant(t, 1);
    assert_values(ag_jvp(y, AG_LIST(x), AG_LIST(v)), 20, 300);
    assert_values(ag_jvp(y, AG_LIST(x, s), AG_LIST(v, one)), 24, 309);
    assert_values(ag_jvp(y, AG_LIST(inside), AG_LIST(v)), 5, 50);
    assert_values(ag_jvp(y, AG_LIST(x, inside), AG_LIST(v, v)), 25, 350); /* each as in ag_gradients */
    assert_values(ag_jvp(y, AG_LIST(x, x), AG_LIST(v, v)), 40, 600);
    assert_values(ag_jvp(y, AG_LIST(y), AG_LIST(v)), 1, 10);
    assert_values(ag_jvp(y, (ag_list){ NULL, 0 }, (ag_list){ NULL, 0 }), 0, 0);
    assert_values(ag_jvp(y, AG_LIST(v), AG_LIST(v)), 0, 0);
    assert_item(ag_jvp(ag_exp(s), AG_LIST(s), AG_LIST(one)), exp(5));
    assert_values(ag_jvp(v, AG_LIST(x), AG_LIST(v)), 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void lists_from_the_left(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "x"), s = ag_variable(t, 5), out[3];
    ag_tensor y = ag_mul(ag_square(x), s), dy = AG_VALUES(t, AG_SHAPE(2), 1, 10);
    assert_int_equal(ag_vjps(y, dy, AG_LIST(x, s, dy), out), AG_OK);
    assert_values(out[0], 20, 300);
    assert_item(out[1], 94);
    assert_values(out[2], 0, 0);
    ag_tape_free(t);
}

/* y = a b^2: by a and b [0, 2b; 2b, 2a] */
static void hessians_of_several_tensors(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "a"), b = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 5, 7));
    ag_tensor y = ag_sum(ag_mul(a, ag_square(b))), out[3], u = AG_VALUES(t, AG_SHAPE(2), 1, 10),
              v = AG_VALUES(t, AG_SHAPE(2), 1, -1);
    assert_int_equal(ag_hvps(y, AG_LIST(a, b), AG_LIST(u, v), out), AG_OK);
    assert_values(out[0], 10, -14);
    assert_values(out[1], 10 + 4, 140 - 6);
    assert_int_equal(ag_hvps(y, AG_LIST(b), AG_LIST(v), out), AG_OK);
    assert_values(out[0], 4, -6);
    assert_values(ag_hvp(y, b, v), 4, -6);
    assert_int_equal(ag_hvps(y, (ag_list){ NULL, 0 }, (ag_list){ NULL, 0 }, out), AG_OK);
    assert_int_equal(ag_hvps(y, AG_LIST(a, b, u), AG_LIST(u, v, u), out), AG_OK);
    assert_values(out[2], 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- what they leave behind */

static void nothing_is_left_but_the_result(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "x"), v = ag_variable(t, 1), out;
    ag_tensor y = ag_softmax(ag_mul(ag_square(x), v), 0), z = ag_sum(ag_square(y));
    assert_int_equal(ag_backward(z), AG_OK);
    double before[2] = { ag_item_at(ag_grad(x), 0), ag_item_at(ag_grad(x), 1) }, of_v = ag_item(ag_grad(v));
    for (int no_grad = 0; no_grad < 2; no_grad++) {
        if (no_grad)
            ag_no_grad_begin(t);
        int64_t nodes = ag_tape_nodes(t);
        ag_tensor made[] = { ag_jacobian(y, x), ag_hessian(z, x), ag_jvp(y, AG_LIST(x), AG_LIST(x)), ag_hvp(z, x, x) };
        assert_int_equal(ag_hvps(z, AG_LIST(x), AG_LIST(x), &out), AG_OK);
        assert_int_equal(ag_tape_nodes(t), nodes + 5);
        for (size_t i = 0; i < ARRAY_SIZE(made); i++)
            assert_true(ag_ok(made[i]) && !ag_needs_grad(made[i]));
        assert_int_equal(ag_needs_grad(ag_square(x)), !no_grad); /* recording goes on as before */
    }
    ag_no_grad_end(t);
    assert_values(ag_grad(x), before[0], before[1]);
    assert_item(ag_grad(v), of_v);
    assert_int_equal(ag_tape_reset(t), AG_OK);
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- in a rule */

/* dx of y = x^3, by the Jacobian, the Hessian and a product of functions that are recorded here. */
static void cube_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)user;
    unsigned suspended = ag_enable_grad_begin(y.tape);
    ag_tensor x = ag_require_grad(ag_detach(xs.at[0])), cube = ag_mul(ag_square(x), x), sum = ag_sum(ag_square(x));
    ag_tensor two = ag_jvp(ag_square(x), AG_LIST(x), AG_LIST(x)); /* 2 x^2 */
    ag_tensor h = ag_hessian(sum, x), j = ag_jacobian(cube, x);   /* 2, 3 x^2 on the diagonal */
    ag_enable_grad_end(y.tape, suspended);
    dx[0] = ag_sub(ag_matmul(dy, j),
                   ag_mul(dy, ag_sub(two, ag_mul(two, ag_mul_scalar(ag_sum_over(h, AG_AXES(0), 0), 0.5)))));
}

static void within_a_rule(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, 3));
    ag_tensor y = ag_custom_vjp(ag_pow_scalar(ag_detach(x), 3), AG_LIST(x), cube_rule, NULL);
    assert_int_equal(ag_backward(ag_sum(ag_mul(y, x))), AG_OK); /* x^4 */
    assert_values(ag_grad(x), 32, 108);
    assert_values(ag_jacobian(y, x), 12, 0, 0, 27);
    ag_tape_free(t);
}

/* ---- a network, pass by pass */

static ag_tensor network(ag_tape *t, ag_dtype d, ag_tensor x, ag_tensor *weights)
{
    static const int64_t sizes[] = { 5, 7, 6, 4 };
    ag_tensor h = x;
    for (int i = 0; i < 3; i++) {
        weights[i] = ag_param(ag_randn(t, d, AG_SHAPE(sizes[i + 1], sizes[i]), 0, 0.5), NULL);
        h = ag_linear(h, weights[i], ag_randn(t, d, AG_SHAPE(sizes[i + 1]), 0, 0.5));
        h = i < 2 ? ag_tanh(h) : h;
    }
    return ag_log_softmax(h, -1);
}

static void rows_are_passes(void **state)
{
    (void)state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
        ag_tape *t = tape_with((ag_options){ .seed = 5, .dtype = d });
        ag_tensor x = ag_require_grad(ag_randn(t, d, AG_SHAPE(3, 5), 0, 1)), w[3], y = network(t, d, x, w);
        const ag_tensor by[] = { x, w[0], w[2] };
        const double tolerance = d == AG_F32 ? 1e-6 : 1e-14;
        for (size_t k = 0; k < ARRAY_SIZE(by); k++) {
            ag_tensor j = ag_jacobian(y, by[k]), v = ag_randn(t, d, ag_shape_of(by[k]), 0, 1);
            ag_tensor jv = ag_jvp(y, AG_LIST(by[k]), AG_LIST(v));
            int64_t size = ag_size_of(by[k]);
            for (int64_t i = 0; i < ag_size_of(y); i++) {
                ag_tensor dy = ag_zeros(t, d, ag_shape_of(y));
                assert_int_equal(
                    ag_copy_in(dy, d,
                               ag_data(ag_slice(ag_reshape(ag_eye(t, d, 12), AG_SHAPE(12, 3, 4)), 0, i, i + 1, 1), d),
                               12 * ag_dtype_size(d)),
                    AG_OK);
                ag_tensor row = ag_vjp(y, dy, by[k]);
                double sum = 0;
                for (int64_t n = 0; n < size; n++) {
                    assert_close(ag_item_at(j, i * size + n), ag_item_at(row, n), tolerance);
                    sum += ag_item_at(row, n) * ag_item_at(v, n);
                }
                assert_close(ag_item_at(jv, i), sum, 20 * tolerance);
            }
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jacobian_has_the_shapes_of_both),
        cmocka_unit_test(by_what_and_of_what),
        cmocka_unit_test(dtypes_are_those_of_what_is_moved),
        cmocka_unit_test(hessians),
        cmocka_unit_test(vectors_from_the_right),
        cmocka_unit_test(lists_from_the_left),
        cmocka_unit_test(hessians_of_several_tensors),
        cmocka_unit_test(nothing_is_left_but_the_result),
        cmocka_unit_test(rows_are_passes),
        cmocka_unit_test(within_a_rule),
    };
    return cmocka_run_group_tests_name("transforms", tests, NULL, NULL);
}
