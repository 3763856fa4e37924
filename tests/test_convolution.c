/* Convolutions, pools and interpolation: numbers known in closed form, blocks of large shapes, and what is refused. */
#include "tests/values.h"

static const ag_conv_options plain;
static const ag_pool_options whole;

/* Every window of ones: how many elements it has. */
static void ones_are_counted(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(1, 3, 3)), w = ag_ones(t, AG_F64, AG_SHAPE(1, 1, 3, 3));
    VALUES(ag_conv2d(x, w, absent, (ag_conv_options){ .mode = AG_CONV_SAME }), AG_SHAPE(1, 3, 3), 4, 6, 4, 6, 9, 6, 4,
           6, 4);
    VALUES(ag_conv2d(x, w, AG_VALUES(t, AG_SHAPE(1), 0.5), plain), AG_SHAPE(1, 1, 1), 9.5);
    VALUES(ag_conv_transpose2d(ag_ones(t, AG_F64, AG_SHAPE(1, 1, 2)), ag_ones(t, AG_F64, AG_SHAPE(1, 1, 1, 3)), absent,
                               plain),
           AG_SHAPE(1, 1, 4), 1, 2, 2, 1);
    /* what no tap reaches is the bias */
    VALUES(ag_conv_transpose1d(ag_ones(t, AG_F64, AG_SHAPE(1, 2)), ag_ones(t, AG_F64, AG_SHAPE(1, 1, 1)),
                               AG_VALUES(t, AG_SHAPE(1), 5), (ag_conv_options){ .stride = { 3 } }),
           AG_SHAPE(1, 4), 6, 5, 5, 6);
}

/* Wide rows, many rows and many channels: each of the blocks ends somewhere. A kernel of one 1 moves x. */
static void blocks_fit_together(void **state)
{
    ag_tape *t = *state;
    const int64_t shapes[][3] = { { 1, 1, 3000 }, { 2, 700, 5 }, { 150, 40, 41 }, { 1, 37, 1100 } };
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const int64_t c = shapes[i][0], h = shapes[i][1], wide = shapes[i][2];
        ag_tensor x = ag_rand(t, AG_F32, AG_SHAPE(1, c, h, wide), -1, 1), w = ag_zeros(t, AG_F32, AG_SHAPE(1, c, 1, 4));
        w = ag_require_grad(ag_add(w, ag_embed(ag_ones(t, AG_F32, AG_SHAPE(1, c, 1, 1)), 3, 4, 1, 1)));
        ag_tensor y = ag_conv2d(x, w, absent, plain),
                  moved = ag_slice(ag_sum_over(x, AG_AXES(1), AG_KEEPDIM), 3, 1, wide - 2, 1);
        assert_true(ag_item(ag_max(ag_abs(ag_sub(y, moved)))) < 1e-4);
        ag_tensor dw = ag_vjp(y, ag_ones(t, AG_F32, ag_shape_of(y)), w);
        const double sum = ag_item(ag_sum(ag_slice(x, 3, 2, wide - 1, 1)));
        assert_close(ag_item(ag_sum(ag_select(dw, 3, 2))), sum, 1e-3);
    }
    expect_fine(t);
}

/* y, dx and dw as a sum over taps of products, in double. */
static ag_tensor by_taps(ag_tensor x, ag_tensor w, const ag_conv_options *o, ag_shape y)
{
    const ag_shape k = ag_shape_of(w), pad = AG_SHAPE(o->padding[0], o->padding[1]);
    const ag_tensor padded = ag_pad(x, pad, pad, AG_CONSTANT, 0);
    const int64_t step[] = { o->stride[0] ? o->stride[0] : 1, o->stride[1] ? o->stride[1] : 1 };
    ag_tensor sum = ag_zeros(x.tape, AG_F64, y);
    for (int64_t i = 0; i < k.dim[2] * k.dim[3]; i++) {
        const int64_t row = i / k.dim[3], column = i % k.dim[3];
        ag_tensor part = ag_slice(padded, 2, row, row + (y.dim[2] - 1) * step[0] + 1, step[0]);
        part = ag_slice(part, 3, column, column + (y.dim[3] - 1) * step[1] + 1, step[1]);
        const ag_tensor tap = ag_select(ag_select(w, 2, row), 2, column);
        sum = ag_add(sum, ag_einsum("ncij,oc->noij", AG_LIST(part, tap)));
    }
    return sum;
}

static void expect_near(ag_tensor a, ag_tensor b, double far)
{
    assert_true(ag_item(ag_max(ag_abs(ag_sub(ag_cast(a, AG_F64), ag_cast(b, AG_F64))))) < far);
}

/* Rows that fill vectors or do not, results that go to their places at once or not, taps with planes of their own. */
static void sums_do_not_depend_on_how_they_are_made(void **state)
{
    ag_tape *t = *state;
    const int64_t sizes[][5] = { { 3, 16, 14, 14, 1 }, { 70, 24, 7, 9, 1 },   { 2, 17, 9, 32, 1 },
                                 { 5, 20, 16, 33, 2 }, { 40, 40, 3, 140, 1 }, { 300, 16, 40, 20, 1 },
                                 { 2, 16, 4, 300, 1 }, { 3, 70, 30, 30, 2 } };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        const int64_t *n = sizes[i / 2];
        const double far = i % 2 ? 1e-9 : 1e-2;
        const ag_conv_options o = { .stride = { n[4], n[4] }, .padding = { 1, i / 2 % 3 } };
        const ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(2, n[0], n[2], n[3]), 0, 1)),
                        w = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(n[1], n[0], 3, 3), 0, 1)),
                        b = ag_randn(t, AG_F64, AG_SHAPE(n[1]), 0, 1);
        const ag_dtype d = i % 2 ? AG_F64 : AG_F32;
        const ag_tensor y = ag_conv2d(ag_cast(x, d), ag_cast(w, d), ag_cast(b, d), o);
        const ag_tensor sums = ag_add(by_taps(x, w, &o, ag_shape_of(y)), ag_reshape(b, AG_SHAPE(n[1], 1, 1)));
        const ag_tensor dy = ag_randn(t, AG_F64, ag_shape_of(y), 0, 1);
        expect_near(y, sums, far);
        expect_near(ag_vjp(y, ag_cast(dy, d), x), ag_vjp(sums, dy, x), far);
        expect_near(ag_vjp(y, ag_cast(dy, d), w), ag_vjp(sums, dy, w), far);
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* The convolution with w in dtype d and its derivative by x are those of the sums with `spread`, w with its dilation. */
static void expect_taps(ag_tensor x, ag_tensor w, ag_tensor spread, ag_conv_options o, ag_dtype d, double far)
{
    const ag_tensor y = ag_conv2d(ag_cast(x, d), ag_cast(w, d), absent, o),
                    sums = by_taps(x, spread, &o, ag_shape_of(y)), dy = ag_randn(x.tape, AG_F64, ag_shape_of(y), 0, 1);
    expect_near(y, sums, far);
    expect_near(ag_vjp(y, ag_cast(dy, d), x), ag_vjp(sums, dy, x), far);
}

/* Small planes with many outputs, of which each piece of work has those that the same taps reach: strides, dilations,
 * and places that no tap reaches, forward and back. */
static void small_planes_are_summed_by_classes(void **state)
{
    ag_tape *t = *state;
    const int64_t sizes[][6] = { /* channels, outputs, extent, kernel, stride, dilation */
                                 { 3, 128, 7, 3, 1, 1 },   { 130, 4, 5, 3, 1, 1 }, { 5, 130, 6, 2, 1, 2 },
                                 { 70, 257, 9, 3, 2, 1 },  { 64, 9, 14, 4, 2, 1 }, { 65, 3, 11, 1, 3, 1 },
                                 { 150, 140, 4, 3, 1, 1 }, { 20, 138, 7, 3, 1, 1 }
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        const int64_t *n = sizes[i / 2];
        const ag_dtype d = i % 2 ? AG_F64 : AG_F32;
        const double far = i % 2 ? 1e-10 : 1e-2;
        const ag_conv_options o = { .stride = { n[4], n[4] },
                                    .padding = { n[3] / 2, n[3] / 2 },
                                    .dilation = { n[5], n[5] } };
        const ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(5, n[0], n[2], n[2] - 1), 0, 1)),
                        k = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(n[1], n[0], n[3], n[3]), 0, 1));
        const int64_t wide = n[5] * (n[3] - 1) + 1; /* with zeros between its taps it is a longer kernel */
        const ag_tensor spread = ag_embed(ag_embed(k, 2, wide, 0, n[5]), 3, wide, 0, n[5]);
        expect_taps(x, k, spread, o, d, far);
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* Larger planes of many outputs have no zeros multiplied at their edges where results are not added to others, and are
 * summed alike where they are. In one to several pieces, channels all at once or not, with places whose taps go by turns. */
static void edges_are_summed_alike_where_they_are_added(void **state)
{
    ag_tape *t = *state;
    const int64_t sizes[][6] = { /* images, outputs, channels, high, wide, kernel */
                                 { 3, 64, 64, 14, 14, 3 },
                                 { 5, 80, 48, 12, 11, 3 },
                                 { 1, 160, 64, 9, 16, 3 },
                                 { 2, 64, 64, 36, 40, 7 }
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
        const int64_t *n = sizes[i / 2];
        const ag_dtype d = i % 2 ? AG_F64 : AG_F32;
        const ag_conv_options o = { .padding = { n[5] / 2, n[5] / 2 } };
        const ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(n[0], n[2], n[3], n[4]), 0, 1)),
                        w = ag_randn(t, AG_F64, AG_SHAPE(n[1], n[2], n[5], n[5]), 0, 1),
                        dy = ag_randn(t, d, AG_SHAPE(n[0], n[1], n[3], n[4]), 0, 1);
        const ag_tensor own = ag_require_grad(ag_cast(x, d)), kernel = ag_cast(w, d);
        const ag_tensor y = ag_conv2d(own, kernel, absent, o), once = ag_vjp(y, dy, own);
        const ag_tensor twice = ag_vjp(ag_add(y, ag_conv2d(own, kernel, absent, o)), dy, own);
        expect_near(ag_mul_scalar(once, 2), twice, i % 2 ? 1e-10 : 1e-3);
        if (d == AG_F32 && n[3] * n[4] < 200 && n[0] > 1) /* all channels at once: rounded alike */
            assert_memory_equal(ag_data(ag_mul_scalar(once, 2), d), ag_data(twice, d), ag_size_of(x) * sizeof(float));
        expect_near(y, by_taps(ag_cast(own, AG_F64), w, &o, ag_shape_of(y)), i % 2 ? 1e-10 : 1e-2);
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* A convolution in each of the ways there are to make one, on so many threads. */
static ag_tape *on_threads(int threads, ag_tensor out[12])
{
    static const int64_t sizes[4][4] = { { 64, 128, 7, 1 }, { 3, 32, 24, 1 }, { 32, 48, 15, 2 }, { 1, 1, 40, 1 } };
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = threads, .seed = 3 });
    for (int i = 0; i < 4; i++) {
        const int64_t *n = sizes[i];
        const ag_tensor x = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(25, n[0], n[2], n[2]), 0, 1)),
                        w = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(n[1], n[0], 3, 3), 0, 1));
        out[3 * i] = ag_conv2d(x, w, absent, (ag_conv_options){ .stride = { n[3], n[3] }, .padding = { 1, 1 } });
        const ag_tensor dy = ag_randn(t, AG_F32, ag_shape_of(out[3 * i]), 0, 1);
        out[3 * i + 1] = ag_vjp(out[3 * i], dy, x);
        out[3 * i + 2] = ag_vjp(out[3 * i], dy, w);
    }
    return t;
}

static void bits_do_not_depend_on_threads(void **state)
{
    ag_tensor one[12], two[12];
    ag_tape *a = on_threads(1, one), *b = on_threads(2, two);
    (void)state;
    for (int i = 0; i < 12; i++)
        assert_memory_equal(ag_data(one[i], AG_F32), ag_data(two[i], AG_F32), ag_size_of(one[i]) * sizeof(float));
    expect_fine(a);
    expect_fine(b);
    ag_tape_free(a);
    ag_tape_free(b);
}

/* What is left beside whole vectors of positions: of one to fifteen. */
static void planes_of_every_size_are_summed(void **state)
{
    ag_tape *t = *state;
    for (int64_t i = 0; i < 32; i++) {
        const int64_t high = 1 + 4 * (i / 16), wide = 1 + i % 16, size = i % 3 == 0 ? 2 : 3;
        const ag_conv_options o = { .padding = { size - 2, size - 2 } };
        const ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(2, 5, high + 1, wide + 1), 0, 1)),
                        w = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(17, 5, size, size), 0, 1));
        for (int k = 0; k < 2; k++) {
            const ag_dtype d = k ? AG_F64 : AG_F32;
            const double far = k ? 1e-11 : 1e-4;
            expect_taps(x, w, w, o, d, far);
        }
        ag_tape_reset(t);
    }
    expect_fine(t);
}

/* An infinite element reaches the taps that read it alone: the zeros between rows do not meet it. */
static void infinities_stay_where_they_belong(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(1, 2, 3), INFINITY, 1, 2, 3, 4, 5);
    ag_tensor w = ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 1, 1, 2), 1, 1));
    ag_tensor y = ag_conv2d(x, w, absent, plain);
    VALUES(y, AG_SHAPE(1, 2, 2), INFINITY, 3, 7, 9);
    VALUES(ag_vjp(y, ag_ones(t, AG_F64, AG_SHAPE(1, 2, 2)), w), AG_SHAPE(1, 1, 1, 2), INFINITY, 12);
}

/* Products of matrices make the derivative by a weight of many channels, and what is infinite in one is in no other. */
static void many_channels_are_each_by_itself(void **state)
{
    ag_tape *t = *state;
    const ag_conv_options options = { .stride = { 1, 2 }, .padding = { 1, 1 } };
    const int64_t channels[] = { 0, 3, 19 }, outputs[] = { 0, 40, 69 };
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(2, 20, 7, 9), 0, 1),
              w = ag_require_grad(counting(t, AG_SHAPE(70, 20, 3, 3)));
    const ag_tensor at = AG_VALUES(t, AG_SHAPE(4), 0, 3, 2, 4), place = ag_cast(at, AG_I64);
    x = ag_index_put(
        x, AG_LIST(ag_select(place, 0, 0), ag_select(place, 0, 1), ag_select(place, 0, 2), ag_select(place, 0, 3)),
        ag_constant(t, INFINITY), false);
    const ag_tensor y = ag_conv2d(x, w, absent, options), dy = ag_randn(t, AG_F64, ag_shape_of(y), 0, 1);
    const ag_tensor dw = ag_vjp(y, dy, w);
    for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
        for (size_t k = 0; k < ARRAY_SIZE(outputs); k++) {
            const int64_t c = channels[i], o = outputs[k];
            const ag_tensor own = ag_require_grad(ag_zeros(t, AG_F64, AG_SHAPE(1, 1, 3, 3)));
            const ag_tensor alone =
                ag_vjp(ag_conv2d(ag_slice(x, 1, c, c + 1, 1), own, absent, options), ag_slice(dy, 1, o, o + 1, 1), own);
            for (int64_t n = 0; n < 9; n++) {
                const double a = ag_item_at(alone, n), b = ag_item_at(dw, (o * 20 + c) * 9 + n);
                assert_true(a == b || fabs(a - b) < 1e-12 || (isnan(a) && isnan(b)));
                assert_int_equal(isfinite(b), c != 3 || isfinite(a));
            }
        }
    expect_fine(t);
}

static void pools_choose_the_first(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 2, 4), 1, 1, NAN, 5, 1, 0, NAN, 6));
    ag_placed p = ag_max_pool2d_with_indices(x, AG_SHAPE(2, 2), whole);
    VALUES(p.values, AG_SHAPE(1, 1, 2), 1, NAN);
    VALUES(ag_cast(p.indices, AG_F64), AG_SHAPE(1, 1, 2), 0, 6);
    GRADIENT(p.values, x, AG_SHAPE(1, 2, 4), 1, 0, 0, 0, 0, 0, 2, 0);
    VALUES(ag_avg_pool1d(AG_VALUES(t, AG_SHAPE(1, 3), 3, 6, 9), AG_SHAPE(2), (ag_pool_options){ .padding = { 1 } }),
           AG_SHAPE(1, 2), 1.5, 7.5);
    VALUES(ag_adaptive_avg_pool1d(AG_VALUES(t, AG_SHAPE(1, 3), 3, 6, 9), AG_SHAPE(2)), AG_SHAPE(1, 2), 4.5, 7.5);
    VALUES(ag_interpolate(AG_VALUES(t, AG_SHAPE(1, 1, 2), 0, 4),
                          (ag_interpolate_options){ .size = { 4 }, .mode = AG_LINEAR }),
           AG_SHAPE(1, 1, 4), 0, 1, 3, 4);
}

/* Of equals the first one is chosen, row by row, and the last NaN; parts of one extent or not. */
static void parts_choose_the_first(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 2, 5), 1, 1, NAN, 5, 1, 2, 2, NAN, 6, 7));
    ag_tensor y = ag_adaptive_max_pool2d(x, AG_SHAPE(1, 2));
    VALUES(y, AG_SHAPE(1, 1, 2), NAN, NAN);
    GRADIENT(y, x, AG_SHAPE(1, 2, 5), 0, 0, 0, 0, 0, 0, 0, 3, 0, 0);
    y = ag_adaptive_max_pool2d(x, AG_SHAPE(2, 5));
    GRADIENT(y, x, AG_SHAPE(1, 2, 5), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    x = ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 2, 6), 0, 3, 3, -INFINITY, -INFINITY, -INFINITY, 3, 0, 3, -INFINITY,
                                  -INFINITY, -INFINITY));
    y = ag_adaptive_max_pool2d(x, AG_SHAPE(1, 2));
    VALUES(y, AG_SHAPE(1, 1, 2), 3, -INFINITY);
    GRADIENT(y, x, AG_SHAPE(1, 2, 6), 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0);
    y = ag_adaptive_max_pool2d(x, AG_SHAPE(2, 3));
    GRADIENT(y, x, AG_SHAPE(1, 2, 6), 0, 1, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0);
}

/* What is a mean of all, or goes to all. */
static void planes_are_averaged(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 1, 3), 1, 2, 6, 3, 3, 9));
    VALUES(ag_adaptive_avg_pool2d(x, AG_SHAPE(1, 1)), AG_SHAPE(2, 1, 1), 3, 5);
    VALUES(ag_avg_pool2d(x, AG_SHAPE(1, 3), (ag_pool_options){ .divisor = 2 }), AG_SHAPE(2, 1, 1), 4.5, 7.5);
    GRADIENT(ag_avg_pool2d(x, AG_SHAPE(1, 3), (ag_pool_options){ .divisor = 2 }), x, AG_SHAPE(2, 1, 3), 0.5, 0.5, 0.5,
             1, 1, 1);
    x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 1, 1), 3, 5));
    VALUES(ag_adaptive_avg_pool2d(x, AG_SHAPE(1, 3)), AG_SHAPE(2, 1, 3), 3, 3, 3, 5, 5, 5);
    GRADIENT(ag_adaptive_avg_pool2d(x, AG_SHAPE(1, 3)), x, AG_SHAPE(2, 1, 1), 6, 15);
}

static void errors_say_what_does_not_fit(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3, 4, 5)), w = ag_ones(t, AG_F64, AG_SHAPE(6, 3, 3, 3));
    expect_failure(ag_conv2d(x, ag_ones(t, AG_F64, AG_SHAPE(6, 2, 3, 3)), absent, plain), t, AG_ESHAPE,
                   "ag_conv2d: [2,3,4,5] f64 and [6,2,3,3] f64: the input has 3 channels, but the weight is for 2");
    expect_failure(
        ag_conv2d(ag_movedim(x, 1, -1), w, absent, plain), t, AG_ESHAPE,
        "the input has 4 channels, but the weight is for 3; where they come last, ag_movedim(x, -1, -3) would "
        "fit");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .groups = 3 }), t, AG_ESHAPE,
                   "for 3 in each of 3 groups");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .groups = 4 }), t, AG_ESHAPE, "4 groups do not divide");
    expect_failure(
        ag_conv2d(x, w, absent, (ag_conv_options){ .dilation = { 2, 3 } }), t, AG_ESHAPE,
        "along axis -2 the extent would be (x + 2 padding - dilation (k - 1) - 1) / stride + 1 with x = 4, padding "
        "0, dilation 2 and k = 3");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .stride = { 2 } }), t, AG_EARG,
                   "stride has 1 entries above 0, but must have one for each of the 2 dimensions");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .padding = { 0, 0, 1 } }), t, AG_EARG, "there are 2");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .padding = { -1, 0 } }), t, AG_EARG, "padding[0] is -1");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .stride = { 2, 2 }, .mode = AG_CONV_SAME }), t, AG_EARG,
                   "AG_CONV_SAME goes with a stride of 1");
    expect_failure(ag_conv2d(x, w, ag_ones(t, AG_F64, AG_SHAPE(3)), plain), t, AG_ESHAPE, "the bias must be [6]");
    expect_failure(ag_conv2d(x, w, absent, (ag_conv_options){ .output_padding = { 1, 1 } }), t, AG_EARG, "transposed");
    expect_failure(ag_conv1d(x, w, absent, plain), t, AG_ESHAPE, "the input must be [n,c,l] or [c,l]");
    expect_failure(ag_conv_transpose2d(x, w, absent, plain), t, AG_ESHAPE, "has 3 channels, but the weight is for 6");
    expect_failure(ag_max_pool2d(x, AG_SHAPE(5, 1), whole), t, AG_ESHAPE, "which is longer than what it reads");
    expect_failure(ag_max_pool2d(x, AG_SHAPE(2), whole), t, AG_EARG, "the window has 1 extents, but must have 2");
    expect_failure(ag_max_pool2d(x, AG_SHAPE(2, 2), (ag_pool_options){ .padding = { 2, 0 } }), t, AG_EARG,
                   "at most half");
    expect_failure(ag_interpolate(x, (ag_interpolate_options){ .size = { 4 } }), t, AG_EARG,
                   "for dimension 1 of 2 one of size and scale must be given, not neither");
}

static void hear(void *user, ag_status status, const char *text)
{
    (void)status;
    *(int *)user += strstr(text, "ag_conv2d: the padding is 1 along the first of 2 dimensions and 0 along the") != NULL;
}

static void padding_of_one_dimension_is_warned_of(void **state)
{
    (void)state;
    int heard = 0;
    ag_tape *t = tape_with((ag_options){ .user = &heard, .on_warning = hear });
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(1, 4, 4)), w = ag_ones(t, AG_F64, AG_SHAPE(1, 1, 3, 3));
    ag_conv2d(x, w, absent, (ag_conv_options){ .padding = { 1, 1 } });
    ag_conv2d(x, w, absent, (ag_conv_options){ .padding = { 0, 1 } });
    ag_conv2d(x, ag_ones(t, AG_F64, AG_SHAPE(1, 1, 3, 1)), absent, (ag_conv_options){ .padding = { 1 } });
    ag_max_pool2d(x, AG_SHAPE(3, 1), (ag_pool_options){ .padding = { 1 } });
    assert_int_equal(heard, 0);
    for (int i = 0; i < 2; i++)
        ag_conv2d(x, w, absent, (ag_conv_options){ .padding = { 1 } });
    assert_int_equal(heard, 1);
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ones_are_counted),
        TEST(blocks_fit_together),
        TEST(sums_do_not_depend_on_how_they_are_made),
        TEST(small_planes_are_summed_by_classes),
        TEST(edges_are_summed_alike_where_they_are_added),
        TEST(bits_do_not_depend_on_threads),
        TEST(planes_of_every_size_are_summed),
        TEST(infinities_stay_where_they_belong),
        TEST(many_channels_are_each_by_itself),
        TEST(pools_choose_the_first),
        TEST(parts_choose_the_first),
        TEST(planes_are_averaged),
        TEST(errors_say_what_does_not_fit),
        TEST(padding_of_one_dimension_is_warned_of),
    };
    return cmocka_run_group_tests_name("convolution", tests, NULL, NULL);
}
