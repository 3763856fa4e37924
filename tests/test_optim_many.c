/* Optimizers of many parameters. */
#include "nn_support.h"

static void give_gradient(ag_tensor p, double g)
{
    assert_int_equal(ag_backward(ag_mul_scalar(ag_sum(p), g)), AG_OK);
}

/* Small and large ones, some without a gradient, some that begin later: each is moved as one alone is. */
static void each_parameter_is_found_and_has_its_own_steps(void **state)
{
    (void)state;
    enum { MANY = 150 };
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 2 });
    ag_tensor p[MANY],
        alone[2] = { ag_param(ag_ones(t, AG_F32, AG_SHAPE(2)), NULL), ag_param(ag_ones(t, AG_F32, AG_SHAPE(2)), NULL) };
    for (int i = 0; i < MANY; i++)
        p[i] = ag_param(ag_ones(t, AG_F32, AG_SHAPE(i % 40 == 7 ? 40000 : 2)), NULL);
    optim *all = optim_adam((ag_list){ p, MANY }, (optim_adam_config){ .lr = 0.1 });
    optim *one[2] = { optim_adam(AG_LIST(alone[0]), (optim_adam_config){ .lr = 0.1 }),
                      optim_adam(AG_LIST(alone[1]), (optim_adam_config){ .lr = 0.1 }) };
    for (int step = 0; step < 3; step++, ag_tape_reset(t)) {
        for (int i = 0; i < MANY; i++) /* of four: one never, one late */
            if (i % 4 && (i % 4 > 1 || step))
                give_gradient(p[i], 3 - 2 * step);
        for (int i = step ? 0 : 1; i < 2; i++)
            give_gradient(alone[i], 3 - 2 * step);
        optim_step(all);
        optim_step(one[0]);
        optim_step(one[1]);
    }
    for (int i = 0; i < MANY; i++)
        for (int64_t k = 0; k < ag_shape_size(ag_shape_of(p[i])); k += k < 2 ? 1 : 997)
            assert_true(ag_item_at(p[i], k) == (i % 4 ? ag_item_at(alone[i % 4 > 1], 0) : 1));
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_parameter_is_found_and_has_its_own_steps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
