/* What a tape holds: as much as steps of late have needed and little more, whatever shapes they had. */
#include "ag/tape/tape.h"
#include "support.h"

typedef struct memory {
    size_t bytes, most, largest;
    long requests, fail_at;
} memory;

static void *take(void *user, size_t bytes, size_t alignment)
{
    memory *m = user;
    if (++m->requests == m->fail_at || (m->largest && bytes > m->largest))
        return NULL;
    m->bytes += bytes;
    m->most = m->bytes > m->most ? m->bytes : m->most;
    return aligned_alloc(alignment, (bytes + alignment) & ~(alignment - 1));
}

static void give_back(void *user, void *p, size_t bytes)
{
    memory *m = user;
    m->bytes -= bytes;
    free(p);
}

static ag_tape *tape_on(memory *m, uint64_t limit)
{
    return tape_with((ag_options){ .seed = 3,
                                   .threads = 1,
                                   .dtype = AG_F32,
                                   .memory_limit = limit,
                                   .allocator = { .allocate = take, .release = give_back, .user = m } });
}

/* ---- steps */

enum { WIDTH = 100, LAYERS = 6 };

static ag_tensor parameter(ag_tape *t)
{
    return ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(WIDTH, WIDTH), 0, 0.1), "w");
}

static void pass(ag_tensor w, int64_t rows)
{
    ag_tensor x = ag_randn(w.tape, AG_FLOAT, AG_SHAPE(rows, WIDTH), 0, 1);
    for (int i = 0; i < LAYERS; i++)
        x = ag_tanh(ag_matmul(x, w));
    ag_backward(ag_mean(ag_square(x)));
    ag_zero_grad(w);
}

static void step(ag_tensor w, int64_t rows)
{
    pass(w, rows);
    ag_tape_reset(w.tape);
}

/* The input, a product and its tanh a layer, and two adjoints at a time. */
static double live(int64_t rows)
{
    return (double)rows * WIDTH * 4 * (1 + 2 * LAYERS + 1 + 2);
}

static int64_t some_rows(unsigned *seed, int64_t most)
{
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 8) % most;
}

/* ---- tests */

static void equal_steps_hold_little_more_than_is_live(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t);
    int64_t rows = slow() ? 500 : 1000;
    ag_tape_reset(t);
    size_t before = m.bytes;
    for (int i = 0; i < 5; i++)
        step(w, rows);
    expect_fine(t);
    if ((double)(m.bytes - before) > 1.2 * live(rows))
        print_error("%zu bytes for %.0f\n", m.bytes - before, live(rows));
    assert_true((double)(m.bytes - before) <= 1.2 * live(rows));
    assert_true((double)(m.most - before) <= 1.35 * live(rows)); /* the first step knows nothing */
    ag_tape_free(t);
}

static void steps_of_varying_shapes_do_not_pile_up(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t);
    unsigned seed = 5;
    int64_t rows = slow() ? 300 : 600;
    size_t before = m.bytes;
    for (int i = 0; i < 100; i++) {
        step(w, i == 50 ? rows : some_rows(&seed, rows));
        expect_fine(t);
    }
    assert_true((double)(m.bytes - before) <= 1.2 * live(rows));
    assert_true((double)(m.most - before) <= 1.5 * live(rows));
    ag_tape_free(t);
}

static void what_was_needed_once_goes_back(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t);
    int64_t rows = slow() ? 300 : 600;
    size_t before = m.bytes;
    step(w, 10 * rows);
    for (int i = 0; i < 70; i++)
        step(w, rows);
    assert_true((double)(m.bytes - before) <= 1.2 * live(rows));
    ag_tape_free(t);
}

static void alternating_shapes_ask_for_nothing(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t);
    static const int64_t rows[] = { 300, 1000, 70, 999 };
    for (int i = 0; i < 12; i++)
        step(w, rows[i % 4]);
    long requests = m.requests;
    for (int i = 0; i < 200; i++)
        step(w, rows[i % 4]);
    assert_int_equal(m.requests, requests);
    ag_tape_free(t);
}

/* Without a reset, behind a mark; the data before it stay where they are. */
static void loops_of_marks_do_not_pile_up_either(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t), kept = ag_randn(t, AG_FLOAT, AG_SHAPE(5000), 0, 1);
    const void *data = ag_data(kept, AG_FLOAT);
    float copy[5000];
    memcpy(copy, data, sizeof copy);
    unsigned seed = 7;
    int64_t rows = slow() ? 300 : 600;
    size_t before = m.bytes;
    long requests = 0;
    for (int i = 0; i < 100; i++) {
        ag_mark mark = ag_tape_mark(t);
        pass(w, i < 60 ? some_rows(&seed, rows) : rows);
        if (i == 30) { /* a mark behind the mark, several chunks on */
            ag_mark inner = ag_tape_mark(t);
            pass(w, rows);
            assert_int_equal(ag_tape_rewind(t, inner), AG_OK);
        }
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
        if (i == 70)
            requests = m.requests;
    }
    expect_fine(t);
    assert_int_equal(m.requests, requests);
    assert_ptr_equal(ag_data(kept, AG_FLOAT), data);
    assert_memory_equal(data, copy, sizeof copy);
    if ((double)(m.bytes - before) > 1.2 * live(rows))
        print_error("%zu bytes for %.0f\n", m.bytes - before, live(rows));
    assert_true((double)(m.bytes - before) <= 1.2 * live(rows));
    ag_tape_free(t);
}

/* A limit leaves room for what is needed, not for what may be needed next. */
static void a_limit_that_is_just_enough_is_enough(void **state)
{
    (void)state;
    memory m = { 0 };
    int64_t rows = slow() ? 300 : 600;
    ag_tape *t = tape_on(&m, (uint64_t)(1.25 * live(rows)) + (1 << 17)); /* chunks of small things */
    ag_tensor w = parameter(t);
    for (int i = 0; i < 3; i++)
        step(w, rows);
    expect_fine(t);
    step(w, 2 * rows);
    expect_error(t, AG_ENOMEM, "limit");
    ag_tape_reset(t);
    step(w, rows);
    expect_fine(t);
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
}

static void failed_requests_lose_nothing(void **state)
{
    (void)state;
    for (long i = 1; i < 60; i++) {
        memory m = { .fail_at = i };
        ag_tape *t = ag_tape_new((ag_options){
            .on_error = ag_quiet, .threads = 1, .allocator = { .allocate = take, .release = give_back, .user = &m } });
        if (!t)
            continue;
        ag_tensor w = parameter(t);
        for (int k = 0; k < 4 && !ag_error(t); k++)
            step(w, 100 * (k + 1));
        if (ag_error(t))
            check_error(t, AG_ENOMEM, "", __FILE__, __LINE__);
        m.fail_at = 0;
        ag_tape_reset(t);
        w = parameter(t);
        step(w, 300);
        expect_fine(t);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

static void what_is_expected_is_not_insisted_on(void **state)
{
    (void)state;
    memory m = { .largest = 1 << 21 };
    ag_tape *t = tape_on(&m, 0);
    ag_tensor w = parameter(t);
    for (int64_t rows = 4000; rows > 0; rows /= 2) {
        step(w, rows); /* each block is below the largest, all of them together in one chunk would not be */
        expect_fine(t);
    }
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
}

/* ---- the pool alone */

static void blocks_of_the_pool_do_not_overlap(void **state)
{
    (void)state;
    enum { BLOCKS = 40 };
    unsigned char *block[BLOCKS] = { 0 };
    size_t bytes[BLOCKS] = { 0 };
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    unsigned seed = 11;
    for (int i = 0; i < 4000; i++) {
        int b = (int)some_rows(&seed, BLOCKS) - 1;
        if (block[b]) {
            for (size_t k = 0; k < bytes[b]; k += 61)
                assert_int_equal(block[b][k], b);
            ag_pool_give(t, block[b], bytes[b]);
            block[b] = NULL;
        } else {
            bytes[b] = (size_t)some_rows(&seed, i % 2 ? 300000 : 40000);
            block[b] = ag_pool_take(t, bytes[b]);
            assert_non_null(block[b]);
            assert_int_equal((uintptr_t)block[b] % 64, 0);
            memset(block[b], b, bytes[b]);
        }
    }
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
}

/* A chain of blocks, each a little larger than the one before, of which two live at a time. None fits into what the
 * one before the last has left, so that three times the largest are the least. */
static void large_blocks_are_joined(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m, 0);
    size_t before = m.bytes, largest = 0;
    void *last = NULL;
    for (int step = 0; step < 3; step++) {
        for (size_t bytes = 100000, had = 0; bytes < 3000000; had = bytes, bytes += 50000) {
            void *block = ag_pool_take(t, bytes);
            assert_non_null(block);
            ag_pool_give(t, last, had);
            last = block;
            largest = bytes;
        }
        last = NULL;
        ag_tape_reset(t);
    }
    if ((double)(m.bytes - before) > 4 * (double)largest)
        print_error("%zu bytes for blocks of %zu\n", m.bytes - before, largest);
    assert_true((double)(m.bytes - before) <= 4 * (double)largest);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_steps_hold_little_more_than_is_live),
        cmocka_unit_test(steps_of_varying_shapes_do_not_pile_up),
        cmocka_unit_test(what_was_needed_once_goes_back),
        cmocka_unit_test(alternating_shapes_ask_for_nothing),
        cmocka_unit_test(loops_of_marks_do_not_pile_up_either),
        cmocka_unit_test(a_limit_that_is_just_enough_is_enough),
        cmocka_unit_test(failed_requests_lose_nothing),
        cmocka_unit_test(what_is_expected_is_not_insisted_on),
        cmocka_unit_test(blocks_of_the_pool_do_not_overlap),
        cmocka_unit_test(large_blocks_are_joined),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
