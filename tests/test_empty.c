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

static void empty_tensors_of_huge_extents(void **state)
{
    (void)state;
    for (int way = 0; way < SHAPES * 3 * 2; way++) {
        ag_tape *t = tape_with((ag_options){ .threads = 2 });
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
