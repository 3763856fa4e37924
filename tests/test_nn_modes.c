/* Layers that do otherwise in training than in evaluation, states that go on, and positions. */
#include "nn_support.h"

static void dropout_is_for_training(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    ag_tape *t = f64_tape();
    nn_module *m = nn_dropout(t, 0.25), *net = NN_SEQUENTIAL(t, m, nn_activation(t, NN_IDENTITY));
    ag_tensor x = ag_require_grad(ag_ones(t, AG_FLOAT, AG_SHAPE(COUNT))), y = nn_forward(net, x);
    int64_t gone = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        gone += ag_item_at(y, i) == 0;
        assert_true(ag_item_at(y, i) == 0 || ag_item_at(y, i) == 1 / 0.75);
    }
    assert_true(gone > 2300 && gone < 2700);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    for (int64_t i = 0; i < COUNT; i++)
        assert_near(ag_item_at(ag_grad(x), i), ag_item_at(y, i), 0);
    nn_train(net, false);
    assert_true(same_handle(nn_forward(m, x), x));
    nn_train(net, true);
    assert_near(ag_item(ag_sum(nn_forward(nn_dropout(t, 1), x))), 0, 0);
    assert_true(same_handle(nn_forward(nn_dropout(t, 0), x), x));
    expect_fine(t);
    ag_tape_free(t);
}

typedef struct two {
    nn_module *dropout, *norm;
} two;

static ag_tensor drop_and_normalise(ag_list x, void *user)
{
    const two *m = user;
    return nn_forward(m->norm, nn_forward(m->dropout, x.at[0]));
}

/* A checkpoint runs again in the backward pass, when the mode may be another one. */
static void checkpoints_keep_the_mode(void **state)
{
    (void)state;
    double gradients[2][12];
    for (int checkpointed = 0; checkpointed < 2; checkpointed++) {
        ag_tape *t = f64_tape();
        two m = { nn_dropout(t, 0.5), nn_batch_norm(t, 3, (nn_batch_norm_config){ 0 }) };
        ag_tensor x = ag_require_grad(ag_rand(t, AG_FLOAT, AG_SHAPE(4, 3), -1, 1));
        ag_tensor y =
            checkpointed ? ag_checkpoint(drop_and_normalise, &m, AG_LIST(x)) : drop_and_normalise(AG_LIST(x), &m);
        nn_train(m.dropout, false);
        nn_train(m.norm, false);
        assert_int_equal(ag_backward(ag_sum(ag_pow_scalar(y, 3))), AG_OK);
        assert_int_equal(ag_copy_out(ag_grad(x), AG_F64, gradients[checkpointed], sizeof gradients[0]), AG_OK);
        assert_near(ag_item(nn_find(m.norm, "num_batches_tracked")), 1 + checkpointed, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
    for (int i = 0; i < 12; i++)
        assert_near(gradients[1][i], gradients[0][i], 1e-14);
}

static void batch_norm_learns_its_statistics(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = nn_batch_norm(t, 2, (nn_batch_norm_config){ .momentum = 1 }),
              *own = nn_batch_norm(t, 2, (nn_batch_norm_config){ .no_affine = true, .no_running = true });
    ag_tensor x = AG_VALUES(t, AG_SHAPE(4, 2), 1, 0, 2, 0, 3, 6, 6, 6), y = nn_forward(m, x);
    assert_values(nn_find(m, "running_mean"), 3, 3);
    assert_near(ag_item_at(nn_find(m, "running_var"), 0), 14 / 3.0, 1e-6);
    nn_train(m, false);
    ag_tensor z = nn_forward(m, x);
    assert_near(ag_item_at(z, 0), -2 / sqrt(14 / 3.0 + 1e-5), 1e-6);
    assert_near(ag_item(nn_find(m, "num_batches_tracked")), 1, 0);
    assert_int_equal(nn_params(own).count, 0);
    for (int evaluation = 0; evaluation < 2; evaluation++) {
        nn_train(own, !evaluation);
        ag_tensor same = nn_forward(own, x);
        for (int i = 0; i < 8; i++)
            assert_near(ag_item_at(same, i), ag_item_at(y, i), 1e-6);
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* What came before a step goes on in the next call, and a buffer ends its history. */
static void sequences_go_on(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *modules[] = { nn_rnn(t, 3, 4, (nn_recurrent_config){ 0 }),
                             nn_lstm(t, 3, 4, (nn_recurrent_config){ .layers = 2 }),
                             nn_gru(t, 3, 4, (nn_recurrent_config){ .layers = 3 }) };
    for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
        ag_tensor x = ag_rand(t, AG_FLOAT, AG_SHAPE(2, 5, 3), -1, 1), whole = nn_forward(modules[i], x);
        nn_sequence first = nn_unroll(modules[i], ag_slice(x, 1, 0, 2, 1), absent, absent);
        nn_sequence second = nn_unroll(modules[i], ag_slice(x, 1, 2, 5, 1), first.h, first.c);
        ag_tensor both = ag_concat(AG_LIST(first.output, second.output), 1);
        for (int k = 0; k < 40; k++)
            assert_near(ag_item_at(both, k), ag_item_at(whole, k), 1e-14);
        assert_int_equal(second.c.tape != NULL, i == 1);
        expect_fine(t);
    }
    ag_tape_free(t);
}

/* In evaluation nothing is drawn, and a causal block does not look ahead. */
static void blocks_look_where_they_may(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = nn_transformer_block(t, 6, 3, 8, (nn_transformer_config){ .dropout = 0.3, .causal = true });
    ag_tensor x = ag_require_grad(ag_rand(t, AG_FLOAT, AG_SHAPE(1, 4, 6), -1, 1));
    ag_tensor a = nn_forward(m, x), b = nn_forward(m, x);
    assert_true(ag_item(ag_sum(ag_abs(ag_sub(a, b)))) > 0.01);
    nn_train(m, false);
    a = nn_forward(m, x);
    assert_near(ag_item(ag_sum(ag_abs(ag_sub(a, nn_forward(m, x))))), 0, 0);
    assert_int_equal(ag_backward(ag_sum(ag_select(a, 1, 1))), AG_OK);
    ag_tensor dx = ag_sum_over(ag_abs(ag_grad(x)), AG_AXES(0, 2), 0);
    assert_true(ag_item_at(dx, 0) > 0 && ag_item_at(dx, 1) > 0);
    assert_near(ag_item_at(dx, 2), 0, 0);
    assert_near(ag_item_at(dx, 3), 0, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* Where weights are dropped they are made as a matrix; where none is, both ways are the same. */
static void dropping_changes_nothing_else(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor x = ag_require_grad(ag_rand(t, AG_FLOAT, AG_SHAPE(2, 3, 4), -1, 1));
    const ag_tensor bytes = ag_cast(AG_VALUES(t, AG_SHAPE(3, 3), 1, 0, 1, 0, 0, 0, 1, 1, 1), AG_U8),
                    numbers = AG_VALUES(t, AG_SHAPE(3, 3), 1, -INFINITY, 2, -INFINITY, -INFINITY, -INFINITY, 0, 1, 3);
    const ag_tensor masks[] = { absent, bytes, numbers };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(masks); i++) {
        const nn_attention_config config = { .dropout = 1e-300, .causal = i % 2 };
        nn_module *m = nn_multihead_attention(t, 4, 2, config);
        double dx[2][24];
        ag_tensor y[2];
        for (int training = 0; training < 2; training++) {
            nn_train(m, training);
            y[training] = nn_attend(m, x, x, x, masks[i / 2]);
            ag_zero_grad(x);
            assert_int_equal(ag_backward(ag_sum(ag_pow_scalar(y[training], 3))), AG_OK);
            assert_int_equal(ag_copy_out(ag_grad(x), AG_F64, dx[training], sizeof dx[0]), AG_OK);
        }
        for (int k = 0; k < 24; k++) {
            assert_near(ag_item_at(y[1], k), ag_item_at(y[0], k), 1e-14);
            assert_near(dx[1][k], dx[0][k], 1e-14);
        }
        expect_fine(t);
    }
    ag_tape_free(t);
}

static void positions_are_sines_and_cosines(void **state)
{
    (void)state;
    for (int features = 1; features < 6; features++) {
        ag_tape *t = f64_tape();
        ag_tensor x = nn_positions(t, 7, features);
        assert_shape(x, 7, features);
        for (int p = 0; p < 7; p++)
            for (int i = 0; i < features; i++) {
                const double angle = p / pow(10000, 2.0 * (i / 2) / features);
                assert_near(ag_item_at(x, p * features + i), i % 2 ? cos(angle) : sin(angle), 1e-14);
            }
        ag_tape_free(t);
    }
}

static void starts_are_those_of_pytorch(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *lstm = nn_lstm(t, 5, 16, (nn_recurrent_config){ .layers = 2, .dropout = 0.5 }),
              *look = nn_multihead_attention(t, 24, 4, (nn_attention_config){ 0 }),
              *words = nn_embedding(t, 50, 40, (ag_embedding_options){ .padded = true, .padding_idx = 3 }),
              *rbf = nn_rbf(t, 2, 3, (nn_rbf_config){ .width = 0.5, .fixed = true });
    assert_shape(nn_find(lstm, "weight_ih_l1"), 64, 16);
    assert_near(ag_item(ag_max(ag_abs(nn_find(lstm, "weight_hh_l0")))), 0.25, 0.003);
    assert_near(ag_item(ag_max(ag_abs(nn_find(look, "in_proj_weight")))), sqrt(6 / 96.0), 0.003);
    assert_near(ag_item(ag_max(ag_abs(nn_find(look, "out_proj.bias")))), 0, 0);
    ag_tensor w = nn_find(words, "weight");
    assert_near(ag_item(ag_std(w)), 1, 0.05);
    assert_near(ag_item(ag_sum(ag_abs(ag_select(w, 0, 3)))), 0, 0);
    assert_int_equal(nn_params(rbf).count, 0);
    assert_values(nn_find(rbf, "widths"), 0.5, 0.5, 0.5);
    ag_assign(nn_find(rbf, "centers"), AG_VALUES(t, AG_SHAPE(3, 2), 0, 0, 1, 0, 0, -1));
    assert_values(nn_forward(rbf, AG_VALUES(t, AG_SHAPE(2), 0, 0)), 1, exp(-2), exp(-2));
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_is_for_training),          cmocka_unit_test(checkpoints_keep_the_mode),
        cmocka_unit_test(batch_norm_learns_its_statistics), cmocka_unit_test(sequences_go_on),
        cmocka_unit_test(blocks_look_where_they_may),       cmocka_unit_test(positions_are_sines_and_cosines),
        cmocka_unit_test(dropping_changes_nothing_else),    cmocka_unit_test(starts_are_those_of_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
