/* Reductions of few elements each, many of which are made together, beside the same by other means. */
#include "support.h"

/* Outer, reduced and inner extents. */
static const int64_t extents[][3] = { { 2, 2, 1 },    { 700, 10, 1 }, { 40, 16, 1 }, { 9, 17, 1 },  { 300, 2, 3 },
                                      { 1000, 2, 3 }, { 90, 8, 8 },   { 3, 5, 15 },  { 70, 3, 16 }, { 131, 4, 20 },
                                      { 5, 30, 33 },  { 2, 64, 64 },  { 1, 3, 5 },   { 200, 1, 7 }, { 67, 40, 2 } };

/* Whole numbers, of which many are equal; every 50th is none. */
static ag_tensor numbers(ag_tape *t, ag_dtype d, const int64_t *n, bool ties)
{
    ag_tensor x = ag_randn(t, d, AG_SHAPE(n[0], n[1], n[2]), 0, ties ? 1 : 1000);
    if (!ties)
        return ag_require_grad(x);
    const ag_tensor strange = ag_less(ag_rand(t, d, AG_SHAPE(n[0], n[1], n[2]), 0, 1), ag_constant(t, 0.02));
    return ag_require_grad(ag_where(strange, ag_cast(ag_constant(t, NAN), d), ag_round(x)));
}

static bool takes(double v, double top)
{
    return v == top || isnan(v);
}

static void expect_shares(ag_tape *t, ag_tensor x, ag_tensor y, ag_tensor dy)
{
    const int64_t outer = ag_shape_of(x).dim[0], n = ag_shape_of(x).dim[1], inner = ag_shape_of(x).dim[2];
    const bool single = ag_dtype_of(x) == AG_F32;
    const ag_tensor dx = ag_vjp(y, dy, x);
    for (int64_t r = 0; r < outer * inner; r++) {
        const int64_t first = r / inner * n * inner + r % inner;
        const double top = ag_item_at(y, r);
        int takers = 0;
        for (int64_t j = 0; j < n; j++)
            takers += takes(ag_item_at(x, first + j * inner), top);
        const double share = ag_item_at(dy, r) / takers, rounded = single ? (double)(float)share : share;
        for (int64_t j = 0; j < n; j++)
            assert_true(ag_item_at(dx, first + j * inner) ==
                        (takes(ag_item_at(x, first + j * inner), top) ? rounded : 0));
    }
    expect_fine(t);
}

static void extremes_of_few_share_their_gradient(void **state)
{
    (void)state;
    for (size_t way = 0; way < ARRAY_SIZE(extents) * 8; way++) {
        ag_tape *t = tape_with((ag_options){ .seed = way, .threads = 1 + way % 2 });
        const ag_tensor x = numbers(t, way / 2 % 2 ? AG_F32 : AG_F64, extents[way / 8], way / 4 % 2);
        const ag_tensor y = way % 3 ? ag_max_over(x, AG_AXES(1), 0) : ag_min_over(x, AG_AXES(1), 0);
        expect_shares(t, x, y, ag_randn(t, ag_dtype_of(x), ag_shape_of(y), 0, 1));
        ag_tape_free(t);
    }
}

/* Is element k of x, of those in its line, further out than the j-th? */
static bool further(ag_tensor x, int64_t k, int64_t j, bool largest)
{
    const double a = ag_item_at(x, k), b = ag_item_at(x, j);
    return isnan(a) ? !isnan(b) : largest ? a > b : a < b;
}

/* Counted along its line of n elements, `inner` apart. */
static int64_t first_extreme(ag_tensor x, int64_t first, int64_t n, int64_t inner, bool largest)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (further(x, first + i * inner, first + at * inner, largest))
            at = i;
    return at;
}

static void places_of_few_are_the_first_ones(void **state)
{
    (void)state;
    static const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I64, AG_I32, AG_U8 };
    for (size_t way = 0; way < ARRAY_SIZE(extents) * 10; way++) {
        const int64_t *n = extents[way / 10];
        const bool largest = way % 2;
        const ag_dtype d = dtypes[way / 2 % 5];
        ag_tape *t = tape_with((ag_options){ .seed = way, .threads = 1 + way / 2 % 2 });
        const ag_tensor whole = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(n[0], n[1], n[2]), 0, 9)),
                        x = d == AG_F32 || d == AG_F64 ? numbers(t, d, n, true) : ag_cast(whole, d);
        const ag_tensor place = largest ? ag_argmax(x, 1) : ag_argmin(x, 1);
        const ag_placed both = d != AG_F32 && d != AG_F64 ? (ag_placed){ 0 }
                               : largest                  ? ag_max_along(x, 1)
                                                          : ag_min_along(x, 1);
        for (int64_t r = 0; r < n[0] * n[2]; r++) {
            const int64_t first = r / n[2] * n[1] * n[2] + r % n[2];
            const int64_t at = first_extreme(x, first, n[1], n[2], largest);
            assert_int_equal((int64_t)ag_item_at(place, r), at);
            if (both.values.tape) {
                assert_int_equal((int64_t)ag_item_at(both.indices, r), at);
                const double value = ag_item_at(both.values, r), wanted = ag_item_at(x, first + at * n[2]);
                assert_true(value == wanted || (isnan(value) && isnan(wanted)));
            }
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Of whole numbers, whose sums are exact in any order. */
static void sums_of_few_rows_are_exact(void **state)
{
    (void)state;
    static const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I64, AG_I32, AG_U8 };
    for (size_t way = 0; way < ARRAY_SIZE(extents) * 20; way++) {
        const int64_t *n = extents[way / 20];
        ag_tape *t = tape_with((ag_options){ .seed = way, .threads = 1 + way % 2 });
        ag_tensor x = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(n[0], n[1], n[2] + 2), 0, 200));
        x = ag_cast(way / 2 % 2 ? ag_slice(x, 2, 1, -1, 1) : ag_slice(x, 2, 0, n[2], 1), dtypes[way / 4 % 5]);
        const ag_tensor y = ag_sum_over(x, AG_AXES(1), AG_KEEPDIM), sum = ag_sum_over(x, AG_AXES(1), 0),
                        scaled = way / 4 % 5 < 2 ? ag_mean_over(x, AG_AXES(1), 0) : sum;
        const double divisor = way / 4 % 5 < 2 ? (double)n[1] : 1;
        for (int64_t r = 0; r < n[0] * n[2]; r++) {
            double total = 0;
            for (int64_t j = 0; j < n[1]; j++)
                total += ag_item_at(x, r / n[2] * n[1] * n[2] + j * n[2] + r % n[2]);
            assert_true(ag_item_at(y, r) == total && ag_item_at(sum, r) == total);
            assert_close(ag_item_at(scaled, r), total / divisor, 1e-4);
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* However these lie: the same once more, and from the last one on. */
static void sums_of_few_rows_are_rounded_alike(void **state)
{
    (void)state;
    for (int64_t way = 0; way < 4 * 50; way++) {
        const int64_t rows = 2 + way / 4, columns = 1 + way * 7 % 60;
        ag_tape *t = tape_with((ag_options){ .seed = (uint64_t)way, .threads = 1 });
        const ag_tensor x = ag_randn(t, way % 2 ? AG_F32 : AG_F64, AG_SHAPE(9, rows, columns), 0, 1),
                        sum = ag_sum_over(x, AG_AXES(1), 0), one = ag_slice(x, 0, 4, 5, 1);
        const ag_tensor repeated = ag_sum_over(ag_expand(one, ag_shape_of(x)), AG_AXES(1), 0),
                        turned = ag_sum_over(ag_flip(x, AG_AXES(0)), AG_AXES(1), 0);
        for (int64_t i = 0; i < 9 * columns; i++) {
            assert_true(ag_item_at(repeated, i) == ag_item_at(sum, 4 * columns + i % columns));
            assert_true(ag_item_at(turned, i) == ag_item_at(sum, (8 - i / columns) * columns + i % columns));
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(extremes_of_few_share_their_gradient),
                                        cmocka_unit_test(places_of_few_are_the_first_ones),
                                        cmocka_unit_test(sums_of_few_rows_are_exact),
                                        cmocka_unit_test(sums_of_few_rows_are_rounded_alike) };
    return cmocka_run_group_tests_name("short reductions", tests, NULL, NULL);
}
