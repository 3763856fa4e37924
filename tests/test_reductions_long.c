/* Reductions of so many elements that sums in their own type would stop, or that they take another way. */
#include "support.h"

/* Twenty million elements to a result, more than a float can count, in rows and in columns. */
static void long_sums_in_f32(void **state)
{
    (void)state;
    const int64_t n = 20000000;
    if (slow()) {
        printf("skip: hundreds of megabytes\n");
        skip();
    }
    for (int64_t inner = 1; inner <= 2; inner++) {
        ag_tape *t = tape_with((ag_options){ .dtype = AG_F32 });
        ag_tensor x = ag_require_grad(ag_zeros(t, AG_F32, AG_SHAPE(n, inner))), g;
        ag_mark mark = ag_tape_mark(t);
        assert_close(ag_item_at(ag_logsumexp(x, AG_AXES(0), 0), 0), log((double)n), 1e-6);
        assert_close(ag_item_at(ag_log_softmax(x, 0), 0), -log((double)n), 1e-6);
        ag_tape_rewind(t, mark);
        assert_close(ag_item_at(ag_sum_over(ag_softmax(x, 0), AG_AXES(0), 0), inner - 1), 1, 1e-6);
        ag_tape_rewind(t, mark = ag_tape_mark(t));
        ag_tensor larger = ag_add_scalar(x, 1);
        assert_close(ag_item_at(ag_mean_over(larger, AG_AXES(0), 0), 0), 1, 1e-6);
        assert_close(ag_item(ag_mean(larger)), 1, 1e-6);
        assert_int_equal(ag_gradients(ag_sum(ag_max_over(x, AG_AXES(0), 0)), AG_LIST(x), 0, &g), AG_OK);
        assert_close((double)n * ag_item_at(g, 0), 1, 1e-6);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* A sum of all elements that are not many takes a shorter way than one over all axes. */
static void sums_of_all_elements_have_the_bits_of_sums_over_all_axes(void **state)
{
    (void)state;
    const ag_shape shapes[] = { AG_SCALAR,         AG_SHAPE(1),         AG_SHAPE(31, 3),    AG_SHAPE(1025),
                                AG_SHAPE(4096),    AG_SHAPE(4097),      AG_SHAPE(32, 1024), AG_SHAPE(32769),
                                AG_SHAPE(5, 0, 2), AG_SHAPE(3, 700, 41) };
    for (int d = 0; d < 2; d++) {
        ag_tape *t = tape_with((ag_options){ .seed = 3 });
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const ag_tensor x = ag_randn(t, d ? AG_F32 : AG_F64, shapes[i], 0.1, 1);
            const double a[] = { ag_item(ag_sum(x)), ag_item(ag_mean(x)) };
            const double b[] = { ag_item(ag_sum_over(x, AG_ALL, 0)), ag_item(ag_mean_over(x, AG_ALL, 0)) };
            assert_memory_equal(a, b, sizeof a);
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Long rows are summed two at a time. */
static void sums_of_rows_have_the_bits_that_each_has_alone(void **state)
{
    (void)state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I64, AG_U8 };
    for (int d = 0; d < 4; d++) {
        ag_tape *t = tape_with((ag_options){ .seed = 4, .threads = 2 });
        for (int64_t rows = 1; rows < 140; rows += rows < 5 ? 1 : 33) {
            const int64_t n = 1025 + 13 * rows;
            const ag_tensor x = ag_cast(ag_rand(t, AG_F64, AG_SHAPE(rows, n), 0, 200), dtypes[d]),
                            sums = ag_sum_over(x, AG_AXES(1), 0);
            for (int64_t i = 0; i < rows; i++) {
                const double alone = ag_item(ag_sum_over(ag_slice(x, 0, i, i + 1, 1), AG_AXES(1), 0));
                assert_true(ag_item_at(sums, i) == alone);
            }
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_sums_in_f32),
        cmocka_unit_test(sums_of_all_elements_have_the_bits_of_sums_over_all_axes),
        cmocka_unit_test(sums_of_rows_have_the_bits_that_each_has_alone),
    };
    return cmocka_run_group_tests_name("long reductions", tests, NULL, NULL);
}
