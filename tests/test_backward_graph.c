/* Gradients as results: of anything, of any order. */
#include "support.h"

static void gradients_of_anything(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 3)), p = ag_param(v, "p");
    ag_tensor a = ag_square(x), b = ag_mul(v, a), c = ag_mul(b, p), y = ag_sum(c), unused = ag_exp(x);
    ag_tensor unused_p = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), "unused"), k = ag_constant(t, 5);
    ag_tensor i = ag_ones(t, AG_I64, AG_SHAPE(2)), g[11];
    const ag_list all = AG_LIST(x, v, p, a, b, c, y, unused, unused_p, k, x);
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        assert_int_equal(ag_gradients(y, all, flags, g), AG_OK);
        assert_item(g[0], 4 * (1 + 9));
        assert_values(g[1], 4, 12);
        assert_values(g[2], 4, 12);
        assert_item(g[3], 10);
        assert_values(g[4], 1, 3);
        assert_values(g[5], 1, 1);
        assert_item(g[6], 1);
        assert_item(g[7], 0);
        assert_values(g[8], 0, 0, 0, 0);
        assert_shape(g[8], 2, 2);
        assert_item(g[9], 0);
        assert_item(g[10], 40); /* listed twice */
        for (int j = 0; j < 11; j++)
            assert_false(ag_is_persistent(g[j]));
        assert_int_equal(ag_gradients(b, AG_LIST(v, b, i), flags, g), AG_OK); /* of the sum of several elements */
        assert_values(g[0], 4, 4);
        assert_values(g[1], 1, 1);
        assert_int_equal(ag_gradients(k, AG_LIST(x, v, k), flags, g), AG_OK); /* of a constant */
        assert_item(g[0], 0);
        assert_values(g[1], 0, 0);
        assert_item(g[2], 0);
        assert_int_equal(ag_gradients(x, AG_LIST(x), flags, g), AG_OK);
        assert_item(g[0], 1);
        assert_int_equal(ag_gradients(y, (ag_list){ NULL, 0 }, flags, g), AG_OK);
    }
    assert_item(ag_grad(x), 0); /* leaves are untouched */
    assert_values(ag_grad(v), 0, 0);
    assert_values(ag_grad(p), 0, 0);
    ag_storage s;
    assert_int_equal(ag_storage_of(p, &s), AG_OK);
    assert_null(s.grad);
    assert_int_equal(ag_gradients(y, AG_LIST(x), 7, g), AG_EARG);
    expect_error(t, AG_EARG, "ag_gradients");
    assert_int_equal(ag_gradients(y, AG_LIST(x), 0, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_gradients");
    assert_int_equal(ag_gradients(y, AG_LIST(x, stale_tensor(t)), 0, g), AG_ESTALE);
    assert_true(is_inert(g[0], t) && is_inert(g[1], t));
    expect_error(t, AG_ESTALE, "ag_gradients");
    assert_int_equal(ag_gradients(i, AG_LIST(x), 0, g), AG_EDTYPE);
    expect_error(t, AG_EDTYPE, "ag_gradients");
    ag_tape_free(t);
}

/* More tensors than are kept on the stack. */
static void many_gradients(void **state)
{
    (void)state;
    enum { N = 40 };
    ag_tape *t = new_tape();
    ag_tensor x[N], g[N], y = ag_constant(t, 0);
    for (int i = 0; i < N; i++) {
        x[i] = i % 3 == 0   ? ag_variable(t, i)
               : i % 3 == 1 ? ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(1), i))
                            : ag_param(ag_full(t, AG_F32, AG_SCALAR, i), NULL);
        y = ag_add(y, ag_sum(ag_square(x[i])));
    }
    for (int flags = 0; flags <= 1; flags++) {
        assert_int_equal(ag_gradients(y, (ag_list){ x, N }, flags, g), AG_OK);
        for (int i = 0; i < N; i++)
            assert_item(g[i], 2 * i);
    }
    ag_tape_free(t);
}

/* ---- higher orders against closed forms */

typedef struct known {
    ag_tensor (*f)(ag_tensor x);
    double at, derivative[4];
} known;

static ag_tensor cube(ag_tensor x)
{
    return ag_mul(ag_square(x), x);
}
static ag_tensor power(ag_tensor x)
{
    return ag_pow_scalar(x, 4);
}
static ag_tensor inverse(ag_tensor x)
{
    return ag_scalar_div(1, x);
}
static ag_tensor product(ag_tensor x)
{
    return ag_mul(ag_exp(x), ag_sin(x));
}
static ag_tensor self_power(ag_tensor x)
{
    return ag_exp(ag_mul(x, ag_log(x)));
}
static ag_tensor mixed(ag_tensor x) /* x^3 through a broadcast, a matrix product and sums */
{
    ag_tensor m = ag_mul(ag_ones(x.tape, AG_F64, AG_SHAPE(2, 2)), x),
              v = ag_mul(ag_ones(x.tape, AG_F64, AG_SHAPE(2)), x);
    return ag_mul_scalar(ag_dot(ag_matmul(m, v), v), 0.25);
}
static ag_tensor fourth_through_views(ag_tensor x) /* x^4 */
{
    ag_tensor v = ag_stack(AG_LIST(x, x, x), 0), s = ag_slice(v, 0, 0, 2, 1),
              w = ag_reshape(ag_concat(AG_LIST(s, v), 0), AG_SHAPE(5, 1));
    ag_tensor m = ag_matmul(w, ag_transpose(w, 0, 1)); /* all x^2 */
    return ag_mul(ag_select(ag_select(m, 0, 1), 0, 2),
                  ag_mean(ag_where(ag_greater(m, ag_constant(x.tape, 1e9)), ag_exp(m), m)));
}

static void orders_one_to_three(void **state)
{
    (void)state;
    const double s = sin(0.7), c = cos(0.7), e = exp(0.7), l = log(2) + 1, f = 4;
    const known cases[] = {
        { cube, 2, { 8, 12, 12, 6 } },
        { power, 1.5, { pow(1.5, 4), 4 * pow(1.5, 3), 12 * 1.5 * 1.5, 24 * 1.5 } },
        { inverse, 2, { 0.5, -0.25, 0.25, -0.375 } },
        { product, 0.7, { e * s, e * (s + c), 2 * e * c, 2 * e * (c - s) } },
        { self_power, 2, { f, f * l, f * (l * l + 0.5), f * (l * l * l + 1.5 * l - 0.25) } },
        { ag_sqrt, 4, { 2, 0.25, -0.03125, 3.0 / 256 } },
        { ag_tanh, 0, { 0, 1, 0, -2 } },
        { ag_sigmoid, 0, { 0.5, 0.25, 0, -0.125 } },
        { ag_softplus, 0, { log(2), 0.5, 0.25, 0 } },
        { ag_cos, 0, { 1, 0, -1, 0 } },
        { mixed, 3, { 27, 27, 18, 6 } },
        { fourth_through_views, 2, { 16, 32, 48, 48 } },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int ranked = 0; ranked < 2; ranked++) {
            ag_tape *t = new_tape();
            if (ranked && (cases[i].f == mixed || cases[i].f == fourth_through_views)) {
                ag_tape_free(t);
                continue;
            }
            ag_tensor x =
                ranked ? ag_param(ag_full(t, AG_F64, AG_SHAPE(2), cases[i].at), "x") : ag_variable(t, cases[i].at);
            ag_tensor y = cases[i].f(x);
            for (int order = 0; order <= 3; order++) {
                expect_fine(t);
                for (int k = 0; k <= ranked; k++)
                    assert_close(ag_item_at(y, k), cases[i].derivative[order], 1e-12);
                if (order == 3)
                    break;
                assert_int_equal(ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &y), AG_OK);
            }
            assert_int_equal(ag_backward(ag_sum(ag_add(y, ag_square(x)))), AG_OK); /* and once more, into the leaf */
            assert_true(isfinite(ag_item_at(ag_grad(x), 0)));
            ag_tape_free(t);
        }
    }
}

/* f = a^2 b^3: every second and third derivative, mixed ones in both orders. */
static void mixed_derivatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_variable(t, 2), b = ag_param(ag_full(t, AG_F64, AG_SHAPE(1), 3), "b"), g[2], ga[2], gb[2], gab[2];
    ag_tensor f = ag_mul(ag_square(a), ag_pow_scalar(b, 3));
    assert_int_equal(ag_gradients(f, AG_LIST(a, b), AG_CREATE_GRAPH, g), AG_OK);
    assert_int_equal(ag_gradients(g[0], AG_LIST(a, b), AG_CREATE_GRAPH, ga), AG_OK);
    assert_int_equal(ag_gradients(g[1], AG_LIST(a, b), AG_CREATE_GRAPH, gb), AG_OK);
    assert_item(g[0], 2 * 2 * 27);
    assert_item(g[1], 4 * 27);
    assert_item(ga[0], 2 * 27);
    assert_item(ga[1], 4 * 27);
    assert_item(gb[0], 4 * 27);
    assert_item(gb[1], 4 * 6 * 3);
    assert_int_equal(ag_gradients(ga[1], AG_LIST(a, b), AG_CREATE_GRAPH, gab), AG_OK);
    assert_item(gab[0], 2 * 27);
    assert_item(gab[1], 4 * 2 * 9);
    assert_int_equal(ag_backward(ag_add(gab[1], ga[0])), AG_OK);
    assert_item(ag_grad(a), 12 * 3); /* of 12 a b + 2 b^3 */
    assert_item(ag_grad(b), 12 * 2 + 6 * 9);
    ag_tape_free(t);
}

/* A penalty on a gradient's norm, as one trains with it: l = |d/dx (w x^2)|^2 = 4 w^2 x^2. */
/* a^b at b = 0: the derivative by a is 0 there, and grows with b as 1/a. In either order, at a = 0 too where it is
 * finite. */
static void mixed_derivatives_of_powers(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int rank0 = 0; rank0 < 2; rank0++) {
        const ag_shape s = rank0 ? AG_SCALAR : AG_SHAPE(1);
        ag_tensor a = ag_require_grad(ag_full(t, AG_F64, s, 4)), b = ag_require_grad(ag_full(t, AG_F64, s, 0));
        ag_tensor y = ag_pow(a, b), first[2], ab, ba, aa, bb;
        assert_int_equal(ag_gradients(y, AG_LIST(a, b), AG_CREATE_GRAPH, first), AG_OK);
        assert_item(first[0], 0);
        assert_item(first[1], log(4));
        for (int flags = 0; flags < 2; flags++) {
            assert_int_equal(ag_gradients(first[0], AG_LIST(b), flags, &ab), AG_OK);
            assert_int_equal(ag_gradients(first[1], AG_LIST(a), flags, &ba), AG_OK);
            assert_int_equal(ag_gradients(first[0], AG_LIST(a), flags, &aa), AG_OK);
            assert_int_equal(ag_gradients(first[1], AG_LIST(b), flags, &bb), AG_OK);
            assert_item(ab, 0.25);
            assert_item(ba, 0.25);
            assert_item(aa, 0);
            assert_item(bb, log(4) * log(4));
        }
        ag_tensor zero = ag_require_grad(ag_full(t, AG_F64, s, 0)), g;
        assert_int_equal(ag_gradients(ag_pow(zero, b), AG_LIST(zero), AG_CREATE_GRAPH, &g), AG_OK);
        assert_item(g, 0);
    }
    ag_tape_free(t);
}

static void a_gradient_penalty(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(ag_full(t, AG_F32, AG_SHAPE(2), 3), "w");
    for (int step = 1; step <= 3; step++) {
        ag_tensor x = ag_require_grad(ag_full(t, AG_F32, AG_SHAPE(2), 2)), g;
        assert_int_equal(ag_gradients(ag_sum(ag_mul(w, ag_square(x))), AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_int_equal(ag_backward(ag_sum(ag_square(g))), AG_OK);
        assert_values(ag_grad(w), 96 * step, 96 * step);
        assert_values(ag_grad(x), 144, 144);
        ag_tape_reset(t);
    }
    ag_tape_free(t);
}

/* ---- products with derivatives */

static void hessian_vector_products(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "x"), v = AG_VALUES(t, AG_SHAPE(2), 1, -1);
    ag_tensor a = ag_select(x, 0, 0), b = ag_select(x, 0, 1),
              y = ag_mul(ag_square(a), ag_exp(b)); /* H: [2e, 4e; 4e, 4e], e = exp(3) */
    const double e = exp(3);
    assert_values(ag_hvp(y, x, v), -2 * e, 0);
    ag_no_grad_begin(t);
    assert_values(ag_hvp(y, x, v), -2 * e, 0);
    ag_no_grad_end(t);
    assert_values(ag_hvp(y, x, ag_param(v, "v")), -2 * e, 0);
    assert_values(ag_hvp(ag_sum(x), x, v), 0, 0); /* linear */
    assert_values(ag_hvp(ag_constant(t, 1), x, v), 0, 0);
    ag_tensor s = ag_variable(t, 2);
    assert_item(ag_hvp(ag_pow_scalar(s, 3), s, ag_constant(t, 10)), 120);
    assert_true(is_inert(ag_hvp(ag_square(x), x, v), t));
    expect_error(t, AG_ESHAPE, "ag_hvp");
    assert_true(is_inert(ag_hvp(y, x, ag_ones(t, AG_F64, AG_SHAPE(3))), t));
    expect_error(t, AG_ESHAPE, "ag_hvp");
    assert_true(is_inert(ag_hvp(y, x, ag_ones(t, AG_F64, AG_SCALAR)), t));
    expect_error(t, AG_ESHAPE, "ag_hvp");
    assert_true(is_inert(ag_hvp(y, x, absent), t));
    expect_error(t, AG_ENULL, "ag_hvp");
    assert_true(is_inert(ag_hvp(y, absent, v), t));
    expect_error(t, AG_ENULL, "ag_hvp");
    assert_true(is_inert(ag_hvp(stale_tensor(t), x, v), t));
    expect_error(t, AG_ESTALE, "ag_hvp");
    assert_values(ag_grad(x), 0, 0);
    ag_tape_free(t);
}

static void vector_jacobian_products(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, 3)), y = ag_stack(AG_LIST(ag_sum(x), ag_dot(x, x)), 0);
    assert_values(ag_vjp(y, AG_VALUES(t, AG_SHAPE(2), 1, 0), x), 1, 1);
    assert_values(ag_vjp(y, AG_VALUES(t, AG_SHAPE(2), 0, 1), x), 4, 6);
    ag_no_grad_begin(t);
    assert_values(ag_vjp(y, AG_VALUES(t, AG_SHAPE(2), 1, 1), x), 5, 7);
    ag_no_grad_end(t);
    assert_false(ag_needs_grad(ag_vjp(y, AG_VALUES(t, AG_SHAPE(2), 1, 1), x)));
    assert_true(is_inert(ag_vjp(y, ag_ones(t, AG_F64, AG_SHAPE(3)), x), t));
    expect_error(t, AG_ESHAPE, "ag_vjp");
    assert_true(is_inert(ag_vjp(y, absent, x), t));
    expect_error(t, AG_ENULL, "ag_vjp");
    assert_true(is_inert(ag_vjp(y, ag_ones(t, AG_I32, AG_SHAPE(2)), x), t));
    expect_error(t, AG_EDTYPE, "ag_vjp");
    assert_values(ag_grad(x), 0, 0);
    ag_tape_free(t);
}

static void local_derivatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 3), k = ag_constant(t, 2), p = ag_param(ag_constant(t, 5), "p");
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), w = ag_param(v, "w");
    assert_item(ag_local(ag_mul(x, k), x), 2);
    assert_item(ag_local(ag_mul(x, k), k), 3); /* though k wants no gradient */
    assert_item(ag_local(ag_mul(x, x), x), 6); /* both edges */
    assert_item(ag_local(ag_mul(x, p), p), 3);
    assert_item(ag_local(ag_exp(ag_square(x)), x), 0); /* no direct edge */
    assert_item(ag_local(x, x), 0);
    assert_values(ag_local(ag_mul(v, w), v), 1, 2);
    assert_values(ag_local(ag_mul(v, w), w), 1, 2);
    assert_item(ag_local(ag_mul(v, x), x), 3);
    assert_values(ag_local(ag_mul(v, x), v), 3, 3);
    assert_values(ag_local(ag_mul(v, v), v), 2, 4);
    assert_values(ag_local(ag_matmul(v, w), v), 1, 2);
    assert_item(ag_local(ag_clamp(x, 0, 1), x), 0);
    assert_item(ag_local(ag_sum(v), x), 0);
    ag_tensor sum = ag_sum(v), sines = ag_sin(sum);
    assert_item(ag_local(sines, sum), cos(3));
    assert_values(ag_local(sum, v), 1, 1);
    expect_fine(t);
    assert_true(is_inert(ag_local(absent, x), t));
    assert_true(is_inert(ag_local(x, absent), t));
    expect_error(t, AG_ENULL, "ag_local");
    assert_true(is_inert(ag_local(stale_tensor(t), x), t));
    expect_error(t, AG_ESTALE, "ag_local");
    assert_values(ag_grad(v), 0, 0);
    assert_usable(t);
    ag_tape_free(t);
}

/* Of gradients that share values none can be written. */
static void shared_gradients(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 3)), y = ag_embed(x, 0, 4, 1, 1), g[2];
    assert_int_equal(ag_gradients(y, AG_LIST(y, x), AG_CREATE_GRAPH, g), AG_OK);
    for (int i = 0; i < 2; i++) {
        assert_null(ag_write(g[i], AG_F64));
        expect_error(t, AG_EUSE, "ag_write");
    }
    assert_values(g[0], 1, 1, 1, 1);
    assert_values(g[1], 1, 1);
    ag_tape_free(t);
}

/* The gradient of a tensor by itself is the adjoint that the pass began with, in values alone. */
static void results_do_not_share_the_memory_of_the_adjoint(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), g[2], h;
    ag_tensor flat = ag_reshape(p, AG_SHAPE(1, 2));
    assert_int_equal(ag_gradients_from(p, p, AG_LIST(p, p), AG_CREATE_GRAPH, g), AG_OK);
    assert_int_equal(ag_gradients_from(flat, flat, AG_LIST(p), AG_CREATE_GRAPH, &h), AG_OK);
    ag_tensor second;
    assert_int_equal(ag_gradients(ag_mul(g[0], g[0]), AG_LIST(p), 0, &second), AG_OK);
    assert_values(second, 2, 4);
    assert_int_equal(ag_assign(p, AG_VALUES(t, AG_SHAPE(2), 7, 8)), AG_OK);
    assert_values(g[0], 1, 2);
    assert_values(g[1], 1, 2);
    assert_close(ag_item_at(h, 1), 2, 0);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_anything),
        cmocka_unit_test(many_gradients),
        cmocka_unit_test(shared_gradients),
        cmocka_unit_test(orders_one_to_three),
        cmocka_unit_test(mixed_derivatives),
        cmocka_unit_test(mixed_derivatives_of_powers),
        cmocka_unit_test(a_gradient_penalty),
        cmocka_unit_test(hessian_vector_products),
        cmocka_unit_test(vector_jacobian_products),
        cmocka_unit_test(local_derivatives),
        cmocka_unit_test(results_do_not_share_the_memory_of_the_adjoint),
    };
    return cmocka_run_group_tests_name("backward graph", tests, NULL, NULL);
}
