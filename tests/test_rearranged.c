/* Arrays large enough for the loops that move them in blocks: turned matrices, masks, repetitions, parts among zeros. */
#include "values.h"

static void same(ag_tensor got, ag_tensor expected)
{
    assert_string_equal(ag_error_text(got.tape), "");
    assert_int_equal(ag_dtype_of(got), ag_dtype_of(expected));
    assert_true(ag_item(ag_all(ag_equal(ag_flatten(got, 0, -1), ag_flatten(expected, 0, -1)))) == 1);
}

/* Element (i, j), or (j, i) of a turned one, is (31 i + 17 j) mod 127. */
static ag_tensor matrix(ag_tape *t, ag_dtype d, int64_t m, int64_t n, bool turned)
{
    double *v = malloc((size_t)(m * n) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            v[turned ? j * m + i : i * n + j] = (double)((31 * i + 17 * j) % 127);
    ag_tensor x = ag_cast(ag_values(t, turned ? AG_SHAPE(n, m) : AG_SHAPE(m, n), v, (size_t)(m * n)), d);
    free(v);
    return x;
}

/* The same matrix, lying turned. */
static ag_tensor turned_alike(ag_tensor x)
{
    const ag_shape s = ag_shape_of(x);
    return ag_transpose(ag_reshape(ag_transpose(x, 0, 1), AG_SHAPE(s.dim[1], s.dim[0])), 0, 1);
}

static void check_turned(ag_tape *t, int64_t m, int64_t n)
{
    for (ag_dtype d = AG_F32; d <= AG_U8; d++) {
        const ag_tensor x = matrix(t, d, m, n, true), e = matrix(t, d, m, n, false), y = ag_transpose(x, 0, 1);
        const ag_tensor row = ag_select(e, 0, 1), column = ag_slice(e, 1, 2, 3, 1);
        same(ag_reshape(y, AG_SHAPE(m * n)), ag_reshape(e, AG_SHAPE(m * n)));
        for (ag_dtype to = AG_F32; to <= AG_U8; to++)
            same(ag_cast(y, to), ag_cast(e, to));
        same(ag_add(e, y), ag_add(e, e));
        same(ag_sub(y, column), ag_sub(e, column));
        same(ag_mul(row, y), ag_mul(row, e));
        same(ag_less(y, row), ag_less(e, row));
        same(ag_equal(y, y), ag_full(t, AG_U8, AG_SHAPE(m, n), 1));
        const ag_tensor c = ag_less(e, row), turned = turned_alike(c), twice = ag_add(e, e);
        same(ag_where(c, twice, y), ag_where(c, twice, e));
        same(ag_where(turned, y, twice), ag_where(c, e, twice));
        same(ag_where(c, y, column), ag_where(c, e, column));
        if (d <= AG_F64) {
            same(ag_neg(y), ag_neg(e));
            same(ag_exp(ag_mul_scalar(y, 0.125)), ag_exp(ag_mul_scalar(e, 0.125)));
            same(ag_add(ag_cast(e, AG_F64), ag_cast(y, AG_F64)), ag_cast(ag_add(e, e), AG_F64));
        }
    }
}

static void turned_matrices_are_computed_with_like_others(void **state)
{
    check_turned(*state, 67, 131);
    check_turned(*state, 64, 80);
    check_turned(*state, 530, 273);
    check_turned(*state, 70, 1061);
    check_turned(*state, 1061, 70);
    check_turned(*state, 1501, 16);
    check_turned(*state, 1501, 3);
    check_turned(*state, 10, 1501);
}

static void rows_of_few_elements_are_computed_with_like_others(void **state)
{
    ag_tape *t = *state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int64_t n = 2; n < 130; n += 9) {
            const ag_shape s = AG_SHAPE(11, 70, n);
            const ag_tensor x = ag_require_grad(ag_reshape(matrix(t, d, 770, n, false), s));
            const ag_tensor column = ag_slice(x, 2, 1, 2, 1), layer = ag_slice(x, 1, 3, 4, 1);
            const ag_tensor c = ag_reshape(ag_repeat_interleave(column, 2, n), s);
            const ag_tensor l = ag_reshape(ag_repeat(layer, AG_SHAPE(1, 70, 1)), s);
            same(ag_mul(x, column), ag_mul(x, c));
            same(ag_exp(ag_neg(ag_sub(layer, x))), ag_exp(ag_neg(ag_sub(l, x))));
            same(ag_less(column, ag_flip(x, AG_AXES(1))), ag_less(c, ag_reshape(ag_flip(x, AG_AXES(1)), s)));
            same(ag_vjp(ag_add(ag_mul(x, ag_detach(column)), x), x, x), ag_add(ag_mul(x, c), x));
        }
}

static void gradients_of_turned_matrices_lie_as_these_do(void **state)
{
    ag_tape *t = *state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
        const ag_tensor x = ag_require_grad(matrix(t, d, 150, 150, false)), w = matrix(t, d, 150, 150, true);
        const ag_tensor back = ag_transpose(w, 0, 1), y = ag_transpose(x, 0, 1);
        same(ag_vjp(ag_neg(y), w, x), ag_neg(back));
        same(ag_vjp(ag_add(x, y), w, x), ag_add(w, back));
        same(ag_vjp(ag_mul(y, w), ag_add(w, w), x), ag_mul_scalar(ag_square(back), 2));
        const ag_tensor c = ag_less(x, w), turned = turned_alike(c), chosen = ag_where(turned, x, y);
        same(ag_vjp(chosen, w, x), ag_add(ag_where_scalar(c, w, 0), ag_transpose(ag_masked_fill(w, c, 0), 0, 1)));
        same(ag_vjp(ag_where_scalar(turned, x, 2), w, x), ag_where_scalar(c, w, 0));
        same(ag_vjp(ag_reshape(y, AG_SHAPE(15, 1500)), ag_reshape(w, AG_SHAPE(15, 1500)), x), back);
    }
}

enum { ROWS = 37, COLUMNS = 141 };

static void check_mask(ag_tape *t, ag_dtype d, ag_tensor x, ag_tensor mask)
{
    const ag_tensor whole = ag_cast(ag_expand(mask, AG_SHAPE(ROWS, COLUMNS)), AG_U8), places = ag_nonzero(whole);
    const ag_tensor at = ag_add(ag_mul_scalar(ag_select(places, 1, 0), COLUMNS), ag_select(places, 1, 1));
    const ag_tensor chosen = ag_masked_select(x, mask), zeros = ag_zeros(t, d, AG_SHAPE(ROWS, COLUMNS));
    assert_true(ag_item(ag_count_nonzero(whole)) == (double)ag_size_of(chosen));
    same(chosen, ag_take(x, at));
    same(ag_masked_scatter(zeros, mask, chosen), ag_masked_fill(x, ag_equal_scalar(whole, 0), 0));
    same(ag_masked_scatter(x, mask, ag_neg(chosen)), ag_where(whole, ag_neg(x), x));
    const ag_tensor v = ag_require_grad(ag_add_scalar(x, 0)), src = ag_require_grad(ag_flatten(ag_neg(x), 0, -1));
    const ag_tensor put = ag_masked_scatter(v, mask, src), twice = ag_masked_select(ag_add(v, v), mask);
    same(ag_vjp(ag_masked_select(v, mask), chosen, v), ag_where(whole, x, zeros));
    same(ag_vjp(twice, chosen, v), ag_mul_scalar(ag_where(whole, x, zeros), 2));
    same(ag_vjp(put, x, v), ag_where(whole, zeros, x));
    same(ag_slice(ag_vjp(put, x, src), 0, 0, ag_size_of(chosen), 1), chosen);
}

static void masks_choose_what_their_places_say(void **state)
{
    ag_tape *t = *state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int k = 0; k < 4; k++) {
            const ag_tensor x = ag_add_scalar(matrix(t, d, ROWS, COLUMNS, false), 1);
            const ag_tensor noise = ag_rand(t, AG_F64, k == 3 ? AG_SHAPE(ROWS, 1) : AG_SHAPE(ROWS, COLUMNS), 0, 1);
            check_mask(t, d, x, ag_greater_equal_scalar(noise, k == 0 ? 0 : k == 1 ? 0.97 : 0.5));
        }
}

/* Windows of x[3,n], which overlap, and their sums, which are of whole numbers. */
static void check_windows(ag_tape *t, ag_dtype d, int64_t n, int64_t size, int64_t step)
{
    const int64_t windows = (n - size) / step + 1;
    const ag_tensor e = matrix(t, d, 3, n, false), x = d <= AG_F64 ? ag_require_grad(e) : e,
                    y = ag_unfold(x, 1, size, step);
    const ag_tensor at = ag_add(
        ag_mul_scalar(ag_reshape(ag_arange(t, AG_I64, 0, (double)windows, 1), AG_SHAPE(windows, 1)), (double)step),
        ag_arange(t, AG_I64, 0, (double)size, 1));
    const ag_tensor places = ag_flatten(at, 0, -1), chosen = ag_index_select(x, 1, places);
    same(ag_flatten(y, 0, -1), ag_flatten(chosen, 0, -1));
    if (d > AG_F64)
        return;
    const ag_tensor w = matrix(t, d, 3, windows * size, false);
    const ag_tensor sums = ag_index_add(ag_zeros(t, d, AG_SHAPE(3, n)), 1, places, w);
    same(ag_vjp(y, ag_reshape(w, AG_SHAPE(3, windows, size)), x), sums);
    same(ag_vjp(ag_add(ag_sum_over(y, AG_AXES(1, 2), 0), ag_sum_over(x, AG_AXES(1), 0)), ag_ones(t, d, AG_SHAPE(3)), x),
         ag_add_scalar(
             ag_index_add(ag_zeros(t, d, AG_SHAPE(3, n)), 1, places, ag_ones(t, d, AG_SHAPE(3, windows * size))), 1));
}

static void windows_that_overlap_are_copied_and_summed(void **state)
{
    static const int64_t sizes[][2] = {
        { 2, 1 }, { 4, 2 }, { 8, 4 }, { 6, 3 }, { 4, 1 }, { 5, 2 }, { 16, 8 }, { 4, 4 }
    };
    for (ag_dtype d = AG_F32; d <= AG_U8; d++)
        for (int k = 0; k < 8; k++) {
            check_windows(*state, d, 2503, sizes[k][0], sizes[k][1]);
            check_windows(*state, d, 1024, sizes[k][0], sizes[k][1]);
            check_windows(*state, d, sizes[k][0], sizes[k][0], sizes[k][1]);
        }
}

static void repetitions_and_parts_are_those_of_indices(void **state)
{
    ag_tape *t = *state;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int64_t count = 2; count < 6; count++) {
            const ag_tensor x = ag_require_grad(matrix(t, d, 20, 300, false));
            const ag_tensor each = ag_repeat_interleave(x, 1, count), all = ag_repeat(x, AG_SHAPE(1, count));
            const ag_tensor part = ag_slice(x, 1, 3, INT64_MAX, count), rows = ag_slice(x, 0, 1, 19, count);
            for (int64_t i = 0; i < count; i++) {
                same(ag_slice(each, 1, i, INT64_MAX, count), x);
                same(ag_slice(all, 1, 300 * i, 300 * (i + 1), 1), x);
            }
            same(ag_vjp(all, all, x), ag_mul_scalar(x, (double)count));
            same(ag_vjp(each, each, x), ag_mul_scalar(x, (double)count));
            const ag_tensor dx = ag_vjp(part, part, x), above = ag_vjp(rows, rows, x);
            same(ag_slice(dx, 1, 3, INT64_MAX, count), part);
            same(ag_sum(dx), ag_sum(part));
            same(ag_slice(above, 0, 1, 19, count), rows);
            same(ag_sum(above), ag_sum(rows));
        }
}

/* ---- operands of which one repeats in every row: what both receive at once */

typedef ag_tensor of_two(ag_tensor a, ag_tensor b);

static ag_tensor again_over(ag_tensor a, ag_tensor b) /* dy is overwritten, or added to */
{
    const ag_tensor y = ag_mul(ag_mul_scalar(a, 2), b);
    return ag_shape_of(a).rank == ag_shape_of(y).rank ? ag_add(y, a) : ag_add(y, b);
}

static void gradients_of(ag_tape *t, ag_dtype d, of_two *f, ag_shape a, ag_shape b, ag_tensor *both, ag_tensor *alone)
{
    const ag_tensor x[2] = { ag_require_grad(ag_rand(t, d, a, 0.5, 2)), ag_require_grad(ag_rand(t, d, b, 0.5, 2)) };
    const ag_tensor y = f(x[0], x[1]), loss = ag_sum(ag_mul(y, ag_randn(t, d, ag_shape_of(y), 0, 1)));
    ag_gradients(loss, AG_LIST(x[0], x[1]), 0, both);
    for (int k = 0; k < 2; k++)
        ag_gradients(loss, AG_LIST(x[k]), 0, &alone[k]);
}

static void check_together(ag_dtype d, of_two *f, ag_shape a, ag_shape b)
{
    ag_tensor both[2][2], alone[2][2];
    ag_tape *t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = ag_tape_new((ag_options){ .threads = 1 + i, .seed = 3 });
        gradients_of(t[i], d, f, a, b, both[i], alone[i]);
        assert_int_equal(ag_error(t[i]), AG_OK);
    }
    for (int k = 0; k < 2; k++) {
        const size_t bytes = (size_t)ag_size_of(both[0][k]) * ag_dtype_size(d);
        assert_memory_equal(ag_data(both[0][k], d), ag_data(alone[0][k], d), bytes);
        assert_memory_equal(ag_data(both[0][k], d), ag_data(both[1][k], d), bytes);
    }
    ag_tape_free(t[0]);
    ag_tape_free(t[1]);
}

static void two_operands_receive_what_each_would_by_itself(void **state)
{
    (void)state;
    of_two *const ops[] = { ag_mul, ag_maximum, ag_pow, again_over, ag_div, ag_hypot };
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int f = 0; f < 6; f++) {
            check_together(d, ops[f], AG_SHAPE(70, 1001), AG_SHAPE(1001));
            check_together(d, ops[f], AG_SHAPE(1, 1001), AG_SHAPE(70, 1001));
            check_together(d, ops[f], AG_SHAPE(33, 2049), AG_SHAPE(2049));
            check_together(d, ops[f], AG_SHAPE(20, 26, 129), AG_SHAPE(129));
            check_together(d, ops[f], AG_SHAPE(65, 1), AG_SHAPE(1100));
            check_together(d, ops[f], AG_SHAPE(300), AG_SHAPE(5, 50, 1));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turned_matrices_are_computed_with_like_others),
        TEST(rows_of_few_elements_are_computed_with_like_others),
        TEST(gradients_of_turned_matrices_lie_as_these_do),
        TEST(masks_choose_what_their_places_say),
        TEST(windows_that_overlap_are_copied_and_summed),
        TEST(repetitions_and_parts_are_those_of_indices),
        cmocka_unit_test(two_operands_receive_what_each_would_by_itself),
    };
    return cmocka_run_group_tests_name("rearranged", tests, NULL, NULL);
}
