/* Ops that reorder, pad, repeat and take apart: values known beforehand, zeros that nothing reaches, and what is refused. */
#include "tests/values.h"

static void elements_in_another_order(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2, 3)));
    VALUES(ag_flip(x, AG_AXES(1)), AG_SHAPE(2, 3), 3, 2, 1, 6, 5, 4);
    VALUES(ag_flip(ag_flip(x, AG_ALL), AG_AXES(-1)), AG_SHAPE(2, 3), 4, 5, 6, 1, 2, 3);
    VALUES(ag_reshape(ag_flip(x, AG_ALL), AG_SHAPE(6)), AG_SHAPE(6), 6, 5, 4, 3, 2, 1);
    VALUES(ag_matmul(ag_flip(x, AG_AXES(0)), ag_flip(ag_transpose(x, 0, 1), AG_AXES(0))), AG_SHAPE(2, 2), 28, 73, 10,
           28);
    VALUES(ag_roll(x, 1, 1), AG_SHAPE(2, 3), 3, 1, 2, 6, 4, 5);
    VALUES(ag_roll(x, 0, -3), AG_SHAPE(2, 3), 4, 5, 6, 1, 2, 3);
    GRADIENT(ag_flip(x, AG_AXES(1)), x, AG_SHAPE(2, 3), 3, 2, 1, 6, 5, 4);
    GRADIENT(ag_roll(x, 1, 1), x, AG_SHAPE(2, 3), 2, 3, 1, 5, 6, 4);
    expect_failure(ag_flip(x, AG_AXES(0, -2)), t, AG_ESHAPE,
                   "ag_flip: [2,3] f64: of the axes 0, -2 one does not exist");
    expect_failure(ag_roll(x, 2, 1), t, AG_ESHAPE, "ag_roll: [2,3] f64: there is no axis 2");
}

static void triangles_and_diagonals(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2, 3)));
    VALUES(ag_tril(x, 0), AG_SHAPE(2, 3), 1, 0, 0, 4, 5, 0);
    VALUES(ag_triu(x, 1), AG_SHAPE(2, 3), 0, 2, 3, 0, 0, 6);
    VALUES(ag_diag(ag_diag(x, 1), -1), AG_SHAPE(3, 3), 0, 0, 0, 2, 0, 0, 0, 6, 0);
    VALUES(ag_trace(x), AG_SCALAR, 6);
    GRADIENT(ag_add(ag_diagonal(x, 0, 0, 1), ag_diagonal(x, 1, 0, 1)), x, AG_SHAPE(2, 3), 1, 1, 0, 0, 2, 2);
    expect_failure(ag_tril(ag_ones(t, AG_F64, AG_SHAPE(3)), 0), t, AG_ESHAPE,
                   "ag_tril: [3] f64: the operand is no matrix");
    expect_failure(ag_diagonal(x, 0, 1, -1), t, AG_ESHAPE, "the axes 1 and -1 are the same");
    expect_failure(ag_diag(ag_ones(t, AG_F64, AG_SHAPE(2, 2, 2)), 0), t, AG_ESHAPE,
                   "ag_diag: [2,2,2] is no matrix, nor a vector");
    expect_failure(ag_trace(ag_ones(t, AG_F64, AG_SHAPE(2))), t, AG_ESHAPE, "ag_trace: [2] is no matrix");
    expect_failure(ag_diag_embed(x, INT64_MIN, 0, 1), t, AG_ELIMIT, "too large");
}

/* log has no derivative at 0; what is left out does not ask for it, whatever its own gradient is. */
static void what_is_left_out_contributes_nothing(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 1, 0, 2, 4)), logs = ag_log(x);
    ag_tensor row = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0, 2, 0)), inner = ag_log(row);
    VALUES(ag_vjp(ag_tril(logs, 0), ag_ones(t, AG_F64, AG_SHAPE(2, 2)), x), AG_SHAPE(2, 2), 1, 0, 0.5, 0.25);
    VALUES(ag_vjp(ag_triu(ag_flip(logs, AG_AXES(1)), 1), ag_ones(t, AG_F64, AG_SHAPE(2, 2)), x), AG_SHAPE(2, 2), 1, 0,
           0, 0);
    VALUES(ag_vjp(ag_diagonal(logs, 0, 0, 1), ag_ones(t, AG_F64, AG_SHAPE(2)), x), AG_SHAPE(2, 2), 1, 0, 0, 0.25);
    VALUES(ag_vjp(ag_pad(inner, AG_SHAPE(-1), AG_SHAPE(-1), AG_CONSTANT, 0), ag_ones(t, AG_F64, AG_SHAPE(1)), row),
           AG_SHAPE(3), 0, 0.5, 0);
    /* nor does the adjoint of what is filled in */
    ag_tensor y = ag_pad(row, AG_SHAPE(1), AG_SHAPE(0), AG_CONSTANT, 5);
    VALUES(ag_vjp(y, AG_VALUES(t, AG_SHAPE(4), NAN, 1, 2, 3), row), AG_SHAPE(3), 1, 2, 3);
}

static void pads(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(4))), m = counting(t, AG_SHAPE(2, 2));
    VALUES(ag_pad(x, AG_SHAPE(1), AG_SHAPE(2), AG_CONSTANT, 9), AG_SHAPE(7), 9, 1, 2, 3, 4, 9, 9);
    VALUES(ag_pad(x, AG_SHAPE(3), AG_SHAPE(2), AG_REFLECT, 9), AG_SHAPE(9), 4, 3, 2, 1, 2, 3, 4, 3, 2);
    VALUES(ag_pad(x, AG_SHAPE(1), AG_SHAPE(2), AG_REPLICATE, 9), AG_SHAPE(7), 1, 1, 2, 3, 4, 4, 4);
    VALUES(ag_pad(x, AG_SHAPE(4), AG_SHAPE(1), AG_CIRCULAR, 9), AG_SHAPE(9), 1, 2, 3, 4, 1, 2, 3, 4, 1);
    VALUES(ag_pad(m, AG_SHAPE(1, 0), AG_SHAPE(0, 1), AG_CONSTANT, 0), AG_SHAPE(3, 3), 0, 0, 0, 1, 2, 0, 3, 4, 0);
    VALUES(ag_pad(m, AG_SHAPE(1), AG_SHAPE(0), AG_CONSTANT, 0), AG_SHAPE(2, 3), 0, 1, 2, 0, 3, 4);
    GRADIENT(ag_pad(x, AG_SHAPE(2), AG_SHAPE(0), AG_REPLICATE, 0), x, AG_SHAPE(4), 6, 4, 5, 6);
    GRADIENT(ag_pad(x, AG_SHAPE(0), AG_SHAPE(2), AG_REFLECT, 0), x, AG_SHAPE(4), 1, 8, 8, 4);
    expect_failure(
        ag_pad(x, AG_SHAPE(4), AG_SHAPE(0), AG_REFLECT, 0), t, AG_ESHAPE,
        "ag_pad: [4] f64: AG_REFLECT makes at most 3 elements at an end of axis 0, which has extent 4, not 4");
    expect_failure(ag_pad(x, AG_SHAPE(0), AG_SHAPE(5), AG_CIRCULAR, 0), t, AG_ESHAPE, "AG_CIRCULAR makes at most 4");
    expect_failure(ag_pad(x, AG_SHAPE(-3), AG_SHAPE(-2), AG_CONSTANT, 0), t, AG_ESHAPE,
                   "cannot lose 3 elements in front and 2");
    expect_failure(ag_pad(x, AG_SHAPE(0, 1), AG_SHAPE(0, 1), AG_CONSTANT, 0), t, AG_ESHAPE,
                   "2 counts in front and 2 behind");
    expect_failure(ag_pad(x, AG_SHAPE(1), AG_SCALAR, AG_CONSTANT, 0), t, AG_ESHAPE, "1 counts in front and 0 behind");
    expect_failure(ag_pad(x, AG_SHAPE(1), AG_SHAPE(1), (ag_pad_mode)4, 0), t, AG_EARG, "there is no mode 4");
    expect_failure(ag_pad(x, AG_SHAPE(INT64_MAX), AG_SHAPE(1), AG_CONSTANT, 0), t, AG_ELIMIT, "too large");
}

/* Long rows are written in a way of their own. */
static void pads_of_long_rows(void **state)
{
    ag_tape *t = *state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_U8 };
    for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++)
        for (ag_pad_mode mode = AG_CONSTANT; mode <= AG_CIRCULAR; mode++) {
            const ag_tensor turned = ag_transpose(ag_cast(counting(t, AG_SHAPE(80, 3)), dtypes[i]), 0, 1);
            const ag_tensor x = ag_abs(turned); /* a copy, row by row */
            const ag_tensor rows = ag_pad(x, AG_SHAPE(2, -3), AG_SHAPE(1, 7), mode, 9),
                            columns = ag_pad(turned, AG_SHAPE(2, -3), AG_SHAPE(1, 7), mode, 9);
            assert_true(ag_item(ag_all(ag_equal(rows, columns))) == 1);
        }
}

/* Sums over repeated elements do not lose what f32 would. */
static void many_copies_of_an_element_add_exactly(void **state)
{
    ag_tape *t = *state;
    enum { N = 1 << 20 };
    ag_tensor x = ag_require_grad(ag_ones(t, AG_F32, AG_SHAPE(2)));
    ag_tensor w = ag_full(t, AG_F32, AG_SHAPE(N + 2), 0.1f);
    ag_tensor g = ag_vjp(ag_pad(x, AG_SHAPE(N), AG_SHAPE(0), AG_REPLICATE, 0), w, x);
    assert_true(fabs(ag_item_at(g, 0) / ((double)(N + 1) * (double)0.1f) - 1) < 1e-6);
    g = ag_vjp(ag_repeat_interleave(ag_slice(x, 0, 0, 1, 1), 0, N + 2), w, x);
    assert_true(fabs(ag_item_at(g, 0) / ((double)(N + 2) * (double)0.1f) - 1) < 1e-6);
}

static void parts_by_number(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(5)));
    VALUES(ag_split(x, 0, 2, 2), AG_SHAPE(1), 5);
    VALUES(ag_split(x, 0, 2, -2), AG_SHAPE(2), 3, 4);
    VALUES(ag_chunk(x, 0, 2, 1), AG_SHAPE(2), 4, 5);
    assert_int_equal(ag_size_of(ag_chunk(x, 0, 4, 3)), 0);
    GRADIENT(ag_split(x, 0, 3, 1), x, AG_SHAPE(5), 0, 0, 0, 1, 2);
    expect_failure(ag_split(x, 0, 2, 3), t, AG_ESHAPE, "ag_split: there is no part 3 of 3");
    expect_failure(ag_chunk(x, 0, 2, -3), t, AG_ESHAPE, "ag_chunk: there is no part -3 of 2");
    expect_failure(ag_split(x, 0, 0, 0), t, AG_EARG, "ag_split: the size is 0, but must be at least 1");
    expect_failure(ag_chunk(x, 0, -1, 0), t, AG_EARG, "ag_chunk: the number of parts is -1");
    expect_failure(ag_chunk(x, 1, 2, 0), t, AG_ESHAPE, "ag_chunk: [5] has no axis 1");
}

static void repetitions(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2)));
    ag_shape eight = { .rank = 8 }, counts = { .rank = 8 };
    for (int i = 0; i < 8; i++)
        eight.dim[i] = counts.dim[i] = 2;
    VALUES(ag_tile(x, AG_SHAPE(2, 2)), AG_SHAPE(2, 4), 1, 2, 1, 2, 1, 2, 1, 2);
    VALUES(ag_repeat_interleave(x, 0, 2), AG_SHAPE(4), 1, 1, 2, 2);
    GRADIENT(ag_tile(x, AG_SHAPE(3)), x, AG_SHAPE(2), 9, 12);
    GRADIENT(ag_repeat_interleave(x, 0, 3), x, AG_SHAPE(2), 6, 15);
    ag_tensor all = ag_tile(counting(t, eight), counts);
    assert_int_equal(ag_size_of(all), 1 << 16);
    assert_true(ag_item(ag_sum(all)) == 256 * 257 / 2 * 256);
    expect_failure(ag_repeat(counting(t, AG_SHAPE(2, 2)), AG_SHAPE(3)), t, AG_ESHAPE,
                   "ag_repeat: 1 counts are too few for [2,2]");
    expect_failure(ag_tile(x, AG_SHAPE(-1)), t, AG_EARG, "ag_tile: [-1] is no list");
    expect_failure(ag_tile(x, AG_SHAPE(INT64_MAX)), t, AG_ELIMIT,
                   "ag_repeat_axis: [2] f64: the result would be too large");
    expect_failure(ag_repeat_interleave(x, 0, -1), t, AG_EARG, "the count is -1");
}

static void windows(void **state)
{
    ag_tape *t = *state;
    enum { N = 5000, SIZE = 7, STEP = 3 }; /* several pieces of a line */
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(5)));
    VALUES(ag_unfold(x, 0, 3, 2), AG_SHAPE(2, 3), 1, 2, 3, 3, 4, 5);
    GRADIENT(ag_unfold(x, 0, 3, 1), x, AG_SHAPE(5), 1, 6, 15, 14, 9);
    ag_tensor ones = ag_ones(t, AG_F64, AG_SHAPE((N - SIZE) / STEP + 1, SIZE));
    const double *sum = ag_data(ag_overlap_add(ones, 0, N, STEP), AG_F64);
    for (int64_t i = 0; i < N; i++) {
        int64_t n = 0;
        for (int64_t w = 0; w < (N - SIZE) / STEP + 1; w++)
            n += i >= w * STEP && i < w * STEP + SIZE;
        assert_true(sum[i] == (double)n);
    }
    expect_failure(ag_unfold(x, 0, 6, 1), t, AG_ESHAPE,
                   "ag_unfold: [5] f64: there is no window of 6 elements in axis 0");
    expect_failure(ag_unfold(x, 0, 1, 0), t, AG_EARG, "the step is 0");
    expect_failure(ag_overlap_add(ones, 0, N - 5, STEP), t, AG_ESHAPE, "do not fit into an axis of extent 4995");
}

static void grids_and_moved_axes(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = counting(t, AG_SHAPE(2)), b = counting(t, AG_SHAPE(3));
    VALUES(ag_meshgrid(AG_LIST(a, b), 0, AG_IJ), AG_SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
    VALUES(ag_meshgrid(AG_LIST(a, b), 1, AG_XY), AG_SHAPE(3, 2), 1, 1, 2, 2, 3, 3);
    VALUES(ag_movedim(counting(t, AG_SHAPE(1, 2, 2)), 2, 0), AG_SHAPE(2, 1, 2), 1, 3, 2, 4);
    expect_failure(ag_meshgrid(AG_LIST(a, b), 2, AG_IJ), t, AG_EARG, "ag_meshgrid: of 2 tensors there is no number 2");
    expect_failure(ag_meshgrid(AG_LIST(a, counting(t, AG_SHAPE(1, 1))), 0, AG_IJ), t, AG_ESHAPE, "operand 2 is [1,1]");
    expect_failure(ag_movedim(a, 0, 1), t, AG_ESHAPE, "ag_movedim: [2] has no axis 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(elements_in_another_order),
        TEST(triangles_and_diagonals),
        TEST(what_is_left_out_contributes_nothing),
        TEST(pads),
        TEST(pads_of_long_rows),
        TEST(many_copies_of_an_element_add_exactly),
        TEST(parts_by_number),
        TEST(repetitions),
        TEST(windows),
        TEST(grids_and_moved_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
