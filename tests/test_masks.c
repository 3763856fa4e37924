/* Masks: what a number replaces, and questions about all elements. */
#include "values.h"

static ag_tensor mask(ag_tensor like)
{
    return ag_greater_scalar(ag_detach(like), 1);
}

static void a_number_stands_where_the_mask_says(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 0, 1, 2), m = mask(x);
    VALUES(ag_masked_fill(x, m, -INFINITY), AG_SHAPE(3), 0, 1, -INFINITY);
    VALUES(ag_where_scalar(m, x, -1), AG_SHAPE(3), -1, -1, 2);
    VALUES(ag_masked_fill(ag_reshape(x, AG_SHAPE(3, 1)), ag_slice(m, 0, 1, 3, 1), 9), AG_SHAPE(3, 2), 0, 9, 1, 9, 2, 9);
    VALUES(ag_where_scalar(m, ag_constant(t, 5), 0.5), AG_SHAPE(3), 0.5, 0.5, 5);
    ag_tensor whole = ag_masked_fill(ag_cast(x, AG_I32), m, -7);
    assert_int_equal(ag_dtype_of(whole), AG_I32);
    VALUES(whole, AG_SHAPE(3), 0, 1, -7);
    VALUES(ag_where_scalar(m, ag_cast(x, AG_U8), 255), AG_SHAPE(3), 255, 255, 2);
    ag_tensor turned = ag_transpose(ag_reshape(ag_arange(t, AG_F64, 0, 6, 1), AG_SHAPE(2, 3)), 0, 1);
    VALUES(ag_masked_fill(turned, mask(turned), 0), AG_SHAPE(3, 2), 0, 0, 1, 0, 0, 0);
}

static void nothing_flows_where_the_number_stands(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0, 1, 4)), m = mask(x);
    ag_tensor dy = AG_VALUES(t, AG_SHAPE(3), INFINITY, 2, NAN);
    VALUES(ag_vjp(ag_masked_fill(x, ag_logical_not(m), 5), dy, x), AG_SHAPE(3), 0, 0, NAN);
    VALUES(ag_vjp(ag_masked_fill(x, m, 5), ag_masked_fill(dy, ag_isinf(dy), 3), x), AG_SHAPE(3), 3, 2, 0);
    VALUES(ag_vjp(ag_where_scalar(ag_logical_not(m), x, 5), dy, x), AG_SHAPE(3), INFINITY, 2, 0);
    ag_tensor safe = ag_sqrt(ag_masked_fill(x, ag_equal_scalar(ag_detach(x), 0), 1)); /* as one avoids a pole */
    VALUES(ag_vjp(safe, ag_ones(t, AG_F64, AG_SHAPE(3)), x), AG_SHAPE(3), 0, 0.5, 0.25);
}

static void what_a_mask_cannot_be(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 0, 1, 2), n = ag_cast(x, AG_U8), m = mask(x);
    expect_failure(ag_masked_fill(x, x, 0), t, AG_EDTYPE,
                   "ag_masked_fill: [3] f64 and [3] f64: the mask must be u8, as comparisons give it");
    expect_failure(ag_where_scalar(x, x, 0), t, AG_EDTYPE, "the condition must be u8");
    expect_failure(ag_masked_fill(n, m, -1), t, AG_EARG, "ag_masked_fill: [3] u8 and [3] u8: the number -1 is no u8");
    expect_failure(ag_masked_fill(ag_cast(x, AG_I64), m, 0x1p63), t, AG_EARG, "is no i64");
    expect_failure(ag_masked_fill(ag_cast(x, AG_I32), m, NAN), t, AG_EARG, "the number nan is no i32");
    expect_failure(ag_masked_fill(x, ag_slice(m, 0, 0, 2, 1), 0), t, AG_ESHAPE, "do not broadcast");
}

static void one_or_all_elements_are_true(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 0, -0.5, NAN, 1, 2, 3), none = ag_zeros(t, AG_I64, AG_SHAPE(0, 3));
    VALUES(ag_any(x), AG_SCALAR, 1);
    VALUES(ag_all(x), AG_SCALAR, 0);
    VALUES(ag_any_over(ag_isnan(x), AG_AXES(0), 0), AG_SHAPE(3), 0, 0, 1);
    VALUES(ag_all_over(x, AG_AXES(1), AG_KEEPDIM), AG_SHAPE(2, 1), 0, 1);
    VALUES(ag_count_nonzero(x), AG_SCALAR, 5);
    VALUES(ag_count_nonzero_over(x, AG_AXES(1), 0), AG_SHAPE(2), 2, 3);
    VALUES(ag_any(none), AG_SCALAR, 0);
    VALUES(ag_all(none), AG_SCALAR, 1);
    VALUES(ag_any_over(none, AG_AXES(0), 0), AG_SHAPE(3), 0, 0, 0);
    VALUES(ag_all_over(none, AG_AXES(0), 0), AG_SHAPE(3), 1, 1, 1);
    assert_int_equal(ag_dtype_of(ag_any(x)), AG_U8);
    assert_int_equal(ag_dtype_of(ag_count_nonzero(x)), AG_I64);
    VALUES(ag_all(ag_full(t, AG_U8, AG_SHAPE(1000), 255)), AG_SCALAR, 1);
    VALUES(ag_count_nonzero(ag_full(t, AG_U8, AG_SHAPE(1000), 255)), AG_SCALAR, 1000);
}

/* One of them repeats along an axis; the other one is used besides, so that its gradient is added to. */
static void check_both(ag_tape *t, ag_dtype d, ag_shape repeated, ag_shape full, bool first)
{
    const ag_tensor c = mask(ag_randn(t, d, full, 0, 1)), dy = ag_randn(t, d, full, 0, 1);
    const ag_tensor x = ag_require_grad(ag_randn(t, d, repeated, 0, 1)),
                    z = ag_require_grad(ag_randn(t, d, full, 0, 1));
    const ag_tensor y = first ? ag_where(c, x, z) : ag_where(c, z, x);
    const ag_tensor loss = ag_sum(ag_add(ag_mul(y, dy), ag_mul(z, dy)));
    ag_tensor both[2], alone[2];
    ag_gradients(loss, AG_LIST(x, z), 0, both);
    for (int k = 0; k < 2; k++) {
        ag_gradients(loss, AG_LIST(k ? z : x), 0, &alone[k]);
        const size_t bytes = (size_t)ag_size_of(alone[k]) * ag_dtype_size(d);
        assert_memory_equal(ag_data(both[k], d), ag_data(alone[k], d), bytes);
    }
}

static void two_values_receive_what_each_would_by_itself(void **state)
{
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int first = 0; first < 2; first++) {
            check_both(*state, d, AG_SHAPE(2100), AG_SHAPE(70, 2100), first);
            check_both(*state, d, AG_SHAPE(70, 1), AG_SHAPE(70, 2100), first);
            check_both(*state, d, AG_SHAPE(3), AG_SHAPE(90, 3), first);
            check_both(*state, d, AG_SHAPE(5, 1), AG_SHAPE(7, 5, 130), first);
            check_both(*state, d, AG_SHAPE(1), AG_SHAPE(5000), first);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_stands_where_the_mask_says),
        TEST(nothing_flows_where_the_number_stands),
        TEST(what_a_mask_cannot_be),
        TEST(one_or_all_elements_are_true),
        TEST(two_values_receive_what_each_would_by_itself),
    };
    return cmocka_run_group_tests_name("masks", tests, NULL, NULL);
}
