/* Parts of data sets, standardising, and answers beside labels. */
#include "nn_support.h"

/* Sample i is (i, 10 i), its label i. */
static nn_dataset numbered(ag_tape *t, int n)
{
    ag_tensor i = ag_arange(t, AG_I64, 0, n, 1);
    ag_tensor x = ag_mul(ag_cast(ag_reshape(i, AG_SHAPE(n, 1)), AG_FLOAT), AG_VALUES(t, AG_SHAPE(2), 1, 10));
    return (nn_dataset){ ag_buffer(x, "x"), ag_buffer(ag_cast(i, AG_U8), "y") };
}

/* Which samples these are, whose numbers have to ascend. */
static uint64_t members(nn_dataset d)
{
    uint64_t set = 0;
    assert_true(ag_is_persistent(d.x) && ag_is_persistent(d.y));
    assert_int_equal(ag_dtype_of(d.y), AG_U8);
    for (int64_t i = 0; i < ag_size_of(d.y); i++) {
        const double v = ag_item_at(d.y, i);
        assert_near(ag_item_at(d.x, 2 * i), v, 0);
        assert_near(ag_item_at(d.x, 2 * i + 1), 10 * v, 0);
        assert_true(i == 0 || v > ag_item_at(d.y, i - 1));
        set |= (uint64_t)1 << (int)v;
    }
    return set;
}

static void splits_are_drawn_by_their_seed(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (int seed = 0; seed < 20; seed++) {
        ag_tape *t = tape_of(seed % 2 ? AG_F32 : AG_F64);
        ag_tape_reset(t);
        nn_dataset d = numbered(t, 50);
        for (int again = 0; again < 2; again++) {
            nn_parts p = nn_split(d, 0.7, (nn_split_config){ .seed = (uint64_t)seed });
            assert_int_equal(ag_size_of(p.train.y), 35);
            const uint64_t train = members(p.train), test = members(p.test);
            assert_true((train & test) == 0 && (train | test) == ((uint64_t)1 << 50) - 1);
            assert_true(again ? train == first : train != first);
            first = train;
        }
        ag_tape_free(t);
    }
}

static void splits_round_and_stay_in_order(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const nn_split_config in_order = { .in_order = true };
    nn_parts p = nn_split(numbered(t, 5), 0.5, in_order);
    assert_values(p.train.y, 0, 1, 2);
    assert_values(p.test.y, 3, 4);
    nn_dataset bare = { numbered(t, 4).x, absent };
    p = nn_split(bare, 0.25, in_order);
    assert_values(p.train.x, 0, 0);
    assert_null(p.train.y.tape);
    assert_null(p.test.y.tape);
    expect_fine(t);
    ag_tape_free(t);
}

/* All samples of a person are on one side. */
static void groups_stay_together(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_dataset d = numbered(t, 12);
    const int32_t people[] = { 7, 7, -3, 9, 9, 9, 7, -3, 100, 100, 9, 7 };
    ag_tensor groups = ag_buffer(ag_from(t, AG_I32, AG_SHAPE(12), people, sizeof people), "groups");
    for (uint64_t seed = 0; seed < 10; seed++) {
        nn_parts p = nn_split(d, 0.6, (nn_split_config){ .seed = seed, .groups = groups });
        const uint64_t train = members(p.train);
        int64_t count = ag_size_of(p.train.y);
        assert_true(count >= 6 && count <= 8);
        for (int i = 0; i < 12; i++)
            for (int k = 0; k < i; k++)
                assert_true(people[i] != people[k] || (train >> i & 1) == (train >> k & 1));
    }
    uint64_t all = 0;
    for (int fold = 0; fold < 4; fold++) {
        nn_parts p = nn_kfold(d, 4, fold, (nn_split_config){ .in_order = true, .groups = groups });
        all |= members(p.test);
        assert_int_equal(ag_size_of(p.test.y), fold == 0 || fold == 3 ? 2 : 4);
    }
    assert_int_equal(all, 0xfff);
    expect_fine(t);
    ag_tape_free(t);
}

static void folds_share_the_samples(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_dataset d = numbered(t, 23);
    uint64_t all = 0;
    for (int fold = 0; fold < 5; fold++) {
        nn_parts p = nn_kfold(d, 5, fold, (nn_split_config){ .seed = 4 });
        const uint64_t test = members(p.test);
        assert_true((members(p.train) | test) == ((uint64_t)1 << 23) - 1 && (members(p.train) & test) == 0);
        assert_int_equal(ag_size_of(p.test.y), fold < 3 ? 5 : 4);
        assert_true((all & test) == 0);
        all |= test;
    }
    assert_true(all == ((uint64_t)1 << 23) - 1);
    nn_parts p = nn_kfold(d, 23, 22, (nn_split_config){ .in_order = true });
    assert_values(p.test.y, 22);
    expect_fine(t);
    ag_tape_free(t);
}

static void standardising_keeps_what_it_measured(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(4, 3), 1, 0.1, -5, 2, 0.1, -5, 3, 0.1, -5, 6, 0.1, 7);
    nn_module *m = nn_standardize(x);
    assert_values(nn_find(m, "mean"), 3, 0.1, -2);
    assert_values(nn_find(m, "deviation"), sqrt(3.5), 1, sqrt(27));
    ag_tensor z = nn_forward(m, x);
    for (int i = 0; i < 3; i++)
        assert_near(ag_item_at(ag_mean_over(z, AG_AXES(0), 0), i), 0, 1e-15);
    assert_values(nn_forward(m, AG_VALUES(t, AG_SHAPE(3), 10, 1.1, -2)), 7 / sqrt(3.5), 1, 0);
    assert_int_equal(nn_params(m).count, 0);
    /* in front of a network its numbers are saved with the weights */
    nn_module *net = NN_SEQUENTIAL(t, m, nn_linear(t, 3, 2, (nn_linear_config){ 0 }));
    assert_int_equal(nn_save(net, in_directory("net")), AG_OK);
    ag_assign(nn_find(net, "0.mean"), ag_zeros(t, AG_FLOAT, AG_SHAPE(3)));
    assert_int_equal(nn_load(net, in_directory("net")), AG_OK);
    assert_values(nn_find(net, "0.mean"), 3, 0.1, -2);
    /* bytes come out as numbers, and nothing of measuring stays on the tape */
    const int64_t before = ag_tape_nodes(t);
    nn_module *bytes = nn_standardize(ag_buffer(ag_cast(ag_abs(x), AG_U8), "bytes"));
    assert_true(ag_tape_nodes(t) <= before + 2);
    assert_near(ag_item_at(nn_forward(bytes, ag_ones(t, AG_U8, AG_SHAPE(3))), 0), -2 / sqrt(3.5), 1e-14);
    expect_fine(t);
    ag_tape_free(t);
}

static void answers_are_counted_by_class(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    ag_tensor z = AG_VALUES(t, AG_SHAPE(6, 3), 1, 0, 0, 0, 1, 0, 0, 2, 1, 3, 3, 0, NAN, 9, 0, 0, 0, 1),
              y = ag_cast(AG_VALUES(t, AG_SHAPE(6), 0, 0, 1, 2, 1, 2), AG_I32);
    assert_values(nn_confusion_matrix(z, y), 1, 1, 0, 0, 1, 0, 1, 0, 1);
    assert_int_equal(ag_dtype_of(nn_confusion_matrix(z, y)), AG_I64);
    assert_int_equal(nn_correct(z, y), 3);
    assert_near(nn_accuracy(z, y), 0.5, 0);
    ag_tensor nothing = ag_zeros(t, AG_F32, AG_SHAPE(0, 2)), none = ag_zeros(t, AG_I64, AG_SHAPE(0));
    assert_true(isnan(nn_accuracy(nothing, none)));
    assert_values(nn_confusion_matrix(nothing, none), 0, 0, 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

typedef bool action(ag_tape *t, nn_dataset d);

static bool split_groups(ag_tape *t, nn_dataset d)
{
    nn_parts p = nn_split(d, 0.5, (nn_split_config){ .groups = ag_zeros(t, AG_I64, AG_SHAPE(3)) });
    return ag_ok(p.train.x);
}

static bool fold(ag_tape *t, nn_dataset d)
{
    (void)t;
    nn_parts p = nn_kfold(d, 3, 1, (nn_split_config){ .groups = d.y });
    assert_true(ag_ok(p.train.x) == ag_ok(p.test.y));
    return ag_ok(p.train.x);
}

static bool measure(ag_tape *t, nn_dataset d)
{
    (void)t;
    return nn_standardize(d.x);
}

static bool confuse(ag_tape *t, nn_dataset d)
{
    return ag_ok(nn_confusion_matrix(ag_zeros(t, AG_FLOAT, AG_SHAPE(3, 4)), d.y));
}

/* Whichever request fails, nothing is kept. */
static void each_request_may_fail(void **state)
{
    (void)state;
    action *const actions[] = { split_groups, fold, measure, confuse };
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            memory memory = { 0 };
            ag_tape *t = tape_on(&memory, AG_F64);
            nn_dataset d = numbered(t, 3);
            ag_tape_reset(t);
            memory.requests = 0;
            memory.fail_at = n;
            const bool done = actions[i](t, d);
            failed = memory.requests >= n;
            memory.fail_at = 0;
            assert_int_equal(ag_error(t), failed ? AG_ENOMEM : actions[i] == split_groups ? AG_EARG : AG_OK);
            assert_true(done == (!failed && actions[i] != split_groups));
            ag_error_clear(t);
            ag_tape_reset(t);
            assert_true(actions[i](t, d) || actions[i] == split_groups);
            ag_tape_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_are_drawn_by_their_seed),
        cmocka_unit_test(splits_round_and_stay_in_order),
        cmocka_unit_test(groups_stay_together),
        cmocka_unit_test(folds_share_the_samples),
        cmocka_unit_test(standardising_keeps_what_it_measured),
        cmocka_unit_test(answers_are_counted_by_class),
        cmocka_unit_test(each_request_may_fail),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
