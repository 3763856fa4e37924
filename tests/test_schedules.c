/* Learning rates that change: PyTorch's numbers, what is refused, memory. */
#include "nn_support.h"

enum { STEPS = 40 };

static optim *new_optim(ag_tape *t)
{
    return optim_sgd(AG_LIST(ag_param(ag_constant(t, 1), "p")), (optim_sgd_config){ .lr = 0.1 });
}

/* ---- PyTorch's rates: see fixtures/make_schedules.py */

static double inverse_root(int64_t step, void *user)
{
    (void)user;
    return 1 / sqrt(1 + (double)step);
}

typedef optim_schedule *make_schedule(optim *o);
static optim_schedule *every(optim *o)
{
    return optim_schedule_every(o, 7, 0.5);
}
static optim_schedule *exponential(optim *o)
{
    return optim_schedule_every(o, 1, 0.93);
}
static optim_schedule *milestones(optim *o)
{
    return optim_schedule_milestones(o, (optim_milestones_config){ .at = { 3, 11, 11, 30 } });
}
static optim_schedule *linear_up(optim *o)
{
    return optim_schedule_linear(o, 1 / 3.0, 1, 5);
}
static optim_schedule *linear_down(optim *o)
{
    return optim_schedule_linear(o, 1, 0, 25);
}
static optim_schedule *cosine(optim *o)
{
    return optim_schedule_cosine(o, (optim_cosine_config){ .steps = 12, .min_lr = 0.01 });
}
static optim_schedule *cosine_to_zero(optim *o)
{
    return optim_schedule_cosine(o, (optim_cosine_config){ .steps = 40 });
}
static optim_schedule *restarts(optim *o)
{
    return optim_schedule_cosine(o, (optim_cosine_config){ .steps = 9, .min_lr = 0.001, .restart = true });
}
static optim_schedule *restarts_growing(optim *o)
{
    return optim_schedule_cosine(o, (optim_cosine_config){ .steps = 3, .restart = true, .grow = 2 });
}
static optim_schedule *function(optim *o)
{
    return optim_schedule_function(o, inverse_root, NULL);
}
static optim_schedule *warm_up_cosine(optim *o)
{
    optim_schedule *fall = optim_schedule_cosine(o, (optim_cosine_config){ .steps = 20, .min_lr = 0.002 });
    return optim_schedule_then(optim_schedule_linear(o, 0.1, 1, 5), 5, fall);
}
static optim_schedule *warm_up_every(optim *o)
{
    return optim_schedule_then(optim_schedule_linear(o, 0.1, 1, 5), 5, optim_schedule_every(o, 4, 0.3));
}

static const struct {
    const char *name;
    make_schedule *make;
} schedules[] = {
    { "every", every },
    { "exponential", exponential },
    { "milestones", milestones },
    { "linear_up", linear_up },
    { "linear_down", linear_down },
    { "cosine", cosine },
    { "cosine_to_zero", cosine_to_zero },
    { "restarts", restarts },
    { "restarts_growing", restarts_growing },
    { "function", function },
    { "warm_up_cosine", warm_up_cosine },
    { "warm_up_every", warm_up_every },
};

static const struct {
    const char *name;
    optim_plateau_config config;
} plateaus[] = {
    { "plateau", { .factor = 0 } },
    { "plateau_patient", { .patience = 2, .factor = 0.5, .cooldown = 1 } },
    { "plateau_absolute", { .patience = 1, .threshold = 0.05, .absolute = true } },
    { "plateau_maximize", { .patience = 3, .maximize = true, .factor = 0.3, .threshold = 0.01 } },
    { "plateau_maximize_absolute",
      { .patience = 2, .maximize = true, .threshold = 0.1, .absolute = true, .min_lr = 0.004 } },
    { "plateau_eps", { .patience = 1, .factor = 0.2, .eps = 0.001, .min_lr = 0.0005 } },
};

static void read_line(FILE *f, const char *name, double *to, int count)
{
    char word[64];
    assert_int_equal(fscanf(f, "%63s", word), 1);
    assert_string_equal(word, name);
    for (int i = 0; i < count; i++)
        assert_int_equal(fscanf(f, "%lf", &to[i]), 1);
}

static void rates_are_pytorchs(void **state)
{
    (void)state;
    FILE *f = fopen("tests/fixtures/schedules.txt", "r");
    assert_non_null(f);
    ag_tape *t = f64_tape();
    double rates[STEPS + 1], values[STEPS];
    for (size_t i = 0; i < ARRAY_SIZE(schedules); i++) {
        read_line(f, schedules[i].name, rates, STEPS + 1);
        optim *o = new_optim(t);
        optim_schedule *s = schedules[i].make(o);
        assert_near(optim_lr(o), rates[0], 1e-12 * rates[0]);
        for (int k = 1; k <= STEPS; k++) {
            assert_int_equal(optim_schedule_step(s), AG_OK);
            assert_int_equal(s->step, k);
            assert_near(optim_lr(o), rates[k], 1e-13);
            assert_near(optim_schedule_at(s, k), optim_lr(o), 0);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++) {
        read_line(f, "values", values, STEPS);
        read_line(f, plateaus[i].name, rates, STEPS + 1);
        optim *o = new_optim(t);
        optim_plateau *p = optim_plateau_new(o, plateaus[i].config);
        for (int k = 0; k < STEPS; k++) {
            assert_near(optim_lr(o), rates[k], 1e-13);
            assert_int_equal(optim_plateau_step(p, values[k]), AG_OK);
        }
        assert_near(optim_lr(o), rates[STEPS], 1e-13);
        assert_true(p->reductions > 0);
    }
    fclose(f);
    expect_fine(t);
    ag_tape_free(t);
}

static void training_is_resumed_at_its_step(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t);
    for (size_t i = 0; i < ARRAY_SIZE(schedules); i++) {
        optim_set_lr(o, 0.1);
        optim_schedule *s = schedules[i].make(o);
        const double first = optim_lr(o);
        for (int k = 0; k < 33; k++)
            optim_schedule_step(s);
        const double then = optim_lr(o);
        assert_int_equal(optim_schedule_set(s, 0), AG_OK);
        assert_near(optim_lr(o), first, 0);
        assert_int_equal(optim_schedule_set(s, 33), AG_OK);
        assert_near(optim_lr(o), then, 0);
        assert_int_equal(optim_schedule_set(s, INT64_MAX), AG_OK);
        assert_int_equal(optim_schedule_step(s), AG_OK);
        assert_true(s->step == INT64_MAX);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void the_base_is_the_rate_that_was_set(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t);
    optim_set_lr(o, 8);
    optim_schedule *s = optim_schedule_every(o, 1, 0.5);
    optim_schedule_step(s);
    assert_near(optim_lr(o), 4, 0);
    optim_schedule *again = optim_schedule_every(o, 1, 0.25); /* of the same base */
    assert_near(optim_lr(o), 8, 0);
    optim_schedule_step(again);
    assert_near(optim_lr(o), 2, 0);
    optim_set_lr(o, 1); /* until the next step */
    assert_near(optim_lr(o), 1, 0);
    optim_schedule_step(s);
    assert_near(optim_lr(o), 2, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- what is refused */

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t);
    const double bad[] = { -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(optim_schedule_every(o, 1, bad[i]));
        expect_error(t, AG_EARG, "optim_schedule_every: factor is ");
        assert_null(optim_schedule_milestones(o, (optim_milestones_config){ .at = { 1 }, .factor = bad[i] }));
        expect_error(t, AG_EARG, "optim_schedule_milestones: factor is ");
        assert_null(optim_schedule_linear(o, bad[i], 1, 5));
        expect_error(t, AG_EARG, "optim_schedule_linear: from is ");
        assert_null(optim_schedule_linear(o, 1, bad[i], 5));
        expect_error(t, AG_EARG, "optim_schedule_linear: to is ");
        assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .steps = 5, .min_lr = bad[i] }));
        expect_error(t, AG_EARG, "optim_schedule_cosine: min_lr is ");
        const optim_plateau_config configs[] = {
            { .factor = bad[i] }, { .threshold = bad[i] }, { .min_lr = bad[i] }, { .eps = bad[i] }
        };
        for (size_t k = 0; k < ARRAY_SIZE(configs); k++) {
            assert_null(optim_plateau_new(o, configs[k]));
            expect_error(t, AG_EARG, "optim_plateau_new: ");
        }
    }
    assert_null(optim_plateau_new(o, (optim_plateau_config){ .threshold = 1 })); /* no loss would be better */
    expect_error(t, AG_EARG, "optim_plateau_new: threshold is 1; as a part of the best value it must be below 1");
    assert_non_null(optim_plateau_new(o, (optim_plateau_config){ .threshold = 1, .absolute = true }));
    assert_null(optim_schedule_every(o, 0, 0.5));
    expect_error(t, AG_EARG, "optim_schedule_every: steps is 0; it must be at least 1");
    assert_null(optim_schedule_milestones(o, (optim_milestones_config){ 0 }));
    expect_error(t, AG_EARG, "optim_schedule_milestones: the first step is 0; it must be at least 1");
    assert_null(optim_schedule_milestones(o, (optim_milestones_config){ .at = { 3, -7 } }));
    expect_error(t, AG_EARG, "optim_schedule_milestones: step 2 is -7");
    assert_null(optim_schedule_milestones(o, (optim_milestones_config){ .at = { 3, 0, 9 } }));
    expect_error(t, AG_EARG, "optim_schedule_milestones: step 3 is 9; steps are at least 1, and a 0 ends them");
    assert_null(optim_schedule_linear(o, 0, 1, -5));
    expect_error(t, AG_EARG, "optim_schedule_linear: steps is -5");
    assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .min_lr = 0.01 }));
    expect_error(t, AG_EARG, "optim_schedule_cosine: steps is 0");
    assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .steps = 5, .min_lr = 0.2 }));
    expect_error(t, AG_EARG, "optim_schedule_cosine: min_lr is 0.2, above the optimizer's lr 0.1");
    assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .steps = 5, .grow = 2 }));
    expect_error(t, AG_EARG, "optim_schedule_cosine: grow is 2; it goes with restart");
    assert_null(optim_schedule_cosine(o, (optim_cosine_config){ .steps = 5, .restart = true, .grow = -1 }));
    expect_error(t, AG_EARG, "optim_schedule_cosine: grow is -1");
    assert_null(optim_plateau_new(o, (optim_plateau_config){ .factor = 1 }));
    expect_error(t, AG_EARG, "optim_plateau_new: factor is 1; it must be below 1");
    assert_null(optim_plateau_new(o, (optim_plateau_config){ .patience = -1 }));
    expect_error(t, AG_EARG, "optim_plateau_new: patience is -1");
    assert_null(optim_plateau_new(o, (optim_plateau_config){ .cooldown = -2 }));
    expect_error(t, AG_EARG, "optim_plateau_new: cooldown is -2");
    assert_near(optim_lr(o), 0.1, 0);
    ag_tape_free(t);
}

static double negative_later(int64_t step, void *user)
{
    const double *value = user;
    return step < 2 ? 1 : *value;
}

static void a_bad_rate_is_found_where_it_is_met(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t);
    double bad[] = { -1, NAN, INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        optim_schedule *s = optim_schedule_function(o, negative_later, &bad[i]);
        assert_int_equal(optim_schedule_step(s), AG_OK);
        assert_int_equal(optim_schedule_step(s), AG_EARG);
        expect_error(t, AG_EARG, "optim_schedule_step: the rate of step 2 is ");
        assert_int_equal(s->step, 1);
        assert_near(optim_lr(o), 0.1, 0);
        assert_true(isnan(optim_schedule_at(s, 3)));
        expect_error(t, AG_EARG, "optim_schedule_at: the rate of step 3 is ");
    }
    optim_schedule *growing = optim_schedule_every(o, 1, 1e300);
    assert_int_equal(optim_schedule_set(growing, 2), AG_EARG);
    expect_error(t, AG_EARG, "optim_schedule_set: the rate of step 2 is inf");
    assert_int_equal(optim_schedule_set(growing, -1), AG_EARG);
    expect_error(t, AG_EARG, "optim_schedule_set: the step is -1; it must not be negative");
    ag_tape_free(t);
}

static void parts_must_be_there_and_of_one_optimizer(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t), *other = new_optim(t);
    optim_schedule *s = optim_schedule_every(o, 1, 0.5), *foreign = optim_schedule_every(other, 1, 0.5);
    assert_null(optim_schedule_then(s, 5, NULL));
    expect_error(t, AG_ENULL, "optim_schedule_then: the second schedule is absent");
    assert_null(optim_schedule_then(NULL, 5, s));
    expect_error(t, AG_ENULL, "optim_schedule_then: the first schedule is absent");
    assert_null(optim_schedule_then(s, 5, foreign));
    expect_error(t, AG_EUSE, "optim_schedule_then: the schedules are of two optimizers");
    assert_null(optim_schedule_then(s, 0, s));
    expect_error(t, AG_EARG, "optim_schedule_then: steps is 0");
    assert_null(optim_schedule_function(o, NULL, NULL));
    expect_error(t, AG_ENULL, "optim_schedule_function: the function is NULL");
    ag_tape_free(t);
}

static void nothing_is_inert(void **state)
{
    (void)state;
    assert_null(optim_schedule_every(NULL, 1, 1));
    assert_null(optim_schedule_milestones(NULL, (optim_milestones_config){ .at = { 1 } }));
    assert_null(optim_schedule_linear(NULL, 0, 1, 1));
    assert_null(optim_schedule_cosine(NULL, (optim_cosine_config){ .steps = 1 }));
    assert_null(optim_schedule_function(NULL, inverse_root, NULL));
    assert_null(optim_schedule_then(NULL, 1, NULL));
    assert_null(optim_plateau_new(NULL, (optim_plateau_config){ 0 }));
    assert_int_equal(optim_schedule_step(NULL), AG_ENULL);
    assert_int_equal(optim_schedule_set(NULL, 1), AG_ENULL);
    assert_int_equal(optim_plateau_step(NULL, 1), AG_ENULL);
    assert_true(isnan(optim_schedule_at(NULL, 1)));
}

static void a_pending_error_stops_them(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    optim *o = new_optim(t);
    optim_schedule *s = optim_schedule_every(o, 1, 0.5);
    optim_plateau *p = optim_plateau_new(o, (optim_plateau_config){ .patience = 1 });
    ag_fail(t, AG_ESHAPE, "earlier");
    assert_int_equal(optim_schedule_step(s), AG_ESHAPE);
    assert_int_equal(optim_schedule_set(s, 3), AG_ESHAPE);
    assert_int_equal(optim_plateau_step(p, 1), AG_ESHAPE);
    assert_int_equal(s->step, 0);
    assert_true(isinf(p->best));
    assert_near(optim_lr(o), 0.1, 0);
    expect_error(t, AG_ESHAPE, "earlier");
    ag_tape_free(t);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F64);
    optim *o = new_optim(t);
    for (size_t i = 0; i <= ARRAY_SIZE(schedules); i++) {
        const bool plateau = i == ARRAY_SIZE(schedules);
        memory.requests = 0;
        memory.fail_at = 1;
        assert_true(plateau ? !optim_plateau_new(o, plateaus[0].config) : !schedules[i].make(o));
        memory.fail_at = 0;
        assert_int_equal(ag_error(t), AG_ENOMEM);
        ag_error_clear(t);
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_pytorchs),
        cmocka_unit_test(training_is_resumed_at_its_step),
        cmocka_unit_test(the_base_is_the_rate_that_was_set),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(a_bad_rate_is_found_where_it_is_met),
        cmocka_unit_test(parts_must_be_there_and_of_one_optimizer),
        cmocka_unit_test(nothing_is_inert),
        cmocka_unit_test(a_pending_error_stops_them),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
