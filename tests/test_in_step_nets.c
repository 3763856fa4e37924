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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_warm_net_is_in_step_up_to_what_fails) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
