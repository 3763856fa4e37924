/* Making tensors: their values, the random numbers, copies and wrapped memory, accessors, writing. */
#include "support.h"

static const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };

static void fills(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_shape shapes[] = {
        AG_SCALAR, AG_DIMS(1), AG_DIMS(3), AG_DIMS(2, 3), AG_DIMS(0), AG_DIMS(2, 0, 3), AG_DIMS(1, 2, 1, 2, 1, 2, 1, 2)
    };
    for (size_t d = 0; d < ARRAY_SIZE(dtypes); d++) {
        for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
            const ag_tensor x[] = { ag_zeros(t, dtypes[d], shapes[s]), ag_ones(t, dtypes[d], shapes[s]),
                                    ag_full(t, dtypes[d], shapes[s], 5) };
            const double expected[] = { 0, 1, 5 };
            for (int k = 0; k < 3; k++) {
                assert_int_equal(ag_dtype_of(x[k]), dtypes[d]);
                assert_int_equal(ag_shape_of(x[k]).rank, shapes[s].rank);
                assert_int_equal(ag_size_of(x[k]), ag_shape_size(shapes[s]));
                assert_false(ag_needs_grad(x[k]) || ag_is_persistent(x[k]));
                for (int64_t i = 0; i < ag_size_of(x[k]); i++)
                    assert_close(ag_item_at(x[k], i), expected[k], 0);
            }
        }
    }
    /* what an integer type cannot hold becomes the nearest that it can; NaN becomes 0 */
    assert_values(ag_full(t, AG_U8, AG_SHAPE(1), 300), 255);
    assert_values(ag_full(t, AG_U8, AG_SHAPE(1), -1), 0);
    assert_values(ag_full(t, AG_I32, AG_SHAPE(1), 1e20), INT32_MAX);
    assert_values(ag_full(t, AG_I64, AG_SHAPE(1), -INFINITY), (double)INT64_MIN);
    assert_values(ag_full(t, AG_I32, AG_SHAPE(1), NAN), 0);
    assert_values(ag_full(t, AG_F32, AG_SHAPE(1), NAN), NAN);
    assert_values(ag_full(t, AG_F32, AG_SHAPE(1), 1e300), INFINITY);
    expect_fine(t);
    ag_tape_free(t);
}

static void sequences(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    assert_values(ag_arange(t, AG_F64, 0, 3, 1), 0, 1, 2);
    assert_values(ag_arange(t, AG_F64, 0, 2.5, 1), 0, 1, 2);
    assert_values(ag_arange(t, AG_I64, 5, -1, -2), 5, 3, 1);
    assert_values(ag_arange(t, AG_F32, 1, 2, 0.25), 1, 1.25, 1.5, 1.75);
    assert_int_equal(ag_size_of(ag_arange(t, AG_F64, 3, 3, 1)), 0);
    assert_int_equal(ag_size_of(ag_arange(t, AG_F64, 3, 0, 1)), 0);
    assert_int_equal(ag_size_of(ag_arange(t, AG_F64, 0, 1, 0.1)), 10);
    assert_values(ag_linspace(t, AG_F64, 0, 1, 5), 0, 0.25, 0.5, 0.75, 1);
    assert_values(ag_linspace(t, AG_F64, 2, 2, 3), 2, 2, 2);
    assert_values(ag_linspace(t, AG_F32, 3, 7, 1), 3);
    assert_values(ag_linspace(t, AG_I32, 10, 0, 3), 10, 5, 0);
    assert_int_equal(ag_size_of(ag_linspace(t, AG_F64, 0, 1, 0)), 0);
    assert_values(ag_eye(t, AG_U8, 2), 1, 0, 0, 1);
    assert_values(ag_eye(t, AG_F64, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1);
    assert_int_equal(ag_size_of(ag_eye(t, AG_F64, 0)), 0);
    expect_fine(t);
    const double bad[][3] = { { 0, 1, 0 },        { 0, 1, NAN },  { NAN, 1, 1 },
                              { 0, INFINITY, 1 }, { 0, 1, -0.0 }, { 0, 1e300, 1e-300 } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(ag_arange(t, AG_F64, bad[i][0], bad[i][1], bad[i][2]), t));
        expect_error(t, AG_EARG, "ag_arange");
    }
    assert_true(is_inert(ag_linspace(t, AG_F64, 0, 1, -1), t));
    expect_error(t, AG_ESHAPE, "ag_linspace");
    assert_true(is_inert(ag_eye(t, AG_F64, -1), t));
    expect_error(t, AG_ESHAPE, "ag_eye");
    ag_tape_free(t);
}

/* ---- random numbers */

static void random_numbers_depend_on_seed_and_call_alone(void **state)
{
    (void)state;
    enum { N = 100000 };
    ag_tape *a = tape_with((ag_options){ .seed = 5, .threads = 1 }),
            *b = tape_with((ag_options){ .seed = 5, .threads = 4 });
    ag_tape *c = tape_with((ag_options){ .seed = 6 });
    ag_tensor a1 = ag_rand(a, AG_F64, AG_SHAPE(N), 0, 1), b1 = ag_rand(b, AG_F64, AG_SHAPE(4, N / 4), 0, 1);
    assert_memory_equal(ag_data(a1, AG_F64), ag_data(b1, AG_F64), N * sizeof(double));
    ag_tensor a2 = ag_randn(a, AG_F32, AG_SHAPE(7), 0, 1), b2 = ag_randn(b, AG_F32, AG_SHAPE(N), 0, 1);
    assert_memory_equal(ag_data(a2, AG_F32), ag_data(b2, AG_F32), 7 * sizeof(float));
    ag_tensor a3 = ag_randperm(a, 1000), b3 = ag_randperm(b, 1000);
    assert_memory_equal(ag_data(a3, AG_I64), ag_data(b3, AG_I64), 1000 * sizeof(int64_t));
    ag_tensor next = ag_rand(a, AG_F64, AG_SHAPE(N), 0, 1), other = ag_rand(c, AG_F64, AG_SHAPE(N), 0, 1);
    assert_true(memcmp(ag_data(a1, AG_F64), ag_data(next, AG_F64), 80));
    assert_true(memcmp(ag_data(a1, AG_F64), ag_data(other, AG_F64), 80));
    /* a reset does not start the numbers anew */
    double before = ag_item_at(next, 0);
    ag_tape_reset(a);
    assert_true(ag_item_at(ag_rand(a, AG_F64, AG_SHAPE(3), 0, 1), 0) != before);
    ag_tape_free(a);
    ag_tape_free(b);
    ag_tape_free(c);
}

/* Mean, variance and bounds; 5 sigma is one false alarm in a million seeds, and the seed is fixed. */
static void random_numbers_are_distributed(void **state)
{
    (void)state;
    enum { N = 200000 };
    ag_tape *t = new_tape();
    for (int kind = 0; kind < 4; kind++) {
        ag_dtype d = kind % 2 ? AG_F32 : AG_F64;
        bool normal = kind >= 2;
        ag_tensor x = normal ? ag_randn(t, d, AG_SHAPE(N), 3, 2) : ag_rand(t, d, AG_SHAPE(N), -1, 5);
        double sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
        double variance = normal ? 4 : 36.0 / 12, mean = normal ? 3 : 2;
        for (int64_t i = 0; i < N; i++) {
            double v = ag_item_at(x, i);
            sum += v - mean;
            squares += (v - mean) * (v - mean);
            low = fmin(low, v);
            high = fmax(high, v);
        }
        assert_true(fabs(sum / N) < 5 * sqrt(variance / N));
        assert_true(fabs(squares / N / variance - 1) < 5 * sqrt((normal ? 2.0 : 0.8) / N));
        if (!normal)
            assert_true(low >= -1 && high < 5 && low < -0.999 && high > 4.999);
        else
            assert_true(low < -4 && high > 10 && low > -20 && high < 26);
    }
    ag_tape_free(t);
}

static void permutations(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int counts[3][3] = { { 0 } };
    for (int round = 0; round < 3000; round++) {
        ag_tensor p = ag_randperm(t, 3);
        int seen = 0;
        for (int i = 0; i < 3; i++) {
            int v = (int)ag_item_at(p, i);
            seen |= 1 << v;
            counts[i][v]++;
        }
        assert_int_equal(seen, 7);
        ag_tape_reset(t);
    }
    for (int i = 0; i < 3; i++)
        for (int v = 0; v < 3; v++)
            assert_true(abs(counts[i][v] - 1000) < 130); /* 5 sigma */
    assert_int_equal(ag_size_of(ag_randperm(t, 0)), 0);
    assert_values(ag_randperm(t, 1), 0);
    assert_true(is_inert(ag_randperm(t, -1), t));
    expect_error(t, AG_ESHAPE, "ag_randperm");
    ag_tape_free(t);
}

static void random_arguments_are_checked(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double bad[][2] = { { 1, 0 }, { NAN, 1 }, { 0, NAN }, { -INFINITY, 0 }, { 0, INFINITY }, { -1e308, 1e308 } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(ag_rand(t, AG_F64, AG_SHAPE(2), bad[i][0], bad[i][1]), t));
        expect_error(t, AG_EARG, "ag_rand");
    }
    assert_true(is_inert(ag_randn(t, AG_F64, AG_SHAPE(2), 0, -1), t));
    expect_error(t, AG_EARG, "ag_randn");
    assert_true(is_inert(ag_randn(t, AG_F64, AG_SHAPE(2), NAN, 1), t));
    expect_error(t, AG_EARG, "ag_randn");
    assert_true(is_inert(ag_rand(t, AG_I32, AG_SHAPE(2), 0, 1), t));
    expect_error(t, AG_EDTYPE, "ag_rand");
    assert_values(ag_rand(t, AG_F64, AG_SHAPE(2), 3, 3), 3, 3);
    assert_values(ag_randn(t, AG_F64, AG_SHAPE(2), 3, 0), 3, 3);
    assert_true(isfinite(ag_item(ag_rand(t, AG_F64, AG_SCALAR, 0, 1))));
    ag_tape_free(t);
}

/* ---- the caller's memory */

static void copies_of_memory(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    float f[6] = { 1, 2, 3, 4, 5, 6 };
    ag_tensor x = ag_from(t, AG_F32, AG_SHAPE(2, 3), f, sizeof f), w = ag_wrap(t, AG_F32, AG_SHAPE(2, 3), f, sizeof f);
    assert_ptr_equal(ag_data(w, AG_F32), f);
    f[0] = 9; /* the copy does not see it */
    assert_values(x, 1, 2, 3, 4, 5, 6);
    assert_null(ag_write(w, AG_F32));
    expect_error(t, AG_EUSE, "ag_write");
    double out[6];
    assert_int_equal(ag_copy_out(ag_transpose(x, 0, 1), AG_F64, out, sizeof out), AG_OK);
    assert_memory_equal(out, ((double[]){ 1, 4, 2, 5, 3, 6 }), sizeof out);
    assert_int_equal(ag_copy_out(x, AG_F64, out, sizeof out - 8), AG_EARG);
    expect_error(t, AG_EARG, "ag_copy_out");
    assert_int_equal(ag_copy_in(x, AG_F64, out, sizeof out), AG_OK);
    assert_values(x, 1, 4, 2, 5, 3, 6);
    assert_int_equal(ag_copy_in(ag_transpose(x, 0, 1), AG_F64, out, sizeof out), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_copy_in");
    ag_tensor p = ag_param_as(x, AG_AXES(1, 0), "p"), b = ag_buffer_as(x, AG_AXES(0, 1), "b");
    assert_null(ag_write(p, AG_F32));
    expect_error(t, AG_EUSE, "ag_write");
    const uint8_t bytes[] = { 9, 8, 7, 6, 5, 4 };
    assert_int_equal(ag_copy_in(p, AG_U8, bytes, sizeof bytes), AG_OK);
    assert_values(p, 9, 8, 7, 6, 5, 4);
    ag_storage s;
    assert_int_equal(ag_storage_of(p, &s), AG_OK);
    assert_true(s.count == 6 && s.dtype == AG_F32 && !s.grad);
    assert_memory_equal(s.value, ((float[]){ 9, 6, 8, 5, 7, 4 }), sizeof f);
    ((float *)s.value)[0] = 1;
    assert_int_equal(ag_written(p), AG_OK);
    assert_values(p, 1, 8, 7, 6, 5, 4);
    ((float *)ag_write(b, AG_F32))[5] = 77;
    assert_values(b, 1, 4, 2, 5, 3, 77);
    ag_tape_free(t);
}

static void accessors(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), e = ag_zeros(t, AG_I32, AG_SHAPE(0, 2));
    ag_tensor s = ag_transpose(x, 0, 1), r = ag_constant(t, 2.5);
    assert_shape(s, 3, 2);
    assert_close(ag_item_at(s, 1), 4, 0);
    assert_true(isnan(ag_item_at(x, 6)) && isnan(ag_item_at(x, -1)));
    expect_error(t, AG_ESHAPE, "ag_item_at");
    assert_true(isnan(ag_item(x)));
    expect_error(t, AG_ESHAPE, "ag_item: the tensor has shape [2,3]");
    assert_true(isnan(ag_item(e)) && isnan(ag_item_at(e, 0)));
    expect_error(t, AG_ESHAPE, "ag_item");
    assert_memory_equal(ag_data(s, AG_F64), ((double[]){ 1, 4, 2, 5, 3, 6 }), 48);
    assert_memory_equal(ag_data(s, AG_FLOAT), ((double[]){ 1, 4, 2, 5, 3, 6 }), 48);
    assert_close(*(const double *)ag_data(r, AG_F64), 2.5, 0);
    assert_non_null(ag_data(e, AG_I32));
    assert_null(ag_data(x, AG_F32));
    expect_error(t, AG_EDTYPE, "ag_data");
    assert_null(ag_write(r, AG_F64));
    expect_error(t, AG_EUSE, "ag_write");
    assert_null(ag_write(ag_exp(x), AG_F64));
    expect_error(t, AG_EUSE, "ag_write");
    assert_null(ag_write(s, AG_F64));
    expect_error(t, AG_EUSE, "ag_write");
    assert_int_equal(ag_dtype_size(AG_FLOAT), 0);
    assert_int_equal(ag_dtype_size(AG_I32), 4);
    assert_int_equal(ag_dtype_size((ag_dtype)99), 0);
    assert_string_equal(ag_dtype_name(AG_U8), "u8");
    assert_true(strlen(ag_dtype_name((ag_dtype)-1)) > 0);
    assert_int_equal(ag_shape_size(AG_SHAPE(3, 4)), 12);
    assert_int_equal(ag_shape_size(AG_SHAPE(INT64_MAX, 2)), -1);
    assert_int_equal(ag_shape_size(AG_SHAPE(INT64_MAX, INT64_MAX, 0)), 0);
    assert_int_equal(ag_shape_size(AG_SHAPE(-1, 0)), -1);
    assert_int_equal(ag_shape_size((ag_shape){ .rank = 9 }), -1);
    ag_tape_free(t);
}

/* In a debugging build the end of the step tells. */
static void wrapped_memory_that_changes(void **state)
{
    (void)state;
    double memory[3] = { 1, 2, 3 };
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    ag_mark mark = ag_tape_mark(t);
    assert_true(ag_ok(ag_wrap(t, AG_F64, AG_SHAPE(3), memory, sizeof memory)));
    ag_tape_rewind(t, mark);
    memory[0] = 0; /* not wrapped any more */
    assert_true(ag_ok(ag_wrap(t, AG_F64, AG_SHAPE(3), memory, sizeof memory)));
    assert_int_equal(ag_tape_reset(t), AG_OK);
    assert_true(ag_ok(ag_wrap(t, AG_F64, AG_SHAPE(3), memory, sizeof memory)));
    memory[2] = 4;
#ifdef AG_DEBUG
    assert_int_equal(ag_tape_reset(t), AG_EUSE);
    assert_non_null(strstr(ag_error_text(t), "ag_wrap"));
#else
    assert_int_equal(ag_tape_reset(t), AG_OK);
#endif
    ag_tape_free(t);
}

static void wrap_too(void *user, ag_status status, const char *text)
{
    (void)status;
    (void)text;
    static double memory[3];
    ag_tape *t = *(ag_tape **)user;
    assert_true(is_inert(ag_wrap(t, AG_F64, AG_SHAPE(3), memory, sizeof memory), t));
    memory[0]++;
}

static void memory_that_could_not_be_wrapped_may_change(void **state)
{
    (void)state;
    ag_tape *t = NULL;
    t = tape_with((ag_options){ .on_error = wrap_too, .user = &t });
    ag_fail(t, AG_EARG, "so that the handler runs");
    ag_error_clear(t);
    assert_int_equal(ag_tape_reset(t), AG_OK);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped_memory_that_changes),
        cmocka_unit_test(memory_that_could_not_be_wrapped_may_change),
        cmocka_unit_test(fills),
        cmocka_unit_test(sequences),
        cmocka_unit_test(random_numbers_depend_on_seed_and_call_alone),
        cmocka_unit_test(random_numbers_are_distributed),
        cmocka_unit_test(permutations),
        cmocka_unit_test(random_arguments_are_checked),
        cmocka_unit_test(copies_of_memory),
        cmocka_unit_test(accessors),
    };
    return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
