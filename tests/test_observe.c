/* Observers: every op is shown once when it is computed and, in a pass, before and after it passes its adjoint on; the
 * numbers are those of a tape that nobody looks at. */
#include "support.h"
#include "ag/record/record.h"

enum { EVENTS = 4096 };
typedef struct witness {
    ag_observer observer;
    size_t count, seen[3];
    ag_moment moment[EVENTS];
    uint32_t id[EVENTS];
    const ag_op *op[EVENTS];
    size_t fail_at; /* the event that fails, from 1; 0: none */
} witness;

static ag_status see(ag_observer *o, ag_event *e)
{
    witness *w = (witness *)o;
    assert_true(w->count < EVENTS);
    w->seen[e->moment]++;
    w->moment[w->count] = e->moment;
    w->id[w->count] = e->call->id;
    w->op[w->count++] = e->call->op;
    assert_int_equal(e->moment == AG_COMPUTED, !e->adjoint);
    return w->count == w->fail_at ? ag_fail(e->call->tape, AG_EFILE, "seen enough") : AG_OK;
}

static void watch(ag_tape *t, witness *w)
{
    *w = (witness){ .observer = { .see = see } };
    ag_observer_add(t, &w->observer);
}

/* ---- programs: of numbers, of arrays, of both with ops of all kinds */

static ag_tensor numbers(ag_tape *t, ag_list p)
{
    ag_tensor x = ag_mul(p.at[0], p.at[1]), y = ag_sin(x), z = ag_constant(t, 2);
    y = ag_clamp(ag_add(ag_mul(y, y), ag_div(x, ag_exp(z))), -3, 3);
    return ag_add_scalar(ag_add(ag_relu(ag_neg(x)), ag_pow_scalar(y, 2)), -1); /* 12 ops */
}

static ag_tensor arrays(ag_tape *t, ag_list p)
{
    ag_tensor a = ag_linspace(t, AG_F64, -1, 2, 12), m = ag_reshape(a, AG_SHAPE(3, 4)), n = ag_transpose(m, 0, 1);
    ag_tensor x = ag_mul(m, p.at[0]), y = ag_matmul(x, n), s = ag_softmax(ag_add(y, ag_tanh(y)), 1);
    return ag_add(ag_mean(ag_where(ag_greater(s, p.at[1]), s, ag_square(s))), ag_sum(ag_cast(x, AG_F32))); /* 14 */
}

static ag_tensor both(ag_tape *t, ag_list p)
{
    ag_tensor x = numbers(t, p), y = arrays(t, AG_LIST(x, p.at[1]));
    return ag_mul(ag_sin(y), ag_log(ag_add_scalar(ag_square(x), 1)));
}

typedef ag_tensor program(ag_tape *t, ag_list p);
static program *const programs[] = { numbers, arrays, both };
static const size_t ops[] = { 12, 14, 31 };

/* Values and derivatives to the second order, bit for bit comparable. */
enum { RESULTS = 8 };
static void play(ag_tape *t, program *f, double *to)
{
    ag_tensor p[2] = { ag_param(ag_constant(t, 0.7), "p"), ag_variable(t, -0.4) }, g[2], h[2];
    ag_list at = { p, 2 };
    ag_tensor y = f(t, at);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(ag_gradients(y, at, AG_CREATE_GRAPH, g), AG_OK);
    assert_int_equal(ag_gradients(ag_add(ag_square(g[0]), g[1]), at, 0, h), AG_OK);
    const ag_tensor all[RESULTS] = { y, ag_grad(p[0]), ag_grad(p[1]), g[0], g[1], h[0], h[1], f(t, at) };
    for (size_t i = 0; i < RESULTS; i++)
        to[i] = ag_item(all[i]);
    expect_fine(t);
}

/* ---- what is seen */

static void every_op_is_seen_when_it_is_computed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        ag_tape *t = new_tape();
        witness w;
        ag_tensor p[2] = { ag_variable(t, 0.7), ag_variable(t, -0.4) };
        watch(t, &w);
        const int64_t before = ag_tape_nodes(t);
        ag_tensor y = programs[i](t, (ag_list){ p, 2 });
        assert_int_equal(w.count, ops[i]);
        assert_int_equal(w.id[w.count - 1], AG_INDEX(y.id));
        int64_t made = 0;
        for (int64_t n = before + 1; n <= ag_tape_nodes(t); n++)
            made += t->headers[n].op >= AG_OP_FIRST;
        assert_int_equal(w.count, made);
        ag_no_grad_begin(t);
        programs[i](t, (ag_list){ p, 2 });
        ag_no_grad_end(t);
        assert_int_equal(w.count, 2 * ops[i]);
        assert_int_equal(w.seen[AG_COMPUTED], w.count);
        ag_tape_free(t);
    }
}

static bool follows(const witness *w, size_t i) /* moments of a pass: each op in turn, from the last to the first */
{
    return w->moment[i] == AG_ARRIVED && w->moment[i + 1] == AG_PASSED_ON && w->id[i] == w->id[i + 1] &&
           (!i || w->id[i] < w->id[i - 1]);
}

static void an_op_of_a_pass_is_seen_before_and_after_it_passes_on(void **state)
{
    (void)state;
    for (int flags = -1; flags <= AG_CREATE_GRAPH; flags++) {
        ag_tape *t = new_tape();
        witness w;
        ag_tensor x = ag_variable(t, 2), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), g[2];
        ag_tensor unused = ag_exp(x), y = ag_sum(ag_mul(ag_square(ag_sin(x)), ag_neg(v)));
        ag_tensor z = ag_mul(ag_add_scalar(y, 1), x);
        (void)unused;
        watch(t, &w);
        assert_int_equal(flags < 0 ? ag_backward(z) : ag_gradients(z, AG_LIST(x, v), flags, g), AG_OK);
        size_t moments = 0; /* rules record ops */
        for (size_t i = 0; i < w.count; i++) {
            if (w.moment[i] == AG_COMPUTED)
                continue;
            w.moment[moments] = w.moment[i];
            w.id[moments++] = w.id[i];
        }
        assert_int_equal(moments, 2 * 7);
        for (size_t i = 0; i < moments; i += 2)
            assert_true(follows(&w, i));
        assert_int_equal(w.id[0], AG_INDEX(z.id));
        ag_tape_free(t);
    }
}

static void the_numbers_are_those_of_a_tape_that_nobody_looks_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        double plain[RESULTS], seen[RESULTS], checked[RESULTS];
        ag_tape *t = new_tape(), *u = new_tape(), *c = tape_with((ag_options){ .check_finite = true });
        witness w;
        watch(u, &w);
        play(t, programs[i], plain);
        play(u, programs[i], seen);
        play(c, programs[i], checked);
        assert_memory_equal(plain, seen, sizeof plain);
        assert_memory_equal(plain, checked, sizeof plain);
        assert_true(w.seen[AG_COMPUTED] > 2 * ops[i] && w.seen[AG_ARRIVED] == w.seen[AG_PASSED_ON]);
        ag_tape_free(t);
        ag_tape_free(u);
        ag_tape_free(c);
    }
}

static void observers_come_and_go(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    witness a, b;
    const uint64_t limit = t->limit;
    ag_tensor x = ag_variable(t, 2);
    watch(t, &a);
    ag_sin(x);
    watch(t, &b);
    ag_no_grad_begin(t);
    ag_sin(x);
    ag_no_grad_end(t);
    ag_observer_remove(t, &a.observer);
    ag_observer_remove(t, &a.observer); /* it is not there */
    ag_tape_reset(t);
    x = ag_variable(t, 2);
    ag_sin(ag_sin(x));
    ag_observer_remove(t, &b.observer);
    ag_sin(x);
    assert_int_equal(a.count, 2);
    assert_int_equal(b.count, 3);
    assert_false(t->observed);
    assert_int_equal(t->limit, limit);
    ag_tape_free(t);
}

static void an_observer_that_fails_fails_the_op_or_the_pass(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    ag_tensor y = ag_mul(ag_sum(ag_mul(v, x)), ag_sin(x));
    witness w;
    watch(t, &w);
    w.fail_at = 1;
    assert_true(is_inert(ag_sin(x), t));
    expect_error(t, AG_EFILE, "seen enough");
    w.fail_at = 2;
    assert_true(is_inert(ag_sum(v), t));
    expect_error(t, AG_EFILE, "seen enough");
    for (size_t i = 1; i <= 8; i++) {
        w.count = 0;
        w.fail_at = i;
        assert_int_equal(ag_backward(y), AG_EFILE);
        expect_error(t, AG_EFILE, "seen enough");
        assert_item(ag_grad(x), 0);
        assert_values(ag_grad(v), 0, 0);
    }
    w.fail_at = 0;
    assert_int_equal(ag_backward(y), AG_OK);
    assert_values(ag_grad(v), 2 * sin(2), 2 * sin(2));
    ag_observer_remove(t, &w.observer);
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_is_seen_when_it_is_computed),
        cmocka_unit_test(an_op_of_a_pass_is_seen_before_and_after_it_passes_on),
        cmocka_unit_test(the_numbers_are_those_of_a_tape_that_nobody_looks_at),
        cmocka_unit_test(observers_come_and_go),
        cmocka_unit_test(an_observer_that_fails_fails_the_op_or_the_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
