/* Views of a user's op: any part of the operand's memory, in any order, but nothing else. */
#include "support.h"

/* ---- a view as its parameters say */

typedef struct view {
    int64_t offset; /* in bytes */
    ag_shape shape;
    int64_t stride[3];
    ag_dtype dtype;
    const void *elsewhere; /* where the data is said to be */
    bool nowhere;
} view;

static ag_status view_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const view *p = ag_call_params(c);
    y->dtype = p->dtype ? p->dtype : x->dtype;
    y->shape = p->shape;
    memcpy(y->stride, p->stride, sizeof p->stride);
    y->data = p->nowhere     ? NULL
              : p->elsewhere ? (void *)(uintptr_t)p->elsewhere
                             : (void *)((uintptr_t)x->data + (uintptr_t)p->offset);
    return AG_OK;
}

static void view_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const view *p = ag_call_params(c);
    dx[0] = p->nowhere ? ag_reshape(dy[0], AG_SHAPE(2, 3)) : dy[0];
}

static const ag_op viewing = {
    .name = "viewing", .inputs = 1, .flags = AG_VIEW, .params_size = sizeof(view), .shape = view_shape, .vjp = view_vjp
};

static ag_tensor matrix(ag_tape *t) /* in the middle of memory that belongs to others */
{
    ag_full(t, AG_F64, AG_SHAPE(64), -1);
    ag_tensor x = ag_reshape(ag_arange(t, AG_F64, 1, 7, 1), AG_SHAPE(2, 3));
    ag_full(t, AG_F64, AG_SHAPE(64), -1);
    return x;
}

static void views_that_reach_outside_are_refused(void **state)
{
    (void)state;
    static const double other[16];
    const int64_t huge = (int64_t)1 << 61;
    const view bad[] = {
        { .offset = 8, .shape = AG_DIMS(2, 3), .stride = { 3, 1 } },
        { .offset = -8, .shape = AG_DIMS(2, 3), .stride = { 3, 1 } },
        { .offset = 4, .shape = AG_DIMS(2), .stride = { 1 } },
        { .offset = 48, .shape = { 0 } },
        { .offset = INT64_MAX, .shape = AG_DIMS(1), .stride = { 1 } },
        { .offset = INT64_MIN, .shape = AG_DIMS(1), .stride = { 1 } },
        { .shape = AG_DIMS(7), .stride = { 1 } },
        { .shape = AG_DIMS(2, 3), .stride = { 4, 1 } },
        { .shape = AG_DIMS(2, 3), .stride = { -3, 1 } },
        { .offset = 40, .shape = AG_DIMS(7), .stride = { -1 } },
        { .offset = 24, .shape = AG_DIMS(3, 2), .stride = { 2, -2 } },
        { .shape = AG_DIMS(2), .stride = { huge } },
        { .shape = AG_DIMS(2), .stride = { INT64_MIN } },
        { .shape = AG_DIMS(3), .stride = { INT64_MAX } },
        { .shape = AG_DIMS(1 << 30, 1 << 20), .stride = { huge, 1 } },
        { .shape = AG_DIMS(3, 3), .stride = { INT64_MAX / 4, INT64_MAX / 4 } },
        { .shape = AG_DIMS(2), .stride = { 1 }, .dtype = AG_F32 },
        { .shape = AG_DIMS(2), .stride = { 1 }, .dtype = AG_I64 },
        { .shape = AG_DIMS(2), .stride = { 1 }, .elsewhere = other },
        { .shape = AG_DIMS(4), .nowhere = true },
    };
    ag_tape *t = new_tape();
    ag_tensor x = matrix(t), empty = ag_zeros(t, AG_F64, AG_SHAPE(0, 3)), number = ag_variable(t, 5);
    ag_tensor column = ag_select(x, 1, 0), param = ag_param(x, "p");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ag_status status = bad[i].dtype ? AG_EDTYPE : AG_ESHAPE;
        assert_true(is_inert(ag_apply(&viewing, AG_LIST(x), &bad[i]), t));
        expect_error(t, status, "viewing");
        assert_true(is_inert(ag_apply(&viewing, AG_LIST(param), &bad[i]), t));
        expect_error(t, status, "view");
    }
    const view one = { .shape = AG_DIMS(1), .stride = { 1 } }, four = { .shape = AG_DIMS(4), .stride = { 1 } };
    const view two = { .shape = AG_DIMS(2), .stride = { 1 } };
    assert_true(is_inert(ag_apply(&viewing, AG_LIST(empty), &one), t));
    expect_error(t, AG_ESHAPE, "outside");
    assert_true(is_inert(ag_apply(&viewing, AG_LIST(number), &two), t));
    expect_error(t, AG_ESHAPE, "outside");
    assert_values(ag_apply(&viewing, AG_LIST(column), &four), 1, 2, 3, 4); /* between its elements lie x's */
    assert_usable(t);
    ag_tape_free(t);
}

static void views_in_any_order_are_fine(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(matrix(t));
    const view backward = { .offset = 40, .shape = AG_DIMS(2, 3), .stride = { -3, -1 } };
    const view last = { .offset = 40 }, none = { .shape = AG_DIMS(4, 0), .stride = { 7, 7 }, .elsewhere = &last };
    const view all = { .shape = AG_DIMS(3, 2), .nowhere = true };
    ag_tensor y = ag_apply(&viewing, AG_LIST(x), &backward);
    assert_values(y, 6, 5, 4, 3, 2, 1);
    assert_values(ag_sum_over(y, AG_AXES(0), 0), 9, 7, 5);
    assert_values(ag_max_over(y, AG_AXES(1), 0), 6, 3);
    assert_values(ag_matmul(y, ag_transpose(y, 0, 1)), 77, 32, 32, 14);
    assert_values(ag_add(y, x), 7, 7, 7, 7, 7, 7);
    assert_values(ag_reshape(y, AG_SHAPE(6)), 6, 5, 4, 3, 2, 1);
    assert_values(ag_softmax(ag_mul_scalar(y, 0), 1), 1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3);
    assert_item(ag_apply(&viewing, AG_LIST(x), &last), 6);
    assert_int_equal(ag_size_of(ag_apply(&viewing, AG_LIST(x), &none)), 0);
    ag_tensor copy = ag_apply(&viewing, AG_LIST(ag_slice(ag_concat(AG_LIST(x, x), 1), 1, 1, 4, 1)), &all);
    assert_shape(copy, 3, 2);
    assert_values(copy, 2, 3, 1, 5, 6, 4);
    assert_int_equal(ag_backward(ag_sum(ag_mul(copy, copy))), AG_OK);
    assert_values(ag_grad(x), 2, 4, 6, 8, 10, 12);
    ag_tape_free(t);
}

/* A view belongs to what it shows: a write there is a write to it. A copy does not. */
static void views_share_writes_and_copies_do_not(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor value = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), x = ag_require_grad(value);
    const view row = { .offset = 24, .shape = AG_DIMS(3), .stride = { 1 } },
               all = { .shape = AG_DIMS(6), .nowhere = true };
    ag_tensor shown = ag_apply(&viewing, AG_LIST(x), &row), copied = ag_apply(&viewing, AG_LIST(x), &all);
    ag_tensor a = ag_sum(ag_square(shown)), b = ag_sum(ag_square(copied));
    assert_int_equal(ag_copy_in(value, AG_F64, (double[]){ 0, 0, 0, 0, 0, 0 }, 48), AG_OK);
    assert_values(shown, 0, 0, 0);
    assert_values(copied, 1, 2, 3, 4, 5, 6);
    assert_int_equal(ag_backward(a), AG_EUSE);
    expect_error(t, AG_EUSE, "written");
    assert_int_equal(ag_backward(b), AG_OK);
    assert_values(ag_grad(x), 2, 4, 6, 8, 10, 12);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_that_reach_outside_are_refused),
        cmocka_unit_test(views_in_any_order_are_fine),
        cmocka_unit_test(views_share_writes_and_copies_do_not),
    };
    return cmocka_run_group_tests_name("views of user ops", tests, NULL, NULL);
}
