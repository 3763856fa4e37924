/* Comparisons of integers, which doubles do not hold all of, in every arrangement of the operands, and with numbers;
 * logic. */
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

/* ---- with numbers */

typedef ag_tensor comparison_scalar(ag_tensor x, double c);
static comparison_scalar *const scalars[] = { ag_less_scalar,          ag_less_equal_scalar, ag_greater_scalar,
                                              ag_greater_equal_scalar, ag_equal_scalar,      ag_not_equal_scalar };

/* long double holds both exactly. */
static bool holds_of_number(size_t which, long double x, long double c)
{
    const bool results[] = { x<c, x <= c, x> c, x >= c, x == c, x != c };
    return results[which];
}

static void integers_compare_exactly_with_any_number(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double c[] = { 0,      -0.5,      0.5,           1,       254.5,
                         255,    255.5,     256,           -1,      INT32_MAX,
                         0x1p31, INT32_MIN, -0x1p31 - 0.5, 0x1p53,  0x1p53 + 2,
                         0x1p63, -0x1p63,   0x1p64,        -0x1p65, 1e300,
                         -1e300, INFINITY,  -INFINITY,     NAN,     9223372036854774784.0,
                         1e-310 };
    const ag_dtype dtypes[] = { AG_I64, AG_I32, AG_U8 };
    for (size_t d = 0; d < ARRAY_SIZE(dtypes); d++)
        for (size_t i = 0; i < ARRAY_SIZE(c); i++)
            for (size_t k = 0; k < ARRAY_SIZE(scalars); k++) {
                ag_tensor x = ag_cast(of_numbers(t, AG_SHAPE(COUNT), numbers), dtypes[d]), y = scalars[k](x, c[i]);
                int64_t value[COUNT];
                assert_int_equal(ag_copy_out(x, AG_I64, value, sizeof value), AG_OK);
                expect_fine(t);
                assert_int_equal(ag_dtype_of(y), AG_U8);
                for (size_t e = 0; e < COUNT; e++)
                    if ((ag_item_at(y, (int64_t)e) != 0) !=
                        holds_of_number(k, (long double)value[e], (long double)c[i]))
                        fail_msg("comparison %zu of %lld and %.17g", k, (long long)value[e], c[i]);
                ag_tape_reset(t);
            }
    ag_tape_free(t);
}

static void floats_compare_with_numbers_of_their_type(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(5), -1, 0.1, 0.5, INFINITY, NAN), f = ag_cast(x, AG_F32);
    assert_values(ag_less_scalar(x, 0.5), 1, 1, 0, 0, 0);
    assert_values(ag_less_equal_scalar(x, 0.5), 1, 1, 1, 0, 0);
    assert_values(ag_greater_scalar(x, 0.5), 0, 0, 0, 1, 0);
    assert_values(ag_greater_equal_scalar(x, INFINITY), 0, 0, 0, 1, 0);
    assert_values(ag_not_equal_scalar(x, NAN), 1, 1, 1, 1, 1);
    assert_values(ag_equal_scalar(f, 0.1), 0, 1, 0, 0, 0);
    assert_values(ag_equal_scalar(ag_constant(t, 0.1), 0.1), 1);
    ag_tensor two_columns = ag_reshape(ag_arange(t, AG_F64, 0, 6, 1), AG_SHAPE(3, 2));
    assert_values(ag_greater_scalar(ag_select(two_columns, 1, 1), 2), 0, 1, 1);
    ag_tape_free(t);
}

/* ---- logic */

static void what_is_not_zero_is_true(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = AG_VALUES(t, AG_SHAPE(4), 0, -0.0, 0.5, NAN);
    ag_tensor b = ag_cast(AG_VALUES(t, AG_SHAPE(4), 0, 7, 0, 300), AG_I64), c = ag_cast(b, AG_U8);
    assert_values(ag_logical_and(a, b), 0, 0, 0, 1);
    assert_values(ag_logical_or(a, b), 0, 1, 1, 1);
    assert_values(ag_logical_xor(a, b), 0, 1, 1, 0);
    assert_values(ag_logical_xor(b, c), 0, 0, 0, 0);
    assert_values(ag_logical_not(a), 1, 1, 0, 0);
    assert_values(ag_logical_not(c), 1, 0, 1, 0);
    assert_int_equal(ag_dtype_of(ag_logical_and(b, b)), AG_U8);
    ag_tensor x = AG_VALUES(t, AG_SHAPE(4), 1e308, -INFINITY, INFINITY, NAN);
    assert_values(ag_isfinite(x), 1, 0, 0, 0);
    assert_values(ag_isinf(ag_cast(x, AG_F32)), 1, 1, 1, 0);
    assert_values(ag_isnan(x), 0, 0, 0, 1);
    assert_values(ag_isfinite(b), 1, 1, 1, 1);
    assert_values(ag_isinf(b), 0, 0, 0, 0);
    assert_values(ag_isnan(c), 0, 0, 0, 0);
    assert_values(ag_isnan(ag_constant(t, NAN)), 1);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_integers_compare_exactly),
        cmocka_unit_test(small_integers_compare),
        cmocka_unit_test(integers_compare_exactly_with_any_number),
        cmocka_unit_test(floats_compare_with_numbers_of_their_type),
        cmocka_unit_test(what_is_not_zero_is_true),
    };
    return cmocka_run_group_tests_name("comparisons", tests, NULL, NULL);
}
