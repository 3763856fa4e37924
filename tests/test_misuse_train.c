/* What goes with training, with what it should not get. */
#include "misuse.h"

static void penalties(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const double bad[] = { -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_inert(t, nn_l1_penalty(AG_LIST(b.p), bad[i]), AG_EARG, "nn_l1_penalty");
        expect_inert(t, nn_l2_penalty(AG_LIST(b.p), bad[i]), AG_EARG, "nn_l2_penalty");
    }
    expect_inert(t, nn_l1_penalty(ag_list_none(t), 1), AG_EARG, "nn_l1_penalty");
    expect_inert(t, nn_l2_penalty(ag_list_none(t), 1), AG_EARG, "nn_l2_penalty");
    const ag_tensor wrong[] = { b.stale, b.released, b.foreign };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_false(ag_ok(nn_l1_penalty(AG_LIST(b.p, wrong[i]), 1)));
        assert_true(ag_error(t) != AG_OK);
        ag_error_clear(t);
        assert_false(ag_ok(nn_l2_penalty(AG_LIST(b.p, wrong[i]), 1)));
        ag_error_clear(t);
        ag_error_clear(b.other);
    }
    assert_true(is_inert(nn_l1_penalty((ag_list){ NULL, 3 }, 1), NULL));
    assert_true(is_inert(nn_l2_penalty((ag_list){ &absent, 1 }, 1), NULL));
    free_bench(&b);
}

static void snapshots(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module lost;
    nn_init(&lost, NULL, "lost", NULL);
    nn_module *const none[] = { NULL, &lost };
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        assert_null(nn_snapshot_new(none[i]));
        assert_null(nn_early_stopping_new(none[i], (nn_early_stopping_config){ .patience = 1 }));
    }
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 3 } });
    assert_null(nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = -1 }));
    expect_complaint(t, "nn_early_stopping_new");
    assert_null(nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1, .min_delta = INFINITY }));
    expect_complaint(t, "nn_early_stopping_new");
    nn_snapshot *s = nn_snapshot_new(m);
    nn_early_stopping *e = nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1 });
    ag_release(nn_find(m, "0.bias"));
    assert_int_equal(nn_snapshot_take(s), AG_ESTALE);
    ag_error_clear(t);
    assert_int_equal(nn_snapshot_restore(s), AG_ESTALE);
    ag_error_clear(t);
    assert_false(nn_early_stopping_next(e, 1));
    assert_int_equal(e->values, 0);
    ag_error_clear(t);
    assert_int_equal(nn_early_stopping_restore(e), AG_ESTALE);
    ag_error_clear(t);
    free_bench(&b);
}

static void progress(void **state)
{
    (void)state;
    bench b = new_bench();
    const double bad[] = { -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(nn_progress_new(b.t, (nn_progress_config){ .every = bad[i] }));
        expect_complaint(b.t, "nn_progress_new");
    }
    assert_null(nn_progress_new(b.t, (nn_progress_config){ .total = INT64_MIN }));
    expect_complaint(b.t, "nn_progress_new");
    nn_progress *p = nn_progress_new(b.t, (nn_progress_config){ 0 });
    nn_progress_step(p, INT64_MIN, 0);
    expect_complaint(b.t, "nn_progress_step");
    nn_progress_end(p);
    free_bench(&b);
}

static void watching(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    char directory[] = "/tmp/ag-misuse-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/run", directory);
    const ag_tensor wrong[] = { absent, b.stale, b.released, b.foreign, ag_variable(t, 1) };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_null(nn_watch_new(AG_LIST(b.p, wrong[i]), path, (nn_watch_config){ 0 }));
        assert_true(ag_error(t) != AG_OK);
        ag_error_clear(t);
    }
    const char *const nowhere[] = { NULL, "", "/dev/null/run", "/dev/full/none/x" };
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
        assert_null(nn_watch_new(AG_LIST(b.p), nowhere[i], (nn_watch_config){ 0 }));
        expect_complaint(t, "nn_watch");
    }
    nn_watch *w = nn_watch_new(AG_LIST(b.p), path, (nn_watch_config){ 0 });
    expect_refusal(t, nn_watch_value(w, NULL, 1), AG_EARG, "nn_watch_value");
    expect_refusal(t, nn_watch_value(w, "\xc0\x80", 1), AG_EARG, "nn_watch_value");
    assert_int_equal(nn_watch_step(w), AG_OK);
    assert_int_equal(nn_watch_end(w), AG_OK);
    assert_int_equal(nn_watch_end(w), AG_OK);
    assert_int_equal(nn_watch_step(NULL), AG_ENULL);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/run.%s", directory, i ? "csv" : "html");
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(directory), 0); /* nothing else was made */
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(penalties),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(progress),
        cmocka_unit_test(watching),
    };
    return cmocka_run_group_tests_name("misuse of training", tests, NULL, NULL);
}
