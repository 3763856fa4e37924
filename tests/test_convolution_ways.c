/* The ways in which sums of convolutions are made, beside each other: many images side by side, planes by themselves. */
#include "tests/values.h"

static void expect_near(ag_tensor a, ag_tensor b, double far)
{
    assert_true(ag_item(ag_max(ag_abs(ag_sub(ag_cast(a, AG_F64), ag_cast(b, AG_F64))))) < far);
}

/* Sixteen images are made side by side, what is left of them otherwise: bands of rows, channels that do not all fit,
 * outputs that do not fill a block, groups, and results that are added. */
static void images_side_by_side_are_summed(void **state)
{
    ag_tape *t = *state;
    const int64_t sizes[][8] = { /* images, groups, channels, outputs, rows, columns, kernel, stride */
                                 { 16, 1, 40, 3, 3, 7, 3, 1 },   { 35, 2, 16, 19, 5, 2, 4, 2 },
                                 { 17, 1, 150, 17, 9, 9, 3, 2 }, { 16, 1, 33, 130, 40, 20, 3, 2 },
                                 { 16, 3, 1, 2, 6, 30, 2, 3 },   { 33, 1, 18, 20, 3, 3, 5, 1 }
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        const int64_t *n = sizes[i / 2], high = n[4], wide = n[5], k = n[6];
        const ag_dtype d = i % 2 ? AG_F64 : AG_F32;
        const ag_conv_options o = { .stride = { n[7], n[7] }, .padding = { k / 2, k / 2 }, .groups = n[1] };
        const ag_tensor x = ag_require_grad(ag_randn(t, d, AG_SHAPE(n[0], n[1] * n[2], high, wide), 0, 1)),
                        w = ag_require_grad(ag_randn(t, d, AG_SHAPE(n[1] * n[3], n[2], k, k), 0, 1)),
                        b = ag_randn(t, d, AG_SHAPE(n[1] * n[3]), 0, 1);
        const ag_tensor y = ag_conv2d(x, w, b, o), dy = ag_randn(t, d, ag_shape_of(y), 0, 1);
        ag_tensor each[40], dx[40], dw = ag_zeros(t, d, ag_shape_of(w));
        for (int64_t j = 0; j < n[0]; j++) { /* one image after the other */
            each[j] = ag_conv2d(ag_slice(x, 0, j, j + 1, 1), w, b, o);
            dx[j] = ag_slice(ag_vjp(each[j], ag_slice(dy, 0, j, j + 1, 1), x), 0, j, j + 1, 1);
            dw = ag_add(dw, ag_vjp(each[j], ag_slice(dy, 0, j, j + 1, 1), w));
        }
        expect_near(y, ag_concat((ag_list){ each, (size_t)n[0] }, 0), i % 2 ? 1e-10 : 1e-3);
        expect_near(ag_vjp(y, dy, x), ag_concat((ag_list){ dx, (size_t)n[0] }, 0), i % 2 ? 1e-10 : 1e-3);
        expect_near(ag_vjp(y, dy, w), dw, i % 2 ? 1e-10 : 1e-2);
        const ag_tensor twice = ag_add(ag_sum(ag_mul(y, dy)), ag_sum(ag_mul(ag_conv2d(x, w, b, o), dy)));
        assert_int_equal(ag_backward(twice), AG_OK);
        expect_near(ag_grad(x), ag_mul_scalar(ag_vjp(y, dy, x), 2), i % 2 ? 1e-10 : 1e-3);
        expect_near(ag_grad(w), ag_mul_scalar(ag_vjp(y, dy, w), 2), i % 2 ? 1e-10 : 1e-3);
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* A result that has one plane of the source, beside the same with a second plane of zeros: rows and columns that fill
 * vectors or do not, squares of taps and others, more rows than are made at a time, and results that are added. */
static void planes_by_themselves_are_summed(void **state)
{
    ag_tape *t = *state;
    const int64_t sizes[][6] = { /* rows, columns, taps of a column and of a row, dilation, outputs */
                                 { 1, 9, 1, 3, 1, 1 },  { 14, 14, 3, 3, 1, 2 },  { 9, 29, 5, 5, 1, 1 },
                                 { 7, 40, 7, 7, 1, 1 }, { 120, 70, 3, 3, 1, 1 }, { 13, 33, 2, 4, 1, 2 },
                                 { 6, 24, 3, 3, 2, 1 }, { 6, 3, 3, 3, 1, 1 }
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        const int64_t *n = sizes[i / 2];
        const ag_dtype d = i % 2 ? AG_F64 : AG_F32;
        ag_conv_options o = { .padding = { n[2] / 2, n[3] - 1 }, .dilation = { n[4], n[4] } };
        const ag_tensor x = ag_require_grad(ag_randn(t, d, AG_SHAPE(3, 1, n[0], n[1]), 0, 1)),
                        w = ag_require_grad(ag_randn(t, d, AG_SHAPE(n[5], 1, n[2], n[3]), 0, 1)),
                        b = ag_randn(t, d, AG_SHAPE(n[5]), 0, 1);
        const ag_tensor two = ag_conv2d(ag_concat(AG_LIST(x, ag_mul_scalar(x, 0)), 1),
                                        ag_concat(AG_LIST(w, ag_mul_scalar(w, 0)), 1), b, o);
        o.groups = 2;
        const ag_tensor y =
            ag_conv2d(ag_concat(AG_LIST(x, x), 1), ag_concat(AG_LIST(w, w), 0), ag_concat(AG_LIST(b, b), 0), o);
        const ag_tensor dy = ag_randn(t, d, ag_shape_of(two), 0, 1), both = ag_concat(AG_LIST(dy, dy), 1);
        const double far = i % 2 ? 1e-11 : 1e-3;
        expect_near(y, ag_concat(AG_LIST(two, two), 1), far);
        expect_near(ag_vjp(y, both, x), ag_mul_scalar(ag_vjp(two, dy, x), 2), far);
        expect_near(ag_vjp(y, both, w), ag_mul_scalar(ag_vjp(two, dy, w), 2), far);
        o.groups = 1;
        const ag_tensor sum = ag_add(ag_conv2d(x, w, b, o), ag_mul_scalar(ag_conv2d(x, w, b, o), 2));
        expect_near(ag_vjp(sum, dy, x), ag_mul_scalar(ag_vjp(two, dy, x), 3), far);
        expect_near(ag_vjp(sum, dy, w), ag_mul_scalar(ag_vjp(two, dy, w), 3), far);
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* Nothing but the taps that read it: zeros behind the rows of dy do not meet it. */
static void infinities_reach_taps_that_read_them(void **state)
{
    ag_tape *t = *state;
    for (int i = 0; i < 8; i++) {
        const int64_t side = i % 2 ? 5 : 3, columns = i / 2 % 2 ? 16 : 21, at = i < 4 ? columns - 1 : 0;
        const ag_conv_options o = { .padding = { side / 2, side / 2 } };
        ag_tensor x =
            ag_embed(ag_embed(ag_full(t, AG_F32, AG_SHAPE(1, 1, 1, 1), INFINITY), 2, 6, 2, 1), 3, columns, at, 1);
        x = ag_add(x, ag_randn(t, AG_F32, AG_SHAPE(2, 1, 6, columns), 0, 1));
        const ag_tensor w = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(1, 1, side, side), 0, 1)),
                        dw = ag_vjp(ag_conv2d(x, w, absent, o), ag_ones(t, AG_F32, ag_shape_of(x)), w);
        for (int64_t k = 0; k < side * side; k++) {
            const int64_t column = at + side / 2 - k % side; /* of dy, that meets it */
            assert_int_equal(isinf(ag_item_at(dw, k)) != 0, column >= 0 && column < columns);
            assert_false(isnan(ag_item_at(dw, k)));
        }
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* Zeros that are padded are all that is read; the rows that there are none of may be of any length. */
static void images_of_no_rows_are_as_long_as_they_like(void **state)
{
    ag_tape *t = *state;
    const ag_conv_options o = { .stride = { 1, INT32_MAX }, .padding = { 1, 1 } };
    const ag_tensor x = ag_require_grad(ag_zeros(t, AG_F32, AG_SHAPE(16, 16, 0, INT64_C(1) << 37))),
                    w = ag_require_grad(ag_ones(t, AG_F32, AG_SHAPE(16, 16, 2, 2)));
    const ag_tensor y = ag_conv2d(x, w, absent, o), dy = ag_ones(t, AG_F32, ag_shape_of(y));
    assert_shape(y, 16, 16, 1, 65);
    assert_true(ag_item(ag_sum(ag_abs(ag_vjp(y, dy, w)))) == 0);
    assert_int_equal(ag_size_of(ag_vjp(y, dy, x)), 0);
    expect_fine(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(images_side_by_side_are_summed),
        TEST(planes_by_themselves_are_summed),
        TEST(infinities_reach_taps_that_read_them),
        TEST(images_of_no_rows_are_as_long_as_they_like),
    };
    return cmocka_run_group_tests_name("convolution_ways", tests, NULL, NULL);
}
