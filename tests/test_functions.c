/* Elementwise functions where plain formulas end: near overflow, in tails, at infinities and poles. As numbers and in
 * arrays of both dtypes. */
#include "support.h"

typedef ag_tensor function(ag_tensor x);

static ag_tensor elu_of_half(ag_tensor x)
{
    return ag_elu(x, 0.5);
}
static ag_tensor celu_of_half(ag_tensor x)
{
    return ag_celu(x, 0.5);
}

/* x, the value and the derivative; of whole ranges where the value is in double alone: f32 is not tried */
typedef struct point {
    const char *name;
    function *f;
    double x, y, dy;
    bool in_f64;
} point;

static const point points[] = {
    { "sinh", ag_sinh, 710, 1.1169973830808555e308, 1.1169973830808555e308, true },
    { "cosh", ag_cosh, -710, 1.1169973830808555e308, -1.1169973830808555e308, true },
    { "sinh", ag_sinh, 89, 2.2448064095871726e38, 2.2448064095871726e38, false },
    { "asinh", ag_asinh, -1e300, -691.46867507877365, 1e-300, true },
    { "acosh", ag_acosh, 1e300, 691.46867507877365, 1e-300, true },
    { "log1p", ag_log1p, 1.7e308, 709.72683689322824, 1 / 1.7e308, true },
    { "expm1", ag_expm1, -50, -1, 1.9287498479639178e-22, false },
    { "erfc", ag_erfc, 26, 5.6631924088561428e-296, -2.9470349932662695e-294, true },
    { "gelu", ag_gelu, -10, -7.6198530241605261e-23, -7.6184000964648141e-22, false },
    { "gelu", ag_gelu, -INFINITY, 0, 0, false },
    { "gelu", ag_gelu, INFINITY, INFINITY, 1, false },
    { "gelu_tanh", ag_gelu_tanh, -INFINITY, 0, 0, false },
    { "gelu_tanh", ag_gelu_tanh, INFINITY, INFINITY, 1, false },
    { "silu", ag_silu, -740, -3.0996675112355562e-319, -3.0954787713555082e-319, true },
    { "silu", ag_silu, -INFINITY, 0, 0, false },
    { "silu", ag_silu, INFINITY, INFINITY, 1, false },
    { "mish", ag_mish, -INFINITY, 0, 0, false },
    { "mish", ag_mish, INFINITY, INFINITY, 1, false },
    { "softsign", ag_softsign, -INFINITY, -1, 0, false },
    { "hardswish", ag_hardswish, -INFINITY, 0, 0, false },
    { "elu", elu_of_half, -INFINITY, -0.5, 0, false },
    { "celu", celu_of_half, -INFINITY, -0.5, 0, false },
    { "selu", ag_selu, -INFINITY, -1.7580993408473766, 0, false },
    { "logsigmoid", ag_logsigmoid, -1000, -1000, 1, false },
    { "logsigmoid", ag_logsigmoid, 50, -1.9287498479639178e-22, 1.9287498479639178e-22, false },
    { "erfinv", ag_erfinv, 1, INFINITY, INFINITY, false },
    { "erfinv", ag_erfinv, 0x1.fffffffffffffp-1, 5.8635847487551679, 757347920544974.63, true },
    { "digamma", ag_digamma, 1.4616321449683622, -9.2412655217294275e-17, 0.96767224544762125, true },
    { "digamma", ag_digamma, 0, -INFINITY, INFINITY, false },
    { "lgamma", ag_lgamma, -2, INFINITY, NAN, false },
};

/* Relative to the value, or a few times the smallest number. */
static bool close_to(double a, double b, double epsilon, double least)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= epsilon * fabs(b) + 4 * least;
}

static void expect_point(const point *p, ag_tensor x, double epsilon, double least)
{
    ag_tape *t = x.tape;
    const ag_tensor y = p->f(x);
    ag_backward(ag_sum(y));
    assert_int_equal(ag_error(t), AG_OK);
    const bool scalar = ag_shape_of(x).rank == 0;
    const double value = scalar ? ag_item(y) : ag_item_at(y, 4);
    const double slope = scalar ? ag_item(ag_grad(x)) : ag_item_at(ag_grad(x), 4);
    if (!close_to(value, p->y, epsilon, least) || !close_to(slope, p->dy, 100 * epsilon, 1000 * least))
        fail_msg("%s(%g) is %.17g, not %.17g; its derivative %.17g, not %.17g", p->name, p->x, value, p->y, slope,
                 p->dy);
}

static void functions_keep_their_digits_to_the_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        const point *p = &points[i];
        ag_tape *t = new_tape();
        const double values[] = { p->x, 0.5, 0.5, 0.5, p->x };
        float singles[5];
        expect_point(p, ag_variable(t, p->x), 1e-14, 5e-324);
        expect_point(p, ag_require_grad(ag_from(t, AG_F64, AG_SHAPE(5), values, sizeof values)), 1e-14, 5e-324);
        for (int k = 0; k < 5; k++)
            singles[k] = (float)values[k];
        if (!p->in_f64)
            expect_point(p, ag_require_grad(ag_from(t, AG_F32, AG_SHAPE(5), singles, sizeof singles)), 3e-7, 1e-45);
        ag_tape_free(t);
    }
}

static void polygammas_are_known(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor one = ag_constant(t, 1), left = ag_constant(t, -0.5);
    assert_true(close_to(ag_item(ag_polygamma(0, one)), -0.5772156649015329, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(1, one)), 1.6449340668482264, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(2, one)), -2.4041138063191886, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(1, left)), 8.934802200544679, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(2, left)), -0.8287966442343199, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(3, ag_constant(t, -1.5))), 194.59427621918763, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(5, ag_constant(t, 0.3))), 164634.84609922304, 1e-13, 0));
    assert_true(close_to(ag_item(ag_polygamma(20, ag_constant(t, 2.5))), -10709198259.124132, 1e-13, 0));
    assert_true(ag_item(ag_polygamma(1, ag_constant(t, -3))) == INFINITY);
    assert_true(ag_item(ag_polygamma(2, ag_constant(t, INFINITY))) == 0);
    ag_polygamma(-1, one);
    expect_error(t, AG_EARG, "ag_polygamma: the order -1 is not from 0 to 100");
    ag_polygamma(101, one);
    expect_error(t, AG_EARG, "ag_polygamma: the order 101 is not from 0 to 100");
    ag_tape_free(t);
}

/* On the bounds hardtanh passes nothing, clamp 1. */
static void hardtanh_ends_on_its_bounds(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double values[] = { -2, -1, 0, 1, 2 }, expected[] = { 0, 0, 1, 0, 0 };
    const ag_tensor x = ag_require_grad(ag_from(t, AG_F64, AG_SHAPE(5), values, sizeof values));
    ag_backward(ag_sum(ag_hardtanh(x, -1, 1)));
    for (int i = 0; i < 5; i++)
        assert_true(ag_item_at(ag_grad(x), i) == expected[i]);
    ag_hardtanh(x, 1, -1);
    expect_error(t, AG_EARG, "ag_hardtanh: the bounds 1 and -1 are not in order");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_keep_their_digits_to_the_ends),
        cmocka_unit_test(polygammas_are_known),
        cmocka_unit_test(hardtanh_ends_on_its_bounds),
    };
    return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
