/* Finite checks: the op that makes the first value that is not finite, what the message says of it, and what is no
 * error. */
#include "support.h"

static ag_tape *checking(void)
{
    return tape_with((ag_options){ .check_finite = true });
}

/* The op failed with this message, all of it. */
#define expect_refused(t, y, text) check_refused(t, y, text, __FILE__, __LINE__)
static void check_refused(ag_tape *t, ag_tensor y, const char *text, const char *file, int line)
{
    if (strcmp(ag_error_text(t), text) != 0)
        print_error("%s:%d: '%s'\n", file, line, ag_error_text(t));
    _assert_true(ag_error(t) == AG_EVALUE && !strcmp(ag_error_text(t), text) && is_inert(y, t), "refused", file, line);
    ag_error_clear(t);
}

#define expect_refused_back(t, y, text) check_refused(t, ag_backward(y) ? inert(t) : y, text, __FILE__, __LINE__)

/* ---- forward */

static void a_number_is_refused_where_it_arises(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_variable(t, -1), p = ag_param(x, "p"), zero = ag_constant(t, 0), b = ag_name(ag_neg(zero), "b");
    expect_refused(t, ag_log(x), "ag_log: the result is nan, the operand is -1");
    expect_refused(t, ag_log(p), "ag_log: the result is nan, the operand 'p' is -1");
    expect_refused(t, ag_div(p, zero), "ag_div: the result is -inf, 'p' is -1 and operand 2 is 0");
    expect_refused(t, ag_div(zero, b), "ag_div: the result is nan, operand 1 is 0 and 'b' is -0");
    ag_tape_free(t);
}

static void an_element_is_named_with_the_operands_there(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(4), 1, -1, 2, 3), "p");
    ag_tensor m = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6),
              row = ag_name(AG_VALUES(t, AG_SHAPE(3), 1, 1, 0), "row");
    ag_tensor column = AG_VALUES(t, AG_SHAPE(2, 1), 0, 1);
    expect_refused(t, ag_log(p), "ag_log: element 1 of [4] is nan, the operand 'p' there is -1");
    expect_refused(t, ag_sqrt(ag_neg(p)), "ag_sqrt: element 0 of [4] is nan, the operand there is -1");
    expect_refused(t, ag_div(m, row), "ag_div: element 2 of [2,3] is inf, there operand 1 is 3 and 'row' is 0");
    expect_refused(t, ag_div(row, column), "ag_div: element 0 of [2,3] is inf, there 'row' is 1 and operand 2 is 0");
    expect_refused(t, ag_log(ag_transpose(ag_add_scalar(m, -5), 0, 1)),
                   "ag_log: element 0 of [3,2] is nan, the operand there is -4");
    expect_refused(t, ag_pow_scalar(p, 0.5),
                   "ag_pow_scalar: element 1 of [4] is nan, there 'p' is -1 and the constant 0.5");
    expect_refused(t, ag_exp(ag_cast(ag_mul_scalar(p, 40), AG_F32)),
                   "ag_exp: element 3 of [4] is inf, the operand there is 120");
    ag_tape_free(t);
}

static void other_ops_say_what_their_operands_hold(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_name(AG_VALUES(t, AG_SHAPE(2), 1e308, 1.5e308), "x"), m = ag_reshape(x, AG_SHAPE(1, 2));
    expect_refused(t, ag_sum(x), "ag_sum: the result is inf: 'x' [2] has values from 1e+308 to 1.5e+308");
    expect_refused(t, ag_mean(ag_zeros(t, AG_F64, AG_SHAPE(0))),
                   "ag_mean: the result is nan: the operand [0] is empty");
    expect_refused(
        t, ag_matmul(m, ag_ones(t, AG_F64, AG_SHAPE(2, 3))),
        "ag_matmul: element 0 of [1,3] is inf: operand 1 [1,2] has values from 1e+308 to 1.5e+308 and operand 2 "
        "[2,3] is 1");
    expect_refused(t, ag_cast(x, AG_F32),
                   "ag_cast: element 0 of [2] is inf: 'x' [2] has values from 1e+308 to 1.5e+308");
    ag_tape_free(t);
}

static double reciprocal(const double *x, const void *params)
{
    (void)params;
    return 1 / x[0];
}

static ag_status split_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y[0] = (ag_array){ .dtype = AG_I64, .shape = AG_SCALAR };
    y[1] = (ag_array){ .dtype = AG_F64, .shape = x[0].shape };
    return AG_OK;
}

static ag_status split_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *(int64_t *)y[0].data = INT64_MAX;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++)
        ((double *)y[1].data)[i] = 1 / ((const double *)x->data)[i];
    return AG_OK;
}

static void ops_of_ones_own_are_checked(void **state)
{
    (void)state;
    static const ag_op map = { .name = "my_reciprocal", .inputs = 1, .flags = AG_NO_GRADIENT, .map = reciprocal };
    static const ag_op split = { .name = "my_split",
                                 .inputs = 1,
                                 .outputs = 2,
                                 .flags = AG_NO_GRADIENT,
                                 .shape = split_shape,
                                 .forward = split_forward };
    ag_tape *t = checking();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 0), y[2];
    expect_refused(t, ag_apply(&map, AG_LIST(x), NULL),
                   "my_reciprocal: element 1 of [2] is inf, the operand there is 0");
    assert_int_equal(ag_apply_all(&split, AG_LIST(x), NULL, y), AG_EVALUE);
    assert_true(is_inert(y[0], t));
    expect_refused(t, y[1], "my_split: output 2, element 1 of [2] is inf: the operand [2] has values from 0 to 1");
    ag_tape_free(t);
}

static void what_is_not_made_from_finite_values_is_no_error(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)),
              mask = AG_VALUES(t, AG_SHAPE(3), 0, -INFINITY, 0);
    ag_tensor masked = ag_add(x, mask), y = ag_sum(ag_square(ag_softmax(masked, 0)));
    assert_int_equal(ag_backward(y), AG_OK);
    assert_close(ag_item_at(ag_grad(x), 1), 0, 0);
    assert_true(ag_ok(ag_mul(ag_constant(t, INFINITY), ag_constant(t, 0))));
    assert_true(ag_ok(ag_sum(ag_full(t, AG_F32, AG_SHAPE(3), NAN))));
    assert_true(ag_ok(ag_clamp(x, -INFINITY, INFINITY)) && ag_ok(ag_mul_scalar(x, INFINITY)));
    assert_true(ag_ok(ag_param(ag_constant(t, INFINITY), "infinite")));
    expect_refused(t, ag_log(ag_add_scalar(masked, -1.5)),
                   "ag_log: element 0 of [3] is nan, the operand there is -0.5");
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- on the way back */

static void a_gradient_is_refused_where_it_arises(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor q = ag_param(AG_VALUES(t, AG_SHAPE(3), 4, 0, 1), "q"), x = ag_variable(t, 0);
    expect_refused_back(
        t, ag_sum(ag_sqrt(q)),
        "ag_sqrt, on the way back: the gradient by 'q' is inf at element 1 of [3]: there 'q' is 0 and the "
        "adjoint 1");
    expect_refused_back(
        t, ag_mul_scalar(ag_sqrt(x), 3),
        "ag_sqrt, on the way back: the gradient by the operand is inf: the operand is 0 and the adjoint 3");
    ag_tensor w = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1e-200, 3));
    expect_refused_back(
        t, ag_sum(ag_div(AG_VALUES(t, AG_SHAPE(3, 1), 1, 2, 3), w)),
        "ag_div, on the way back: the gradient by operand 2 is -inf at element 0 of [2]: operand 1 [3,1] has "
        "values from 1 to 3 and operand 2 [2] has values from 1e-200 to 3 and the adjoint [3,2] is 1");
    ag_tensor m = ag_name(ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(1, 2), 1e-200)), "m");
    ag_tensor big = ag_full(t, AG_F64, AG_SHAPE(2, 1), 1e200);
    expect_refused_back(
        t, ag_sum(ag_mul_scalar(ag_matmul(m, big), 1e200)),
        "ag_matmul, on the way back: the gradient by 'm' is inf at element 0 of [1,2]: 'm' [1,2] is 1e-200 and "
        "operand 2 [2,1] is 1e+200 and the adjoint [1,1] is 1e+200");
    assert_values(ag_grad(q), 0, 0, 0);
    assert_item(ag_grad(x), 0);
    assert_values(ag_grad(w), 0, 0);
    ag_tape_free(t);
}

static void every_kind_of_pass_is_checked(void **state)
{
    (void)state;
    static const char text[] = "ag_sqrt, on the way back: the gradient by 'q' is inf at element 1 of [2]";
    ag_tape *t = checking();
    ag_tensor q = ag_param(AG_VALUES(t, AG_SHAPE(2), 4, 0), "q"), y = ag_sum(ag_sqrt(q)), g;
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        assert_int_equal(ag_gradients(y, AG_LIST(q), flags, &g), AG_EVALUE);
        assert_true(is_inert(g, t));
        expect_error(t, AG_EVALUE, text);
    }
    assert_true(is_inert(ag_hvp(y, q, q), t));
    expect_error(t, AG_EVALUE, text);
    assert_int_equal(ag_backward_from(ag_sqrt(q), AG_VALUES(t, AG_SHAPE(2), 1, 1)), AG_EVALUE);
    expect_error(t, AG_EVALUE, text);
    ag_tensor h = ag_name(ag_mul_scalar(q, 1), "h"); /* by an intermediate result */
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        assert_int_equal(ag_gradients(ag_sum(ag_sqrt(h)), AG_LIST(h), flags, &g), AG_EVALUE);
        expect_error(t, AG_EVALUE, "the gradient by 'h' is inf at element 1 of [2]");
    }
    assert_values(ag_grad(q), 0, 0);
    ag_tape_free(t);
}

/* The op that made it is named, however many it went through since. */
static void what_reaches_a_gradient_is_traced_to_where_it_arose(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "x"), s = ag_variable(t, 3);
    ag_tensor h = ag_name(
        ag_sub(ag_transpose(ag_reshape(ag_mul(x, s), AG_SHAPE(1, 2)), 0, 1), AG_VALUES(t, AG_SHAPE(1), 3)), "h");
    expect_refused_back(
        t, ag_sum(ag_sqrt(h)),
        "ag_sqrt, on the way back: the gradient by 'h' is inf at element 0 of [2,1]: there 'h' is 0 and the "
        "adjoint 1");
    ag_tensor n = ag_name(ag_sub(ag_square(s), ag_constant(t, 9)), "n");
    expect_refused_back(t, ag_sqrt(n),
                        "ag_sqrt, on the way back: the gradient by 'n' is inf: 'n' is 0 and the adjoint 1");
    ag_tape_free(t);
}

static void what_a_branch_leaves_out_is_no_error(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0, -1, 4)), s = ag_variable(t, -1), g[2];
    ag_tensor y = ag_mul(ag_sum(ag_sqrt(ag_relu(x))), ag_add_scalar(ag_sqrt(ag_relu(s)), 1));
    assert_int_equal(ag_backward(y), AG_OK);
    assert_values(ag_grad(x), 0, 0, 0.25);
    assert_item(ag_grad(s), 0);
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        assert_int_equal(ag_gradients(y, AG_LIST(x, s), flags, g), AG_OK);
        assert_values(g[0], 0, 0, 0.25);
    }
    ag_tensor unused = ag_sqrt(ag_mul_scalar(s, 0)); /* y does not depend on it */
    assert_int_equal(ag_backward(ag_add(s, ag_mul_scalar(ag_detach(unused), 1))), AG_OK);
    ag_tensor zero = ag_zeros(t, AG_F64, AG_SHAPE(3)), positive = ag_greater(x, zero);
    ag_tensor chosen = ag_where(positive, ag_sqrt(ag_where(positive, x, zero)), x);
    assert_int_equal(ag_backward(ag_sum(chosen)), AG_OK);
    assert_values(ag_grad(x), 1, 1, 0.5);
    ag_tape_free(t);
}

static void seeds_that_are_not_finite_are_no_error(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    assert_int_equal(ag_backward_from(ag_square(x), AG_VALUES(t, AG_SHAPE(2), INFINITY, 1)), AG_OK);
    assert_values(ag_grad(x), INFINITY, 4);
    ag_tape_free(t);
}

/* ---- passes within passes */

static ag_tensor roots(ag_list x, void *user)
{
    (void)user;
    ag_tensor h = ag_mul(ag_sqrt(x.at[0]), x.at[1]);
    return ag_sum(ag_mul(h, ag_square(ag_sin(x.at[2]))));
}

static ag_tensor nested(ag_list x, void *user)
{
    return ag_mul_scalar(ag_checkpoint(roots, user, x), 2);
}

static ag_tensor log_of_first(ag_list x, void *user)
{
    (void)user;
    return ag_mul_scalar(ag_log(x.at[0]), 2);
}

static ag_tensor gradient_within(ag_list x, void *user)
{
    ag_tensor own = ag_require_grad(ag_detach(x.at[0])), g = own;
    (void)user;
    ag_gradients(ag_sqrt(own), AG_LIST(own), 0, &g);
    return ag_mul(g, x.at[0]);
}

static void what_a_checkpoint_computes_first_is_checked_as_ever(void **state)
{
    (void)state;
    ag_tape *t = checking();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, -1), "p"),
              zero = ag_param(AG_VALUES(t, AG_SHAPE(1), 0), "zero");
    expect_refused(t, ag_checkpoint(log_of_first, NULL, AG_LIST(p)),
                   "ag_log: element 1 of [2] is nan, the operand 'p' there is -1");
    assert_true(is_inert(ag_checkpoint(gradient_within, NULL, AG_LIST(zero)), t));
    expect_error(t, AG_EVALUE, "ag_sqrt, on the way back: the gradient by the operand is inf at element 0 of [1]");
    ag_tape_free(t);
}

static void what_a_checkpoint_computes_again_is_checked_on_the_way_back(void **state)
{
    (void)state;
    static const char text[] =
        "ag_sqrt, on the way back: the gradient by 'a' is inf at element 1 of [2]: there 'a' is 0 and "
        "the adjoint ";
    ag_tape *t = checking();
    ag_tensor p = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 4, 0)), a = ag_name(ag_square(p), "a"),
              b = ag_ones(t, AG_F64, AG_SHAPE(2)), g;
    ag_tensor ones = ag_require_grad(b);
    ag_list xs = AG_LIST(a, ones, ones), masked = AG_LIST(ag_relu(p), ones, ones);
    for (int deep = 0; deep < 2; deep++) {
        for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
            assert_int_equal(ag_gradients(ag_checkpoint(deep ? nested : roots, NULL, xs), AG_LIST(p), flags, &g),
                             AG_EVALUE);
            expect_error(t, AG_EVALUE, text);
            assert_int_equal(ag_gradients(ag_checkpoint(deep ? nested : roots, NULL, masked), AG_LIST(p), flags, &g),
                             AG_OK);
        }
        assert_int_equal(ag_backward(ag_checkpoint(deep ? nested : roots, NULL, xs)), AG_EVALUE);
        expect_error(t, AG_EVALUE, text);
    }
    ag_tape_free(t);
}

/* ---- the option */

static void the_environment_asks_for_it_too(void **state)
{
    (void)state;
    const char *const values[] = { "1", "0", "", NULL };
    char *before = getenv("AG_CHECK_FINITE") ? strdup(getenv("AG_CHECK_FINITE")) : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        if (values[i])
            setenv("AG_CHECK_FINITE", values[i], 1);
        else
            unsetenv("AG_CHECK_FINITE");
        ag_tape *t = new_tape();
        unsetenv("AG_CHECK_FINITE"); /* it is read once */
        assert_int_equal(ag_ok(ag_log(ag_constant(t, -1))), i > 0);
        ag_tape_free(t);
    }
    if (before)
        setenv("AG_CHECK_FINITE", before, 1);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_refused_where_it_arises),
        cmocka_unit_test(an_element_is_named_with_the_operands_there),
        cmocka_unit_test(other_ops_say_what_their_operands_hold),
        cmocka_unit_test(ops_of_ones_own_are_checked),
        cmocka_unit_test(what_is_not_made_from_finite_values_is_no_error),
        cmocka_unit_test(a_gradient_is_refused_where_it_arises),
        cmocka_unit_test(every_kind_of_pass_is_checked),
        cmocka_unit_test(what_reaches_a_gradient_is_traced_to_where_it_arose),
        cmocka_unit_test(what_a_branch_leaves_out_is_no_error),
        cmocka_unit_test(seeds_that_are_not_finite_are_no_error),
        cmocka_unit_test(what_a_checkpoint_computes_first_is_checked_as_ever),
        cmocka_unit_test(what_a_checkpoint_computes_again_is_checked_on_the_way_back),
        cmocka_unit_test(the_environment_asks_for_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
