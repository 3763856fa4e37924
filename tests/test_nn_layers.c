/* Layers, initial values, and counting right answers. */
#include "nn_support.h"

static const nn_linear_config with_bias;

static void linear_is_a_product(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = nn_linear(t, 3, 2, with_bias);
    assert_non_null(m);
    ag_tensor w = nn_find(m, "weight"), b = nn_find(m, "bias");
    assert_int_equal(ag_shape_of(w).dim[0], 2);
    assert_int_equal(ag_shape_of(w).dim[1], 3);
    assert_int_equal(ag_shape_of(b).rank, 1);
    ag_assign(w, AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6));
    ag_assign(b, AG_VALUES(t, AG_SHAPE(2), 10, 20));
    ag_storage s;
    assert_int_equal(ag_storage_of(w, &s), AG_OK);
    assert_near(((double *)s.value)[1], 4, 0); /* stored column by column */
    ag_tensor y = nn_forward(m, AG_VALUES(t, AG_SHAPE(2, 3), 1, 0, -1, 1, 1, 1));
    const double expected[] = { 8, 18, 16, 35 };
    for (int i = 0; i < 4; i++)
        assert_near(ag_item_at(y, i), expected[i], 1e-14);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_near(ag_item_at(ag_grad(w), 0), 2, 1e-14); /* the sum of x's column */
    assert_near(ag_item_at(ag_grad(w), 5), 0, 1e-14);
    assert_near(ag_item_at(ag_grad(b), 1), 2, 1e-14);
    ag_tensor deep = nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(2, 4, 3)));
    assert_int_equal(ag_shape_of(deep).rank, 3);
    assert_near(ag_item_at(deep, 15), 35, 1e-14);
    expect_fine(t);
    nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(2, 4)));
    expect_error(t, AG_ESHAPE, "linear: ag_linear");
    nn_module *bare = nn_linear(t, 3, 2, (nn_linear_config){ .no_bias = true });
    assert_int_equal(nn_params(bare).count, 1);
    ag_assign(nn_find(bare, "weight"), w);
    assert_near(ag_item_at(nn_forward(bare, ag_ones(t, AG_FLOAT, AG_SHAPE(1, 3))), 1), 15, 1e-14);
    expect_fine(t);
    ag_tape_free(t);
}

static void linear_starts_as_in_pytorch(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = nn_linear(t, 400, 50, with_bias);
    ag_tensor w = nn_find(m, "weight"), b = nn_find(m, "bias");
    assert_int_equal(ag_dtype_of(w), AG_F32);
    double bound = 1 / sqrt(400.0), largest = 0, squares = 0;
    for (int64_t i = 0; i < 20000; i++) {
        double v = ag_item_at(w, i);
        largest = fabs(v) > largest ? fabs(v) : largest;
        squares += v * v;
    }
    assert_true(largest <= bound && largest > 0.99 * bound);
    assert_near(squares / 20000, bound * bound / 3, 0.03 * bound * bound / 3);
    for (int64_t i = 0; i < 50; i++)
        assert_true(fabs(ag_item_at(b, i)) <= bound);
    ag_tape_free(t);
}

static void linear_refuses(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const int64_t bad[][2] = { { 0, 1 }, { 1, 0 }, { -1, 2 }, { 2, INT64_MIN } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(nn_linear(t, bad[i][0], bad[i][1], with_bias));
        expect_error(t, AG_EARG, "nn_linear");
    }
    assert_null(nn_linear(t, INT64_MAX, INT64_MAX, with_bias));
    expect_error(t, AG_ELIMIT, "");
    assert_int_equal(ag_params(t).count, 0);
    assert_null(nn_linear(NULL, 1, 1, with_bias));
    ag_tape_free(t);
}

static void activations_are_the_ops(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(4), -2, -0.5, 0, 3);
    const ag_tensor expected[] = { [NN_RELU] = ag_relu(x),
                                   [NN_TANH] = ag_tanh(x),
                                   [NN_SIGMOID] = ag_sigmoid(x),
                                   [NN_SOFTPLUS] = ag_softplus(x),
                                   [NN_LEAKY_RELU] = ag_leaky_relu(x, 0.01),
                                   [NN_IDENTITY] = x,
                                   [NN_GELU] = ag_gelu(x) };
    for (int kind = 0; kind < (int)ARRAY_SIZE(expected); kind++) {
        nn_module *m = nn_activation(t, kind);
        assert_non_null(m);
        assert_int_equal(nn_params(m).count, 0);
        for (int i = 0; i < 4; i++)
            assert_near(ag_item_at(nn_forward(m, x), i), ag_item_at(expected[kind], i), 0);
    }
    assert_null(nn_activation(t, -1));
    expect_error(t, AG_EARG, "-1 is no activation");
    assert_null(nn_activation(t, NN_GELU + 1));
    expect_error(t, AG_EARG, "no activation");
    assert_null(nn_activation(NULL, NN_RELU));
    expect_fine(t);
    ag_tape_free(t);
}

static void sequences_number_their_children(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_module *first = nn_linear(t, 3, 4, with_bias);
    nn_module *m = NN_SEQUENTIAL(t, first, nn_activation(t, NN_TANH), nn_linear(t, 4, 2, with_bias));
    assert_non_null(m);
    assert_int_equal(nn_params(m).count, 4);
    assert_true(same_handle(nn_find(m, "0.weight"), nn_find(first, "weight")));
    assert_true(ag_ok(nn_find(m, "2.bias")));
    ag_tensor x = ag_rand(t, AG_FLOAT, AG_SHAPE(5, 3), -1, 1);
    ag_tensor h = ag_tanh(ag_linear(x, nn_find(m, "0.weight"), nn_find(m, "0.bias")));
    ag_tensor y = ag_linear(h, nn_find(m, "2.weight"), nn_find(m, "2.bias")), z = nn_forward(m, x);
    for (int i = 0; i < 10; i++)
        assert_near(ag_item_at(z, i), ag_item_at(y, i), 0);
    expect_fine(t);
    nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(5, 7)));
    expect_error(t, AG_ESHAPE, "sequential.0: ag_linear");
    nn_module *empty = nn_sequential(t, NULL, 0);
    assert_true(same_handle(nn_forward(empty, x), x));
    assert_null(nn_sequential(t, NULL, 2));
    expect_error(t, AG_ENULL, "nn_sequential");
    assert_null(NN_SEQUENTIAL(t, nn_activation(t, NN_RELU), NULL));
    expect_error(t, AG_ENULL, "nn_child");
    assert_null(NN_SEQUENTIAL(t, nn_activation(other, NN_RELU)));
    expect_error(t, AG_EUSE, "another tape");
    assert_null(nn_sequential(NULL, NULL, 0));
    expect_fine(t);
    ag_tape_free(t);
    ag_tape_free(other);
}

static void mlp_is_a_sequence(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 4, 3, 5, 2 }, .activation = NN_SIGMOID });
    assert_non_null(m);
    assert_int_equal(nn_params(m).count, 6);
    const char *paths[] = { "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias" };
    const int sizes[] = { 4, 3, 5, 2 };
    for (int i = 0; i < 3; i++) {
        ag_tensor w = nn_find(m, paths[2 * i]);
        assert_int_equal(ag_shape_of(w).dim[0], sizes[i + 1]);
        assert_int_equal(ag_shape_of(w).dim[1], sizes[i]);
        assert_int_equal(ag_shape_of(nn_find(m, paths[2 * i + 1])).dim[0], sizes[i + 1]);
        assert_string_equal(ag_name_of(w), paths[2 * i]);
    }
    ag_tensor x = ag_rand(t, AG_FLOAT, AG_SHAPE(2, 4), -1, 1), y = x;
    for (int i = 0; i < 3; i++) {
        y = ag_linear(y, nn_find(m, paths[2 * i]), nn_find(m, paths[2 * i + 1]));
        y = i < 2 ? ag_sigmoid(y) : y; /* none after the last */
    }
    for (int i = 0; i < 4; i++)
        assert_near(ag_item_at(nn_forward(m, x), i), ag_item_at(y, i), 0);
    assert_int_equal(nn_params(nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 1 }, .no_bias = true })).count, 1);
    nn_mlp_config full = { .sizes = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } };
    assert_int_equal(nn_params(nn_mlp(t, full)).count, 30);
    expect_fine(t);
    ag_tape_free(t);
}

static void mlp_refuses(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const struct {
        nn_mlp_config config;
        const char *text;
    } bad[] = {
        { { .sizes = { 0 } }, "0 sizes are given" },
        { { .sizes = { 784 } }, "1 sizes are given" },
        { { .sizes = { 3, -1, 2 } }, "is negative" },
        { { .sizes = { -3, 1 } }, "is negative" },
        { { .sizes = { 3, 0, 2 } }, "after a size of 0" },
        { { .sizes = { 0, 3, 2 } }, "after a size of 0" },
        { { .sizes = { 3, 2 }, .activation = 77 }, "77 is no activation" },
        { { .sizes = { 3, 2, 1 }, .activation = -1 }, "no activation" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(nn_mlp(t, bad[i].config));
        expect_error(t, AG_EARG, bad[i].text);
    }
    assert_int_equal(ag_params(t).count, 0);
    assert_null(nn_mlp(NULL, (nn_mlp_config){ .sizes = { 2, 1 } }));
    ag_tape_free(t);
}

/* A network that could not be built whole leaves no parameter behind, and the same call succeeds later. */
static void half_a_network_is_released(void **state)
{
    (void)state;
    const nn_mlp_config config = { .sizes = { 5, 4, 3 } };
    for (long n = 1;; n++) {
        memory memory = { .fail_at = n };
        ag_tape *t = tape_on(&memory, AG_F32);
        if (!t)
            continue;
        nn_module *m = nn_mlp(t, config);
        bool failed = memory.requests >= n;
        assert_int_equal(ag_error(t), failed ? AG_ENOMEM : AG_OK);
        memory.fail_at = 0;
        ag_error_clear(t);
        ag_tape_reset(t);
        assert_int_equal(m != NULL, !failed);
        assert_int_equal(ag_params(t).count, failed ? 0 : 4);
        m = nn_mlp(t, config);
        assert_int_equal(nn_params(m).count, 4);
        assert_true(ag_ok(nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(2, 5)))));
        expect_fine(t);
        ag_tape_free(t);
        if (!failed)
            break;
    }
}

/* ---- initial values */

typedef ag_tensor initialiser(ag_tape *t, ag_shape s);
static const struct {
    initialiser *function;
    const char *name;
    bool normal, both; /* both fans count */
} initialisers[] = {
    { nn_xavier_uniform, "nn_xavier_uniform", false, true },
    { nn_xavier_normal, "nn_xavier_normal", true, true },
    { nn_kaiming_uniform, "nn_kaiming_uniform", false, false },
    { nn_kaiming_normal, "nn_kaiming_normal", true, false },
};

static void initial_values_have_their_variance(void **state)
{
    (void)state;
    const ag_shape shapes[] = { AG_DIMS(60, 90), AG_DIMS(20, 10, 3, 5) };
    const double fan_in[] = { 90, 150 }, fan_out[] = { 60, 300 };
    for (size_t k = 0; k < ARRAY_SIZE(initialisers) * 2; k++) {
        int i = (int)k / 2, s = (int)k % 2;
        ag_tape *t = tape_of(i % 2 ? AG_F32 : AG_F64);
        ag_tensor x = initialisers[i].function(t, shapes[s]);
        assert_int_equal(ag_dtype_of(x), ag_tape_dtype(t));
        assert_false(ag_is_persistent(x));
        double variance = initialisers[i].both ? 2 / (fan_in[s] + fan_out[s]) : 2 / fan_in[s], squares = 0, largest = 0;
        int64_t count = ag_size_of(x);
        for (int64_t e = 0; e < count; e++) {
            double v = ag_item_at(x, e);
            squares += v * v;
            largest = fabs(v) > largest ? fabs(v) : largest;
        }
        assert_near(squares / (double)count, variance, 0.1 * variance);
        assert_int_equal(largest > sqrt(3 * variance) * (1 + 1e-6), initialisers[i].normal);
        ag_tape_free(t);
    }
}

static void initial_values_refuse(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    for (size_t i = 0; i < ARRAY_SIZE(initialisers); i++) {
        initialiser *f = initialisers[i].function;
        assert_true(is_inert(f(t, AG_SCALAR), t));
        expect_error(t, AG_ESHAPE, initialisers[i].name);
        assert_true(is_inert(f(t, AG_SHAPE(7)), t));
        expect_error(t, AG_ESHAPE, "rank 1");
        assert_true(is_inert(f(t, (ag_shape){ .rank = 9 }), t));
        expect_error(t, AG_ESHAPE, "rank 9");
        assert_true(is_inert(f(t, (ag_shape){ .rank = -1 }), t));
        expect_error(t, AG_ESHAPE, "rank -1");
        assert_true(is_inert(f(t, AG_SHAPE(3, -2)), t));
        expect_error(t, AG_ESHAPE, "");
        assert_true(is_inert(f(t, AG_SHAPE(INT64_MAX, INT64_MAX)), t));
        expect_error(t, AG_ELIMIT, "");
        const ag_shape empty[] = { AG_DIMS(0, 3), AG_DIMS(3, 0), AG_DIMS(0, 0), AG_DIMS(2, 3, 0) };
        for (size_t k = 0; k < ARRAY_SIZE(empty); k++)
            assert_int_equal(ag_size_of(f(t, empty[k])), 0);
        expect_fine(t);
        assert_null(f(NULL, AG_SHAPE(2, 2)).tape);
    }
    ag_tape_free(t);
}

/* ---- right answers */

static void correct_counts_the_largest(void **state)
{
    (void)state;
    const double values[] = { 1, 2, 0, 3, 3, 1, NAN, 1, 2, 0, NAN, 9, -1, -2, -INFINITY, 1, INFINITY, 2 };
    const double labels[] = { 1, 0, 2, 2, 0, 1 }; /* right, right (first of equals), NaN, NaN, right, right */
    const ag_dtype label_types[] = { AG_U8, AG_I32, AG_I64 };
    for (int k = 0; k < 6; k++) {
        ag_tape *t = tape_of(k % 2 ? AG_F32 : AG_F64);
        ag_tensor z = ag_values(t, AG_SHAPE(6, 3), values, 18);
        ag_tensor y = ag_zeros(t, label_types[k / 2], AG_SHAPE(6));
        ag_copy_in(y, AG_F64, labels, sizeof labels);
        assert_int_equal(nn_correct(z, y), 4);
        assert_int_equal(nn_correct(ag_transpose(AG_VALUES(t, AG_SHAPE(2, 3), 1, 5, 2, 4, 0, 3), 0, 1),
                                    ag_from(t, AG_I64, AG_SHAPE(3), (int64_t[]){ 1, 0, 0 }, 24)),
                         2);
        assert_int_equal(nn_correct(ag_zeros(t, AG_FLOAT, AG_SHAPE(0, 3)), ag_zeros(t, AG_I64, AG_SHAPE(0))), 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void correct_refuses(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    ag_tensor z = ag_zeros(t, AG_FLOAT, AG_SHAPE(2, 3)), y = ag_zeros(t, AG_I64, AG_SHAPE(2)), none = { 0 };
    const struct {
        ag_tensor z, y;
        ag_status status;
        const char *text;
    } bad[] = {
        { none, y, AG_ENULL, "the logits are absent" },
        { z, none, AG_ENULL, "the labels are absent" },
        { ag_zeros(t, AG_FLOAT, AG_SHAPE(2)), y, AG_ESHAPE, "ranks 1 and 1" },
        { z, ag_zeros(t, AG_I64, AG_SHAPE(2, 1)), AG_ESHAPE, "ranks 2 and 2" },
        { z, ag_zeros(t, AG_I64, AG_SHAPE(3)), AG_ESHAPE, "2 and 3 rows" },
        { z, ag_zeros(t, AG_FLOAT, AG_SHAPE(2)), AG_EDTYPE, "integer labels" },
        { ag_zeros(t, AG_I32, AG_SHAPE(2, 3)), y, AG_EDTYPE, "floating logits" },
        { z, ag_full(t, AG_I32, AG_SHAPE(2), 3), AG_EARG, "label 3 in row 0" },
        { z, ag_full(t, AG_I64, AG_SHAPE(2), -1), AG_EARG, "label -1" },
        { ag_zeros(t, AG_FLOAT, AG_SHAPE(2, 0)), y, AG_EARG, "outside [0, 0)" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(nn_correct(bad[i].z, bad[i].y), 0);
        expect_error(t, bad[i].status, bad[i].text);
    }
    assert_int_equal(nn_correct(z, ag_zeros(other, AG_I64, AG_SHAPE(2))), 0);
    expect_error(t, AG_EUSE, "different tapes");
    expect_fine(other);
    assert_int_equal(nn_correct(none, none), 0);
    assert_int_equal(nn_correct((ag_tensor){ t, 0, 0 }, y), 0);
    assert_int_equal(nn_correct(z, (ag_tensor){ t, 0, 0 }), 0);
    expect_fine(t);
    ag_tape_reset(t);
    assert_int_equal(nn_correct(z, y), 0);
    expect_error(t, AG_ESTALE, "");
    ag_tape_free(t);
    ag_tape_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_a_product),
        cmocka_unit_test(linear_starts_as_in_pytorch),
        cmocka_unit_test(linear_refuses),
        cmocka_unit_test(activations_are_the_ops),
        cmocka_unit_test(sequences_number_their_children),
        cmocka_unit_test(mlp_is_a_sequence),
        cmocka_unit_test(mlp_refuses),
        cmocka_unit_test(half_a_network_is_released),
        cmocka_unit_test(initial_values_have_their_variance),
        cmocka_unit_test(initial_values_refuse),
        cmocka_unit_test(correct_counts_the_largest),
        cmocka_unit_test(correct_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
