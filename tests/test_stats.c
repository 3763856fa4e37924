/* What a tape says of its memory: the parts make up the whole, peaks are what was there, and the tables name it. */
#include "explain.h"
#include "memory.h"

static uint64_t whole(const ag_stats *s)
{
    return s->values.live + s->adjoints.live + s->work.live + s->persistent.live + s->allocated.live + s->tables.live +
           s->spare;
}

static void assert_parts(const ag_tape *t, const memory *m)
{
    const ag_stats s = ag_tape_stats(t);
    const ag_memory parts[] = { s.held, s.values, s.adjoints, s.work, s.persistent, s.allocated, s.tables };
    assert_int_equal(s.held.live, ag_tape_memory(t));
    assert_int_equal(s.held.live, m->bytes);
    assert_int_equal(s.held.live, whole(&s));
    assert_int_equal(s.allocations, m->requests);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        assert_true(parts[i].live <= parts[i].peak && parts[i].peak <= s.held.peak);
    assert_int_equal(s.nodes, ag_tape_nodes(t));
    assert_true(s.most_nodes >= s.nodes);
}

static void parts_make_up_what_is_held(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .allocator = allocator_of(&m) });
    assert_parts(t, &m);
    ag_tensor w = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(50, 50)), "w"),
              b = ag_buffer(ag_ones(t, AG_I64, AG_SHAPE(7)), "b");
    assert_true(ag_tape_stats(t).persistent.live >= 50 * 50 * 4 + 7 * 8);
    for (int i = 0; i < 5; i++) {
        ag_tensor x = ag_ones(t, AG_FLOAT, AG_SHAPE(100 * (i + 1), 50));
        ag_backward(ag_sum(ag_tanh(ag_matmul(x, ag_sin(w)))));
        ag_name(x, "x");
        ag_name(w, "a name that is longer than before");
        assert_parts(t, &m);
        ag_tape_reset(t);
        assert_parts(t, &m);
    }
    void *block = ag_tape_resize(t, ag_tape_allocate(t, 1000), 5000);
    assert_true(ag_tape_stats(t).allocated.live >= 5000);
    assert_parts(t, &m);
    ag_tape_deallocate(t, block);
    ag_release(b);
    ag_release(w);
    ag_tape_reset(t);
    assert_parts(t, &m);
    assert_int_equal(ag_tape_stats(t).persistent.live, 0);
    assert_int_equal(ag_tape_stats(t).allocated.live, 0);
    ag_tape_free(t);
}

static void peaks_are_what_was_there(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1 });
    const int64_t n = 8000; /* small enough for ops to be run one by one */
    ag_tensor w = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(n)), "w");
    ag_tape_reset(t);
    ag_tape_stats_restart(t);
    assert_int_equal(ag_tape_stats(t).values.peak, 0);
    ag_backward(ag_sum(ag_sin(ag_cos(w))));
    ag_tape_reset(t);
    ag_stats s = ag_tape_stats(t);
    assert_int_equal(s.values.live, 0);
    assert_true(s.values.peak >= (uint64_t)n * 8 && s.values.peak < (uint64_t)n * 8 + 4096);
    assert_true(s.adjoints.peak >= (uint64_t)n * 4 && s.adjoints.peak < (uint64_t)n * 9);
    assert_true(s.persistent.peak >= (uint64_t)n * 8 && s.persistent.peak < (uint64_t)n * 8 + 4096);
    assert_int_equal(s.most_nodes, 4);
    ag_zero_grad(w);
    for (int i = 0; i < 40; i++) { /* longer than is remembered for the next step */
        ag_sin(w);
        ag_tape_reset(t);
    }
    assert_true(ag_tape_stats(t).values.peak >= (uint64_t)n * 8);
    ag_tape_stats_restart(t);
    ag_sin(w);
    s = ag_tape_stats(t);
    assert_true(s.values.peak >= (uint64_t)n * 4 && s.values.peak < (uint64_t)n * 4 + 4096);
    assert_int_equal(s.values.live, s.values.peak);
    assert_int_equal(s.most_nodes, 2);
    ag_tape_free(t);
}

static void tables_name_ops_and_modules(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1 });
    ag_tensor w = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(300)), "net.0.weight");
    ag_buffer(ag_ones(t, AG_FLOAT, AG_SHAPE(2)), "alone");
    ag_tape_reset(t);
    ag_tensor y = ag_sin(ag_cos(ag_sin(w)));
    ag_reshape(y, AG_SHAPE(3, 100)); /* a view */
    char *text = PRINTED(AG_OK, ag_print_memory(t, to));
    assert_part(text,
                "\nsin                          2.4 KB          2\ncos                          1.2 KB          1\n\n");
    assert_part(text, "\nnet.0                        1.4 KB          1\n(no module) ");
    assert_part(text, "nodes                             5");
    assert_null(strstr(text, "reshape"));
    free(text);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_up_what_is_held),
        cmocka_unit_test(peaks_are_what_was_there),
        cmocka_unit_test(tables_name_ops_and_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
