/* Comparisons of integers, which doubles do not hold all of, in every arrangement of the operands. */
#include "support.h"

typedef ag_tensor comparison(ag_tensor a, ag_tensor b);
static comparison *const comparisons[] = {
    ag_less, ag_less_equal, ag_greater, ag_greater_equal, ag_equal, ag_not_equal
};

static bool holds(size_t which, int64_t a, int64_t b)
{
    const bool results[] = { a<b, a <= b, a> b, a >= b, a == b, a != b };
    return results[which];
}

static const int64_t numbers[] = { 0,
                                   1,
                                   -1,
                                   255,
                                   INT32_MAX,
                                   INT64_MAX,
                                   INT64_MAX - 1,
                                   INT64_MIN,
                                   INT64_MIN + 1,
                                   ((int64_t)1 << 53) + 1,
                                   (int64_t)1 << 53 };
enum { COUNT = ARRAY_SIZE(numbers) };

static ag_tensor of_numbers(ag_tape *t, ag_shape s, const int64_t *first)
{
    return ag_from(t, AG_I64, s, first, sizeof *first * (s.rank ? COUNT : 1));
}

static void expect_comparison(ag_tensor y, size_t which, const int64_t *a, size_t a_step, const int64_t *b,
                              size_t b_step)
{
    expect_fine(y.tape);
    assert_int_equal(ag_dtype_of(y), AG_U8);
    for (size_t i = 0; i < (size_t)ag_size_of(y); i++)
        if ((ag_item_at(y, (int64_t)i) != 0) != holds(which, a[i * a_step], b[i * b_step]))
            fail_msg("comparison %zu of %lld and %lld", which, (long long)a[i * a_step], (long long)b[i * b_step]);
}

static void large_integers_compare_exactly(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int64_t twice[COUNT][2];
    for (size_t i = 0; i < COUNT; i++)
        twice[i][0] = twice[i][1] = numbers[i];
    for (size_t k = 0; k < COUNT; k++) {
        for (size_t c = 0; c < ARRAY_SIZE(comparisons); c++) {
            ag_tensor all = of_numbers(t, AG_SHAPE(COUNT), numbers), one = of_numbers(t, AG_SCALAR, &numbers[k]);
            ag_tensor gaps = ag_select(ag_from(t, AG_I64, AG_SHAPE(COUNT, 2), twice, sizeof twice), 1, 1);
            expect_comparison(comparisons[c](all, one), c, numbers, 1, &numbers[k], 0);
            expect_comparison(comparisons[c](one, all), c, &numbers[k], 0, numbers, 1);
            expect_comparison(comparisons[c](gaps, one), c, numbers, 1, &numbers[k], 0);
            expect_comparison(comparisons[c](one, gaps), c, &numbers[k], 0, numbers, 1);
            expect_comparison(comparisons[c](all, gaps), c, numbers, 1, numbers, 1);
            expect_comparison(comparisons[c](ag_buffer(one, NULL), all), c, &numbers[k], 0, numbers, 1);
            ag_tensor row = ag_reshape(all, AG_SHAPE(1, COUNT)), single = ag_reshape(one, AG_SHAPE(1));
            expect_comparison(comparisons[c](row, single), c, numbers, 1, &numbers[k], 0);
            for (size_t i = 0; i < COUNT; i++)
                expect_comparison(comparisons[c](one, of_numbers(t, AG_SCALAR, &numbers[i])), c, &numbers[k], 0,
                                  &numbers[i], 0);
            ag_tape_reset(t);
        }
    }
    ag_tape_free(t);
}

static void small_integers_compare(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const int32_t i32[] = { INT32_MIN, -1, 7, INT32_MAX };
    const uint8_t u8[] = { 0, 1, 7, 255 };
    ag_tensor a = ag_from(t, AG_I32, AG_SHAPE(4), i32, sizeof i32), b = ag_from(t, AG_U8, AG_SHAPE(4), u8, sizeof u8);
    ag_tensor seven = ag_full(t, AG_I32, AG_SCALAR, 7), other = ag_full(t, AG_U8, AG_SCALAR, 7);
    assert_values(ag_less(a, seven), 1, 1, 0, 0);
    assert_values(ag_less(seven, a), 0, 0, 0, 1);
    assert_values(ag_greater_equal(b, other), 0, 0, 1, 1);
    assert_values(ag_equal(other, b), 0, 0, 1, 0);
    assert_values(ag_equal(seven, seven), 1);
    assert_values(ag_less(other, ag_full(t, AG_U8, AG_SCALAR, 8)), 1);
    assert_values(ag_less(ag_reshape(a, AG_SHAPE(4, 1)), ag_select(a, 0, 2)), 1, 1, 0, 0);
    assert_int_equal(ag_size_of(ag_less(ag_zeros(t, AG_I64, AG_SHAPE(0)), ag_zeros(t, AG_I64, AG_SCALAR))), 0);
    assert_values(ag_less(a, other), 1, 1, 0, 0);
    assert_values(ag_less(b, a), 0, 0, 0, 1);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_integers_compare_exactly),
        cmocka_unit_test(small_integers_compare),
    };
    return cmocka_run_group_tests_name("comparisons", tests, NULL, NULL);
}
