/* Memory that fails: whichever allocation it is, the tape stays usable and the same tape completes the work with the
 * same numbers; and a warm training loop asks for none. */
#include "memory.h"
#include "ag/record/record.h"

static ag_tape *tape_on(memory *m, bool keep_grads)
{
    return ag_tape_new((ag_options){ .seed = 3,
                                     .threads = 2,
                                     .on_error = ag_quiet,
                                     .keep_grads = keep_grads,
                                     .allocator = allocator_of(m),
                                     .memory_limit = (uint64_t)1 << 40 });
}

/* ---- the works: each leaves its numbers */

enum { NUMBERS = 4096 };
typedef struct numbers {
    double at[NUMBERS];
    size_t count;
} numbers;

static void put(numbers *n, ag_tensor x)
{
    int64_t size = ag_size_of(x);
    for (int64_t i = 0; i < size && n->count < NUMBERS; i++)
        n->at[n->count++] = ag_item_at(x, i);
}

typedef void work(ag_tape *t, numbers *n);

static void lecture(ag_tape *t, numbers *n)
{
    ag_tensor a = ag_name(ag_variable(t, 4), "a"), b = ag_name(ag_variable(t, 3), "b");
    ag_tensor c = ag_name(ag_add(a, b), "c"), d = ag_name(ag_mul(a, c), "d");
    for (int i = 0; i < 100; i++) /* enough for tables to grow */
        d = ag_add(ag_name(ag_mul_scalar(d, 1), "again"), ag_sum(ag_mul(AG_VALUES(t, AG_SHAPE(1), 0), c)));
    ag_backward(d);
    ag_backward(d);
    const ag_tensor results[] = { c, d, ag_grad(a), ag_grad(b), ag_grad(c), ag_local(d, c) };
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        put(n, results[i]);
}

static void second_order(ag_tape *t, numbers *n)
{
    double values[60];
    for (int i = 0; i < 60; i++)
        values[i] = sin(i);
    ag_tensor x = ag_require_grad(ag_values(t, AG_SHAPE(6, 10), values, 60)),
              w = ag_require_grad(ag_values(t, AG_SHAPE(10, 6), values, 60));
    ag_tensor s = ag_variable(t, 0.5), h = ag_tanh(ag_mul(ag_matmul(x, w), s));
    for (int i = 0; i < 4; i++)
        h = ag_softmax(ag_add(ag_sin(h), ag_transpose(h, 0, 1)), 1);
    h = ag_concat(AG_LIST(h, h, x, ag_square(h), h, h), 1); /* more operands than a node has places for */
    ag_tensor y = ag_sum(ag_square(h)), g[3], gg[3];
    ag_gradients(y, AG_LIST(x, w, s), AG_CREATE_GRAPH, g);
    ag_tensor z = ag_add(ag_add(ag_sum(ag_square(g[0])), ag_sum(ag_square(g[1]))), ag_square(g[2]));
    ag_gradients(z, AG_LIST(x, w, s), AG_CREATE_GRAPH, gg);
    ag_backward(ag_sum(ag_square(gg[0])));
    const ag_tensor results[] = { y, g[0], g[1], g[2], gg[0], gg[1], gg[2], ag_grad(w), ag_grad(s), ag_hvp(y, x, x) };
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        put(n, results[i]);
}

/* Everything else that needs memory. */
static void odds_and_ends(ag_tape *t, numbers *n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    ag_tensor many[30];
    for (int i = 0; i < 30; i++)
        many[i] =
            ag_retain_grad(ag_square(ag_variable(t, i))) ? absent : ag_name(ag_square(ag_variable(t, i)), "square");
    ag_tensor stack = ag_stack((ag_list){ many, 30 }, 0), p = ag_param(stack, "p"),
              q = ag_buffer(ag_constant(t, 2), "q");
    ag_tensor big = ag_full(t, AG_F64, AG_SHAPE(300, 40), 0.25), y = ag_sum(ag_mul(ag_exp(ag_transpose(big, 0, 1)), q));
    ag_name(p, "renamed");
    ag_retain_grad(many[3]);
    y = ag_add(y, ag_dot(p, stack));
    ag_mark mark = ag_tape_mark(t);
    ag_backward(y);
    put(n, ag_grad(many[3]));
    put(n, ag_grad(p));
    ag_explain(y, to);
    ag_draw(y, to);
    ag_draw_html(y, "/dev/null");
    ag_explain_routes(y, many[3], to);
    ag_explain_element_json(y, 0, stack, 7, to);
    ag_tape_rewind(t, mark);
    ag_assign(p, ag_mul_scalar(ag_detach(p), 2));
    ag_backward(ag_sum(ag_reshape(ag_mul(p, p), AG_SHAPE(5, 6))));
    put(n, ag_grad(p));
    ag_print(ag_full(t, AG_F64, AG_SHAPE(999), -1.234567e-100), to);
    ag_print_graph(y, to);
    ag_draw(y, to);
    n->at[n->count++] = ag_show(p)[0] != 0;
    ag_params(t);
    put(n, ag_rand(t, AG_F32, AG_SHAPE(10), 1, 1));
    put(n, ag_cast(ag_one_hot(ag_cast(ag_arange(t, AG_I32, 0, 5, 1), AG_I64), 5, AG_U8), AG_F64));
    ag_data(ag_transpose(big, 0, 1), AG_F64);
    ag_zero_grad(p);
    ag_release(p);
    ag_release(q);
    fclose(to);
    free(text);
}

static void run_with_failures(work *w, bool keep_grads)
{
    static numbers expected, again; /* large for a stack */
    memory m = { 0 };
    ag_tape *t = tape_on(&m, keep_grads);
    expected.count = 0;
    w(t, &expected);
    expect_fine(t);
    assert_true(expected.count > 5);
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
    long failures = 0, total = m.requests;
    for (long i = 0; i < 2 * total; i++) {
        m = (memory){ .fail_at = i / 2 + 1, .for_good = i % 2 };
        t = tape_on(&m, keep_grads);
        again.count = 0;
        if (t) {
            w(t, &again);
            if (!ag_error(t)) /* the failure was none: something shown without an error */
                assert_true(m.requests >= i / 2);
            else
                failures++;
            if (ag_error(t))
                check_error(t, AG_ENOMEM, "", __FILE__, __LINE__);
            m.fail_at = 0;
            for (size_t k = 0; k < ag_params(t).count; k++)
                ag_zero_grad(ag_params(t).at[k]);
            assert_int_equal(ag_tape_reset(t), AG_OK);
            again.count = 0;
            w(t, &again);
            expect_fine(t);
            assert_int_equal(again.count, expected.count);
            assert_memory_equal(again.at, expected.at, expected.count * sizeof *expected.at);
            assert_usable(t);
            ag_tape_free(t);
        }
        if (m.bytes)
            print_error("allocation %ld failed: %zu bytes were not given back\n", i / 2, m.bytes);
        assert_int_equal(m.bytes, 0);
    }
    assert_true(failures > total / 2);
}

static void run_with_little_room(work *w, bool keep_grads)
{
    static numbers expected, again;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, keep_grads);
    expected.count = 0;
    w(t, &expected);
    ag_tape_free(t);
    for (int pool = 0; pool < 2; pool++) {
        bool failed = true;
        for (size_t i = 0; failed; i = more_room(i)) {
            m = (memory){ 0 };
            t = tape_on(&m, keep_grads);
            leave_room(&m, t, pool, i);
            again.count = 0;
            w(t, &again);
            failed = ag_error(t) != AG_OK;
            assert_true(!failed || ag_error(t) == AG_ENOMEM);
            m.limit = 0;
            ag_error_clear(t);
            for (size_t k = 0; k < ag_params(t).count; k++)
                ag_zero_grad(ag_params(t).at[k]);
            assert_int_equal(ag_tape_reset(t), AG_OK);
            again.count = 0;
            w(t, &again);
            expect_fine(t);
            assert_int_equal(again.count, expected.count);
            assert_memory_equal(again.at, expected.at, expected.count * sizeof *expected.at);
            ag_tape_free(t);
            assert_int_equal(m.bytes, 0);
            assert_true(i < 30000);
        }
    }
}

static void little_room(void **state)
{
    (void)state;
    run_with_little_room(lecture, true);
    run_with_little_room(second_order, false);
    run_with_little_room(odds_and_ends, false);
}

static void the_graph_of_the_lecture(void **state)
{
    (void)state;
    run_with_failures(lecture, true);
}

static void gradients_of_gradients(void **state)
{
    (void)state;
    run_with_failures(second_order, false);
}

static void everything_else(void **state)
{
    (void)state;
    run_with_failures(odds_and_ends, false);
}

/* ---- a whole training step */

enum { IN = 7, HIDDEN = 9, OUT = 4, ROWS = 11, STEPS = 2 };

typedef struct training {
    nn_module *net;
    optim *adam;
} training;

/* The weights are set, since a failed attempt has drawn random numbers. */
static bool construct(ag_tape *t, training *r)
{
    double values[HIDDEN * HIDDEN];
    r->net = nn_mlp(t, (nn_mlp_config){ .sizes = { IN, HIDDEN, HIDDEN, OUT }, .activation = NN_TANH });
    r->adam = r->net ? optim_adam(nn_params(r->net), (optim_adam_config){ .lr = 0.05 }) : NULL;
    ag_list params = nn_params(r->net);
    for (size_t k = 0; r->adam && k < params.count; k++) {
        int64_t count = ag_size_of(params.at[k]);
        for (int64_t i = 0; i < count; i++)
            values[i] = 0.3 * sin(3 * (double)i + (double)k);
        if (ag_copy_in(params.at[k], AG_F64, values, (size_t)count * sizeof *values))
            return false;
    }
    return r->adam;
}

static ag_status step(ag_tape *t, training *r, numbers *n)
{
    double x[ROWS * IN];
    int64_t labels[ROWS];
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = cos(i);
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % OUT;
    ag_tensor input = ag_from(t, AG_F64, AG_SHAPE(ROWS, IN), x, sizeof x),
              target = ag_from(t, AG_I64, AG_SHAPE(ROWS), labels, sizeof labels);
    ag_tensor l = ag_cross_entropy(nn_forward(r->net, input), target);
    ag_backward(l);
    optim_clip_norm(r->adam, 1);
    ag_status s = optim_step(r->adam);
    if (s)
        return s;
    n->at[n->count++] = ag_item(l);
    optim_zero_grad(r->adam);
    return ag_tape_reset(t);
}

/* Trains, trying again whatever fails; false: nothing failed. */
static bool train(memory *m, ag_tape *t, numbers *n)
{
    training r;
    bool failed = false;
    n->count = 0;
    while (!construct(t, &r)) {
        failed = true;
        expect_error(t, AG_ENOMEM, "");
        m->fail_at = 0;
        m->limit = 0;
        ag_tape_reset(t);
    }
    for (int i = 0; i < STEPS; i++) {
        while (step(t, &r, n)) {
            assert_false(failed);
            failed = true;
            expect_error(t, AG_ENOMEM, "");
            m->fail_at = 0;
            m->limit = 0;
            assert_int_equal(optim_zero_grad(r.adam), AG_OK);
            assert_int_equal(ag_tape_reset(t), AG_OK);
        }
    }
    ag_list params = nn_params(r.net);
    for (size_t k = 0; k < params.count; k++)
        put(n, params.at[k]);
    expect_fine(t);
    return failed;
}

static void a_training_step(void **state)
{
    static numbers expected, again;
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, false);
    assert_false(train(&m, t, &expected));
    assert_int_equal(expected.count, STEPS + (IN + 1) * HIDDEN + (HIDDEN + 1) * HIDDEN + (HIDDEN + 1) * OUT);
    assert_true(expected.at[1] < expected.at[0]);
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
    long total = m.requests, failures = 0;
    for (long i = 0; i < 2 * total; i++) {
        m = (memory){ .fail_at = i / 2 + 1, .for_good = i % 2 };
        t = tape_on(&m, false);
        if (t) {
            failures += train(&m, t, &again);
            assert_int_equal(again.count, expected.count);
            assert_memory_equal(again.at, expected.at, expected.count * sizeof *expected.at);
            ag_tape_free(t);
        }
        assert_int_equal(m.bytes, 0);
    }
    assert_true(failures > total);
    for (int pool = 0; pool < 2; pool++) {
        bool failed = true;
        for (size_t i = 0; failed; i = more_room(i)) {
            m = (memory){ 0 };
            t = tape_on(&m, false);
            leave_room(&m, t, pool, i);
            failed = train(&m, t, &again);
            assert_memory_equal(again.at, expected.at, expected.count * sizeof *expected.at);
            ag_tape_free(t);
            assert_int_equal(m.bytes, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graph_of_the_lecture), cmocka_unit_test(gradients_of_gradients),
        cmocka_unit_test(everything_else),          cmocka_unit_test(little_room),
        cmocka_unit_test(a_training_step),
    };
    return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
