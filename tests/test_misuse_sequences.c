/* Misuse of layers that normalise, drop out, look up, remember and attend. */
#include "misuse.h"

static const int64_t extents[] = { 0, -1, INT64_MIN, INT64_MAX };
static const double no_probabilities[] = { -0.1, 1.1, NAN, INFINITY, -INFINITY };

/* An inert tensor and this error. */
#define expect_nothing(t, call, status, text) \
    do {                                      \
        assert_true(is_inert(call, t));       \
        expect_error(t, status, text);        \
    } while (0)

static void made_badly(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    for (size_t i = 0; i < ARRAY_SIZE(extents); i++) {
        const int64_t n = extents[i];
        assert_null(nn_layer_norm(t, AG_SHAPE(2, n), (nn_layer_norm_config){ 0 }));
        expect_complaint(t, "nn_layer_norm");
        assert_null(nn_batch_norm(t, n, (nn_batch_norm_config){ 0 }));
        expect_complaint(t, "nn_batch_norm");
        assert_null(nn_embedding(t, n, 3, (ag_embedding_options){ .padding_idx = -1 }));
        expect_complaint(t, "nn_embedding");
        assert_null(nn_rbf(t, 3, n, (nn_rbf_config){ 0 }));
        expect_complaint(t, "nn_rbf");
        assert_null(nn_rnn(t, n, 3, (nn_recurrent_config){ 0 }));
        expect_complaint(t, "nn_rnn");
        assert_null(nn_lstm(t, 3, n, (nn_recurrent_config){ 0 }));
        expect_complaint(t, "nn_lstm");
        assert_null(nn_gru(t, n, n, (nn_recurrent_config){ 0 }));
        expect_complaint(t, "nn_gru");
        assert_null(nn_multihead_attention(t, n, 1, (nn_attention_config){ 0 }));
        expect_complaint(t, "nn_multihead_attention");
        assert_null(nn_transformer_block(t, 4, 2, n, (nn_transformer_config){ 0 }));
        expect_complaint(t, "nn_transformer_block");
        assert_true(is_inert(nn_positions(t, n, 3), t));
        expect_complaint(t, "nn_positions");
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad_shapes); i++) {
        assert_null(nn_layer_norm(t, bad_shapes[i], (nn_layer_norm_config){ 0 }));
        expect_complaint(t, "nn_layer_norm");
    }
    assert_int_equal(ag_params(t).count, 1);
    free_bench(&b);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    for (size_t i = 0; i < ARRAY_SIZE(no_probabilities); i++) {
        const double p = no_probabilities[i];
        assert_null(nn_dropout(t, p));
        expect_error(t, AG_EARG, "nn_dropout: a probability is from 0 to 1, not ");
        assert_null(nn_batch_norm(t, 2, (nn_batch_norm_config){ .momentum = p }));
        expect_error(t, AG_EARG, "nn_batch_norm: a momentum is from 0 to 1, not ");
        assert_null(nn_lstm(t, 2, 3, (nn_recurrent_config){ .dropout = p }));
        expect_complaint(t, "nn_lstm");
        assert_null(nn_multihead_attention(t, 4, 2, (nn_attention_config){ .dropout = p }));
        expect_complaint(t, "nn_multihead_attention");
        assert_null(nn_transformer_block(t, 4, 2, 3, (nn_transformer_config){ .dropout = p }));
        expect_complaint(t, "nn_transformer_block");
        const double below = p > 0 && isfinite(p) ? -p : p;
        assert_null(nn_batch_norm(t, 2, (nn_batch_norm_config){ .eps = below }));
        expect_complaint(t, "nn_batch_norm");
        assert_null(nn_layer_norm(t, AG_SHAPE(2), (nn_layer_norm_config){ .eps = below }));
        expect_complaint(t, "nn_layer_norm");
        assert_null(nn_transformer_block(t, 4, 2, 3, (nn_transformer_config){ .eps = below }));
        expect_complaint(t, "nn_layer_norm");
        assert_null(nn_rbf(t, 2, 3, (nn_rbf_config){ .width = below }));
        expect_error(t, AG_EARG, "nn_rbf: a width is a number above 0, not ");
    }
    assert_null(nn_rnn(t, 2, 3, (nn_recurrent_config){ .layers = -1 }));
    expect_error(t, AG_EARG, "nn_rnn: -1 layers");
    assert_null(nn_gru(t, 2, 3, (nn_recurrent_config){ .relu = true }));
    expect_error(t, AG_EARG, "nn_gru: relu is an option of nn_rnn alone");
    assert_null(nn_embedding(t, 4, 2, (ag_embedding_options){ .padded = true, .padding_idx = 4 }));
    expect_error(t, AG_EARG, "nn_embedding: the padding is 4, but there are 4 rows");
    assert_null(nn_embedding(t, 4, 2, (ag_embedding_options){ .padded = true, .padding_idx = -5 }));
    expect_complaint(t, "nn_embedding");
    assert_null(nn_multihead_attention(t, 4, 3, (nn_attention_config){ 0 }));
    expect_error(t, AG_EARG, "nn_multihead_attention: 4 features are not 3 heads of one size");
    assert_null(nn_transformer_block(t, 4, 2, 3, (nn_transformer_config){ .activation = 99 }));
    expect_error(t, AG_EARG, "nn_transformer_block: 99 is no activation");
    assert_int_equal(ag_params(t).count, 1);
    free_bench(&b);
}

static void without_a_tape(void **state)
{
    (void)state;
    assert_null(nn_dropout(NULL, 0.5));
    assert_null(nn_dropout(NULL, 2));
    assert_null(nn_layer_norm(NULL, AG_SHAPE(2), (nn_layer_norm_config){ 0 }));
    assert_null(nn_batch_norm(NULL, 2, (nn_batch_norm_config){ 0 }));
    assert_null(nn_embedding(NULL, 2, 2, (ag_embedding_options){ 0 }));
    assert_null(nn_rbf(NULL, 2, 2, (nn_rbf_config){ 0 }));
    assert_null(nn_rnn(NULL, 2, 2, (nn_recurrent_config){ 0 }));
    assert_null(nn_multihead_attention(NULL, 2, 2, (nn_attention_config){ 0 }));
    assert_null(nn_transformer_block(NULL, 2, 2, 2, (nn_transformer_config){ 0 }));
    assert_true(is_inert(nn_positions(NULL, 2, 2), NULL));
    assert_true(is_inert(nn_unroll(NULL, absent, absent, absent).h, NULL));
    assert_true(is_inert(nn_attend(NULL, absent, absent, absent, absent), NULL));
}

static void inputs_that_do_not_fit(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module *modules[] = { nn_layer_norm(t, AG_SHAPE(3, 4), (nn_layer_norm_config){ .no_affine = true }),
                             nn_batch_norm(t, 4, (nn_batch_norm_config){ .no_affine = true }),
                             nn_embedding(t, 5, 3, (ag_embedding_options){ 0 }),
                             nn_rbf(t, 4, 2, (nn_rbf_config){ 0 }),
                             nn_lstm(t, 4, 3, (nn_recurrent_config){ 0 }),
                             nn_multihead_attention(t, 4, 2, (nn_attention_config){ 0 }),
                             nn_transformer_block(t, 4, 2, 3, (nn_transformer_config){ 0 }) };
    static const char *const names[] = { "nn_layer_norm", "ag_batch_norm", "ag_embedding", "nn_rbf",
                                         "nn_lstm",       "nn_attend",     "nn_layer_norm" };
    const ag_tensor bad[] = { ag_ones(t, AG_FLOAT, AG_SHAPE(2, 5)), ag_constant(t, 1),
                              ag_ones(t, AG_FLOAT, AG_SHAPE(5)) };
    for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
            assert_true(is_inert(nn_forward(modules[i], bad[k]), t));
            expect_complaint(t, names[i]);
        }
        assert_true(is_inert(nn_forward(modules[i], b.stale), t));
        assert_int_equal(ag_error(t), AG_ESTALE);
        ag_error_clear(t);
        assert_true(is_inert(nn_forward(modules[i], inert(t)), t));
        expect_fine(t);
        ag_tensor w = nn_params(modules[i]).count ? nn_params(modules[i]).at[0] : inert(t);
        if (w.id) {
            ag_release(w);
            assert_false(ag_ok(nn_forward(modules[i], ag_ones(t, i == 2 ? AG_I64 : AG_FLOAT, AG_SHAPE(2, 3, 4)))));
            assert_int_equal(ag_error(t), AG_ESTALE);
            ag_error_clear(t);
        }
    }
    free_bench(&b);
}

static void states_that_do_not_fit(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module *lstm = nn_lstm(t, 4, 3, (nn_recurrent_config){ .layers = 2 }),
              *gru = nn_gru(t, 4, 3, (nn_recurrent_config){ 0 }), *linear = nn_linear(t, 4, 3, (nn_linear_config){ 0 });
    const ag_tensor x = ag_ones(t, AG_FLOAT, AG_SHAPE(5, 6, 4)), h = ag_ones(t, AG_FLOAT, AG_SHAPE(2, 5, 3)),
                    one = ag_ones(t, AG_FLOAT, AG_SHAPE(1, 5, 3));
    expect_nothing(t, nn_unroll(lstm, x, one, h).output, AG_ESHAPE, "nn_lstm: h is [1,5,3], not [2,5,3]");
    expect_nothing(t, nn_unroll(lstm, x, h, x).c, AG_ESHAPE, "nn_lstm: c is [5,6,4], not [2,5,3]");
    expect_nothing(t, nn_unroll(gru, x, absent, one).h, AG_EARG, "nn_gru: a c is given, which only an LSTM has");
    expect_nothing(t, nn_unroll(gru, ag_zeros(t, AG_FLOAT, AG_SHAPE(5, 0, 4)), absent, absent).h, AG_ESHAPE,
                   "nn_gru: x is [5,0,4], not [n,t,4] of at least one step");
    expect_nothing(t, nn_unroll(linear, x, absent, absent).h, AG_EUSE, "nn_unroll: module 'linear' is not recurrent");
    expect_nothing(t, nn_unroll(lstm, x, b.foreign, h).h, AG_EUSE, "nn_unroll");
    expect_nothing(t, nn_unroll(lstm, absent, absent, absent).h, AG_ENULL, "nn_unroll");
    expect_nothing(t, nn_unroll(lstm, b.foreign, absent, absent).h, AG_EUSE, "nn_unroll");
    expect_nothing(t, nn_unroll(NULL, x, absent, absent).h, AG_ENULL, "nn_unroll");
    expect_nothing(t, nn_unroll(gru, ag_ones(t, AG_I64, AG_SHAPE(5, 6, 4)), absent, absent).h, AG_EDTYPE, "gru");
    assert_true(is_inert(nn_unroll(lstm, x, inert(t), absent).h, t));
    expect_fine(t);
    const ag_tensor nobody = ag_zeros(t, AG_FLOAT, AG_SHAPE(0, 6, 4));
    assert_shape(nn_unroll(lstm, nobody, absent, absent).output, 0, 6, 3);
    free_bench(&b);
}

static void operands_that_do_not_fit(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module *m = nn_multihead_attention(t, 4, 2, (nn_attention_config){ 0 }),
              *linear = nn_linear(t, 4, 3, (nn_linear_config){ 0 });
    const ag_tensor q = ag_ones(t, AG_FLOAT, AG_SHAPE(5, 6, 4)), k = ag_ones(t, AG_FLOAT, AG_SHAPE(5, 7, 4)),
                    few = ag_ones(t, AG_FLOAT, AG_SHAPE(2, 7, 4)), wide = ag_ones(t, AG_FLOAT, AG_SHAPE(5, 7, 3));
    expect_nothing(t, nn_attend(m, q, k, q, absent), AG_ESHAPE,
                   "nn_attend: a query [5,6,4], a key [5,7,4] and a value [5,6,4] do not fit");
    expect_nothing(t, nn_attend(m, q, few, few, absent), AG_ESHAPE, "nn_attend");
    expect_nothing(t, nn_attend(m, q, wide, k, absent), AG_ESHAPE, "nn_attend: the key is [5,7,3], not [n,t,4]");
    expect_nothing(t, nn_attend(m, q, k, absent, absent), AG_ENULL, "nn_attend");
    expect_nothing(t, nn_attend(m, q, b.foreign, k, absent), AG_EUSE, "nn_attend");
    expect_nothing(t, nn_attend(m, q, k, k, b.foreign), AG_EUSE, "nn_attend");
    nn_module *dropping = nn_multihead_attention(t, 4, 2, (nn_attention_config){ .dropout = 0.5 });
    for (int training = 0; training < 2; training++) { /* with dropout it is done otherwise */
        nn_train(dropping, training);
        expect_nothing(t, nn_attend(dropping, q, k, k, ag_zeros(t, AG_I32, AG_SHAPE(6, 7))), AG_EDTYPE,
                       "nn_attend: a mask is u8, or f64 as the query, not i32");
        expect_nothing(t, nn_attend(dropping, q, k, k, ag_ones(t, AG_U8, AG_SHAPE(6, 6))), AG_ESHAPE,
                       "nn_attend: a mask [6,6] does not broadcast to [n,heads,q,k], [5,2,6,7]");
    }
    expect_nothing(t, nn_attend(m, absent, k, k, absent), AG_ENULL, "nn_attend");
    expect_nothing(t, nn_attend(linear, q, k, k, absent), AG_EUSE, "nn_attend: module 'linear' is no attention");
    expect_nothing(t, nn_attend(NULL, q, k, k, absent), AG_ENULL, "nn_attend");
    expect_nothing(t, nn_attend(m, q, k, k, ag_ones(t, AG_U8, AG_SHAPE(6, 6))), AG_ESHAPE, "");
    assert_shape(nn_attend(m, q, k, k, ag_ones(t, AG_U8, AG_SHAPE(6, 7))), 5, 6, 4);
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_badly),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(without_a_tape),
        cmocka_unit_test(inputs_that_do_not_fit),
        cmocka_unit_test(states_that_do_not_fit),
        cmocka_unit_test(operands_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("misuse of layers for sequences", tests, NULL, NULL);
}
