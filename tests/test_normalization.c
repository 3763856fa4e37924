/* Norms: numbers that are known, mistakes that are named, and rows so long or so many that sums in their own type would be
 * wrong. */
#include "support.h"

static const ag_layer_norm_options plain = { 0 };

/* ---- known in closed form */

static void rows_of_numbers_are_known(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 4), 1, 2, 3, 4, 7, 7, 7, 7), w = AG_VALUES(t, AG_SHAPE(4), 1, 2, 3, 4),
              b = AG_VALUES(t, AG_SHAPE(4), 10, 20, 30, 40);
    const double k = 1 / sqrt(1.25 + 1e-5), r = 1 / sqrt(7.5 + 0.25), q = 1 / sqrt(49.25);
    assert_values(ag_layer_norm(x, absent, absent, plain), -1.5 * k, -0.5 * k, 0.5 * k, 1.5 * k, 0, 0, 0, 0);
    assert_values(ag_layer_norm(x, w, b, plain), 10 - 1.5 * k, 20 - k, 30 + 1.5 * k, 40 + 6 * k, 10, 20, 30, 40);
    assert_values(ag_rms_norm(x, absent, (ag_layer_norm_options){ .eps = 0.25 }), r, 2 * r, 3 * r, 4 * r, 7 * q, 7 * q,
                  7 * q, 7 * q);
    assert_values(ag_rms_norm(AG_VALUES(t, AG_SHAPE(2), 3, 4), absent, plain), 3 / sqrt(12.5), 4 / sqrt(12.5));
    /* over both dimensions the mean is 4.75, the sum of squares 227 */
    const double k2 = 1 / sqrt(226.0 / 8 - 4.75 * 4.75 + 1e-5);
    assert_close(ag_item_at(ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .dims = 2 }), 0), -3.75 * k2,
                 1e-14);
    expect_fine(t);
    ag_tape_free(t);
}

/* A row (a, b) becomes (z, -z), z = d / sqrt(d^2 + eps) with d = (a - b) / 2, and dz/da = eps / (2 (d^2 + eps)^(3/2)). */
static void the_derivative_of_pairs_is_known(void **state)
{
    (void)state;
    for (double d = 1e-4; d < 100; d *= 7) {
        ag_tape *t = new_tape();
        const double eps = 0.01, slope = eps / (2 * pow(d * d + eps, 1.5));
        ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(1, 2), 5 + d, 5 - d)), dx = { 0 };
        ag_tensor y = ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .eps = eps });
        assert_int_equal(ag_gradients(ag_sum(ag_select(y, 1, 0)), AG_LIST(x), 0, &dx), AG_OK);
        assert_close(ag_item_at(dx, 0) / slope, 1, 1e-8 * (1 + d * d / eps));
        assert_close(ag_item_at(dx, 1) / slope, -1, 1e-8 * (1 + d * d / eps));
        ag_tape_free(t);
    }
}

/* Neither a shift nor, with eps so small, a scale of a row changes anything: both directions have no derivative. */
static void gradients_are_orthogonal_to_what_norms_take_away(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(5, 40), 3, 2)),
              g = ag_randn(t, AG_F64, AG_SHAPE(5, 40), 0, 1);
    ag_tensor dx[2] = { { 0 } }, y = ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .eps = 1e-30 });
    ag_gradients(ag_sum(ag_mul(y, g)), AG_LIST(x), 0, dx);
    assert_true(ag_item(ag_max(ag_abs(ag_sum_over(dx[0], AG_AXES(1), 0)))) < 1e-13);
    assert_true(ag_item(ag_max(ag_abs(ag_sum_over(ag_mul(dx[0], x), AG_AXES(1), 0)))) < 1e-13);
    y = ag_rms_norm(x, absent, (ag_layer_norm_options){ .eps = 1e-30 });
    ag_gradients(ag_sum(ag_mul(y, g)), AG_LIST(x), 0, dx);
    assert_true(ag_item(ag_max(ag_abs(ag_sum_over(ag_mul(dx[0], x), AG_AXES(1), 0)))) < 1e-13);
    expect_fine(t);
    ag_tape_free(t);
}

static void groups_are_rows(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(3, 6, 2, 5), 1, 2);
    ag_tensor rows = ag_layer_norm(ag_reshape(x, AG_SHAPE(9, 20)), absent, absent, plain);
    ag_tensor channels = ag_layer_norm(ag_reshape(x, AG_SHAPE(18, 10)), absent, absent, plain);
    ag_tensor g = ag_group_norm(x, 3, absent, absent, 0), i = ag_instance_norm(x, absent, absent, 0);
    assert_true(ag_item(ag_max(ag_abs(ag_sub(ag_reshape(g, AG_SHAPE(9, 20)), rows)))) == 0);
    assert_true(ag_item(ag_max(ag_abs(ag_sub(ag_reshape(i, AG_SHAPE(18, 10)), channels)))) == 0);
    assert_shape(ag_group_norm(ag_zeros(t, AG_F64, AG_SHAPE(0, 6, 2)), 2, absent, absent, 0), 0, 6, 2);
    assert_shape(ag_layer_norm(ag_zeros(t, AG_F64, AG_SHAPE(3, 0)), absent, absent, plain), 3, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void batches_have_the_statistics_that_are_known(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(4, 2), 1, 10, 2, 20, 3, 30, 6, 40);
    ag_tensor mean = AG_VALUES(t, AG_SHAPE(2), 1, 0), variance = AG_VALUES(t, AG_SHAPE(2), 2, 100);
    ag_batch_normed y = ag_batch_norm(x, mean, variance, absent, absent, (ag_batch_norm_options){ .training = true });
    assert_values(y.running_mean, 0.9 + 0.3, 2.5); /* means 3 and 25, sums of squares 14 and 500 */
    assert_values(y.running_var, 1.8 + 0.1 * 14 / 3, 90 + 0.1 * 500 / 3);
    const double k = 1 / sqrt(3.5 + 1e-5), l = 1 / sqrt(125 + 1e-5);
    assert_values(y.output, -2 * k, -15 * l, -k, -5 * l, 0, 5 * l, 3 * k, 15 * l);
    y = ag_batch_norm(x, mean, variance, absent, absent, (ag_batch_norm_options){ .eps = 0.25 });
    assert_close(ag_item_at(y.output, 6), 5 / 1.5, 1e-15);
    assert_true(same_handle(y.running_mean, mean) || ag_item_at(y.running_mean, 0) == 1);
    y = ag_batch_norm(x, absent, absent, absent, absent, (ag_batch_norm_options){ .training = true });
    assert_values(y.running_mean, 3, 25);
    assert_values(y.running_var, 14.0 / 3, 500.0 / 3);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- many numbers */

static void long_rows_far_from_zero_keep_their_deviation(void **state)
{
    (void)state;
    const int64_t n = slow() ? 300000 : 3000000;
    ag_tape *t = tape_with((ag_options){ .seed = 7, .threads = 2 });
    ag_tensor x = ag_randn(t, AG_F32, AG_SHAPE(1, n), 4096, 1), y = ag_layer_norm(x, absent, absent, plain);
    assert_close(ag_item(ag_mean(y)), 0, 1e-4);
    assert_close(ag_item(ag_mean(ag_square(y))), 1, 1e-4);
    ag_tensor z = ag_cast(x, AG_F64), exact = ag_layer_norm(z, absent, absent, plain);
    assert_true(ag_item(ag_max(ag_abs(ag_sub(ag_cast(y, AG_F64), exact)))) < 1e-5);
    expect_fine(t);
    ag_tape_free(t);
}

/* More rows than a float can count past: the gradient of a bias is their number. */
static void gradients_of_weights_are_sums_over_many_rows(void **state)
{
    (void)state;
    const int64_t n = slow() ? 100000 : 17000000;
    for (int threads = 1; threads <= 2; threads++) {
        ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = threads });
        ag_tensor x = ag_expand(AG_VALUES(t, AG_SHAPE(1, 2), -1, 1), AG_SHAPE(n, 2)), d[2] = { { 0 } };
        ag_tensor w = ag_require_grad(ag_ones(t, AG_F32, AG_SHAPE(2))),
                  b = ag_require_grad(ag_zeros(t, AG_F32, AG_SHAPE(2)));
        ag_tensor y = ag_layer_norm(x, w, b, (ag_layer_norm_options){ .eps = 1e-30 });
        assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(w, b), 0, d), AG_OK);
        for (int i = 0; i < 2; i++) {
            assert_close(ag_item_at(d[0], i), i ? (double)n : (double)-n, 1);
            assert_close(ag_item_at(d[1], i), (double)n, 1);
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

typedef ag_tensor norm_of(ag_tensor x, ag_tensor weight, ag_tensor bias);

static ag_tensor of_groups(ag_tensor x, ag_tensor weight, ag_tensor bias)
{
    return ag_group_norm(x, 2, weight, bias, 0);
}

static ag_tensor of_batches(ag_tensor x, ag_tensor weight, ag_tensor bias)
{
    return ag_batch_norm(x, absent, absent, weight, bias, (ag_batch_norm_options){ .training = true }).output;
}

static ag_tensor of_others(ag_tensor x, ag_tensor weight, ag_tensor bias)
{
    const ag_tensor mean = ag_cast(AG_VALUES(x.tape, AG_SHAPE(4), 4095, 4096, 4097, 4098), ag_dtype_of(x)),
                    variance = ag_cast(AG_VALUES(x.tape, AG_SHAPE(4), 0.5, 1, 2, 3), ag_dtype_of(x));
    return ag_batch_norm(x, mean, variance, weight, bias, (ag_batch_norm_options){ 0 }).output;
}

typedef struct passed { /* a value and its gradients */
    ag_tensor y[4];
} passed;

static passed pass(norm_of *norm, ag_tensor x, ag_tensor weight, ag_tensor bias, ag_tensor dy, ag_dtype d)
{
    const ag_tensor at[] = { ag_require_grad(ag_cast(x, d)), ag_require_grad(ag_cast(weight, d)),
                             ag_require_grad(ag_cast(bias, d)) };
    passed p = { { norm(at[0], at[1], at[2]) } };
    ag_gradients(ag_sum(ag_mul(p.y[0], ag_cast(dy, d))), (ag_list){ at, 3 }, 0, p.y + 1);
    return p;
}

static double furthest(ag_tensor a, ag_tensor b)
{
    const ag_tensor x = ag_cast(a, AG_F64), y = ag_cast(b, AG_F64);
    return ag_item(ag_max(ag_abs(ag_sub(x, y)))) / ag_item(ag_max(ag_abs(y)));
}

/* Runs of every length that is treated in a way of its own, far from zero: columns, vectors, slices, pieces. */
static void channels_far_from_zero_keep_their_deviation(void **state)
{
    (void)state;
    static norm_of *const norms[] = { of_groups, of_batches, of_others };
    static const ag_shape shapes[] = { { 2, { 130, 4 } },     { 3, { 33, 4, 5 } },   { 4, { 3, 4, 7, 7 } },
                                       { 3, { 3, 4, 12 } },   { 3, { 5, 4, 63 } },   { 3, { 3, 4, 100 } },
                                       { 3, { 3, 4, 1111 } }, { 3, { 2, 4, 5000 } }, { 3, { 1, 4, 40000 } } };
    ag_tape *t = tape_with((ag_options){ .seed = 3, .threads = 2 });
    for (size_t i = 0; i < ARRAY_SIZE(norms) * ARRAY_SIZE(shapes); i++) {
        norm_of *norm = norms[i % ARRAY_SIZE(norms)];
        ag_tensor x = ag_randn(t, AG_F32, shapes[i / ARRAY_SIZE(norms)], 4096, 1),
                  g = ag_randn(t, AG_F32, ag_shape_of(x), 0, 1), w = ag_randn(t, AG_F32, AG_SHAPE(4), 1, 0.2),
                  b = ag_randn(t, AG_F32, AG_SHAPE(4), 0, 1);
        const passed p = pass(norm, x, w, b, g, AG_F32), exact = pass(norm, x, w, b, g, AG_F64);
        for (int k = 0; k < 4; k++)
            assert_true(furthest(p.y[k], exact.y[k]) < 2e-6);
        expect_fine(t);
    }
    ag_tape_free(t);
}

static ag_tensor of_rows(ag_tensor x, ag_tensor weight, ag_tensor bias)
{
    return ag_layer_norm(x, weight, bias, plain);
}

/* What is left beside whole vectors of either type. */
static void rows_of_every_length_are_measured_and_written(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .seed = 5 });
    for (int64_t n = 5; n < 90; n++) {
        ag_tensor x = ag_randn(t, AG_F32, AG_SHAPE(3, n), 3, 1), g = ag_randn(t, AG_F32, AG_SHAPE(3, n), 0, 1),
                  w = ag_randn(t, AG_F32, AG_SHAPE(n), 1, 0.2), b = ag_randn(t, AG_F32, AG_SHAPE(n), 0, 1);
        const passed p = pass(of_rows, x, w, b, g, AG_F32), exact = pass(of_rows, x, w, b, g, AG_F64);
        for (int k = 0; k < 4; k++)
            assert_true(furthest(p.y[k], exact.y[k]) < 2e-6);
        const ag_tensor d = ag_cast(x, AG_F64), about = ag_sub(d, ag_mean_over(d, AG_AXES(1), AG_KEEPDIM)),
                        deviation =
                            ag_sqrt(ag_add_scalar(ag_mean_over(ag_square(about), AG_AXES(1), AG_KEEPDIM), 1e-5));
        const ag_tensor y = ag_layer_norm(d, absent, absent, plain);
        assert_true(furthest(y, ag_div(about, deviation)) < 1e-13);
        expect_fine(t);
    }
    ag_tape_free(t);
}

/* Rows of a page or more go back two at a time. */
static void long_rows_have_the_gradients_that_each_has_alone(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .seed = 6 });
    for (int64_t count = 1; count < 12; count++) {
        const int64_t n = 1024 + 7 * count;
        ag_tensor x = ag_randn(t, AG_F32, AG_SHAPE(count, n), 3, 1), g = ag_randn(t, AG_F32, AG_SHAPE(count, n), 0, 1),
                  w = ag_randn(t, AG_F32, AG_SHAPE(n), 1, 0.2), b = ag_randn(t, AG_F32, AG_SHAPE(n), 0, 1);
        const passed p = pass(of_rows, x, w, b, g, AG_F32);
        ag_tensor sums[2] = { ag_zeros(t, AG_F64, AG_SHAPE(n)), ag_zeros(t, AG_F64, AG_SHAPE(n)) };
        for (int64_t i = 0; i < count; i++) {
            const passed row = pass(of_rows, ag_slice(x, 0, i, i + 1, 1), w, b, ag_slice(g, 0, i, i + 1, 1), AG_F32);
            assert_true(ag_item(ag_all(ag_equal(row.y[1], ag_slice(p.y[1], 0, i, i + 1, 1)))));
            for (int k = 0; k < 2; k++)
                sums[k] = ag_add(sums[k], ag_cast(row.y[2 + k], AG_F64));
        }
        assert_true(furthest(p.y[2], sums[0]) < 1e-6 && furthest(p.y[3], sums[1]) < 1e-6);
        expect_fine(t);
    }
    ag_tape_free(t);
}

/* Groups of which there are fewer than threads are measured by all of them. */
static void norms_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    static norm_of *const norms[] = { of_groups, of_batches, of_others };
    static const ag_shape shapes[] = { { 2, { 3000, 4 } }, { 3, { 1, 4, 50000 } }, { 3, { 40, 4, 500 } } };
    for (size_t i = 0; i < ARRAY_SIZE(norms) * ARRAY_SIZE(shapes); i++) {
        double sums[2][4];
        for (int many = 0; many < 2; many++) {
            ag_tape *t = tape_with((ag_options){ .seed = 3, .threads = many ? 3 : 1 });
            ag_tensor x = ag_randn(t, AG_F32, shapes[i / ARRAY_SIZE(norms)], 5, 1),
                      g = ag_randn(t, AG_F32, ag_shape_of(x), 0, 1), w = ag_randn(t, AG_F32, AG_SHAPE(4), 1, 0.2),
                      b = ag_randn(t, AG_F32, AG_SHAPE(4), 0, 1);
            const passed p = pass(norms[i % ARRAY_SIZE(norms)], x, w, b, g, AG_F32);
            for (int k = 0; k < 4; k++)
                sums[many][k] = ag_item(ag_sum(ag_square(ag_cast(p.y[k], AG_F64))));
            expect_fine(t);
            ag_tape_free(t);
        }
        assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
    }
}

/* ---- messages */

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 6)), four = ag_ones(t, AG_F64, AG_SHAPE(4));
    ag_layer_norm(x, four, absent, plain);
    expect_error(t, AG_ESHAPE,
                 "ag_layer_norm: [2,6] f64 and [4] f64: weight and bias must have the last 1 extents of x");
    ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .dims = 3 });
    expect_error(t, AG_ESHAPE, "there are no 3 last dimensions");
    ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .eps = -1 });
    expect_error(t, AG_EARG, "eps is a number above 0, not -1");
    ag_rms_norm(ag_cast(x, AG_I64), absent, plain);
    expect_error(t, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
    ag_group_norm(x, 4, absent, absent, 0);
    expect_error(t, AG_EARG, "ag_group_norm: 6 channels are not 4 groups of one size");
    ag_group_norm(x, 0, absent, absent, 0);
    expect_error(t, AG_EARG, "ag_group_norm: 6 channels are not 0 groups of one size");
    ag_group_norm(x, 2, four, absent, 0);
    expect_error(t, AG_ESHAPE, "ag_group_norm: the weight is [4], and not [6], for each channel of x a number");
    ag_batch_norm(x, absent, absent, absent, four, (ag_batch_norm_options){ .training = true });
    expect_error(t, AG_ESHAPE, "ag_batch_norm: the bias is [4], and not [6], for each channel of x a number");
    ag_instance_norm(four, absent, absent, 0);
    expect_error(t, AG_ESHAPE, "ag_instance_norm: x must be [n,channels,..], not [4]");
    ag_batch_norm(x, absent, absent, absent, absent, (ag_batch_norm_options){ 0 });
    expect_error(t, AG_EARG, "there are no running statistics, which only training can do without");
    ag_batch_norm(ag_ones(t, AG_F64, AG_SHAPE(1, 6)), absent, absent, absent, absent,
                  (ag_batch_norm_options){ .training = true });
    expect_error(t, AG_EARG, "a channel has one number, which has no variance");
    ag_batch_norm(x, absent, absent, absent, absent, (ag_batch_norm_options){ .training = true, .momentum = 2 });
    expect_error(t, AG_EARG, "there is no eps 0, or no momentum 2");
    ag_tape_free(t);
}

/* With given statistics dx = k dy, whatever x is: in rows and in columns. */
static void given_statistics_do_not_read_x_on_the_way_back(void **state)
{
    (void)state;
    const ag_shape shapes[] = { AG_SHAPE(3, 2), AG_SHAPE(3, 2, 100) };
    ag_tape *t = new_tape();
    for (int i = 0; i < 2; i++) {
        const ag_tensor none = { 0 }, m = ag_zeros(t, AG_F64, AG_SHAPE(2)), v = ag_ones(t, AG_F64, AG_SHAPE(2));
        const ag_tensor x = ag_require_grad(ag_full(t, AG_F64, shapes[i], i ? NAN : INFINITY));
        ag_backward(ag_sum(ag_batch_norm(x, m, v, none, none, (ag_batch_norm_options){ .eps = 3 }).output));
        assert_true(ag_item_at(ag_grad(x), 1) == 0.5);
        ag_tape_reset(t);
    }
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_numbers_are_known),
        cmocka_unit_test(the_derivative_of_pairs_is_known),
        cmocka_unit_test(gradients_are_orthogonal_to_what_norms_take_away),
        cmocka_unit_test(groups_are_rows),
        cmocka_unit_test(batches_have_the_statistics_that_are_known),
        cmocka_unit_test(long_rows_far_from_zero_keep_their_deviation),
        cmocka_unit_test(gradients_of_weights_are_sums_over_many_rows),
        cmocka_unit_test(channels_far_from_zero_keep_their_deviation),
        cmocka_unit_test(rows_of_every_length_are_measured_and_written),
        cmocka_unit_test(long_rows_have_the_gradients_that_each_has_alone),
        cmocka_unit_test(norms_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(given_statistics_do_not_read_x_on_the_way_back),
        cmocka_unit_test(what_does_not_fit_is_said),
    };
    return cmocka_run_group_tests_name("normalization", tests, NULL, NULL);
}
