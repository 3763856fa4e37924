/* Penalties, snapshots, early stopping. */
#include "nn_support.h"

/* ---- penalties */

static void penalties_are_sums_over_all_parameters(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor w = ag_param_as(AG_VALUES(t, AG_SHAPE(2, 2), 1, -2, 3, -4), AG_AXES(1, 0), "w");
    ag_tensor b = ag_param(ag_constant(t, -0.5), "b"), f = ag_param(ag_full(t, AG_F32, AG_SHAPE(2), 0.25), "f");
    ag_list list = AG_LIST(w, b, f);
    assert_item(nn_l1_penalty(list, 0.1), 0.1 * 11);
    assert_item(nn_l2_penalty(list, 0.1), 0.1 * 30.375);
    assert_item(nn_l2_penalty(list, 0), 0);
    ag_tensor loss = ag_add(nn_l1_penalty(list, 0.5), nn_l2_penalty(list, 0.1 / (2 * 4)));
    assert_int_equal(ag_backward(loss), AG_OK);
    assert_values(ag_grad(w), 0.5 + 0.025, -0.5 - 0.05, 0.5 + 0.075, -0.5 - 0.1);
    assert_values(ag_grad(b), -0.5 - 0.0125);
    assert_values(ag_grad(f), 0.50625, 0.50625);
    ag_tensor zero = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(2)), "zero");
    assert_int_equal(ag_backward(nn_l1_penalty(AG_LIST(zero), 1)), AG_OK);
    assert_values(ag_grad(zero), 0, 0); /* at the kink too */
    expect_fine(t);
    ag_tape_free(t);
}

/* Weight decay of plain descent is the gradient of an L2 penalty. */
static void an_l2_penalty_is_weight_decay(void **state)
{
    (void)state;
    const double decay = 0.03;
    ag_tape *t = f64_tape();
    nn_module *a = small_mlp(t), *b = small_mlp(t);
    for (size_t i = 0; i < nn_params(a).count; i++)
        ag_assign(nn_params(b).at[i], nn_params(a).at[i]);
    optim *decaying = optim_sgd(nn_params(a), (optim_sgd_config){ .lr = 0.1, .weight_decay = decay });
    optim *plain = optim_sgd(nn_params(b), (optim_sgd_config){ .lr = 0.1 });
    for (int step = 0; step < 5; step++) {
        ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(4, 3), 0, 1);
        optim_zero_grad(decaying);
        optim_zero_grad(plain);
        ag_backward(ag_sum(ag_square(nn_forward(a, x))));
        ag_backward(ag_add(ag_sum(ag_square(nn_forward(b, x))), nn_l2_penalty(nn_params(b), decay / 2)));
        optim_step(decaying);
        optim_step(plain);
        ag_tape_reset(t);
    }
    assert_near(checksum(a), checksum(b), 1e-12);
    expect_fine(t);
    ag_tape_free(t);
}

static void bad_penalties_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 1), "p");
    assert_true(is_inert(nn_l1_penalty((ag_list){ NULL, 0 }, 1), NULL));
    assert_true(is_inert(nn_l1_penalty(ag_params(t), -1), t));
    expect_error(t, AG_EARG, "nn_l1_penalty: the factor is -1; it must be finite and not negative");
    assert_true(is_inert(nn_l2_penalty(AG_LIST(p), NAN), t));
    expect_error(t, AG_EARG, "nn_l2_penalty: the factor is nan");
    assert_true(is_inert(nn_l2_penalty(ag_list_none(t), 1), t));
    expect_error(t, AG_EARG, "nn_l2_penalty: the list has no parameters");
    assert_true(is_inert(nn_l2_penalty(AG_LIST(p, absent), 1), t));
    expect_error(t, AG_ENULL, "");
    ag_tape_free(t);
}

/* ---- snapshots */

/* A net with what makes a snapshot difficult: weights by columns, shared ones, a buffer of another type, nothing. */
static nn_module *difficult(ag_tape *t, nn_module *m)
{
    nn_init(m, t, "net", NULL);
    nn_module *linear = nn_child(m, nn_linear(t, 3, 2, (nn_linear_config){ 0 }), "linear");
    nn_share(m, nn_find(linear, "weight"), "tied");
    nn_buffer(m, ag_from(t, AG_I64, AG_SHAPE(2), (const int64_t[]){ 1, (int64_t)1 << 60 }, 16), "count");
    nn_buffer(m, ag_zeros(t, AG_F32, AG_SHAPE(0, 3)), "nothing");
    nn_param(m, ag_constant(t, 7), "scale");
    expect_fine(t);
    return m;
}

static void change_all(nn_module *m, double v)
{
    ag_tape *t = m->tape;
    ag_assign(nn_find(m, "linear.weight"), ag_full(t, AG_FLOAT, AG_SHAPE(2, 3), v));
    ag_assign(nn_find(m, "linear.bias"), ag_full(t, AG_FLOAT, AG_SHAPE(2), v));
    ag_assign(nn_find(m, "scale"), ag_constant(t, v));
    ag_assign(nn_find(m, "count"), ag_full(t, AG_I64, AG_SHAPE(2), 5));
}

static void a_snapshot_brings_everything_back(void **state)
{
    (void)state;
    for (int single = 0; single < 2; single++) {
        ag_tape *t = tape_of(single ? AG_F32 : AG_F64);
        nn_module memory, *m = difficult(t, &memory);
        const double first = checksum(m);
        nn_snapshot *s = nn_snapshot_new(m);
        assert_non_null(s);
        change_all(m, 1);
        const double second = checksum(m);
        assert_true(first != second);
        assert_int_equal(nn_snapshot_restore(s), AG_OK);
        assert_near(checksum(m), first, 0);
        assert_true(*((const int64_t *)ag_data(nn_find(m, "count"), AG_I64) + 1) == (int64_t)1 << 60);
        change_all(m, 1);
        assert_int_equal(nn_snapshot_take(s), AG_OK);
        change_all(m, 2);
        assert_int_equal(nn_snapshot_restore(s), AG_OK);
        assert_near(checksum(m), second, 0);
        assert_true(*(const int64_t *)ag_data(nn_find(m, "count"), AG_I64) == 5);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void restoring_is_a_write(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    nn_snapshot *s = nn_snapshot_new(m);
    ag_tensor loss = ag_sum(ag_square(nn_forward(m, ag_ones(t, AG_F64, AG_SHAPE(1, 3)))));
    assert_int_equal(nn_snapshot_take(s), AG_OK); /* reads alone */
    assert_int_equal(ag_backward(loss), AG_OK);
    assert_int_equal(nn_snapshot_restore(s), AG_OK);
    assert_int_equal(ag_backward(loss), AG_EUSE);
    expect_error(t, AG_EUSE, "");
    ag_tape_free(t);
}

static void a_module_that_changed_is_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module memory, *m = difficult(t, &memory);
    nn_snapshot *s = nn_snapshot_new(m);
    ag_release(nn_find(m, "scale"));
    assert_int_equal(nn_snapshot_take(s), AG_ESTALE);
    expect_error(t, AG_ESTALE, "");
    assert_int_equal(nn_snapshot_restore(s), AG_ESTALE);
    expect_error(t, AG_ESTALE, "");
    assert_null(nn_snapshot_new(m));
    expect_error(t, AG_ESTALE, "");
    nn_param(m, ag_constant(t, 1), "more");
    assert_int_equal(nn_snapshot_take(s), AG_EUSE);
    expect_error(t, AG_EUSE, "nn_snapshot_take: module 'net' has 7 tensors, but had 6 when the snapshot was made");
    assert_int_equal(nn_snapshot_restore(s), AG_EUSE);
    expect_error(t, AG_EUSE, "nn_snapshot_restore: module 'net' has 7 tensors");
    nn_module empty;
    nn_init(&empty, t, "empty", NULL);
    nn_snapshot *none = nn_snapshot_new(&empty);
    assert_int_equal(nn_snapshot_restore(none), AG_OK);
    ag_tape_free(t);
}

/* ---- early stopping */

static void set(nn_module *m, double v)
{
    ag_assign(nn_find(m, "0.bias"), ag_full(m->tape, AG_FLOAT, AG_SHAPE(4), v));
}

static void training_stops_with_the_best_weights(void **state)
{
    (void)state;
    const double falling[] = { 5, 4, 3, 3.5, 3.2, 2.9, 2.95, NAN, 3, 1 };
    for (int maximize = 0; maximize < 2; maximize++) {
        ag_tape *t = f64_tape();
        nn_module *m = small_mlp(t);
        nn_early_stopping *e =
            nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 3, .maximize = maximize });
        int i = 0;
        for (bool on = true; on; i++) {
            set(m, i);
            on = nn_early_stopping_next(e, maximize ? -falling[i] : falling[i]);
        }
        assert_int_equal(i, 9); /* three after 2.9 */
        assert_true(e->stopped);
        assert_near(fabs(e->best), 2.9, 0);
        assert_int_equal(e->best_at, 6);
        assert_int_equal(e->values, 9);
        assert_near(ag_item_at(nn_find(m, "0.bias"), 0), 5, 0);
        set(m, 100);
        assert_false(nn_early_stopping_next(e, maximize ? 1e9 : -1e9)); /* it is over */
        assert_int_equal(e->values, 9);
        assert_int_equal(nn_early_stopping_restore(e), AG_OK);
        assert_near(ag_item_at(nn_find(m, "0.bias"), 3), 5, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void small_improvements_do_not_count(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    const nn_early_stopping_config config = { .patience = 2, .min_delta = 0.5 };
    nn_early_stopping *e = nn_early_stopping_new(m, config);
    assert_true(nn_early_stopping_next(e, 10));
    assert_true(nn_early_stopping_next(e, 9.5));
    assert_true(nn_early_stopping_next(e, 9.25)); /* than 10, the last one that counted */
    assert_int_equal(e->best_at, 3);
    assert_true(nn_early_stopping_next(e, 9));
    assert_false(nn_early_stopping_next(e, 8.75));
    expect_fine(t);
    ag_tape_free(t);
}

static void without_a_good_value_the_first_weights_are_back(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    const double first = checksum(m);
    nn_early_stopping *e = nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1 });
    set(m, NAN);
    assert_false(nn_early_stopping_next(e, NAN));
    assert_near(checksum(m), first, 0);
    assert_int_equal(e->best_at, 0);
    ag_tape_free(t);
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    assert_null(nn_early_stopping_new(m, (nn_early_stopping_config){ 0 }));
    expect_error(t, AG_EARG, "nn_early_stopping_new: patience is 0; it must be at least 1");
    assert_null(nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1, .min_delta = -0.1 }));
    expect_error(t, AG_EARG, "nn_early_stopping_new: min_delta is -0.1; it must be finite and not negative");
    assert_null(nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1, .min_delta = NAN }));
    expect_error(t, AG_EARG, "nn_early_stopping_new: min_delta is nan");
    ag_tape_free(t);
}

static void a_pending_error_stops_everything(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    nn_snapshot *s = nn_snapshot_new(m);
    nn_early_stopping *e = nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1 });
    ag_fail(t, AG_ESHAPE, "earlier");
    assert_int_equal(nn_snapshot_take(s), AG_ESHAPE);
    assert_int_equal(nn_snapshot_restore(s), AG_ESHAPE);
    assert_int_equal(nn_early_stopping_restore(e), AG_ESHAPE);
    assert_false(nn_early_stopping_next(e, 1));
    assert_false(e->stopped);
    assert_int_equal(e->values, 0);
    assert_null(nn_snapshot_new(m));
    expect_error(t, AG_ESHAPE, "earlier");
    assert_true(nn_early_stopping_next(e, 1));
    assert_int_equal(nn_snapshot_take(NULL), AG_ENULL);
    assert_int_equal(nn_snapshot_restore(NULL), AG_ENULL);
    assert_int_equal(nn_early_stopping_restore(NULL), AG_ENULL);
    assert_false(nn_early_stopping_next(NULL, 1));
    ag_tape_free(t);
}

static void every_request_for_memory_may_fail(void **state)
{
    (void)state;
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F64);
    nn_module *m = small_mlp(t);
    const size_t held = memory.bytes;
    for (long n = 1;; n++) {
        memory.requests = 0;
        memory.fail_at = n;
        nn_early_stopping *e = nn_early_stopping_new(m, (nn_early_stopping_config){ .patience = 1 });
        memory.fail_at = 0;
        if (e) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(ag_error(t), AG_ENOMEM);
        ag_error_clear(t);
        assert_int_equal(memory.bytes, held); /* nothing stays behind */
    }
    memory.requests = 0;
    nn_snapshot *s = nn_snapshot_new(m);
    const long made = memory.requests;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(nn_snapshot_take(s), AG_OK);
        assert_int_equal(nn_snapshot_restore(s), AG_OK);
    }
    assert_int_equal(memory.requests, made); /* all memory is taken at first */
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(penalties_are_sums_over_all_parameters),
        cmocka_unit_test(an_l2_penalty_is_weight_decay),
        cmocka_unit_test(bad_penalties_are_refused),
        cmocka_unit_test(a_snapshot_brings_everything_back),
        cmocka_unit_test(restoring_is_a_write),
        cmocka_unit_test(a_module_that_changed_is_refused),
        cmocka_unit_test(training_stops_with_the_best_weights),
        cmocka_unit_test(small_improvements_do_not_count),
        cmocka_unit_test(without_a_good_value_the_first_weights_are_back),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(a_pending_error_stops_everything),
        cmocka_unit_test(every_request_for_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
