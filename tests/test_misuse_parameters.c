/* Axes, indices, shapes, lists, flags and numbers that make no sense, in ops and in what makes tensors. */
#include "misuse.h"

static ag_tensor matrix(ag_tape *t)
{
    return ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6));
}

static void axes(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = matrix(t);
    for (size_t i = 0; i < ARRAY_SIZE(bad_axes); i++) {
        int axis = bad_axes[i];
        expect_inert(t, ag_transpose(x, axis, 0), AG_ESHAPE, "ag_transpose");
        expect_inert(t, ag_transpose(x, 0, axis), AG_ESHAPE, "ag_transpose");
        expect_inert(t, ag_permute(x, AG_AXES(0, axis)), AG_ESHAPE, "ag_permute");
        expect_inert(t, ag_slice(x, axis, 0, 1, 1), AG_ESHAPE, "ag_slice");
        expect_inert(t, ag_select(x, axis, 0), AG_ESHAPE, "ag_select");
        expect_inert(t, ag_embed(x, axis, 10, 0, 1), AG_ESHAPE, "ag_embed");
        expect_inert(t, ag_squeeze(x, axis), AG_ESHAPE, "ag_squeeze");
        expect_inert(t, ag_flatten(x, axis, 1), AG_ESHAPE, "ag_flatten");
        expect_inert(t, ag_flatten(x, 0, axis), AG_ESHAPE, "ag_flatten");
        expect_inert(t, ag_softmax(x, axis), AG_ESHAPE, "ag_softmax");
        expect_inert(t, ag_log_softmax(x, axis), AG_ESHAPE, "ag_log_softmax");
        expect_inert(t, ag_logsumexp(x, AG_AXES(axis), 0), AG_ESHAPE, "ag_logsumexp");
        expect_inert(t, ag_sum_over(x, AG_AXES(axis), 0), AG_ESHAPE, "ag_sum_over");
        expect_inert(t, ag_mean_over(x, AG_AXES(0, axis), 0), AG_ESHAPE, "ag_mean_over");
        expect_inert(t, ag_max_over(x, AG_AXES(axis), 0), AG_ESHAPE, "ag_max_over");
        expect_inert(t, ag_min_over(x, AG_AXES(axis), 0), AG_ESHAPE, "ag_min_over");
        expect_inert(t, ag_concat(AG_LIST(x, x), axis), AG_ESHAPE, "ag_concat");
        if (axis != 2 && axis != -3) { /* a new axis may stand last */
            expect_inert(t, ag_unsqueeze(x, axis), AG_ESHAPE, "ag_unsqueeze");
            expect_inert(t, ag_stack(AG_LIST(x, x), axis), AG_ESHAPE, "ag_stack");
        }
    }
    const ag_axes bad[] = {
        AG_AXES(0, 0), AG_AXES(1, -1), { 9, { 0, 1 } }, { 1000000, { 0, 1 } }, { INT32_MAX, { 0, 1 } }
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        expect_inert(t, ag_permute(x, bad[i]), AG_ESHAPE, "ag_permute");
        expect_inert(t, ag_sum_over(x, bad[i], 0), AG_ESHAPE, "ag_sum_over");
        expect_inert(t, ag_mean_over(x, bad[i], 0), AG_ESHAPE, "ag_mean_over");
        expect_inert(t, ag_max_over(x, bad[i], 0), AG_ESHAPE, "ag_max_over");
        expect_inert(t, ag_min_over(x, bad[i], AG_KEEPDIM), AG_ESHAPE, "ag_min_over");
        expect_inert(t, ag_logsumexp(x, bad[i], 0), AG_ESHAPE, "ag_logsumexp");
        expect_inert(t, ag_param_as(x, bad[i], "w"), AG_ESHAPE, "ag_param_as");
        expect_inert(t, ag_buffer_as(x, bad[i], "w"), AG_ESHAPE, "ag_buffer_as");
    }
    expect_inert(t, ag_permute(x, AG_ALL), AG_ESHAPE, "ag_permute");
    const int bad_flags[] = { 2, -1, 1000, INT32_MIN };
    for (size_t i = 0; i < ARRAY_SIZE(bad_flags); i++) {
        expect_inert(t, ag_sum_over(x, AG_ALL, bad_flags[i]), AG_EARG, "ag_sum_over");
        expect_inert(t, ag_mean_over(x, AG_ALL, bad_flags[i]), AG_EARG, "ag_mean_over");
        expect_inert(t, ag_max_over(x, AG_ALL, bad_flags[i]), AG_EARG, "ag_max_over");
        expect_inert(t, ag_min_over(x, AG_ALL, bad_flags[i]), AG_EARG, "ag_min_over");
        expect_inert(t, ag_logsumexp(x, AG_ALL, bad_flags[i]), AG_EARG, "ag_logsumexp");
    }
    free_bench(&b);
}

static void indices(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = matrix(t), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(4), 0, 1, 2, 3));
    const int64_t far[] = { 3, -4, 1000, INT64_MAX, INT64_MIN, INT64_MIN + 1, (int64_t)1 << 32, -((int64_t)1 << 32) };
    for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
        expect_inert(t, ag_select(x, 1, far[i]), AG_ESHAPE, "ag_select");
        for (size_t k = 0; k < ARRAY_SIZE(far); k++) { /* positions beyond an end mean that end */
            ag_tensor y = ag_slice(v, 0, far[i], far[k], 1);
            expect_fine(t);
            int64_t start = far[i] < 0 ? far[i] < -4 ? 0 : far[i] + 4 : far[i] > 4 ? 4 : far[i];
            int64_t stop = far[k] < 0 ? far[k] < -4 ? 0 : far[k] + 4 : far[k] > 4 ? 4 : far[k];
            assert_int_equal(ag_size_of(y), stop > start ? stop - start : 0);
            ag_backward(ag_sum(y));
            expect_fine(t);
        }
    }
    assert_values(ag_slice(v, 0, 0, INT64_MAX, INT64_MAX), 0);
    assert_values(ag_slice(v, 0, 1, INT64_MAX, 2), 1, 3);
    const int64_t bad_steps[] = { 0, -1, INT64_MIN };
    for (size_t i = 0; i < ARRAY_SIZE(bad_steps); i++) {
        expect_inert(t, ag_slice(x, 1, 0, 2, bad_steps[i]), AG_EARG, "ag_slice");
        expect_inert(t, ag_embed(x, 1, 9, 0, bad_steps[i]), AG_EARG, "ag_embed");
    }
    const int64_t bad_embeds[][3] = { { 2, 0, 1 },         { 9, 7, 1 },         { 9, -1, 1 },
                                      { 9, 0, 5 },         { -1, 0, 1 },        { INT64_MIN, 0, 1 },
                                      { 9, INT64_MAX, 1 }, { 9, 0, INT64_MAX }, { 9, INT64_MIN, INT64_MAX } };
    for (size_t i = 0; i < ARRAY_SIZE(bad_embeds); i++)
        expect_inert(t, ag_embed(x, 1, bad_embeds[i][0], bad_embeds[i][1], bad_embeds[i][2]), AG_ESHAPE, "ag_embed");
    assert_true(is_inert(ag_embed(x, 1, INT64_MAX, 0, 1), t));
    expect_complaint(t, "ag_embed");
    assert_true(is_inert(ag_embed(x, 1, (int64_t)1 << 42, 0, 1), t));
    expect_complaint(t, "ag_embed");
    /* classes */
    ag_tensor two = ag_full(t, AG_I64, AG_SHAPE(2), 2), minus = ag_full(t, AG_I32, AG_SHAPE(2), -1);
    expect_inert(t, ag_one_hot(two, 2, AG_F32), AG_EARG, "ag_one_hot");
    expect_inert(t, ag_one_hot(minus, 2, AG_F32), AG_EARG, "ag_one_hot");
    expect_inert(t, ag_one_hot(two, -1, AG_F32), AG_EARG, "ag_one_hot");
    expect_inert(t, ag_one_hot(two, 0, AG_F32), AG_EARG, "ag_one_hot");
    expect_inert(t, ag_one_hot(two, 5, (ag_dtype)77), AG_EDTYPE, "ag_one_hot");
    expect_inert(t, ag_one_hot(x, 5, AG_F32), AG_EDTYPE, "ag_one_hot");
    assert_true(is_inert(ag_one_hot(two, (int64_t)1 << 62, AG_F32), t));
    expect_complaint(t, "ag_one_hot");
    assert_true(is_inert(ag_one_hot(two, (int64_t)1 << 40, AG_U8), t));
    expect_complaint(t, "ag_one_hot");
    expect_inert(t, ag_cross_entropy(x, ag_full(t, AG_I64, AG_SHAPE(2), 3)), AG_EARG, "ag_cross_entropy");
    expect_inert(t, ag_cross_entropy(x, minus), AG_EARG, "ag_cross_entropy");
    expect_inert(t, ag_cross_entropy(x, ag_full(t, AG_I64, AG_SHAPE(3), 1)), AG_ESHAPE, "ag_cross_entropy");
    expect_inert(t, ag_bce(x, x), AG_EARG, "ag_bce");
    expect_inert(t, ag_bce(ag_neg(x), x), AG_EARG, "ag_bce");
    expect_inert(t, ag_cast(x, (ag_dtype)77), AG_EDTYPE, "ag_cast");
    expect_inert(t, ag_cast(x, (ag_dtype)-1), AG_EDTYPE, "ag_cast");
    free_bench(&b);
}

static void shapes(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const double numbers[4] = { 1, 2, 3, 4 };
    for (size_t i = 0; i < ARRAY_SIZE(bad_shapes); i++) {
        ag_shape s = bad_shapes[i];
        ag_tensor x = matrix(t);
        const struct {
            const char *name;
            ag_tensor x;
        } made[] = {
            { "ag_zeros", ag_zeros(t, AG_F64, s) },
        };
        assert_true(is_inert(made[0].x, t));
        expect_complaint(t, "ag_zeros");
        assert_true(is_inert(ag_ones(t, AG_U8, s), t));
        expect_complaint(t, "ag_ones");
        assert_true(is_inert(ag_full(t, AG_FLOAT, s, 3), t));
        expect_complaint(t, "ag_full");
        assert_true(is_inert(ag_empty(t, AG_F32, s), t));
        expect_complaint(t, "ag_empty");
        assert_true(is_inert(ag_rand(t, AG_F32, s, 0, 1), t));
        expect_complaint(t, "ag_rand");
        assert_true(is_inert(ag_randn(t, AG_F32, s, 0, 1), t));
        expect_complaint(t, "ag_randn");
        assert_true(is_inert(ag_values(t, s, numbers, 4), t));
        expect_complaint(t, "ag_values");
        assert_true(is_inert(ag_from(t, AG_F64, s, numbers, sizeof numbers), t));
        expect_complaint(t, "ag_from");
        assert_true(is_inert(ag_wrap(t, AG_F64, s, numbers, sizeof numbers), t));
        expect_complaint(t, "ag_wrap");
        assert_true(is_inert(ag_reshape(x, s), t));
        expect_complaint(t, "ag_reshape");
        bool keeps = s.rank == 2 && s.dim[0] == -1 && s.dim[1] == -1;
        assert_int_equal(ag_ok(ag_expand(x, s)), keeps);
        if (!keeps)
            expect_complaint(t, "ag_expand");
        if (is_inert(ag_expand(ag_sum(x), s), t)) /* numbers may be repeated as often as one likes */
            expect_complaint(t, "ag_expand");
        assert_true(strlen(ag_show(x)) > 0);
        check_bench(&b);
    }
    free_bench(&b);
}

static void shapes_of_views(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = matrix(t);
    expect_inert(t, ag_reshape(x, AG_SHAPE(4, -1)), AG_ESHAPE, "ag_reshape");
    expect_inert(t, ag_reshape(x, AG_SHAPE(-1, -1)), AG_ESHAPE, "ag_reshape");
    expect_inert(t, ag_reshape(x, AG_SHAPE(0, -1)), AG_ESHAPE, "ag_reshape");
    expect_inert(t, ag_reshape(x, AG_SCALAR), AG_ESHAPE, "ag_reshape");
    expect_inert(t, ag_reshape(ag_zeros(t, AG_F64, AG_SHAPE(0)), AG_SHAPE(0, -1)), AG_ESHAPE, "ag_reshape");
    expect_inert(t, ag_expand(x, AG_SHAPE(2, 4)), AG_ESHAPE, "ag_expand");
    expect_inert(t, ag_expand(x, AG_SHAPE(3)), AG_ESHAPE, "ag_expand");
    expect_inert(t, ag_expand(x, AG_SHAPE(-1, 2, 3)), AG_ESHAPE, "ag_expand");
    ag_tensor eight = ag_reshape(x, AG_SHAPE(1, 1, 1, 1, 1, 1, 2, 3));
    expect_inert(t, ag_unsqueeze(eight, 0), AG_ESHAPE, "ag_unsqueeze");
    expect_inert(t, ag_stack(AG_LIST(eight), 0), AG_ESHAPE, "ag_stack");
    ag_tensor whole = ag_ones(t, AG_I64, AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    expect_inert(t, ag_one_hot(whole, 3, AG_F64), AG_ESHAPE, "ag_one_hot");
    free_bench(&b);
}

/* Views of nothing much, and what would copy them. */
static void giants(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = matrix(t);
    ag_tensor giant = ag_expand(ag_sum(x), AG_SHAPE((int64_t)1 << 40));
    assert_true(ag_ok(giant));
    assert_null(ag_data(giant, AG_F64));
    expect_complaint(t, "ag_data");
    assert_true(is_inert(ag_exp(giant), t));
    expect_complaint(t, "ag_exp");
    assert_true(is_inert(ag_param(giant, "p"), t));
    expect_complaint(t, "ag_param");
    assert_true(is_inert(ag_add(ag_unsqueeze(giant, 1), giant), t));
    expect_complaint(t, "ag_add");
    assert_true(is_inert(ag_expand(ag_sum(x), AG_SHAPE((int64_t)1 << 40, (int64_t)1 << 40)), t));
    expect_complaint(t, "ag_expand");
    free_bench(&b);
}

static void lists(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = matrix(t), *many = malloc(70000 * sizeof *many);
    for (int i = 0; i < 70000; i++)
        many[i] = x;
    const ag_list nothing[] = { { NULL, 0 }, { NULL, 3 }, { &x, 0 }, { NULL, SIZE_MAX } };
    for (size_t i = 0; i < ARRAY_SIZE(nothing); i++) {
        assert_true(is_inert(ag_concat(nothing[i], 0), NULL));
        assert_true(is_inert(ag_stack(nothing[i], 0), NULL));
        expect_fine(t); /* there is no tape to tell */
    }
    expect_inert(t, ag_concat((ag_list){ many, 70000 }, 0), AG_EARG, "ag_concat");
    expect_inert(t, ag_stack((ag_list){ many, 70000 }, 0), AG_EARG, "ag_stack");
    assert_shape(ag_concat((ag_list){ many, 65535 }, 0), 131070, 3);
    assert_int_equal(ag_backward(ag_sum(ag_stack((ag_list){ many, 60000 }, 2))), AG_OK);
    assert_values(ag_grad(x), 60000, 60000, 60000, 60000, 60000, 60000);
    many[50000] = absent;
    expect_inert(t, ag_concat((ag_list){ many, 60000 }, 0), AG_ENULL, "ag_concat: operand 50001");
    many[50000] = b.foreign;
    expect_inert(t, ag_stack((ag_list){ many, 60000 }, 0), AG_EUSE, "ag_stack: operand 50001");
    many[50000] = ag_zeros(t, AG_F64, AG_SHAPE(2, 4));
    expect_inert(t, ag_concat((ag_list){ many, 60000 }, 0), AG_ESHAPE, "ag_concat");
    many[50000] = ag_zeros(t, AG_F32, AG_SHAPE(2, 3));
    expect_inert(t, ag_stack((ag_list){ many, 60000 }, 0), AG_EDTYPE, "ag_stack");
    free(many);
    ag_tape_reset(t);
    free_bench(&b);
}

/* Numbers as parameters are what mathematics makes of them: never an error. */
static void numbers(void **state)
{
    (void)state;
    const double all[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 0, -0.0, 5e-324, 1e300 };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        for (int kind = 0; kind < 3; kind++) {
            bench b = new_bench();
            ag_tape *t = b.t;
            double c = all[i];
            ag_tensor x = kind == 0   ? ag_variable(t, 2)
                          : kind == 1 ? matrix(t)
                                      : ag_param(ag_cast(matrix(t), AG_F32), "x");
            const struct {
                ag_tensor y;
                double first; /* of x = 2 or 1 */
            } results[] = {
                { ag_add_scalar(x, c), (kind ? 1 : 2) + c },
                { ag_mul_scalar(x, c), (kind ? 1 : 2) * c },
                { ag_scalar_sub(c, x), c - (kind ? 1 : 2) },
                { ag_scalar_div(c, x), c / (kind ? 1 : 2) },
                { ag_pow_scalar(x, c), pow(kind ? 1 : 2, c) },
                { ag_leaky_relu(x, c), kind ? 1 : 2 },
                { ag_maximum_scalar(x, c), NAN },
                { ag_minimum_scalar(x, c), NAN },
                { ag_heaviside(x, c), 1 },
            };
            for (size_t k = 0; k < ARRAY_SIZE(results); k++) {
                ag_tensor g;
                expect_fine(t);
                double v = ag_item_at(results[k].y, 0),
                       expected = kind == 2 ? (double)(float)results[k].first : results[k].first;
                if (k < 6 || k == 8)
                    assert_close(v, expected, 1e-6);
                for (int flags = 0; flags < 2; flags++)
                    assert_int_equal(ag_gradients(results[k].y, AG_LIST(x), flags, &g), AG_OK);
            }
            free_bench(&b);
        }
    }
}

static void bounds_must_be_in_order(void **state)
{
    (void)state;
    const double wrong[][2] = { { 3, -3 }, { NAN, 1 }, { 1, NAN }, { NAN, NAN }, { INFINITY, -INFINITY } },
                 right[][2] = { { -3, 3 }, { 1, 1 }, { -INFINITY, INFINITY }, { -INFINITY, -INFINITY }, { 0, 1e300 } };
    for (int kind = 0; kind < 3; kind++) {
        bench b = new_bench();
        ag_tape *t = b.t;
        ag_tensor x = kind == 0 ? ag_variable(t, 2) : kind == 1 ? matrix(t) : ag_param(matrix(t), "x"), g;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
            assert_true(is_inert(ag_clamp(x, wrong[i][0], wrong[i][1]), t));
            expect_error(t, AG_EARG, "ag_clamp: the bounds");
        }
        for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
            ag_tensor y = ag_clamp(x, right[i][0], right[i][1]);
            assert_item(ag_select(ag_reshape(y, AG_SHAPE(-1)), 0, 0),
                        fmin(fmax(kind ? 1 : 2, right[i][0]), right[i][1]));
            for (int flags = 0; flags < 2; flags++)
                assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), AG_OK);
        }
        assert_true(is_inert(ag_clamp(inert(t), 1, 0), t));
        expect_fine(t);
        free_bench(&b);
    }
    assert_true(is_inert(ag_clamp(absent, 1, 0), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes),    cmocka_unit_test(indices),
        cmocka_unit_test(shapes),  cmocka_unit_test(shapes_of_views),
        cmocka_unit_test(giants),  cmocka_unit_test(lists),
        cmocka_unit_test(numbers), cmocka_unit_test(bounds_must_be_in_order),
    };
    return cmocka_run_group_tests_name("misuse of parameters", tests, NULL, NULL);
}
