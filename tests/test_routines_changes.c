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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_that_was_a_constant_and_is_none_any_more_passes_its_gradient_on),
        cmocka_unit_test(passes_are_repeated_on_tapes_with_more_parameters_than_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
