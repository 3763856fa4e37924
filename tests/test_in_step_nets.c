/* Steps of nets are in step with the last one from their first op to the loss. */
#include "support.h"

enum { ALL = 8, BEFORE_THE_LOSS = 3 };

/* x, w [3,4], b [3], v [4,3], labels: the ops that were in step. */
static int step(ag_tape *t, const ag_tensor *p, bool fails)
{
    const uint64_t before = ag_tape_stats(t).in_step;
    const ag_tensor none = { 0 }, h = ag_relu(ag_linear(p[0], p[1], p[2])), z = ag_linear(h, p[3], none);
    const ag_tensor classes = ag_cross_entropy(z, p[4]), squares = ag_mse(ag_matmul(h, p[1]), p[0]);
    const ag_tensor y = ag_add(ag_add(classes, squares), ag_mean(ag_square(z)));
    assert_int_equal(ag_error(t), fails ? AG_EARG : AG_OK);
    ag_error_clear(t);
    if (!fails)
        ag_backward(y);
    const int ops = (int)(ag_tape_stats(t).in_step - before);
    ag_tape_reset(t);
    return ops;
}

static void a_warm_net_is_in_step_up_to_what_fails(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        ag_tape *t = tape_with((ag_options){ .dtype = d ? AG_F64 : AG_F32, .threads = 1, .on_error = ag_quiet });
        const ag_tensor x = ag_full(t, AG_FLOAT, AG_SHAPE(5, 4), 0.5), w = ag_full(t, AG_FLOAT, AG_SHAPE(3, 4), 0.25);
        const ag_tensor b = ag_full(t, AG_FLOAT, AG_SHAPE(3), 0.125), v = ag_full(t, AG_FLOAT, AG_SHAPE(4, 3), 0.75);
        const ag_tensor labels = ag_buffer(ag_full(t, AG_I64, AG_SHAPE(5), 3), NULL);
        const ag_tensor p[] = { ag_buffer(x, NULL), ag_param(w, NULL), ag_param(b, NULL), ag_param(v, NULL), labels };
        ag_tape_reset(t);
        for (int i = 0; i < 10; i++)
            assert_int_equal(step(t, p, false), i < 3 ? 0 : ALL);
        ((int64_t *)ag_write(labels, AG_I64))[2] = 4; /* no class */
        ag_tape_reset(t);
        assert_int_equal(step(t, p, true), BEFORE_THE_LOSS);
        ((int64_t *)ag_write(labels, AG_I64))[2] = 1;
        ag_tape_reset(t);
        assert_true(step(t, p, false) >= BEFORE_THE_LOSS);
        ag_tape_free(t);
    }
}

static void a_loss_that_fails_in_step_leaves_no_layout(void **state)
{
    enum { N = 7 };
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .on_error = ag_quiet });
    const ag_tensor z = ag_param(ag_full(t, AG_FLOAT, AG_SHAPE(N, 3), 0.5), NULL);
    const ag_tensor labels = ag_buffer(ag_zeros(t, AG_I64, AG_SHAPE(N)), NULL);
    for (int i = 0; i < 12; i++) {
        const bool wrong = i == 10;
        ag_tape_reset(t);
        ((int64_t *)ag_write(labels, AG_I64))[3] = wrong ? 9 : 1;
        const ag_tensor y =
            ag_cross_entropy_with(z, labels, (ag_tensor){ 0 }, (ag_cross_entropy_options){ .reduce = AG_REDUCE_NONE });
        if (wrong) {
            expect_error(t, AG_EARG, "");
            const ag_tensor sum = ag_sum_over(z, AG_AXES(1), 0), other = ag_exp(ag_full(t, AG_F32, AG_SHAPE(5, 40), 3));
            assert_true(ag_item_at(other, 0) > 20);
            assert_int_equal(ag_shape_of(sum).dim[0], N);
            assert_int_equal(ag_size_of(ag_mul(sum, sum)), N);
            assert_close(ag_item_at(sum, N - 1), 1.5, 0);
        } else {
            ag_backward(ag_sum(y));
        }
        ag_zero_grad(z);
        expect_fine(t);
    }
    ag_tape_free(t);
}

static void numbers_without_a_node_begin_a_step(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor a = ag_param(ag_full(t, AG_F64, AG_SCALAR, 3), NULL);
    for (int i = 0; i < 8; i++) {
        ag_no_grad_begin(t);
        const ag_tensor y = ag_prod(a);
        ag_no_grad_end(t);
        ag_backward(ag_sum(ag_mul(ag_full(t, AG_F64, AG_SHAPE(4), 2), ag_mul(a, y))));
        assert_close(ag_item(ag_grad(a)), 24, 0);
        ag_zero_grad(a);
        ag_tape_reset(t);
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* x times a number, which is a variable in some steps: no node tells it from the constant of the others. */
static void numbers_that_want_a_gradient_now_and_then_receive_it(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_buffer(ag_full(t, AG_F32, AG_SHAPE(4), 3), NULL);
    const ag_tensor w = ag_param(ag_full(t, AG_F32, AG_SHAPE(4), 2), NULL);
    ag_tape_reset(t);
    uint64_t before = 0;
    for (int i = 0; i < 12; i++) {
        const bool wanted = i == 10;
        before = ag_tape_stats(t).in_step;
        const ag_tensor c = wanted ? ag_variable(t, i) : ag_constant(t, i), y = ag_sub(c, ag_mul(x, c));
        assert_close(ag_item_at(y, 3), -2.0 * i, 0);
        ag_backward(ag_sum(ag_mul(y, w)));
        assert_close(ag_item_at(ag_grad(w), 0), -2.0 * i, 0);
        if (wanted)
            assert_close(ag_item(ag_grad(c)), -16, 0);
        else if (i > 3 && i < 10)
            assert_true(ag_tape_stats(t).in_step - before >= 3);
        ag_zero_grad(w);
        ag_tape_reset(t);
    }
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_net_is_in_step_up_to_what_fails),
        cmocka_unit_test(a_loss_that_fails_in_step_leaves_no_layout),
        cmocka_unit_test(numbers_without_a_node_begin_a_step),
        cmocka_unit_test(numbers_that_want_a_gradient_now_and_then_receive_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
