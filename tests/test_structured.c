/* Values, gradients and errors of joining, choosing and casting; and what all structured ops do. */
#include "tests/values.h"

/* ---- joining */

static void joining(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 2)), y = AG_VALUES(t, AG_SHAPE(1, 2), 8, 9), turned = ag_transpose(x, 0, 1);
    VALUES(ag_concat(AG_LIST(x, y), 0), AG_SHAPE(3, 2), 1, 2, 3, 4, 8, 9);
    VALUES(ag_concat(AG_LIST(x, turned, x), -1), AG_SHAPE(2, 6), 1, 2, 1, 3, 1, 2, 3, 4, 2, 4, 3, 4);
    VALUES(ag_concat(AG_LIST(x), 1), AG_SHAPE(2, 2), 1, 2, 3, 4);
    VALUES(ag_concat(AG_LIST(ag_zeros(t, AG_F64, AG_SHAPE(0, 2)), y), 0), AG_SHAPE(1, 2), 8, 9);
    VALUES(ag_stack(AG_LIST(x, turned), 0), AG_SHAPE(2, 2, 2), 1, 2, 3, 4, 1, 3, 2, 4);
    VALUES(ag_stack(AG_LIST(x, turned), -1), AG_SHAPE(2, 2, 2), 1, 1, 2, 3, 3, 2, 4, 4);
    ag_tensor single = ag_full(t, AG_F32, AG_SCALAR, 3);
    VALUES(ag_stack(AG_LIST(ag_constant(t, 1), single), 0), AG_SHAPE(2), 1, 3);
    assert_int_equal(ag_dtype_of(ag_stack(AG_LIST(single, ag_constant(t, 1)), 0)), AG_F64);
    assert_int_equal(ag_dtype_of(ag_stack(AG_LIST(single, single), 0)), AG_F32);
    assert_int_equal(ag_dtype_of(ag_concat(AG_LIST(ag_cast(x, AG_U8), ag_cast(y, AG_U8)), 0)), AG_U8);
    ag_tensor many[100];
    double expected[100];
    for (int i = 0; i < 100; i++) {
        many[i] = ag_constant(t, i);
        expected[i] = i;
    }
    check_exactly(ag_stack((ag_list){ many, 100 }, 0), AG_SHAPE(100), expected);
}

static void errors_of_joining(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 2)), y = counting(t, AG_SHAPE(1, 3)), s = ag_constant(t, 1);
    expect_failure(ag_concat(AG_LIST(x, y), 0), t, AG_ESHAPE, "ag_concat: [2,2] f64 and [1,3] f64: operand 2");
    expect_failure(ag_concat(AG_LIST(x, ag_select(x, 0, 0)), 0), t, AG_ESHAPE, "operand 2");
    expect_failure(ag_concat(AG_LIST(x, x), 2), t, AG_ESHAPE, "no axis 2");
    expect_failure(ag_concat(AG_LIST(s, s), 0), t, AG_ESHAPE, "ag_stack");
    expect_failure(ag_concat(AG_LIST(x, ag_cast(x, AG_F32)), 0), t, AG_EDTYPE, "ag_cast");
    expect_failure(ag_stack(AG_LIST(x, y), 0), t, AG_ESHAPE, "ag_stack: [2,2] f64 and [1,3] f64");
    expect_failure(ag_stack(AG_LIST(x, x), 3), t, AG_ESHAPE, "no axis 3");
    expect_failure(ag_stack(AG_LIST(x, ag_cast(x, AG_I32)), 0), t, AG_EDTYPE, "ag_cast");
    expect_failure(ag_stack(AG_LIST(s, ag_cast(s, AG_I64)), 0), t, AG_EDTYPE, "ag_cast");
    ag_tensor deep = ag_zeros(t, AG_F64, AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    expect_failure(ag_stack(AG_LIST(deep, deep), 0), t, AG_ESHAPE, "at most 8");
}

static void gradients_of_joining(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2, 2))), y = counting(t, AG_SHAPE(2, 1));
    GRADIENT(ag_concat(AG_LIST(y, x), 1), x, AG_SHAPE(2, 2), 2, 3, 5, 6);
    GRADIENT(ag_concat(AG_LIST(x, y, x), 1), x, AG_SHAPE(2, 2), 1 + 4, 2 + 5, 6 + 9, 7 + 10);
    GRADIENT(ag_stack(AG_LIST(x, ag_transpose(x, 0, 1)), 0), x, AG_SHAPE(2, 2), 1 + 5, 2 + 7, 3 + 6, 4 + 8);
    GRADIENT(ag_stack(AG_LIST(x, x), -1), x, AG_SHAPE(2, 2), 3, 7, 11, 15);
    ag_tensor s = ag_variable(t, 2), single = ag_require_grad(ag_full(t, AG_F32, AG_SCALAR, 3));
    GRADIENT(ag_stack(AG_LIST(s, single, s), 0), s, AG_SCALAR, 4);
    GRADIENT(ag_stack(AG_LIST(s, single, s), 0), single, AG_SCALAR, 2);
}

/* ---- choosing */

static void choices(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 2), 1, -2, -3, 4), zero = ag_constant(t, 0), positive = ag_greater(x, zero);
    VALUES(ag_where(positive, x, ag_neg(x)), AG_SHAPE(2, 2), 1, 2, 3, 4);
    VALUES(ag_where(positive, x, zero), AG_SHAPE(2, 2), 1, 0, 0, 4);
    VALUES(ag_where(positive, AG_VALUES(t, AG_SHAPE(2, 1), 5, 6), AG_VALUES(t, AG_SHAPE(2), 7, 8)), AG_SHAPE(2, 2), 5,
           8, 7, 6);
    VALUES(ag_where(ag_select(positive, 0, 0), x, zero), AG_SHAPE(2, 2), 1, 0, -3, 0);
    VALUES(ag_where(ag_greater(ag_constant(t, 1), zero), ag_constant(t, 3), zero), AG_SCALAR, 3);
    VALUES(ag_where(ag_transpose(positive, 0, 1), ag_cast(x, AG_I64), ag_cast(ag_neg(x), AG_I64)), AG_SHAPE(2, 2), 1, 2,
           3, 4);
    assert_int_equal(ag_dtype_of(ag_where(positive, ag_cast(x, AG_F32), zero)), AG_F32);
    assert_int_equal(ag_dtype_of(ag_where(positive, zero, ag_full(t, AG_F32, AG_SCALAR, 1))), AG_F64);
    VALUES(ag_where(positive, ag_cast(x, AG_F32), ag_constant(t, 0.1)), AG_SHAPE(2, 2), 1, 0.1f, 0.1f, 4);
    expect_failure(ag_where(x, x, x), t, AG_EDTYPE, "the condition must be u8");
    expect_failure(ag_where(positive, x, ag_cast(x, AG_F32)), t, AG_EDTYPE, "differ");
    expect_failure(ag_where(positive, x, ag_cast(zero, AG_I32)), t, AG_EDTYPE, "differ");
    expect_failure(ag_where(positive, x, counting(t, AG_SHAPE(3))), t, AG_ESHAPE,
                   "ag_where: [2,2] u8, [2,2] f64 and [3] f64");
}

static void gradients_of_choices(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 1, -2, 0, 4)), zero = ag_constant(t, 0);
    ag_tensor positive = ag_greater(x, zero), row = ag_require_grad(counting(t, AG_SHAPE(2))), s = ag_variable(t, 3);
    GRADIENT(ag_where(positive, x, zero), x, AG_SHAPE(2, 2), 1, 0, 0, 4);
    GRADIENT(ag_where(positive, zero, x), x, AG_SHAPE(2, 2), 0, 2, 3, 0);
    GRADIENT(ag_add(ag_where(positive, x, zero), ag_where(positive, zero, x)), x, AG_SHAPE(2, 2), 1, 2, 3, 4);
    GRADIENT(ag_where(positive, x, x), x, AG_SHAPE(2, 2), 1, 2, 3, 4);
    GRADIENT(ag_where(positive, x, row), row, AG_SHAPE(2), 3, 2);
    GRADIENT(ag_where(positive, s, x), s, AG_SCALAR, 5);
    /* what is not chosen contributes 0 even where its derivative is infinite */
    GRADIENT(ag_where(positive, ag_log(x), x), x, AG_SHAPE(2, 2), 1, 2, 3, 1);
    GRADIENT(ag_where(positive, ag_sqrt(x), zero), x, AG_SHAPE(2, 2), 0.5, 0, 0, 1);
    ag_tensor v = ag_variable(t, 0);
    GRADIENT(ag_where(ag_greater(v, zero), ag_log(v), ag_mul_scalar(v, 2)), v, AG_SCALAR, 2);
    ag_tensor inf = ag_vjp(ag_where(positive, x, zero), ag_full(t, AG_F64, AG_SHAPE(2, 2), INFINITY), x);
    VALUES(inf, AG_SHAPE(2, 2), INFINITY, 0, 0, INFINITY);
}

/* ---- dtypes */

static void casts(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(8), 1.9, -1.9, NAN, 300, -1e10, 1e20, INFINITY, -0.5);
    VALUES(ag_cast(x, AG_I32), AG_SHAPE(8), 1, -1, 0, 300, INT32_MIN, INT32_MAX, INT32_MAX, 0);
    VALUES(ag_cast(x, AG_I64), AG_SHAPE(8), 1, -1, 0, 300, -1e10, (double)INT64_MAX, (double)INT64_MAX, 0);
    VALUES(ag_cast(x, AG_U8), AG_SHAPE(8), 1, 0, 0, 255, 0, 255, 255, 0);
    VALUES(ag_cast(x, AG_F32), AG_SHAPE(8), 1.9f, -1.9f, NAN, 300, -1e10f, 1e20f, INFINITY, -0.5);
    VALUES(ag_cast(ag_cast(x, AG_I32), AG_F64), AG_SHAPE(8), 1, -1, 0, 300, INT32_MIN, INT32_MAX, INT32_MAX, 0);
    VALUES(ag_cast(ag_cast(x, AG_I64), AG_U8), AG_SHAPE(8), 1, 0, 0, 255, 0, 255, 255, 0);
    VALUES(ag_cast(ag_constant(t, 2.5), AG_I64), AG_SCALAR, 2);
    ag_tensor same = ag_cast(x, AG_FLOAT);
    assert_true(same.id == x.id && same.epoch == x.epoch);
    expect_failure(ag_cast(x, (ag_dtype)17), t, AG_EDTYPE, "17 is no dtype");
    assert_int_equal(ag_cast((ag_tensor){ 0 }, AG_F32).id, 0);
}

static void gradients_of_casts(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(3))), single = ag_cast(x, AG_F32);
    GRADIENT(ag_cast(single, AG_F64), x, AG_SHAPE(3), 1, 2, 3);
    VALUES(ag_vjp(single, ag_ones(t, AG_F32, AG_SHAPE(3)), x), AG_SHAPE(3), 1, 1, 1);
    assert_int_equal(ag_dtype_of(ag_vjp(single, ag_ones(t, AG_F32, AG_SHAPE(3)), x)), AG_F64);
    assert_true(ag_needs_grad(single));
    assert_false(ag_needs_grad(ag_cast(x, AG_I32)));
    assert_false(ag_needs_grad(ag_cast(ag_cast(x, AG_U8), AG_F64)));
    GRADIENT(ag_mul(x, ag_cast(ag_cast(x, AG_I32), AG_F64)), x, AG_SHAPE(3), 1, 4, 9);
}

/* ---- what all of them do */

static void inert_operands_pass_through(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 2)), bad = ag_reshape(x, AG_SHAPE(3));
    assert_int_equal(bad.id, 0);
    char text[200];
    snprintf(text, sizeof text, "%s", ag_error_text(t));
    ag_tensor results[] = { ag_sum(bad),
                            ag_mean_over(bad, AG_AXES(0), 0),
                            ag_max(bad),
                            ag_min_over(bad, AG_AXES(0), 0),
                            ag_reshape(bad, AG_SHAPE(2)),
                            ag_flatten(bad, 0, 1),
                            ag_unsqueeze(bad, 0),
                            ag_squeeze(bad, 0),
                            ag_transpose(bad, 0, 1),
                            ag_permute(bad, AG_AXES(0)),
                            ag_expand(bad, AG_SHAPE(2)),
                            ag_slice(bad, 0, 0, 1, 1),
                            ag_select(bad, 0, 0),
                            ag_embed(bad, 0, 3, 0, 1),
                            ag_concat(AG_LIST(x, bad), 0),
                            ag_stack(AG_LIST(bad, x), 0),
                            ag_where(ag_greater(x, x), bad, x),
                            ag_cast(bad, AG_F32) };
    for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
        assert_int_equal(results[i].id, 0);
        assert_ptr_equal(results[i].tape, t);
    }
    assert_string_equal(ag_error_text(t), text); /* the first error stays */
    ag_error_clear(t);
}

static void stale_operands_are_found_out(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 2));
    assert_int_equal(ag_tape_reset(t), AG_OK);
    expect_failure(ag_sum(x), t, AG_ESTALE, "ag_sum");
    expect_failure(ag_reshape(x, AG_SHAPE(4)), t, AG_ESTALE, "ag_reshape");
    expect_failure(ag_flatten(x, 0, 1), t, AG_ESTALE, "ag_flatten");
    expect_failure(ag_cast(x, AG_F32), t, AG_ESTALE, "ag_cast");
    expect_failure(ag_concat(AG_LIST(counting(t, AG_SHAPE(2, 2)), x), 0), t, AG_ESTALE, "operand 2");
}

/* Parameters that are stored by columns, their gradients too. */
static void parameters_of_any_storage_order(void **state)
{
    ag_tape *t = *state;
    ag_tensor w = ag_param_as(counting(t, AG_SHAPE(2, 3)), AG_AXES(1, 0), "w"), c = counting(t, AG_SHAPE(2, 3));
    ag_tensor parts[] = { ag_sum(ag_mul(w, c)),
                          ag_sum(ag_slice(w, 1, 1, 3, 1)),
                          ag_sum(ag_select(w, 0, 1)),
                          ag_sum(w),
                          ag_sum(ag_mul(ag_reshape(w, AG_SHAPE(6)), ag_reshape(c, AG_SHAPE(6)))),
                          ag_max(w),
                          ag_sum(ag_where(ag_greater(w, ag_constant(t, 2)), w, ag_constant(t, 0))),
                          ag_sum(ag_concat(AG_LIST(w, c), 0)),
                          ag_mean(w) };
    static const double expected[][6] = {
        { 1, 2, 3, 4, 5, 6 }, { 0, 1, 1, 0, 1, 1 }, { 0, 0, 0, 1, 1, 1 },
        { 1, 1, 1, 1, 1, 1 }, { 1, 2, 3, 4, 5, 6 }, { 0, 0, 0, 0, 0, 1 },
        { 0, 0, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1, 1 }, { 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6 }
    };
    double total[6] = { 0 };
    for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
        assert_int_equal(ag_zero_grad(w), AG_OK);
        assert_int_equal(ag_backward(parts[k]), AG_OK);
        check_exactly(ag_grad(w), AG_SHAPE(2, 3), expected[k]);
    }
    assert_int_equal(ag_zero_grad(w), AG_OK);
    for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
        assert_int_equal(ag_backward(parts[k]), AG_OK);
        for (int i = 0; i < 6; i++)
            total[i] += expected[k][i];
    }
    for (int i = 0; i < 6; i++)
        assert_true(fabs(ag_item_at(ag_grad(w), i) - total[i]) <= 4 * DBL_EPSILON * total[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(joining),
        TEST(errors_of_joining),
        TEST(gradients_of_joining),
        TEST(choices),
        TEST(gradients_of_choices),
        TEST(casts),
        TEST(gradients_of_casts),
        TEST(inert_operands_pass_through),
        TEST(stale_operands_are_found_out),
        TEST(parameters_of_any_storage_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
