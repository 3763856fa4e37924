/* The checks of an op on elementwise ops that are wrong in one way each: the check that is made for the mistake finds
 * it. */
#include "planted.h"

/* ---- elementwise: y = x^3 and y = a b^2, with a rule of one's own */

static double cube_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[0] * x[0];
}

static const ag_sample one_input[] = { { .low = { -2 }, .high = { 2 } }, { .low = { 0.5 }, .high = { 3 } }, { 0 } };
static const ag_sample two_inputs[] = { { .low = { -2, 0.5 }, .high = { 2, 3 } }, { 0 } };

static ag_op cube(void (*vjp)(const ag_call *c, const ag_tensor *dy, ag_tensor *dx))
{
    return (ag_op){ .name = "cube", .formula = "x^3", .inputs = 1, .map = cube_map, .vjp = vjp, .samples = one_input };
}

static ag_tensor slope(const ag_call *c)
{
    return ag_mul_scalar(ag_square(ag_call_input(c, 0)), 3);
}

static void cube_right(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], slope(c));
}

static void cube_negative(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_neg(slope(c)));
}

static void cube_factor(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul_scalar(ag_mul(dy[0], slope(c)), 1.01);
}

static void cube_zeroed(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* where x is between 0.5 and 1 */
{
    ag_tensor x = ag_call_input(c, 0),
              inside = ag_mul(ag_heaviside(ag_add_scalar(x, -0.5), 1), ag_heaviside(ag_scalar_sub(1, x), 1));
    dx[0] = ag_mul(ag_mul(dy[0], slope(c)), ag_scalar_sub(1, inside));
}

static void cube_constant(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* right once */
{
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_square(ag_detach(ag_call_input(c, 0))), 3));
}

static void cube_nothing(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c, (void)dy;
    dx[0] = (ag_tensor){ 0 };
}

static void cube_of_another_shape(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_select(ag_mul(dy[0], slope(c)), 0, 0);
}

static void wrong_elementwise_rules_fail(void **state)
{
    (void)state;
    ag_op op = cube(cube_right);
    expect_pass(&op);
    op = cube(cube_negative);
    expect_fail(&op, AG_CHECK_FIRST);
    op = cube(cube_factor);
    expect_fail(&op, AG_CHECK_FIRST);
    op = cube(cube_zeroed);
    expect_fail(&op, AG_CHECK_FIRST);
    op = cube(cube_constant);
    expect_fail(&op, AG_CHECK_SECOND);
    op = cube(cube_nothing);
    expect_fail(&op, AG_CHECK_FIRST);
    op = cube(cube_of_another_shape);
    expect_fail(&op, AG_CHECK_FIRST);
    op = cube(NULL);
    expect_fail(&op, AG_CHECK_FIRST);
    op.flags = AG_NO_GRADIENT; /* what is declared not to move does */
    expect_fail(&op, AG_CHECK_FIRST);
}

static void cube_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_mul(dx[0], ag_mul_scalar(slope(c), 2));
}

static void wrong_forward_derivatives_fail(void **state)
{
    (void)state;
    ag_op op = cube(cube_right);
    op.jvp = cube_right;
    expect_pass(&op);
    op.jvp = cube_jvp;
    expect_fail(&op, AG_CHECK_JVP);
}

static double product_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[1] * x[1];
}

static void product_right(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1);
    if (ag_call_needs(c, 0))
        dx[0] = ag_mul(dy[0], ag_square(b));
    if (ag_call_needs(c, 1))
        dx[1] = ag_mul_scalar(ag_mul(dy[0], ag_mul(a, b)), 2);
}

static void product_swapped(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor both[2] = { { 0 }, { 0 } };
    product_right(c, dy, both);
    dx[0] = both[1];
    dx[1] = both[0];
}

static void product_needing_both(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    if (ag_call_needs(c, 0) && ag_call_needs(c, 1))
        product_right(c, dy, dx);
}

static void wrong_binary_rules_fail(void **state)
{
    (void)state;
    ag_op op = { .name = "product", .inputs = 2, .map = product_map, .vjp = product_right, .samples = two_inputs };
    expect_pass(&op);
    op.vjp = product_swapped;
    expect_fail(&op, AG_CHECK_FIRST);
    op.vjp = product_needing_both;
    expect_fail(&op, AG_CHECK_NEEDS);
}

static double log_map(const double *x, const void *params)
{
    (void)params;
    return x[0] > -1 ? log(x[0] + 1) * x[0] : 0;
}

static void log_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0), more = ag_add_scalar(x, 1);
    dx[0] = ag_mul(dy[0], ag_add(ag_log(more), ag_div(x, more)));
}

static double root_map(const double *x, const void *params)
{
    (void)params;
    return cbrt(x[0]);
}

static void root_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_div(dy[0], ag_mul_scalar(ag_square(ag_call_output(c, 0)), 3));
}

static void root_chain(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_chain(dy[0], ag_scalar_div(1, ag_mul_scalar(ag_square(ag_call_output(c, 0)), 3)));
}

static void structural_zeros_are_asked_for(void **state)
{
    (void)state;
    const ag_sample around_zero[] = { { .low = { -2 }, .high = { 2 } }, { 0 } };
    ag_op op = { .name = "root", .inputs = 1, .map = root_map, .vjp = root_chain, .samples = around_zero };
    expect_pass(&op);
    op.vjp = root_vjp;
    expect_fail(&op, AG_CHECK_ZEROS);
    const ag_sample open[] = { { .low = { -1 }, .high = { 3 } },
                               { 0 } }; /* infinite on the bound, which is not part of it */
    op = (ag_op){ .name = "log", .inputs = 1, .map = log_map, .vjp = log_vjp, .samples = open };
    expect_pass(&op);
}

/* ---- a kink at a sample */

static double bent_map(const double *x, const void *params)
{
    const double *c = params;
    return fabs(x[0] - *c);
}

static void bent_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_sign(ag_add_scalar(ag_call_input(c, 0), -*(const double *)ag_call_params(c))));
}

static void a_kink_at_the_sample_is_told(void **state)
{
    double at = 0;
    ag_sample samples[2] = { { .low = { -2 }, .high = { 2 }, .params = &at }, { 0 } };
    ag_op op = {
        .name = "bent", .inputs = 1, .params_size = sizeof at, .map = bent_map, .vjp = bent_vjp, .samples = samples
    };
    ag_case c;
    expect_pass(&op);
    ag_case_of_sample(&op, samples, 2, &c);
    assert_true(ag_case_draw(*state, &c, 1)); /* as the check does with its first sample */
    at = c.x[0][5];
    assert_int_equal(ag_check_op(&op, NULL), AG_KINK);
}

/* ---- what proves nothing */

static double noisy_map(const double *x, const void *params)
{
    (void)params;
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    bits = (bits ^ bits >> 31) * 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 29) * 0xbf58476d1ce4e5b9u;
    return x[0] * x[0] * x[0] + 1e-2 * ldexp((double)(bits >> 11), -53);
}

static void what_was_not_seen_is_inconclusive(void **state)
{
    (void)state;
    ag_op op = cube(cube_right);
    op.map = noisy_map;
    assert_int_equal(ag_check_op(&op, NULL), AG_INCONCLUSIVE);
    op = cube(cube_right);
    op.samples = NULL;
    assert_int_equal(ag_check_op(&op, NULL), AG_INCONCLUSIVE);
    op.samples = (const ag_sample[]){ { 0 } };
    assert_int_equal(ag_check_op(&op, NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_check_op(NULL, NULL), AG_INCONCLUSIVE);
    op = (ag_op){ .name = "nothing", .samples = one_input };
    assert_int_equal(ag_check_op(&op, NULL), AG_FAIL); /* neither map nor forward: its samples are refused */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_elementwise_rules_fail),
        cmocka_unit_test(wrong_forward_derivatives_fail),
        cmocka_unit_test(wrong_binary_rules_fail),
        cmocka_unit_test(structural_zeros_are_asked_for),
        cmocka_unit_test_setup_teardown(a_kink_at_the_sample_is_told, set_up, tear_down),
        cmocka_unit_test(what_was_not_seen_is_inconclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
