/* Pictures: what the script holds, that gnuplot draws it, that files are replaced as a whole, and what costs nothing. */
#include "plot_support.h"
#include <locale.h>

static bool gnuplot_is_there(void)
{
    return system("command -v gnuplot >/dev/null") == 0;
}

#define NEEDS_GNUPLOT()                            \
    do {                                           \
        if (!gnuplot_is_there()) {                 \
            printf("skip: there is no gnuplot\n"); \
            skip();                                \
        }                                          \
    } while (0)

/* What a picture's script says, until the next call. */
static const char *script_of(const char *path)
{
    char name[600];
    snprintf(name, sizeof name, "%s.gp", path);
    return text_of_file(name);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        count++;
    return count;
}

static nn_plot *curve_picture(ag_tape *t)
{
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .width = 300, .height = 200 });
    nn_plot_panel(p, "Loss", "step", "loss");
    nn_plot_curve(p, "training", (double[]){ 3, 2, 1.5 }, 3);
    expect_fine(t);
    return p;
}

static ag_tensor first_of(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_slice(x, 1, 0, 1, 1);
}

/* ---- files */

static void a_picture_has_the_size_asked_for_and_its_script_draws_it_again(void **state)
{
    (void)state;
    NEEDS_GNUPLOT();
    const unsigned char head[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10 }, size[] = { 0, 0, 1, 44, 0, 0, 0, 200 };
    char command[600];
    ag_tape *t = new_tape();
    const char *path = in_directory("new/directories/loss.png");
    nn_plot *p = curve_picture(t);
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    bytes b = read_bytes(path);
    assert_true(b.size > 1000);
    assert_memory_equal(b.at, head, sizeof head);
    assert_memory_equal(b.at + 16, size, sizeof size);
    unlink(path);
    snprintf(command, sizeof command, "gnuplot '%s.gp'", path);
    assert_int_equal(system(command), 0);
    bytes again = read_bytes(path);
    assert_int_equal(again.size, b.size);
    free(again.at);
    free(b.at);
    path = in_directory("loss.svg");
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    b = read_bytes(path);
    b.at[b.size - 1] = 0;
    assert_non_null(strstr((char *)b.at, "<svg"));
    assert_non_null(strstr((char *)b.at, "training"));
    free(b.at);
    ag_tape_free(t);
}

static void a_save_that_fails_leaves_the_picture(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_plot *p = curve_picture(t);
    const char *path = in_directory("kept.png");
    char text[8] = { 0 };
    use_gnuplot(DRAWS);
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    use_gnuplot("#!/bin/sh\nprintf half >\"$4\"\necho 'line 3: undefined variable: x' >&2\nexit 1\n");
    assert_int_equal(nn_plot_save(p, path), AG_EFILE);
    expect_error(t, AG_EFILE, "gnuplot failed on");
    assert_int_equal(nn_plot_save(p, path), AG_EFILE);
    expect_error(t, AG_EFILE, "line 3: undefined variable: x");
    use_gnuplot("#!/bin/sh\n");
    assert_int_equal(nn_plot_save(p, path), AG_EFILE);
    expect_error(t, AG_EFILE, "gnuplot drew nothing");
    use_gnuplot(NULL);
    assert_int_equal(nn_plot_save(p, path), AG_EFILE);
    expect_error(t, AG_EFILE, "`gnuplot` is not installed (package gnuplot-nox)");
    use_own_gnuplot();
    bytes b = read_bytes(path);
    assert_int_equal(b.size, 5);
    memcpy(text, b.at, b.size);
    assert_string_equal(text, "drawn");
    free(b.at);
    write_bytes(in_directory("file"), "x", 1);
    assert_int_equal(nn_plot_save(p, in_directory("file/a.png")), AG_EFILE);
    expect_error(t, AG_EFILE, "Not a directory");
    assert_int_equal(nn_plot_save(p, "/proc/none/a.png"), AG_EFILE);
    expect_error(t, AG_EFILE, "/proc/none");
    ag_tape_free(t);
}

static void paths_are_no_commands(void **state)
{
    (void)state;
    NEEDS_GNUPLOT();
    const char *const names[] = { "|touch pwned; x.png",     "<touch pwned.png",     "-e.png", "~a.png",
                                  "a'b\"c`touch pwned`.png", "$(touch pwned)\\n.svg" };
    char here[512];
    ag_tape *t = new_tape();
    nn_plot *p = curve_picture(t);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(directory), 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(nn_plot_save(p, names[i]), AG_OK);
        assert_int_equal(access(names[i], R_OK), 0);
    }
    assert_int_not_equal(access("pwned", F_OK), 0);
    assert_int_equal(chdir(here), 0);
    ag_tape_free(t);
}

/* ---- text */

static void text_is_shown_as_it_is_but_for_indices(void **state)
{
    (void)state;
    NEEDS_GNUPLOT();
    static const struct {
        const char *given, *written;
    } texts[] = {
        { "Two moons", "set title \"Two moons\" noenhanced" },
        { "x_1", "set title \"x_{1}\" enhanced" },
        { "x_1^2 + y_i", "set title \"x_{1}^{2} + y_{i}\" enhanced" },
        { "train_loss", "set title \"train_loss\" noenhanced" },
        { "a_1 of train_loss", "set title \"a_{1} of train\\\\_loss\" enhanced" },
        { "{a} & b_2 @~", "set title \"\\\\{a\\\\} \\\\& b_{2} \\\\@\\\\~\" enhanced" },
        { "\"`touch pwned`\\", "set title \"\\\"\\140touch pwned\\140\\\\\" noenhanced" },
        { "one\ntwo\tthree", "set title \"one\\ntwo three\" noenhanced" },
        { "caf\xc3\xa9 \xff", "set title \"caf\xc3\xa9 ?\" noenhanced" },
        { "x_", "set title \"x_\" noenhanced" },
        { "_1 ^2", "set title \"_1 ^2\" noenhanced" },
        { "10^3 m^-1", "set title \"10^{3} m\\\\^-1\" enhanced" },
    };
    ag_tape *t = new_tape();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        nn_plot *p = nn_plot_new(t, (nn_plot_config){ .width = 300, .height = 200 });
        const char *path = in_directory("text.svg");
        nn_plot_panel(p, texts[i].given, texts[i].given, texts[i].given);
        nn_plot_names(p, (nn_classes){ &texts[i].given, 1 });
        nn_plot_bars(p, texts[i].given, (double[]){ 1, 2 }, 2);
        assert_int_equal(nn_plot_save(p, path), AG_OK);
        if (!strstr(script_of(path), texts[i].written))
            print_error("%s: not %s\n", texts[i].given, texts[i].written);
        assert_non_null(strstr(script_of(path), texts[i].written));
    }
    assert_int_not_equal(access("pwned", F_OK), 0);
    ag_tape_free(t);
}

static void numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8" };
    ag_tape *t = new_tape();
    nn_plot *p = curve_picture(t);
    const char *path = in_directory("locale.png");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (setlocale(LC_ALL, names[i]))
            break;
    use_gnuplot(DRAWS);
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    use_own_gnuplot();
    setlocale(LC_ALL, "C");
    assert_non_null(strstr(script_of(path), " 2 1.5\n"));
    ag_tape_free(t);
}

/* ---- what is drawn */

static void what_is_given_again_takes_the_place_of_what_was_there(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_plot *p = curve_picture(t);
    const char *path = in_directory("again.png");
    use_gnuplot(DRAWS);
    for (int epoch = 0; epoch < 3; epoch++) {
        nn_plot_panel(p, "Loss", "step", "loss");
        nn_plot_curve(p, "training", (double[]){ 7, 8, 9, epoch }, 4);
        nn_plot_add(p, "test", epoch, 42 + epoch);
        nn_plot_panel(p, "Loss", "epoch", "loss"); /* another one */
        nn_plot_histogram(p, "weights", ag_values(t, AG_SHAPE(2), (double[]){ 0, epoch }, 2), 2);
        assert_int_equal(nn_plot_save(p, path), AG_OK);
    }
    use_own_gnuplot();
    const char *s = script_of(path);
    assert_non_null(strstr(s, "set multiplot layout 2,1\n"));
    assert_int_equal(count_of(s, "title \"training\""), 1);
    assert_non_null(strstr(s, " 0 7\n 1 8\n 2 9\n 3 2\nEND"));
    assert_non_null(strstr(s, " 0 42\n 1 43\n 2 44\nEND"));
    assert_non_null(strstr(s, " 0.5 1 1\n 1.5 1 1\nEND"));
    ag_tape_free(t);
}

static void gaps_are_where_values_are_not_finite(void **state)
{
    (void)state;
    NEEDS_GNUPLOT();
    ag_tape *t = new_tape();
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    const char *path = in_directory("gaps.png");
    nn_plot_panel(p, "Diverged", NULL, NULL);
    nn_plot_curve(p, "loss", (double[]){ 1, NAN, INFINITY, 2 }, 4);
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    assert_non_null(strstr(script_of(path), " 0 1\n 1 NaN\n 2 NaN\n 3 2\n"));
    nn_plot_curve(p, "loss", (double[]){ NAN, -INFINITY }, 2);
    assert_int_equal(nn_plot_save(p, path), AG_EVALUE);
    expect_error(t, AG_EVALUE, "panel 'Diverged': none of the values of 'loss' is finite");
    nn_plot_curve(p, "loss", (double[]){ 1 }, 1);
    nn_plot_classes(p, ag_full(t, AG_F64, AG_SHAPE(3, 2), NAN), ag_zeros(t, AG_U8, AG_SHAPE(3)));
    assert_int_equal(nn_plot_save(p, path), AG_EVALUE);
    expect_error(t, AG_EVALUE, "panel 'Diverged': none of the values is finite");
    ag_tape_free(t);
}

static void numbers_near_the_largest_are_drawn(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    const char *path = in_directory("largest.png");
    use_gnuplot(DRAWS);
    nn_plot_panel(p, "Weights", NULL, NULL); /* the difference of the ends is beyond all numbers */
    nn_plot_histogram(p, "far", ag_values(t, AG_SHAPE(4), (double[]){ -1.6e308, 0, 1.2e308, 1.6e308 }, 4), 4);
    nn_plot_histogram(p, "same", ag_values(t, AG_SHAPE(2), (double[]){ -1.7e308, -1.7e308 }, 2), 3);
    nn_plot_panel(p, "Line", NULL, NULL); /* squares of these are no numbers */
    nn_plot_points(p, NULL, ag_values(t, AG_SHAPE(2, 2), (double[]){ 0, 0, 1, 1 }, 4));
    nn_plot_line(p, "large", 1e300, 1e300, -1e300);
    nn_plot_line(p, "small", 1e-300, 1e-300, -1e-300);
    nn_plot_panel(p, "Confusion", NULL, NULL);
    nn_plot_confusion(p, ag_values(t, AG_SHAPE(2, 2), (double[]){ 3, INFINITY, NAN, 5 }, 4));
    assert_int_equal(nn_plot_save(p, path), AG_OK);
    use_own_gnuplot();
    const char *script = script_of(path);
    assert_non_null(strstr(script, " -1.2e+308 1 8e+307\n -4e+307 0 8e+307\n 4e+307 1 8e+307\n 1.2e+308 2 8e+307\n"));
    assert_non_null(strstr(script, "'+' using (0.5-0.820243866*t):(0.5+0.820243866*t)"));
    assert_non_null(strstr(script, "row[1] = 3\nrow[2] = 5\n"));
    assert_null(strstr(script, "inf"));
    assert_null(strstr(script, "nan"));
    ag_tape_free(t);
}

static void modules_are_asked_on_the_plane_as_they_are_in_use(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module m, part;
    nn_init(&m, t, "first", first_of);
    nn_init(&part, t, "part", first_of);
    nn_child(&m, &part, "part");
    nn_train(&part, false);
    ag_tensor kept = ag_ones(t, AG_F64, AG_SHAPE(2));
    int64_t nodes = ag_tape_nodes(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "Map", NULL, NULL);
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { 0, 2 }, .y = { -1, 1 } });
    nn_plot_map(p, &m, 0);
    nn_plot_panel(p, "Regions", NULL, NULL);
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { 0, 2 }, .y = { -1, 1 } });
    nn_plot_regions_at(p, &m, 0.5);
    use_gnuplot(DRAWS);
    assert_int_equal(nn_plot_save(p, in_directory("map.png")), AG_OK);
    use_own_gnuplot();
    const char *s = script_of(in_directory("map.png"));
    assert_non_null(strstr(s, "$p0_0 << END\n 0 0.01 0.02 0.03"));
    assert_non_null(strstr(s, "1.98 1.99 2\nEND\n$p1_0 << END\n 0 0.01"));
    assert_non_null(strstr(s, "0.99 1 1 1")); /* shades end half a unit beyond the level */
    assert_true(m.training && !part.training);
    assert_int_equal(ag_tape_nodes(t), nodes);
    assert_values(kept, 1, 1);
    ag_tape_free(t);
}

/* A picture with everything, in both formats. */
static double circle(const void *user, double x, double y)
{
    const double *radius = user;
    return x * x + y * y - *radius * *radius;
}

static void fill_plane(nn_plot *p, ag_tensor x, ag_tensor y, nn_module *net, const double *radius)
{
    nn_plot_panel(p, "Regions", "x_1", "x_2");
    nn_plot_regions(p, net);
    nn_plot_classes(p, x, y);
    nn_plot_boundary(p, "z = 0.1", nn_mlp(x.tape, (nn_mlp_config){ .sizes = { 2, 1 } }), 0.1);
    nn_plot_line(p, "line", 1, 0, 0.5);
    nn_plot_contour(p, "circle", circle, radius, 0);
    nn_plot_contour(p, "nowhere", circle, radius, 1e6);
    nn_plot_panel(p, "Points", "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .equal = true });
    nn_plot_points(p, "points", x);
    nn_plot_panel(p, "Space", "x_1", "x_2");
    nn_plot_classes(p, ag_concat(AG_LIST(x, ag_sum_over(ag_square(x), AG_AXES(1), AG_KEEPDIM)), 1), y);
    nn_plot_surface(p, "paraboloid", circle, radius);
}

static void everything_is_drawn(void **state)
{
    (void)state;
    NEEDS_GNUPLOT();
    const double radius = 1;
    ag_tape *t = tape_of(AG_F32);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 3 });
    ag_tensor x = ag_randn(t, AG_F32, AG_SHAPE(50, 2), 0, 1);
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 4, 3 } });
    fill_plane(p, x, ag_argmax(nn_forward(net, x), 1), net, &radius);
    nn_plot_panel(p, "Bars", NULL, NULL);
    nn_plot_bars(p, "a", (double[]){ 1, 2 }, 2);
    nn_plot_bars(p, "b", (double[]){ -1, 2, 3 }, 3);
    nn_plot_histogram(p, "h", x, 0);
    nn_plot_panel(p, "Confusion", "said", "true");
    nn_plot_confusion(p, ag_from(t, AG_I64, AG_SHAPE(2, 2), (int64_t[]){ 5, 1, 0, 0 }, 32));
    nn_plot_panel(p, "Images", NULL, NULL);
    nn_plot_grid(p, ag_rand(t, AG_F32, AG_SHAPE(5, 12), 0, 1), AG_SHAPE(3, 4),
                 (nn_plot_grid_config){ .captions = (const char *const[]){ "a", "b", NULL, "d", "e\nf" } });
    nn_plot_panel(p, "Logarithms", NULL, NULL);
    nn_plot_axes(p, (nn_plot_axes_config){ .log_x = true, .log_y = true });
    nn_plot_curve_at(p, NULL, (double[]){ 1, 10 }, (double[]){ 1e-3, 1e3 }, 2);
    assert_int_equal(nn_plot_save(p, in_directory("all.png")), AG_OK);
    assert_int_equal(nn_plot_save(p, in_directory("all.svg")), AG_OK);
    assert_int_equal(nn_plot_images(t, nn_find(net, "0.weight"), AG_SHAPE(2, 1), in_directory("weights.png")), AG_OK);
    assert_non_null(strstr(script_of(in_directory("weights.png")), "set title \"0.weight\""));
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_has_the_size_asked_for_and_its_script_draws_it_again),
        cmocka_unit_test(a_save_that_fails_leaves_the_picture),
        cmocka_unit_test(paths_are_no_commands),
        cmocka_unit_test(text_is_shown_as_it_is_but_for_indices),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
        cmocka_unit_test(what_is_given_again_takes_the_place_of_what_was_there),
        cmocka_unit_test(gaps_are_where_values_are_not_finite),
        cmocka_unit_test(numbers_near_the_largest_are_drawn),
        cmocka_unit_test(modules_are_asked_on_the_plane_as_they_are_in_use),
        cmocka_unit_test(everything_is_drawn),
    };
    return cmocka_run_group_tests(tests, remember_path, remove_directory);
}
