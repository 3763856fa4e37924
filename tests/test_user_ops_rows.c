/* Ops of one's own that take any strides but for rows without gaps: what is copied for them, and what is not. */
#include "planted.h"

/* ---- y = sums of the rows of a, times b, of matrices; params: what lay at a when a function saw it */

typedef struct seen {
    const void *data;
    ag_array a, b, dy, db;
} seen;

static seen *seen_by(const ag_call *c)
{
    return *(seen *const *)ag_call_params(c);
}

static ag_status rows_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x[0].dtype != x[1].dtype || (x[0].dtype != AG_F64 && x[0].dtype != AG_F32))
        return ag_call_fail(c, AG_EDTYPE, "the operands are of one floating dtype");
    if (x[0].shape.rank != 2 || x[1].shape.rank != 2 || x[0].shape.dim[0] != x[1].shape.dim[0] ||
        x[0].shape.dim[1] != x[1].shape.dim[1])
        return ag_call_fail(c, AG_ESHAPE, "the operands are matrices of one shape");
    *y = (ag_array){ .dtype = x[0].dtype, .shape = x[0].shape };
    return AG_OK;
}

static double get(const ag_array *x, int64_t row, int64_t column)
{
    const int64_t i = row * x->stride[0] + column;
    return x->dtype == AG_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
}

static void set(ag_array *x, int64_t row, int64_t column, double v)
{
    const int64_t i = row * x->stride[0] + column;
    if (x->dtype == AG_F32)
        ((float *)x->data)[i] = (float)v;
    else
        ((double *)x->data)[i] = v;
}

static ag_status rows_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (seen_by(c)) {
        seen_by(c)->a = x[0];
        seen_by(c)->b = x[1];
    }
    for (int64_t i = 0; i < y->shape.dim[0]; i++) {
        double sum = 0;
        for (int64_t j = 0; j < y->shape.dim[1]; j++)
            sum += get(&x[0], i, j);
        for (int64_t j = 0; j < y->shape.dim[1]; j++)
            set(y, i, j, sum * get(&x[1], i, j));
    }
    return AG_OK;
}

static void rows_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1);
    dx[0] = ag_expand(ag_sum_over(ag_mul(dy[0], b), AG_AXES(1), AG_KEEPDIM), ag_shape_of(a));
    dx[1] = ag_mul(dy[0], ag_sum_over(a, AG_AXES(1), AG_KEEPDIM));
}

static ag_status rows_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1);
    if (!a || !b)
        return AG_EUSE; /* written since */
    if (seen_by(c)) {
        seen_by(c)->dy = dy[0];
        seen_by(c)->db = dx[1];
    }
    for (int64_t i = 0; i < dy->shape.dim[0]; i++) {
        double sum = 0, back = 0;
        for (int64_t j = 0; j < dy->shape.dim[1]; j++) {
            sum += get(a, i, j);
            back += get(dy, i, j) * get(b, i, j);
        }
        for (int64_t j = 0; j < dy->shape.dim[1]; j++) {
            if (dx[0].data)
                set(&dx[0], i, j, (beta[0] != 0 ? get(&dx[0], i, j) : 0) + back);
            if (dx[1].data)
                set(&dx[1], i, j, (beta[1] != 0 ? get(&dx[1], i, j) : 0) + sum * get(dy, i, j));
        }
    }
    return AG_OK;
}

static seen *const nobody;
static const ag_sample samples[] = {
    { .params = &nobody, .low = { -2 }, .high = { 2 }, .shape = { AG_DIMS(3, 4), AG_DIMS(3, 4) } }, { 0 }
};

static const ag_op rows = { .name = "rows",
                            .inputs = 2,
                            .flags = AG_DENSE_ROWS,
                            .params_size = sizeof(seen *),
                            .shape = rows_shape,
                            .forward = rows_forward,
                            .vjp = rows_vjp,
                            .vjp_fused = rows_fused,
                            .samples = samples };

static void rows_without_gaps_are_not_copied(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    seen s, *p = &s;
    ag_tensor big = ag_require_grad(ag_reshape(ag_arange(t, AG_F64, 0, 24, 1), AG_SHAPE(4, 6))), g[2];
    ag_tensor part = ag_slice(ag_slice(big, 1, 1, 5, 1), 0, 0, 4, 2); /* [2,4], every other row */
    ag_tensor turned = ag_transpose(ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(4, 2))), 0, 1);
    ag_tensor y = ag_apply(&rows, AG_LIST(part, turned), &p);
    assert_true(s.a.stride[0] == 12 && s.a.stride[1] == 1);
    assert_ptr_equal(s.a.data, (const double *)ag_data(big, AG_F64) + 1);
    assert_true(s.b.stride[0] == 4 && s.b.stride[1] == 1);
    assert_values(y, 10, 10, 10, 10, 58, 58, 58, 58);
    assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(part, turned), 0, g), AG_OK);
    assert_values(g[0], 4, 4, 4, 4, 4, 4, 4, 4);
    assert_values(g[1], 10, 10, 10, 10, 58, 58, 58, 58);
    ag_tensor row = ag_slice(big, 0, 0, 1, 1), reversed = ag_slice(ag_transpose(big, 0, 1), 1, 1, 2, 1);
    ag_apply(&rows, AG_LIST(row, row), &p);
    assert_ptr_equal(s.a.data, ag_data(big, AG_F64));
    y = ag_apply(&rows, AG_LIST(reversed, reversed), &p); /* [6,1]: the rows have an element, wherever they lie */
    assert_true(s.a.stride[0] == 1);
    assert_values(y, 36, 49, 64, 81, 100, 121);
    ag_tape_free(t);
}

/* A parameter's gradient lies as the parameter does: transposed, the kernel does not get it. */
static void gradients_are_written_in_rows(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        ag_tape *t = new_tape();
        seen s, *p = &s;
        ag_axes order = turned ? AG_AXES(1, 0) : AG_AXES(0, 1);
        ag_tensor b = ag_param_as(ag_ones(t, AG_F64, AG_SHAPE(2, 4)), order, "b");
        ag_tensor a = ag_reshape(ag_arange(t, AG_F64, 0, 8, 1), AG_SHAPE(2, 4));
        for (int i = 1; i < 3; i++) {
            assert_int_equal(ag_backward(ag_sum(ag_apply(&rows, AG_LIST(a, b), &p))), AG_OK);
            assert_true(s.b.stride[1] == 1 && s.db.stride[1] == 1 && s.db.stride[0] == 4);
            assert_values(ag_grad(b), 6 * i, 6 * i, 6 * i, 6 * i, 22 * i, 22 * i, 22 * i, 22 * i);
        }
        ag_tape_free(t);
    }
}

static void ops_on_rows_pass_every_check(void **state)
{
    (void)state;
    expect_pass(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_without_gaps_are_not_copied),
        cmocka_unit_test(gradients_are_written_in_rows),
        cmocka_unit_test(ops_on_rows_pass_every_check),
    };
    return cmocka_run_group_tests_name("rows of user ops", tests, NULL, NULL);
}
