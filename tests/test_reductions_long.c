/* Reductions of so many elements that sums in their own type would stop. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_sums_in_f32),
    };
    return cmocka_run_group_tests_name("long reductions", tests, NULL, NULL);
}
