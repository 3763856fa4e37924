/* Batches: what they hold, their order, their ends, and what must be refused. */
#include "nn_support.h"

/* x [count, 2, 3] of the given type holds 0, 1, 2, ..., y [count] i32 ten times the sample's number */
static nn_dataset counting(ag_tape *t, ag_dtype d, int64_t count)
{
    nn_dataset data;
    ag_tensor x = ag_zeros(t, d, AG_SHAPE(count, 2, 3)), y = ag_zeros(t, AG_I32, AG_SHAPE(count));
    double *values = malloc((size_t)count * 6 * sizeof *values + 1);
    assert_non_null(values);
    for (int64_t i = 0; i < count * 6; i++)
        values[i] = (double)i;
    ag_copy_in(x, AG_F64, values, (size_t)count * 6 * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = 10 * (double)i;
    ag_copy_in(y, AG_F64, values, (size_t)count * sizeof *values);
    free(values);
    data.x = ag_buffer(x, "x");
    data.y = ag_buffer(y, "y");
    expect_fine(t);
    return data;
}

/* Each sample of the batch is the one that its index says. */
static void check_batch(const nn_batches *b, double scale)
{
    assert_int_equal(ag_shape_of(b->x).dim[0], b->count);
    assert_int_equal(ag_size_of(b->x), 6 * b->count);
    assert_int_equal(ag_size_of(b->y), b->count);
    assert_int_equal(ag_dtype_of(b->y), AG_I32);
    assert_int_equal(ag_dtype_of(b->index), AG_I64);
    for (int64_t r = 0; r < b->count; r++) {
        double sample = ag_item_at(b->index, r);
        assert_near(ag_item_at(b->y, r), 10 * sample, 0);
        for (int64_t i = 0; i < 6; i++)
            assert_near(ag_item_at(b->x, r * 6 + i), (6 * sample + (double)i) * scale, 1e-5);
    }
}

static void batches_go_through_the_data(void **state)
{
    (void)state;
    const ag_dtype reals[] = { AG_F32, AG_F64 }, types[] = { AG_U8, AG_F32, AG_F64, AG_I32, AG_I64 };
    for (size_t k = 0; k < ARRAY_SIZE(reals) * ARRAY_SIZE(types); k++) {
        ag_dtype d = types[k / 2];
        bool whole = d == AG_I32 || d == AG_I64;
        double scale = whole || k % 4 < 2 ? 0 : 0.25;
        ag_tape *t = tape_of(reals[k % 2]);
        nn_batches *b = nn_batches_new(counting(t, d, 10), (nn_batches_config){ .size = 4, .scale = scale });
        assert_non_null(b);
        const int64_t counts[] = { 4, 4, 2 };
        for (int epoch = 0; epoch < 3; epoch++) {
            for (int64_t i = 0, seen = 0; i < 3; i++) {
                assert_int_equal(b->epoch, epoch);
                assert_true(nn_batches_next(b));
                assert_int_equal(b->count, counts[i]);
                assert_int_equal(ag_dtype_of(b->x), whole ? d : ag_tape_dtype(t));
                assert_near(ag_item_at(b->index, 0), (double)seen, 0); /* in order */
                check_batch(b, scale != 0 ? scale : 1);
                seen += b->count;
                ag_tape_reset(t);
            }
            assert_false(nn_batches_next(b));
            assert_int_equal(b->epoch, epoch + 1);
            assert_int_equal(b->count, 0);
            assert_true(is_inert(b->x, t) && is_inert(b->y, t) && is_inert(b->index, t));
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* The order of an epoch, as indices. */
static void one_epoch(nn_batches *b, int64_t *order)
{
    int64_t n = 0;
    while (nn_batches_next(b)) {
        check_batch(b, 1);
        for (int64_t i = 0; i < b->count; i++)
            order[n++] = (int64_t)ag_item_at(b->index, i);
        ag_tape_reset(b->x.tape);
    }
}

static void shuffling_is_a_permutation(void **state)
{
    (void)state;
    enum { N = 37 };
    int64_t orders[2][2][N];
    for (int run = 0; run < 2; run++) {
        ag_tape *t = f64_tape();
        nn_batches *b = nn_batches_new(counting(t, AG_U8, N), (nn_batches_config){ .size = 5, .shuffle = true });
        for (int epoch = 0; epoch < 2; epoch++) {
            bool seen[N] = { false };
            one_epoch(b, orders[run][epoch]);
            for (int i = 0; i < N; i++) {
                assert_false(seen[orders[run][epoch][i]]);
                seen[orders[run][epoch][i]] = true;
            }
        }
        expect_fine(t);
        ag_tape_free(t);
    }
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);              /* same seed, same order */
    assert_memory_not_equal(orders[0][0], orders[0][1], sizeof orders[0][0]); /* another order each epoch */
}

static void ends_are_as_asked(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_dataset data = counting(t, AG_U8, 10), empty = counting(t, AG_U8, 0);
    const struct {
        nn_dataset data;
        int64_t size, batches;
        bool drop_last;
    } cases[] = { { data, 10, 1, false }, { data, 11, 1, false }, { data, INT64_MAX, 1, false },
                  { data, 3, 3, true },   { data, 5, 2, true },   { data, 11, 0, true },
                  { empty, 4, 0, false }, { empty, 4, 0, true },  { data, 1, 10, false } };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        nn_batches_config config = { .size = cases[i].size, .drop_last = cases[i].drop_last, .shuffle = true };
        nn_batches *b = nn_batches_new(cases[i].data, config);
        for (int epoch = 0; epoch < 2; epoch++) {
            int64_t n = 0;
            for (; nn_batches_next(b); n++)
                check_batch(b, 1);
            assert_int_equal(n, cases[i].batches);
            assert_int_equal(b->epoch, epoch + 1);
        }
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void any_shape_and_no_labels(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_dataset d = { .x = ag_buffer(AG_VALUES(t, AG_SHAPE(3), 5, 6, 7), "x") };
    nn_batches *b = nn_batches_new(d, (nn_batches_config){ .size = 2 });
    assert_true(nn_batches_next(b));
    assert_int_equal(ag_shape_of(b->x).rank, 1);
    assert_near(ag_item_at(b->x, 1), 6, 0);
    assert_null(b->y.tape); /* absent, as the data's */
    d.y = ag_buffer(AG_VALUES(t, AG_SHAPE(3, 2), 1, 2, 3, 4, 5, 6), "y");
    b = nn_batches_new(d, (nn_batches_config){ .size = 2 });
    assert_true(nn_batches_next(b) && nn_batches_next(b));
    assert_int_equal(ag_shape_of(b->y).dim[1], 2);
    assert_near(ag_item_at(b->y, 1), 6, 0);
    d.x = ag_buffer_as(AG_VALUES(t, AG_SHAPE(3, 2), 1, 2, 3, 4, 5, 6), AG_AXES(1, 0),
                       "columns"); /* another storage order */
    b = nn_batches_new(d, (nn_batches_config){ .size = 3 });
    assert_true(nn_batches_next(b));
    for (int i = 0; i < 6; i++)
        assert_near(ag_item_at(b->x, i), i + 1, 0);
    d.x = ag_buffer(ag_zeros(t, AG_F32, AG_SHAPE(3, 0)), "empty");
    b = nn_batches_new(d, (nn_batches_config){ .size = 3, .scale = 2 });
    assert_true(nn_batches_next(b));
    assert_int_equal(ag_size_of(b->x), 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_dataset good = counting(t, AG_U8, 4), whole = counting(t, AG_I32, 4), none = { 0 }, foreign = good,
               shorter = good;
    nn_dataset transient = good, scalar = good, stale = good, inert = good, only_y = { .y = good.y };
    foreign.y = counting(other, AG_U8, 4).y;
    shorter.y = counting(t, AG_U8, 3).y;
    transient.x = ag_zeros(t, AG_U8, AG_SHAPE(4, 2));
    scalar.x = ag_buffer(ag_constant(t, 1), "s");
    stale.x = ag_buffer(ag_zeros(t, AG_U8, AG_SHAPE(4, 2)), "r");
    ag_release(stale.x);
    inert.x = (ag_tensor){ t, 0, 0 };
    const nn_batches_config two = { .size = 2 };
    const struct {
        nn_dataset data;
        nn_batches_config config;
        ag_status status;
        const char *text;
    } bad[] = {
        { good, { .size = 0 }, AG_EARG, "batches of 0" },
        { good, { .size = -5 }, AG_EARG, "batches of -5" },
        { good, { .size = 1, .scale = NAN }, AG_EARG, "scale is nan" },
        { good, { .size = 1, .scale = INFINITY }, AG_EARG, "scale is inf" },
        { whole, { .size = 1, .scale = 0.5 }, AG_EARG, "x is i32" },
        { foreign, two, AG_EUSE, "different tapes" },
        { shorter, two, AG_ESHAPE, "x has 4 samples, y 3" },
        { transient, two, AG_EUSE, "x is transient" },
        { scalar, two, AG_ESHAPE, "rank 0" },
        { stale, two, AG_ESTALE, "" },
        { only_y, two, AG_ENULL, "x is absent" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(nn_batches_new(bad[i].data, bad[i].config));
        expect_error(t, bad[i].status, bad[i].text);
    }
    assert_null(nn_batches_new(none, two));
    assert_null(nn_batches_new(inert, two));
    expect_fine(t);
    expect_fine(other);
    assert_false(nn_batches_next(NULL));
    ag_tape_free(t);
    ag_tape_free(other);
}

static void a_pending_error_ends_the_loop(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_batches *b = nn_batches_new(counting(t, AG_U8, 10), (nn_batches_config){ .size = 4 });
    assert_true(nn_batches_next(b));
    ag_fail(t, AG_EARG, "a mistake");
    for (int i = 0; i < 3; i++) {
        assert_false(nn_batches_next(b));
        assert_int_equal(b->count, 0);
        assert_int_equal(b->epoch, 0);
    }
    expect_error(t, AG_EARG, "a mistake");
    assert_true(nn_batches_next(b)); /* nothing was skipped */
    assert_near(ag_item_at(b->index, 0), 4, 0);
    ag_tape_free(t);
}

static void released_data_are_found_out(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_dataset data = counting(t, AG_U8, 10);
    nn_batches *b = nn_batches_new(data, (nn_batches_config){ .size = 4 });
    ag_release(data.y);
    assert_false(nn_batches_next(b));
    expect_error(t, AG_ESTALE, "");
    ag_tape_free(t);
}

/* Wherever memory runs out, the batch can be asked for again and is the same. */
static void memory_failures_skip_nothing(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        memory memory = { 0 };
        ag_tape *t = tape_on(&memory, AG_F32);
        nn_dataset data = counting(t, AG_U8, 300);
        ag_tape_reset(t);
        memory.requests = 0;
        memory.fail_at = n;
        nn_batches *b = nn_batches_new(data, (nn_batches_config){ .size = 128, .shuffle = true });
        while (b && nn_batches_next(b))
            continue;
        bool failed = memory.requests >= n;
        assert_int_equal(ag_error(t), failed ? AG_ENOMEM : AG_OK);
        memory.fail_at = 0;
        ag_error_clear(t);
        ag_tape_reset(t);
        if (failed && b) {
            bool seen[300] = { false };
            int64_t count = 0;
            assert_int_equal(b->epoch, 0);
            while (nn_batches_next(b))
                for (int64_t i = 0; i < b->count; i++, count++)
                    seen[(int64_t)ag_item_at(b->index, i)] = true;
            assert_true(count == 300 || count == 300 - 128 || count == 300 - 256);
            for (int i = 0; i < 300; i++)
                count -= seen[i];
            assert_int_equal(count, 0);
        }
        ag_tape_free(t);
        if (!failed)
            break;
    }
}

static void a_warm_loop_allocates_nothing(void **state)
{
    (void)state;
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F32);
    nn_batches *b = nn_batches_new(counting(t, AG_U8, 100), (nn_batches_config){ .size = 32, .shuffle = true });
    for (int epoch = 0; epoch < 4; epoch++) {
        if (epoch == 1)
            memory.requests = 0;
        while (nn_batches_next(b))
            ag_tape_reset(t);
    }
    assert_int_equal(memory.requests, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* As many samples as there may be where none has an element: no order of them fits into memory. */
static void samples_without_elements(void **state)
{
    (void)state;
    const int64_t counts[] = { (int64_t)1 << 61, ((int64_t)1 << 61) + 1, ((int64_t)1 << 60) - 1, (int64_t)1 << 60 };
    ag_tape *t = f64_tape();
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        nn_dataset d = { ag_buffer(ag_zeros(t, AG_U8, AG_SHAPE(counts[i], 0)), "x"), { 0 } };
        expect_fine(t);
        assert_null(nn_batches_new(d, (nn_batches_config){ .size = 1, .shuffle = i % 2 }));
        assert_true(ag_error(t) == AG_ELIMIT || ag_error(t) == AG_ENOMEM);
        ag_error_clear(t);
    }
    nn_dataset few = { ag_buffer(ag_zeros(t, AG_U8, AG_SHAPE(3, 0)), "x"), { 0 } };
    nn_batches *b = nn_batches_new(few, (nn_batches_config){ .size = INT64_MAX, .shuffle = true });
    assert_true(nn_batches_next(b) && b->count == 3);
    assert_false(nn_batches_next(b));
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_go_through_the_data),
        cmocka_unit_test(shuffling_is_a_permutation),
        cmocka_unit_test(ends_are_as_asked),
        cmocka_unit_test(any_shape_and_no_labels),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(a_pending_error_ends_the_loop),
        cmocka_unit_test(released_data_are_found_out),
        cmocka_unit_test(memory_failures_skip_nothing),
        cmocka_unit_test(a_warm_loop_allocates_nothing),
        cmocka_unit_test(samples_without_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
