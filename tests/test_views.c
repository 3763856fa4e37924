/* Values, gradients and errors of the ops that give views: shapes, orders of axes, repetitions, parts. */
#include "tests/values.h"

/* ---- the same elements under another shape */

static void reshapes(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 3)), turned = ag_transpose(x, 0, 1);
    VALUES(ag_reshape(x, AG_SHAPE(3, 2)), AG_SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    VALUES(ag_reshape(x, AG_SHAPE(-1)), AG_SHAPE(6), 1, 2, 3, 4, 5, 6);
    VALUES(ag_reshape(turned, AG_SHAPE(-1, 2)), AG_SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    VALUES(ag_reshape(turned, AG_SHAPE(6)), AG_SHAPE(6), 1, 4, 2, 5, 3, 6);
    VALUES(ag_reshape(turned, AG_SHAPE(1, 3, 1, 2)), AG_SHAPE(1, 3, 1, 2), 1, 4, 2, 5, 3, 6);
    VALUES(ag_reshape(ag_expand(ag_constant(t, 3), AG_SHAPE(2, 2)), AG_SHAPE(4)), AG_SHAPE(4), 3, 3, 3, 3);
    VALUES(ag_reshape(ag_constant(t, 3), AG_SHAPE(1, 1)), AG_SHAPE(1, 1), 3);
    VALUES(ag_reshape(AG_VALUES(t, AG_SHAPE(1), 3), AG_SCALAR), AG_SCALAR, 3);
    assert_int_equal(ag_size_of(ag_reshape(ag_zeros(t, AG_F64, AG_SHAPE(0, 3)), AG_SHAPE(5, 0))), 0);
    VALUES(ag_flatten(counting(t, AG_SHAPE(2, 1, 2)), 0, -1), AG_SHAPE(4), 1, 2, 3, 4);
    VALUES(ag_flatten(counting(t, AG_SHAPE(2, 1, 2)), 1, 2), AG_SHAPE(2, 2), 1, 2, 3, 4);
    VALUES(ag_flatten(ag_constant(t, 3), 0, -1), AG_SHAPE(1), 3);
    expect_failure(ag_reshape(x, AG_SHAPE(4)), t, AG_ESHAPE,
                   "ag_reshape: [2,3] f64: 6 elements do not make the shape [4]");
    expect_failure(ag_reshape(x, AG_SHAPE(-1, 4)), t, AG_ESHAPE, "[-1,4]");
    expect_failure(ag_reshape(x, AG_SHAPE(-1, -1)), t, AG_ESHAPE, "more than one");
    expect_failure(ag_reshape(x, AG_SHAPE(-2, -3)), t, AG_ESHAPE, "[-2,-3]");
    expect_failure(ag_reshape(ag_zeros(t, AG_F64, AG_SHAPE(0)), AG_SHAPE(0, -1)), t, AG_ESHAPE, "[0,-1]");
    expect_failure(ag_reshape(x, (ag_shape){ .rank = 9 }), t, AG_ESHAPE, "not 9");
    expect_failure(ag_reshape(x, AG_SHAPE((int64_t)1 << 62, (int64_t)1 << 62)), t, AG_ESHAPE, "6 elements");
    expect_failure(ag_flatten(x, 1, 0), t, AG_ESHAPE, "ag_flatten: [2,3] has no axes 1 to 0");
    expect_failure(ag_flatten(x, 0, 2), t, AG_ESHAPE, "0 to 2");
}

/* All ways to cut 12 elements, of dense and of transposed tensors, against a copy. */
static void reshapes_of_strided_tensors(void **state)
{
    ag_tape *t = *state;
    const ag_shape shapes[] = { AG_SHAPE(12),      AG_SHAPE(2, 6),       AG_SHAPE(6, 2),         AG_SHAPE(3, 4),
                                AG_SHAPE(4, 3),    AG_SHAPE(2, 2, 3),    AG_SHAPE(2, 3, 2),      AG_SHAPE(3, 2, 2),
                                AG_SHAPE(1, 12),   AG_SHAPE(12, 1),      AG_SHAPE(3, 1, 4),      AG_SHAPE(2, 1, 1, 6),
                                AG_SHAPE(2, 6, 1), AG_SHAPE(2, 2, 1, 3), AG_SHAPE(1, 2, 3, 1, 2) };
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        for (int axis = 0; axis < shapes[i].rank; axis++) {
            ag_shape wide = shapes[i];
            wide.dim[axis] *= 2;
            ag_tensor x = ag_slice(counting(t, wide), axis, 1, INT64_MAX, 2); /* gaps along one axis */
            for (int b = 0; b < shapes[i].rank; b++) {
                ag_tensor y = ag_transpose(x, 0, b);
                double values[12];
                assert_int_equal(ag_copy_out(y, AG_F64, values, sizeof values), AG_OK);
                for (size_t k = 0; k < ARRAY_SIZE(shapes); k++)
                    check_exactly(ag_reshape(y, shapes[k]), shapes[k], values);
            }
        }
        assert_int_equal(ag_tape_reset(t), AG_OK);
    }
}

static void views_see_what_is_written(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(2, 3));
    ag_tensor views[] = { ag_reshape(x, AG_SHAPE(3, 2)),
                          ag_transpose(x, 0, 1),
                          ag_permute(x, AG_AXES(1, 0)),
                          ag_unsqueeze(x, 0),
                          ag_flatten(x, 0, 1),
                          ag_slice(x, 0, 0, 1, 1),
                          ag_select(x, 0, 0),
                          ag_expand(x, AG_SHAPE(2, 2, 3)) };
    /* across an axis of extent 1 whose stride says nothing */
    ag_tensor wide = ag_zeros(t, AG_F64, AG_SHAPE(2, 4, 3)), part = ag_slice(wide, 1, 0, 2, 1);
    ag_tensor joined = ag_reshape(ag_transpose(ag_unsqueeze(part, 1), 1, 2), AG_SHAPE(2, 6));
    double *w = ag_write(wide, AG_F64);
    assert_non_null(w);
    w[15] = 9;
    assert_true(ag_item_at(joined, 9) == 9);
    double *v = ag_write(x, AG_F64);
    assert_non_null(v);
    v[0] = 8;
    for (size_t i = 0; i < ARRAY_SIZE(views); i++)
        assert_true(ag_item_at(views[i], 0) == 8);
}

static void axes_of_extent_1(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 3));
    VALUES(ag_unsqueeze(x, 0), AG_SHAPE(1, 2, 3), 1, 2, 3, 4, 5, 6);
    VALUES(ag_unsqueeze(x, -1), AG_SHAPE(2, 3, 1), 1, 2, 3, 4, 5, 6);
    VALUES(ag_unsqueeze(ag_transpose(x, 0, 1), 1), AG_SHAPE(3, 1, 2), 1, 4, 2, 5, 3, 6);
    VALUES(ag_unsqueeze(ag_constant(t, 5), 0), AG_SHAPE(1), 5);
    VALUES(ag_squeeze(ag_unsqueeze(x, 1), 1), AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    VALUES(ag_squeeze(x, 0), AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    VALUES(ag_squeeze(AG_VALUES(t, AG_SHAPE(1), 5), -1), AG_SCALAR, 5);
    expect_failure(ag_unsqueeze(x, 3), t, AG_ESHAPE, "ag_unsqueeze: [2,3] f64: there is no axis 3");
    expect_failure(ag_unsqueeze(x, -4), t, AG_ESHAPE, "-4");
    expect_failure(ag_squeeze(x, 2), t, AG_ESHAPE, "ag_squeeze");
    expect_failure(ag_unsqueeze(ag_zeros(t, AG_F64, AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), 0), t, AG_ESHAPE, "at most 8");
}

static void axes_in_another_order(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 3, 2));
    VALUES(ag_transpose(x, 0, -1), AG_SHAPE(2, 3, 2), 1, 7, 3, 9, 5, 11, 2, 8, 4, 10, 6, 12);
    VALUES(ag_permute(x, AG_AXES(1, 2, 0)), AG_SHAPE(3, 2, 2), 1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12);
    VALUES(ag_permute(x, AG_AXES(-3, -2, -1)), AG_SHAPE(2, 3, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    VALUES(ag_permute(ag_constant(t, 4), (ag_axes){ 0 }), AG_SCALAR, 4);
    expect_failure(ag_transpose(x, 0, 3), t, AG_ESHAPE, "ag_transpose: [2,3,2] f64: there is no axis 3");
    expect_failure(ag_transpose(x, -4, 0), t, AG_ESHAPE, "-4");
    expect_failure(ag_permute(x, AG_AXES(0, 1)), t, AG_ESHAPE, "2 axes are given, but there are 3");
    expect_failure(ag_permute(x, AG_AXES(0, 1, 1)), t, AG_ESHAPE, "0, 1, 1");
    expect_failure(ag_permute(x, AG_AXES(0, 1, 3)), t, AG_ESHAPE, "0, 1, 3");
    expect_failure(ag_permute(x, AG_ALL), t, AG_ESHAPE, "ag_permute");
}

static void expansions(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 1), 1, 2);
    VALUES(ag_expand(x, AG_SHAPE(2, 3)), AG_SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
    VALUES(ag_expand(x, AG_SHAPE(2, -1, 2)), AG_SHAPE(2, 2, 2), 1, 1, 2, 2, 1, 1, 2, 2);
    VALUES(ag_expand(ag_constant(t, 7), AG_SHAPE(3)), AG_SHAPE(3), 7, 7, 7);
    VALUES(ag_expand(ag_constant(t, 7), AG_SCALAR), AG_SCALAR, 7);
    assert_int_equal(ag_size_of(ag_expand(x, AG_SHAPE(2, 0))), 0);
    expect_failure(ag_expand(x, AG_SHAPE(3, 1)), t, AG_ESHAPE, "ag_expand: [2,1] f64: does not expand to [3,1]");
    expect_failure(ag_expand(x, AG_SHAPE(2)), t, AG_ESHAPE, "[2]");
    expect_failure(ag_expand(x, AG_SHAPE(-1, 2, 1)), t, AG_ESHAPE, "[-1,2,1]");
    expect_failure(ag_expand(x, AG_SHAPE(2, -3)), t, AG_ESHAPE, "[2,-3]");
    expect_failure(ag_expand(x, AG_SHAPE((int64_t)1 << 40, (int64_t)1 << 40, 2, 1)), t, AG_ELIMIT, "too large");
    ag_tensor many = ag_expand(ag_constant(t, 1), AG_SHAPE((int64_t)1 << 50)); /* a view takes no memory */
    assert_int_equal(ag_size_of(many), (int64_t)1 << 50);
}

static void gradients_of_views(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2, 3)));
    GRADIENT(ag_reshape(x, AG_SHAPE(3, 2)), x, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    GRADIENT(ag_reshape(ag_transpose(x, 0, 1), AG_SHAPE(6)), x, AG_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
    GRADIENT(ag_flatten(ag_permute(x, AG_AXES(1, 0)), 0, 1), x, AG_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
    GRADIENT(ag_squeeze(ag_unsqueeze(x, 1), 1), x, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    GRADIENT(ag_expand(x, AG_SHAPE(2, 2, 3)), x, AG_SHAPE(2, 3), 8, 10, 12, 14, 16, 18);
    GRADIENT(ag_add(ag_transpose(x, 0, 1), ag_reshape(x, AG_SHAPE(3, 2))), x, AG_SHAPE(2, 3), 2, 5, 8, 6, 9, 12);
    ag_tensor s = ag_variable(t, 3);
    GRADIENT(ag_expand(s, AG_SHAPE(3)), s, AG_SCALAR, 6);
    GRADIENT(ag_unsqueeze(s, 0), s, AG_SCALAR, 1);
    GRADIENT(ag_reshape(ag_unsqueeze(s, 0), AG_SCALAR), s, AG_SCALAR, 1);
}

/* ---- parts */

static void slices_as_in_python(void **state)
{
    ag_tape *t = *state;
    for (int64_t n = 0; n < 6; n++) {
        ag_tensor x = ag_reshape(ag_arange(t, AG_F64, 0, (double)n, 1), AG_SHAPE(n));
        for (int64_t start = -8; start <= 8; start++) {
            for (int64_t stop = -8; stop <= 8; stop++) {
                for (int64_t step = 1; step <= 3; step++) {
                    double expected[8];
                    int64_t count = 0, from = start < 0 ? start + n : start, to = stop < 0 ? stop + n : stop;
                    for (int64_t i = from < 0 ? 0 : from; i < to && i < n; i += step)
                        expected[count++] = (double)i;
                    check_exactly(ag_slice(x, 0, start, stop, step), AG_SHAPE(count), expected);
                }
            }
        }
        assert_int_equal(ag_tape_reset(t), AG_OK);
    }
}

static void slices(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(3, 4));
    VALUES(ag_slice(x, 1, 1, 3, 1), AG_SHAPE(3, 2), 2, 3, 6, 7, 10, 11);
    VALUES(ag_slice(x, -2, -1, INT64_MAX, 1), AG_SHAPE(1, 4), 9, 10, 11, 12);
    VALUES(ag_slice(ag_slice(x, 1, 0, 4, 2), 0, 0, 3, 2), AG_SHAPE(2, 2), 1, 3, 9, 11);
    VALUES(ag_slice(x, 0, INT64_MIN, 1, INT64_MAX), AG_SHAPE(1, 4), 1, 2, 3, 4);
    VALUES(ag_select(x, 0, 1), AG_SHAPE(4), 5, 6, 7, 8);
    VALUES(ag_select(x, -1, -1), AG_SHAPE(3), 4, 8, 12);
    VALUES(ag_select(ag_select(x, 0, 2), 0, 1), AG_SCALAR, 10);
    VALUES(ag_embed(AG_VALUES(t, AG_SHAPE(2), 1, 2), 0, 6, 1, 3), AG_SHAPE(6), 0, 1, 0, 0, 2, 0);
    VALUES(ag_embed(AG_VALUES(t, AG_SHAPE(2, 1), 1, 2), -1, 2, 1, 1), AG_SHAPE(2, 2), 0, 1, 0, 2);
    VALUES(ag_embed(ag_zeros(t, AG_F64, AG_SHAPE(0)), 0, 2, 2, 1), AG_SHAPE(2), 0, 0);
    expect_failure(ag_slice(x, 2, 0, 1, 1), t, AG_ESHAPE, "ag_slice: [3,4] f64: there is no axis 2");
    expect_failure(ag_slice(x, 0, 0, 1, 0), t, AG_EARG, "step is 0");
    expect_failure(ag_slice(x, 0, 0, 1, -1), t, AG_EARG, "step is -1");
    expect_failure(ag_slice(ag_constant(t, 1), 0, 0, 1, 1), t, AG_ESHAPE, "[] f64");
    expect_failure(ag_select(x, 0, 3), t, AG_ESHAPE,
                   "ag_select: [3,4] f64: index 3 is outside axis 0, which has extent 3");
    expect_failure(ag_select(x, 1, -5), t, AG_ESHAPE, "-5");
    expect_failure(ag_select(x, 0, INT64_MIN), t, AG_ESHAPE, "outside");
    expect_failure(ag_select(x, 5, 0), t, AG_ESHAPE, "no axis 5");
    expect_failure(ag_embed(x, 0, 3, 1, 1), t, AG_ESHAPE, "ag_embed: [3,4] f64: from 1 in steps of 1");
    expect_failure(ag_embed(x, 0, 100, -1, 1), t, AG_ESHAPE, "from -1");
    expect_failure(ag_embed(x, 0, -1, 0, 1), t, AG_ESHAPE, "extent -1");
    expect_failure(ag_embed(x, 0, 100, 0, 0), t, AG_EARG, "step");
    expect_failure(ag_embed(x, 0, INT64_MAX, 0, INT64_MAX / 2 + 1), t, AG_ESHAPE, "does not fit");
}

static void gradients_of_slices(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(3, 2)));
    GRADIENT(ag_slice(x, 0, 1, 3, 1), x, AG_SHAPE(3, 2), 0, 0, 1, 2, 3, 4);
    GRADIENT(ag_slice(x, 0, 0, 3, 2), x, AG_SHAPE(3, 2), 1, 2, 0, 0, 3, 4);
    GRADIENT(ag_select(x, 1, -1), x, AG_SHAPE(3, 2), 0, 1, 0, 2, 0, 3);
    GRADIENT(ag_add(ag_select(x, 0, 0), ag_select(x, 0, 2)), x, AG_SHAPE(3, 2), 1, 2, 0, 0, 1, 2);
    GRADIENT(ag_add(ag_slice(x, 0, 0, 2, 1), ag_slice(x, 0, 1, 3, 1)), x, AG_SHAPE(3, 2), 1, 2, 4, 6, 3, 4);
    GRADIENT(ag_select(ag_select(x, 0, 1), 0, 0), x, AG_SHAPE(3, 2), 0, 0, 1, 0, 0, 0);
    GRADIENT(ag_embed(x, 0, 5, 0, 2), x, AG_SHAPE(3, 2), 1, 2, 5, 6, 9, 10);
    GRADIENT(ag_slice(ag_transpose(x, 0, 1), 1, 1, 2, 1), x, AG_SHAPE(3, 2), 0, 0, 1, 2, 0, 0);
}

/* ---- ops on large tensors that lie turned, which are computed in tiles */

static void fill_turned(ag_tape *t, ag_dtype d, ag_tensor *x, ag_tensor *turned)
{
    enum { M = 67, N = 150, K = 3 };
    static double values[K * M * N], other[K * M * N];
    for (int k = 0; k < K; k++)
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
                values[(k * M + i) * N + j] = other[(k * N + j) * M + i] =
                    0.3 + (double)((k * 31 + i * 7 + j * 13) % 101);
    *x = ag_cast(ag_from(t, AG_F64, AG_SHAPE(K, M, N), values, sizeof values), d);
    *turned = ag_cast(ag_from(t, AG_F64, AG_SHAPE(K, N, M), other, sizeof other), d);
}

static void expect_same(ag_tensor a, ag_tensor b)
{
    const ag_dtype d = ag_dtype_of(a);
    assert_true(ag_shape_of(a).rank == ag_shape_of(b).rank);
    assert_memory_equal(ag_data(a, d), ag_data(b, d), (size_t)ag_size_of(a) * ag_dtype_size(d));
}

static ag_tensor combined(ag_tensor x, ag_tensor scale)
{
    return ag_atan2(ag_mul(ag_tanh(x), scale), ag_add(scale, x));
}

static void ops_on_large_transposed_tensors(void **unused)
{
    (void)unused;
    for (int threads = 1; threads <= 2; threads++)
        for (int p = 0; p < 2; p++) {
            ag_tape *t = tape_with((ag_options){ .threads = threads });
            ag_tensor x, turned, from_x, from_turned;
            fill_turned(t, p ? AG_F32 : AG_F64, &x, &turned);
            const ag_tensor scale = ag_cast(counting(t, AG_SHAPE(150, 1)), p ? AG_F32 : AG_F64);
            x = ag_require_grad(x);
            turned = ag_require_grad(turned);
            const ag_tensor a = combined(ag_transpose(x, 1, 2), scale), b = combined(turned, scale);
            expect_same(a, b);
            ag_gradients(ag_sum(a), AG_LIST(x), 0, &from_x);
            ag_gradients(ag_sum(b), AG_LIST(turned), 0, &from_turned);
            expect_same(ag_mul_scalar(ag_transpose(from_x, 1, 2), 1), from_turned);
            expect_same(ag_less(ag_transpose(x, 1, 2), scale), ag_less(turned, scale));
            expect_fine(t);
            ag_tape_free(t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reshapes),
        TEST(reshapes_of_strided_tensors),
        TEST(views_see_what_is_written),
        TEST(axes_of_extent_1),
        TEST(axes_in_another_order),
        TEST(expansions),
        TEST(gradients_of_views),
        TEST(slices_as_in_python),
        TEST(slices),
        TEST(gradients_of_slices),
        cmocka_unit_test(ops_on_large_transposed_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
