/* The gradient checker where there is no derivative, or where it cannot be seen: kinks, jumps, noise, ends of the
 * domain. */
#include "values.h"

#include <stdio.h>

static ag_tensor values_1(ag_tape *t)
{
    return AG_VALUES(t, AG_SHAPE(2, 3), 0.3, -1.2, 0.8, 1.7, -0.4, 0.25);
}

typedef ag_tensor unary(ag_tensor x);

static ag_tensor apply_unary(ag_list x, void *user)
{
    unary *f;
    memcpy(&f, user, sizeof f);
    return f(x.at[0]);
}

static ag_tensor x_abs_x(ag_tensor x)
{
    return ag_mul(x, ag_abs(x));
}

static ag_tensor step_at_zero(ag_tensor x)
{
    return ag_heaviside(x, 1);
}

static ag_tensor lone_point(ag_tensor x)
{
    return ag_cast(ag_equal(x, ag_constant(x.tape, 0)), AG_F64);
}

static ag_tensor slightly_bent(ag_tensor x)
{
    return ag_leaky_relu(x, 0.9999);
}

static ag_tensor cusp(ag_tensor x)
{
    return ag_sqrt(ag_abs(x));
}

static ag_verdict at_point(ag_tape *t, unary *f, double x, int order)
{
    ag_check_options o = { .order = order };
    ag_verdict v = ag_gradcheck_with(apply_unary, &f, AG_LIST(AG_VALUES(t, AG_SHAPE(2), x, 1)), o, NULL);
    assert_string_equal(ag_error_text(t), "");
    assert_int_equal(ag_gradcheck_with(apply_unary, &f, AG_LIST(ag_variable(t, x)), o, NULL), v);
    return v;
}

static void kinks_and_jumps_are_told(void **state)
{
    ag_tape *t = *state;
    assert_int_equal(at_point(t, ag_abs, 0, 1), AG_KINK);
    assert_int_equal(at_point(t, ag_relu, 0, 1), AG_KINK);
    assert_int_equal(at_point(t, slightly_bent, 0, 1), AG_KINK);
    assert_int_equal(at_point(t, x_abs_x, 0, 1), AG_PASS);
    assert_int_equal(at_point(t, x_abs_x, 0, 2), AG_KINK);
    assert_int_equal(at_point(t, step_at_zero, 0, 1), AG_KINK);
    assert_int_equal(at_point(t, lone_point, 0, 1), AG_KINK);
    assert_int_equal(at_point(t, cusp, 0, 1), AG_INCONCLUSIVE);
    const double near[] = { 1e-2, -1e-3, 1e-4, -1e-5, 1e-6 }; /* steps that cross the kink are not used */
    assert_int_equal(at_point(t, slightly_bent, 1e-3, 2), AG_PASS);
    for (size_t i = 0; i < ARRAY_SIZE(near); i++) {
        assert_int_equal(at_point(t, ag_abs, near[i], 2), AG_PASS);
        assert_int_equal(at_point(t, ag_relu, near[i], 2), AG_PASS);
        assert_int_equal(at_point(t, step_at_zero, near[i], 2), AG_PASS);
    }
}

static double noisy_map(const double *x, const void *params)
{
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    bits = (bits ^ bits >> 31) * 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 29) * 0xbf58476d1ce4e5b9u;
    return x[0] * x[0] * x[0] + *(const double *)params * ldexp((double)(bits >> 11), -53);
}

static void noisy_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_square(ag_call_input(c, 0)), 3));
}

static const ag_op noisy_op = {
    .name = "noisy", .inputs = 1, .params_size = sizeof(double), .map = noisy_map, .vjp = noisy_vjp
};

static ag_tensor noisy(ag_list x, void *user)
{
    return ag_apply(&noisy_op, AG_LIST(x.at[0]), user);
}

static ag_tensor single_precision(ag_list x, void *user)
{
    (void)user;
    return ag_square(ag_cast(x.at[0], AG_F32));
}

static ag_tensor never_the_same(ag_list x, void *user)
{
    return ag_mul_scalar(ag_square(x.at[0]), ++*(double *)user);
}

static void noise_is_inconclusive(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = values_1(t);
    ag_check_options first = { .order = 1 };
    for (double level = 1e-1; level > 1e-5; level /= 10)
        assert_int_equal(ag_gradcheck_with(noisy, &level, AG_LIST(x), first, NULL), AG_INCONCLUSIVE);
    double little = 1e-9, calls = 0;
    assert_int_equal(ag_gradcheck_with(noisy, &little, AG_LIST(x), first, NULL), AG_PASS);
    assert_int_equal(ag_gradcheck(single_precision, NULL, AG_LIST(x), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(never_the_same, &calls, AG_LIST(x), NULL), AG_INCONCLUSIVE);
    assert_string_equal(ag_error_text(t), "");
}

static ag_tensor logarithm(ag_list x, void *user)
{
    (void)user;
    return ag_log(x.at[0]);
}

static ag_tensor root(ag_list x, void *user)
{
    (void)user;
    return ag_sqrt(x.at[0]);
}

static ag_tensor power(ag_list x, void *user)
{
    (void)user;
    return ag_pow_scalar(x.at[0], 2.5);
}

static void steps_stay_in_the_domain(void **state)
{
    ag_tape *t = *state;
    const double zero = 0, one = 1;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(5), 1e-8, 1e-5, 1e-3, 0.1, 1);
    ag_check_options o = { .low = &zero }, both = { .low = &zero, .high = &one };
    assert_int_equal(ag_gradcheck_with(logarithm, NULL, AG_LIST(x), o, NULL), AG_PASS);
    assert_int_equal(ag_gradcheck_with(logarithm, NULL, AG_LIST(x), both, NULL), AG_PASS);
    assert_int_equal(ag_gradcheck(logarithm, NULL, AG_LIST(x), stdout), AG_PASS); /* beyond the end it is NaN */
    assert_int_equal(ag_gradcheck_with(power, NULL, AG_LIST(ag_constant(t, 0)), (ag_check_options){ .order = 1 }, NULL),
                     AG_PASS);
    o.order = 1;
    assert_int_equal(ag_gradcheck_with(power, NULL, AG_LIST(ag_constant(t, 0)), o, NULL), AG_PASS);
    assert_int_equal(ag_gradcheck_with(root, NULL, AG_LIST(ag_constant(t, 0)), o, NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(logarithm, NULL, AG_LIST(ag_constant(t, -1)), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_error(t), AG_OK);
    assert_int_equal(ag_gradcheck_with(logarithm, NULL, AG_LIST(ag_constant(t, -1)), o, NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_error(t), AG_EARG); /* outside of the bounds */
    ag_error_clear(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kinks_and_jumps_are_told),
        TEST(noise_is_inconclusive),
        TEST(steps_stay_in_the_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
