/* Structural zeros: a branch that is not taken contributes zero, never NaN; what is reached contributes what it is. */
#include "support.h"

typedef ag_tensor function(ag_tensor x);

static ag_tensor scale(ag_tensor x)
{
    return ag_mul_scalar(x, 3);
}
static ag_tensor root(ag_tensor x)
{
    return ag_pow_scalar(x, 0.5);
}
static ag_tensor inverse_square(ag_tensor x)
{
    return ag_pow_scalar(x, -2);
}
static ag_tensor inverse(ag_tensor x)
{
    return ag_scalar_div(1, x);
}
static ag_tensor quotient(ag_tensor x)
{
    return ag_div(ag_add_scalar(x, 1), x);
}
static ag_tensor self_power(ag_tensor x)
{
    return ag_pow(x, x);
}
static ag_tensor self_product(ag_tensor x)
{
    return ag_mul(x, ag_add_scalar(x, 1));
}
static ag_tensor entropy(ag_tensor x)
{
    return ag_mul(x, ag_log(x));
}
static ag_tensor bounded(ag_tensor x)
{
    return ag_clamp(x, -1, 1);
}
static ag_tensor larger(ag_tensor x)
{
    return ag_maximum(x, ag_square(x));
}
static ag_tensor log_of_sigmoid(ag_tensor x)
{
    return ag_log(ag_sigmoid(x));
}

static const struct {
    const char *name;
    function *f;
} functions[] = {
    { "sqrt", ag_sqrt },
    { "log", ag_log },
    { "exp", ag_exp },
    { "square", ag_square },
    { "sin", ag_sin },
    { "cos", ag_cos },
    { "tanh", ag_tanh },
    { "sigmoid", ag_sigmoid },
    { "softplus", ag_softplus },
    { "relu", ag_relu },
    { "abs", ag_abs },
    { "neg", ag_neg },
    { "scale", scale },
    { "root", root },
    { "inverse", inverse },
    { "inverse_square", inverse_square },
    { "quotient", quotient },
    { "self_power", self_power },
    { "self_product", self_product },
    { "entropy", entropy },
    { "bounded", bounded },
    { "larger", larger },
    { "log_of_sigmoid", log_of_sigmoid },
};
static const double poison[] = { 0, -1, INFINITY, -INFINITY, NAN, 1000, -1000, 1e308 };

static double derivative_at(function *f, double x, ag_dtype d)
{
    ag_tape *t = new_tape();
    ag_tensor v = ag_require_grad(ag_full(t, d, AG_SHAPE(1), x)), g;
    ag_gradients(f(v), AG_LIST(v), 0, &g);
    double result = ag_item(g);
    ag_tape_free(t);
    return result;
}

/* where(mask, f(x), 0): elements under a mask of 0 have the gradient 0, whatever x and f'(x) are; the others f'(x). */
static void masked_elements(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(poison); k++) {
            for (int way = 0; way < 12; way++) {
                ag_dtype d = way % 2 ? AG_F32 : AG_F64;
                bool rank0 = way / 2 % 3 == 0, strided = way / 2 % 3 == 1, graph = way >= 6;
                ag_tape *t = new_tape();
                ag_tensor x =
                    rank0     ? ag_require_grad(ag_full(t, d, AG_SCALAR, poison[k]))
                    : strided ? ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2, 2), poison[k], 2, 2, poison[k]), d))
                              : ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2), poison[k], 2), d));
                ag_tensor in = strided ? ag_transpose(x, 0, 1) : x, g;
                ag_tensor mask = ag_cast(rank0     ? ag_constant(t, 0)
                                         : strided ? AG_VALUES(t, AG_SHAPE(2, 2), 0, 1, 1, 0)
                                                   : AG_VALUES(t, AG_SHAPE(2), 0, 1),
                                         AG_U8);
                ag_tensor y = ag_sum(ag_where(mask, functions[i].f(in), ag_constant(t, 0)));
                assert_int_equal(ag_gradients(y, AG_LIST(x), graph ? AG_CREATE_GRAPH : 0, &g), AG_OK);
                double good = derivative_at(functions[i].f, 2, d), bad = ag_item_at(g, 0);
                bool fits = bad == 0 && (rank0 || is_close(ag_item_at(g, 1), good, 1e-5));
                if (!fits)
                    print_error("%s at %g, %s, %s%s: %g\n", functions[i].name, poison[k], ag_dtype_name(d),
                                rank0     ? "rank 0"
                                : strided ? "strided"
                                          : "dense",
                                graph ? ", with a graph" : "", bad);
                wrong += !fits;
                ag_tape_free(t);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* The same masked by a product with 0, where the value itself is NaN. */
static void elements_times_zero(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        for (int rank0 = 0; rank0 < 2; rank0++) {
            for (int flags = 0; flags < 2; flags++) {
                ag_tape *t = new_tape();
                ag_tensor x = rank0 ? ag_variable(t, 0) : ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 0, 2)), g;
                ag_tensor zero = rank0 ? ag_constant(t, 0) : AG_VALUES(t, AG_SHAPE(2), 0, 1);
                ag_tensor y = ag_sum(ag_mul(functions[i].f(x), zero));
                assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), AG_OK);
                bool fits = ag_item_at(g, 0) == 0;
                if (!fits)
                    print_error("%s times 0%s%s: %g\n", functions[i].name, rank0 ? " on rank 0" : "",
                                flags ? " with a graph" : "", ag_item_at(g, 0));
                wrong += !fits;
                ag_tape_free(t);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void unused_results_contribute_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 0), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 0, 4));
    ag_tensor unused[] = { ag_log(x),         ag_scalar_div(1, x), ag_sqrt(v),
                           ag_sum(ag_log(v)), ag_log(ag_log(x)),   ag_div(v, x) };
    assert_true(ag_ok(unused[5]));
    ag_tensor y = ag_add(ag_mul_scalar(x, 2), ag_sum(ag_square(v)));
    assert_int_equal(ag_backward(y), AG_OK);
    assert_item(ag_grad(x), 2);
    assert_values(ag_grad(v), 0, 8);
    /* only the parts that are selected count */
    ag_tensor r = ag_sqrt(v), l = ag_log(v), part = ag_add(ag_select(r, 0, 1), ag_sum(ag_slice(l, 0, 1, 2, 1)));
    part = ag_add(part, ag_sum(ag_slice(ag_concat(AG_LIST(l, r), 0), 0, 3, 4, 1)));
    ag_zero_grad(v);
    assert_int_equal(ag_backward(part), AG_OK);
    assert_values(ag_grad(v), 0, 0.25 + 0.25 + 0.25);
    ag_tape_free(t);
}

/* A zero adjoint that arrives through long rank-0 chains, and together with finite contributions. */
static void zeros_in_rank_0_graphs(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 0), p = ag_param(ag_constant(t, 0), "p"), one = ag_constant(t, 1);
    ag_tensor l = ag_log(x), bad = ag_mul_scalar(ag_add(ag_exp(ag_square(l)), ag_sqrt(p)), 0),
              good = ag_add(ag_mul_scalar(x, 5), ag_sin(p));
    ag_tensor y = ag_add(ag_where(ag_greater(x, one), bad, ag_constant(t, 0)), good);
    for (int pass = 1; pass <= 2; pass++) {
        assert_int_equal(ag_backward(y), AG_OK);
        assert_item(ag_grad(x), 5 * pass);
        assert_item(ag_grad(p), pass);
    }
    ag_tensor z = ag_add(ag_mul(ag_log(x), ag_constant(t, 0)), good), g[2];
    assert_true(isnan(ag_item(z)));
    for (int flags = 0; flags < 2; flags++) {
        assert_int_equal(ag_gradients(z, AG_LIST(x, p), flags, g), AG_OK);
        assert_item(g[0], 5);
        assert_item(g[1], 1);
    }
    ag_tape_free(t);
}

/* f(x) = x > 0 ? sqrt(x)^3 : 0 at 0 and 4, and its second derivative. */
static void zeros_in_second_derivatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 0, 4)), s = ag_variable(t, 0), g, h;
    ag_tensor y = ag_where(ag_greater(x, ag_constant(t, 0)), ag_mul(x, ag_sqrt(x)), ag_constant(t, 0));
    assert_int_equal(ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
    assert_values(g, 0, 3);
    assert_int_equal(ag_gradients(g, AG_LIST(x), AG_CREATE_GRAPH, &h), AG_OK);
    assert_values(h, 0, 0.375);
    assert_int_equal(ag_backward(ag_sum(h)), AG_OK);
    assert_values(ag_grad(x), 0, -0.046875);
    y = ag_where(ag_greater(s, ag_constant(t, 0)), ag_mul(s, ag_log(s)), ag_square(s));
    assert_int_equal(ag_gradients(y, AG_LIST(s), AG_CREATE_GRAPH, &g), AG_OK);
    assert_item(g, 0);
    assert_int_equal(ag_backward(g), AG_OK);
    assert_item(ag_grad(s), 2);
    ag_tape_free(t);
}

/* What is reached is not made pretty. */
static void reached_poles_and_nans_arrive(void **state)
{
    (void)state;
    const struct {
        function *f;
        double at, expected;
    } cases[] = { { ag_log, 0, INFINITY }, { ag_sqrt, 0, INFINITY },  { inverse, 0, -INFINITY },
                  { root, 0, INFINITY },   { ag_sqrt, -1, NAN },      { ag_exp, 1000, INFINITY },
                  { ag_square, NAN, NAN }, { ag_sin, INFINITY, NAN }, { entropy, 0, -INFINITY },
                  { scale, NAN, 3 } };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int way = 0; way < 6; way++) {
            ag_tape *t = new_tape();
            bool f32 = way == 1;
            ag_tensor x = way == 0 || way == 3 ? ag_variable(t, cases[i].at)
                          : way == 4           ? ag_param(ag_constant(t, cases[i].at), "p")
                                     : ag_require_grad(ag_full(t, f32 ? AG_F32 : AG_F64, AG_SHAPE(1), cases[i].at));
            ag_tensor g;
            assert_int_equal(ag_gradients(cases[i].f(x), AG_LIST(x), way >= 3 && way != 4 ? AG_CREATE_GRAPH : 0, &g),
                             AG_OK);
            assert_item(g, cases[i].expected);
            assert_int_equal(ag_backward(ag_sum(cases[i].f(x))), AG_OK);
            assert_item(ag_grad(x), cases[i].expected);
            ag_tape_free(t);
        }
    }
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    assert_int_equal(ag_backward(ag_mul(x, ag_constant(t, NAN))), AG_OK);
    assert_true(isnan(ag_item(ag_grad(x))));
    assert_int_equal(ag_backward_from(v, AG_VALUES(t, AG_SHAPE(2), NAN, 1)), AG_OK);
    assert_values(ag_grad(v), NAN, 1);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_elements),
        cmocka_unit_test(elements_times_zero),
        cmocka_unit_test(unused_results_contribute_nothing),
        cmocka_unit_test(zeros_in_rank_0_graphs),
        cmocka_unit_test(zeros_in_second_derivatives),
        cmocka_unit_test(reached_poles_and_nans_arrive),
    };
    return cmocka_run_group_tests_name("backward zeros", tests, NULL, NULL);
}
