/* Values whose derivative the caller gives. */
#include "support.h"

/* ---- y^3 + p y - 2 = 0: the derivative of a root by the implicit function theorem */

static void root_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    ag_tensor slope = ag_add(ag_mul_scalar(ag_square(y), 3), xs.at[0]);
    if (user)
        ++*(int *)user;
    dx[0] = ag_neg(ag_mul(dy, ag_div(y, slope)));
}

static ag_tensor root_of(ag_tensor p, void *user)
{
    int64_t n = ag_size_of(p);
    double y[8];
    assert_true(n > 0 && n <= 8);
    for (int64_t k = 0; k < n; k++) {
        double c = ag_item_at(p, k);
        y[k] = 2;
        for (int i = 0; i < 60; i++)
            y[k] -= (y[k] * y[k] * y[k] + c * y[k] - 2) / (3 * y[k] * y[k] + c);
    }
    return ag_custom_vjp(ag_values(p.tape, ag_shape_of(p), y, (size_t)n), AG_LIST(p), root_rule, user);
}

static void a_root_is_differentiated_to_the_third_order(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_variable(t, 1), y = root_of(p, NULL), d1, d2, d3;
    ag_gradients(y, AG_LIST(p), AG_CREATE_GRAPH, &d1);
    ag_gradients(d1, AG_LIST(p), AG_CREATE_GRAPH, &d2);
    ag_gradients(d2, AG_LIST(p), 0, &d3);
    assert_close(ag_item(y), 1, 1e-15);
    assert_close(ag_item(d1), -0.25, 1e-15);
    assert_close(ag_item(d2), 0.03125, 1e-15);
    /* f = y^3 + p y - 2 differentiated three times at y = p = 1: 4 y''' = -(6 y'^3 + 18 y' y'' + 3 y'') */
    assert_close(ag_item(d3), -(6 * -0.015625 + 18 * -0.25 * 0.03125 + 3 * 0.03125) / 4, 1e-14);
    ag_tape_free(t);
}

static ag_tensor sum_of_roots(ag_list x, void *user)
{
    return ag_sum(ag_mul(root_of(x.at[0], user), x.at[0]));
}

static void roots_of_arrays_pass_the_gradient_check(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 0.5, 3, 1.5, 0.1);
    assert_int_equal(ag_gradcheck(sum_of_roots, NULL, AG_LIST(p), stderr), AG_PASS);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- straight through */

static void straight_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)y, (void)xs, (void)user;
    dx[0] = dy;
}

static void a_sign_passes_gradients_straight_through(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(3), -0.3, 0.2, 2), "w"), x = AG_VALUES(t, AG_SHAPE(3), 1, 2, 3);
    ag_tensor s = ag_custom_vjp(ag_sign(w), AG_LIST(w), straight_rule, NULL);
    assert_values(s, -1, 1, 1);
    assert_int_equal(ag_backward(ag_sum(ag_mul(s, x))), AG_OK);
    assert_values(ag_grad(w), 1, 2, 3);
    assert_false(ag_needs_grad(ag_custom_vjp(ag_sign(x), AG_LIST(x), straight_rule, NULL)));
    ag_no_grad_begin(t);
    assert_false(ag_needs_grad(ag_custom_vjp(ag_sign(w), AG_LIST(w), straight_rule, NULL)));
    ag_no_grad_end(t);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- several inputs, of which some want nothing; broadcasting is summed by the engine */

static void weighted_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)y, (void)user;
    dx[0] = ag_mul(dy, xs.at[1]); /* [2,3] for an input of [3] */
    dx[1] = ag_mul(dy, xs.at[0]);
}

static void inputs_that_want_nothing_get_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)),
              b = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), unused = ag_variable(t, 7);
    ag_tensor y = ag_custom_vjp(ag_detach(ag_mul(a, b)), AG_LIST(a, b, unused), weighted_rule, NULL);
    assert_values(y, 1, 4, 9, 4, 10, 18);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_values(ag_grad(a), 5, 7, 9);
    assert_item(ag_grad(unused), 0);
    assert_int_equal(ag_backward(ag_sum(ag_custom_vjp(b, AG_LIST(a), straight_rule, NULL))), AG_OK);
    assert_values(ag_grad(a), 7, 9, 11); /* one from each of two rows more */
    ag_tape_free(t);
}

static void many_inputs(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor xs[40];
    for (int i = 0; i < 40; i++)
        xs[i] = ag_variable(t, i);
    ag_tensor y = ag_custom_vjp(ag_constant(t, 5), (ag_list){ xs, 40 }, straight_rule, NULL);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_item(ag_grad(xs[0]), 1);
    assert_item(ag_grad(xs[39]), 0);
    ag_tape_free(t);
}

/* ---- misuse */

static void wrong_shape_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)y, (void)xs, (void)user;
    dx[0] = ag_zeros(dy.tape, AG_F64, AG_SHAPE(7));
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape(), *other = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), y = ag_zeros(t, AG_F64, AG_SHAPE(2));
    assert_true(is_inert(ag_custom_vjp(y, AG_LIST(p), NULL, NULL), t));
    expect_error(t, AG_ENULL, "ag_custom_vjp");
    assert_true(is_inert(ag_custom_vjp(y, (ag_list){ NULL, 0 }, straight_rule, NULL), t));
    expect_error(t, AG_ENULL, "ag_custom_vjp");
    assert_true(is_inert(ag_custom_vjp(ag_zeros(t, AG_I64, AG_SHAPE(2)), AG_LIST(p), straight_rule, NULL), t));
    expect_error(t, AG_EDTYPE, "ag_custom_vjp");
    assert_true(is_inert(ag_custom_vjp(y, AG_LIST(ag_variable(other, 1)), straight_rule, NULL), t));
    expect_error(t, AG_EUSE, "ag_custom_vjp");
    assert_true(is_inert(ag_custom_vjp(stale_tensor(t), AG_LIST(p), straight_rule, NULL), t));
    expect_error(t, AG_ESTALE, "ag_custom_vjp");
    assert_true(is_inert(ag_custom_vjp((ag_tensor){ 0 }, AG_LIST(p), straight_rule, NULL), NULL));
    ag_tensor inert_y = ag_custom_vjp(inert(t), AG_LIST(p), straight_rule, NULL);
    assert_true(is_inert(inert_y, t));
    expect_fine(t);
    assert_true(ag_backward(ag_sum(ag_custom_vjp(y, AG_LIST(p), wrong_shape_rule, NULL))) == AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "ag_custom_vjp: the rule gave dx[0] the shape [7], but xs[0] has [2]");
    assert_values(ag_grad(p), 0, 0);
    assert_usable(t);
    ag_tape_free(t);
    ag_tape_free(other);
}

/* A value that is written afterwards is not the one whose derivative was meant. */
static void a_value_that_was_written_is_found_out(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), v = AG_VALUES(t, AG_SHAPE(2), 3, 4);
    ag_tensor y = ag_custom_vjp(v, AG_LIST(p), straight_rule, NULL), loss = ag_sum(y);
    ((double *)ag_write(v, AG_F64))[0] = 9;
    assert_int_equal(ag_backward(loss), AG_EUSE);
    expect_error(t, AG_EUSE, "written");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_is_differentiated_to_the_third_order),
        cmocka_unit_test(roots_of_arrays_pass_the_gradient_check),
        cmocka_unit_test(a_sign_passes_gradients_straight_through),
        cmocka_unit_test(inputs_that_want_nothing_get_nothing),
        cmocka_unit_test(many_inputs),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(a_value_that_was_written_is_found_out),
    };
    return cmocka_run_group_tests_name("custom derivatives", tests, NULL, NULL);
}
