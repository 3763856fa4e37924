/* Operands written after an op was recorded: an error where its derivative needs the old values, and only there. */
#include "support.h"

static ag_tensor values(ag_tape *t, double a, double b)
{
    return AG_VALUES(t, AG_SHAPE(2), a, b);
}

/* The message names the op, the operand and what it is called. */
static void a_written_operand_is_an_error(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(values(t, 1, 2)), b = ag_buffer(values(t, 3, 4), "running_mean");
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), "weight"), leaf = ag_name(values(t, 5, 6), "leaf");
    const struct {
        ag_tensor y;
        const char *op, *name;
    } cases[] = {
        { ag_mul(x, b), "ag_mul: operand 2", "'running_mean'" },
        { ag_div(x, b), "ag_div: operand 2", "'running_mean'" },
        { ag_matmul(x, w), "ag_matmul: operand 2", "'weight'" },
        { ag_linear(x, w, absent), "ag_linear: operand 2", "'weight'" },
        { ag_dot(b, x), "ag_dot: operand 1", "'running_mean'" },
        { ag_mul(leaf, x), "ag_mul: operand 1", "'leaf'" },
        { ag_mse(x, b), "ag_mse: operand 2", "'running_mean'" },
    };
    ag_assign(b, values(t, 7, 8));
    ag_assign(w, ag_zeros(t, AG_F64, AG_SHAPE(2, 2)));
    ((double *)ag_write(leaf, AG_F64))[0] = 9;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ag_tensor y = ag_sum(cases[i].y), g;
        for (int way = 0; way < 3; way++) {
            ag_status s = way == 0 ? ag_backward(y) : ag_gradients(y, AG_LIST(x), way == 1 ? 0 : AG_CREATE_GRAPH, &g);
            assert_int_equal(s, AG_EUSE);
            if (!strstr(ag_error_text(t), cases[i].name))
                print_error("%s\n", ag_error_text(t));
            assert_non_null(strstr(ag_error_text(t), cases[i].name));
            expect_error(t, AG_EUSE, cases[i].op);
            assert_values(ag_grad(x), 0, 0);
            assert_null(strstr(ag_show(ag_grad(w)), "nan"));
        }
    }
    assert_usable(t);
    ag_tape_free(t);
}

static void what_is_not_read_may_be_written(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(values(t, 1, 2)), b = ag_buffer(values(t, 3, 4), "b"),
              r = ag_buffer(ag_constant(t, 3), "r");
    ag_tensor p = ag_param(values(t, 5, 6), "p");
    ag_tensor y = ag_add(ag_sub(ag_add(x, b), b), ag_mul_scalar(p, 3)); /* sums need no values */
    y = ag_add(y, ag_reshape(ag_select(ag_stack(AG_LIST(x, b), 0), 0, 0), AG_SHAPE(2)));
    y = ag_add(y, ag_exp(p));    /* needs its result alone */
    y = ag_add(y, ag_mul(x, r)); /* rank 0: the value was taken */
    y = ag_add(y, ag_mul(ag_exp(b), x));
    y = ag_add(y, ag_maximum_scalar(ag_where(ag_less(b, x), b, x), -1));
    ag_tensor l = ag_add(ag_sum(y), ag_linear(x, ag_ones(t, AG_F64, AG_SHAPE(1, 2)), absent));
    const double e3 = exp(3), e4 = exp(4);
    ag_assign(b, values(t, 0, 0));
    ag_assign(r, ag_constant(t, -1));
    ag_assign(p, values(t, 0, 0));
    assert_int_equal(ag_backward(ag_sum(l)), AG_OK);
    assert_values(ag_grad(x), 1 + 1 + 3 + e3 + 1 + 1, 1 + 1 + 3 + e4 + 1 + 1);
    assert_values(ag_grad(p), 3 + exp(5), 3 + exp(6));
    ag_tensor g[2];
    assert_int_equal(ag_gradients(l, AG_LIST(x, p), AG_CREATE_GRAPH, g), AG_OK);
    assert_values(g[0], 1 + 1 + 3 + e3 + 1 + 1, 1 + 1 + 3 + e4 + 1 + 1);
    assert_values(g[1], 3 + exp(5), 3 + exp(6));
    ag_tape_free(t);
}

/* Every way to write counts. */
static void every_way_to_write(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        ag_tape *t = new_tape();
        ag_tensor x = ag_require_grad(values(t, 1, 2)), p = ag_param(values(t, 3, 4), "p"), y = ag_sum(ag_mul(x, p));
        const double numbers[] = { 5, 6 };
        ag_storage s;
        optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 0.1 });
        assert_int_equal(ag_backward(y), AG_OK);
        switch (way) {
        case 0:
            assert_int_equal(ag_assign(p, values(t, 5, 6)), AG_OK);
            break;
        case 1:
            memcpy(ag_write(p, AG_F64), numbers, sizeof numbers);
            break;
        case 2:
            assert_int_equal(ag_copy_in(p, AG_F64, numbers, sizeof numbers), AG_OK);
            break;
        case 3:
            assert_int_equal(ag_storage_of(p, &s), AG_OK);
            memcpy(s.value, numbers, sizeof numbers);
            assert_int_equal(ag_written(p), AG_OK);
            break;
        case 4:
            assert_int_equal(optim_step(o), AG_OK);
            break;
        default: /* the leaf of the step itself */
            memcpy(ag_write(ag_name(p, "q"), AG_F64), numbers, sizeof numbers);
        }
        assert_int_equal(ag_backward(y), AG_EUSE);
        expect_error(t, AG_EUSE, "ag_mul");
        assert_values(ag_grad(x), 3, 4);
        assert_values(ag_grad(p), 1, 2);
        ag_tensor now = ag_sum(ag_mul(x, p)); /* what is recorded now sees the new values */
        assert_int_equal(ag_backward(now), AG_OK);
        assert_values(ag_grad(p), 2, 4);
        if (way != 4)
            assert_values(ag_grad(x), 8, 10);
        ag_tape_reset(t);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* A view shares the storage, so writing to the one is writing to the other. */
static void views_share_the_write(void **state)
{
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        ag_tape *t = new_tape();
        ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), "p");
        for (int round = 0; round < 3; round++) { /* the parameter has a leaf of its own after each write */
            ag_tensor v = kind == 0   ? ag_transpose(p, 0, 1)
                          : kind == 1 ? ag_slice(p, 1, 0, 2, 1)
                          : kind == 2 ? ag_reshape(p, AG_SHAPE(6))
                          : kind == 3 ? ag_detach(p)
                          : kind == 4 ? ag_expand(ag_select(p, 0, 1), AG_SHAPE(4, 3))
                          : kind == 5 ? ag_require_grad(p)
                                      : ag_permute(ag_unsqueeze(p, 0), AG_AXES(2, 0, 1));
            ag_tensor x = ag_require_grad(ag_ones(t, AG_F64, ag_shape_of(v))), early = ag_sum(ag_mul(x, v));
            for (int write = 0; write < 3; write++) {
                assert_int_equal(ag_backward(early), write ? AG_EUSE : AG_OK);
                if (write)
                    expect_error(t, AG_EUSE, "ag_mul");
                ag_tensor late = ag_sum(ag_mul(x, v)); /* sees the values of now */
                assert_int_equal(ag_backward(late), AG_OK);
                double first = ag_item_at(p, 0);
                ag_assign(p, ag_full(t, AG_F64, AG_SHAPE(2, 3), first + 1));
                assert_int_equal(ag_backward(late), AG_EUSE);
                expect_error(t, AG_EUSE, "ag_mul");
                ag_zero_grad(x);
                ag_tensor newest = ag_sum(ag_mul(x, v));
                assert_int_equal(ag_backward(newest), AG_OK);
                if (kind != 1 && kind != 0)
                    assert_close(ag_item_at(ag_grad(x), 0), first + 1, 0);
                if (write == 1)
                    ag_exp(p); /* a new leaf */
            }
        }
        ag_tape_free(t);
    }
}

/* A reshape that had to copy has values of its own. */
static void copies_do_not_share_the_write(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), "p");
    ag_tensor y = ag_sum(ag_square(ag_reshape(ag_transpose(p, 0, 1), AG_SHAPE(4))));
    ag_assign(p, ag_zeros(t, AG_F64, AG_SHAPE(2, 2)));
    assert_int_equal(ag_backward(y), AG_OK);
    assert_values(ag_grad(p), 2, 4, 6, 8);
    ag_tape_free(t);
}

/* Persistent state that is overwritten in every step: the tensor read is of before the write. */
static void hidden_state_carries_over(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(ag_constant(t, 0.5), "w"), h = ag_buffer(values(t, 1, 1), "h");
    double expected = 1, slope = 0;
    for (int step = 0; step < 4; step++) {
        ag_tensor next = ag_mul(h, w), l = ag_sum(next);
        ag_tensor kept = ag_mul_scalar(h, 1);
        assert_int_equal(ag_backward(l), AG_OK);
        slope += 2 * expected;
        assert_item(ag_grad(w), slope);
        ag_assign(h, next);
        assert_values(kept, expected, expected);
        expected *= 0.5;
        assert_values(h, expected, expected);
        ag_tape_reset(t);
    }
    assert_item(w, 0.5);
    ag_tape_free(t);
}

static void assigning_is_checked(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), "p"),
              b = ag_buffer(ag_ones(t, AG_I32, AG_SHAPE(2)), "b");
    assert_int_equal(ag_assign(p, values(t, 1, 2)), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "ag_assign: 'p' has shape [2,2], the value [2]");
    assert_int_equal(ag_assign(b, values(t, 1, 2)), AG_EDTYPE);
    expect_error(t, AG_EDTYPE, "ag_assign: 'b' is i32, the value f64");
    assert_int_equal(ag_assign(p, ag_ones(t, AG_U8, AG_SHAPE(2, 2))), AG_EDTYPE);
    expect_error(t, AG_EDTYPE, "ag_assign");
    assert_int_equal(ag_assign(values(t, 1, 2), values(t, 1, 2)), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_assign: the tensor is transient");
    assert_values(p, 1, 2, 3, 4);
    assert_int_equal(ag_assign(p, ag_full(t, AG_F32, AG_SHAPE(2, 2), 0.5)), AG_OK);
    assert_values(p, 0.5, 0.5, 0.5, 0.5);
    ag_assign(p, AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4));
    assert_int_equal(ag_assign(p, ag_transpose(p, 0, 1)), AG_OK); /* onto itself */
    assert_values(p, 1, 3, 2, 4);
    assert_int_equal(ag_assign(p, p), AG_OK);
    assert_values(p, 1, 3, 2, 4);
    assert_int_equal(ag_assign(p, ag_expand(ag_select(p, 0, 1), AG_SHAPE(2, 2))), AG_OK);
    assert_values(p, 2, 4, 2, 4);
    ag_tape_free(t);
}

/* ---- storage order */

static void weights_stored_by_columns(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), x = AG_VALUES(t, AG_SHAPE(2, 3), 1, -1, 2, 0, 3, 1);
    ag_tensor rows = ag_param(w, "rows"), columns = ag_param_as(w, AG_AXES(1, 0), "columns"), g[2];
    ag_tensor cube = ag_param_as(ag_randn(t, AG_F32, AG_SHAPE(2, 3, 4), 0, 1), AG_AXES(-1, 0, 1), "cube");
    for (int step = 0; step < 3; step++) {
        for (int k = 0; k < 3; k++) {
            ag_tensor p = k ? rows : columns;
            ag_tensor y = k == 2 ? ag_square(ag_transpose(p, 0, 1)) : ag_square(ag_linear(x, p, absent));
            assert_int_equal(ag_backward(ag_sum(ag_mul(y, y))), AG_OK);
            if (k == 1)
                for (int i = 0; i < 6; i++)
                    assert_close(ag_item_at(ag_grad(rows), i), ag_item_at(ag_grad(columns), i), 1e-12);
        }
        ag_zero_grad(rows);
        ag_zero_grad(columns);
        ag_tensor y = ag_sum(ag_mul(ag_exp(rows), ag_exp(columns)));
        assert_int_equal(ag_gradients(y, AG_LIST(rows, columns), step % 2, g), AG_OK);
        for (int i = 0; i < 6; i++) {
            assert_close(ag_item_at(g[0], i), exp(2 * ag_item_at(w, i)), 1e-12);
            assert_close(ag_item_at(g[1], i), exp(2 * ag_item_at(w, i)), 1e-12);
        }
        ag_backward(ag_sum(ag_square(cube)));
        for (int i = 0; i < 24; i++)
            assert_close(ag_item_at(ag_grad(cube), i), 2 * (step + 1) * ag_item_at(cube, i), 1e-5);
        ag_tape_reset(t);
        w = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
        x = AG_VALUES(t, AG_SHAPE(2, 3), 1, -1, 2, 0, 3, 1);
    }
    const ag_axes bad[] = { AG_AXES(0), AG_AXES(0, 0), AG_AXES(0, 2), AG_AXES(1, -2147483647), { 100, { 0, 1 } } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(ag_param_as(w, bad[i], "w"), t));
        expect_error(t, AG_ESHAPE, "ag_param_as");
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_operand_is_an_error),
        cmocka_unit_test(what_is_not_read_may_be_written),
        cmocka_unit_test(every_way_to_write),
        cmocka_unit_test(views_share_the_write),
        cmocka_unit_test(copies_do_not_share_the_write),
        cmocka_unit_test(hidden_state_carries_over),
        cmocka_unit_test(assigning_is_checked),
        cmocka_unit_test(weights_stored_by_columns),
    };
    return cmocka_run_group_tests_name("backward writes", tests, NULL, NULL);
}
