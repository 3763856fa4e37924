/* Checkpoints: what the function reads, numbers as well as arrays, is what it read at first. */
#include "support.h"
#include <time.h>

/* ---- parameters that are numbers, and first used in the function */

enum { MANY = 20000 };

static ag_tensor sum_of_products(ag_list x, void *user)
{
    const ag_tensor *p = user;
    ag_tensor y = x.at[0];
    for (int i = 0; i < MANY; i++)
        y = ag_add(y, ag_mul(p[i], x.at[0]));
    return y;
}

static void many_numbers_may_be_read_that_are_parameters(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor *p = malloc(MANY * sizeof *p);
    for (int i = 0; i < MANY; i++)
        p[i] = ag_param(ag_constant(t, i), "p");
    assert_int_equal(ag_tape_reset(t), AG_OK);
    ag_tensor x = ag_variable(t, 3);
    assert_int_equal(ag_backward(ag_checkpoint(sum_of_products, p, AG_LIST(x))), AG_OK);
    assert_close(ag_item(ag_grad(x)), 1 + MANY / 2.0 * (MANY - 1), 0);
    for (int i = 0; i < MANY; i += 999)
        assert_close(ag_item(ag_grad(p[i])), 3, 0);
    free(p);
    ag_tape_free(t);
}

/* ---- what was written since */

static ag_tensor squared_times(ag_list x, void *user)
{
    const ag_tensor w = *(ag_tensor *)user;
    return ag_mul(ag_mul(w, w), x.at[0]);
}

static void numbers_that_it_read_may_not_have_been_written(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        ag_tape *t = new_tape();
        ag_tensor three = ag_constant(t, 3), w = kind % 2 ? ag_buffer(three, "w") : ag_param(three, "w");
        ag_tensor x = ag_variable(t, 2), used = kind < 4 ? ag_neg(w) : x; /* in the function first, or before */
        if (kind / 2 == 1)
            used = ag_mul(used, x);
        ag_tensor y = ag_checkpoint(squared_times, &w, AG_LIST(x));
        assert_int_equal(ag_assign(w, ag_constant(t, 5)), AG_OK);
        if (kind / 2 == 1)
            used = ag_mul(w, w); /* which gives it a leaf of the new number */
        assert_int_equal(ag_backward(y), AG_EUSE);
        expect_error(t, AG_EUSE,
                     "ag_checkpoint: a tensor 'w' was written after the function had read it, which is to run again");
        assert_close(ag_item(ag_grad(x)), 0, 0);
        y = ag_checkpoint(squared_times, &w, AG_LIST(x));
        assert_int_equal(ag_backward(y), AG_OK);
        assert_close(ag_item(ag_grad(x)), 25, 0);
        if (kind % 2 == 0)
            assert_close(ag_item(ag_grad(w)), 20, 0);
        ag_tape_free(t);
    }
}

static void the_message_says_which_argument(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2), w = ag_param(x, "w"), view = ag_reshape(w, AG_SHAPE(2)), y;
    y = ag_checkpoint(squared_times, &w, AG_LIST(x, view));
    ag_assign(w, x);
    assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_checkpoint: argument 2 'w' was written after the function had read it");
    y = ag_checkpoint(squared_times, &w, AG_LIST(x));
    ((double *)ag_write(x, AG_F64))[0] = 3;
    assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_checkpoint: argument 1 was written after the function had read it");
    ag_tape_free(t);
}

static ag_tensor counting(ag_list x, void *user)
{
    return ag_mul_scalar(x.at[0], ++*(int *)user);
}

static ag_tensor by_a_value(ag_list x, void *user)
{
    return ag_mul(x.at[0], ag_detach(*(ag_tensor *)user));
}

static ag_tensor counting_transposed(ag_list x, void *user)
{
    return ag_transpose(counting(x, user), 0, 1);
}

static void other_values_than_at_first_are_an_error(void **state)
{
    (void)state;
    static ag_function *const f[] = { counting, counting_transposed };
    for (int kind = 0; kind < 4; kind++) {
        ag_tape *t = new_tape();
        int calls = 0;
        ag_tensor x = ag_require_grad(kind < 2 ? ag_ones(t, AG_F32, AG_SHAPE(2, 3)) : ag_constant(t, 2));
        ag_tensor w = ag_buffer(ag_constant(t, 3), "w"), y;
        if (kind < 3)
            y = ag_checkpoint(f[kind % 2], &calls, AG_LIST(x));
        else
            y = ag_checkpoint(by_a_value, &w, AG_LIST(x));
        assert_int_equal(ag_assign(w, ag_constant(t, 5)), AG_OK);
        assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
        expect_error(t, AG_EUSE, "the function gave other values than at first");
        if (kind < 3) {
            calls = 0;
            assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
            assert_close(ag_item_at(ag_grad(x), 0), 1, 0);
        }
        ag_tape_free(t);
    }
}

/* ---- many */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static ag_tensor nearly_itself(ag_list x, void *user)
{
    (void)user;
    return ag_add_scalar(ag_sin(ag_mul_scalar(x.at[0], 1e-9)), 1);
}

/* What a checkpoint costs depends on what it does, not on the step that it is in: this took 40 seconds. */
static void a_step_of_many_checkpoints_takes_no_longer_for_each(void **state)
{
    (void)state;
    const int count = slow() ? 10000 : 100000;
    ag_tape *t = new_tape();
    const double start = seconds();
    ag_tensor x = ag_variable(t, 1), y = x;
    for (int i = 0; i < count; i++)
        y = ag_add(ag_checkpoint(nearly_itself, NULL, AG_LIST(y)), x);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_true(fabs(ag_item(ag_grad(x)) - 1) < 1e-6);
    assert_true(seconds() - start < 10);
    ag_tape_free(t);
}

static ag_tensor rewinding(ag_list x, void *user)
{
    ag_tape *t = x.at[0].tape;
    assert_int_equal(ag_tape_rewind(t, ag_tape_mark(t)), AG_OK);
    *(ag_tensor *)user = ag_square(x.at[0]);
    return ag_neg(*(ag_tensor *)user);
}

/* Where the step itself was last rewound to, its epoch is not the function's to end. */
static void a_function_rewinds_to_its_beginning(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), kept;
    assert_int_equal(ag_tape_rewind(t, ag_tape_mark(t)), AG_OK);
    ag_tensor y = ag_checkpoint(rewinding, &kept, AG_LIST(x));
    assert_false(ag_ok(kept));
    ag_ones(t, AG_F64, AG_SHAPE(3));
    assert_false(ag_ok(kept));
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_values(ag_grad(x), -2, -4);
    assert_false(ag_ok(kept));
    ag_tape_free(t);
}

static ag_tensor rewinding_further(ag_list x, void *user)
{
    ag_ones(x.at[0].tape, AG_F64, AG_SHAPE(100));
    ag_tape_rewind(x.at[0].tape, *(ag_mark *)user);
    return ag_neg(x.at[0]);
}

/* No tensor was made since the mark, but memory was used, which is the step's. */
static void a_function_does_not_rewind_to_before_its_beginning(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1);
    ag_mark mark = ag_tape_mark(t);
    assert_non_null(ag_data(x, AG_F64)); /* a number becomes an array */
    assert_true(ag_tape_mark(t).id == mark.id && ag_tape_mark(t).arena > mark.arena);
    ag_tensor y = ag_checkpoint(rewinding_further, &mark, AG_LIST(x));
    assert_false(ag_ok(y));
    expect_error(t, AG_EUSE, "ag_tape_rewind: the mark is older");
    assert_true(ag_ok(x));
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_numbers_may_be_read_that_are_parameters),
        cmocka_unit_test(numbers_that_it_read_may_not_have_been_written),
        cmocka_unit_test(the_message_says_which_argument),
        cmocka_unit_test(other_values_than_at_first_are_an_error),
        cmocka_unit_test(a_step_of_many_checkpoints_takes_no_longer_for_each),
        cmocka_unit_test(a_function_rewinds_to_its_beginning),
        cmocka_unit_test(a_function_does_not_rewind_to_before_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
