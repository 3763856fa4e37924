/* Softmax and its like down columns: what they are along rows, however many lie side by side. */
#include "tests/values.h"

static ag_tensor logsumexp_of(ag_tensor x, int axis)
{
    return ag_logsumexp(x, AG_AXES(axis), AG_KEEPDIM);
}

static ag_tensor (*const ops[])(ag_tensor, int) = { ag_softmax, ag_log_softmax, logsumexp_of };
static const struct {
    int64_t outer, n, inner;
    double mean, deviation; /* what is subtracted in front of exponentials depends on the largest */
} cases[] = { { 1, 1, 3, 0, 2 },    { 2, 5, 40, 0, 3 },    { 3, 9, 515, 1, 2 },     { 1, 6, 2051, -300, 2 },
              { 1, 7, 130, 90, 3 }, { 2, 300, 17, -5, 9 }, { 1, 4, 1100, 0, 1e-3 }, { 5, 3, 2, 0, 200 },
              { 1, 200, 40, 0, 3 }, { 1, 130, 70, -9, 1 }, { 1, 200, 600, 40, 8 },  { 2, 1500, 3, -300, 20 } };

static void expect_near(ag_tensor a, ag_tensor b, double bound)
{
    const ag_tensor x = ag_cast(a, AG_F64), y = ag_cast(b, AG_F64);
    const int64_t n = ag_size_of(x);
    assert_int_equal(n, ag_size_of(y));
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(ag_item_at(x, i) - ag_item_at(y, i)) <= bound * (1 + fabs(ag_item_at(y, i)))))
            fail_msg("element %lld is %.17g, not %.17g", (long long)i, ag_item_at(x, i), ag_item_at(y, i));
}

static void columns_are_rows_that_lie_turned(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(cases) * ARRAY_SIZE(ops) * 2; k++) {
        const ag_dtype d = k % 2 ? AG_F32 : AG_F64;
        const size_t i = k / 2 % ARRAY_SIZE(cases), o = k / 2 / ARRAY_SIZE(cases);
        const ag_shape s = AG_SHAPE(cases[i].outer, cases[i].n, cases[i].inner);
        ag_tape *t = tape_with((ag_options){ .seed = k, .threads = 1 });
        const ag_tensor x = ag_require_grad(ag_randn(t, d, s, cases[i].mean, cases[i].deviation));
        const ag_tensor turned = ag_require_grad(ag_detach(ag_mul_scalar(ag_transpose(x, 1, 2), 1)));
        const ag_tensor y = ops[o](x, 1), z = ag_transpose(ops[o](turned, 2), 1, 2);
        const ag_tensor dy = ag_randn(t, d, ag_shape_of(y), 0, 1);
        const double bound = d == AG_F32 ? 2e-5 : 1e-13;
        ag_tensor dx, dz;
        expect_near(y, z, bound);
        ag_gradients(ag_sum(ag_mul(y, dy)), AG_LIST(x), 0, &dx);
        ag_gradients(ag_sum(ag_mul(z, dy)), AG_LIST(turned), 0, &dz);
        expect_near(dx, ag_transpose(dz, 1, 2), bound);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* One after the other, so that what was the largest is rest many times, in a row or a column among others. */
static void what_rises_is_a_geometric_series(void **state)
{
    enum { N = 1500, M = 70 };
    ag_tape *t = *state;
    static double values[N * M];
    const double first[] = { -700, -50, -2, 0, 60, 1e6 };
    for (size_t k = 0; k < ARRAY_SIZE(first) * 4; k++) {
        const ag_dtype d = k % 2 ? AG_F32 : AG_F64;
        const bool row = k / 2 % 2;
        const double step = 0.125, q = exp(-step), sum = (1 - exp(-step * N)) / (1 - q);
        for (int i = 0; i < N * M; i++)
            values[i] = row || i % M == 3 ? first[k / 4] + step * (row ? i % N : i / M) : 1;
        const ag_tensor x = ag_cast(ag_values(t, row ? AG_SHAPE(M, N) : AG_SHAPE(N, M), values, N * M), d);
        const double bound = d == AG_F32 ? 1e-6 : 1e-14, most = first[k / 4] + step * (N - 1);
        const ag_tensor all = ag_logsumexp(x, AG_AXES(row ? 1 : 0), 0), y = ag_softmax(x, row ? 1 : 0),
                        z = ag_log_softmax(x, row ? 1 : 0);
        assert_close(ag_item_at(all, 3) / (most + log(sum)), 1, bound);
        for (int i = N - 400; i < N; i += 57) {
            const int at = row ? 3 * N + i : i * M + 3;
            assert_close(ag_item_at(y, at) * sum / exp(-step * (N - 1 - i)), 1, 10 * bound);
            assert_close(ag_item_at(z, at) / (-step * (N - 1 - i) - log(sum)), 1, bound);
        }
        expect_fine(t);
        ag_tape_reset(t);
    }
}

/* Beside others of which nothing is, and far below. */
static void an_infinite_column_is_told_by_its_sum(void **state)
{
    enum { N = 140, M = 40 };
    ag_tape *t = *state;
    static double values[N * M];
    for (int i = 0; i < N * M; i++)
        values[i] = i % M == 1 ? (i / M == 99 ? INFINITY : 500) : i % M == 2 ? -INFINITY : i % M == 3 ? -1 : 1;
    for (int way = 0; way < 4; way++) {
        const ag_tensor x = ag_cast(ag_values(t, AG_SHAPE(N, M), values, N * M), way % 2 ? AG_F32 : AG_F64);
        const ag_tensor y = ag_logsumexp(way / 2 ? ag_transpose(x, 0, 1) : x, AG_AXES(way / 2), 0);
        assert_true(ag_item_at(y, 1) == INFINITY && ag_item_at(y, 2) == -INFINITY);
        assert_close(ag_item_at(y, 3), log(N) - 1, 1e-6);
        assert_close(ag_item_at(y, 4), log(N) + 1, 1e-6);
        expect_fine(t);
    }
}

static void their_bits_depend_on_no_number_of_threads(void **state)
{
    (void)state;
    for (size_t o = 0; o < ARRAY_SIZE(ops) * 2; o++) {
        const ag_dtype d = o % 2 ? AG_F32 : AG_F64;
        const size_t bytes = (size_t)(300 * 2300) * ag_dtype_size(d);
        char *first = malloc(2 * bytes);
        size_t size = 0;
        assert_non_null(first);
        for (int threads = 1; threads <= 3; threads++) {
            ag_tape *t = tape_with((ag_options){ .seed = o, .threads = threads });
            const ag_tensor x = ag_require_grad(ag_randn(t, d, AG_SHAPE(300, 2300), 0, 2));
            const ag_tensor y = ops[o / 2](x, 0);
            ag_backward(ag_sum(ag_square(y)));
            size = (size_t)ag_size_of(y) * ag_dtype_size(d);
            if (threads > 1) {
                assert_memory_equal(ag_data(y, d), first, size);
                assert_memory_equal(ag_data(ag_grad(x), d), first + bytes, bytes);
            }
            memcpy(first, ag_data(y, d), size);
            memcpy(first + bytes, ag_data(ag_grad(x), d), bytes);
            expect_fine(t);
            ag_tape_free(t);
        }
        free(first);
    }
}

/* A gradient that is there is added to. */
static void what_arrives_is_added(void **state)
{
    (void)state;
    for (size_t o = 0; o < ARRAY_SIZE(ops); o++) {
        ag_tape *t = new_tape();
        const ag_tensor x = ag_param(ag_randn(t, AG_F64, AG_SHAPE(6, 700), 0, 2), "x");
        const ag_tensor w = ag_buffer(ag_randn(t, AG_F64, AG_SHAPE(6, 700), 0, 2), "w");
        ag_backward(ag_sum(ag_mul(ops[o](x, 0), w)));
        const ag_tensor once = ag_buffer(ag_mul_scalar(ag_grad(x), 2), "once");
        ag_backward(ag_sum(ag_mul(ops[o](x, 0), w)));
        expect_near(ag_grad(x), once, 1e-14);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Its last bits are any: those of memory that was filled with ones, of a cast, of a file. */
static void no_number_stays_none_whatever_its_bits(void **state)
{
    static const uint64_t bits[] = { 0x7ff8000000000000, 0xfff8000000000000, 0x7ff8000000000001, 0xffffffffffffffff,
                                     0x7ff80055aaffffff };
    ag_tape *t = *state;
    for (size_t k = 0; k < 2 * ARRAY_SIZE(bits); k++) {
        const bool f32 = k % 2;
        const uint32_t half = (uint32_t)(bits[k / 2] >> 32) | (uint32_t)(bits[k / 2] & 0xfffff);
        double wide[12] = { 0 };
        float narrow[12] = { 0 };
        memcpy(&wide[5], &bits[k / 2], sizeof wide[5]);
        memcpy(&narrow[5], &half, sizeof narrow[5]);
        const ag_tensor x = f32 ? ag_from(t, AG_F32, AG_SHAPE(4, 3), narrow, sizeof narrow)
                                : ag_from(t, AG_F64, AG_SHAPE(4, 3), wide, sizeof wide);
        for (int axis = 0; axis < 2; axis++)
            for (size_t o = 0; o < ARRAY_SIZE(ops); o++)
                assert_true(isnan(ag_item(ag_sum(ops[o](x, axis)))));
        const ag_tensor a = ag_require_grad(x), b = ag_require_grad(x);
        ag_backward(ag_add(ag_cross_entropy(a, ag_zeros(t, AG_I64, AG_SHAPE(4))),
                           ag_bce_logits(b, ag_zeros(t, ag_dtype_of(x), AG_SHAPE(4, 3)))));
        assert_true(isnan(ag_item_at(ag_grad(a), 5)) && isnan(ag_item_at(ag_grad(b), 5)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_rows_that_lie_turned),
        TEST(what_rises_is_a_geometric_series),
        TEST(an_infinite_column_is_told_by_its_sum),
        cmocka_unit_test(their_bits_depend_on_no_number_of_threads),
        cmocka_unit_test(what_arrives_is_added),
        TEST(no_number_stays_none_whatever_its_bits),
    };
    return cmocka_run_group_tests_name("softmax down columns", tests, NULL, NULL);
}
