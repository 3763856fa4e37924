/* Tensors without elements whose other extents are as large as they can be: every op takes them or refuses them, and no
 * arithmetic overflows or starts from NULL on the way (the sanitizers see that). */
#include "support.h"

enum { SHAPES = 6 };

static const ag_shape shapes[SHAPES] = {
    AG_DIMS(0, (int64_t)1 << 40, (int64_t)1 << 30),
    AG_DIMS((int64_t)1 << 40, (int64_t)1 << 30, 0),
    AG_DIMS((int64_t)1 << 40, 0, (int64_t)1 << 40),
    AG_DIMS(INT64_MAX, INT64_MAX, 0, INT64_MAX),
    AG_DIMS(0, INT64_MAX),
    AG_DIMS(0),
};

static ag_tensor leaf(ag_tape *t, ag_dtype d, ag_shape s, int kind)
{
    ag_tensor x = ag_zeros(t, d, s);
    return kind == 0 ? ag_require_grad(x) : kind == 1 ? ag_param(x, "p") : ag_wrap(t, d, s, NULL, 0);
}

/* The result is there with its gradients, or there is an error that says why. */
static void settle(ag_tensor y, ag_tensor x)
{
    ag_tape *t = x.tape;
    ag_tensor g, h;
    if (!ag_ok(y)) {
        assert_true(ag_error(t) != AG_OK && *ag_error_text(t));
        ag_error_clear(t);
        return;
    }
    expect_fine(t);
    if (ag_needs_grad(y)) {
        for (int flags = 0; flags < 2; flags++) {
            ag_gradients(ag_sum(y), AG_LIST(x), flags, &g);
            if (flags && ag_ok(g) && ag_needs_grad(g))
                ag_gradients(ag_sum(g), AG_LIST(x), 0, &h);
            ag_error_clear(t);
        }
        ag_backward(ag_sum(ag_square(y)));
        ag_error_clear(t);
    }
    ag_data(y, ag_dtype_of(y));
    ag_error_clear(t);
}

static void views(ag_tensor x, int rank)
{
    const int64_t many = INT64_MAX;
    settle(ag_flatten(x, 0, -1), x);
    settle(ag_reshape(x, AG_SHAPE(0)), x);
    settle(ag_reshape(x, AG_SHAPE(-1)), x);
    settle(ag_reshape(x, AG_SHAPE(many, 0, many)), x);
    settle(ag_expand(ag_unsqueeze(x, 0), AG_SHAPE(many, -1)), x);
    for (int a = 0; a < rank; a++) {
        settle(ag_transpose(x, 0, a), x);
        settle(ag_reshape(ag_transpose(x, 0, a), AG_SHAPE(5, 0)), x);
        settle(ag_unsqueeze(x, a), x);
        settle(ag_squeeze(x, a), x);
        settle(ag_select(x, a, 0), x);
        settle(ag_select(x, a, -1), x);
        settle(ag_slice(x, a, 0, many, 1), x);
        settle(ag_slice(x, a, 1, many, many), x);
        settle(ag_slice(x, a, -5, -1, 3), x);
        settle(ag_embed(x, a, many, 0, 1), x);
        settle(ag_embed(x, a, many, many - 1, 1), x);
        settle(ag_concat(AG_LIST(x, x), a), x);
        settle(ag_stack(AG_LIST(x, x), a), x);
        settle(ag_flatten(x, 0, a), x);
        ag_tensor y = ag_expand(ag_slice(ag_transpose(x, 0, a), 0, 0, 1, 1), AG_SHAPE(-1));
        settle(y, x);
    }
}

static void reductions(ag_tensor x, int rank)
{
    settle(ag_sum(x), x);
    settle(ag_mean(x), x);
    settle(ag_max(x), x);
    settle(ag_min(x), x);
    settle(ag_logsumexp(x, AG_ALL, 0), x);
    settle(ag_dot(x, x), x);
    for (int a = 0; a < rank; a++)
        for (int flags = 0; flags <= AG_KEEPDIM; flags += AG_KEEPDIM) {
            settle(ag_sum_over(x, AG_AXES(a), flags), x);
            settle(ag_mean_over(x, AG_AXES(a), flags), x);
            settle(ag_max_over(x, AG_AXES(a), flags), x);
            settle(ag_min_over(x, AG_AXES(0, -1), flags), x);
            settle(ag_softmax(x, a), x);
            settle(ag_log_softmax(x, a), x);
        }
}

static void elementwise(ag_tensor x)
{
    ag_tape *t = x.tape;
    ag_tensor number = ag_variable(t, 2), one = ag_require_grad(ag_ones(t, ag_dtype_of(x), AG_SHAPE(1)));
    ag_tensor turned = ag_transpose(x, 0, -1);
    settle(ag_exp(x), x);
    settle(ag_exp(turned), x);
    settle(ag_mul(x, x), x);
    settle(ag_mul(x, number), x);
    settle(ag_mul(number, turned), x);
    settle(ag_mul(x, one), x);
    settle(ag_mul(x, one), one);
    settle(ag_pow(turned, one), one);
    settle(ag_add(x, turned), x);
    settle(ag_where(ag_greater(x, number), x, number), x);
    settle(ag_cast(x, AG_F32), x);
    settle(ag_cast(turned, AG_I32), x);
    settle(ag_mse(x, x), x);
}

static void products(ag_tensor x)
{
    ag_tape *t = x.tape;
    const int64_t many = INT64_MAX;
    ag_tensor batch = ag_require_grad(ag_zeros(t, ag_dtype_of(x), AG_SHAPE(1, 1, 1)));
    ag_tensor wide = ag_zeros(t, ag_dtype_of(x), AG_SHAPE(0, many));
    settle(ag_matmul(x, x), x);
    settle(ag_matmul(x, ag_transpose(x, 0, -1)), x);
    settle(ag_matmul(ag_transpose(x, 0, -1), x), x);
    settle(ag_matmul(x, batch), x);
    settle(ag_matmul(batch, x), batch);
    settle(ag_matmul(wide, ag_transpose(wide, 0, 1)), x);
    settle(ag_matmul(ag_transpose(wide, 0, 1), wide), x);
    settle(ag_linear(x, wide, absent), x);
    settle(ag_linear(wide, x, absent), x);
    ag_tensor a = ag_require_grad(ag_zeros(t, ag_dtype_of(x), AG_SHAPE((int64_t)1 << 40, 0, 3)));
    ag_tensor b = ag_require_grad(ag_zeros(t, ag_dtype_of(x), AG_SHAPE((int64_t)1 << 40, 3, 0)));
    settle(ag_matmul(a, b), a);
    settle(ag_matmul(ag_zeros(t, ag_dtype_of(x), AG_SHAPE(2, 3, 0)), ag_zeros(t, ag_dtype_of(x), AG_SHAPE(2, 0, 2))),
           a);
}

static void along(ag_tensor x, int a)
{
    settle(ag_cumsum(x, a), x);
    settle(ag_cumprod(x, a), x);
    settle(ag_logcumsumexp(x, a), x);
    settle(ag_cummax(x, a).values, x);
    settle(ag_sort(x, a, (ag_sort_options){ 0 }).values, x);
    settle(ag_argsort(x, a, (ag_sort_options){ 0 }), x);
    settle(ag_topk(x, 0, a, (ag_topk_options){ 0 }).values, x);
    settle(ag_median(x, a).values, x);
    settle(ag_argmax(x, a), x);
    settle(ag_prod_over(x, AG_AXES(a), 0), x);
    settle(ag_var_over(x, AG_AXES(a), 0, (ag_var_options){ 0 }), x);
    settle(ag_std_over(x, AG_AXES(a), 0, (ag_var_options){ 0 }), x);
    settle(ag_norm_over(x, 1, AG_AXES(a), 0), x);
    settle(ag_norm_over(x, 2, AG_AXES(a), 0), x);
    settle(ag_norm_over(x, INFINITY, AG_AXES(a), 0), x);
    settle(ag_any_over(x, AG_AXES(a), 0), x);
    settle(ag_count_nonzero_over(x, AG_AXES(a), 0), x);
    settle(ag_logsumexp(x, AG_AXES(a), 0), x);
    settle(ag_flip(x, AG_AXES(a)), x);
    settle(ag_roll(x, a, 1), x);
    settle(ag_roll(x, a, INT64_MIN), x);
    settle(ag_unfold(x, a, 1, 1), x);
    settle(ag_unfold(x, a, INT64_MAX, INT64_MAX), x);
    settle(ag_split(x, a, 2, 0), x);
    settle(ag_repeat_interleave(x, a, 3), x);
    settle(ag_repeat_interleave(x, a, INT64_MAX), x);
    settle(ag_cosine_similarity(x, x, a, 1e-8), x);
}

static void by_index(ag_tensor x, int a)
{
    ag_tape *t = x.tape;
    const ag_tensor none = ag_zeros(t, AG_I64, AG_SHAPE(0)), like = ag_zeros(t, AG_I64, ag_shape_of(x));
    settle(ag_index_select(x, a, none), x);
    settle(ag_gather(x, a, like), x);
    settle(ag_take_along(x, a, like), x);
    settle(ag_scatter_add(x, a, like, x), x);
    settle(ag_embedding(x, none, (ag_embedding_options){ 0 }), x);
    settle(ag_masked_fill(x, ag_greater(x, x), 1), x);
    settle(ag_masked_select(x, ag_greater(x, x)), x);
    settle(ag_one_hot(like, 3, AG_F32), x);
    settle(ag_one_hot(like, INT64_MAX, AG_F32), x);
    settle(ag_searchsorted(x, x, (ag_searchsorted_options){ 0 }), x);
    settle(ag_unique_consecutive(x).values, x);
    settle(ag_cross_entropy(x, none), x);
}

static void with_neighbours(ag_tensor x, int rank)
{
    ag_shape one = { .rank = rank }, most = one;
    for (int a = 0; a < rank; a++) {
        one.dim[a] = 1;
        most.dim[a] = INT64_MAX;
    }
    for (int mode = AG_CONSTANT; mode <= AG_REPLICATE; mode++) {
        settle(ag_pad(x, one, one, (ag_pad_mode)mode, 0), x);
        settle(ag_pad(x, most, most, (ag_pad_mode)mode, 0), x);
    }
    settle(ag_repeat(x, most), x);
    settle(ag_tile(x, one), x);
    settle(ag_tril(x, INT64_MAX), x);
    settle(ag_triu(x, INT64_MIN), x);
    settle(ag_diagonal(x, INT64_MAX, 0, -1), x);
    settle(ag_diagonal(x, INT64_MIN, 0, -1), x);
    settle(ag_trace(x), x);
    settle(ag_kron(x, x), x);
    settle(ag_outer(x, x), x);
    settle(ag_cdist(x, x, 2), x);
    settle(ag_cholesky(x, 0), x);
    settle(ag_solve(x, x), x);
    settle(ag_dropout(x, 0.5), x);
    settle(ag_bernoulli(x), x);
    settle(ag_multinomial(x, 1, true), x);
    settle(ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ 0 }), x);
    settle(ag_layer_norm(x, absent, absent, (ag_layer_norm_options){ .dims = rank }), x);
    settle(ag_rms_norm(x, absent, (ag_layer_norm_options){ 0 }), x);
    settle(ag_batch_norm(x, absent, absent, absent, absent, (ag_batch_norm_options){ .training = true }).output, x);
    settle(ag_group_norm(x, 1, absent, absent, 0), x);
    settle(ag_instance_norm(x, absent, absent, 0), x);
    settle(ag_max_pool2d(x, AG_SHAPE(2, 2), (ag_pool_options){ 0 }), x);
    settle(ag_avg_pool1d(x, AG_SHAPE(2), (ag_pool_options){ 0 }), x);
    settle(ag_adaptive_avg_pool2d(x, AG_SHAPE(1, 1)), x);
    settle(ag_interpolate(x, (ag_interpolate_options){ .mode = AG_LINEAR, .scale = { 2, 2 } }), x);
    settle(ag_conv1d(x, x, absent, (ag_conv_options){ 0 }), x);
    settle(ag_conv2d(x, x, absent, (ag_conv_options){ .padding = { 1, 1 } }), x);
}

static void empty_tensors_of_huge_extents(void **state)
{
    (void)state;
    for (int way = 0; way < SHAPES * 3 * 2; way++) {
        ag_tape *t = tape_with((ag_options){ .threads = 2, .memory_limit = (size_t)1 << 28 });
        ag_shape s = shapes[way % SHAPES];
        ag_tensor x = leaf(t, way / SHAPES % 2 ? AG_F32 : AG_F64, s, way / SHAPES / 2);
        if (!ag_ok(x)) {
            assert_true(ag_error(t) != AG_OK);
            ag_tape_free(t);
            continue;
        }
        assert_int_equal(ag_size_of(x), 0);
        views(x, s.rank);
        reductions(x, s.rank);
        elementwise(x);
        products(x);
        for (int a = 0; a < s.rank; a++) {
            along(x, a);
            by_index(x, a);
        }
        with_neighbours(x, s.rank);
        ag_tape_reset(t);
        assert_usable(t);
        ag_tape_free(t);
    }
}

static void empty_persistent_tensors(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int i = 0; i < SHAPES; i++) {
        ag_shape s = shapes[i];
        ag_axes order = { .count = s.rank };
        for (int k = 0; k < s.rank; k++)
            order.axis[k] = s.rank - 1 - k;
        ag_tensor p = ag_param_as(ag_zeros(t, AG_F64, s), order, "p"), b = ag_buffer(p, "b");
        expect_fine(t);
        assert_int_equal(ag_assign(p, b), AG_OK);
        assert_int_equal(ag_assign(b, ag_zeros(t, AG_F32, s)), AG_OK);
        assert_int_equal(ag_backward(ag_sum(ag_mul(p, b))), AG_OK);
        assert_int_equal(ag_size_of(ag_grad(p)), 0);
        assert_int_equal(ag_backward_from(ag_exp(p), ag_zeros(t, AG_F64, s)), AG_OK);
        assert_int_equal(ag_copy_in(p, AG_F64, NULL, 0), AG_OK);
        assert_int_equal(ag_copy_out(p, AG_F64, NULL, 0), AG_OK);
        assert_int_equal(ag_copy_out(p, AG_I32, NULL, 0), AG_OK);
        ag_storage st;
        assert_int_equal(ag_storage_of(p, &st), AG_OK);
        assert_int_equal(st.count, 0);
        settle(ag_from(t, AG_F64, s, NULL, 0), p);
        settle(ag_rand(t, AG_F64, s, 0, 1), p);
        settle(ag_detach(p), p);
        ag_show(p);
        ag_error_clear(t);
    }
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_tensors_of_huge_extents),
        cmocka_unit_test(empty_persistent_tensors),
    };
    return cmocka_run_group_tests_name("empty tensors", tests, NULL, NULL);
}
