/* Profiles: every op has its row, with its scope on the way back too, rows add up to the time from begin to end, and what
 * is computed has the same bits. */
#include "memory.h"
#include "profile.h"

/* The sum over rows, after it was compared with the whole. */
static void assert_adds_up(ag_profile *p)
{
    for (int by = 0; by <= (AG_BY_OP | AG_BY_SCOPE | AG_BY_SHAPES); by++) {
        size_t count;
        double sum = 0;
        const ag_profile_row *rows = ag_profile_rows(p, by, &count);
        assert_non_null(rows);
        for (size_t i = 0; i < count; i++) {
            assert_true(rows[i].seconds >= 0 && rows[i].seconds <= rows[i].total + 1e-12);
            sum += rows[i].seconds;
        }
        assert_close(sum / ag_profile_seconds(p), 1, 1e-9);
        assert_true(count >= 2 && !strcmp(rows[count - 1].name, "other") + !strcmp(rows[count - 2].name, "other") == 1);
        for (size_t i = 1; i + 2 < count; i++)
            assert_true(rows[i - 1].seconds >= rows[i].seconds);
    }
}

/* The row of an op in a scope; its calls 0: there is none. */
static ag_profile_row row(ag_profile *p, const char *name, const char *scope, ag_phase phase)
{
    size_t count;
    const ag_profile_row *rows = ag_profile_rows(p, AG_BY_OP | AG_BY_SCOPE, &count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rows[i].name, name) && !strcmp(rows[i].scope, scope) && rows[i].phase == phase)
            return rows[i];
    return (ag_profile_row){ 0 };
}

static int64_t calls(ag_profile *p, const char *name, const char *scope, ag_phase phase)
{
    return row(p, name, scope, phase).calls;
}

/* ---- tests */

static void ops_have_rows_by_module_and_direction(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .seed = 3, .threads = 1 });
    training m = new_training(t);
    ag_profile *p = begin(t);
    for (int i = 0; i < 5; i++)
        step(&m);
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_int_equal(ag_profile_steps(p), 5);
    assert_ptr_equal(ag_profile_tape(p), t);
    assert_adds_up(p);
    const char *const scopes[] = { "mlp.0", "mlp.2" };
    for (int i = 0; i < 2; i++)
        for (int phase = AG_PHASE_FORWARD; phase <= AG_PHASE_BACKWARD; phase++)
            assert_int_equal(calls(p, "linear", scopes[i], (ag_phase)phase), 5);
    assert_int_equal(calls(p, "tanh", "mlp.1", AG_PHASE_BACKWARD), 5);
    assert_int_equal(calls(p, "mean", "", AG_PHASE_FORWARD), 5);
    assert_int_equal(calls(p, "backward pass", "", AG_PHASE_NONE), 5);
    assert_int_equal(calls(p, "optim_step", "", AG_PHASE_NONE), 5);
    assert_int_equal(calls(p, "optim_zero_grad", "", AG_PHASE_NONE), 5);
    assert_true(row(p, "backward pass", "", AG_PHASE_NONE).total >= row(p, "linear", "mlp.0", AG_PHASE_BACKWARD).total);
    ag_tape_free(t);
}

static void work_is_counted(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1 });
    ag_tensor w = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(5, 4)), "w"),
              b = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(5)), "b");
    ag_tensor x = ag_buffer(ag_ones(t, AG_FLOAT, AG_SHAPE(3, 4)), "x"),
              k = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(2, 1, 2, 2)), "k");
    ag_profile *p = begin(t);
    ag_tensor y = ag_linear(x, w, b),
              z = ag_conv2d(ag_reshape(x, AG_SHAPE(1, 3, 4)), k, (ag_tensor){ 0 }, (ag_conv_options){ 0 });
    ag_backward(ag_add(ag_sum(ag_sin(ag_transpose(y, 0, 1))), ag_sum(z)));
    assert_int_equal(ag_profile_end(p), AG_OK);
    const ag_profile_row linear = row(p, "linear", "", AG_PHASE_FORWARD),
                         back = row(p, "linear", "", AG_PHASE_BACKWARD);
    assert_close(linear.flops, 2 * 3 * 4 * 5 + 15, 0);
    assert_close(linear.bytes, 4 * (3 * 4 + 5 * 4 + 5 + 3 * 5), 0);
    assert_int_equal(linear.kept, 4 * 3 * 5);
    assert_close(back.flops, 2 * 3 * 4 * 5 + 15 + 5, 0); /* by w and b, not by x */
    assert_close(row(p, "conv2d", "", AG_PHASE_FORWARD).flops, 2 * (2 * 2 * 3) * 4, 0);
    assert_close(row(p, "conv2d", "", AG_PHASE_BACKWARD).flops, 2 * (2 * 2 * 3) * 4, 0);
    assert_close(row(p, "sin", "", AG_PHASE_FORWARD).flops, 15, 0);
    assert_close(row(p, "sin", "", AG_PHASE_FORWARD).bytes, 4 * 30, 0);
    assert_close(row(p, "sin", "", AG_PHASE_BACKWARD).bytes, 4 * 45, 0); /* it reads the operand */
    assert_close(row(p, "transpose", "", AG_PHASE_FORWARD).bytes, 0, 0);
    assert_int_equal(row(p, "transpose", "", AG_PHASE_FORWARD).kept, 0);
    assert_true(isnan(row(p, "transpose", "", AG_PHASE_FORWARD).peak) && linear.peak > 0);
    ag_tape_free(t);
}

static ag_tensor in_pieces(ag_list x, void *user)
{
    (void)user;
    return ag_sum(ag_exp(ag_mul(x.at[0], x.at[0])));
}

static ag_tensor halve(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_mul_scalar(adjoint, 0.5);
}

/* Rules, passes that record, checkpoints and hooks: ops within ops. */
static void what_runs_within_an_op_has_its_own_time(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)), g,
              v = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3));
    ag_profile *p = begin(t);
    ag_scope_begin(t, "outer");
    ag_tensor y = ag_sum(ag_cumprod(x, 0)); /* by its rule */
    ag_scope_end(t);
    ag_tensor h = ag_square(x);
    ag_hook(h, halve, NULL);
    ag_tensor c = ag_checkpoint(in_pieces, NULL, AG_LIST(v));
    assert_int_equal(ag_backward(ag_add(ag_add(y, ag_sum(h)), c)), AG_OK);
    assert_int_equal(ag_gradients(ag_sum(ag_square(x)), AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
    assert_int_equal(ag_backward(ag_sum(g)), AG_OK);
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_adds_up(p);
    assert_int_equal(calls(p, "cumprod", "outer", AG_PHASE_BACKWARD), 1);
    assert_int_equal(calls(p, "exp", "", AG_PHASE_FORWARD), 1);
    assert_int_equal(calls(p, "exp", "", AG_PHASE_RULE), 1);
    assert_int_equal(calls(p, "exp", "", AG_PHASE_BACKWARD), 1);
    assert_int_equal(calls(p, "mul_scalar", "", AG_PHASE_RULE) > 0, 1); /* the hook's */
    assert_int_equal(calls(p, "backward pass, recorded", "", AG_PHASE_NONE), 1);
    assert_int_equal(((struct ag_profile *)p)->depth, 0);
    ag_tape_free(t);
}

/* Values and gradients of numbers and arrays, of an op that fails, too. */
enum { RESULTS = 6 };
static void play(ag_tape *t, double *to)
{
    ag_tensor a = ag_variable(t, 0.7), w = ag_param(ag_linspace(t, AG_F64, -1, 2, 600), "w"), g[2];
    ag_tensor m = ag_reshape(w, AG_SHAPE(20, 30)), x = ag_tanh(ag_matmul(m, ag_transpose(m, 0, 1)));
    ag_tensor y = ag_mul(ag_mean(ag_relu(ag_sin(ag_exp(ag_add(x, a))))), ag_sin(ag_mul(a, a)));
    ag_matmul(m, m);
    check_error(t, AG_ESHAPE, "inner", __FILE__, __LINE__);
    ag_backward(y);
    ag_gradients(y, AG_LIST(a, w), AG_CREATE_GRAPH, g);
    const ag_tensor all[RESULTS] = { y,    ag_grad(a),   ag_sum(ag_grad(w)),
                                     g[0], ag_sum(g[1]), ag_hvp(y, a, ag_constant(t, 1)) };
    for (int i = 0; i < RESULTS; i++)
        to[i] = ag_item(all[i]);
    ag_tape_reset(t);
}

static void results_are_the_same_bits(void **state)
{
    (void)state;
    double plain[RESULTS], seen[RESULTS], after[RESULTS];
    ag_tape *t = new_tape(), *u = new_tape();
    play(t, plain);
    const uint64_t limit = u->limit;
    ag_profile *p = begin(u), *q = begin(u);
    play(u, seen);
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_true(u->observed && !u->examined);
    assert_int_equal(ag_profile_end(q), AG_OK);
    assert_adds_up(p);
    assert_adds_up(q);
    assert_false(u->observed);
    assert_true(u->limit >= limit);
    assert_int_equal(calls(p, "sin", "", AG_PHASE_FORWARD), calls(q, "sin", "", AG_PHASE_FORWARD));
    play(u, after);
    assert_memory_equal(plain, seen, sizeof plain);
    assert_memory_equal(plain, after, sizeof plain);
    ag_profile_free(p);
    ag_profile_free(q);
    ag_tape_free(t);
    ag_tape_free(u);
}

static void regions_and_failures_keep_the_order(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), v = ag_zeros(t, AG_F64, AG_SHAPE(2));
    ag_region_end(t); /* nobody looks */
    ag_region_begin(t, "before");
    ag_profile *p = begin(t);
    ag_region_end(t); /* it began before */
    ag_region_begin(t, "outer");
    ag_region_begin(t, "inner");
    ag_add(v, ag_zeros(t, AG_F64, AG_SHAPE(3)));
    expect_error(t, AG_ESHAPE, "broadcast");
    ag_sin(x);
    ag_region_end(t);
    ag_region_end(t);
    for (int i = 0; i < 100; i++) /* deeper than is told apart */
        ag_region_begin(t, "deep");
    ag_sin(x);
    for (int i = 0; i < 100; i++)
        ag_region_end(t);
    ag_sin(x);
    ag_region_begin(t, NULL);
    ag_region_begin(t, "open");
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_adds_up(p);
    assert_int_equal(calls(p, "add", "", AG_PHASE_FORWARD), 0);
    assert_int_equal(calls(p, "sin", "", AG_PHASE_FORWARD), 2);
    assert_int_equal(calls(p, "deep", "", AG_PHASE_NONE), AG_FRAMES);
    assert_int_equal(calls(p, "inner", "", AG_PHASE_NONE), 1);
    assert_int_equal(calls(p, "open", "", AG_PHASE_NONE), 1);
    ag_tape_free(t);
}

static void an_op_of_before_the_profile_is_seen_on_the_way_back(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_sum(ag_exp(x));
    ag_profile *p = begin(t);
    ag_backward(y);
    ag_no_grad_begin(t);
    ag_exp(x);
    ag_no_grad_end(t);
    assert_true(ag_profile_seconds(p) > 0); /* while it runs: time goes on */
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_adds_up(p);
    assert_int_equal(calls(p, "exp", "", AG_PHASE_BACKWARD), 1);
    assert_int_equal(calls(p, "exp", "", AG_PHASE_FORWARD), 1);
    ag_tape_free(t); /* with it */
}

static void peaks_are_measured(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_profile *p = ag_profile_begin(t, (ag_profile_options){ .bytes = INFINITY });
    assert_non_null(p);
    const ag_profile_options *o = &((struct ag_profile *)p)->options;
    assert_true(o->flops_f32 > 1e8 && o->flops_f64 > 1e8 && isinf(o->bytes));
    ag_profile_end(p);
    ag_tape_free(t);
}

/* Whichever request fails, results are the same and the profile says that it lacks something, if it does. */
static void memory_that_fails_is_the_profiles_alone(void **state)
{
    (void)state;
    memory m = { 0 };
    double expected = 0;
    long first = 0;
    for (long fail = 0; fail < 60; fail++) {
        m = (memory){ 0 };
        ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .seed = 3, .threads = 1, .allocator = allocator_of(&m) });
        training work = new_training(t);
        for (int i = 0; i < 2; i++)
            step(&work); /* warm */
        first = m.requests;
        m.fail_at = fail ? first + fail : 0;
        ag_profile *p = ag_profile_begin(t, known_machine);
        double loss = 0;
        if (!p) {
            expect_error(t, AG_ENOMEM, "");
        } else {
            loss = step(&work);
            expect_fine(t);
            expected = fail ? expected : loss;
            assert_true(loss == expected);
            if (ag_profile_end(p))
                expect_error(t, AG_ENOMEM, "all that the profile saw");
            size_t count;
            if (!ag_profile_rows(p, 0, &count))
                expect_error(t, AG_ENOMEM, "");
            m.fail_at = 0;
            assert_adds_up(p);
            ag_profile_free(p);
        }
        assert_usable(t);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_have_rows_by_module_and_direction),
        cmocka_unit_test(work_is_counted),
        cmocka_unit_test(what_runs_within_an_op_has_its_own_time),
        cmocka_unit_test(results_are_the_same_bits),
        cmocka_unit_test(regions_and_failures_keep_the_order),
        cmocka_unit_test(an_op_of_before_the_profile_is_seen_on_the_way_back),
        cmocka_unit_test(peaks_are_measured),
        cmocka_unit_test(memory_that_fails_is_the_profiles_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
