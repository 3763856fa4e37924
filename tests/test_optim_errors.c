/* Optimizers: everything that must be refused, and that what fails changes nothing. */
#include "nn_support.h"

static const optim_sgd_config sgd = { .lr = 0.1 };
static const optim_adam_config adam = { .lr = 0.1 };
static const optim_adagrad_config adagrad = { .lr = 0.1, .initial = 12 };
static const optim_rmsprop_config rmsprop = { .lr = 0.1, .momentum = 0.9, .centered = true };

typedef optim *constructor(ag_list params);
static optim *make_sgd(ag_list params)
{
    return optim_sgd(params, sgd);
}
static optim *make_adam(ag_list params)
{
    return optim_adam(params, adam);
}
static optim *make_adamw(ag_list params)
{
    return optim_adamw(params, adam);
}
static optim *make_adagrad(ag_list params)
{
    return optim_adagrad(params, adagrad);
}
static optim *make_rmsprop(ag_list params)
{
    return optim_rmsprop(params, rmsprop);
}
static constructor *const constructors[] = { make_sgd, make_adam, make_adamw, make_adagrad, make_rmsprop };
static const char *const names[] = { "optim_sgd", "optim_adam:", "optim_adamw", "optim_adagrad", "optim_rmsprop" };

static void null_is_inert(void **state)
{
    (void)state;
    assert_int_equal(optim_step(NULL), AG_ENULL);
    assert_int_equal(optim_zero_grad(NULL), AG_ENULL);
    assert_int_equal(optim_set_lr(NULL, 1), AG_ENULL);
    assert_int_equal(optim_clip_norm(NULL, 1), AG_ENULL);
    assert_int_equal(optim_clip_value(NULL, 1), AG_ENULL);
    assert_true(isnan(optim_lr(NULL)));
    assert_true(isnan(optim_grad_norm(NULL)));
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p"), foreign = ag_param(ag_constant(other, 1), "f"), none = { 0 };
    ag_tensor buffer = ag_buffer(ag_constant(t, 1), "b"), transient = ag_variable(t, 1), released = ag_param(p, "r");
    ag_tensor gone = ag_variable(t, 2), inert = { t, 0, 0 };
    ag_mark mark = ag_tape_mark(t);
    (void)mark;
    ag_release(released);
    const struct {
        ag_tensor second;
        ag_status status;
        const char *text;
    } bad[] = {
        { none, AG_ENULL, "parameter 2 is absent" },
        { foreign, AG_EUSE, "parameter 2 belongs to another tape" },
        { buffer, AG_EUSE, "'b' is no parameter" },
        { transient, AG_EUSE, "is no parameter" },
        { released, AG_ESTALE, "" },
        { p, AG_EARG, "'p' is listed twice, at 1 and 2" },
    };
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
            assert_null(constructors[k](AG_LIST(p, bad[i].second)));
            expect_error(t, bad[i].status, bad[i].text);
            expect_fine(other);
        }
        assert_null(constructors[k](AG_LIST(none, p)));
        expect_error(t, AG_ENULL, "parameter 1 is absent");
        assert_null(constructors[k]((ag_list){ NULL, 3 }));
        assert_null(constructors[k]((ag_list){ &p, 0 }));
        assert_null(constructors[k](AG_LIST(none, none)));
        expect_fine(t); /* these lists have no tape */
        assert_null(constructors[k](AG_LIST(p, inert)));
        expect_error(t, AG_ENULL, "parameter 2 is what a failed call returned");
    }
    ag_tape_reset(t);
    assert_null(make_sgd(AG_LIST(p, gone)));
    expect_error(t, AG_ESTALE, "");
    ag_tape_free(t);
    ag_tape_free(other);
}

/* An optimizer that is made before its layers would train nothing, in silence. */
static void empty_lists_of_a_tape_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m;
    nn_init(&m, t, "m", NULL);
    nn_child(&m, nn_activation(t, NN_RELU), "relu");
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        optim *of_module = constructors[k](nn_params(&m));
        assert_null(of_module);
        expect_error(t, AG_EARG, "the list has no parameters; an optimizer is made after its layers");
        assert_null(constructors[k](ag_params(t)));
        expect_error(t, AG_EARG, "the list has no parameters");
        assert_int_equal(optim_step(of_module), AG_ENULL);
    }
    nn_child(&m, nn_linear(t, 2, 3, (nn_linear_config){ 0 }), "linear");
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++)
        assert_true(constructors[k](nn_params(&m)) && constructors[k](ag_params(t)));
    expect_fine(t);
    ag_tape_free(t);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    const optim_sgd_config bad_sgd[] = {
        { .lr = 0 },
        { .lr = -1 },
        { .lr = NAN },
        { .lr = INFINITY },
        { .lr = 1, .momentum = -0.1 },
        { .lr = 1, .momentum = NAN },
        { .lr = 1, .momentum = INFINITY },
        { .lr = 1, .weight_decay = -1 },
        { .lr = 1, .weight_decay = NAN },
        { .lr = 1, .weight_decay = INFINITY },
        { .lr = 1, .nesterov = true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_sgd); i++) {
        assert_null(optim_sgd(AG_LIST(p), bad_sgd[i]));
        expect_error(t, AG_EARG, "optim_sgd");
    }
    const optim_adam_config bad_adam[] = {
        { .lr = 0 },
        { .lr = -1 },
        { .lr = NAN },
        { .lr = INFINITY },
        { .lr = 1, .betas = { 1, 0.9 } },
        { .lr = 1, .betas = { 0.9, 1 } },
        { .lr = 1, .betas = { -0.1, 0.9 } },
        { .lr = 1, .betas = { 0.9, -0.1 } },
        { .lr = 1, .betas = { NAN, 0.9 } },
        { .lr = 1, .betas = { 0.9, NAN } },
        { .lr = 1, .eps = -1 },
        { .lr = 1, .eps = NAN },
        { .lr = 1, .eps = INFINITY },
        { .lr = 1, .weight_decay = -1 },
        { .lr = 1, .weight_decay = NAN },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_adam); i++) {
        assert_null(optim_adam(AG_LIST(p), bad_adam[i]));
        expect_error(t, AG_EARG, "optim_adam:");
        assert_null(optim_adamw(AG_LIST(p), bad_adam[i]));
        expect_error(t, AG_EARG, "optim_adamw:");
    }
    ag_tape_free(t);
}

static void bad_numbers_of_adagrad_and_rmsprop_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    const optim_adagrad_config bad_adagrad[] = {
        { .lr = 0 },
        { .lr = NAN },
        { .lr = 1, .lr_decay = -1 },
        { .lr = 1, .lr_decay = INFINITY },
        { .lr = 1, .initial = -1 },
        { .lr = 1, .initial = NAN },
        { .lr = 1, .eps = -1 },
        { .lr = 1, .weight_decay = -1 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_adagrad); i++) {
        assert_null(optim_adagrad(AG_LIST(p), bad_adagrad[i]));
        expect_error(t, AG_EARG, "optim_adagrad: ");
    }
    const optim_rmsprop_config bad_rmsprop[] = {
        { .lr = 0 },
        { .lr = NAN },
        { .lr = 1, .momentum = -1 },
        { .lr = 1, .weight_decay = -1 },
        { .lr = 1, .alpha = 1 },
        { .lr = 1, .alpha = -0.5 },
        { .lr = 1, .alpha = NAN },
        { .lr = 1, .eps = INFINITY },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad_rmsprop); i++) {
        assert_null(optim_rmsprop(AG_LIST(p), bad_rmsprop[i]));
        expect_error(t, AG_EARG, "optim_rmsprop: ");
    }
    assert_null(optim_rmsprop(AG_LIST(p), (optim_rmsprop_config){ .lr = 1, .alpha = 1.5 }));
    expect_error(t, AG_EARG, "optim_rmsprop: alpha is 1.5; it must be in [0, 1)");
    ag_tape_free(t);
}

static void bad_numbers_of_later_calls_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    optim *o = make_adam(AG_LIST(p));
    const double bad[] = { -1, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(optim_set_lr(o, bad[i]), AG_EARG);
        expect_error(t, AG_EARG, "optim_set_lr: lr is");
        assert_int_equal(optim_clip_norm(o, bad[i]), AG_EARG);
        expect_error(t, AG_EARG, "optim_clip_norm: the limit is");
        assert_int_equal(optim_clip_value(o, bad[i]), AG_EARG);
        expect_error(t, AG_EARG, "optim_clip_value: the limit is");
    }
    assert_int_equal(optim_clip_norm(o, 0), AG_EARG);
    ag_error_clear(t);
    assert_near(optim_lr(o), 0.1, 0);
    ag_tape_free(t);
}

/* Two parameters with gradients. */
typedef struct pair {
    ag_tape *t;
    ag_tensor a, b;
    optim *o;
} pair;

static pair make_pair(ag_tape *t, constructor *make)
{
    pair p = { t, ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "a"), ag_param(AG_VALUES(t, AG_SHAPE(2), 3, 4), "b"),
               NULL };
    p.o = make(AG_LIST(p.a, p.b));
    ag_backward(ag_sum(ag_add(ag_square(p.a), ag_square(p.b))));
    return p;
}

static void assert_untouched(pair p)
{
    assert_near(ag_item_at(p.a, 0), 1, 0);
    assert_near(ag_item_at(p.a, 1), 2, 0);
}

static void a_pending_error_stops_the_step(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        ag_tape *t = f64_tape();
        pair p = make_pair(t, constructors[k]);
        ag_fail(t, AG_ESHAPE, "earlier");
        assert_int_equal(optim_step(p.o), AG_ESHAPE);
        assert_int_equal(optim_clip_norm(p.o, 1e-3), AG_ESHAPE);
        assert_int_equal(optim_clip_value(p.o, 1e-3), AG_ESHAPE);
        assert_true(isnan(optim_grad_norm(p.o)));
        assert_untouched(p);
        assert_int_equal(optim_zero_grad(p.o), AG_OK); /* this always runs */
        expect_error(t, AG_ESHAPE, "earlier");
        assert_near(ag_item_at(ag_grad(p.a), 0), 0, 0);
        assert_int_equal(optim_step(p.o), AG_OK);
        assert_untouched(p); /* no gradient: not even a decay */
        ag_tape_free(t);
    }
}

static void a_released_parameter_stops_the_step(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        ag_tape *t = f64_tape();
        pair p = make_pair(t, constructors[k]);
        ag_release(p.b);
        assert_int_equal(optim_step(p.o), AG_ESTALE);
        expect_error(t, AG_ESTALE, "");
        assert_int_equal(optim_clip_norm(p.o, 1e-3), AG_ESTALE);
        ag_error_clear(t);
        assert_int_equal(optim_clip_value(p.o, 1e-3), AG_ESTALE);
        ag_error_clear(t);
        assert_true(isnan(optim_grad_norm(p.o)));
        ag_error_clear(t);
        assert_int_equal(optim_zero_grad(p.o), AG_ESTALE);
        ag_error_clear(t);
        assert_untouched(p);
        assert_near(ag_item_at(ag_grad(p.a), 0), 0, 0); /* those that are there are zeroed all the same */
        ag_tape_free(t);
    }
}

/* Whichever allocation fails, from construction to the second step: nothing has changed, and all goes on after. */
static void memory_failures_change_nothing(void **state)
{
    (void)state;
    const double after[] = { 0.8, 0.9, 0.9, 0.95, 1 - 0.1 / sqrt(0.01 - 0.0001) }; /* of 1, where the gradient was 2 */
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        for (long n = 1;; n++) {
            memory memory = { 0 };
            ag_tape *t = tape_on(&memory, AG_F64);
            pair p = make_pair(t, constructors[k]);
            expect_fine(t);
            memory.requests = 0;
            memory.fail_at = n;
            ag_status clip = optim_clip_norm(p.o, 100), step = clip ? clip : optim_step(p.o);
            bool failed = memory.requests >= n;
            assert_int_equal(step, failed ? AG_ENOMEM : AG_OK);
            assert_int_equal(ag_error(t), step);
            if (failed)
                assert_untouched(p);
            memory.fail_at = 0;
            ag_error_clear(t);
            assert_int_equal(optim_clip_norm(p.o, 100), AG_OK);
            if (failed)
                assert_int_equal(optim_step(p.o), AG_OK);
            assert_near(ag_item_at(p.a, 0), after[k], 1e-6); /* exactly one step was made */
            memory.fail_at = 1;
            memory.requests = 0;
            assert_null(constructors[k](AG_LIST(p.a)));
            expect_error(t, AG_ENOMEM, "");
            memory.fail_at = 0;
            ag_tape_free(t);
            if (!failed)
                break;
        }
    }
}

static void names_are_in_messages(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    for (size_t k = 0; k < ARRAY_SIZE(constructors); k++) {
        assert_null(constructors[k](AG_LIST(p, p)));
        expect_error(t, AG_EARG, names[k]);
    }
    ag_tape_free(t);
}

static void gradients_that_are_not_finite_are_refused_where_asked_for(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(3)), "p"),
              w = ag_param_as(ag_ones(t, AG_F32, AG_SHAPE(2, 3)), AG_AXES(1, 0), "w");
    ag_list list = AG_LIST(p, w);
    optim *o[] = { optim_sgd(list, (optim_sgd_config){ .lr = 0.1, .momentum = 0.9, .error_if_nonfinite = true }),
                   optim_adam(list, (optim_adam_config){ .lr = 0.1, .error_if_nonfinite = true }),
                   optim_adamw(list, (optim_adam_config){ .lr = 0.1, .error_if_nonfinite = true }),
                   optim_adagrad(list, (optim_adagrad_config){ .lr = 0.1, .error_if_nonfinite = true }),
                   optim_rmsprop(list, (optim_rmsprop_config){ .lr = 0.1, .error_if_nonfinite = true }) };
    optim *plain = optim_sgd(list, sgd);
    const float dw[] = { 1, 1, 1, NAN, 1, 1 };
    ag_backward(ag_sum(p));
    ag_backward_from(ag_mul_scalar(w, 1), ag_from(t, AG_F32, AG_SHAPE(2, 3), dw, sizeof dw));
    for (size_t k = 0; k < ARRAY_SIZE(o); k++) {
        assert_int_equal(optim_step(o[k]), AG_EVALUE);
        expect_error(t, AG_EVALUE, "optim_step: the gradient of 'w' is nan at element 3 of [2,3]; nothing was changed");
        assert_int_equal(optim_clip_norm(o[k], 1), AG_EVALUE);
        expect_error(t, AG_EVALUE, "optim_clip_norm: the gradient of 'w' is nan at element 3 of [2,3]");
        assert_values(p, 1, 1, 1);
        assert_values(w, 1, 1, 1, 1, 1, 1);
        assert_values(ag_grad(p), 1, 1, 1);
    }
    optim_zero_grad(plain);
    ag_backward_from(ag_mul_scalar(p, 1), AG_VALUES(t, AG_SHAPE(3), 1e200, 1, 1));
    assert_int_equal(optim_clip_norm(o[0], 1), AG_EVALUE);
    expect_error(t, AG_EVALUE, "optim_clip_norm: the norm of all gradients is inf, though each of them is finite");
    assert_values(ag_grad(p), 1e200, 1, 1);
    assert_int_equal(optim_step(o[0]), AG_OK);
    assert_close(ag_item_at(p, 1), 0.9, 1e-12);
    assert_int_equal(optim_clip_norm(plain, 1), AG_OK); /* nobody asks */
    assert_values(ag_grad(p), 0, 0, 0);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_inert),
        cmocka_unit_test(bad_lists_are_refused),
        cmocka_unit_test(empty_lists_of_a_tape_are_refused),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(bad_numbers_of_adagrad_and_rmsprop_are_refused),
        cmocka_unit_test(bad_numbers_of_later_calls_are_refused),
        cmocka_unit_test(a_pending_error_stops_the_step),
        cmocka_unit_test(a_released_parameter_stops_the_step),
        cmocka_unit_test(memory_failures_change_nothing),
        cmocka_unit_test(names_are_in_messages),
        cmocka_unit_test(gradients_that_are_not_finite_are_refused_where_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
