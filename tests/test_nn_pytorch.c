/* Layers beside PyTorch's: its files of weights load, values, gradients and running statistics are its own. */
#include "nn_support.h"

#define FIXTURES "tests/fixtures/layers"

enum { INPUTS = 4, RESULTS = 3 };
typedef nn_module *maker(ag_tape *t);
typedef void runner(nn_module *m, const ag_tensor *x, ag_tensor *y); /* y comes absent */

/* ---- the layers */

static nn_module *layer_norm(ag_tape *t)
{
    return nn_layer_norm(t, AG_SHAPE(4), (nn_layer_norm_config){ 0 });
}

static nn_module *layer_norm_2(ag_tape *t)
{
    return nn_layer_norm(t, AG_SHAPE(3, 4), (nn_layer_norm_config){ .eps = 0.1, .no_bias = true });
}

static nn_module *batch_norm(ag_tape *t)
{
    return nn_batch_norm(t, 4, (nn_batch_norm_config){ 0 });
}

static nn_module *batch_norm_2(ag_tape *t)
{
    return nn_batch_norm(t, 3, (nn_batch_norm_config){ .eps = 0.1, .momentum = 0.3 });
}

static nn_module *batch_norm_evaluation(ag_tape *t)
{
    nn_module *m = nn_batch_norm(t, 3, (nn_batch_norm_config){ 0 });
    nn_train(m, false);
    return m;
}

static nn_module *embedding(ag_tape *t)
{
    return nn_embedding(t, 5, 3, (ag_embedding_options){ .padded = true, .padding_idx = -2 });
}

static nn_module *rbf(ag_tape *t)
{
    return nn_rbf(t, 4, 5, (nn_rbf_config){ 0 });
}

static nn_module *rnn(ag_tape *t)
{
    return nn_rnn(t, 4, 3, (nn_recurrent_config){ 0 });
}

static nn_module *rnn_relu(ag_tape *t)
{
    return nn_rnn(t, 4, 3, (nn_recurrent_config){ .layers = 2, .relu = true, .no_bias = true });
}

static nn_module *lstm(ag_tape *t)
{
    return nn_lstm(t, 4, 3, (nn_recurrent_config){ 0 });
}

static nn_module *lstm_2(ag_tape *t)
{
    return nn_lstm(t, 4, 3, (nn_recurrent_config){ .layers = 2 });
}

static nn_module *gru(ag_tape *t)
{
    return nn_gru(t, 4, 3, (nn_recurrent_config){ .layers = 2 });
}

static nn_module *attention(ag_tape *t)
{
    return nn_multihead_attention(t, 8, 2, (nn_attention_config){ 0 });
}

static nn_module *attention_causal(ag_tape *t)
{
    return nn_multihead_attention(t, 8, 4, (nn_attention_config){ .causal = true, .no_bias = true });
}

static nn_module *transformer(ag_tape *t)
{
    return nn_transformer_block(t, 8, 2, 6, (nn_transformer_config){ 0 });
}

static nn_module *transformer_post(ag_tape *t)
{
    const nn_transformer_config config = { .post_norm = true, .causal = true, .activation = NN_GELU };
    return nn_transformer_block(t, 8, 2, 6, config);
}

static void forward(nn_module *m, const ag_tensor *x, ag_tensor *y)
{
    y[0] = nn_forward(m, x[0]);
}

static void unroll(nn_module *m, const ag_tensor *x, ag_tensor *y)
{
    const nn_sequence s = nn_unroll(m, x[0], x[1], x[2]);
    y[0] = s.output;
    y[1] = s.h;
    y[2] = s.c;
}

static void attend(nn_module *m, const ag_tensor *x, ag_tensor *y)
{
    y[0] = nn_attend(m, x[0], x[1], x[2], x[3]);
}

static const struct layer {
    const char *name;
    maker *make;
    runner *run;
} layers[] = {
    { "layer_norm", layer_norm, forward },
    { "layer_norm_2", layer_norm_2, forward },
    { "batch_norm", batch_norm, forward },
    { "batch_norm_2", batch_norm_2, forward },
    { "batch_norm_evaluation", batch_norm_evaluation, forward },
    { "embedding", embedding, forward },
    { "rbf", rbf, forward },
    { "rnn", rnn, unroll },
    { "rnn_relu", rnn_relu, unroll },
    { "lstm", lstm, unroll },
    { "lstm_2", lstm_2, unroll },
    { "gru", gru, unroll },
    { "attention", attention, forward },
    { "attention_causal", attention_causal, forward },
    { "attention_crossed", attention, attend },
    { "transformer", transformer, forward },
    { "transformer_post", transformer_post, forward },
};

/* All of them, with the weights of the file. */
static nn_module *load(ag_tape *t, nn_module **modules)
{
    nn_module *root = nn_sequential(t, NULL, 0);
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
        modules[i] = nn_child(root, layers[i].make(t), layers[i].name);
        assert_non_null(modules[i]);
    }
    nn_load(root, FIXTURES ".safetensors");
    expect_fine(t);
    return root;
}

/* ---- the numbers */

static ag_tensor read_tensor(ag_tape *t, FILE *f)
{
    static double values[512];
    ag_shape s;
    assert_int_equal(fscanf(f, "%d", &s.rank), 1);
    for (int i = 0; i < s.rank; i++) {
        long long extent;
        assert_int_equal(fscanf(f, "%lld", &extent), 1);
        s.dim[i] = extent;
    }
    const int64_t count = ag_shape_size(s);
    assert_true(count >= 0 && count <= (int64_t)ARRAY_SIZE(values));
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(fscanf(f, "%lf", &values[i]), 1);
    return ag_values(t, s, values, (size_t)count);
}

static void compare(ag_tensor found, ag_tensor expected, const char *name, const char *what)
{
    const ag_shape a = ag_shape_of(found), b = ag_shape_of(expected);
    bool same = a.rank == b.rank;
    for (int i = 0; same && i < a.rank; i++)
        same = a.dim[i] == b.dim[i];
    for (int64_t i = 0; same && i < ag_size_of(expected); i++)
        same = is_close(ag_item_at(found, i), ag_item_at(expected, i), 1e-10);
    if (!same)
        print_error("%s: %s is %s, not %s\n", name, what, ag_show(found), ag_show(expected));
    assert_true(same);
}

typedef struct play {
    const struct layer *layer;
    nn_module *m;
    ag_tensor x[INPUTS], y[RESULTS], loss;
    int xs, ys, dxs;
} play;

static bool is_floating(ag_tensor x)
{
    return ag_dtype_of(x) == AG_F64;
}

/* Whole numbers are indices or a mask. */
static void add_input(play *p, ag_tensor x)
{
    bool whole = true;
    for (int64_t i = 0; i < ag_size_of(x); i++)
        whole = whole && ag_item_at(x, i) == floor(ag_item_at(x, i));
    p->x[p->xs] = !whole ? ag_require_grad(x) : ag_cast(x, p->xs == 3 ? AG_U8 : AG_I64);
    p->xs++;
}

/* What follows in the file: an input, a result, ... */
static void play_line(play *p, FILE *f, const char *kind)
{
    ag_tape *t = p->m->tape;
    char name[64] = "";
    if (strlen(kind) == 1 && strchr("db", *kind))
        assert_int_equal(fscanf(f, "%63s", name), 1);
    const ag_tensor v = read_tensor(t, f);
    if (!strcmp(kind, "x"))
        add_input(p, v);
    if (!strcmp(kind, "y") && !p->ys)
        p->layer->run(p->m, p->x, p->y);
    if (!strcmp(kind, "y"))
        compare(p->y[p->ys++], v, p->layer->name, "a result");
    if (!strcmp(kind, "w"))
        p->loss = ag_add(p->loss, ag_sum(ag_mul(p->y[p->ys - 1], v)));
    const bool gradient = !strcmp(kind, "dx") || !strcmp(kind, "d");
    if (gradient && p->loss.id) {
        assert_int_equal(ag_backward(p->loss), AG_OK);
        p->loss = inert(t);
    }
    while (!strcmp(kind, "dx") && !is_floating(p->x[p->dxs]))
        p->dxs++;
    if (!strcmp(kind, "dx"))
        compare(ag_grad(p->x[p->dxs++]), v, p->layer->name, "the gradient of an input");
    if (!strcmp(kind, "d"))
        compare(ag_grad(nn_find(p->m, name)), v, p->layer->name, name);
    if (!strcmp(kind, "b"))
        compare(nn_find(p->m, name), v, p->layer->name, name);
    expect_fine(t);
}

static void layers_are_those_of_pytorch(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *modules[ARRAY_SIZE(layers)];
    load(t, modules);
    FILE *f = fopen(FIXTURES ".txt", "r");
    assert_non_null(f);
    char word[64];
    play p = { 0 };
    size_t played = 0;
    while (fscanf(f, "%63s", word) == 1) {
        if (strcmp(word, "case")) {
            play_line(&p, f, word);
            continue;
        }
        assert_int_equal(fscanf(f, "%63s", word), 1);
        assert_true(played < ARRAY_SIZE(layers));
        p = (play){ .layer = &layers[played], .m = modules[played], .loss = ag_constant(t, 0) };
        assert_string_equal(p.layer->name, word);
        played++;
    }
    fclose(f);
    assert_int_equal(played, ARRAY_SIZE(layers));
    ag_tape_free(t);
}

/* What is saved is loaded again, and PyTorch's names are all that there is. */
static void files_come_back(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *modules[ARRAY_SIZE(layers)], *root = load(t, modules);
    const double before = checksum(root);
    assert_int_equal(nn_save(root, in_directory("layers")), AG_OK);
    const ag_list params = nn_params(root);
    for (size_t i = 0; i < params.count; i++)
        ag_assign(params.at[i], ag_zeros(t, AG_FLOAT, ag_shape_of(params.at[i])));
    assert_int_equal(nn_load(root, in_directory("layers")), AG_OK);
    assert_near(checksum(root), before, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- memory */

static void first_input(const struct layer *l, ag_tape *t, ag_tensor *x)
{
    const bool deep =
        l->make == transformer || l->make == transformer_post || l->make == attention || l->make == attention_causal;
    const ag_shape s = l->make == batch_norm      ? AG_SHAPE(5, 4)
                       : strstr(l->name, "batch") ? AG_SHAPE(2, 3, 2)
                       : l->make == embedding     ? AG_SHAPE(2, 3)
                                                  : AG_SHAPE(2, 3, deep ? 8 : 4);
    for (int i = 0; i < INPUTS; i++)
        x[i] = absent;
    x[0] = l->make == embedding ? ag_ones(t, AG_I64, s) : ag_rand(t, AG_FLOAT, s, -1, 1);
    x[1] = x[2] = l->run == attend ? x[0] : absent;
}

/* The layer is made and used; absent if it could not be made. */
static ag_tensor make_and_run(const struct layer *l, ag_tape *t)
{
    ag_tensor x[INPUTS], y[RESULTS] = { absent };
    nn_module *m = l->make(t);
    if (!m)
        return absent;
    first_input(l, t, x);
    l->run(m, x, y);
    return y[0];
}

/* Whichever request fails, half a layer leaves no parameter behind, and the same calls succeed later. */
static void each_request_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            memory memory = { .fail_at = n };
            ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet, .allocator = allocator_of(&memory) });
            if (!t)
                continue;
            const ag_tensor y = make_and_run(&layers[i], t);
            failed = memory.requests >= n;
            assert_int_equal(ag_error(t), failed ? AG_ENOMEM : AG_OK);
            memory.fail_at = 0;
            ag_error_clear(t);
            assert_true(y.tape || ag_params(t).count == 0);
            assert_true(failed || ag_ok(y));
            assert_true(ag_ok(make_and_run(&layers[i], t)));
            expect_fine(t);
            ag_tape_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_those_of_pytorch),
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(each_request_may_fail),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
