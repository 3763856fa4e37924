/* The gradient checker and the tape: functions that fail, arguments that cannot be checked, and what must stay as it
 * was. */
#include "values.h"

#include <stdio.h>

/* The text that ag_gradcheck prints, cut off where it is long. */
static ag_verdict check_text(ag_function *f, void *user, ag_list at, char text[512])
{
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_gradcheck(f, user, at, file);
    rewind(file);
    size_t read = fread(text, 1, 511, file);
    text[read] = 0;
    fclose(file);
    return v;
}

static void expect_text(ag_function *f, void *user, ag_list at, ag_verdict verdict, const char *part)
{
    char text[512];
    ag_verdict v = check_text(f, user, at, text);
    if (v != verdict || !strstr(text, part) || !strstr(text, ag_verdict_name(v)))
        fail_msg("%s: \"%s\", expected %s and \"%s\"", ag_verdict_name(v), text, ag_verdict_name(verdict), part);
}

/* ---- functions that fail */

static ag_tensor does_not_fit(ag_list x, void *user)
{
    (void)user;
    return ag_matmul(x.at[0], x.at[0]);
}

static ag_tensor fails_below(ag_list x, void *user) /* only at a step's end */
{
    ag_tape *t = x.at[0].tape;
    if (ag_item_at(x.at[0], 0) < *(double *)user)
        ag_fail(t, AG_EARG, "it is below");
    return ag_square(x.at[0]);
}

static ag_tensor gives_nothing(ag_list x, void *user)
{
    (void)user;
    return (ag_tensor){ x.at[0].tape, 0, 0 };
}

static ag_tensor gives_absent(ag_list x, void *user)
{
    (void)x, (void)user;
    return (ag_tensor){ 0 };
}

static ag_tensor gives_integers(ag_list x, void *user)
{
    (void)user;
    return ag_cast(x.at[0], AG_I64);
}

static ag_tensor gives_foreign(ag_list x, void *user)
{
    (void)x;
    return *(ag_tensor *)user;
}

static ag_tensor gives_empty(ag_list x, void *user)
{
    (void)user;
    return ag_slice(x.at[0], 0, 0, 0, 1);
}

static ag_tensor resets(ag_list x, void *user)
{
    (void)user;
    ag_tape_reset(x.at[0].tape);
    return ag_square(x.at[0]);
}

static ag_tensor rewinds(ag_list x, void *user)
{
    ag_tape_rewind(x.at[0].tape, *(ag_mark *)user);
    return ag_square(x.at[0]);
}

static ag_tensor checks_itself(ag_list x, void *user)
{
    (void)user;
    ag_gradcheck(gives_nothing, NULL, x, NULL);
    return ag_square(x.at[0]);
}

static ag_tensor has_size_of_value(ag_list x, void *user)
{
    (void)user;
    double v = ag_item_at(x.at[0], 0);
    return ag_expand(ag_select(x.at[0], 0, 0), AG_SHAPE(v > 1 ? 3 : 2));
}

static ag_tensor square(ag_list x, void *user)
{
    (void)user;
    return ag_square(x.at[0]);
}

static void a_failing_function_fails_the_check(void **state)
{
    ag_tape *t = *state, *other = ag_tape_new((ag_options){ 0 });
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 1, 2, 3), foreign = ag_constant(other, 1);
    ag_mark mark = ag_tape_mark(t);
    double below = 1;
    expect_text(does_not_fit, NULL, AG_LIST(AG_VALUES(t, AG_SHAPE(2, 1), 1, 2)), AG_FAIL, "AG_ESHAPE: ag_matmul");
    expect_text(fails_below, &below, AG_LIST(x), AG_FAIL, "AG_EARG: it is below");
    expect_text(gives_nothing, NULL, AG_LIST(x), AG_FAIL, "no usable tensor");
    expect_text(gives_absent, NULL, AG_LIST(x), AG_FAIL, "no usable tensor");
    expect_text(gives_integers, NULL, AG_LIST(x), AG_FAIL, "i64");
    expect_text(gives_foreign, &foreign, AG_LIST(x), AG_FAIL, "another tape");
    expect_text(gives_empty, NULL, AG_LIST(x), AG_INCONCLUSIVE, "nothing to check");
    expect_text(has_size_of_value, NULL, AG_LIST(x), AG_FAIL, "size");
    expect_text(resets, NULL, AG_LIST(x), AG_FAIL, "AG_EUSE: ag_tape_reset");
    expect_text(rewinds, &mark, AG_LIST(x), AG_FAIL, "AG_EUSE: ag_tape_rewind");
    expect_text(checks_itself, NULL, AG_LIST(x), AG_FAIL, "AG_EUSE: ag_gradcheck");
    assert_int_equal(ag_error(t), AG_OK);
    assert_int_equal(ag_error(other), AG_OK);
    VALUES(x, AG_SHAPE(3), 1, 2, 3);
    assert_int_equal(ag_gradcheck(square, NULL, AG_LIST(x), NULL), AG_PASS);
    ag_tape_free(other);
}

/* ---- arguments */

static void expect_refusal(ag_tape *t, ag_function *f, ag_list at, ag_check_options o, ag_status s, const char *part)
{
    ag_check_report r;
    assert_int_equal(ag_gradcheck_with(f, NULL, at, o, &r), AG_INCONCLUSIVE);
    assert_int_equal(r.verdict, AG_INCONCLUSIVE);
    assert_int_equal(r.checked, 0);
    assert_int_equal(ag_error(t), s);
    if (!strstr(ag_error_text(t), part))
        fail_msg("\"%s\" does not contain \"%s\"", ag_error_text(t), part);
    ag_error_clear(t);
}

static void arguments_are_checked(void **state)
{
    ag_tape *t = *state, *other = ag_tape_new((ag_options){ 0 });
    ag_check_options none = { 0 };
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2), empty = ag_zeros(t, AG_F64, AG_SHAPE(0, 2));
    ag_mark mark = ag_tape_mark(t);
    ag_tensor gone = ag_square(x);
    ag_tape_rewind(t, mark);
    double low = 1.5, high = 1.5;
    expect_refusal(t, NULL, AG_LIST(x), none, AG_ENULL, "function");
    expect_refusal(t, square, AG_LIST(ag_cast(x, AG_F32)), none, AG_EDTYPE, "f64");
    expect_refusal(t, square, AG_LIST(ag_cast(x, AG_I32)), none, AG_EDTYPE, "f64");
    expect_refusal(t, square, AG_LIST(x, ag_constant(other, 1)), none, AG_EUSE, "one tape");
    expect_refusal(t, square, AG_LIST(x, (ag_tensor){ 0 }), none, AG_ENULL, "one tape");
    expect_refusal(t, square, AG_LIST(gone), none, AG_ESTALE, "stale");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .order = 3 }, AG_EARG, "order");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .order = -1 }, AG_EARG, "order");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .tolerance = -1 }, AG_EARG, "tolerance");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .tolerance = NAN }, AG_EARG, "tolerance");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .step = INFINITY }, AG_EARG, "step");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .directions = -1 }, AG_EARG, "directions");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .low = &low }, AG_EARG, "bounds");
    expect_refusal(t, square, AG_LIST(x), (ag_check_options){ .high = &high }, AG_EARG, "bounds");
    expect_refusal(t, square, AG_LIST((ag_tensor){ t, 0, 0 }), none, AG_OK, "");
    expect_refusal(t, square, AG_LIST(empty), none, AG_OK, "");
    assert_int_equal(ag_gradcheck(square, NULL, (ag_list){ NULL, 0 }, NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(square, NULL, AG_LIST((ag_tensor){ 0 }), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(square, NULL, AG_LIST(x, empty), NULL), AG_PASS);
    ag_tape_free(other);
}

static void verdicts_have_names(void **state)
{
    (void)state;
    assert_string_equal(ag_verdict_name(AG_INCONCLUSIVE), "INCONCLUSIVE");
    assert_string_equal(ag_verdict_name(AG_PASS), "PASS");
    assert_string_equal(ag_verdict_name(AG_FAIL), "FAIL");
    assert_string_equal(ag_verdict_name(AG_KINK), "KINK");
    assert_string_equal(ag_verdict_name((ag_verdict)99), "unknown");
}

/* ---- what stays */

static ag_tensor noisy_square(ag_list x,
                              void *user) /* with random numbers, a no-grad block left open, and a parameter */
{
    ag_tape *t = x.at[0].tape;
    ag_tensor noise = ag_rand(t, AG_F64, ag_shape_of(x.at[0]), 0, 1), p = *(ag_tensor *)user;
    ag_tensor y = ag_mul(ag_square(x.at[0]), ag_add(noise, p));
    ag_no_grad_begin(t);
    return y;
}

static void the_tape_is_left_as_it_was(void **state)
{
    for (int pending = 0; pending < 2; pending++) {
        ag_tape *t = *state;
        ag_tape_reset(t);
        ag_tensor p = ag_param(ag_constant(t, 2), "p"), x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3));
        ag_tensor v = ag_variable(t, 4), y = ag_sum(ag_mul(ag_mul(x, v), p));
        assert_int_equal(ag_backward(y), AG_OK);
        ag_tensor expected = ag_rand(t, AG_F64, AG_SHAPE(4), 0, 1), again;
        int64_t nodes = ag_tape_nodes(t);
        ag_mark mark = ag_tape_mark(t);
        if (pending)
            ag_fail(t, AG_EFILE, "an earlier error");
        assert_int_equal(ag_gradcheck(noisy_square, &p, AG_LIST(x), NULL), AG_PASS);
        assert_int_equal(ag_gradcheck(gives_nothing, NULL, AG_LIST(x), NULL), AG_FAIL);
        assert_int_equal(ag_gradcheck(resets, NULL, AG_LIST(x), NULL), AG_FAIL);
        assert_int_equal(ag_error(t), pending ? AG_EFILE : AG_OK);
        assert_string_equal(ag_error_text(t), pending ? "an earlier error" : "");
        ag_error_clear(t);
        assert_int_equal(ag_tape_nodes(t), nodes);
        again = ag_rand(t, AG_F64, AG_SHAPE(4), 0, 1); /* the second random call of this tape, not a later one */
        assert_true(ag_item_at(again, 0) != ag_item_at(expected, 0));
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK); /* the mark is still valid */
        VALUES(x, AG_SHAPE(3), 1, 2, 3);
        VALUES(ag_grad(x), AG_SHAPE(3), 8, 8, 8);
        VALUES(ag_grad(v), AG_SCALAR, 12);
        VALUES(ag_grad(p), AG_SCALAR, 24);
        assert_int_equal(ag_backward(y), AG_OK); /* still recorded, and recording is on */
        VALUES(ag_grad(v), AG_SCALAR, 24);
        ag_release(p);
    }
}

static void random_numbers_continue_where_they_were(void **state)
{
    (void)state;
    double with[4], without[4];
    for (int check = 0; check < 2; check++) {
        ag_tape *t = ag_tape_new((ag_options){ .seed = 3 });
        ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(3), 0, 1), zero = ag_param(ag_constant(t, 0), NULL);
        if (check)
            assert_int_equal(ag_gradcheck(noisy_square, &zero, AG_LIST(x), NULL), AG_PASS);
        ag_copy_out(ag_rand(t, AG_F64, AG_SHAPE(4), 0, 1), AG_F64, check ? with : without, sizeof with);
        ag_tape_free(t);
    }
    assert_memory_equal(with, without, sizeof with);
}

static void a_check_works_under_no_grad(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2);
    ag_no_grad_begin(t);
    assert_int_equal(ag_gradcheck(square, NULL, AG_LIST(x), NULL), AG_PASS);
    ag_tensor v = ag_variable(t, 1), y = ag_square(v);
    assert_false(ag_needs_grad(y)); /* the block is still open */
    ag_no_grad_end(t);
    assert_int_equal(ag_error(t), AG_OK);
}

static ag_tensor asks_for_much(ag_list x, void *user)
{
    ag_tensor big = ag_zeros(x.at[0].tape, AG_F64, AG_SHAPE(*(int64_t *)user));
    return ag_add(ag_square(x.at[0]), ag_sum(big));
}

static void memory_that_runs_out_is_no_verdict(void **state)
{
    (void)state;
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet, .memory_limit = 1 << 22 });
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2);
    int64_t much = 1 << 20, little = 10;
    assert_int_equal(ag_gradcheck(asks_for_much, &much, AG_LIST(x), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_error(t), AG_ENOMEM);
    ag_error_clear(t);
    assert_int_equal(ag_gradcheck(asks_for_much, &little, AG_LIST(x), NULL), AG_PASS);
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failing_function_fails_the_check),
        TEST(arguments_are_checked),
        TEST(verdicts_have_names),
        TEST(the_tape_is_left_as_it_was),
        TEST(random_numbers_continue_where_they_were),
        TEST(a_check_works_under_no_grad),
        TEST(memory_that_runs_out_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
