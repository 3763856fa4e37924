/* The gradient checker on functions: right ones pass, wrong ones fail however small or large their derivatives are,
 * kinks, jumps and noise are told apart, and the tape is left as it was. */
#include "values.h"

#include <stdio.h>

static ag_verdict check(ag_function *f, void *user, ag_list at)
{
    ag_verdict v = ag_gradcheck(f, user, at, stdout);
    assert_string_equal(ag_error_text(at.at[0].tape), "");
    return v;
}

static ag_tensor values_1(ag_tape *t)
{
    return AG_VALUES(t, AG_SHAPE(2, 3), 0.3, -1.2, 0.8, 1.7, -0.4, 0.25);
}

/* ---- an op that is wrong in a chosen way: y = x^3 */

typedef enum mistake {
    NONE,
    SIGN_FLIPPED,
    DOUBLED,
    FACTOR,       /* 1.01 */
    SMALL_FACTOR, /* 1.00001 */
    ONE_ZEROED,   /* the derivative of one element */
    ALL_ZEROED,
    SHIFTED,       /* every element has its neighbour's */
    SECOND_ORDER,  /* the saved operand counts as a constant */
    SECOND_FLIPPED /* right at first order, of the wrong sign at second */
} mistake;

static double cube_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[0] * x[0];
}

static ag_tensor mask_of(ag_tensor x)
{
    ag_tape *t = x.tape;
    ag_tensor ones = ag_ones(t, AG_F64, ag_shape_of(x));
    ag_tensor first = ag_mul(ones, ag_cast(ag_equal(counting(t, ag_shape_of(x)), ag_constant(t, 2)), AG_F64));
    return ag_sub(ones, first);
}

static void cube_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const mistake m = *(const mistake *)ag_call_params(c);
    ag_tensor x = ag_call_input(c, 0), slope = ag_mul_scalar(ag_square(x), 3);
    const double factors[] = {
        [SIGN_FLIPPED] = -1, [DOUBLED] = 2, [FACTOR] = 1.01, [SMALL_FACTOR] = 1.00001, [ALL_ZEROED] = 0
    };
    if (m == SECOND_ORDER)
        slope = ag_mul_scalar(ag_square(ag_detach(x)), 3);
    else if (m == SECOND_FLIPPED) /* 6 d^2 - 3 x^2 where d = x */
        slope = ag_sub(ag_mul_scalar(ag_square(ag_detach(x)), 6), slope);
    else if (m == ONE_ZEROED)
        slope = ag_mul(slope, mask_of(x));
    else if (m == SHIFTED)
        slope = ag_concat(AG_LIST(ag_slice(slope, -1, 1, 100, 1), ag_slice(slope, -1, 0, 1, 1)), -1);
    else if (m)
        slope = ag_mul_scalar(slope, factors[m]);
    dx[0] = ag_mul(dy[0], slope);
}

static const ag_op cube_op = {
    .name = "cube", .formula = "x^3", .inputs = 1, .params_size = sizeof(mistake), .map = cube_map, .vjp = cube_vjp
};

typedef struct cube_case {
    mistake m;
    double scale;
    bool ranked;
} cube_case;

static ag_tensor cube(ag_list x, void *user)
{
    const cube_case *c = user;
    ag_tensor y = ag_mul_scalar(ag_apply(&cube_op, AG_LIST(x.at[0]), &c->m), c->scale);
    return c->ranked ? y : ag_sum(ag_sin(y));
}

static void every_mistake_is_found_at_every_scale(void **state)
{
    ag_tensor x = values_1(*state);
    const double scales[] = { 1, 1e-12, 1e12, 1e-100, 1e100 };
    for (int m = NONE; m <= SECOND_FLIPPED; m++)
        for (size_t s = 0; s < ARRAY_SIZE(scales); s++)
            for (int ranked = scales[s] > 1; ranked < 2; ranked++) {
                cube_case c = { (mistake)m, scales[s], ranked };
                ag_verdict v = ag_gradcheck(cube, &c, AG_LIST(x), NULL);
                if (v != (m == NONE ? AG_PASS : AG_FAIL))
                    fail_msg("mistake %d, scale %g, ranked %d: %s", m, scales[s], ranked, ag_verdict_name(v));
            }
}

static ag_tensor cube_on_offset(ag_list x, void *user)
{
    const double offset = *(const double *)user;
    const cube_case *c = (const cube_case *)((const double *)user + 1);
    return ag_add_scalar(ag_sum(ag_mul_scalar(ag_apply(&cube_op, AG_LIST(x.at[0]), &c->m), c->scale)), offset);
}

/* Beside a large constant, rounding hides the derivative in part: then nothing is claimed, but that a derivative of
 * zero is one as far as can be seen. */
static void an_offset_makes_no_mistake_pass(void **state)
{
    ag_tensor x = values_1(*state);
    const double offsets[] = { 1, 1e3, 1e6, 1e6 }, scales[] = { 1e-12, 1e-11, 1e-7, 1e-3 };
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
        for (int m = NONE; m <= SECOND_FLIPPED; m++) {
            struct {
                double offset;
                cube_case c;
            } f = { offsets[i], { (mistake)m, scales[i], false } };
            bool zero = m == ALL_ZEROED || m == ONE_ZEROED || m == SECOND_ORDER;
            if ((zero && scales[i] < 1e-9 * offsets[i]) || m == SMALL_FACTOR)
                continue;
            ag_verdict v = ag_gradcheck(cube_on_offset, &f, AG_LIST(x), NULL);
            if (v == (m == NONE ? AG_FAIL : AG_PASS) || v == AG_KINK)
                fail_msg("mistake %d, %g + %g x^3: %s", m, offsets[i], scales[i], ag_verdict_name(v));
        }
}

static void mistakes_are_found_along_random_directions(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(40, 50), -2, 2);
    for (int m = NONE; m <= SECOND_FLIPPED; m++)
        for (int ranked = 0; ranked < 2; ranked++) {
            cube_case c = { (mistake)m, 1e-3, ranked };
            ag_check_report r;
            ag_check_options o = { .directions = 3, .seed = 5 };
            ag_verdict v = ag_gradcheck_with(cube, &c, AG_LIST(x), o, &r);
            if (v != (m == NONE ? AG_PASS : AG_FAIL))
                fail_msg("mistake %d, ranked %d: %s, analytic %g, numeric %g, estimate %g", m, ranked,
                         ag_verdict_name(v), r.analytic, r.numeric, r.estimate);
        }
}

static void the_report_names_the_worst_element(void **state)
{
    ag_check_report r;
    ag_tensor x = values_1(*state);
    cube_case c = { ONE_ZEROED, 1, true };
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), (ag_check_options){ .order = 1 }, &r), AG_FAIL);
    assert_int_equal(r.order, 1);
    assert_int_equal(r.input, 0);
    assert_int_equal(r.element, 1);
    assert_int_equal(r.output, 1);
    assert_int_equal(r.checked, 36);
    assert_true(r.analytic == 0 && fabs(r.numeric - 3 * 1.2 * 1.2) < 1e-9);
    assert_true(r.estimate < 1e-9 && r.tolerance < 1e-5 && r.tolerance > 0);
    c.m = SECOND_ORDER;
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), (ag_check_options){ 0 }, &r), AG_FAIL);
    assert_int_equal(r.order, 2);
    assert_int_equal(r.checked, 36 + 36);
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), (ag_check_options){ .order = 1 }, &r), AG_PASS);
}

static void a_given_tolerance_is_kept_to(void **state)
{
    ag_tensor x = values_1(*state);
    cube_case c = { SMALL_FACTOR, 1, false };
    ag_check_options o = { .order = 1, .tolerance = 1e-4 };
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), o, NULL), AG_PASS);
    o.tolerance = 1e-7;
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), o, NULL), AG_FAIL);
    c.m = NONE;
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), o, NULL), AG_PASS);
    o.tolerance = 1e-17; /* less than any numeric derivative can resolve */
    assert_int_equal(ag_gradcheck_with(cube, &c, AG_LIST(x), o, NULL), AG_INCONCLUSIVE);
}

/* ---- right functions */

static ag_tensor network(ag_list x, void *user)
{
    (void)user;
    ag_tensor h = ag_tanh(ag_linear(x.at[0], x.at[1], x.at[2]));
    return ag_mul(ag_log_softmax(ag_mul(h, x.at[3]), -1), x.at[3]);
}

static ag_tensor with_noise(ag_list x, void *user) /* the tape's random numbers, replayed */
{
    (void)user;
    ag_tensor keep = ag_less(ag_rand(x.at[0].tape, AG_F64, ag_shape_of(x.at[0]), 0, 1), ag_constant(x.at[0].tape, 0.5));
    return ag_sum(ag_exp(ag_mul(x.at[0], ag_cast(keep, AG_F64))));
}

static ag_tensor newton_step(ag_list x, void *user) /* a function that differentiates */
{
    (void)user;
    ag_tensor z = x.at[0], f = ag_sum(ag_square(ag_square(z))), df;
    ag_gradients(f, AG_LIST(z), AG_CREATE_GRAPH, &df);
    return ag_sub(z, ag_div(ag_square(z), df));
}

static ag_tensor sum_of_softmax(ag_list x, void *user) /* a constant, but for rounding */
{
    (void)user;
    return ag_sum(ag_softmax(x.at[0], -1));
}

static ag_tensor wide(ag_list x, void *user) /* more outputs than are looked at one by one */
{
    (void)user;
    return ag_mul(ag_expand(x.at[0], AG_SHAPE(700, 2, 3)), counting(x.at[0].tape, AG_SHAPE(700, 1, 1)));
}

static void right_functions_pass(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = values_1(t), w = ag_rand(t, AG_F64, AG_SHAPE(4, 3), -1, 1),
              b = ag_rand(t, AG_F64, AG_SHAPE(4), -1, 1);
    assert_int_equal(check(network, NULL, AG_LIST(x, w, b, ag_variable(t, 0.7))), AG_PASS);
    assert_int_equal(check(network, NULL,
                           AG_LIST(ag_param(x, "x"), ag_transpose(ag_transpose(w, 0, 1), 0, 1), b,
                                   ag_param(ag_constant(t, 0.7), "s"))),
                     AG_PASS);
    assert_int_equal(check(with_noise, NULL, AG_LIST(x)), AG_PASS);
    assert_int_equal(check(newton_step, NULL, AG_LIST(x)), AG_PASS);
    assert_int_equal(check(sum_of_softmax, NULL, AG_LIST(x)), AG_PASS);
    assert_int_equal(check(wide, NULL, AG_LIST(x)), AG_PASS);
}

/* ---- what hides a dependence, or a term of a sum */

static ag_tensor detached(ag_list x, void *user)
{
    (void)user;
    return ag_mul(ag_detach(x.at[0]), x.at[1]);
}

static ag_tensor half_detached(ag_list x, void *user) /* of 4200 outputs, one lacks its derivative */
{
    ag_tensor y = wide(x, user), last = ag_detach(ag_slice(y, 0, 699, 700, 1));
    return ag_concat(AG_LIST(ag_slice(y, 0, 0, 699, 1), last), 0);
}

static ag_tensor among_large(ag_list x, void *user) /* small derivatives beside large ones */
{
    const cube_case *c = user;
    ag_tensor y = ag_apply(&cube_op, AG_LIST(x.at[0]), &c->m);
    return ag_add(ag_mul_scalar(ag_sum(ag_square(x.at[1])), 1e3), ag_mul_scalar(ag_sum(y), 1e-3));
}

static void hidden_mistakes_are_found(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = values_1(t), z = ag_rand(t, AG_F64, AG_SHAPE(3), 1, 2);
    assert_int_equal(ag_gradcheck(detached, NULL, AG_LIST(x, ag_constant(t, 2)), NULL), AG_FAIL);
    assert_int_equal(ag_gradcheck(half_detached, NULL, AG_LIST(x), NULL), AG_FAIL);
    for (int m = NONE; m <= SECOND_FLIPPED; m++) {
        cube_case c = { (mistake)m, 1, false };
        ag_verdict v = ag_gradcheck(among_large, &c, AG_LIST(x, z), NULL);
        if (v != (m == NONE ? AG_PASS : AG_FAIL))
            fail_msg("mistake %d: %s", m, ag_verdict_name(v));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_mistake_is_found_at_every_scale),
        TEST(mistakes_are_found_along_random_directions),
        TEST(an_offset_makes_no_mistake_pass),
        TEST(the_report_names_the_worst_element),
        TEST(a_given_tolerance_is_kept_to),
        TEST(right_functions_pass),
        TEST(hidden_mistakes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
