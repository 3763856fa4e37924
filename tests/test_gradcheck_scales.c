/* The gradient checker where a function's own scale is not that of the steps: flat, oscillating or bent close to the
 * point, tiny, cancelling. Right derivatives never fail there, wrong ones never pass. */
#include "values.h"

/* ---- functions of (x - at) k, whose derivative may be wrong */

typedef enum mistake { NONE, FLIPPED, TRIPLED, MISSING } mistake;

static double same_map(const double *x, const void *params)
{
    (void)params;
    return x[0];
}

static void same_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const double factors[] = { [NONE] = 1, [FLIPPED] = -1, [TRIPLED] = 3, [MISSING] = 0 };
    dx[0] = ag_mul_scalar(dy[0], factors[*(const mistake *)ag_call_params(c)]);
}

static const ag_op same_op = {
    .name = "same", .inputs = 1, .params_size = sizeof(mistake), .map = same_map, .vjp = same_vjp
};

typedef struct scaled {
    ag_tensor (*f)(ag_tensor);
    double k, at;
    mistake m;
} scaled;

static ag_tensor apply(ag_list x, void *user)
{
    const scaled *s = user;
    ag_tensor y = ag_apply(&same_op, AG_LIST(x.at[0]), &s->m);
    return s->f(ag_mul_scalar(ag_add_scalar(y, -s->at), s->k));
}

static ag_verdict check(ag_tape *t, scaled s, double x, int directions)
{
    ag_check_options o = { .directions = directions };
    if (s.m) /* one element of several, at first order */
        o.order = 1;
    return ag_gradcheck_with(apply, &s, AG_LIST(AG_VALUES(t, AG_SHAPE(3), x, 0.4, -0.9)), o, NULL);
}

/* The verdict on the right derivative, and FAIL for every wrong one. */
static void expect(ag_tape *t, scaled s, double x, const char *what)
{
    for (int directions = 0; directions < 2; directions++)
        for (s.m = NONE; s.m <= MISSING; s.m++) {
            ag_verdict v = check(t, s, x, directions), wanted = s.m ? AG_FAIL : AG_PASS;
            if (v != wanted)
                fail_msg("%s: mistake %d, k %g, at %.17g - %g, directions %d: %s", what, s.m, s.k, s.at, x - s.at,
                         directions, ag_verdict_name(v));
        }
    assert_string_equal(ag_error_text(t), "");
}

static ag_tensor bump(ag_tensor x)
{
    return ag_mul(x, ag_exp(ag_neg(ag_square(x))));
}

static ag_tensor gauss(ag_tensor x)
{
    return ag_exp(ag_neg(ag_square(x)));
}

static void a_function_that_is_flat_farther_away_is_seen(void **state)
{
    for (double k = 10; k < 1e7; k *= 7) {
        double at = 0.3 - 0.4 / k;
        expect(*state, (scaled){ bump, k, at, NONE }, 0.3, "bump");
        expect(*state, (scaled){ gauss, k, at, NONE }, 0.3, "gauss");
        expect(*state, (scaled){ ag_tanh, k, at, NONE }, 0.3, "tanh");
        expect(*state, (scaled){ ag_sigmoid, k, at, NONE }, 0.3, "sigmoid");
    }
}

static void a_function_that_oscillates_within_the_first_step_is_seen(void **state)
{
    for (double k = 10; k < 1e7; k *= 7)
        expect(*state, (scaled){ ag_sin, k, 0, NONE }, 0.3, "sin");
    for (int i = 3; i < 20; i++) /* whole periods fit into the steps */
        expect(*state, (scaled){ ag_sin, 2 * 3.14159265358979323846 * ldexp(1, i), 0, NONE }, 0.3, "a period of 2^-i");
    const double large[] = { 31.7, -1e3, 1.5e6, -7.7e7 };
    for (size_t i = 0; i < ARRAY_SIZE(large); i++)
        expect(*state, (scaled){ ag_cos, 1, 0, NONE }, large[i], "cos");
}

/* ---- kinks nearby */

static ag_tensor leaky(ag_tensor x)
{
    return ag_leaky_relu(x, 0.3);
}

static ag_tensor wave(ag_tensor x)
{
    return ag_abs(ag_sin(x));
}

static void a_kink_nearby_makes_no_right_derivative_fail(void **state)
{
    ag_tensor (*functions[])(ag_tensor) = { ag_abs, ag_relu, leaky, wave };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        for (double near = 1e-3; near > 1e-14; near /= 3)
            for (int side = -1; side <= 1; side += 2)
                for (int m = NONE; m <= MISSING; m++) {
                    scaled s = { functions[i], 1, 0.3 - side * near, (mistake)m };
                    ag_verdict v = check(*state, s, 0.3, 0);
                    bool passes = near > 1e-8 && i < 2;
                    if (m ? v == AG_PASS : v == AG_FAIL || (passes && v != AG_PASS))
                        fail_msg("function %zu, mistake %d, %g from the kink: %s", i, m, side * near,
                                 ag_verdict_name(v));
                }
}

static ag_tensor dip(ag_tensor x) /* bent at 0, and again at about 0.005 */
{
    return ag_relu(ag_sub(ag_mul_scalar(x, -0.12), ag_mul_scalar(ag_square(x), 23)));
}

static void steps_that_all_miss_a_kink_do_not_pass(void **state)
{
    for (double shift = -1; shift < 1; shift += 0.01) {
        scaled s = { dip, 1, 0.3 + shift, NONE };
        ag_check_options o = { .order = 1 };
        assert_int_equal(ag_gradcheck_with(apply, &s, AG_LIST(ag_constant(*state, 0.3 + shift)), o, NULL), AG_KINK);
    }
}

/* ---- what rounding hides */

static ag_tensor none_of_all(ag_tensor x) /* 0 */
{
    return ag_log(ag_sum(ag_exp(ag_log_softmax(x, -1))));
}

static ag_tensor one_less_one(ag_tensor x)
{
    return ag_add_scalar(ag_mul(ag_exp(x), ag_exp(ag_neg(x))), -1);
}

static ag_tensor squared_rest(ag_tensor x)
{
    return ag_square(ag_add_scalar(ag_sum(ag_softmax(x, -1)), -1));
}

static ag_tensor less_their_mean(ag_tensor x)
{
    ag_tensor y = ag_exp(ag_tanh(x));
    return ag_sum(ag_sub(y, ag_mean(y)));
}

static ag_tensor cube(ag_tensor x)
{
    return ag_mul(ag_square(x), x);
}

static ag_tensor log_of_more(ag_tensor x)
{
    return ag_log(ag_add_scalar(ag_square(x), 1));
}

static void a_gradient_that_cancels_does_not_fail(void **state)
{
    ag_tensor (*functions[])(ag_tensor) = { none_of_all, one_less_one, squared_rest, less_their_mean };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        for (int k = 0; k < 50; k++) {
            ag_verdict v = check(*state, (scaled){ functions[i], 1, 0, NONE }, 0.1 * k - 2.4, 0);
            if (v == AG_FAIL)
                fail_msg("function %zu at %g", i, 0.1 * k - 2.4);
        }
    for (double offset = 1; offset < 1e8; offset *= 10) { /* values stay the same where steps are small */
        scaled s = { log_of_more, 1 / offset, 0, NONE };
        assert_int_not_equal(check(*state, s, 0.3, 0), AG_FAIL);
        s.m = FLIPPED;
        assert_int_not_equal(check(*state, s, 0.3, 0), AG_PASS);
    }
    for (int k = 0; k < 50; k++) { /* and 0.3 - at is not 0 exactly */
        double at = nextafter(0.3, k), x = 0.3 + (k % 7) * 1e-17;
        assert_int_not_equal(check(*state, (scaled){ ag_square, 1 + 0.37 * k, at, NONE }, x, 0), AG_FAIL);
        assert_int_not_equal(check(*state, (scaled){ cube, 1 + 0.37 * k, at, NONE }, x, 0), AG_FAIL);
    }
}

/* ---- steps */

static void any_step_is_survived(void **state)
{
    ag_tape *t = *state;
    const double steps[] = { 5e-324, 1e-300, 1e-17, 1e-9, 1e-3, 1, 1e3, 1e100, 1.7e308 },
                 at[] = { 0, 1e-300, 0.7, -1e5, 1e300 };
    ag_tensor (*functions[])(ag_tensor) = { ag_tanh, ag_sigmoid, ag_square };
    for (size_t s = 0; s < ARRAY_SIZE(steps); s++)
        for (size_t i = 0; i < ARRAY_SIZE(at); i++)
            for (size_t k = 0; k < ARRAY_SIZE(functions); k++)
                for (int directions = 0; directions < 2; directions++) {
                    ag_check_options o = { .step = steps[s], .directions = directions };
                    scaled right = { functions[k], 1, 0, NONE }, wrong = { ag_neg, 1, 0, MISSING };
                    ag_verdict v = ag_gradcheck_with(apply, &right, AG_LIST(ag_constant(t, at[i])), o, NULL);
                    if (v == AG_FAIL)
                        fail_msg("function %zu at %g by %g: %s", k, at[i], steps[s], ag_verdict_name(v));
                    v = ag_gradcheck_with(apply, &wrong, AG_LIST(ag_constant(t, at[i])), o, NULL);
                    if (v == AG_PASS)
                        fail_msg("a missing derivative at %g by %g: %s", at[i], steps[s], ag_verdict_name(v));
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_function_that_is_flat_farther_away_is_seen),
        TEST(a_function_that_oscillates_within_the_first_step_is_seen),
        TEST(a_kink_nearby_makes_no_right_derivative_fail),
        TEST(steps_that_all_miss_a_kink_do_not_pass),
        TEST(a_gradient_that_cancels_does_not_fail),
        TEST(any_step_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
