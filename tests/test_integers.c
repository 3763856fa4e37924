/* Elementwise ops of integers: which dtype comes out, what wraps, what is refused, and integers beside floats. */
#include "values.h"

static ag_tensor of_i64(ag_tape *t, size_t count, const int64_t *x)
{
    return ag_from(t, AG_I64, AG_SHAPE((int64_t)count), x, count * sizeof *x);
}
#define I64(t, ...) of_i64(t, AG_COUNT(int64_t, __VA_ARGS__), (const int64_t[]){ __VA_ARGS__ })

static ag_tensor of_dtype(ag_tape *t, ag_dtype d, size_t count, const int64_t *x)
{
    return ag_cast(of_i64(t, count, x), d);
}
#define I32(t, ...) of_dtype(t, AG_I32, AG_COUNT(int64_t, __VA_ARGS__), (const int64_t[]){ __VA_ARGS__ })
#define U8(t, ...) of_dtype(t, AG_U8, AG_COUNT(int64_t, __VA_ARGS__), (const int64_t[]){ __VA_ARGS__ })

/* Exactly these integers, of this dtype. */
static void check_integers(ag_tensor x, ag_dtype d, size_t count, const int64_t *expected)
{
    int64_t got[32];
    expect_fine(x.tape);
    assert_int_equal(ag_dtype_of(x), d);
    assert_int_equal(ag_size_of(x), count);
    assert_int_equal(ag_copy_out(x, AG_I64, got, count * sizeof *got), AG_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(got[i], expected[i]);
}
#define INTEGERS(x, d, ...) check_integers(x, d, AG_COUNT(int64_t, __VA_ARGS__), (const int64_t[]){ __VA_ARGS__ })

static void the_wider_integer_type_comes_out(void **state)
{
    ag_tape *t = *state;
    ag_tensor u8 = U8(t, 1, 2, 255), i32 = I32(t, -1, 7, INT32_MAX), i64 = I64(t, -5, INT64_MIN, 9);
    INTEGERS(ag_add(u8, u8), AG_U8, 2, 4, 254);
    INTEGERS(ag_add(u8, i32), AG_I32, 0, 9, INT32_MIN + 254);
    INTEGERS(ag_sub(i32, u8), AG_I32, -2, 5, INT32_MAX - 255);
    INTEGERS(ag_mul(i32, i64), AG_I64, 5, INT64_MIN, (int64_t)INT32_MAX * 9);
    INTEGERS(ag_maximum(u8, i64), AG_I64, 1, 2, 255);
    INTEGERS(ag_minimum(i64, u8), AG_I64, -5, INT64_MIN, 9);
    ag_tensor rank0 = ag_full(t, AG_I64, AG_SCALAR, 300);
    INTEGERS(ag_add(u8, rank0), AG_I64, 301, 302, 555);
    INTEGERS(ag_mul(rank0, ag_full(t, AG_U8, AG_SCALAR, 200)), AG_I64, 60000);
    INTEGERS(ag_add(ag_reshape(i32, AG_SHAPE(3, 1)), ag_slice(u8, 0, 0, 2, 1)), AG_I32, 0, 1, 8, 9, (int64_t)INT32_MIN,
             (int64_t)INT32_MIN + 1);
    assert_int_equal(ag_size_of(ag_add(ag_zeros(t, AG_I32, AG_SHAPE(0)), rank0)), 0);
}

static void arithmetic_wraps_in_two_s_complement(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = I64(t, INT64_MIN, INT64_MAX, -1), y = I32(t, INT32_MIN, INT32_MAX, 3), z = U8(t, 0, 1, 255);
    INTEGERS(ag_add(x, x), AG_I64, 0, -2, -2);
    INTEGERS(ag_mul(x, x), AG_I64, 0, 1, 1);
    INTEGERS(ag_sub(ag_zeros(t, AG_I64, AG_SHAPE(3)), x), AG_I64, INT64_MIN, -INT64_MAX, 1);
    INTEGERS(ag_neg(x), AG_I64, INT64_MIN, -INT64_MAX, 1);
    INTEGERS(ag_abs(x), AG_I64, INT64_MIN, INT64_MAX, 1);
    INTEGERS(ag_square(y), AG_I32, 0, 1, 9);
    INTEGERS(ag_neg(y), AG_I32, INT32_MIN, -INT32_MAX, -3);
    INTEGERS(ag_abs(y), AG_I32, INT32_MIN, INT32_MAX, 3);
    INTEGERS(ag_neg(z), AG_U8, 0, 255, 1);
    INTEGERS(ag_square(z), AG_U8, 0, 1, 1);
    INTEGERS(ag_abs(z), AG_U8, 0, 1, 255);
    INTEGERS(ag_sign(x), AG_I64, -1, 1, -1);
    INTEGERS(ag_sign(z), AG_U8, 0, 1, 1);
    INTEGERS(ag_relu(y), AG_I32, 0, INT32_MAX, 3);
    INTEGERS(ag_sum(ag_concat(AG_LIST(x, x), 0)), AG_I64, -4);
}

static void numbers_with_integers_are_integers(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = I64(t, INT64_MAX, -3, 0), z = U8(t, 0, 1, 255);
    INTEGERS(ag_add_scalar(x, 1), AG_I64, INT64_MIN, -2, 1);
    INTEGERS(ag_add_scalar(z, -1), AG_U8, 255, 0, 254);
    INTEGERS(ag_mul_scalar(z, -1), AG_U8, 0, 255, 1);
    INTEGERS(ag_scalar_sub(1000, I32(t, 1, -1)), AG_I32, 999, 1001);
    INTEGERS(ag_mul_scalar(I32(t, 3), 0x1p31), AG_I32, INT32_MIN);
    INTEGERS(ag_add_scalar(x, 0x1p63), AG_I64, -1, INT64_MAX - 2, INT64_MIN);
    INTEGERS(ag_maximum_scalar(z, -7), AG_U8, 0, 1, 255);
    INTEGERS(ag_minimum_scalar(z, 300), AG_U8, 0, 1, 255);
    INTEGERS(ag_maximum_scalar(z, 300), AG_U8, 255, 255, 255);
    INTEGERS(ag_clamp(x, -1, INFINITY), AG_I64, INT64_MAX, -1, 0);
    INTEGERS(ag_clamp(I32(t, INT32_MIN, 9), -0x1p40, 4), AG_I32, INT32_MIN, 4);
    expect_failure(ag_add_scalar(x, 0.5), t, AG_EARG,
                   "ag_add_scalar: [3] i64: the number 0.5 is no integer; ag_cast makes floats of integers");
    expect_failure(ag_mul_scalar(x, INFINITY), t, AG_EARG, "ag_mul_scalar: [3] i64: the number inf is beyond i64");
    expect_failure(ag_add_scalar(z, NAN), t, AG_EARG, "the number nan is no integer");
    expect_failure(ag_clamp(z, 0, 1.5), t, AG_EARG, "ag_clamp: [3] u8: the number 1.5 is no integer");
}

static void integers_beside_floats_are_floats(void **state)
{
    ag_tape *t = *state;
    const float three[] = { 0.5f, -2, 3 };
    ag_tensor mask = U8(t, 1, 0, 2), x = ag_from(t, AG_F32, AG_SHAPE(3), three, sizeof three);
    ag_tensor y = ag_mul(x, mask);
    assert_int_equal(ag_dtype_of(y), AG_F32);
    VALUES(y, AG_SHAPE(3), 0.5, 0, 6);
    VALUES(ag_div(ag_cast(x, AG_F64), I64(t, 2, 4, -1)), AG_SHAPE(3), 0.25, -0.5, -3);
    VALUES(ag_sub(mask, ag_constant(t, 0.5)), AG_SHAPE(3), 0.5, -0.5, 1.5);
    assert_int_equal(ag_dtype_of(ag_sub(mask, ag_constant(t, 0.5))), AG_F64);
    y = ag_pow(ag_full(t, AG_I32, AG_SCALAR, 2), x);
    assert_int_equal(ag_dtype_of(y), AG_F32);
    assert_values(y, sqrt(2), 0.25, 8);
    VALUES(ag_less(x, mask), AG_SHAPE(3), 1, 1, 0);
    assert_item(ag_mul(ag_full(t, AG_I64, AG_SCALAR, 3), ag_constant(t, 0.5)), 1.5);
}

typedef ag_tensor pair(ag_tensor a, ag_tensor b);

/* The gradients by both ways, and the second ones, are those beside the same numbers as floats. */
static void gradients_pass_integers_by(void **state)
{
    ag_tape *t = *state;
    pair *const ops[] = { ag_add, ag_sub, ag_mul, ag_div, ag_pow, ag_maximum, ag_minimum };
    const ag_tensor integers[] = { U8(t, 1, 2, 3), ag_full(t, AG_I64, AG_SCALAR, 2),
                                   ag_reshape(I32(t, 2, 3), AG_SHAPE(2, 1)),
                                   ag_select(ag_reshape(I64(t, 1, 2, 3, 4, 5, 6), AG_SHAPE(3, 2)), 1, 0) };
    const ag_tensor floats[] = { ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0.5, 2, 1.5)), ag_variable(t, 1.25) };
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        for (size_t k = 0; k < ARRAY_SIZE(integers); k++)
            for (size_t m = 0; m < 2 * ARRAY_SIZE(floats); m++) {
                ag_tensor x = floats[m / 2], n = integers[k], f = ag_cast(n, AG_F64);
                ag_tensor y = m & 1 ? ops[i](x, n) : ops[i](n, x), z = m & 1 ? ops[i](x, f) : ops[i](f, x);
                ag_tensor dy = weighted_gradient(y, x), dz = weighted_gradient(z, x), ddy, ddz;
                ag_tensor ry = weighted_gradient_by_rule(y, x), rz = weighted_gradient_by_rule(z, x);
                ddy = weighted_gradient(ry, x);
                ddz = weighted_gradient(rz, x);
                expect_fine(t);
                for (int64_t e = 0; e < ag_size_of(z); e++)
                    assert_true(ag_item_at(y, e) == ag_item_at(z, e));
                for (int64_t e = 0; e < ag_size_of(x); e++) {
                    assert_close(ag_item_at(dy, e), ag_item_at(dz, e), 1e-14);
                    assert_close(ag_item_at(ry, e), ag_item_at(rz, e), 1e-14);
                    assert_close(ag_item_at(ddy, e), ag_item_at(ddz, e), 1e-14);
                }
            }
}

static void what_is_not_defined_for_integers_says_so(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = I64(t, 1, 2);
    expect_failure(ag_div(x, x), t, AG_EDTYPE,
                   "ag_div: [2] i64 and [2] i64: of integers ag_floor_divide makes integers, ag_cast floats to divide");
    expect_failure(ag_exp(x), t, AG_EDTYPE, "ag_exp: [2] i64: the op is defined for f32 and f64; see ag_cast");
    expect_failure(ag_add(x, I64(t, 1, 2, 3)), t, AG_ESHAPE, "extent 2 meets 3");
}

static void large_arrays_of_any_strides_are_alike(void **state)
{
    ag_tape *t = *state;
    enum { ROWS = 130, COLUMNS = 517 };
    static int32_t a[ROWS][COLUMNS];
    static uint8_t b[COLUMNS][ROWS];
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++) {
            a[i][k] = (int32_t)((uint32_t)(i * COLUMNS + k) * 2654435761u);
            b[k][i] = (uint8_t)(i * 31 + k * 7);
        }
    ag_tensor x = ag_from(t, AG_I32, AG_SHAPE(ROWS, COLUMNS), a, sizeof a);
    ag_tensor y = ag_transpose(ag_from(t, AG_U8, AG_SHAPE(COLUMNS, ROWS), b, sizeof b), 0, 1);
    const int32_t *sum = ag_data(ag_add(x, y), AG_I32), *product = ag_data(ag_mul(y, x), AG_I32);
    const uint8_t *twice = ag_data(ag_mul_scalar(y, 2), AG_U8);
    expect_fine(t);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++) {
            assert_int_equal(sum[i * COLUMNS + k], (int32_t)((uint32_t)a[i][k] + b[k][i]));
            assert_int_equal(product[i * COLUMNS + k], (int32_t)((uint32_t)a[i][k] * b[k][i]));
            assert_int_equal(twice[i * COLUMNS + k], (uint8_t)(2 * b[k][i]));
        }
}

/* ---- division */

static void division_of_integers_rounds_down(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = I32(t, 7, -7, 7, -7, 6, INT32_MIN, 0), b = I32(t, 2, 2, -2, -2, -3, -1, -5);
    INTEGERS(ag_floor_divide(a, b), AG_I32, 3, -4, -4, 3, -2, INT32_MIN, 0);
    INTEGERS(ag_remainder(a, b), AG_I32, 1, 1, -1, -1, 0, 0, 0);
    INTEGERS(ag_fmod(a, b), AG_I32, 1, -1, 1, -1, 0, 0, 0);
    ag_tensor x = I64(t, INT64_MIN, INT64_MAX, 5), one = I64(t, -1);
    INTEGERS(ag_floor_divide(x, one), AG_I64, INT64_MIN, -INT64_MAX, -5);
    INTEGERS(ag_remainder(x, one), AG_I64, 0, 0, 0);
    INTEGERS(ag_floor_divide(U8(t, 200, 255), U8(t, 7, 255)), AG_U8, 28, 1);
    INTEGERS(ag_remainder(U8(t, 200, 254), U8(t, 7, 255)), AG_U8, 4, 254);
    INTEGERS(ag_fmod(U8(t, 200, 254), I32(t, -7, 255)), AG_I32, 4, 254);
    INTEGERS(ag_remainder_scalar(a, -3), AG_I32, -2, -1, -2, -1, 0, -2, 0);
    INTEGERS(ag_fmod_scalar(a, -3), AG_I32, 1, -1, 1, -1, 0, -2, 0);
    INTEGERS(ag_floor_divide_scalar(x, 0x1p62), AG_I64, -2, 1, 0);
    INTEGERS(ag_round(x), AG_I64, INT64_MIN, INT64_MAX, 5);
    INTEGERS(ag_floor(U8(t, 3)), AG_U8, 3);
}

static void integers_are_not_divided_by_zero(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = I32(t, 1, 2, 3, 4), b = I64(t, 1, -1, 0, 0);
    expect_failure(
        ag_floor_divide(a, b), t, AG_EARG,
        "ag_floor_divide: [4] i32 and [4] i64: integers cannot be divided by 0, which element 2 of b [4] is");
    ag_tensor gaps = ag_select(ag_reshape(ag_concat(AG_LIST(b, b), 0), AG_SHAPE(4, 2)), 1, 1);
    expect_failure(ag_remainder(a, gaps), t, AG_EARG, "which element 1 of b [4] is");
    expect_failure(ag_fmod(a, ag_zeros(t, AG_U8, AG_SCALAR)), t, AG_EARG,
                   "ag_fmod: [4] i32 and [] u8: integers cannot be divided by 0");
    expect_failure(ag_remainder_scalar(a, 0), t, AG_EARG,
                   "ag_remainder_scalar: [4] i32: integers cannot be divided by 0");
    expect_failure(ag_floor_divide_scalar(U8(t, 1), 300), t, AG_EARG, "the number 300 is beyond u8");
    expect_failure(ag_remainder_scalar(U8(t, 1), -2), t, AG_EARG, "the number -2 is beyond u8");
    assert_int_equal(ag_size_of(ag_floor_divide(ag_zeros(t, AG_I32, AG_SHAPE(0)), ag_zeros(t, AG_I32, AG_SCALAR))), 0);
}

/* The remainders are exact, the quotients those of exact division. */
static void division_of_floats_is_that_of_the_c_library(void **state)
{
    ag_tape *t = *state;
    const double x[] = { 0,          -0.0,   1,      -1,   0.1,      0.3,       5.5, -5.5, 1e300, -1e17,  6,
                         0x1p52 + 1, 0x1p53, 1e-310, -2.5, INFINITY, -INFINITY, NAN, 0.7,  3,     DBL_MIN };
    enum { COUNT = ARRAY_SIZE(x) };
    ag_tensor a = ag_from(t, AG_F64, AG_SHAPE(COUNT, 1), x, sizeof x), b = ag_reshape(a, AG_SHAPE(COUNT));
    ag_tensor r[] = { ag_fmod(a, b), ag_fmod(ag_cast(a, AG_F32), ag_cast(b, AG_F32)) };
    ag_tensor m = ag_remainder(a, b), q = ag_floor_divide(a, b);
    expect_fine(t);
    for (int64_t i = 0; i < COUNT; i++)
        for (int64_t k = 0; k < COUNT; k++) {
            const double exact = fmod(x[i], x[k]), at = ag_item_at(m, i * COUNT + k),
                         quotient = ag_item_at(q, i * COUNT + k);
            assert_close(ag_item_at(r[0], i * COUNT + k), exact, 0);
            assert_close(ag_item_at(r[1], i * COUNT + k), (double)fmodf((float)x[i], (float)x[k]), 0);
            assert_close(at, exact != 0 && (exact < 0) != (x[k] < 0) ? exact + x[k] : exact, 0);
            if (fabs(quotient) < 0x1p53 && isfinite(x[k])) /* a = q b + r, where r is rounded */
                assert_true(fabs(fma(quotient, x[k], at) - x[i]) <= 1e-15 * fmax(fabs(x[i]), fabs(x[k])));
        }
    assert_values(ag_floor_divide(ag_constant(t, 1), ag_constant(t, 0.1)), 9);
    assert_values(ag_round(AG_VALUES(t, AG_SHAPE(6), 0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994)), 0, 2, 2, -0.0,
                  -2, 0);
    assert_values(ag_frac(AG_VALUES(t, AG_SHAPE(3), 1.75, -1.75, 3)), 0.75, -0.75, 0);
}

/* ---- bits */

static void bits_are_those_of_two_s_complement(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = I32(t, 12, -1, INT32_MIN), b = I32(t, 10, 6, -1);
    INTEGERS(ag_bitwise_and(a, b), AG_I32, 8, 6, INT32_MIN);
    INTEGERS(ag_bitwise_or(a, b), AG_I32, 14, -1, -1);
    INTEGERS(ag_bitwise_xor(a, b), AG_I32, 6, -7, INT32_MAX);
    INTEGERS(ag_bitwise_not(a), AG_I32, -13, 0, INT32_MAX);
    INTEGERS(ag_bitwise_not(U8(t, 0, 1, 255)), AG_U8, 255, 254, 0);
    INTEGERS(ag_bitwise_or(U8(t, 1), I64(t, INT64_MIN)), AG_I64, INT64_MIN + 1);
    ag_tensor by = I32(t, -1, 0, 1, 7, 8, 31, 32), five = I32(t, 5), minus = I32(t, -5), byte = U8(t, 200);
    INTEGERS(ag_bitwise_left_shift(five, by), AG_I32, 0, 5, 10, 640, 1280, INT32_MIN, 0);
    INTEGERS(ag_bitwise_right_shift(minus, by), AG_I32, -1, -5, -3, -1, -1, -1, -1);
    INTEGERS(ag_bitwise_right_shift(byte, U8(t, 0, 3, 7, 8, 255)), AG_U8, 200, 25, 1, 0, 0);
    INTEGERS(ag_bitwise_left_shift(byte, U8(t, 0, 1, 7, 8)), AG_U8, 200, 144, 0, 0);
    expect_failure(ag_bitwise_and(ag_constant(t, 1), ag_constant(t, 1)), t, AG_EDTYPE,
                   "ag_bitwise_and: [] f64 and [] f64: the op is defined for integers; see ag_cast");
    expect_failure(ag_bitwise_not(AG_VALUES(t, AG_SHAPE(1), 1)), t, AG_EDTYPE, "the op is defined for integers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_wider_integer_type_comes_out),
        TEST(arithmetic_wraps_in_two_s_complement),
        TEST(numbers_with_integers_are_integers),
        TEST(integers_beside_floats_are_floats),
        TEST(gradients_pass_integers_by),
        TEST(what_is_not_defined_for_integers_says_so),
        TEST(large_arrays_of_any_strides_are_alike),
        TEST(division_of_integers_rounds_down),
        TEST(integers_are_not_divided_by_zero),
        TEST(division_of_floats_is_that_of_the_c_library),
        TEST(bits_are_those_of_two_s_complement),
    };
    return cmocka_run_group_tests_name("integers", tests, NULL, NULL);
}
