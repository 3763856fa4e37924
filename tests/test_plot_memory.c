/* Memory while a picture is made: whichever request fails, the error is AG_ENOMEM, and the same calls succeed then. */
#include "plot_support.h"

static ag_status draw_something(ag_tape *t, nn_module *m)
{
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(3, 2)), y = ag_zeros(t, AG_I64, AG_SHAPE(3));
    nn_plot_panel(p, "Regions", "x_1", "x_2");
    nn_plot_names(p, (nn_classes){ (const char *const[]){ "a", "b" }, 2 });
    nn_plot_regions(p, m);
    nn_plot_classes(p, x, y);
    nn_plot_panel(p, "Loss", "step", "loss");
    nn_plot_curve(p, "a", (double[]){ 1, 2 }, 2);
    nn_plot_add(p, "b", 1, 2);
    nn_plot_histogram(p, "c", x, 3);
    nn_plot_save(p, in_directory("memory.png"));
    nn_plot_images(t, x, AG_SHAPE(2, 1), in_directory("images.png"));
    return ag_error(t);
}

static void each_request_of_the_tape_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    use_gnuplot(DRAWS);
    for (long n = 1; failed; n++) {
        memory memory = { 0 };
        ag_tape *t = tape_on(&memory, AG_F64);
        nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 3, 2 } });
        memory.requests = 0;
        memory.fail_at = n;
        ag_status status = draw_something(t, m);
        failed = memory.requests >= n;
        memory.fail_at = 0;
        assert_int_equal(status, failed ? AG_ENOMEM : AG_OK);
        ag_error_clear(t);
        ag_tape_reset(t);
        assert_true(m->training);
        assert_int_equal(draw_something(t, m), AG_OK);
        ag_tape_free(t);
        assert_int_equal(memory.bytes, 0);
    }
    use_own_gnuplot();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_request_of_the_tape_may_fail) };
    return cmocka_run_group_tests(tests, remember_path, remove_directory);
}
