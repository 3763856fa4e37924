/* Passes within passes: a rule differentiates a graph that it records itself, while the pass that called it is half-way. */
#include "memory.h"

/* ---- x -> sum x^3, whose rule differentiates it anew */

static ag_tensor cubes(ag_tensor x)
{
    return ag_sum(ag_mul(ag_mul(x, x), x));
}

typedef struct inner {
    ag_tensor (*f)(ag_tensor x);
    int runs;
} inner;

static void inner_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    inner *p = user;
    ag_tape *t = y.tape;
    const bool recording = ag_needs_grad(ag_mul_scalar(xs.at[0], 1));
    p->runs++;
    const unsigned suspended = ag_enable_grad_begin(t);
    ag_tensor again = p->f(xs.at[0]), g;
    ag_gradients(again, xs, recording ? AG_CREATE_GRAPH : 0, &g);
    ag_enable_grad_end(t, suspended);
    dx[0] = ag_mul(dy, g);
}

static ag_tensor by_inner_pass(ag_tensor x, inner *p)
{
    ag_no_grad_begin(x.tape);
    ag_tensor y = p->f(x);
    ag_no_grad_end(x.tape);
    return ag_custom_vjp(y, AG_LIST(x), inner_rule, p);
}

/* What the outer pass has collected for x when the rule runs is not the inner pass's, nor the other way round. */
static void an_inner_pass_leaves_the_outer_one_as_it_is(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        ag_tape *t = new_tape();
        inner p = { .f = cubes };
        ag_tensor x = kind == 0   ? ag_variable(t, 2)
                      : kind == 1 ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, 2))
                                  : ag_param(kind == 2 ? AG_VALUES(t, AG_SHAPE(2), 2, 2) : ag_constant(t, 2), "x");
        const double n = (double)ag_size_of(x);
        ag_tensor before = ag_sum(ag_mul_scalar(x, 5)), y = by_inner_pass(x, &p);
        ag_tensor all = ag_add(ag_add(before, ag_mul_scalar(y, 10)), ag_sum(ag_mul(x, x)));
        for (int pass = 1; pass < 3; pass++) {
            assert_int_equal(ag_backward(all), AG_OK);
            for (int64_t i = 0; i < ag_size_of(x); i++)
                assert_close(ag_item_at(ag_grad(x), i), pass * (5 + 10 * 12 + 4), 0);
        }
        ag_tensor g, h, third;
        assert_int_equal(ag_gradients(all, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_close(ag_item(ag_sum(g)), n * 129, 0);
        assert_int_equal(ag_gradients(g, AG_LIST(x), AG_CREATE_GRAPH, &h), AG_OK);
        assert_close(ag_item(ag_sum(h)), n * (10 * 12 + 2), 0);
        assert_int_equal(ag_gradients(h, AG_LIST(x), 0, &third), AG_OK);
        assert_close(ag_item(ag_sum(third)), n * 60, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static inner innermost = { .f = cubes };

static ag_tensor twice_the_cubes(ag_tensor x)
{
    return ag_add(by_inner_pass(x, &innermost), by_inner_pass(ag_mul_scalar(x, 1), &innermost));
}

static void passes_nest_in_passes_that_nest(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    inner p = { .f = twice_the_cubes };
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), number = ag_variable(t, 3);
    ag_tensor y = ag_add(by_inner_pass(ag_mul(x, x), &p), by_inner_pass(number, &p)); /* 2 x^6; 2 x^3 */
    innermost.runs = 0;
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(innermost.runs, 4);
    assert_close(ag_item_at(ag_grad(x), 0), 12, 0);
    assert_close(ag_item_at(ag_grad(x), 1), 12 * 32, 0);
    assert_close(ag_item(ag_grad(number)), 54, 0);
    ag_tensor h = ag_hvp(y, number, ag_constant(t, 1));
    assert_close(ag_item(h), 36, 0);
    ag_tape_free(t);
}

static ag_tensor log_of_relu(ag_tensor x)
{
    return ag_sum(ag_log(ag_relu(x)));
}

/* A branch that is not taken passes nothing on, however infinite the derivatives behind it. */
static void structural_zeros_hold_at_the_boundary(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    inner p = { .f = log_of_relu };
    ag_tensor x = ag_variable(t, -1), z = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), -1, 2));
    assert_int_equal(ag_backward(ag_add(by_inner_pass(ag_mul_scalar(x, 1), &p), by_inner_pass(z, &p))), AG_OK);
    assert_close(ag_item(ag_grad(x)), 0, 0);
    assert_values(ag_grad(z), 0, 0.5);
    ag_tape_free(t);
}

/* ---- ag_backward in a rule */

static void leaf_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    ag_tape *t = y.tape;
    const unsigned suspended = ag_enable_grad_begin(t);
    ag_tensor x = ag_require_grad(ag_detach(xs.at[0]));
    ag_backward(((inner *)user)->f(x));
    ag_tensor g = ag_grad(x);
    ag_enable_grad_end(t, suspended);
    dx[0] = ag_mul(dy, g);
}

static void gradients_of_inner_leaves_can_be_read(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    inner p = { .f = cubes };
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    ag_tensor y = ag_custom_vjp(cubes(ag_detach(x)), AG_LIST(x), leaf_rule, &p);
    assert_int_equal(ag_backward(ag_add(y, ag_sum(x))), AG_OK);
    assert_values(ag_grad(x), 4, 13);
    expect_fine(t);
    ag_tape_free(t);
}

typedef struct wrong {
    ag_tensor at;
    bool outer; /* from it, not from what is recorded of it */
} wrong;

static void wrong_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    wrong *w = user;
    ag_tape *t = y.tape;
    const unsigned suspended = ag_enable_grad_begin(t);
    ag_backward(w->outer ? w->at : ag_sum(ag_square(w->at)));
    ag_enable_grad_end(t, suspended);
    (void)xs;
    dx[0] = dy;
}

static void a_rule_changes_no_gradient_of_before(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        ag_tape *t = new_tape();
        ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"),
                  x = ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(2)));
        wrong w = { kind == 0 ? p : kind == 1 ? x : ag_sum(x), kind == 2 };
        assert_int_equal(ag_backward(ag_sum(ag_add(x, p))), AG_OK);
        ag_tensor y = ag_custom_vjp(ag_detach(x), AG_LIST(x), wrong_rule, &w);
        assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
        expect_error(t, AG_EUSE, kind == 2 ? "can begin only at what was recorded there" : "ag_gradients");
        assert_values(ag_grad(p), 1, 1);
        assert_values(ag_grad(x), 1, 1);
        ag_tape_free(t);
    }
}

/* ---- marks in a rule */

static void rewinding_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    ag_tape *t = y.tape;
    ag_tensor last = ag_mul(dy, xs.at[0]);
    for (int i = 0; i < 100; i++) {
        ag_mark mark = ag_tape_mark(t);
        ag_exp(ag_mul(last, last));
        *(ag_status *)user = ag_tape_rewind(t, mark);
    }
    dx[0] = ag_add(last, last);
}

static void a_rule_rewinds_to_its_own_marks(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_status status = AG_EARG;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), g;
    ag_tensor y = ag_custom_vjp(ag_detach(x), AG_LIST(x), rewinding_rule, &status);
    const int64_t nodes = ag_tape_nodes(t) + 1;
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_int_equal(status, AG_OK);
    assert_int_equal(ag_tape_nodes(t), nodes);
    assert_values(ag_grad(x), 2, 4);
    assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
    assert_values(g, 2, 4);
    ag_tape_free(t);
}

static void early_rewind(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)xs;
    ag_tape_rewind(y.tape, *(ag_mark *)user);
    dx[0] = dy;
}

static void a_rule_does_not_rewind_further(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1);
    ag_mark mark = ag_tape_mark(t);
    ag_tensor y = ag_custom_vjp(ag_mul_scalar(ag_detach(x), 3), AG_LIST(x), early_rewind, &mark);
    assert_int_equal(ag_backward(y), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_tape_rewind");
    assert_close(ag_item(y), 3, 0);
    ag_tape_free(t);
}

/* ---- what is computed at all */

static ag_tensor through(ag_tensor x, int *runs);

static void counting_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    (void)y, (void)xs;
    ++*(int *)user;
    dx[0] = dy;
}

static ag_tensor through(ag_tensor x, int *runs)
{
    return ag_custom_vjp(ag_detach(x), AG_LIST(x), counting_rule, runs);
}

/* dy/dx costs what lies between x and y: no op beside it is visited, and none below. */
static void only_ops_between_are_visited(void **state)
{
    (void)state;
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags += AG_CREATE_GRAPH) {
        ag_tape *t = new_tape();
        int above = 0, beside = 0, below = 0;
        ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2), 3, 4), "w"),
                  a = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
        ag_tensor x = through(a, &below), n = ag_variable(t, 2), scaled = ag_mul(x, through(ag_mul(w, n), &beside)), g;
        ag_tensor y = ag_sum(through(scaled, &above));
        assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), AG_OK);
        assert_values(g, 6, 8);
        assert_int_equal(above, 1);
        assert_int_equal(beside, 0);
        assert_int_equal(below, 0);
        assert_int_equal(ag_gradients(y, AG_LIST(n), flags, &g), AG_OK);
        assert_close(ag_item(g), 11, 0);
        assert_int_equal(beside, 1);
        assert_int_equal(below, 0);
        assert_int_equal(ag_gradients(y, AG_LIST(y), flags, &g), AG_OK);
        assert_close(ag_item(g), 1, 0);
        assert_int_equal(above, 2);
        ag_tape_free(t);
    }
}

/* ---- every request for memory fails in turn */

static void memory_that_fails_leaves_gradients_as_they_were(void **state)
{
    (void)state;
    for (long fail = 1, done = 0; !done; fail++) {
        memory m = { 0 };
        ag_tape *t = tape_with((ag_options){ .allocator = allocator_of(&m) });
        inner p = { .f = twice_the_cubes };
        ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3), "x");
        for (int i = 0; i < 60; i++) /* most tables are full */
            ag_variable(t, 1);
        ag_tensor y = ag_add(by_inner_pass(ag_mul(x, x), &p), by_inner_pass(ag_sum(x), &p));
        m.fail_at = m.requests + fail;
        ag_status status = ag_backward(y);
        done = m.fail_at > m.requests;
        m.fail_at = 0;
        assert_int_equal(status, done ? AG_OK : AG_ENOMEM);
        ag_error_clear(t);
        if (done)
            assert_values(ag_grad(x), 12 + 216, 12 * 32 + 216, 12 * 243 + 216);
        else
            assert_values(ag_grad(x), 0, 0, 0);
        assert_true(fail < 200);
        ag_zero_grad(x);
        assert_int_equal(ag_backward(y), AG_OK);
        assert_values(ag_grad(x), 12 + 216, 12 * 32 + 216, 12 * 243 + 216);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inner_pass_leaves_the_outer_one_as_it_is),
        cmocka_unit_test(passes_nest_in_passes_that_nest),
        cmocka_unit_test(structural_zeros_hold_at_the_boundary),
        cmocka_unit_test(gradients_of_inner_leaves_can_be_read),
        cmocka_unit_test(a_rule_changes_no_gradient_of_before),
        cmocka_unit_test(a_rule_rewinds_to_its_own_marks),
        cmocka_unit_test(a_rule_does_not_rewind_further),
        cmocka_unit_test(only_ops_between_are_visited),
        cmocka_unit_test(memory_that_fails_leaves_gradients_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
