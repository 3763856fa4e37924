/* Training watched: what is refused, and memory that fails. */
#include "nn_support.h"

static const nn_watch_config often = { .every = 1e-9, .share = 1 };

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p"), b = ag_buffer(p, "b"),
              foreign = ag_param(ag_constant(other, 1), "f");
    const ag_list list = AG_LIST(p);
    const char *path = in_directory("bad");
    assert_null(nn_watch_new(list, NULL, often));
    expect_error(t, AG_ENULL, "nn_watch_new: the path is NULL");
    assert_null(nn_watch_new(list, "", often));
    expect_error(t, AG_EARG, "nn_watch_new: the path is empty");
    assert_null(nn_watch_new(list, "/dev/null/run", often));
    expect_error(t, AG_EFILE, "nn_watch: /dev/null/run.csv: ");
    assert_null(nn_watch_new(list, "/dev/null/none/run", often));
    expect_error(t, AG_EFILE, "nn_watch_new: /dev/null/none: Not a directory");
    assert_null(nn_watch_new(list, path, (nn_watch_config){ .every = -1 }));
    expect_error(t, AG_EARG, "nn_watch_new: every is -1; it must be finite and not negative");
    assert_null(nn_watch_new(list, path, (nn_watch_config){ .every = INFINITY }));
    expect_error(t, AG_EARG, "nn_watch_new: every is inf");
    assert_null(nn_watch_new(list, path, (nn_watch_config){ .share = 1.5 }));
    expect_error(t, AG_EARG, "nn_watch_new: share is 1.5; it must be in [0, 1]");
    assert_null(nn_watch_new(list, path, (nn_watch_config){ .share = NAN }));
    expect_error(t, AG_EARG, "nn_watch_new: share is nan");
    assert_null(nn_watch_new(ag_list_none(t), path, often));
    expect_error(t, AG_EARG, "nn_watch_new: the list has no parameters");
    assert_null(nn_watch_new(AG_LIST(p, b), path, often));
    expect_error(t, AG_EUSE, "nn_watch_new: tensor 2 is no parameter; ag_param makes one");
    assert_null(nn_watch_new(AG_LIST(p, foreign), path, often));
    expect_error(t, AG_EUSE, "nn_watch_new: parameter 2 is of another tape than the first");
    assert_null(nn_watch_new(AG_LIST(p, absent), path, often));
    expect_error(t, AG_ENULL, "nn_watch_new: parameter 2 is absent");
    nn_watch *w = nn_watch_new(list, path, often);
    assert_int_equal(nn_watch_value(w, NULL, 1), AG_EARG);
    expect_error(t, AG_EARG, "nn_watch_value: the name '' is empty");
    assert_int_equal(nn_watch_value(w, "\xff", 1), AG_EARG);
    expect_error(t, AG_EARG, "nn_watch_value: the name '\xff' is not UTF-8");
    char name[16];
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(nn_watch_value(w, name, 1), AG_OK);
    }
    assert_int_equal(nn_watch_value(w, "more", 1), AG_ELIMIT);
    expect_error(t, AG_ELIMIT, "nn_watch_value: 'more' would be value 17; there may be 16");
    ag_release(p);
    assert_int_equal(nn_watch_end(w), AG_ESTALE);
    expect_error(t, AG_ESTALE, "");
    assert_int_equal(nn_watch_value(NULL, "v", 1), AG_ENULL);
    assert_int_equal(nn_watch_step(NULL), AG_ENULL);
    assert_int_equal(nn_watch_end(NULL), AG_ENULL);
    ag_tape_free(t);
    ag_tape_free(other);
}

static void every_request_for_memory_may_fail(void **state)
{
    (void)state;
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F64);
    nn_module *m = small_mlp(t);
    ag_list list = nn_params(m);
    const size_t held = memory.bytes;
    nn_watch *w = NULL;
    for (long n = 1; !w; n++) {
        memory.requests = 0;
        memory.fail_at = n;
        w = nn_watch_new(list, in_directory("memory"), (nn_watch_config){ 0 });
        memory.fail_at = 0;
        assert_int_equal(ag_error(t), w ? AG_OK : AG_ENOMEM);
        ag_error_clear(t);
        assert_true(w || memory.bytes == held);
    }
    for (long n = 1, status = AG_ENOMEM; status; n++) {
        memory.requests = 0;
        memory.fail_at = n;
        status = nn_watch_end(w);
        memory.fail_at = 0;
        assert_int_equal(status, ag_error(t));
        assert_true(!status || status == AG_ENOMEM);
        ag_error_clear(t);
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(every_request_for_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
