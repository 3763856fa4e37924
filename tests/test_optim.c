/* Optimizers: their numbers against PyTorch's, storage orders, types, threads and memory. */
#include "nn_support.h"

enum { PARAMETERS = 3, LONGEST = 6 };
static const ag_shape shapes[PARAMETERS] = { AG_DIMS(2, 3), AG_DIMS(4), { 0 } };
static const int counts[PARAMETERS] = { 6, 4, 1 };

/* Adds g to p's gradient: the gradient of sum(p g). */
static void give_gradient(ag_tensor p, ag_tensor g)
{
    assert_int_equal(ag_backward(ag_sum(ag_mul(p, g))), AG_OK);
}

/* ---- PyTorch's trajectories: see fixtures/make_optim.py */

typedef struct trajectory {
    char name[32], rule[8];
    double lr, momentum, betas[2], eps, decay, clip_norm, clip_value;
    int flag, steps;
} trajectory;

static bool read_case(FILE *f, trajectory *c)
{
    return fscanf(f, " case %31s %7s %lf %lf %lf %lf %lf %lf %d %lf %lf %d\n", c->name, c->rule, &c->lr, &c->momentum,
                  &c->betas[0], &c->betas[1], &c->eps, &c->decay, &c->flag, &c->clip_norm, &c->clip_value,
                  &c->steps) == 12;
}

/* A line of numbers after its letter; false: it says "none". */
static bool read_line(FILE *f, char letter, double *values, int count)
{
    char line[512], *at = line + 1;
    assert_non_null(fgets(line, sizeof line, f));
    assert_int_equal(line[0], letter);
    if (!strcmp(at, " none\n"))
        return false;
    for (int i = 0; i < count; i++)
        values[i] = strtod(at, &at);
    assert_string_equal(at, "\n");
    return true;
}

static optim *make_optimizer(const trajectory *c, ag_list params)
{
    const optim_sgd_config sgd = {
        .lr = c->lr, .momentum = c->momentum, .weight_decay = c->decay, .nesterov = c->flag
    };
    const optim_adam_config adam = {
        .lr = c->lr, .betas = { c->betas[0], c->betas[1] }, .eps = c->eps, .weight_decay = c->decay
    };
    const optim_adagrad_config adagrad = {
        .lr = c->lr, .lr_decay = c->betas[0], .initial = c->betas[1], .eps = c->eps, .weight_decay = c->decay
    };
    const optim_rmsprop_config rmsprop = { .lr = c->lr,
                                           .momentum = c->momentum,
                                           .alpha = c->betas[0],
                                           .eps = c->eps,
                                           .weight_decay = c->decay,
                                           .centered = c->flag };
    return !strcmp(c->rule, "sgd")       ? optim_sgd(params, sgd)
           : !strcmp(c->rule, "adam")    ? optim_adam(params, adam)
           : !strcmp(c->rule, "adamw")   ? optim_adamw(params, adam)
           : !strcmp(c->rule, "adagrad") ? optim_adagrad(params, adagrad)
                                         : optim_rmsprop(params, rmsprop);
}

static void check_trajectory(FILE *f, const trajectory *c, ag_dtype d, double tolerance)
{
    ag_tape *t = tape_of(d);
    double values[LONGEST];
    ag_tensor p[PARAMETERS];
    for (int i = 0; i < PARAMETERS; i++) {
        assert_true(read_line(f, 'p', values, counts[i]));
        ag_tensor start = ag_cast(ag_values(t, shapes[i], values, (size_t)counts[i]), d); /* rank 0 as well */
        p[i] = i == 0 ? ag_param_as(start, AG_AXES(1, 0), "p") : ag_param(start, "p");
    }
    optim *o = make_optimizer(c, AG_LIST(p[0], p[1], p[2]));
    assert_non_null(o);
    for (int step = 0; step < c->steps; step++) {
        assert_int_equal(optim_zero_grad(o), AG_OK);
        for (int i = 0; i < PARAMETERS; i++)
            if (read_line(f, 'g', values, counts[i]))
                give_gradient(p[i], ag_values(t, shapes[i], values, (size_t)counts[i]));
        if (c->clip_norm > 0)
            assert_int_equal(optim_clip_norm(o, c->clip_norm), AG_OK);
        if (c->clip_value > 0)
            assert_int_equal(optim_clip_value(o, c->clip_value), AG_OK);
        assert_int_equal(optim_step(o), AG_OK);
        ag_tape_reset(t);
        for (int i = 0; i < PARAMETERS; i++) {
            assert_true(read_line(f, 'p', values, counts[i]));
            for (int k = 0; k < counts[i]; k++)
                assert_near(ag_item_at(p[i], k), values[k], tolerance * fmax(1, fabs(values[k])));
        }
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void check_trajectories(ag_dtype d, double tolerance)
{
    FILE *f = fopen("tests/fixtures/optim.txt", "r");
    assert_non_null(f);
    trajectory c;
    int cases = 0;
    for (; read_case(f, &c); cases++)
        check_trajectory(f, &c, d, tolerance);
    fclose(f);
    assert_int_equal(cases, 26);
}

static void updates_are_pytorchs(void **state)
{
    (void)state;
    check_trajectories(AG_F64, 1e-12);
}

static void updates_in_f32_are_near(void **state)
{
    (void)state;
    check_trajectories(AG_F32, 1e-6);
}

/* ---- many elements */

/* A step on two large parameters, one of each type, and a small one. */
static void large_step(int threads, int kind, float *narrow, double *wide, int64_t count)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = threads, .seed = 11, .on_error = ag_quiet });
    ag_tensor a = ag_param(ag_rand(t, AG_F32, AG_SHAPE(count), -1, 1), "a"), b = ag_param(ag_constant(t, 2), "b");
    ag_tensor c = ag_param(ag_rand(t, AG_F64, AG_SHAPE(count), -1, 1), "c");
    ag_list list = AG_LIST(a, b, c);
    const optim_adam_config adam = { .lr = 1e-2, .weight_decay = 0.1 };
    const optim_sgd_config sgd = { .lr = 1e-2, .momentum = 0.9, .nesterov = true };
    const optim_adagrad_config adagrad = { .lr = 1e-2, .initial = 0.1 };
    const optim_rmsprop_config rmsprop = { .lr = 1e-2, .momentum = 0.9, .centered = true };
    optim *o = kind == 0   ? optim_sgd(list, sgd)
               : kind == 1 ? optim_adam(list, adam)
               : kind == 2 ? optim_adamw(list, adam)
               : kind == 3 ? optim_adagrad(list, adagrad)
                           : optim_rmsprop(list, rmsprop);
    for (int step = 0; step < 3; step++) {
        optim_zero_grad(o);
        give_gradient(a, ag_rand(t, AG_F32, AG_SHAPE(count), -1, 1));
        give_gradient(c, ag_rand(t, AG_F64, AG_SHAPE(count), -1, 1));
        give_gradient(b, ag_constant(t, 1));
        optim_clip_norm(o, 1);
        assert_int_equal(optim_step(o), AG_OK);
        ag_tape_reset(t);
    }
    ag_copy_out(a, AG_F32, narrow, (size_t)count * sizeof *narrow);
    ag_copy_out(c, AG_F64, wide, (size_t)count * sizeof *wide);
    expect_fine(t);
    ag_tape_free(t);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    enum { N = 300001 }; /* several blocks and a rest, above the size from which there are threads */
    float *narrow[2];
    double *wide[2];
    for (int i = 0; i < 2; i++) {
        narrow[i] = malloc(N * sizeof(float));
        wide[i] = malloc(N * sizeof(double));
    }
    for (int kind = 0; kind < 5; kind++) {
        large_step(1, kind, narrow[0], wide[0], N);
        for (int threads = 2; threads < 5; threads++) {
            large_step(threads, kind, narrow[1], wide[1], N);
            assert_memory_equal(narrow[0], narrow[1], N * sizeof(float));
            assert_memory_equal(wide[0], wide[1], N * sizeof(double));
        }
    }
    for (int i = 0; i < 2; i++) {
        free(narrow[i]);
        free(wide[i]);
    }
}

static void norms_are_of_all_gradients(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor a = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(2)), "a"),
              b = ag_param(ag_zeros(t, AG_F32, AG_SHAPE(40001)), "b");
    ag_tensor unused = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(100000)), "unused");
    optim *o = optim_sgd(AG_LIST(a, unused, b), (optim_sgd_config){ .lr = 1 });
    assert_near(optim_grad_norm(o), 0, 0);
    give_gradient(a, AG_VALUES(t, AG_SHAPE(2), 3, -4));
    give_gradient(b, ag_full(t, AG_F32, AG_SHAPE(40001), 2));
    double norm = sqrt(25 + 4 * 40001.0);
    assert_near(optim_grad_norm(o), norm, 1e-12 * norm);
    assert_int_equal(optim_clip_norm(o, 2 * norm), AG_OK); /* within: nothing changes */
    assert_near(ag_item_at(ag_grad(a), 0), 3, 0);
    assert_int_equal(optim_clip_norm(o, 5), AG_OK);
    assert_near(ag_item_at(ag_grad(a), 1), -4 * 5 / (norm + 1e-6), 1e-12);
    assert_near(optim_grad_norm(o), 5, 1e-6);
    assert_int_equal(optim_clip_value(o, 0.01), AG_OK);
    assert_near(ag_item_at(ag_grad(a), 1), -0.01, 0);
    assert_near(ag_item_at(ag_grad(b), 40000), 0.01, 1e-9);
    optim_zero_grad(o);
    assert_near(optim_grad_norm(o), 0, 0);
    give_gradient(a, AG_VALUES(t, AG_SHAPE(2), NAN, -4));
    assert_true(isnan(optim_grad_norm(o)));
    assert_int_equal(optim_clip_value(o, 1), AG_OK); /* what is no number stays none */
    assert_true(isnan(ag_item_at(ag_grad(a), 0)));
    assert_near(ag_item_at(ag_grad(a), 1), -1, 0);
    assert_int_equal(optim_clip_norm(o, 1), AG_OK);
    assert_true(isnan(ag_item_at(ag_grad(a), 1))); /* and shows everywhere, as in PyTorch */
    assert_int_equal(optim_step(o), AG_OK);
    assert_true(isnan(ag_item_at(a, 1)));
    optim_zero_grad(o);
    give_gradient(a, AG_VALUES(t, AG_SHAPE(2), INFINITY, 1));
    assert_true(isinf(optim_grad_norm(o)));
    assert_int_equal(optim_clip_norm(o, 1), AG_OK);
    assert_true(isnan(ag_item_at(ag_grad(a), 0)));
    assert_near(ag_item_at(ag_grad(a), 1), 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void empty_parameters_are_fine(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(0, 3)), "empty"), q = ag_param(ag_constant(t, 1), "q");
    optim *o = optim_adam(AG_LIST(p, q), (optim_adam_config){ .lr = 0.5 });
    give_gradient(p, ag_zeros(t, AG_F64, AG_SHAPE(0, 3)));
    give_gradient(q, ag_constant(t, 3));
    assert_int_equal(optim_clip_norm(o, 1), AG_OK);
    assert_int_equal(optim_step(o), AG_OK);
    assert_near(ag_item(q), 0.5, 1e-7);
    expect_fine(t);
    ag_tape_free(t);
}

/* betas 0.9 and 0.999, eps 1e-8: after one step m and sqrt(v), corrected, are g and |g| */
static void zeros_are_the_usual_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        ag_tape *t = f64_tape();
        ag_tensor p = ag_param(ag_constant(t, 0), "p");
        const optim_adam_config config = { .lr = 1 };
        optim *o = i ? optim_adamw(AG_LIST(p), config) : optim_adam(AG_LIST(p), config);
        give_gradient(p, ag_constant(t, 1e-8));
        optim_step(o);
        assert_near(ag_item(p), -0.5, 1e-12);
        optim_zero_grad(o);
        give_gradient(p, ag_constant(t, 3e-8));
        optim_step(o);
        double m = (0.9 * 0.1 * 1 + 0.1 * 3) / (1 - 0.81), v = (0.999 * 0.001 * 1 + 0.001 * 9) / (1 - 0.999 * 0.999);
        assert_near(ag_item(p), -0.5 - m / (sqrt(v) + 1), 1e-12);
        ag_tape_free(t);
    }
}

static void hear(void *user, ag_status status, const char *text)
{
    (void)status;
    *(int *)user += strstr(text, "optim_adam: betas[1] is 0, so that steps do not depend") != NULL;
}

static void a_single_beta_is_warned_of(void **state)
{
    (void)state;
    int heard = 0;
    ag_tape *t = tape_with((ag_options){ .user = &heard, .on_warning = hear });
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    optim_adam(AG_LIST(p), (optim_adam_config){ .lr = 1, .betas = { 0, 0.9 } });
    assert_int_equal(heard, 0);
    assert_non_null(optim_adam(AG_LIST(p), (optim_adam_config){ .lr = 1, .betas = { 0.9 } }));
    assert_int_equal(heard, 1);
    ag_tape_free(t);
}

/* eps 1e-10, and alpha 0.99 with eps 1e-8: both as PyTorch's */
static void zeros_are_the_usual_numbers_of_adagrad_and_rmsprop(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 0), "p"), q = ag_param(ag_constant(t, 0), "q");
    optim *adagrad = optim_adagrad(AG_LIST(p), (optim_adagrad_config){ .lr = 1 });
    optim *rmsprop = optim_rmsprop(AG_LIST(q), (optim_rmsprop_config){ .lr = 1 });
    give_gradient(p, ag_constant(t, 1e-10));
    give_gradient(q, ag_constant(t, 1e-7));
    optim_step(adagrad);
    optim_step(rmsprop);
    assert_near(ag_item(p), -0.5, 1e-12);
    assert_near(ag_item(q), -5, 1e-12);
    expect_fine(t);
    ag_tape_free(t);
}

/* The variance of equal gradients rounds to less than 0 now and then; its root would be none. */
static void centered_rmsprop_survives_equal_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        ag_tape *t = tape_of(i ? AG_F32 : AG_F64);
        ag_tensor p = ag_param(ag_ones(t, AG_FLOAT, AG_SHAPE(1)), "p");
        optim *o = optim_rmsprop(AG_LIST(p), (optim_rmsprop_config){ .lr = 1e-12, .alpha = 0.5, .centered = true });
        for (int step = 0; step < 300; step++) {
            optim_zero_grad(o);
            give_gradient(p, ag_full(t, AG_FLOAT, AG_SHAPE(1), 1.7));
            optim_step(o);
            ag_tape_reset(t);
        }
        assert_true(isfinite(ag_item(p)));
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void the_rate_can_change(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 0.25 });
    give_gradient(p, ag_constant(t, 1));
    assert_near(optim_lr(o), 0.25, 0);
    optim_step(o);
    assert_near(ag_item(p), 0.75, 0);
    assert_int_equal(optim_set_lr(o, 0.5), AG_OK);
    assert_near(optim_lr(o), 0.5, 0);
    optim_step(o); /* the gradient is still there */
    assert_near(ag_item(p), 0.25, 0);
    assert_int_equal(optim_set_lr(o, 0), AG_OK);
    optim_step(o);
    assert_near(ag_item(p), 0.25, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void a_step_is_a_write(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 0.25 });
    ag_tensor y = ag_sum(ag_square(p));
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(optim_step(o), AG_OK);
    assert_int_equal(ag_backward(y), AG_EUSE); /* what the derivative needs was overwritten */
    expect_error(t, AG_EUSE, "");
    assert_near(ag_item(ag_sum(p)), 1.5, 0); /* a use after the step sees the new values in the same step of the tape */
    ag_tape_free(t);
}

static void a_warm_loop_allocates_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        memory memory = { 0 };
        ag_tape *t = tape_on(&memory, AG_F32);
        nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 20, 30, 10 } });
        const optim_rmsprop_config rmsprop = { .lr = 1e-3, .momentum = 0.9, .centered = true };
        optim *o = kind == 0   ? optim_sgd(nn_params(m), (optim_sgd_config){ .lr = 1e-3, .momentum = 0.9 })
                   : kind == 1 ? optim_adam(nn_params(m), (optim_adam_config){ .lr = 1e-3 })
                               : optim_rmsprop(nn_params(m), rmsprop);
        for (int step = 0; step < 12; step++) {
            if (step == 6) /* by then it is known that steps repeat themselves */
                memory.requests = 0;
            ag_tensor z = nn_forward(m, ag_rand(t, AG_FLOAT, AG_SHAPE(8, 20), -1, 1));
            optim_zero_grad(o);
            ag_backward(ag_sum(ag_square(z)));
            optim_clip_norm(o, 1);
            optim_step(o);
            ag_tape_reset(t);
        }
        expect_fine(t);
        assert_int_equal(memory.requests, 0);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_are_pytorchs),
        cmocka_unit_test(updates_in_f32_are_near),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(norms_are_of_all_gradients),
        cmocka_unit_test(empty_parameters_are_fine),
        cmocka_unit_test(zeros_are_the_usual_numbers),
        cmocka_unit_test(a_single_beta_is_warned_of),
        cmocka_unit_test(zeros_are_the_usual_numbers_of_adagrad_and_rmsprop),
        cmocka_unit_test(centered_rmsprop_survives_equal_gradients),
        cmocka_unit_test(the_rate_can_change),
        cmocka_unit_test(a_step_is_a_write),
        cmocka_unit_test(a_warm_loop_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
