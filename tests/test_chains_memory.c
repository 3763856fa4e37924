/* Elementwise ops that wait and run block by block: what they need of memory, what is written meanwhile, and when there is
 * no memory. */
#include "memory.h"

#include "ag/ops.h"

/* ---- a chain of ten ops */

static ag_tensor ten_ops(ag_tensor x, ag_tensor a, ag_tensor b)
{
    ag_tensor u = ag_mul(ag_tanh(ag_add(ag_mul(a, x), b)), ag_sigmoid(x));
    return ag_mean(ag_add(u, ag_exp(ag_neg(ag_mul(x, x)))));
}

static void ten_ops_and_their_gradients_take_three_arrays(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .allocator = allocator_of(&m) });
    float *data = malloc(N * sizeof *data);
    for (int i = 0; i < N; i++)
        data[i] = (float)(i % 1000) / 500 - 1;
    ag_tensor x = ag_param(ag_wrap(t, AG_F32, AG_SHAPE(N), data, N * sizeof *data), "x");
    ag_tensor a = ag_param(ag_full(t, AG_FLOAT, AG_SCALAR, 1.5), "a"),
              b = ag_param(ag_full(t, AG_FLOAT, AG_SCALAR, 0.5), "b");
    for (int step_ = 0; step_ < 2; step_++) {
        ag_tape_reset(t);
        ag_zero_grad(x);
        ag_tensor y = ten_ops(x, a, b);
        ag_backward(y);
        assert_true(isfinite(ag_item(y)));
        assert_true(m.bytes <= 3 * N * sizeof *data);
    }
    expect_fine(t);
    ag_tape_free(t);
    free(data);
}

static ag_tensor normalized(ag_tensor x, ag_tensor a)
{
    ag_tensor d = ag_sub(x, ag_mean_over(x, AG_AXES(-1), AG_KEEPDIM));
    ag_tensor v = ag_mean_over(ag_square(d), AG_AXES(-1), AG_KEEPDIM);
    return ag_mul(ag_mul(d, ag_scalar_div(1, ag_sqrt(ag_add_scalar(v, 1e-5)))), a);
}

static void so_do_rows_that_are_normalized(void **state)
{
    (void)state;
    enum { ROWS = 1 << 9, COLUMNS = 1 << 10, BYTES = ROWS * COLUMNS * sizeof(float) };
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .allocator = allocator_of(&m) });
    ag_tensor x = ag_param(ag_rand(t, AG_FLOAT, AG_SHAPE(ROWS, COLUMNS), -1, 1), "x"),
              a = ag_param(ag_rand(t, AG_FLOAT, AG_SHAPE(COLUMNS), -1, 1), "a");
    for (int step_ = 0; step_ < 3; step_++) {
        ag_tape_reset(t);
        ag_zero_grad(x);
        ag_zero_grad(a);
        ag_tensor z = normalized(x, a), y = ag_mean(ag_mul(z, ag_sigmoid(z)));
        const size_t before = m.bytes;
        ag_backward(y);
        assert_true(isfinite(ag_item(y)));
        assert_true(step_ == 0 || m.bytes < before + BYTES / 4);
    }
    assert_true(m.bytes < (size_t)7 * BYTES / 2); /* x, its gradient, and the arena of the first step */
    expect_fine(t);
    ag_tape_free(t);
}

static void without_gradients_there_is_no_array_in_between(void **state)
{
    (void)state;
    enum { N = 1 << 18 };
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F64, .threads = 1, .allocator = allocator_of(&m) });
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(N)), a = ag_constant(t, 1.5);
    ag_no_grad_begin(t);
    assert_true(isfinite(ag_item(ten_ops(x, a, a))));
    ag_no_grad_end(t);
    assert_true(m.bytes <= (size_t)5 * N * sizeof(double) / 4);
    expect_fine(t);
    ag_tape_free(t);
}

static void a_value_is_that_of_before_a_write(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 1 });
    ag_tensor leaf = ag_ones(t, AG_FLOAT, AG_SHAPE(9)), p = ag_param(leaf, "p"), q = ag_param(leaf, "q");
    ag_tensor x = ag_add_scalar(ag_exp(ag_mul_scalar(leaf, 0)), 1), y = ag_add(p, leaf), z = ag_mul(q, p);
    ag_tensor view = ag_neg(ag_reshape(p, AG_SHAPE(9, 1)));
    ((float *)ag_write(leaf, AG_F32))[0] = 5;
    ag_assign(p, ag_mul_scalar(p, 3));
    ag_storage s;
    assert_int_equal(ag_storage_of(q, &s), AG_OK);
    ((float *)s.value)[0] = 7;
    ag_written(q);
    assert_true(ag_item_at(x, 0) == 2 && ag_item_at(y, 0) == 2 && ag_item_at(z, 0) == 1 && ag_item_at(view, 0) == -1);
    assert_true(ag_item_at(ag_mul(q, p), 0) == 21);
    expect_fine(t);
    ag_tape_free(t);
}

static void what_no_gradient_flows_through_can_be_written_as_ever(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 1 });
    ag_no_grad_begin(t);
    ag_tensor x = ag_exp(ag_zeros(t, AG_FLOAT, AG_SHAPE(9))), y = ag_add_scalar(x, 1);
    float *v = ag_write(x, AG_F32);
    assert_non_null(v);
    v[0] = 9;
    ag_no_grad_end(t);
    assert_true(ag_item_at(y, 0) == 2 && ag_item_at(x, 0) == 9);
    expect_fine(t);
    ag_tape_free(t);
}

static void shapes_and_names_are_there_before_values(void **state)
{
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 1, .allocator = allocator_of(&m) });
    ag_tensor x = ag_require_grad(ag_ones(t, AG_FLOAT, AG_SHAPE(1 << 16))), y = ag_name(ag_tanh(x), "y");
    const size_t before = m.bytes;
    assert_true(ag_size_of(y) == 1 << 16 && ag_shape_of(y).rank == 1 && ag_dtype_of(y) == AG_F32 && ag_needs_grad(y));
    assert_string_equal(ag_name_of(y), "y");
    assert_int_equal(m.bytes, before);
    assert_true(strstr(ag_show(y), "0.7615"));
    assert_true(m.bytes > before);
    expect_fine(t);
    ag_tape_free(t);
}

static void what_is_computed_late_is_counted_as_values(void **state)
{
    (void)state;
    enum { BYTES = 4 << 16 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 1, .threads = 1 });
    ag_tensor y = ag_tanh(ag_ones(t, AG_FLOAT, AG_SHAPE(1 << 16)));
    const ag_stats before = ag_tape_stats(t);
    assert_true(ag_item_at(y, 9) > 0.76);
    const ag_stats after = ag_tape_stats(t);
    assert_int_equal(after.values.live - before.values.live, BYTES);
    assert_int_equal(after.adjoints.live, before.adjoints.live);
    ag_tape_reset(t);
    assert_int_equal(ag_tape_stats(t).values.live, 0);
    ag_tape_free(t);
}

/* ---- memory fails where it is needed */

static ag_status chain_step(ag_tape *t, ag_tensor x, ag_tensor a, ag_tensor c)
{
    ag_tensor y = ten_ops(x, a, ag_constant(t, 0.5)), z = normalized(ag_mul(ag_tanh(x), a), c);
    y = ag_add(y, ag_mean(ag_square(ag_mean_over(ag_mul(z, y), AG_AXES(0), 0))));
    ag_backward(ag_add(y, ag_mean(ag_softmax(ag_add(z, ag_exp(z)), -1))));
    ag_assign(x, ag_sub(x, ag_mul_scalar(z, 0.01)));
    return ag_error(t);
}

static void each_allocation_may_fail_and_the_tape_goes_on(void **state)
{
    (void)state;
    enum { N = 200 };
    for (long fail = 1, failed = 1; failed; fail++) {
        memory m = { 0 };
        ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .allocator = allocator_of(&m) });
        ag_tensor x = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(N, N), 0.5), "x"),
                  a = ag_param(ag_full(t, AG_FLOAT, AG_SCALAR, 2), "a"),
                  c = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(N), 2), "c");
        ag_tape_reset(t);
        m.fail_at = m.requests + fail;
        failed = chain_step(t, x, a, c);
        if (failed) {
            assert_int_equal(failed, AG_ENOMEM);
            assert_true(ag_item_at(x, 7) == 0.5);
        }
        m.fail_at = 0;
        ag_error_clear(t);
        ag_tape_reset(t);
        ag_zero_grad(x);
        assert_int_equal(chain_step(t, x, a, c), AG_OK);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

static void a_sum_that_finds_no_memory_does_not_trouble_the_passes_after_it(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t room = 0, enough = 0; !enough; room++) { /* for its layout, its axes and its values */
        memory m = { 0 };
        ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 8, .allocator = allocator_of(&m) });
        ag_tensor x = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(20, 16), 0.5), "x"), y = ag_tanh(x);
        leave_room(&m, t, false, room);
        m.limit = 1 << 16;
        const bool later = ag_ok(ag_sum_over(y, AG_AXES(-1), AG_KEEPDIM));
        enough = later && ag_ok(ag_sum_over(y, AG_AXES(0), 0));
        failed += !enough;
        m.limit = 0;
        ag_error_clear(t);
        assert_int_equal(ag_backward(ag_sum(ag_mul(ag_sum_over(x, AG_AXES(-1), AG_KEEPDIM), x))), AG_OK);
        assert_true(ag_item_at(ag_grad(x), 7) == 16);
        expect_fine(t);
        ag_tape_free(t);
    }
    assert_true(failed >= 3);
}

static ag_tensor op_on(ag_tensor p, ag_tensor few, ag_tensor c, int which)
{
    switch (which) {
    case 0:
        return ag_mean_over(p, AG_AXES(-1), AG_KEEPDIM);
    case 1:
        return ag_tanh(few);
    case 2:
        return ag_add(few, few);
    case 3:
        return ag_mul(few, c);
    default:
        return ag_mul(p, few);
    }
}

/* The next request may succeed where one did not: then there must be no result beside the error. */
static void an_op_that_finds_no_place_on_the_tape_gives_no_result(void **state)
{
    (void)state;
    for (int which = 0; which < 5; which++) {
        size_t failed = 0;
        for (int before = 0; before < 80; before++) { /* its records, nodes or stops are full at some */
            memory m = { 0 };
            ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .fuse = 8, .allocator = allocator_of(&m) });
            const ag_tensor p = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(20, 16), 0.5), "p");
            ag_tape_reset(t);
            const ag_tensor few = ag_full(t, AG_FLOAT, AG_SHAPE(4), 0.5);
            for (int i = 0; i < before; i++)
                before % 2 ? ag_constant(t, i) : ag_full(t, AG_FLOAT, AG_SHAPE(1), i);
            const ag_tensor c = ag_constant(t, 2);
            m.fail_at = m.requests + 1;
            const ag_tensor y = op_on(p, which < 4 ? few : ag_full(t, AG_FLOAT, AG_SHAPE(16), 1), c, which);
            assert_int_equal(y.id != 0, !ag_error(t));
            failed += ag_error(t) == AG_ENOMEM;
            ag_tape_free(t);
        }
        assert_true(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_ops_and_their_gradients_take_three_arrays),
        cmocka_unit_test(so_do_rows_that_are_normalized),
        cmocka_unit_test(without_gradients_there_is_no_array_in_between),
        cmocka_unit_test(a_value_is_that_of_before_a_write),
        cmocka_unit_test(what_no_gradient_flows_through_can_be_written_as_ever),
        cmocka_unit_test(what_is_computed_late_is_counted_as_values),
        cmocka_unit_test(shapes_and_names_are_there_before_values),
        cmocka_unit_test(each_allocation_may_fail_and_the_tape_goes_on),
        cmocka_unit_test(a_sum_that_finds_no_memory_does_not_trouble_the_passes_after_it),
        cmocka_unit_test(an_op_that_finds_no_place_on_the_tape_gives_no_result),
    };
    return cmocka_run_group_tests_name("chains_memory", tests, NULL, NULL);
}
