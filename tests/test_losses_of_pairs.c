/* Losses of pairs of elements and of rows: their sums and the derivatives of both sides have loops of their own, and end
 * within a block. */
#include "support.h"

static void expect_close(double got, double wanted, double relative)
{
    if (!(fabs(got - wanted) <= relative * (1 + fabs(wanted))))
        fail_msg("%.17g, expected %.17g", got, wanted);
}

static void expect_equal_tensors(ag_tensor a, ag_tensor b)
{
    const ag_dtype d = ag_dtype_of(a);
    assert_memory_equal(ag_data(a, d), ag_data(b, d), (size_t)ag_size_of(a) * ag_dtype_size(d));
}

static ag_tensor hinge_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_hinge(a, b, 0.7, r);
}
static ag_tensor huber_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_huber(a, b, 0.7, r);
}
static ag_tensor smooth_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_smooth_l1(a, b, 0.7, r);
}
static ag_tensor poisson_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_poisson_nll(a, b, (ag_poisson_options){ .reduce = r });
}
static ag_tensor gaussian_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_gaussian_nll(a, ag_zeros(a.tape, ag_dtype_of(a), AG_SHAPE(1)), b, (ag_gaussian_options){ .reduce = r });
}
static ag_tensor kl_of(ag_tensor a, ag_tensor b, ag_reduce r)
{
    return ag_kl_div(a, b, true, r);
}

static ag_tensor (*const of_pairs[])(ag_tensor, ag_tensor, ag_reduce) = { ag_mse_with, ag_l1,       huber_of,
                                                                          smooth_of,   hinge_of,    ag_soft_margin,
                                                                          poisson_of,  gaussian_of, kl_of };
static const int64_t lengths[] = { 1, 15, 511, 512, 530, 8192, 8192 + 512 + 7 };

static void a_sum_of_losses_is_that_of_the_elements(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(of_pairs) * ARRAY_SIZE(lengths) * 2; i++) {
        const int64_t n = lengths[i / 2 % ARRAY_SIZE(lengths)];
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor a = ag_randn(t, d, AG_SHAPE(n), 0, 2), b = ag_rand(t, d, AG_SHAPE(n), 0, 3);
        ag_tensor (*const loss)(ag_tensor, ag_tensor, ag_reduce) = of_pairs[i / 2 / ARRAY_SIZE(lengths)];
        const double sum = ag_item(ag_sum(ag_cast(loss(a, b, AG_REDUCE_NONE), AG_F64)));
        expect_close(ag_item(loss(a, b, AG_REDUCE_SUM)), sum, d == AG_F32 ? 5e-7 : 1e-14);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void both_derivatives_of_a_loss_are_each_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(of_pairs) * ARRAY_SIZE(lengths) * 4; i++) {
        const int64_t n = lengths[i / 4 % ARRAY_SIZE(lengths)];
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor a = ag_require_grad(ag_randn(t, d, AG_SHAPE(n), 0, 2));
        const ag_tensor b = ag_require_grad(ag_rand(t, d, AG_SHAPE(n), 0, 3));
        const ag_reduce r = i % 4 < 2 ? AG_REDUCE_MEAN : AG_REDUCE_NONE;
        const ag_tensor y = ag_sum(of_pairs[i / 4 / ARRAY_SIZE(lengths)](a, b, r));
        ag_tensor both[2], one[2];
        ag_gradients(y, AG_LIST(a, b), 0, both);
        ag_gradients(y, AG_LIST(a), 0, &one[0]);
        ag_gradients(y, AG_LIST(b), 0, &one[1]);
        for (int side = 0; side < 2; side++)
            assert_memory_equal(ag_data(both[side], d), ag_data(one[side], d), (size_t)n * ag_dtype_size(d));
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Slopes that a loss of few logits leaves for the way back are those that it computes there, in repeated steps too. */
static void slopes_that_are_carried_are_those_that_are_computed(void **state)
{
    (void)state;
    const int64_t sizes[] = { 0, 1, 17, 513, 1000, 8192, 8193 };
    for (size_t i = 0; i < ARRAY_SIZE(sizes) * 4; i++) {
        const int64_t n = sizes[i / 4];
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor z = ag_param(ag_randn(t, d, AG_SHAPE(n), 0, 4), "z"), y = ag_rand(t, d, AG_SHAPE(n), 0, 1);
        const ag_tensor targets = i % 4 < 2 ? ag_buffer(y, "y") : ag_param(y, "y");
        for (int step = 0; step < 8; step++) {
            ag_tape_reset(t);
            const ag_tensor x = ag_mul_scalar(z, 1 + step); /* other logits each time, at the same place */
            ag_tensor got;
            ag_no_grad_begin(t);
            const double value = n ? ag_item(ag_bce_logits(x, targets)) : 0;
            ag_no_grad_end(t);
            const ag_tensor loss = ag_bce_logits(x, targets);
            assert_true(!n || ag_item(loss) == value);
            ag_gradients(loss, AG_LIST(z), 0, &got);
            const ag_tensor each = ag_bce_logits_with(x, targets, (ag_tensor){ 0 }, (ag_tensor){ 0 }, AG_REDUCE_NONE);
            expect_equal_tensors(got, ag_vjp(each, ag_full(t, d, AG_SHAPE(n), 1 / (double)n), z));
            ag_backward(loss);
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* One that is not even a normal number spoils no product of the others. */
static void variances_of_all_sizes_have_a_logarithm(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double given[][3] = { { 1e-40, 1, 2 }, { 3e38, 3e38, 3e38 }, { 1.2e-38, 1e-38, 1 }, { INFINITY, 1, 1 } };
    for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
        const ag_tensor v = ag_cast(ag_values(t, AG_SHAPE(3), given[i], 3), AG_F32);
        const double got = ag_item(gaussian_of(ag_zeros(t, AG_F32, AG_SHAPE(3)), v, AG_REDUCE_SUM));
        const double least = 1e-6, wanted = 0.5 * (log(fmax(given[i][0], least)) + log(fmax(given[i][1], least)) +
                                                   log(fmax(given[i][2], least)));
        assert_true(isinf(wanted) ? got == wanted : fabs(got - wanted) < 1e-6 * (1 + fabs(wanted)));
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* Of one number, of one for each row, short and long, and of a row: in blocks, and where these end. */
static void a_variance_that_repeats_is_as_one_that_is_written_out(void **state)
{
    (void)state;
    const ag_shape shapes[][2] = { { AG_DIMS(9001), AG_DIMS(1) },
                                   { AG_DIMS(3, 7), AG_DIMS(3, 1) },
                                   { AG_DIMS(2000, 7), AG_DIMS(2000, 1) },
                                   { AG_DIMS(2000, 7), AG_DIMS(1, 7) },
                                   { AG_DIMS(30, 700), AG_DIMS(30, 1) },
                                   { AG_DIMS(30, 700), AG_DIMS(1, 700) },
                                   { AG_DIMS(5, 40, 60), AG_DIMS(1, 40, 1) },
                                   { AG_DIMS(600), { 0, { 0 } } } };
    for (size_t i = 0; i < ARRAY_SIZE(shapes) * 4; i++) {
        const ag_shape s = shapes[i / 4][0];
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor m = ag_require_grad(ag_randn(t, d, s, 0, 1)), y = ag_require_grad(ag_randn(t, d, s, 0, 1));
        const ag_tensor v = ag_require_grad(ag_rand(t, d, shapes[i / 4][1], 0, 2));
        const ag_tensor written = ag_add(ag_expand(v, s), ag_zeros(t, d, s));
        const ag_gaussian_options o = { .reduce = i % 4 < 2 ? AG_REDUCE_MEAN : AG_REDUCE_NONE, .eps = 0.1 };
        const ag_tensor loss[] = { ag_gaussian_nll(m, y, v, o), ag_gaussian_nll(m, y, written, o) };
        expect_equal_tensors(loss[0], loss[1]);
        ag_tensor dx[2][3];
        for (int k = 0; k < 2; k++)
            ag_gradients(ag_sum(ag_mul(loss[k], loss[k])), AG_LIST(m, y, v), 0, dx[k]);
        for (int k = 0; k < 3; k++)
            expect_equal_tensors(dx[0][k], dx[1][k]);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void a_variance_below_0_is_found_wherever_it_is(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 20000; at += 6661) {
        ag_tape *t = tape_with((ag_options){ .threads = 2 });
        const ag_tensor x = ag_zeros(t, AG_F32, AG_SHAPE(20000));
        const ag_tensor v = ag_buffer(ag_ones(t, AG_F32, AG_SHAPE(20000)), "v");
        ((float *)ag_write(v, AG_F32))[at] = -2;
        char message[80];
        snprintf(message, sizeof message, "the variance of element %lld is -2, and must not", (long long)at);
        gaussian_of(x, v, at % 2 ? AG_REDUCE_MEAN : AG_REDUCE_NONE);
        expect_error(t, AG_EARG, message);
        ag_tape_free(t);
    }
}

/* ---- distances and cosines of rows */

static ag_tensor of_rows(size_t i, ag_tensor a, ag_tensor b)
{
    const double p[] = { 0, 1, 2, 3, INFINITY };
    return i < ARRAY_SIZE(p) ? ag_pairwise_distance(a, b, p[i], 1e-6, 0) : ag_cosine_similarity(a, b, -1, 1e-8);
}

static void both_derivatives_of_rows_are_each_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < 6 * 4; i++) {
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        const ag_shape s = i % 4 < 2 ? AG_SHAPE(3, 5) : AG_SHAPE(7, 700);
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor a = ag_param(ag_randn(t, d, s, 0, 2), "a"), b = ag_param(ag_randn(t, d, s, 0, 2), "b");
        const ag_tensor w = ag_buffer(ag_randn(t, d, AG_SHAPE(s.dim[0]), 0, 1), "w");
        const size_t bytes = (size_t)ag_size_of(a) * ag_dtype_size(d);
        const ag_tensor y = ag_sum(ag_mul(of_rows(i / 4, a, b), w));
        ag_tensor both[2], one[2];
        ag_gradients(y, AG_LIST(a, b), 0, both);
        ag_gradients(y, AG_LIST(a), 0, &one[0]);
        ag_gradients(y, AG_LIST(b), 0, &one[1]);
        for (int side = 0; side < 2; side++)
            assert_memory_equal(ag_data(both[side], d), ag_data(one[side], d), bytes);
        ag_backward(y); /* and added, where something is there */
        ag_backward(ag_sum(ag_mul(of_rows(i / 4, a, b), w)));
        for (int64_t k = 0; k < ag_size_of(a); k++)
            expect_close(ag_item_at(ag_grad(a), k), 2 * ag_item_at(both[0], k), 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void the_largest_difference_of_rows_with_a_nan_is_one(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int64_t at = 0; at < 70; at += 23) {
        const ag_tensor a = ag_buffer(ag_zeros(t, AG_F32, AG_SHAPE(70)), "a");
        ((float *)ag_write(a, AG_F32))[at] = NAN;
        assert_true(isnan(ag_item(ag_pairwise_distance(a, ag_ones(t, AG_F32, AG_SHAPE(70)), INFINITY, 0, 0))));
    }
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_of_losses_is_that_of_the_elements),
        cmocka_unit_test(both_derivatives_of_a_loss_are_each_by_itself),
        cmocka_unit_test(slopes_that_are_carried_are_those_that_are_computed),
        cmocka_unit_test(variances_of_all_sizes_have_a_logarithm),
        cmocka_unit_test(a_variance_that_repeats_is_as_one_that_is_written_out),
        cmocka_unit_test(a_variance_below_0_is_found_wherever_it_is),
        cmocka_unit_test(both_derivatives_of_rows_are_each_by_itself),
        cmocka_unit_test(the_largest_difference_of_rows_with_a_nan_is_one),
    };
    return cmocka_run_group_tests_name("losses of pairs", tests, NULL, NULL);
}
