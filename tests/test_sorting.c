/* Sorting, scans and statistics where the numbers of small tensors say nothing: long lines, several threads, elements that
 * are huge or much alike; and what they say when they cannot. */
#include "support.h"

enum { LONG = 400000 };

/* Few different values, of which many stand in each place of a key. */
static ag_tensor repeating(ag_tape *t, ag_dtype d, int64_t n)
{
    return ag_cast(ag_cast(ag_rand(t, AG_F64, AG_SHAPE(n), -1000, 1000), AG_I64), d);
}

static void expect_order(ag_placed sorted, ag_tensor x, int64_t n, bool descending)
{
    ag_tensor all = ag_cast(x, AG_F64);
    const double *was = ag_data(all, AG_F64), *v = ag_data(ag_cast(sorted.values, AG_F64), AG_F64);
    const int64_t *at = ag_data(sorted.indices, AG_I64);
    expect_fine(x.tape);
    for (int64_t i = 0; i < n; i++) {
        assert_true(v[i] == was[at[i]]);
        if (i > 0)
            assert_true(v[i - 1] == v[i] ? at[i - 1] < at[i] : (v[i - 1] < v[i]) != descending);
    }
}

static void long_lines_are_sorted_stably_by_any_number_of_threads(void **state)
{
    (void)state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64 };
    for (int threads = 1; threads <= 3; threads++) {
        ag_tape *t = tape_with((ag_options){ .seed = 3, .threads = threads });
        for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++) {
            const ag_mark mark = ag_tape_mark(t);
            const ag_tensor x = repeating(t, dtypes[i], LONG);
            const ag_sort_options down = { .descending = i % 2 };
            expect_order(ag_sort(x, 0, down), x, LONG, down.descending);
            ag_tape_rewind(t, mark);
        }
        ag_tape_free(t);
    }
}

/* The ways of sorting change with the length. */
static void lines_of_any_length_are_sorted_stably(void **state)
{
    (void)state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    ag_tape *t = tape_with((ag_options){ .seed = 4 });
    for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++)
        for (int64_t n = 1; n < 800; n += n % 64 < 62 ? 1 + n / 8 : 1) {
            const ag_mark mark = ag_tape_mark(t);
            const ag_tensor x = repeating(t, dtypes[i], n);
            const bool down = n % 2;
            const ag_placed all = ag_sort(x, 0, (ag_sort_options){ .descending = down });
            expect_order(all, x, n, down);
            for (int64_t k = 1; k <= n; k = 3 * k + 1) {
                const ag_placed first = ag_topk(x, k, 0, (ag_topk_options){ .smallest = !down });
                assert_memory_equal(ag_data(first.indices, AG_I64), ag_data(all.indices, AG_I64),
                                    (size_t)k * sizeof(int64_t));
            }
            ag_tape_rewind(t, mark);
        }
    expect_fine(t);
    ag_tape_free(t);
}

/* Ascending elements are each among the largest so far, descending ones never. */
static void the_first_k_are_those_that_sorting_puts_first(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor lines[] = { ag_arange(t, AG_F64, 0, LONG, 1), ag_arange(t, AG_F64, LONG, 0, -1),
                                repeating(t, AG_F32, LONG), ag_zeros(t, AG_I64, AG_SHAPE(LONG)) };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        for (int64_t k = 1; k < 3000; k = 7 * k + 3) {
            const ag_mark mark = ag_tape_mark(t);
            const ag_tensor first = ag_topk(lines[i], k, 0, (ag_topk_options){ 0 }).indices;
            const ag_tensor all = ag_argsort(lines[i], 0, (ag_sort_options){ .descending = true });
            assert_memory_equal(ag_data(first, AG_I64), ag_data(all, AG_I64), (size_t)k * sizeof(int64_t));
            ag_tape_rewind(t, mark);
        }
    expect_fine(t);
    ag_tape_free(t);
}

static void running_sums_of_what_is_not_negative_do_not_descend(void **state)
{
    (void)state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64 };
    ag_tape *t = new_tape();
    for (int i = 0; i < 2; i++) {
        const ag_tensor y = ag_cast(ag_cumsum(ag_rand(t, dtypes[i], AG_SHAPE(LONG), 0, 1e-3), 0), AG_F64);
        const double *v = ag_data(y, AG_F64);
        expect_fine(t);
        for (int64_t k = 1; k < LONG; k++)
            assert_true(v[k - 1] <= v[k]);
    }
    ag_tape_free(t);
}

static void long_running_sums_of_integers_are_exact(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .threads = 2 });
    const int64_t *v = ag_data(ag_cumsum(ag_arange(t, AG_I64, 0, LONG, 1), 0), AG_I64);
    expect_fine(t);
    for (int64_t k = 0; k < LONG; k++)
        assert_true(v[k] == k * (k + 1) / 2);
    ag_tape_free(t);
}

/* y and its derivative by x. */
typedef ag_tensor scan_function(ag_tensor x, int axis);
static ag_tensor with_gradient(scan_function *scan, ag_tensor x, int axis, ag_tensor dy)
{
    const ag_tensor leaf = ag_require_grad(x), y = scan(leaf, axis);
    return ag_stack(AG_LIST(y, ag_vjp(y, dy, leaf)), 0);
}

/* Rows are run through several together, turned; columns are not turned. */
static void rows_and_columns_are_scanned_alike(void **state)
{
    (void)state;
    scan_function *const scans[] = { ag_cumsum, ag_cumprod };
    const int64_t lengths[] = { 1, 9, 16, 25, 300, 999 };
    for (size_t i = 0; i < 4 * ARRAY_SIZE(lengths); i++) {
        ag_tape *t = new_tape();
        const ag_shape s = AG_SHAPE(43, lengths[i / 4]);
        scan_function *scan = scans[i & 1];
        const ag_tensor x = ag_rand(t, i & 2 ? AG_F32 : AG_F64, s, -1.5, 1.5),
                        dy = ag_rand(t, i & 2 ? AG_F32 : AG_F64, s, -1, 1);
        const ag_tensor rows = with_gradient(scan, x, 1, dy);
        const ag_tensor columns = with_gradient(scan, ag_transpose(x, 0, 1), 0, ag_transpose(dy, 0, 1));
        assert_int_equal(ag_item(ag_all(ag_equal(rows, ag_transpose(columns, 1, 2)))), 1);
        const ag_tensor whole = ag_cast(ag_mul_scalar(x, 100), i & 2 ? AG_I32 : AG_I64);
        assert_int_equal(
            ag_item(ag_all(ag_equal(scan(whole, 1), ag_transpose(scan(ag_transpose(whole, 0, 1), 0), 0, 1)))), 1);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Many long rows: what each of them ends with, and that sums do not descend. */
static void long_rows_are_summed(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_rand(t, AG_F32, AG_SHAPE(40, 5000), 0, 1e-3), y = ag_cumsum(x, 1);
    const ag_tensor rising = ag_sub(ag_slice(y, 1, 1, 5000, 1), ag_slice(y, 1, 0, 4999, 1));
    const ag_tensor off = ag_sub(ag_select(y, 1, 4999), ag_sum_over(x, AG_AXES(1), 0));
    assert_true(ag_item(ag_min(rising)) >= 0);
    assert_true(ag_item(ag_max(ag_abs(off))) < 1e-6);
    expect_fine(t);
    ag_tape_free(t);
}

static void variances_far_from_zero_keep_their_digits(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_add_scalar(ag_mul_scalar(ag_cast(ag_arange(t, AG_I64, 0, LONG, 1), AG_F64), 1e-3), 1e9);
    const double n = LONG;
    assert_true(fabs(ag_item(ag_var(x)) / (n * (n + 1) / 12 * 1e-6) - 1) < 1e-9);
    ag_tape_free(t);
}

static void norms_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    const double sizes[] = { 1e200, 1e-200, 5e-310 };
    ag_tape *t = new_tape();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        const ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 3 * sizes[i], 4 * sizes[i])), y = ag_norm(x);
        ag_tensor g;
        assert_true(fabs(ag_item(y) / sizes[i] - 5) < 1e-12);
        assert_int_equal(ag_gradients(y, AG_LIST(x), 0, &g), AG_OK);
        assert_true(fabs(ag_item_at(g, 0) - 0.6) < 1e-12 && fabs(ag_item_at(g, 1) - 0.8) < 1e-12);
    }
    ag_tape_free(t);
}

static void equal_elements_do_not_share_where_places_are_told(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(4), 1, 5, 5, 2));
    ag_tensor g;
    assert_int_equal(ag_gradients(ag_max_along(x, 0).values, AG_LIST(x), 0, &g), AG_OK);
    assert_true(ag_item_at(g, 1) == 1 && ag_item_at(g, 2) == 0);
    ag_tape_free(t);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), none = { 0 };
    const int64_t counted[] = { 2, -1 };
    ag_topk(x, 4, 1, (ag_topk_options){ 0 });
    expect_error(t, AG_EARG, "4 are wanted of the 3 elements along axis 1");
    ag_argmax(x, 2);
    expect_error(t, AG_ESHAPE, "there is no axis 2");
    ag_max_along(ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), 1);
    expect_error(t, AG_ESHAPE, "among no elements there is no extreme one");
    ag_bincount(ag_from(t, AG_I64, AG_SHAPE(2), counted, sizeof counted), none, 0);
    expect_error(t, AG_EARG, "element 1 is -1, but none may be negative");
    ag_histogram(x, 3, 1, 1);
    expect_error(t, AG_EARG, "from 1 to 1 is no range");
    ag_var(ag_cast(x, AG_I32));
    expect_error(t, AG_EDTYPE, "integers have no variance");
    ag_norm_over(ag_zeros(t, AG_F64, AG_SHAPE(0)), -1, AG_ALL, 0);
    expect_error(t, AG_ESHAPE, "of no elements there is no norm with p = -1");
    ag_recurrence(x, ag_select(x, 0, 0), 0);
    expect_error(t, AG_ESHAPE, "the shapes differ");
    ag_tape_free(t);
}

static void places_of_extremes_are_the_first_ones(void **state)
{
    (void)state;
    enum { N = 100, M = 40 };
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32 });
    static double values[N][M];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++)
            values[i][j] = i == 17 + j || i == 60 + j % 3 ? 5 : i == 3 ? -5 : (i + j) % 4;
    values[70][2] = values[40][2] = NAN;
    ag_tensor x = ag_cast(ag_from(t, AG_F64, AG_SHAPE(N, M), values, sizeof values), AG_F32);
    ag_tensor most = ag_argmax(x, 0), least = ag_argmin(x, 0), turned = ag_transpose(x, 0, 1);
    for (int j = 0; j < M; j++) {
        assert_int_equal((int)ag_item_at(most, j), j == 2 ? 40 : 17 + j);
        assert_int_equal((int)ag_item_at(least, j), j == 2 ? 40 : 3);
        assert_int_equal((int)ag_item_at(ag_argmax(turned, 1), j), j == 2 ? 40 : 17 + j);
        assert_int_equal((int)ag_item_at(ag_argmin(turned, 1), j), j == 2 ? 40 : 3);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static int first_extreme(const double *x, int n, bool largest)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        if (!isnan(x[at]) && (isnan(x[i]) || (largest ? x[i] > x[at] : x[i] < x[at])))
            at = i;
    return at;
}

/* Of lines of any length, by themselves and with others, in every dtype. */
static void extremes_of_lines_are_the_first_ones(void **state)
{
    (void)state;
    static const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    enum { MOST = 1400, LINES = 131 };
    for (int n = 1; n <= MOST; n += n < 40 ? 1 : n < 300 ? 13 : 257)
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = (uint64_t)n, .threads = 1 + n % 2 });
            const int lines = n % 3 ? LINES : 1;
            ag_tensor x = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(lines, n), 0, 9));
            if (d < 2 && n > 2 && n % 5 != 0)
                x = ag_where(ag_greater_scalar(ag_rand(t, AG_F64, AG_SHAPE(lines, n), 0, 1), 0.98), ag_constant(t, NAN),
                             x);
            const ag_tensor most = ag_argmax(ag_cast(x, dtypes[d]), 1), least = ag_argmin(ag_cast(x, dtypes[d]), 1);
            const double *values = ag_data(ag_cast(x, AG_F64), AG_F64);
            for (int i = 0; i < lines; i++) {
                assert_int_equal((int)ag_item_at(most, i), first_extreme(values + (ptrdiff_t)i * n, n, true));
                assert_int_equal((int)ag_item_at(least, i), first_extreme(values + (ptrdiff_t)i * n, n, false));
            }
            expect_fine(t);
            ag_tape_free(t);
        }
}

/* Of more elements than a byte numbers, the first ones of bytes and others. */
static void extremes_of_long_columns_are_those_of_lines(void **state)
{
    (void)state;
    static const ag_dtype dtypes[] = { AG_F32, AG_I64, AG_U8 };
    for (int way = 0; way < 12; way++) {
        ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = (uint64_t)way, .threads = 1 + way % 2 });
        const int n = 200 + 150 * (way / 3), columns = way % 2 ? 700 : 150;
        const ag_tensor x =
            ag_cast(ag_floor(ag_rand(t, AG_F64, AG_SHAPE(n, columns), 0, way < 6 ? 250 : 3)), dtypes[way % 3]);
        const ag_tensor lines = ag_reshape(ag_flatten(ag_transpose(x, 0, 1), 0, -1), AG_SHAPE(columns, n));
        const ag_tensor alike =
            ag_mul(ag_equal(ag_argmax(x, 0), ag_argmax(lines, 1)), ag_equal(ag_argmin(x, 0), ag_argmin(lines, 1)));
        assert_true(ag_item(ag_all(alike)));
        expect_fine(t);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lines_are_sorted_stably_by_any_number_of_threads),
        cmocka_unit_test(lines_of_any_length_are_sorted_stably),
        cmocka_unit_test(the_first_k_are_those_that_sorting_puts_first),
        cmocka_unit_test(running_sums_of_what_is_not_negative_do_not_descend),
        cmocka_unit_test(long_running_sums_of_integers_are_exact),
        cmocka_unit_test(rows_and_columns_are_scanned_alike),
        cmocka_unit_test(long_rows_are_summed),
        cmocka_unit_test(variances_far_from_zero_keep_their_digits),
        cmocka_unit_test(norms_neither_overflow_nor_vanish),
        cmocka_unit_test(equal_elements_do_not_share_where_places_are_told),
        cmocka_unit_test(what_cannot_be_done_is_said),
        cmocka_unit_test(places_of_extremes_are_the_first_ones),
        cmocka_unit_test(extremes_of_lines_are_the_first_ones),
        cmocka_unit_test(extremes_of_long_columns_are_those_of_lines),
    };
    return cmocka_run_group_tests_name("sorting", tests, NULL, NULL);
}
