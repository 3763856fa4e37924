/* Gradients of gradients of gradients of gradients against closed forms. */
#include "support.h"

enum { ORDERS = 4 };

/* ---- functions of one number */

typedef struct known_function {
    const char *name;
    ag_tensor (*f)(ag_tensor x);
    void (*derivatives)(double x, double *d); /* of orders 1 to 4 */
    double at;
} known_function;

static ag_tensor exponential(ag_tensor x)
{
    return ag_exp(ag_mul_scalar(x, 2));
}

static void of_exponential(double x, double *d)
{
    for (int k = 1; k <= ORDERS; k++)
        d[k - 1] = pow(2, k) * exp(2 * x);
}

static ag_tensor sine(ag_tensor x)
{
    return ag_sin(x);
}

static void of_sine(double x, double *d)
{
    const double of[] = { cos(x), -sin(x), -cos(x), sin(x) };
    memcpy(d, of, sizeof of);
}

static ag_tensor cosine(ag_tensor x)
{
    return ag_cos(x);
}

static void of_cosine(double x, double *d)
{
    const double of[] = { -sin(x), -cos(x), sin(x), cos(x) };
    memcpy(d, of, sizeof of);
}

static ag_tensor power(ag_tensor x)
{
    return ag_pow_scalar(x, 5.5);
}

static ag_tensor general_power(ag_tensor x)
{
    return ag_pow(x, ag_constant(x.tape, 5.5));
}

static void of_power(double x, double *d)
{
    double c = 1;
    for (int k = 1; k <= ORDERS; k++) {
        c *= 6.5 - k;
        d[k - 1] = c * pow(x, 5.5 - k);
    }
}

static ag_tensor reciprocal(ag_tensor x)
{
    return ag_scalar_div(3, x);
}

static ag_tensor quotient(ag_tensor x)
{
    return ag_div(ag_mul_scalar(ag_square(x), 3), ag_mul(ag_square(x), x));
}

static void of_reciprocal(double x, double *d)
{
    double c = 3;
    for (int k = 1; k <= ORDERS; k++) {
        c *= -k;
        d[k - 1] = c * pow(x, -k - 1);
    }
}

static ag_tensor logarithm(ag_tensor x)
{
    return ag_log(x);
}

static void of_logarithm(double x, double *d)
{
    const double of[] = { 1 / x, -1 / (x * x), 2 / pow(x, 3), -6 / pow(x, 4) };
    memcpy(d, of, sizeof of);
}

static ag_tensor root(ag_tensor x)
{
    return ag_sqrt(x);
}

static void of_root(double x, double *d)
{
    const double of[] = { 0.5 * pow(x, -0.5), -0.25 * pow(x, -1.5), 0.375 * pow(x, -2.5), -0.9375 * pow(x, -3.5) };
    memcpy(d, of, sizeof of);
}

static ag_tensor hyperbolic(ag_tensor x)
{
    return ag_tanh(x);
}

static void of_hyperbolic(double x, double *d)
{
    const double y = tanh(x), s = 1 - y * y;
    const double of[] = { s, -2 * y * s, s * (6 * y * y - 2), s * y * (16 - 24 * y * y) };
    memcpy(d, of, sizeof of);
}

static ag_tensor sigmoid(ag_tensor x)
{
    return ag_sigmoid(x);
}

static void of_sigmoid(double x, double *d)
{
    const double y = 1 / (1 + exp(-x)), s = y * (1 - y);
    const double of[] = { s, s * (1 - 2 * y), s * (1 - 6 * s), s * (1 - 2 * y) * (1 - 12 * s) };
    memcpy(d, of, sizeof of);
}

static ag_tensor softplus(ag_tensor x)
{
    return ag_softplus(x);
}

static void of_softplus(double x, double *d)
{
    double of[ORDERS];
    of_sigmoid(x, of);
    d[0] = 1 / (1 + exp(-x));
    memcpy(d + 1, of, 3 * sizeof *d);
}

/* y^3 + x y = 2 by its derivative alone: dy/dx = -y / (3 y^2 + x). At x = 1, y = 1. */
static void root_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)user;
    dx[0] = ag_neg(ag_mul(dy, ag_div(y, ag_add(ag_mul_scalar(ag_square(y), 3), xs.at[0]))));
}

static ag_tensor implicit(ag_tensor x)
{
    return ag_custom_vjp(ag_add_scalar(ag_mul_scalar(ag_detach(x), 0), 1), AG_LIST(x), root_rule, NULL);
}

static void of_implicit(double x, double *d)
{
    (void)x;
    const double of[] = { -1. / 4, 1. / 32, 9. / 256, -9. / 2048 };
    memcpy(d, of, sizeof of);
}

static ag_tensor checkpointed_part(ag_list xs, void *user)
{
    (void)user;
    return ag_mul(ag_sin(xs.at[0]), ag_exp(xs.at[0]));
}

static ag_tensor checkpointed(ag_tensor x)
{
    return ag_checkpoint(checkpointed_part, NULL, AG_LIST(x));
}

/* exp(x) sin(x): each derivative is sqrt 2 times the one before, turned by a quarter of pi. */
static void of_checkpointed(double x, double *d)
{
    for (int k = 1; k <= ORDERS; k++)
        d[k - 1] = pow(2, k / 2.) * exp(x) * sin(x + k * atan(1));
}

static const known_function functions[] = {
    { "exp", exponential, of_exponential, 0.4 },
    { "sin", sine, of_sine, 0.7 },
    { "cos", cosine, of_cosine, 0.7 },
    { "pow_scalar", power, of_power, 1.3 },
    { "pow", general_power, of_power, 1.3 },
    { "scalar_div", reciprocal, of_reciprocal, 1.2 },
    { "div", quotient, of_reciprocal, 1.2 },
    { "log", logarithm, of_logarithm, 0.8 },
    { "sqrt", root, of_root, 0.9 },
    { "tanh", hyperbolic, of_hyperbolic, 0.6 },
    { "sigmoid", sigmoid, of_sigmoid, -0.4 },
    { "softplus", softplus, of_softplus, 0.3 },
    { "custom", implicit, of_implicit, 1 },
    { "checkpoint", checkpointed, of_checkpointed, 0.5 },
};

/* The last order by each way there is. */
static void check_last(ag_tensor before_last, ag_tensor before_that, ag_tensor x, double wanted, double tolerance)
{
    ag_tape *t = x.tape;
    ag_tensor one = ag_ones(t, AG_F64, ag_shape_of(x)), g;
    assert_int_equal(ag_gradients(before_last, AG_LIST(x), 0, &g), AG_OK);
    assert_close(ag_item(g), wanted, tolerance);
    assert_close(ag_item(ag_jacobian(before_last, x)), wanted, tolerance);
    assert_close(ag_item(ag_jvp(before_last, AG_LIST(x), AG_LIST(one))), wanted, tolerance);
    assert_close(ag_item(ag_hvp(before_that, x, one)), wanted, tolerance);
    assert_close(ag_item(ag_hessian(before_that, x)), wanted, tolerance);
    assert_int_equal(ag_backward(before_last), AG_OK);
    assert_close(ag_item(ag_grad(x)), wanted, tolerance);
}

static void check_function(ag_tape *t, const known_function *f, ag_tensor x)
{
    double wanted[ORDERS];
    ag_tensor y[ORDERS + 1] = { f->f(x) };
    f->derivatives(f->at, wanted);
    for (int k = 1; k <= ORDERS; k++) {
        const double tolerance = 1e-12 * fmax(1, fabs(wanted[k - 1]));
        assert_int_equal(ag_gradients(y[k - 1], AG_LIST(x), AG_CREATE_GRAPH, &y[k]), AG_OK);
        if (!is_close(ag_item(y[k]), wanted[k - 1], tolerance))
            print_error("%s, order %d\n", f->name, k);
        assert_close(ag_item(y[k]), wanted[k - 1], tolerance);
    }
    check_last(y[ORDERS - 1], y[ORDERS - 2], x, wanted[ORDERS - 1], 1e-12 * fmax(1, fabs(wanted[ORDERS - 1])));
    expect_fine(t);
}

static void of_numbers_and_of_arrays(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        ag_tape *t = new_tape();
        check_function(t, &functions[i], ag_variable(t, functions[i].at));
        check_function(t, &functions[i], ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 1), functions[i].at)));
        ag_tape_free(t);
    }
}

/* ---- along a direction: d^k/ds^k of f(x + s v) at s = 0 */

static void along(ag_tensor y, ag_tensor s, const double *wanted)
{
    for (int k = 0; k < ORDERS; k++) {
        ag_tensor g;
        assert_int_equal(ag_gradients(y, AG_LIST(s), AG_CREATE_GRAPH, &g), AG_OK);
        y = g;
        assert_close(ag_item(y), wanted[k], 1e-12 * fmax(1, fabs(wanted[k])));
    }
}

static void of_products(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 0.5, -1), v = AG_VALUES(t, AG_SHAPE(2), 2, 1), s = ag_variable(t, 0),
              w = AG_VALUES(t, AG_SHAPE(3, 2), 1, 2, -1, 0.5, 0.25, 3);
    ag_tensor z = ag_linear(ag_add(x, ag_mul(v, s)), w, absent); /* (w x)_i + s (w v)_i */
    const double wx[] = { -1.5, -1, -2.875 }, wv[] = { 4, -1.5, 3.5 };
    double wanted[ORDERS] = { 0 }, c = 1;
    for (int k = 1; k <= ORDERS; k++) {
        c *= 6 - k; /* of the fifth power */
        for (int i = 0; i < 3; i++)
            wanted[k - 1] += c * pow(wx[i], 5 - k) * pow(wv[i], k);
    }
    ag_tensor m = ag_reshape(z, AG_SHAPE(1, 3)), square = ag_mul(m, m);
    along(ag_sum(ag_matmul(ag_mul(square, square), ag_transpose(m, 0, 1))), s, wanted);
    along(ag_dot(ag_mul(ag_square(z), z), ag_square(z)), s, wanted);
    expect_fine(t);
    ag_tape_free(t);
}

/* The derivatives of log sum exp(x + s v) are the cumulants of v under softmax(x). */
static void of_a_normaliser(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double x[] = { 0.3, -0.2, 1.1, 0 }, v[] = { 1, -2, 0.5, 3 };
    double total = 0, mean = 0, m[ORDERS + 1] = { 0 };
    for (int i = 0; i < 4; i++)
        total += exp(x[i]);
    for (int i = 0; i < 4; i++)
        mean += exp(x[i]) / total * v[i];
    for (int k = 2; k <= ORDERS; k++)
        for (int i = 0; i < 4; i++)
            m[k] += exp(x[i]) / total * pow(v[i] - mean, k);
    const double wanted[ORDERS] = { mean, m[2], m[3], m[4] - 3 * m[2] * m[2] };
    ag_tensor s = ag_variable(t, 0),
              z = ag_add(ag_values(t, AG_SHAPE(4), x, 4), ag_mul(ag_values(t, AG_SHAPE(4), v, 4), s));
    along(ag_logsumexp(z, AG_ALL, 0), s, wanted);
    along(ag_log(ag_sum(ag_exp(z))), s, wanted);
    along(ag_sub(ag_select(z, 0, 1), ag_select(ag_log_softmax(z, 0), 0, 1)), s, wanted);
    along(ag_sub(ag_select(z, 0, 0), ag_log(ag_select(ag_softmax(z, 0), 0, 0))), s, wanted);
    ag_tensor target = ag_cast(ag_constant(t, 2), AG_I64);
    along(ag_add(ag_cross_entropy(z, target), ag_select(z, 0, 2)), s, wanted);
    expect_fine(t);
    ag_tape_free(t);
}

/* a^3 sin(b c): by a, b, c and a again 6 a (cos bc - bc sin bc), in every order of the four. */
static void in_any_order_of_variables(void **state)
{
    (void)state;
    static const int orders[][ORDERS] = {
        { 0, 1, 2, 0 }, { 1, 0, 0, 2 }, { 2, 1, 0, 0 }, { 0, 0, 2, 1 }, { 0, 2, 0, 1 }
    };
    ag_tape *t = new_tape();
    for (int ranked = 0; ranked < 2; ranked++) {
        const double a = 1.5, b = 0.7, c = -0.8;
        const ag_shape shape = ranked ? AG_SHAPE(1) : AG_SCALAR;
        ag_tensor x[3];
        const double at[] = { a, b, c };
        for (int i = 0; i < 3; i++)
            x[i] = ag_require_grad(ag_full(t, AG_F64, shape, at[i]));
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
            ag_tensor y = ag_mul(ag_mul(ag_square(x[0]), x[0]), ag_sin(ag_mul(x[1], x[2]))), g;
            for (int k = 0; k < ORDERS; k++) {
                assert_int_equal(ag_gradients(y, AG_LIST(x[orders[i][k]]), AG_CREATE_GRAPH, &g), AG_OK);
                y = g;
            }
            assert_close(ag_item(y), 6 * a * (cos(b * c) - b * c * sin(b * c)), 1e-13);
        }
    }
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_numbers_and_of_arrays),
        cmocka_unit_test(of_products),
        cmocka_unit_test(of_a_normaliser),
        cmocka_unit_test(in_any_order_of_variables),
    };
    return cmocka_run_group_tests_name("derivatives to the fourth order", tests, NULL, NULL);
}
