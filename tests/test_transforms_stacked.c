/* Jacobians whose rows are computed together beside passes by themselves: equal bits, whatever the ops' functions do, but
 * where products of matrices are added up in another order. */
#include "support.h"

static ag_tensor unit(ag_tape *t, ag_dtype d, ag_shape s, int64_t i)
{
    ag_tensor dy = ag_zeros(t, d, s);
    if (s.rank == 0)
        return ag_ones(t, d, s);
    d == AG_F32 ? (((float *)ag_write(dy, d))[i] = 1) : (((double *)ag_write(dy, d))[i] = 1);
    return dy;
}

/* Passes by themselves. tolerance 0: the same bits. */
#define expect_rows(y, x, tolerance) check_rows(y, x, tolerance, __FILE__, __LINE__)
static void check_rows(ag_tensor y, ag_tensor x, double tolerance, const char *file, int line)
{
    ag_tape *t = y.tape;
    const int64_t size = ag_size_of(x), rows = ag_size_of(y);
    double *j = test_malloc((size_t)(rows * size + 1) * sizeof *j),
           *row = test_malloc((size_t)(size + 1) * sizeof *row);
    ag_copy_out(ag_jacobian(y, x), AG_F64, j, (size_t)(rows * size) * sizeof *j);
    check_fine(t, file, line);
    for (int64_t i = 0; i < rows; i++) {
        ag_copy_out(ag_vjp(y, unit(t, ag_dtype_of(y), ag_shape_of(y), i), x), AG_F64, row, (size_t)size * sizeof *row);
        check_fine(t, file, line);
        if (tolerance == 0 && memcmp(row, j + i * size, (size_t)size * sizeof *row))
            fail_msg("%s:%d: row %lld has other bits", file, line, (long long)i);
        for (int64_t k = 0; k < size; k++)
            check_close(j[i * size + k], row[k], tolerance, file, line);
    }
    test_free(j);
    test_free(row);
}

static ag_tensor leaf(ag_tape *t, ag_shape s)
{
    return ag_require_grad(ag_randn(t, AG_FLOAT, s, 0, 1));
}

/* ---- what ops do with stacks */

static void operands_of_every_kind(void **state)
{
    (void)state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
        ag_tape *t = tape_with((ag_options){ .seed = 4, .dtype = d });
        ag_tensor x = leaf(t, AG_SHAPE(3, 4)), row = leaf(t, AG_SHAPE(4)), s = ag_variable(t, 0.7),
                  p = ag_param_as(leaf(t, AG_SHAPE(3, 4)), AG_AXES(1, 0), "p");
        ag_tensor z = ag_sigmoid(ag_add(ag_mul(x, row), ag_mul(ag_sin(s), p)));
        z = ag_mul(z, z); /* an operand twice, then parts of it under other shapes */
        ag_tensor parts = ag_concat(AG_LIST(ag_slice(z, 0, 0, 2, 1), ag_unsqueeze(ag_select(z, 0, 1), 0)), 0);
        z = ag_add(ag_transpose(ag_reshape(parts, AG_SHAPE(4, 3)), 0, 1), z);
        ag_tensor y = ag_sub(ag_softmax(z, 1), ag_max_over(z, AG_AXES(0), AG_KEEPDIM));
        const ag_tensor by[] = { x, row, s, p, z };
        for (size_t k = 0; k < ARRAY_SIZE(by); k++) {
            expect_rows(y, by[k], 0);
            expect_rows(ag_sum_over(y, AG_AXES(0), 0), by[k], 0);
        }
        expect_rows(p, p, 0);
        expect_rows(ag_transpose(x, 0, 1), x, 0);
        ag_tape_free(t);
    }
}

static void numbers(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor v[6] = { ag_variable(t, 0.3), ag_variable(t, -2), ag_param(ag_constant(t, 1.5), "c") };
    for (int i = 0; i < 200; i++) {
        ag_tensor a = v[i % 3], b = v[3 + i % 3];
        v[3 + i % 3] = i < 3 ? ag_sin(a) : i % 7 ? ag_mul(ag_add(a, b), ag_tanh(b)) : ag_clamp(ag_sub(b, a), -3, 3);
    }
    ag_tensor y = ag_stack((ag_list){ v + 3, 3 }, 0), all = ag_concat(AG_LIST(y, ag_square(y)), 0);
    for (int i = 0; i < 6; i++)
        expect_rows(all, v[i], 0);
    ag_tape_free(t);
}

static void products(void **state)
{
    (void)state;
    static const ag_shape shapes[][2] = {
        { AG_DIMS(3, 4), AG_DIMS(4, 2) },     { AG_DIMS(5), AG_DIMS(5, 3) },
        { AG_DIMS(3, 5), AG_DIMS(5) },        { AG_DIMS(3), AG_DIMS(2, 3, 2) },
        { AG_DIMS(2, 2, 3), AG_DIMS(3) },     { AG_DIMS(2, 3, 4), AG_DIMS(4, 2) },
        { AG_DIMS(3, 4), AG_DIMS(2, 4, 2) },  { AG_DIMS(2, 1, 2, 3), AG_DIMS(3, 3, 2) },
        { AG_DIMS(40, 33), AG_DIMS(33, 17) }, { AG_DIMS(1, 1, 1, 1, 2, 3), AG_DIMS(3, 2) },
        { AG_DIMS(0, 4), AG_DIMS(4, 2) },     { AG_DIMS(2, 0), AG_DIMS(0, 3) },
    };
    for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
        ag_tape *t = tape_with((ag_options){ .seed = 4, .dtype = d });
        const double tolerance = d == AG_F32 ? 1e-5 : 1e-13;
        for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
            ag_tensor a = leaf(t, shapes[i][0]), b = leaf(t, shapes[i][1]), y = ag_matmul(ag_sin(a), ag_exp(b));
            if (ag_shape_of(y).rank + shapes[i][0].rank <= AG_MAX_RANK)
                expect_rows(y, a, tolerance);
            if (ag_shape_of(y).rank + shapes[i][1].rank <= AG_MAX_RANK)
                expect_rows(y, b, tolerance);
        }
        ag_tensor w = ag_param_as(leaf(t, AG_SHAPE(3, 4)), AG_AXES(1, 0), "w"), bias = leaf(t, AG_SHAPE(3));
        const ag_shape inputs[] = { AG_SHAPE(4), AG_SHAPE(5, 4), AG_SHAPE(2, 2, 4) };
        for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
            ag_tensor x = leaf(t, inputs[i]), y = ag_tanh(ag_linear(x, w, bias)), m = leaf(t, AG_SHAPE(4, 4));
            expect_rows(y, x, tolerance);
            expect_rows(y, w, tolerance);
            expect_rows(y, bias, tolerance);
            expect_rows(ag_linear(x, ag_transpose(m, 0, 1), absent), m, tolerance);
            expect_rows(ag_matmul(m, m), m, tolerance);
        }
        ag_tape_free(t);
    }
}

/* More than is computed at once. */
static void many_rows(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = leaf(t, AG_SHAPE(60, 70)), x = leaf(t, AG_SHAPE(70)), y = ag_tanh(ag_matmul(w, x));
    expect_rows(y, w, 1e-14);
    expect_rows(ag_sin(w), x, 0); /* of which it does not depend */
    ag_tensor j = ag_jacobian(ag_square(w), w);
    assert_shape(j, 60, 70, 60, 70);
    assert_close(ag_item_at(j, 4199 * 4201), 2 * ag_item_at(w, 4199), 1e-15);
    assert_close(ag_item(ag_sum(ag_abs(j))), 2 * ag_item(ag_sum(ag_abs(w))), 1e-9);
    ag_tape_free(t);
}

static void two_threads_give_the_same_bits(void **state)
{
    (void)state;
    static double out[2][2][300 * 400];
    for (int threads = 1; threads <= 2; threads++) {
        ag_tape *t = tape_with((ag_options){ .seed = 4, .threads = threads });
        ag_tensor w = ag_param(ag_randn(t, AG_F64, AG_SHAPE(300, 400), 0, 0.1), "w"), x = leaf(t, AG_SHAPE(400));
        ag_tensor y = ag_log_softmax(ag_tanh(ag_mul(ag_linear(ag_tanh(x), w, absent), ag_sum(x))), 0);
        assert_int_equal(ag_copy_out(ag_jacobian(y, x), AG_F64, out[threads - 1][0], sizeof out[0][0]), AG_OK);
        ag_tensor h = ag_hessian(ag_sum(ag_square(y)), ag_name(x, "x"));
        assert_int_equal(ag_copy_out(ag_slice(h, 0, 0, 300, 1), AG_F64, out[threads - 1][1], sizeof out[0][1]), AG_OK);
        ag_tape_free(t);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
}

/* ---- what cannot be done together */

static void numbers_that_are_not_finite(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_variable(t, 0), b = ag_variable(t, 2), root = ag_sqrt(ag_relu(a)), one = ag_constant(t, 1);
    ag_tensor y = ag_stack(AG_LIST(ag_mul(root, b), ag_where(ag_greater(a, one), ag_log(a), b), ag_div(one, a)), 0);
    expect_rows(y, a, 0);
    expect_rows(y, b, 0);
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0, 1, 4)),
              z = ag_mul(ag_sqrt(ag_relu(x)), ag_sum(ag_log(x)));
    expect_rows(z, x, 0);
    ag_tape_free(t);
}

/* A rule that looks at what arrives, draws random numbers, records and differentiates, and gives something to some. */
typedef struct watcher {
    int calls;
    bool fails;
} watcher;

static void watching_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    watcher *w = user;
    w->calls++;
    if (w->fails && w->calls == 2) {
        ag_fail(y.tape, AG_EUSE, "the second is one too many");
        return;
    }
    unsigned suspended = ag_enable_grad_begin(y.tape);
    ag_tensor x = ag_require_grad(ag_detach(xs.at[0])), g;
    ag_gradients(ag_sum(ag_mul(ag_sin(x), ag_detach(dy))), AG_LIST(x), 0, &g);
    ag_enable_grad_end(y.tape, suspended);
    ag_rand(y.tape, AG_F64, AG_SHAPE(3), 0, 1);
    if (ag_item_at(dy, 1) == 0)
        dx[0] = g;
    if (xs.count > 1 && ag_item_at(dy, 0) != 0)
        dx[1] = ag_mul(dy, xs.at[1]);
}

static void rules_that_look(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    watcher w = { 0 };
    ag_tensor x = leaf(t, AG_SHAPE(3)), s = leaf(t, AG_SHAPE(3));
    ag_tensor y = ag_custom_vjp(ag_sin(ag_detach(x)), AG_LIST(ag_square(x), ag_exp(s)), watching_rule, &w);
    expect_rows(y, x, 0);
    expect_rows(ag_mul(y, s), s, 0);
    expect_rows(ag_mul(y, x), x, 0);
    w = (watcher){ .fails = true };
    assert_true(is_inert(ag_jacobian(y, x), t));
    expect_error(t, AG_EUSE, "one too many");
    w.fails = false;
    expect_rows(y, x, 0);
    assert_usable(t);
    ag_tape_free(t);
}

static ag_tensor halve(ag_tensor adjoint, void *user)
{
    ++*(int *)user;
    return ag_mul_scalar(adjoint, 0.5);
}

static void hooks_see_one_pass_after_the_other(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int calls = 0;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)), z = ag_square(x), y = ag_mul_scalar(z, 2);
    const ag_tensor hooked[] = { z, y, x };
    double slope = 4;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ag_hook(hooked[i], halve, &calls), AG_OK);
        calls = 0;
        slope /= 2;
        assert_values(ag_jacobian(y, x), slope, 0, 0, 0, 2 * slope, 0, 0, 0, 3 * slope);
        assert_int_equal(calls, 3 * (i + 1));
        expect_rows(y, x, 0);
    }
    ag_tape_free(t);
}

static void finite_checks_go_on(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .check_finite = true });
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 0, 3)), y = ag_sqrt(x);
    expect_rows(ag_sin(x), x, 0);
    assert_true(is_inert(ag_jacobian(y, x), t));
    expect_error(t, AG_EVALUE, "ag_sqrt");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_of_every_kind),
        cmocka_unit_test(numbers),
        cmocka_unit_test(products),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(rules_that_look),
        cmocka_unit_test(two_threads_give_the_same_bits),
        cmocka_unit_test(numbers_that_are_not_finite),
        cmocka_unit_test(finite_checks_go_on),
        cmocka_unit_test(hooks_see_one_pass_after_the_other),
    };
    return cmocka_run_group_tests_name("stacked transforms", tests, NULL, NULL);
}
