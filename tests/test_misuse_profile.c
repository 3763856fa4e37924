/* Every function of ag/profile.h with what it should not get. */
#include "misuse.h"
#include <math.h>

static const ag_profile_options machine = { .flops_f32 = INFINITY, .flops_f64 = INFINITY, .bytes = INFINITY };

static void nothing_is_accepted(void **state)
{
    (void)state;
    size_t count = 7;
    const ag_stats s = ag_tape_stats(NULL);
    assert_true(s.held.live == 0 && s.most_nodes == 0 && s.allocations == 0);
    ag_tape_stats_restart(NULL);
    assert_int_equal(ag_print_memory(NULL, stdout), AG_ENULL);
    assert_null(ag_profile_begin(NULL, machine));
    assert_int_equal(ag_profile_end(NULL), AG_ENULL);
    ag_profile_free(NULL);
    assert_null(ag_profile_rows(NULL, 0, &count));
    assert_int_equal(count, 0);
    assert_true(ag_profile_seconds(NULL) == 0);
    assert_int_equal(ag_profile_steps(NULL), 0);
    assert_null(ag_profile_tape(NULL));
    assert_int_equal(ag_profile_print(NULL, 0, stdout), AG_ENULL);
    ag_region_begin(NULL, "nowhere");
    ag_region_end(NULL);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    size_t count;
    ag_tape *t = new_tape();
    assert_int_equal(ag_print_memory(t, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_print_memory: the file is NULL");
    assert_null(ag_profile_begin(t, (ag_profile_options){ .flops_f64 = -1 }));
    expect_error(t, AG_EARG, "ag_profile_begin: the option flops_f64 is -1; it must not be negative");
    assert_null(ag_profile_begin(t, (ag_profile_options){ .bytes = NAN }));
    expect_error(t, AG_EARG, "the option bytes is nan");
    ag_profile *p = ag_profile_begin(t, machine);
    assert_null(ag_profile_rows(p, 8, &count));
    expect_error(t, AG_EARG, "ag_profile_rows: 8 are no flags");
    assert_null(ag_profile_rows(p, 0, NULL));
    expect_error(t, AG_ENULL, "ag_profile_rows: no count");
    assert_int_equal(ag_profile_print(p, 0, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_profile_print: the file is NULL");
    assert_int_equal(ag_profile_print(p, 16, stdout), AG_EARG);
    expect_error(t, AG_EARG, "16 are no flags");
    assert_int_equal(ag_profile_end(p), AG_OK);
    assert_int_equal(ag_profile_end(p), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_profile_end: the profile has ended already");
    ag_profile_free(p);
    ag_tape_free(t);
}

static void files_that_cannot_be_written_are_errors(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_profile_options options = machine;
    options.trace = "/nowhere/at/all.json";
    ag_profile *p = ag_profile_begin(t, options);
    ag_sin(ag_variable(t, 1));
    assert_int_equal(ag_profile_end(p), AG_EFILE);
    expect_error(t, AG_EFILE, "ag_profile_end: cannot write /nowhere/at/all.json: ");
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        assert_int_equal(ag_profile_print(p, 0, full), AG_EFILE);
        expect_error(t, AG_EFILE, "ag_profile_print: cannot write");
        assert_int_equal(ag_print_memory(t, full), AG_EFILE);
        expect_error(t, AG_EFILE, "ag_print_memory: cannot write");
        fclose(full);
        options.trace = "/dev/full";
        p = ag_profile_begin(t, options);
        assert_int_equal(ag_profile_end(p), AG_EFILE);
        expect_error(t, AG_EFILE, "ag_profile_end: cannot write /dev/full: ");
    }
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- inside of what they would look at */

typedef struct place {
    ag_profile *outer;
    ag_status begin, end;
} place;

static ag_tensor within(ag_tensor adjoint, void *user)
{
    place *at = user;
    ag_tape *t = adjoint.tape;
    ag_region_begin(t, "left open");
    ag_error_push(t);
    assert_null(ag_profile_begin(t, machine));
    at->begin = ag_error_pop(t);
    ag_error_push(t);
    ag_profile_end(at->outer);
    at->end = ag_error_pop(t);
    size_t count;
    assert_non_null(ag_profile_rows(at->outer, 0, &count));
    return (ag_tensor){ 0 };
}

static void inside_a_pass_none_begins_or_ends(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_exp(x);
    place at = { .outer = ag_profile_begin(t, machine) };
    ag_hook(y, within, &at);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_int_equal(at.begin, AG_EUSE);
    assert_int_equal(at.end, AG_EUSE);
    ag_region_end(t); /* there is none */
    assert_int_equal(ag_profile_end(at.outer), AG_OK);
    assert_int_equal(ag_profile_steps(at.outer), 1);
    ag_tape_free(t);
}

static ag_tensor free_it(ag_tensor adjoint, void *user)
{
    place *at = user;
    ag_profile_free(at->outer);
    return adjoint;
}

static void one_can_be_freed_anywhere(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_exp(x);
    place at = { .outer = ag_profile_begin(t, machine) };
    ag_hook(y, free_it, &at);
    assert_int_equal(ag_backward(ag_sum(ag_mul(y, ag_sum(y)))), AG_OK);
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_accepted),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(files_that_cannot_be_written_are_errors),
        cmocka_unit_test(inside_a_pass_none_begins_or_ends),
        cmocka_unit_test(one_can_be_freed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
