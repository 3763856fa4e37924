/* Every function of nn with what it should not get. Files that are attacked have tests of their own. */
#include "misuse.h"

static ag_tensor identity(nn_module *m, ag_tensor x)
{
    (void)m;
    return x;
}

static ag_tensor returns_nothing(nn_module *m, ag_tensor x)
{
    (void)m;
    (void)x;
    return absent;
}

static void expect_dataset(ag_tape *t, nn_dataset d, ag_status s, const char *function)
{
    assert_true(is_inert(d.x, t) && (is_inert(d.y, t) || is_inert(d.y, NULL)));
    if (!t)
        return;
    assert_int_equal(ag_error(t), s);
    expect_complaint(t, function);
}

static void no_module(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3));
    nn_init(NULL, NULL, NULL, NULL);
    nn_init(NULL, t, "m", identity);
    expect_complaint(t, "nn_init");
    nn_module m, lost;
    nn_init(&lost, NULL, "lost", identity); /* as after a tape that could not be made */
    nn_init(&m, t, NULL, NULL);
    nn_module *const none[] = { NULL, &lost };
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        nn_module *n = none[i];
        expect_inert(t, nn_forward(n, x), AG_ENULL, "nn_forward");
        assert_true(is_inert(nn_forward(n, absent), NULL));
        expect_inert(t, nn_param(n, x, "w"), AG_ENULL, "nn_param");
        expect_inert(t, nn_buffer(n, x, "w"), AG_ENULL, "nn_buffer");
        expect_inert(t, nn_share(n, b.p, "w"), AG_ENULL, "nn_share");
        assert_true(is_inert(nn_param(n, absent, NULL), NULL));
        assert_null(nn_child(n, &m, "c"));
        expect_complaint(t, "nn_child");
        assert_null(nn_child(&m, n, "c"));
        expect_complaint(t, "nn_child");
        assert_null(nn_child(n, n, NULL));
        assert_int_equal(nn_params(n).count, 0);
        assert_true(is_inert(nn_find(n, "w"), NULL));
        nn_train(n, true);
        assert_int_equal(nn_save(n, "/tmp/never-written"), AG_ENULL);
        assert_int_equal(nn_load(n, "/tmp/never-written"), AG_ENULL);
        expect_fine(t);
        assert_null(nn_sequential(t, &n, 1));
        expect_complaint(t, "nn_");
    }
    expect_inert(t, nn_forward(&m, x), AG_EUSE, "nn_forward");
    expect_inert(t, nn_find(&m, NULL), AG_ENULL, "nn_find");
    expect_refusal(t, nn_save(&m, NULL), AG_ENULL, "nn_save");
    expect_refusal(t, nn_load(&m, NULL), AG_ENULL, "nn_load");
    free_bench(&b);
}

static void no_tape(void **state)
{
    (void)state;
    nn_module *list[] = { NULL };
    const ag_shape s = AG_SHAPE(2, 3);
    assert_null(nn_linear(NULL, 2, 3, (nn_linear_config){ 0 }));
    assert_null(nn_activation(NULL, NN_RELU));
    assert_null(nn_sequential(NULL, list, 1));
    assert_null(nn_sequential(NULL, NULL, 0));
    assert_null(nn_mlp(NULL, (nn_mlp_config){ .sizes = { 2, 3 } }));
    assert_true(is_inert(nn_xavier_uniform(NULL, s), NULL) && is_inert(nn_xavier_normal(NULL, s), NULL));
    assert_true(is_inert(nn_kaiming_uniform(NULL, s), NULL) && is_inert(nn_kaiming_normal(NULL, s), NULL));
    expect_dataset(NULL, nn_read_idx(NULL, "x", "y"), AG_ENULL, "");
    expect_dataset(NULL, nn_read_csv(NULL, "x", (nn_csv_config){ 0 }), AG_ENULL, "");
    assert_null(nn_batches_new((nn_dataset){ absent, absent }, (nn_batches_config){ .size = 1 }));
    assert_false(nn_batches_next(NULL));
    assert_int_equal(nn_correct(absent, absent), 0);
    assert_int_equal(optim_step(NULL), AG_ENULL);
    assert_int_equal(optim_zero_grad(NULL), AG_ENULL);
    assert_int_equal(optim_set_lr(NULL, 1), AG_ENULL);
    assert_int_equal(optim_clip_norm(NULL, 1), AG_ENULL);
    assert_int_equal(optim_clip_value(NULL, 1), AG_ENULL);
    assert_null(optim_tape(NULL));
    assert_true(isnan(optim_lr(NULL)) && isnan(optim_grad_norm(NULL)));
    const ag_list lists[] = { { NULL, 0 }, { NULL, 5 }, { &absent, 1 }, { &absent, 0 } };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        assert_null(optim_sgd(lists[i], (optim_sgd_config){ .lr = 1 }));
        assert_null(optim_adam(lists[i], (optim_adam_config){ .lr = 1 }));
        assert_null(optim_adamw(lists[i], (optim_adam_config){ .lr = 1 }));
    }
}

static void registering(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module m, other;
    nn_init(&m, t, "net", identity);
    nn_init(&other, b.other, "other", identity);
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2)), w = nn_param(&m, x, "w");
    assert_true(ag_ok(w));
    char long_name[200];
    memset(long_name, 'n', sizeof long_name);
    long_name[199] = 0;
    const char *const names[] = { NULL, "", "a.b", ".", "w", long_name, "\xff", "\xc0\x80", "__metadata__" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        expect_inert(t, nn_param(&m, x, names[i]), AG_EARG, "nn_param");
        expect_inert(t, nn_buffer(&m, x, names[i]), AG_EARG, "nn_buffer");
        expect_inert(t, nn_share(&m, b.p, names[i]), AG_EARG, "nn_share");
        nn_module child;
        nn_init(&child, t, "child", identity);
        assert_null(nn_child(&m, &child, names[i]));
        assert_int_equal(ag_error(t), AG_EARG);
        expect_complaint(t, "nn_child");
    }
    expect_inert(t, nn_param(&m, ag_ones(t, AG_I32, AG_SHAPE(2)), "i"), AG_EDTYPE, "ag_param");
    expect_inert(t, nn_param(&m, absent, "a"), AG_ENULL, "nn_param");
    expect_inert(t, nn_buffer(&m, absent, "a"), AG_ENULL, "nn_buffer");
    expect_inert(t, nn_share(&m, absent, "a"), AG_ENULL, "nn_share");
    expect_inert(t, nn_param(&m, b.foreign, "f"), AG_EUSE, "nn_param");
    expect_inert(t, nn_buffer(&m, b.foreign, "f"), AG_EUSE, "nn_buffer");
    expect_inert(t, nn_share(&m, b.foreign, "f"), AG_EUSE, "nn_share");
    expect_inert(t, nn_share(&m, x, "x"), AG_EUSE, "nn_share");
    const ag_tensor gone[] = { b.stale, b.released };
    for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
        assert_true(is_inert(nn_param(&m, gone[i], "s"), t));
        assert_int_equal(ag_error(t), AG_ESTALE);
        ag_error_clear(t);
        assert_true(is_inert(nn_buffer(&m, gone[i], "s"), t));
        assert_int_equal(ag_error(t), AG_ESTALE);
        ag_error_clear(t);
        assert_true(is_inert(nn_share(&m, gone[i], "s"), t));
        assert_int_equal(ag_error(t), AG_ESTALE);
        ag_error_clear(t);
    }
    assert_null(nn_child(&m, &other, "foreign"));
    assert_int_equal(ag_error(t), AG_EUSE);
    expect_complaint(t, "nn_child");
    assert_null(nn_child(&m, &m, "self"));
    expect_complaint(t, "nn_child");
    assert_int_equal(nn_params(&m).count, 1);
    const char *const paths[] = { "", ".", "w.", ".w", "w.w", "v", "W", long_name };
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        expect_inert(t, nn_find(&m, paths[i]), AG_EARG, "nn_find");
    expect_inert(t, nn_forward(&m, absent), AG_ENULL, "nn_forward");
    assert_true(is_inert(nn_forward(&m, inert(t)), t));
    expect_fine(t);
    m.forward = returns_nothing;
    expect_inert(t, nn_forward(&m, x), AG_ENULL, "nn_forward");
    free_bench(&b);
}

static void layers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const int64_t sizes[][2] = { { 0, 1 },
                                 { 1, 0 },
                                 { -1, 1 },
                                 { INT64_MIN, 1 },
                                 { (int64_t)1 << 62, 4 },
                                 { (int64_t)1 << 31, (int64_t)1 << 31 },
                                 { INT64_MAX, INT64_MAX } };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_null(nn_linear(t, sizes[i][0], sizes[i][1], (nn_linear_config){ 0 }));
        expect_complaint(t, "nn_linear");
    }
    const int kinds[] = { -1, 7, 1000, INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        assert_null(nn_activation(t, kinds[i]));
        expect_complaint(t, "nn_activation");
        assert_null(nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 3 }, .activation = kinds[i] }));
        expect_complaint(t, "nn_mlp");
    }
    const nn_mlp_config configs[] = { { .sizes = { 0 } },     { .sizes = { 5 } },
                                      { .sizes = { 5, -1 } }, { .sizes = { 5, 0, 5 } },
                                      { .sizes = { -5, 5 } }, { .sizes = { INT32_MAX, INT32_MAX, INT32_MAX } } };
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        assert_null(nn_mlp(t, configs[i]));
        expect_complaint(t, "nn_mlp");
    }
    free_bench(&b);
}

static void modules_in_layers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    size_t before = ag_params(t).count;
    nn_module *l = nn_linear(t, 2, 2, (nn_linear_config){ 0 }),
              *foreign = nn_linear(b.other, 2, 2, (nn_linear_config){ 0 });
    nn_module *const lists[][2] = { { l, NULL }, { NULL, l }, { l, foreign } };
    assert_null(nn_sequential(t, NULL, 2));
    expect_complaint(t, "nn_sequential");
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        assert_null(nn_sequential(t, lists[i], 2));
        expect_complaint(t, "nn_child");
    }
    assert_int_equal(ag_params(t).count, before + 2);
    ag_tensor wrong[] = { ag_ones(t, AG_F64, AG_SHAPE(3, 3)),
                          ag_ones(t, AG_F32, AG_SHAPE(3, 2)),
                          ag_ones(t, AG_I64, AG_SHAPE(3, 2)),
                          ag_ones(t, AG_F64, AG_SCALAR),
                          b.stale,
                          b.released,
                          ag_ones(b.other, AG_F64, AG_SHAPE(3, 2)) };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ag_tensor y = nn_forward(l, wrong[i]);
        assert_int_equal(y.id, 0);
        expect_complaint(t, wrong[i].tape == t ? "ag_linear" : "nn_forward");
    }
    free_bench(&b);
}

static void initial_values(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const ag_shape shapes[] = { AG_SCALAR,
                                AG_DIMS(3),
                                { 9, { 1 } },
                                { -1, { 0 } },
                                AG_DIMS(-1, 2),
                                AG_DIMS(INT64_MAX, 2),
                                AG_DIMS((int64_t)1 << 31, (int64_t)1 << 31, 2),
                                AG_DIMS(1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30) };
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        assert_true(is_inert(nn_xavier_uniform(t, shapes[i]), t));
        expect_complaint(t, "nn_xavier_uniform");
        assert_true(is_inert(nn_xavier_normal(t, shapes[i]), t));
        expect_complaint(t, "nn_xavier_normal");
        assert_true(is_inert(nn_kaiming_uniform(t, shapes[i]), t));
        expect_complaint(t, "nn_kaiming_uniform");
        assert_true(is_inert(nn_kaiming_normal(t, shapes[i]), t));
        expect_complaint(t, "nn_kaiming_normal");
    }
    assert_int_equal(ag_size_of(nn_xavier_uniform(t, AG_SHAPE(0, 0))), 0);
    assert_int_equal(ag_size_of(nn_kaiming_normal(t, AG_SHAPE(3, 0))), 0);
    expect_fine(t);
    free_bench(&b);
}

static void data(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    expect_dataset(t, nn_read_idx(t, NULL, NULL), AG_ENULL, "nn_read_idx");
    expect_dataset(t, nn_read_idx(t, "/does/not/exist", NULL), AG_EFILE, "nn_read_idx");
    expect_dataset(t, nn_read_idx(t, "/", NULL), AG_EFILE, "nn_read_idx");
    expect_dataset(t, nn_read_csv(t, NULL, (nn_csv_config){ 0 }), AG_ENULL, "nn_read_csv");
    expect_dataset(t, nn_read_csv(t, "/does/not/exist", (nn_csv_config){ 0 }), AG_EFILE, "nn_read_csv");
    expect_dataset(t, nn_read_csv(t, "/dev/null", (nn_csv_config){ 0 }), AG_EFILE, "nn_read_csv");
    const nn_csv_config csv[] = { { .separator = '"' },
                                  { .separator = '\n' },
                                  { .columns = { -1 } },
                                  { .columns = { 1, 0, 2 } },
                                  { .columns = { INT32_MIN } } };
    for (size_t i = 0; i < ARRAY_SIZE(csv); i++)
        expect_dataset(t, nn_read_csv(t, "/dev/null", csv[i]), AG_EARG, "nn_read_csv");
    free_bench(&b);
}

static void batches(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor x = ag_buffer(ag_ones(t, AG_F32, AG_SHAPE(6, 2)), "x"),
              y = ag_buffer(ag_ones(t, AG_I64, AG_SHAPE(6)), "y");
    ag_tensor five = ag_buffer(ag_ones(t, AG_I64, AG_SHAPE(5)), "five"),
              scalar = ag_buffer(ag_constant(t, 1), "scalar");
    ag_tensor foreign = ag_buffer(b.foreign, "f"), whole = ag_buffer(ag_ones(t, AG_I32, AG_SHAPE(6, 2)), "whole");
    const struct {
        nn_dataset d;
        nn_batches_config config;
    } bad[] = {
        { { x, y }, { .size = 0 } },
        { { x, y }, { .size = -1 } },
        { { x, y }, { .size = INT64_MIN } },
        { { x, y }, { .size = 2, .scale = NAN } },
        { { x, y }, { .size = 2, .scale = INFINITY } },
        { { whole, y }, { .size = 2, .scale = 0.5 } },
        { { x, five }, { .size = 2 } },
        { { scalar, absent }, { .size = 2 } },
        { { x, scalar }, { .size = 2 } },
        { { x, foreign }, { .size = 2 } },
        { { ag_ones(t, AG_F32, AG_SHAPE(6, 2)), y }, { .size = 2 } },
        { { x, ag_ones(t, AG_I64, AG_SHAPE(6)) }, { .size = 2 } },
        { { b.stale, y }, { .size = 2 } },
        { { x, b.released }, { .size = 2 } },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(nn_batches_new(bad[i].d, bad[i].config));
        assert_true(ag_error(t) != AG_OK && strlen(ag_error_text(t)) > 10);
        ag_error_clear(t);
    }
    assert_null(nn_batches_new((nn_dataset){ absent, y }, (nn_batches_config){ .size = 2 }));
    expect_complaint(t, "nn_batches_new");
    /* a source whose data are taken away, and one whose batches are larger than anything */
    nn_batches *source =
        nn_batches_new((nn_dataset){ x, y }, (nn_batches_config){ .size = INT64_MAX, .shuffle = true });
    assert_true(nn_batches_next(source));
    assert_int_equal(source->count, 6);
    ag_release(y);
    assert_false(nn_batches_next(source)); /* the end of the epoch */
    expect_fine(t);
    assert_false(nn_batches_next(source));
    assert_int_equal(ag_error(t), AG_ESTALE);
    ag_error_clear(t);
    assert_int_equal(source->count, 0);
    free_bench(&b);
}

static void right_answers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    /* right answers */
    ag_tensor z = ag_ones(t, AG_F64, AG_SHAPE(2, 3)), labels = ag_zeros(t, AG_I64, AG_SHAPE(2));
    assert_int_equal(nn_correct(z, labels), 2);
    const ag_tensor wrong[][2] = { { z, ag_zeros(t, AG_I64, AG_SHAPE(3)) },
                                   { z, ag_zeros(t, AG_F64, AG_SHAPE(2)) },
                                   { labels, labels },
                                   { ag_ones(t, AG_I64, AG_SHAPE(2, 3)), labels },
                                   { z, ag_full(t, AG_I64, AG_SHAPE(2), 3) },
                                   { z, ag_full(t, AG_I32, AG_SHAPE(2), -1) },
                                   { z, absent },
                                   { z, b.foreign },
                                   { ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), labels } };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(nn_correct(wrong[i][0], wrong[i][1]), 0);
        expect_complaint(t, "nn_correct");
    }
    assert_int_equal(nn_correct(absent, labels), 0);
    expect_complaint(t, "nn_correct");
    assert_int_equal(nn_correct(inert(t), labels), 0);
    assert_int_equal(nn_correct(z, inert(t)), 0);
    expect_fine(t);
    assert_int_equal(nn_correct(b.stale, labels), 0);
    assert_int_equal(ag_error(t), AG_ESTALE);
    ag_error_clear(t);
    free_bench(&b);
}

static void files(void **state)
{
    (void)state;
    bench b = new_bench();
    nn_module *m = nn_mlp(b.t, (nn_mlp_config){ .sizes = { 2, 3 } });
    const char *const paths[] = { "", "/", "/does/not/exist/file", "/dev/full/x" };
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        expect_refusal(b.t, nn_save(m, paths[i]), AG_EFILE, "nn_save");
        expect_refusal(b.t, nn_load(m, paths[i]), AG_EFILE, "nn_load");
    }
    expect_refusal(b.t, nn_load(m, "/dev/null"), AG_EFILE, "nn_load");
    ag_release(nn_find(m, "0.bias"));
    char path[] = "/tmp/ag-misuse-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(nn_save(m, path), AG_ESTALE);
    ag_error_clear(b.t);
    close(file);
    remove(path);
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_module), cmocka_unit_test(no_tape),           cmocka_unit_test(registering),
        cmocka_unit_test(layers),    cmocka_unit_test(modules_in_layers), cmocka_unit_test(initial_values),
        cmocka_unit_test(data),      cmocka_unit_test(batches),           cmocka_unit_test(right_answers),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("misuse of nn", tests, NULL, NULL);
}
