/* Ops of one's own that save outputs for their derivative: who sees them, when they are kept, and to what order they are
 * differentiated. */
#include "memory.h"
#include "planted.h"

/* ---- y = x^3, which saves x^2 and, as an integer, the sign of x; elements or a number, f64 or f32 */

enum { Y, SQUARE, SIGN };

static ag_status cube_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->dtype != AG_F64 && x->dtype != AG_F32)
        return ag_call_fail(c, AG_EDTYPE, "the operand is no floating tensor");
    y[Y] = y[SQUARE] = y[SIGN] = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    y[SIGN].dtype = AG_I32;
    return AG_OK;
}

static double at(const ag_array *x, int64_t i)
{
    return x->dtype == AG_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

static void put(ag_array *x, int64_t i, double v)
{
    if (x->dtype == AG_F32)
        ((float *)x->data)[i] = (float)v;
    else
        ((double *)x->data)[i] = v;
}

static ag_status cube_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        double v = at(x, i);
        put(&y[Y], i, v * v * v);
        put(&y[SQUARE], i, v * v);
        ((int32_t *)y[SIGN].data)[i] = (v > 0) - (v < 0);
    }
    return AG_OK;
}

static int rules, kernels, refused; /* runs; kernels that left it to the rule */

static void cube_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    rules++;
    ag_tensor x = ag_call_input(c, 0), from_y = ag_mul(dy[Y], ag_mul_scalar(ag_call_output(c, SQUARE), 3));
    dx[0] = ag_add(from_y, ag_mul(dy[SQUARE], ag_mul_scalar(x, 2)));
}

static ag_status cube_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *square = ag_call_output_array(c, SQUARE), *sign = ag_call_output_array(c, SIGN);
    kernels++;
    assert_null(dy[SIGN].data);
    assert_null(ag_call_output_array(c, SIGN + 1));
    if (dy[SQUARE].data) {
        refused++;
        return AG_USE_RULE;
    }
    for (int64_t i = 0; i < ag_shape_size(dx->shape); i++) {
        const int32_t s = ((const int32_t *)sign->data)[i];
        assert_true(s >= -1 && s <= 1);
        put(dx, i, (beta[0] != 0 ? at(dx, i) : 0) + at(&dy[Y], i) * 3 * at(square, i));
    }
    return AG_OK;
}

static void cube_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[Y] = ag_mul(dx[0], ag_mul_scalar(ag_call_output(c, SQUARE), 3));
    dy[SQUARE] = ag_mul(dx[0], ag_mul_scalar(ag_call_input(c, 0), 2)); /* which nobody asks for */
}

static const ag_sample samples[] = { { .low = { -2 }, .high = { 2 }, .shape = { AG_DIMS(3, 4) } }, { 0 } };

#define CUBE .name = "cube", .inputs = 1, .saved = 2, .shape = cube_shape, .forward = cube_forward, .samples = samples
static const ag_op cube = { CUBE, .vjp = cube_vjp, .jvp = cube_jvp, .vjp_fused = cube_fused };
static const ag_op cube_by_rule = { CUBE, .vjp = cube_vjp };

static ag_tensor operand(ag_tape *t, int kind)
{
    return kind == 0   ? ag_variable(t, 2)
           : kind == 1 ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, -3))
           : kind == 2 ? ag_param(ag_constant(t, 2), "x")
                       : ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2), 2, -3), AG_F32));
}

static void saved_outputs_are_handed_to_nobody(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        ag_tape *t = new_tape();
        ag_tensor x = operand(t, kind), mark = AG_VALUES(t, AG_SHAPE(1), 7), y[3] = { mark, mark, mark };
        assert_int_equal(ag_apply_all(&cube, AG_LIST(x), NULL, y), AG_OK);
        assert_close(ag_item_at(y[0], 0), 8, 0);
        assert_true(same_handle(y[1], mark) && same_handle(y[2], mark));
        assert_close(ag_item_at(ag_apply(&cube, AG_LIST(x), NULL), 0), 8, 0);
        assert_int_equal(ag_apply_all(&cube, AG_LIST(mark, mark), NULL, y), AG_EARG);
        assert_true(is_inert(y[0], t) && same_handle(y[1], mark));
        ag_error_clear(t);
        ag_tape_free(t);
    }
}

static void they_serve_derivatives_of_any_order(void **state)
{
    (void)state;
    for (int way = 0; way < 8; way++) {
        ag_tape *t = new_tape();
        const ag_op *op = way % 2 ? &cube : &cube_by_rule;
        ag_tensor x = operand(t, way / 2), y = ag_sum(ag_apply(op, AG_LIST(x), NULL)), g, gg, ggg;
        rules = kernels = refused = 0;
        assert_int_equal(ag_gradients(y, AG_LIST(x), 0, &g), AG_OK);
        assert_close(ag_item_at(g, 0), 12, 0);
        assert_true(rules == !(way % 2) && kernels == way % 2 && !refused);
        assert_int_equal(ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_close(ag_item_at(g, 0), 12, 0);
        assert_int_equal(ag_gradients(ag_sum(g), AG_LIST(x), AG_CREATE_GRAPH, &gg), AG_OK);
        assert_close(ag_item_at(gg, 0), 12, 0);
        kernels = refused = 0;
        assert_int_equal(ag_gradients(ag_sum(g), AG_LIST(x), 0, &gg), AG_OK);
        assert_close(ag_item_at(gg, 0), 12, 0);
        assert_true(kernels == way % 2 && refused == way % 2); /* an adjoint arrived at the saved output alone */
        assert_int_equal(ag_gradients(ag_sum(g), AG_LIST(x), AG_CREATE_GRAPH, &gg), AG_OK);
        assert_int_equal(ag_gradients(ag_sum(gg), AG_LIST(x), 0, &ggg), AG_OK);
        assert_close(ag_item_at(ggg, 0), 6, 0);
        assert_int_equal(ag_backward(y), AG_OK);
        assert_close(ag_item_at(ag_grad(x), 0), 12, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* ag_local runs the rule where nothing needs a gradient. */
static void local_derivatives_read_them(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 2, -3), y = ag_apply(&cube, AG_LIST(x), NULL);
    assert_values(ag_local(y, x), 12, 27);
    x = ag_constant(t, 2);
    assert_item(ag_local(ag_apply(&cube, AG_LIST(x), NULL), x), 12);
    ag_tape_free(t);
}

/* ---- nothing is saved where nothing will be differentiated */

static int64_t nodes_of(ag_tape *t, ag_tensor x)
{
    int64_t before = ag_tape_nodes(t);
    assert_true(ag_ok(ag_apply(&cube, AG_LIST(x), NULL)));
    return ag_tape_nodes(t) - before;
}

static void without_recording_nothing_is_saved(void **state)
{
    (void)state;
    enum { N = 100000, TIMES = 20 };
    ag_tape *t = tape_with((ag_options){ .threads = 1 });
    ag_tensor x = ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(N), 0.5)), number = ag_variable(t, 2);
    assert_int_equal(nodes_of(t, x), 3);
    assert_int_equal(nodes_of(t, number), 3);
    ag_no_grad_begin(t);
    assert_int_equal(nodes_of(t, x), 1);
    assert_int_equal(nodes_of(t, number), 1);
    const uint64_t before = ag_tape_memory(t), results = TIMES * N * sizeof(double);
    for (int i = 0; i < TIMES; i++)
        assert_close(ag_item_at(ag_apply(&cube, AG_LIST(x), NULL), N - 1), 0.125, 0);
    assert_true(ag_tape_memory(t) - before < results + results / 4);
    ag_no_grad_end(t);
    assert_usable(t);
    ag_tape_free(t);
}

static ag_status overflowing_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_status s = cube_forward(c, x, y);
    memset(y[Y].data, 0, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return s;
}

static const ag_op overflowing = {
    .name = "cube", .inputs = 1, .saved = 2, .shape = cube_shape, .forward = overflowing_forward, .vjp = cube_vjp
};

/* Finite checks look at what is there. */
static void finite_checks_see_saved_outputs(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .check_finite = true });
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 1e-200)), wide = AG_VALUES(t, AG_SHAPE(2), 1, 1e160);
    assert_true(is_inert(ag_apply(&overflowing, AG_LIST(wide), NULL), t));
    expect_error(t, AG_EVALUE, "cube: saved output 1, element 1 of [2] is inf");
    ag_full(t, AG_F64, AG_SHAPE(2), NAN);
    for (int off = 0; off < 2; off++) {
        if (off)
            ag_no_grad_begin(t);
        assert_values(ag_apply(&cube, AG_LIST(x), NULL), 1, 0);
        ag_full(t, AG_F64, AG_SHAPE(2), NAN);
        assert_true(is_inert(ag_apply(&cube, AG_LIST(wide), NULL), t));
        expect_error(t, AG_EVALUE, "cube: element 1 of [2] is inf");
    }
    ag_no_grad_end(t);
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- what is wrong is found */

static void drops_the_saved_adjoint(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[Y], ag_mul_scalar(ag_call_output(c, SQUARE), 3));
}

static void doubles_the_saved_adjoint(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_vjp(c, dy, dx);
    dx[0] = ag_add(dx[0], ag_mul(dy[SQUARE], ag_mul_scalar(ag_call_input(c, 0), 2)));
}

static ag_status forgets_to_decline(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *square = ag_call_output_array(c, SQUARE);
    for (int64_t i = 0; i < ag_shape_size(dx->shape); i++)
        put(dx, i, (beta[0] != 0 ? at(dx, i) : 0) + (dy[Y].data ? at(&dy[Y], i) * 3 * at(square, i) : 0));
    return AG_OK;
}

static ag_status saves_another_value(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_status s = cube_forward(c, x, y);
    if (ag_shape_size(y[SQUARE].shape) > 0)
        put(&y[SQUARE], 0, 0);
    return s;
}

static void the_checks_follow_saved_outputs(void **state)
{
    (void)state;
    expect_pass(&cube);
    expect_pass(&cube_by_rule);
    ag_op op = cube;
    op.vjp = drops_the_saved_adjoint;
    expect_fail(&op, AG_CHECK_SECOND);
    op.vjp = doubles_the_saved_adjoint;
    expect_fail(&op, AG_CHECK_SECOND);
    op = cube;
    op.vjp_fused = forgets_to_decline;
    expect_fail(&op, AG_CHECK_SECOND);
    op = cube;
    op.forward = saves_another_value;
    expect_fail(&op, AG_CHECK_FIRST);
}

static void impossible_definitions_are_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2);
    ag_op bad[] = { cube, cube, cube, cube, cube };
    bad[0].saved = -1;
    bad[1].saved = 255;
    bad[2].vjp = NULL;
    bad[2].vjp_fused = NULL;
    bad[3].flags = AG_VIEW;
    bad[3].forward = NULL;
    bad[4].outputs = 254;
    const char *const why[] = { "saved outputs is not possible", "saved outputs is not possible", "for a derivative",
                                "saved by a forward", "saved outputs is not possible" };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(ag_apply(&bad[i], AG_LIST(x), NULL), t));
        expect_error(t, AG_EARG, why[i]);
    }
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- memory that fails, whichever request it is */

static double third_derivative(ag_tape *t)
{
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, -3)), y = x, g, gg;
    for (int i = 0; i < 20; i++) /* tables grow */
        y = ag_add(ag_mul_scalar(ag_apply(i % 2 ? &cube : &cube_by_rule, AG_LIST(x), NULL), 0.05), ag_mul_scalar(y, 0));
    ag_gradients(ag_sum(ag_mul_scalar(y, 20)), AG_LIST(x), AG_CREATE_GRAPH, &g);
    ag_gradients(ag_sum(g), AG_LIST(x), AG_CREATE_GRAPH, &gg);
    ag_backward(ag_sum(gg));
    return ag_item_at(ag_grad(x), 1);
}

static void memory_that_fails_leaves_the_tape_usable(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_options options = { .threads = 1, .on_error = ag_quiet, .allocator = allocator_of(&m) };
    ag_tape *t = ag_tape_new(options);
    assert_close(third_derivative(t), 6, 1e-12);
    ag_tape_free(t);
    const long total = m.requests;
    for (long i = 1; i <= total; i++) {
        m = (memory){ .fail_at = i };
        t = ag_tape_new(options);
        if (!t)
            continue;
        third_derivative(t);
        m.fail_at = 0;
        ag_error_clear(t);
        ag_tape_reset(t);
        assert_close(third_derivative(t), 6, 1e-12);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_outputs_are_handed_to_nobody),
        cmocka_unit_test(they_serve_derivatives_of_any_order),
        cmocka_unit_test(local_derivatives_read_them),
        cmocka_unit_test(without_recording_nothing_is_saved),
        cmocka_unit_test(finite_checks_see_saved_outputs),
        cmocka_unit_test(the_checks_follow_saved_outputs),
        cmocka_unit_test(impossible_definitions_are_refused),
        cmocka_unit_test(memory_that_fails_leaves_the_tape_usable),
    };
    return cmocka_run_group_tests_name("saved outputs of user ops", tests, NULL, NULL);
}
