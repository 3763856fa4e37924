/* Reductions of few elements each, many of which are made together, beside the same by other means. */
#include "support.h"

/* Outer, reduced and inner extents. */
static const int64_t extents[][3] = { { 2, 2, 1 },    { 700, 10, 1 }, { 40, 16, 1 }, { 9, 17, 1 },  { 300, 2, 3 },
                                      { 1000, 2, 3 }, { 90, 8, 8 },   { 3, 5, 15 },  { 70, 3, 16 }, { 131, 4, 20 },
                                      { 5, 30, 33 },  { 2, 64, 64 },  { 1, 3, 5 },   { 200, 1, 7 }, { 67, 40, 2 },
                                      { 97, 40, 1 },  { 70, 100, 1 }, { 6, 512, 1 }, { 5, 513, 1 } };

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

/* ---- lines */

typedef enum values { PLAIN, VAST, TINY, BOTH, ZERO, STRANGE, KINDS } values;

/* What goes beyond the type's range where it is squared or multiplied, and comes back. */
static double value_of(values kind, int64_t i, double v, double most)
{
    switch (kind) {
    case VAST:
        return v * most;
    case TINY:
        return v / most;
    case BOTH:
        return i % 2 ? v * most : v / most;
    case ZERO:
        return i % 5 == 2 ? 0 : v;
    case STRANGE:
        return i % 7 == 3 ? INFINITY : v;
    default:
        return v;
    }
}

static void expect_near(double y, long double wanted, bool single)
{
    const long double rounded = single ? (long double)(float)wanted : (long double)(double)wanted;
    if (!isfinite((double)rounded) || fabsl(rounded) < (single ? 1e-36L : 1e-300L))
        assert_true((double)rounded == y || (isnan((double)rounded) && isnan(y)) ||
                    fabs(y) < (single ? 1e-36 : 1e-300));
    else
        assert_true(fabsl(y - wanted) <= (single ? 2e-7L : 1e-13L) * fabsl(wanted));
}

static void check_line(const double *v, int64_t n, ag_tensor norm, ag_tensor sum, ag_tensor var, ag_tensor prod,
                       int64_t i)
{
    const bool single = ag_dtype_of(norm) == AG_F32;
    long double squares = 0, sizes = 0, total = 0, about = 0, product = 1;
    for (int64_t k = 0; k < n; k++) {
        squares += (long double)v[k] * v[k];
        sizes += fabsl(v[k]);
        total += v[k];
        product *= v[k];
    }
    for (int64_t k = 0; k < n; k++)
        about += (v[k] - total / n) * (v[k] - total / n);
    expect_near(ag_item_at(norm, i), sqrtl(squares), single);
    expect_near(ag_item_at(sum, i), sizes, single);
    expect_near(ag_item_at(prod, i), product, single);
    if (isfinite((double)total) && about / n < (single ? 1e38L : 1e300L) && about > (single ? 1e-30L : 1e-290L))
        expect_near(ag_item_at(var, i), about / n, single);
}

static void check_extremes(const double *v, int64_t n, ag_tensor largest, ag_tensor smallest, int64_t i)
{
    double high = 0, low = INFINITY;
    for (int64_t k = 0; k < n; k++) {
        high = isnan(high) || fabs(v[k]) <= high ? high : fabs(v[k]);
        low = isnan(low) || fabs(v[k]) >= low ? low : fabs(v[k]);
    }
    assert_true(ag_item_at(largest, i) == high || (isnan(high) && isnan(ag_item_at(largest, i))));
    assert_true(ag_item_at(smallest, i) == low || (isnan(low) && isnan(ag_item_at(smallest, i))));
}

/* Of 1 to 70 elements and of some more, many of each length, beside the same in long double. */
static void norms_variances_and_products_of_lines_are_accurate(void **state)
{
    (void)state;
    enum { LINES = 70, LONGEST = 5000 };
    static double v[LINES * LONGEST];
    static float f[LINES * LONGEST];
    for (int64_t n = 1; n <= LONGEST; n = n < 70 ? n + 1 : n * 3 / 2)
        for (int way = 0; way < 2 * KINDS; way++) {
            const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
            const int64_t lines = n < 70 ? LINES : 3;
            ag_tape *t = tape_with((ag_options){ .seed = (uint64_t)n, .threads = 1 + way % 3 });
            const ag_tensor random = ag_rand(t, AG_F64, AG_SHAPE(lines, n), 0.5, 1.5);
            for (int64_t i = 0; i < lines * n; i++) {
                f[i] = (float)value_of((values)(way / 2), i, ag_item_at(random, i), d == AG_F32 ? 1e25 : 1e200);
                v[i] = d == AG_F32 ? (double)f[i] : value_of((values)(way / 2), i, ag_item_at(random, i), 1e200);
            }
            const ag_tensor x = ag_from(t, d, AG_SHAPE(lines, n), d == AG_F32 ? (const void *)f : v,
                                        (size_t)(lines * n) * ag_dtype_size(d));
            const ag_tensor norm = ag_norm_over(x, 2, AG_AXES(1), 0), sum = ag_norm_over(x, 1, AG_AXES(1), 0),
                            var = ag_var_over(x, AG_AXES(1), 0, (ag_var_options){ .biased = true }),
                            prod = ag_prod_over(x, AG_AXES(1), 0), largest = ag_norm_over(x, INFINITY, AG_AXES(1), 0),
                            smallest = ag_norm_over(x, -INFINITY, AG_AXES(1), 0);
            for (int64_t i = 0; i < lines; i++) {
                check_line(v + i * n, n, norm, sum, var, prod, i);
                check_extremes(v + i * n, n, largest, smallest, i);
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
                                        cmocka_unit_test(sums_of_few_rows_are_rounded_alike),
                                        cmocka_unit_test(norms_variances_and_products_of_lines_are_accurate) };
    return cmocka_run_group_tests_name("short reductions", tests, NULL, NULL);
}
