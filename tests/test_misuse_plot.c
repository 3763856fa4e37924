/* Every function of nn/plot.h with what it should not get. */
#include "misuse.h"

static double zero(const void *user, double x, double y)
{
    (void)user;
    return 0 * x * y;
}

static ag_tensor identity(nn_module *m, ag_tensor x)
{
    (void)m;
    return x;
}

static ag_tensor flat(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_reshape(x, AG_SHAPE(1, 1, -1));
}

static nn_plot *with_panel(ag_tape *t)
{
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    assert_int_equal(nn_plot_panel(p, "panel", NULL, NULL), AG_OK);
    return p;
}

static const nn_classes some_names = { (const char *const[]){ "a", NULL }, 2 };
static const double two[] = { 1, 2 };

/* All that draws, on one picture: the first status. */
static ag_status all_of(nn_plot *p, ag_tensor x, ag_tensor labels, nn_module *m)
{
    const ag_status s[] = { nn_plot_axes(p, (nn_plot_axes_config){ 0 }),
                            nn_plot_names(p, some_names),
                            nn_plot_curve(p, "c", two, 2),
                            nn_plot_curve_at(p, "c", two, two, 2),
                            nn_plot_add(p, "c", 1, 2),
                            nn_plot_points(p, "p", x),
                            nn_plot_classes(p, x, labels),
                            nn_plot_bars(p, "b", two, 2),
                            nn_plot_histogram(p, "h", x, 0),
                            nn_plot_regions(p, m),
                            nn_plot_regions_at(p, m, 0.5),
                            nn_plot_map(p, m, 0),
                            nn_plot_boundary(p, "m", m, 0),
                            nn_plot_line(p, "l", 1, 2, 3),
                            nn_plot_contour(p, "f", zero, NULL, 0),
                            nn_plot_surface(p, "f", zero, NULL),
                            nn_plot_confusion(p, x),
                            nn_plot_grid(p, x, AG_SHAPE(1, 2), (nn_plot_grid_config){ 0 }) };
    for (size_t i = 1; i < ARRAY_SIZE(s); i++)
        if (s[i] != s[0])
            print_error("function %zu: %s, not %s\n", i, ag_status_name(s[i]), ag_status_name(s[0]));
    for (size_t i = 1; i < ARRAY_SIZE(s); i++)
        assert_int_equal(s[i], s[0]);
    return s[0];
}

static void no_picture_no_panel_or_an_error_pending(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module m;
    nn_init(&m, t, "m", identity);
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 2)), labels = ag_zeros(t, AG_I64, AG_SHAPE(2));
    assert_null(nn_plot_new(NULL, (nn_plot_config){ 0 }));
    assert_null(nn_plot_tape(NULL));
    assert_int_equal(nn_plot_panel(NULL, "p", NULL, NULL), AG_ENULL);
    assert_int_equal(nn_plot_save(NULL, "/tmp/never-written.png"), AG_ENULL);
    assert_int_equal(nn_plot_images(NULL, absent, AG_SHAPE(1, 1), "/tmp/never-written.png"), AG_ENULL);
    assert_int_equal(all_of(NULL, x, labels, &m), AG_ENULL);
    expect_fine(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    assert_ptr_equal(nn_plot_tape(p), t);
    assert_int_equal(all_of(p, x, labels, &m), AG_EUSE); /* the first says so */
    expect_complaint(t, "nn_plot_axes");
    expect_refusal(t, nn_plot_curve(p, "c", two, 2), AG_EUSE, "nn_plot_curve");
    expect_refusal(t, nn_plot_regions(p, &m), AG_EUSE, "nn_plot_regions");
    expect_refusal(t, nn_plot_classes(p, x, labels), AG_EUSE, "nn_plot_classes");
    expect_refusal(t, nn_plot_grid(p, x, AG_SHAPE(1, 2), (nn_plot_grid_config){ 0 }), AG_EUSE, "nn_plot_grid");
    expect_refusal(t, nn_plot_save(p, "/tmp/never-written.png"), AG_EUSE, "nn_plot_save");
    nn_plot_panel(p, "empty", NULL, NULL);
    expect_refusal(t, nn_plot_save(p, "/tmp/never-written.png"), AG_EUSE, "nn_plot_save");
    ag_fail(t, AG_EARG, "an error of before");
    assert_int_equal(all_of(p, x, labels, &m), AG_EARG);
    assert_int_equal(nn_plot_panel(p, "p", NULL, NULL), AG_EARG);
    assert_int_equal(nn_plot_save(p, "/tmp/never-written.png"), AG_EARG);
    expect_error(t, AG_EARG, "an error of before");
    expect_refusal(t, nn_plot_save(p, "/tmp/never-written.png"), AG_EUSE, "nn_plot_save"); /* still empty */
    free_bench(&b);
}

static void logarithms_of_what_is_not_positive(void **state)
{
    (void)state;
    bench b = new_bench();
    const double below[] = { -1, 0, -3 }, above[] = { 1, 2, 3 };
    nn_plot *p = with_panel(b.t);
    nn_plot_curve_at(p, "c", above, below, 3);
    nn_plot_axes(p, (nn_plot_axes_config){ .log_x = true, .log_y = true });
    nn_plot_save(p, "/tmp/never-written.png");
    expect_error(b.t, AG_EVALUE, "the y axis is logarithmic and needs values above 0; the largest is 0");
    nn_plot_curve_at(p, "c", below, above, 3);
    nn_plot_save(p, "/tmp/never-written.png");
    expect_error(b.t, AG_EVALUE, "the x axis is logarithmic and needs values above 0; the largest is 0");
    nn_plot_curve_at(p, "c", above, above, 3);
    nn_plot_line(p, "l", 1, 1, 1); /* which needs to know where the axes begin */
    nn_plot_axes(p, (nn_plot_axes_config){ .y = { -1, 3 }, .log_x = true });
    nn_plot_curve_at(p, "c", (double[]){ 0.1, 100 }, above, 2);
    nn_plot_save(p, "/tmp/never-written.png");
    expect_error(b.t, AG_EVALUE, "the x axis is logarithmic and would begin at -7.892");
    free_bench(&b);
}

static void what_stands_alone(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tensor counts = ag_ones(b.t, AG_I64, AG_SHAPE(2, 2));
    nn_plot *p = with_panel(b.t);
    nn_plot_confusion(p, counts);
    expect_fine(b.t);
    nn_plot_curve(p, "c", two, 2);
    expect_error(b.t, AG_EUSE, "nn_plot_curve: panel 'panel': a matrix or images stand alone");
    nn_plot_panel(p, "curves", NULL, NULL);
    nn_plot_curve(p, "c", two, 2);
    nn_plot_confusion(p, counts);
    expect_error(b.t, AG_EUSE, "nn_plot_confusion: panel 'curves': a matrix or images stand alone");
    free_bench(&b);
}

static void configurations(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const nn_plot_config configs[] = { { .columns = -1 },       { .columns = 17 }, { .width = 99 },
                                       { .height = 10001 },     { .width = -1 },   { .height = INT32_MIN },
                                       { .columns = INT32_MAX } };
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        assert_null(nn_plot_new(t, configs[i]));
        assert_int_equal(ag_error(t), AG_EARG);
        expect_complaint(t, "nn_plot_new");
    }
    nn_plot *p = with_panel(t);
    const nn_plot_axes_config axes[] = { { .x = { 1, 1 } },
                                         { .y = { 1, 0 } },
                                         { .z = { NAN, 1 } },
                                         { .x = { 0, INFINITY } },
                                         { .y = { 0, NAN } },
                                         { .x = { 0, 1 }, .log_x = true },
                                         { .y = { -1, 1 }, .log_y = true } };
    for (size_t i = 0; i < ARRAY_SIZE(axes); i++)
        expect_refusal(t, nn_plot_axes(p, axes[i]), AG_EARG, "nn_plot_axes");
    expect_refusal(t, nn_plot_names(p, (nn_classes){ NULL, 3 }), AG_ENULL, "nn_plot_names");
    expect_refusal(t, nn_plot_names(p, (nn_classes){ some_names.name, -1 }), AG_ENULL, "nn_plot_names");
    nn_plot_curve(p, NULL, two, 2);
    const char *const paths[] = { "", ".png/x", "x", "x.", "x.jpg", "x.png.gp", "dir.svg/x", "x.PNG" };
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        expect_refusal(t, nn_plot_save(p, paths[i]), AG_EARG, "nn_plot_save");
    expect_refusal(t, nn_plot_save(p, NULL), AG_ENULL, "nn_plot_save");
    free_bench(&b);
}

static void numbers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_plot *p = with_panel(t);
    expect_refusal(t, nn_plot_curve(p, "c", NULL, 2), AG_ENULL, "nn_plot_curve");
    expect_refusal(t, nn_plot_curve(p, "c", two, 0), AG_EARG, "nn_plot_curve");
    expect_refusal(t, nn_plot_curve_at(p, NULL, NULL, two, 2), AG_ENULL, "nn_plot_curve_at");
    expect_refusal(t, nn_plot_curve_at(p, NULL, two, NULL, 2), AG_ENULL, "nn_plot_curve_at");
    expect_refusal(t, nn_plot_curve_at(p, NULL, two, two, 0), AG_EARG, "nn_plot_curve_at");
    expect_refusal(t, nn_plot_curve(p, "c", two, SIZE_MAX / 2), AG_ELIMIT, "nn_plot");
    expect_refusal(t, nn_plot_bars(p, "b", NULL, 2), AG_ENULL, "nn_plot_bars");
    expect_refusal(t, nn_plot_bars(p, "b", two, 0), AG_EARG, "nn_plot_bars");
    expect_refusal(t, nn_plot_line(p, "l", 0, 0, 1), AG_EARG, "nn_plot_line");
    expect_refusal(t, nn_plot_line(p, "l", NAN, 0, 1), AG_EARG, "nn_plot_line");
    expect_refusal(t, nn_plot_line(p, "l", 1, 0, INFINITY), AG_EARG, "nn_plot_line");
    expect_refusal(t, nn_plot_line(p, "l", 1e-300, 0, 1e300), AG_EARG, "nn_plot_line");
    expect_refusal(t, nn_plot_contour(p, "f", NULL, NULL, 0), AG_ENULL, "nn_plot_contour");
    expect_refusal(t, nn_plot_contour(p, "f", zero, NULL, NAN), AG_EARG, "nn_plot_contour");
    expect_refusal(t, nn_plot_surface(p, "f", NULL, NULL), AG_ENULL, "nn_plot_surface");
    nn_plot_panel(p, "unfinished", NULL, NULL);
    nn_plot_add(p, "c", 1, NAN);
    expect_refusal(t, nn_plot_save(p, "/tmp/never-written.png"), AG_EUSE, "nn_plot_save"); /* the first one is empty */
    free_bench(&b);
}

static void images_of_no_shape_or_of_one_that_takes_too_much_space(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_plot *p = with_panel(t);
    const ag_tensor thin = ag_zeros(t, AG_F64, AG_SHAPE(1, 100000));
    ag_shape s = AG_SHAPE(1, 100000);
    expect_refusal(t, nn_plot_grid(p, thin, s, (nn_plot_grid_config){ 0 }), AG_ELIMIT, "nn_plot_grid");
    s.rank = AG_MAX_RANK + 1;
    expect_refusal(t, nn_plot_grid(p, thin, s, (nn_plot_grid_config){ 0 }), AG_ESHAPE, "nn_plot_grid");
    s.rank = INT32_MIN;
    expect_refusal(t, nn_plot_grid(p, thin, s, (nn_plot_grid_config){ 0 }), AG_ESHAPE, "nn_plot_grid");
    s = AG_SHAPE(INT64_MAX, INT64_MAX);
    expect_refusal(t, nn_plot_grid(p, thin, s, (nn_plot_grid_config){ 0 }), AG_ESHAPE, "nn_plot_grid");
    free_bench(&b);
}

static void tensors(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_plot *p = with_panel(t);
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(4, 2)), labels = ag_zeros(t, AG_I64, AG_SHAPE(4));
    const struct {
        ag_tensor x;
        ag_status status;
    } wrong[] = { { absent, AG_ENULL },
                  { b.foreign, AG_EUSE },
                  { b.stale, AG_ESTALE },
                  { b.released, AG_ESTALE },
                  { ag_ones(t, AG_F64, AG_SHAPE(4)), AG_ESHAPE },
                  { ag_ones(t, AG_F64, AG_SHAPE(4, 1)), AG_ESHAPE },
                  { ag_ones(t, AG_F64, AG_SHAPE(4, 4)), AG_ESHAPE },
                  { ag_ones(t, AG_F64, AG_SHAPE(4, 2, 1)), AG_ESHAPE },
                  { ag_ones(t, AG_F64, AG_SHAPE(0, 2)), AG_EARG } };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ag_status s = wrong[i].status;
        const char *who[] = { s == AG_ESTALE ? "" : "nn_plot_points", s == AG_ESTALE ? "" : "nn_plot_classes" };
        expect_refusal(t, nn_plot_points(p, NULL, wrong[i].x), s, who[0]);
        expect_refusal(t, nn_plot_classes(p, wrong[i].x, labels), s, who[1]);
    }
    expect_refusal(t, nn_plot_points(p, NULL, ag_ones(t, AG_F64, AG_SHAPE(4, 3))), AG_ESHAPE, "nn_plot_points");
    expect_refusal(t, nn_plot_classes(p, x, absent), AG_ENULL, "nn_plot_classes");
    expect_refusal(t, nn_plot_classes(p, x, b.foreign), AG_EUSE, "nn_plot_classes");
    expect_refusal(t, nn_plot_classes(p, x, ag_zeros(t, AG_I64, AG_SHAPE(3))), AG_ESHAPE, "nn_plot_classes");
    const double bad[] = { -1, 0.5, 64, NAN, INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_refusal(t, nn_plot_classes(p, x, ag_full(t, AG_F64, AG_SHAPE(4), bad[i])), AG_EARG, "nn_plot_classes");
    expect_refusal(t, nn_plot_histogram(p, "h", x, -1), AG_EARG, "nn_plot_histogram");
    expect_refusal(t, nn_plot_histogram(p, "h", x, 1001), AG_EARG, "nn_plot_histogram");
    expect_refusal(t, nn_plot_histogram(p, "h", ag_ones(t, AG_F64, AG_SHAPE(0)), 0), AG_EARG, "nn_plot_histogram");
    expect_refusal(t, nn_plot_histogram(p, "h", ag_full(t, AG_F32, AG_SHAPE(3), NAN), 0), AG_EVALUE,
                   "nn_plot_histogram");
    const ag_shape not_square[] = { AG_DIMS(2), AG_DIMS(2, 3), AG_DIMS(0, 0), AG_DIMS(65, 65) };
    for (size_t i = 0; i < ARRAY_SIZE(not_square); i++)
        expect_refusal(t, nn_plot_confusion(p, ag_ones(t, AG_I64, not_square[i])), AG_ESHAPE, "nn_plot_confusion");
    const ag_shape no_image[] = { AG_DIMS(2), AG_DIMS(2, 2), AG_DIMS(0, 2), AG_DIMS(-1, -2), AG_DIMS(1, 2, 1) };
    for (size_t i = 0; i < ARRAY_SIZE(no_image); i++) {
        expect_refusal(t, nn_plot_grid(p, x, no_image[i], (nn_plot_grid_config){ 0 }), AG_ESHAPE, "nn_plot_grid");
        expect_refusal(t, nn_plot_images(t, x, no_image[i], "/tmp/never-written.png"), AG_ESHAPE, "nn_plot_grid");
    }
    expect_refusal(t, nn_plot_grid(p, x, AG_SHAPE(1, 2), (nn_plot_grid_config){ .columns = 5 }), AG_EARG,
                   "nn_plot_grid");
    expect_refusal(t, nn_plot_images(t, x, AG_SHAPE(1, 2), "/tmp/never-written"), AG_EARG, "nn_plot_save");
    free_bench(&b);
}

static void modules(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    nn_module same, odd, foreign;
    nn_init(&same, t, "same", identity);
    nn_init(&odd, t, "odd", flat);
    nn_init(&foreign, b.other, "foreign", identity);
    nn_plot *p = with_panel(t);
    expect_refusal(t, nn_plot_regions(p, NULL), AG_ENULL, "nn_plot_regions");
    expect_refusal(t, nn_plot_map(p, NULL, 0), AG_ENULL, "nn_plot_map");
    expect_refusal(t, nn_plot_boundary(p, NULL, NULL, 0), AG_ENULL, "nn_plot_boundary");
    expect_refusal(t, nn_plot_regions(p, &foreign), AG_EUSE, "nn_plot_regions");
    expect_refusal(t, nn_plot_regions_at(p, &same, NAN), AG_EARG, "nn_plot_regions_at");
    expect_refusal(t, nn_plot_map(p, &same, -1), AG_EARG, "nn_plot_map");
    nn_plot_map(p, &same, 2);
    expect_refusal(t, nn_plot_regions(p, &same), AG_EUSE, "nn_plot_regions"); /* a map is there */
    const char *const path = "/tmp/never-written.png";
    expect_refusal(t, nn_plot_save(p, path), AG_EUSE, "nn_plot_save"); /* where? */
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { 0, 1 }, .y = { 0, 1 } });
    expect_refusal(t, nn_plot_save(p, path), AG_EARG, "nn_plot_save"); /* outputs 0 and 1 */
    nn_plot_map(p, &odd, 0);
    expect_refusal(t, nn_plot_save(p, path), AG_ESHAPE, "nn_plot_save");
    nn_plot_map(p, nn_linear(t, 3, 1, (nn_linear_config){ 0 }), 0);
    expect_refusal(t, nn_plot_save(p, path), AG_ESHAPE, "ag_linear");
    nn_plot_map(p, &same, 0);
    nn_plot_boundary(p, "b", &same, 0);
    expect_refusal(t, nn_plot_save(p, path), AG_ESHAPE, "nn_plot_save");
    expect_refusal(t, nn_plot_surface(p, NULL, zero, NULL), AG_EUSE, "nn_plot_surface");
    expect_refusal(t, nn_plot_classes(p, ag_ones(t, AG_F64, AG_SHAPE(4, 3)), ag_zeros(t, AG_I64, AG_SHAPE(4))), AG_EUSE,
                   "nn_plot_classes");
    nn_plot_panel(p, "space", NULL, NULL);
    assert_int_equal(nn_plot_surface(p, NULL, zero, NULL), AG_OK);
    expect_refusal(t, nn_plot_curve(p, NULL, two, 2), AG_EUSE, "nn_plot_curve");
    expect_refusal(t, nn_plot_classes(p, ag_ones(t, AG_F64, AG_SHAPE(4, 2)), ag_zeros(t, AG_I64, AG_SHAPE(4))), AG_EUSE,
                   "nn_plot_classes");
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_picture_no_panel_or_an_error_pending),
        cmocka_unit_test(logarithms_of_what_is_not_positive),
        cmocka_unit_test(what_stands_alone),
        cmocka_unit_test(configurations),
        cmocka_unit_test(numbers),
        cmocka_unit_test(images_of_no_shape_or_of_one_that_takes_too_much_space),
        cmocka_unit_test(tensors),
        cmocka_unit_test(modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
