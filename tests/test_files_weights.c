/* Weight files: exchange with PyTorch, and places that do not do. */
#include "nn_support.h"

#define FIXTURE "tests/fixtures/"

static void assert_same_bytes(const char *path, const char *expected)
{
    bytes a = read_bytes(path), b = read_bytes(expected);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.at, b.at, a.size);
    free(a.at);
    free(b.at);
}

/* ---- exchange */

static void weights_of_pytorch_are_loaded(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    assert_int_equal(nn_load(m, FIXTURE "mlp.safetensors"), AG_OK);
    const char *paths[] = { "0.weight", "0.bias", "2.weight", "2.bias" };
    for (int i = 0; i < 4; i++)
        for (int64_t k = 0; k < ag_size_of(nn_find(m, paths[i])); k++)
            assert_near(ag_item_at(nn_find(m, paths[i]), k), (-5 + i + (double)k) / 8, 0);
    ag_tensor y = nn_forward(m, AG_VALUES(t, AG_SHAPE(1, 3), 1, -2, 0.5));
    assert_near(ag_item_at(y, 0), -0.25, 0); /* PyTorch's own answer */
    assert_near(ag_item_at(y, 1), -0.125, 0);
    assert_int_equal(nn_save(m, in_directory("again")), AG_OK);
    assert_same_bytes(in_directory("again"), FIXTURE "mlp.safetensors"); /* what it would have written */
    ag_tape_free(t);
}

static void init_mixed(nn_module *m, ag_tape *t, bool filled)
{
    nn_init(m, t, "mixed", NULL);
    double f = filled;
    ag_tensor half = AG_VALUES(t, AG_SHAPE(2, 3), f / 8, f * 2 / 8, f * 3 / 8, f * 4 / 8, f * 5 / 8, f * 6 / 8);
    const int64_t steps[] = { filled ? ((int64_t)1 << 40) + 1 : 0, filled ? -1 : 0 };
    const int32_t small[] = { filled ? -7 : 0, filled ? 8 : 0 };
    const uint8_t values[] = { 0, filled ? 127 : 0, filled ? 255 : 0 };
    nn_share(m, ag_param_as(half, AG_AXES(1, 0), "h"), "half\xc3\xa9"); /* another order than the file's */
    nn_param(m, ag_full(t, AG_F32, AG_SCALAR, f * 0.375), "scalar");
    nn_param(m, ag_zeros(t, AG_F32, AG_SHAPE(0, 3)), "none");
    nn_buffer(m, ag_from(t, AG_I64, AG_SHAPE(2), steps, sizeof steps), "steps");
    nn_buffer(m, ag_from(t, AG_I32, AG_SHAPE(2, 1), small, sizeof small), "small");
    nn_buffer(m, ag_from(t, AG_U8, AG_SHAPE(3), values, sizeof values), "bytes");
    nn_buffer(m, ag_full(t, AG_F32, AG_SHAPE(1), f), "quote\"back\\slash\n");
    expect_fine(t);
}

static void all_types_and_names(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m, loaded;
    init_mixed(&m, t, true);
    assert_int_equal(nn_save(&m, in_directory("mixed")), AG_OK);
    assert_same_bytes(in_directory("mixed"), FIXTURE "mixed.safetensors");
    init_mixed(&loaded, t, false);
    assert_int_equal(nn_load(&loaded, FIXTURE "mixed.safetensors"), AG_OK);
    const char *paths[] = { "half\xc3\xa9", "scalar", "none", "steps", "small", "bytes", "quote\"back\\slash\n" };
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        for (int64_t k = 0; k < ag_size_of(nn_find(&m, paths[i])); k++)
            assert_near(ag_item_at(nn_find(&loaded, paths[i]), k), ag_item_at(nn_find(&m, paths[i]), k), 0);
    assert_int_equal(nn_save(&loaded, in_directory("back")), AG_OK);
    assert_same_bytes(in_directory("back"), FIXTURE "mixed.safetensors");
    nn_module empty;
    nn_init(&empty, t, "empty", NULL);
    assert_int_equal(nn_save(&empty, in_directory("empty")), AG_OK);
    assert_int_equal(nn_load(&empty, in_directory("empty")), AG_OK);
    ag_tape_free(t);
}

static void types_convert_only_without_loss(void **state)
{
    (void)state;
    ag_tape *narrow = tape_of(AG_F32), *wide = f64_tape();
    nn_module *a = small_mlp(narrow), *b = small_mlp(wide);
    assert_int_equal(nn_save(a, in_directory("f32")), AG_OK);
    assert_int_equal(nn_save(b, in_directory("f64")), AG_OK);
    assert_int_equal(nn_load(b, in_directory("f32")), AG_OK);
    assert_near(checksum(a), checksum(b), 0);
    assert_int_equal(nn_load(a, in_directory("f64")), AG_EFILE);
    expect_error(narrow, AG_EFILE, "is f64, but f32 in the module");
    ag_tape_free(narrow);
    ag_tape_free(wide);
}

static void shared_tensors_agree(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module tied, apart;
    nn_init(&tied, t, "tied", NULL);
    nn_init(&apart, t, "apart", NULL);
    nn_share(&tied, nn_param(&tied, AG_VALUES(t, AG_SHAPE(2), 1, 2), "a"), "b");
    nn_param(&apart, AG_VALUES(t, AG_SHAPE(2), 3, 4), "a");
    ag_tensor b = nn_param(&apart, AG_VALUES(t, AG_SHAPE(2), 3, 4), "b");
    const char *path = in_directory("shared");
    assert_int_equal(nn_save(&apart, path), AG_OK);
    assert_int_equal(nn_load(&tied, path), AG_OK);
    assert_near(ag_item_at(nn_find(&tied, "b"), 1), 4, 0);
    assert_int_equal(nn_save(&tied, path), AG_OK);
    assert_int_equal(nn_load(&apart, path), AG_OK);
    ag_assign(b, AG_VALUES(t, AG_SHAPE(2), 5, 6));
    assert_int_equal(nn_save(&apart, path), AG_OK);
    assert_int_equal(nn_load(&tied, path), AG_EFILE);
    expect_error(t, AG_EFILE, "'a' and 'b' differ");
    assert_near(ag_item_at(nn_find(&tied, "a"), 1), 4, 0);
    ag_tape_free(t);
}

/* Only names of one tensor are compared: the bytes of a large one do not end where those of a small one do. */
static void different_tensors_are_not_compared(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m;
    nn_init(&m, t, "zeros", NULL);
    nn_param(&m, ag_zeros(t, AG_F64, AG_SHAPE(64)), "large");
    nn_param(&m, ag_zeros(t, AG_F64, AG_SHAPE(1)), "small");
    assert_int_equal(nn_save(&m, in_directory("zeros")), AG_OK);
    assert_int_equal(nn_load(&m, in_directory("zeros")), AG_OK);
    ag_tape_free(t);
}

static void loading_counts_as_a_write(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    const char *path = in_directory("write");
    nn_save(m, path);
    ag_tensor loss = ag_sum(ag_square(nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(2, 3)))));
    assert_int_equal(nn_load(m, path), AG_OK);
    assert_int_equal(ag_backward(loss), AG_EUSE); /* the values that it needs are gone */
    ag_tape_free(t);
}

static void places_that_are_no_files(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    refuse_file(m, in_directory("absent"), "No such file");
    refuse_file(m, "", "No such file");
    refuse_file(m, directory, "no regular file");
    refuse_file(m, "/dev/null", "no regular file");
    const char *pipe = in_directory("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    refuse_file(m, pipe, "no regular file");
    const char *no_targets[] = { directory, pipe }; /* no device: should this ever fail, root would lose it */
    for (size_t i = 0; i < ARRAY_SIZE(no_targets); i++) {
        assert_int_equal(nn_save(m, no_targets[i]), AG_EFILE);
        expect_error(t, AG_EFILE, "is no regular file");
    }
    assert_int_equal(nn_save(m, in_directory("absent/file")), AG_EFILE);
    expect_error(t, AG_EFILE, "no file can be made");
    assert_int_equal(nn_save(m, ""), AG_EFILE);
    ag_error_clear(t);
    assert_int_equal(nn_save(m, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "nn_save: the path is NULL");
    assert_int_equal(nn_load(m, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "nn_load: the path is NULL");
    ag_tape_free(t);
}

static void pending_errors_and_released_parameters(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    const char *path = in_directory("pending");
    ag_fail(t, AG_ESHAPE, "earlier");
    assert_int_equal(nn_save(m, path), AG_ESHAPE);
    assert_int_equal(nn_load(m, path), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "earlier");
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(nn_save(m, path), AG_OK);
    ag_release(nn_find(m, "2.bias"));
    assert_int_equal(nn_save(m, path), AG_ESTALE);
    ag_error_clear(t);
    assert_int_equal(nn_load(m, path), AG_ESTALE);
    ag_error_clear(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_of_pytorch_are_loaded),      cmocka_unit_test(all_types_and_names),
        cmocka_unit_test(types_convert_only_without_loss),    cmocka_unit_test(shared_tensors_agree),
        cmocka_unit_test(different_tensors_are_not_compared), cmocka_unit_test(loading_counts_as_a_write),
        cmocka_unit_test(places_that_are_no_files),           cmocka_unit_test(pending_errors_and_released_parameters),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
