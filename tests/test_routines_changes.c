/* What may change between two passes over tapes that look alike. */
#include "support.h"

static double gradient_of(ag_tensor p)
{
    ag_storage s;
    assert_int_equal(ag_storage_of(p, &s), AG_OK);
    assert_non_null(s.grad);
    return *(const double *)s.grad;
}

/* Of the sum of n^2 x and n, where n^2 may be a constant. */
static double by_number(ag_tape *t, ag_tensor n, ag_tensor x, bool constant)
{
    if (constant)
        ag_no_grad_begin(t);
    const ag_tensor square = ag_square(n);
    if (constant)
        ag_no_grad_end(t);
    assert_int_equal(ag_backward(ag_add(ag_sum(ag_mul(x, square)), n)), AG_OK);
    const double g = gradient_of(n);
    ag_zero_grad(n);
    ag_zero_grad(x);
    ag_tape_reset(t);
    return g;
}

static void a_number_that_was_a_constant_and_is_none_any_more_passes_its_gradient_on(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        ag_tape *t = tape_with((ag_options){ .threads = 1 });
        const ag_tensor n = ag_param(ag_full(t, AG_F64, AG_SCALAR, 1.5), NULL);
        const ag_tensor x = ag_param(ag_full(t, AG_F64, AG_SHAPE(3), 0.5), NULL);
        ag_tape_reset(t);
        for (int i = 0; i < 14; i++) {
            const bool constant = (i < 6) == !first;
            assert_true(by_number(t, n, x, constant) == (constant ? 1 : 1 + 3 * 1.5));
        }
        assert_true(ag_tape_stats(t).repeated > 6);
        ag_tape_free(t);
    }
}

static void passes_are_repeated_on_tapes_with_more_parameters_than_nodes(void **state)
{
    (void)state;
    enum { PARAMS = 20000, USED = PARAMS - 1 };
    ag_tape *t = tape_with((ag_options){ .threads = 1 });
    ag_tensor last = { 0 };
    for (int i = 0; i < PARAMS; i++) {
        last = ag_param(ag_full(t, AG_F64, AG_SHAPE(2), 3), NULL);
        ag_tape_reset(t);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ag_backward(ag_sum(ag_square(last))), AG_OK);
        assert_true(gradient_of(last) == 6);
        ag_zero_grad(last);
        ag_tape_reset(t);
    }
    assert_true(ag_tape_stats(t).repeated > 2);
    ag_tape_free(t);
}

/* ---- memory */

static ag_status deep_step(ag_tape *t, const ag_tensor *w, ag_tensor x, int depth)
{
    ag_tensor h = x;
    for (int i = 0; i < depth; i++)
        h = ag_tanh(ag_add(ag_matmul(h, w[i % 4]), x));
    const ag_status status = ag_backward(ag_mean(ag_square(h)));
    for (int i = 0; i < 4; i++)
        ag_zero_grad(w[i]);
    ag_tape_reset(t);
    return status;
}

/* Do steps of several depths, one of them larger than all before, get along with so much memory? */
static bool suffices(uint64_t limit, int repeat, uint64_t *repeated)
{
    ag_tape *t =
        ag_tape_new((ag_options){ .threads = 1, .memory_limit = limit, .repeat = repeat, .on_error = ag_quiet });
    if (!t)
        return false;
    ag_tensor w[4];
    for (int i = 0; i < 4; i++)
        w[i] = ag_param(ag_full(t, AG_F64, AG_SHAPE(4, 4), 0.1 * i), NULL);
    const ag_tensor x = ag_buffer(ag_full(t, AG_F64, AG_SHAPE(3, 4), 0.5), NULL);
    ag_tape_reset(t);
    ag_status status = ag_error(t);
    for (int i = 0; i < 24 && !status; i++)
        status = deep_step(t, w, x, i == 20 ? 300 : 40 + 10 * (i % 3));
    *repeated = ag_tape_stats(t).repeated;
    ag_tape_free(t);
    return !status;
}

static void what_passes_keep_goes_back_where_the_memory_limit_leaves_no_room_for_it(void **state)
{
    (void)state;
    uint64_t repeated = 0, most = 0;
    int enough = 0, scarce = 0;
    for (uint64_t limit = 200000; limit < 1200000; limit += 16384) {
        const bool without = suffices(limit, AG_REPEAT_OFF, &repeated), with = suffices(limit, 0, &repeated);
        assert_true(with || !without);
        most = repeated > most ? repeated : most;
        enough += without;
        scarce += !without;
    }
    assert_true(enough && scarce && most > 5);
}

/* What it keeps is no number, and its result may be one. */
static void a_logsumexp_of_everything_is_repeated(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        double last[2][6];
        for (int repeat = 0; repeat < 2; repeat++) {
            ag_tape *t = tape_with((ag_options){ .threads = 1, .repeat = repeat ? 1 : AG_REPEAT_OFF });
            const ag_dtype d = k % 2 ? AG_F32 : AG_F64;
            const ag_tensor p = ag_param(ag_cast(AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), d), "p");
            for (int step = 0; step < 9; step++) {
                ag_tape_reset(t);
                ag_zero_grad(p);
                const ag_tensor y = ag_logsumexp(ag_mul(p, p), AG_AXES(0, 1), k / 2 ? AG_KEEPDIM : 0);
                assert_int_equal(ag_backward(step == 6 ? ag_mul_scalar(ag_sum(y), 0) : ag_sum(y)), AG_OK);
                ag_assign(p, ag_mul_scalar(p, 0.9));
            }
            assert_int_equal(ag_copy_out(ag_grad(p), AG_F64, last[repeat], sizeof last[repeat]), AG_OK);
            assert_true(repeat ? ag_tape_stats(t).repeated > 3 : ag_tape_stats(t).repeated == 0);
            expect_fine(t);
            ag_tape_free(t);
        }
        assert_memory_equal(last[0], last[1], sizeof last[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_that_was_a_constant_and_is_none_any_more_passes_its_gradient_on),
        cmocka_unit_test(passes_are_repeated_on_tapes_with_more_parameters_than_nodes),
        cmocka_unit_test(what_passes_keep_goes_back_where_the_memory_limit_leaves_no_room_for_it),
        cmocka_unit_test(a_logsumexp_of_everything_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
