/* Checks of gradients and of ops with what they should not get. */
#include "misuse.h"

static void checks_of_nothing(void **state)
{
    (void)state;
    ag_check_report report;
    assert_int_equal(ag_gradcheck(NULL, NULL, AG_LIST(absent), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck_with(NULL, NULL, (ag_list){ NULL, 2 }, (ag_check_options){ 0 }, &report),
                     AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck_with(NULL, NULL, (ag_list){ NULL, 0 }, (ag_check_options){ 0 }, NULL),
                     AG_INCONCLUSIVE);
    assert_true(ag_check_op(NULL, NULL) != AG_PASS);
    assert_true(strlen(ag_verdict_name((ag_verdict)99)) > 0 && strlen(ag_verdict_name((ag_verdict)-1)) > 0);
    assert_non_null(ag_ops(NULL));
}

static ag_tensor failing(ag_list x, void *user)
{
    (void)user;
    return ag_matmul(x.at[0], ag_zeros(x.at[0].tape, AG_F64, AG_SHAPE(7, 7)));
}

static ag_tensor nothing(ag_list x, void *user)
{
    (void)x;
    return user ? *(ag_tensor *)user : absent;
}

static ag_tensor squares(ag_list x, void *user)
{
    (void)user;
    return ag_square(x.at[0]);
}

static ag_tensor resetting(ag_list x, void *user)
{
    (void)user;
    ag_tape_reset(x.at[0].tape);
    ag_gradcheck(squares, NULL, x, NULL);
    return ag_square(x.at[0]);
}

static void gradient_checks(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2), f = ag_variable(b.other, 1), none = inert(t);
    assert_int_equal(ag_gradcheck(squares, NULL, AG_LIST(x), NULL), AG_PASS);
    assert_int_equal(ag_gradcheck(NULL, NULL, AG_LIST(x), NULL), AG_INCONCLUSIVE);
    expect_complaint(t, "gradcheck");
    const ag_tensor bad[] = {
        b.stale, b.released, absent, f, ag_ones(t, AG_F32, AG_SHAPE(2)), ag_ones(t, AG_I64, AG_SHAPE(2))
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(ag_gradcheck(squares, NULL, AG_LIST(x, bad[i]), NULL) != AG_PASS);
        assert_int_equal(ag_error(b.other), AG_OK);
        ag_error_clear(t);
    }
    assert_true(ag_gradcheck(squares, NULL, AG_LIST(none), NULL) != AG_PASS);
    ag_error_clear(t);
    ag_function *const functions[] = { failing, nothing, resetting };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        assert_true(ag_gradcheck(functions[i], NULL, AG_LIST(x), NULL) != AG_PASS);
        ag_error_clear(t);
        check_bench(&b);
    }
    ag_tensor results[] = { b.stale, b.released, f, none };
    for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
        assert_true(ag_gradcheck(nothing, &results[i], AG_LIST(x), NULL) != AG_PASS);
        ag_error_clear(t);
    }
    const ag_check_options options[] = {
        { .order = -1 },
        { .order = 3 },
        { .tolerance = -1 },
        { .tolerance = NAN },
        { .tolerance = INFINITY },
        { .step = -1 },
        { .step = NAN },
        { .step = INFINITY },
        { .directions = -1 },
        { .low = (const double[]){ NAN }, .high = (const double[]){ 1 } },
        { .low = (const double[]){ 5 }, .high = (const double[]){ 6 } },
        { .low = (const double[]){ 2 }, .high = (const double[]){ 1 } },
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        ag_check_report report;
        if (ag_gradcheck_with(squares, NULL, AG_LIST(x), options[i], &report) == AG_PASS)
            print_error("options %zu\n", i);
        assert_true(report.verdict != AG_PASS);
        expect_complaint(t, "gradcheck");
    }
    assert_values(x, 1, 2);
    const ag_op broken[] = { { 0 },
                             { .name = "nothing" },
                             { .name = "x", .inputs = 1, .samples = (const ag_sample[]){ { 0 } } } };
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
        assert_true(ag_check_op(&broken[i], NULL) != AG_PASS);
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_of_nothing),
        cmocka_unit_test(gradient_checks),
    };
    return cmocka_run_group_tests_name("misuse of checks", tests, NULL, NULL);
}
