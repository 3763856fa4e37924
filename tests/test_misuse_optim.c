/* Every function of optim with what it should not get. */
#include "misuse.h"

static void settings(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const double bad[] = { 0, -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(optim_sgd(AG_LIST(b.p), (optim_sgd_config){ .lr = bad[i] }));
        expect_complaint(t, "optim_sgd");
        assert_null(optim_adam(AG_LIST(b.p), (optim_adam_config){ .lr = bad[i] }));
        expect_complaint(t, "optim_adam");
        assert_null(optim_adamw(AG_LIST(b.p), (optim_adam_config){ .lr = bad[i] }));
        expect_complaint(t, "optim_adamw");
        assert_null(optim_adagrad(AG_LIST(b.p), (optim_adagrad_config){ .lr = bad[i] }));
        expect_complaint(t, "optim_adagrad");
        assert_null(optim_rmsprop(AG_LIST(b.p), (optim_rmsprop_config){ .lr = bad[i] }));
        expect_complaint(t, "optim_rmsprop");
        if (bad[i] == 0)
            continue;
        assert_null(optim_sgd(AG_LIST(b.p), (optim_sgd_config){ .lr = 1, .momentum = bad[i] }));
        expect_complaint(t, "optim_sgd");
        assert_null(optim_sgd(AG_LIST(b.p), (optim_sgd_config){ .lr = 1, .weight_decay = bad[i] }));
        expect_complaint(t, "optim_sgd");
        const optim_adam_config configs[] = { { .lr = 1, .betas = { bad[i], 0.9 } },
                                              { .lr = 1, .betas = { 0.9, bad[i] } },
                                              { .lr = 1, .eps = bad[i] },
                                              { .lr = 1, .weight_decay = bad[i] },
                                              { .lr = 1, .betas = { 1, 0.9 } } };
        for (size_t k = 0; k < ARRAY_SIZE(configs); k++) {
            assert_null(optim_adam(AG_LIST(b.p), configs[k]));
            expect_complaint(t, "optim_adam");
            assert_null(optim_adamw(AG_LIST(b.p), configs[k]));
            expect_complaint(t, "optim_adamw");
        }
    }
    assert_null(optim_sgd(AG_LIST(b.p), (optim_sgd_config){ .lr = 1, .nesterov = true }));
    expect_complaint(t, "optim_sgd");
    free_bench(&b);
}

static void settings_of_adagrad_and_rmsprop(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const double bad[] = { -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const optim_adagrad_config adagrad[] = { { .lr = 1, .lr_decay = bad[i] },
                                                 { .lr = 1, .initial = bad[i] },
                                                 { .lr = 1, .eps = bad[i] },
                                                 { .lr = 1, .weight_decay = bad[i] } };
        const optim_rmsprop_config rmsprop[] = { { .lr = 1, .momentum = bad[i] },
                                                 { .lr = 1, .alpha = bad[i] },
                                                 { .lr = 1, .eps = bad[i] },
                                                 { .lr = 1, .weight_decay = bad[i] } };
        for (size_t k = 0; k < ARRAY_SIZE(adagrad); k++) {
            assert_null(optim_adagrad(AG_LIST(b.p), adagrad[k]));
            expect_complaint(t, "optim_adagrad");
            assert_null(optim_rmsprop(AG_LIST(b.p), rmsprop[k]));
            expect_complaint(t, "optim_rmsprop");
        }
    }
    free_bench(&b);
}

static void parameters_and_steps(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor q = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "q"), buffer = ag_buffer(q, "b"),
              foreign = ag_param(b.foreign, "f");
    const double bad[] = { 0, -1, NAN, INFINITY, -INFINITY };
    const ag_tensor wrong[] = { absent, b.stale, b.released, foreign, buffer, ag_variable(t, 1), b.p };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_null(optim_sgd(AG_LIST(b.p, wrong[i]), (optim_sgd_config){ .lr = 1 }));
        assert_true(ag_error(t) != AG_OK);
        ag_error_clear(t);
    }
    optim *o = optim_adam(AG_LIST(b.p, q), (optim_adam_config){ .lr = 0.1 });
    assert_non_null(o);
    for (size_t i = 1; i < ARRAY_SIZE(bad); i++) {
        expect_refusal(t, optim_set_lr(o, bad[i]), AG_EARG, "optim_set_lr");
        expect_refusal(t, optim_clip_norm(o, bad[i]), AG_EARG, "optim_clip_norm");
        expect_refusal(t, optim_clip_value(o, bad[i]), AG_EARG, "optim_clip_value");
    }
    expect_refusal(t, optim_clip_norm(o, 0), AG_EARG, "optim_clip_norm");
    assert_close(optim_lr(o), 0.1, 0);
    assert_close(optim_grad_norm(o), sqrt(56), 1e-15);
    ag_fail(t, AG_EFILE, "pending");
    assert_int_equal(optim_step(o), AG_EFILE);
    assert_int_equal(optim_clip_norm(o, 1), AG_EFILE);
    assert_int_equal(optim_clip_value(o, 1), AG_EFILE);
    assert_true(isnan(optim_grad_norm(o)));
    ag_error_clear(t);
    ag_release(q); /* a parameter that is taken away: nothing is updated */
    assert_int_equal(optim_step(o), AG_ESTALE);
    ag_error_clear(t);
    assert_int_equal(optim_clip_norm(o, 1), AG_ESTALE);
    ag_error_clear(t);
    check_bench(&b);
    ag_tape_reset(t);
    assert_int_equal(optim_step(o), AG_ESTALE);
    ag_error_clear(t);
    check_bench(&b);
    assert_int_equal(optim_zero_grad(o), AG_ESTALE); /* of what is there it still does */
    ag_error_clear(t);
    assert_values(ag_grad(b.p), 0, 0, 0);
    assert_int_equal(ag_backward(ag_sum(ag_square(b.p))), AG_OK);
    free_bench(&b);
}

static double minus_one(int64_t step, void *user)
{
    (void)step;
    (void)user;
    return -1;
}

static void rates(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    optim *o = optim_sgd(AG_LIST(b.p), (optim_sgd_config){ .lr = 0.5 });
    assert_null(optim_schedule_every(o, 0, 1));
    expect_complaint(t, "optim_schedule_every");
    assert_null(optim_schedule_milestones(o, (optim_milestones_config){ .at = { -1 } }));
    expect_complaint(t, "optim_schedule_milestones");
    assert_null(optim_schedule_linear(o, NAN, 1, 1));
    expect_complaint(t, "optim_schedule_linear");
    assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .steps = -1 }));
    expect_complaint(t, "optim_schedule_cosine");
    assert_null(optim_schedule_function(o, NULL, NULL));
    expect_complaint(t, "optim_schedule_function");
    assert_null(optim_schedule_function(o, minus_one, NULL));
    expect_complaint(t, "optim_schedule_function");
    optim_schedule *s = optim_schedule_every(o, 1, 0.5);
    assert_null(optim_schedule_then(s, 3, NULL));
    expect_complaint(t, "optim_schedule_then");
    expect_refusal(t, optim_schedule_set(s, -3), AG_EARG, "optim_schedule_set");
    assert_true(isnan(optim_schedule_at(s, -3)));
    expect_complaint(t, "optim_schedule_at");
    assert_null(optim_plateau_new(o, (optim_plateau_config){ .patience = -3 }));
    expect_complaint(t, "optim_plateau_new");
    optim_plateau *p = optim_plateau_new(o, (optim_plateau_config){ .patience = 2 });
    for (int i = 0; i < 100; i++)
        assert_int_equal(optim_plateau_step(p, NAN), AG_OK);
    assert_true(optim_lr(o) > 0);
    assert_int_equal(optim_schedule_step(s), AG_OK);
    assert_close(optim_lr(o), 0.25, 0);
    assert_int_equal(optim_schedule_step(NULL), AG_ENULL);
    assert_int_equal(optim_plateau_step(NULL, 1), AG_ENULL);
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings),
        cmocka_unit_test(settings_of_adagrad_and_rmsprop),
        cmocka_unit_test(parameters_and_steps),
        cmocka_unit_test(rates),
    };
    return cmocka_run_group_tests_name("misuse of optim", tests, NULL, NULL);
}
