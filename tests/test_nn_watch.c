/* Training watched: the files that are written, what stands in them, and when. */
#include "nn_support.h"

#include "nn/internal.h"
#include <locale.h>
#include <time.h>

static const nn_watch_config often = { .every = 1e-9, .share = 1 };

static nn_watch *watch_of(nn_module *m, const char *name, nn_watch_config config)
{
    return nn_watch_new(nn_params(m), in_directory(name), config);
}

/* The points of a curve in the table: how many, and the last one. */
static int points_in(const char *table, const char *name, double *step, double *value)
{
    char field[256];
    int count = 0;
    const size_t length = (size_t)snprintf(field, sizeof field, "\n\"%s\",", name);
    for (const char *at = table; (at = strstr(at, field)); count++) {
        at += length;
        assert_int_equal(sscanf(at, "%lf,%lf\n", step, value), 2);
    }
    return count;
}

/* The page's numbers are JSON from one end to the other. */
static void check_json(nn_json *j)
{
    double number;
    int used;
    const char c = nn_json_peek(j);
    if (c == '"') {
        assert_non_null(nn_json_string(j));
    } else if (nn_json_take(j, '{') || nn_json_take(j, '[')) {
        const char end = c == '{' ? '}' : ']';
        for (bool first = true; !nn_json_take(j, end); first = false) {
            assert_true(first || nn_json_take(j, ','));
            if (c == '{') {
                assert_non_null(nn_json_string(j));
                assert_true(nn_json_take(j, ':'));
            }
            check_json(j);
        }
    } else if (!strncmp(j->at, "null", 4) || !strncmp(j->at, "true", 4)) {
        j->at += 4;
    } else if (!strncmp(j->at, "false", 5)) {
        j->at += 5;
    } else {
        assert_int_equal(sscanf(j->at, "%lf%n", &number, &used), 1);
        assert_true((*j->at >= '0' && *j->at <= '9') || *j->at == '-'); /* no nan, no inf */
        j->at += used;
    }
}

/* The page is whole; its numbers, as text. */
static const char *check_page(const char *name)
{
    static char numbers[1 << 20];
    const char *page = text_of_file(in_directory(name));
    assert_int_equal(strncmp(page, "<!doctype html>\n", 16), 0);
    assert_non_null(strstr(page, "\n</html>\n"));
    assert_null(strstr(page, "https:")); /* nothing is loaded */
    const char *begin = strstr(page, "id=\"data\">\n"), *end = begin ? strstr(begin, "\n</script>") : NULL;
    assert_non_null(end);
    begin += strlen("id=\"data\">\n");
    snprintf(numbers, sizeof numbers, "%.*s", (int)(end - begin), begin);
    static char copy[1 << 20];
    memcpy(copy, numbers, sizeof copy);
    nn_json j = { copy };
    check_json(&j);
    assert_int_equal(nn_json_peek(&j), 0);
    return numbers;
}

static void one_step(nn_module *m, optim *o, nn_watch *w)
{
    ag_tape *t = m->tape;
    ag_tensor loss = ag_sum(ag_square(nn_forward(m, ag_ones(t, AG_FLOAT, AG_SHAPE(4, 3)))));
    nn_watch_value(w, "loss", ag_item(loss));
    optim_zero_grad(o);
    ag_backward(loss);
    optim_step(o);
    nn_watch_step(w);
    ag_tape_reset(t);
}

static void values_and_gradients_are_in_both_files(void **state)
{
    (void)state;
    for (int single = 0; single < 2; single++) {
        ag_tape *t = tape_of(single ? AG_F32 : AG_F64);
        nn_module *m = small_mlp(t);
        optim *o = optim_sgd(nn_params(m), (optim_sgd_config){ .lr = 0.01 });
        nn_watch *w = watch_of(m, "run", (nn_watch_config){ .title = "A \"title\" </script>", .share = 1 });
        assert_non_null(w);
        assert_non_null(strstr(check_page("run.html"), "\"state\":\"running\",\"running\":true,"));
        for (int i = 0; i < 100; i++) {
            one_step(m, o, w);
            if (i % 25 == 24)
                nn_watch_value(w, "accuracy", i / 100.0);
        }
        assert_int_equal(w->steps, 100);
        assert_int_equal(nn_watch_end(w), AG_OK);
        const char *table = text_of_file(in_directory("run.csv"));
        assert_int_equal(strncmp(table, "name,step,value\n", 16), 0);
        double step, value;
        assert_int_equal(points_in(table, "loss", &step, &value), 100);
        assert_near(step, 99, 0); /* it was that of 99 steps */
        assert_int_equal(points_in(table, "accuracy", &step, &value), 4);
        assert_near(step, 100, 0);
        assert_near(value, 0.99, 1e-9);
        assert_true(points_in(table, "gradient norm of all gradients", &step, &value) > 0);
        assert_near(step, 100, 0);
        assert_near(value, optim_grad_norm(o), 1e-6 * value);
        assert_true(points_in(table, "gradient norm of 0.weight", &step, &value) > 0);
        const char *page = check_page("run.html");
        assert_non_null(strstr(page, "\"title\":\"A \\u0022title\\u0022 \\u003c/script>\""));
        assert_non_null(strstr(page, "\"state\":\"finished\",\"running\":false,"));
        assert_non_null(strstr(page, "\"steps\":100,"));
        assert_non_null(strstr(page, "{\"name\":\"0.weight\",\"shape\":\"[4,3]\","));
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void curves_stay_short(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    nn_watch *w = watch_of(m, "long", (nn_watch_config){ 0 });
    double sum = 0;
    for (int i = 0; i < 10007; i++) {
        nn_watch_value(w, "i", i);
        nn_watch_step(w);
        sum += i;
    }
    assert_int_equal(nn_watch_end(w), AG_OK);
    const char *table = text_of_file(in_directory("long.csv"));
    double step = 0, value, mean = 0, before = -1;
    const int count = points_in(table, "i", &step, &value);
    assert_in_range(count, 256, 513);
    assert_near(step, 10006, 0); /* also where there is no whole point yet */
    for (const char *at = table; (at = strstr(at, "\n\"i\","));) {
        assert_int_equal(sscanf(at += 5, "%lf,%lf", &step, &value), 2);
        assert_true(step > before);
        mean += value * (step - before);
        before = step;
    }
    assert_near(mean, sum, 1e-6 * sum); /* points are means of what they stand for */
    ag_tape_free(t);
}

/* Elements 0 to 9, and two that are not finite. */
static void distributions_are_counted(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    double v[12];
    for (int i = 0; i < 12; i++)
        v[i] = i < 10 ? i : i == 10 ? NAN : -INFINITY;
    ag_tensor p = ag_param(ag_values(t, AG_SHAPE(3, 4), v, 12), "p"), q = ag_param(ag_constant(t, 7), NULL);
    ag_tensor none = ag_param(ag_zeros(t, AG_F32, AG_SHAPE(0)), "none");
    nn_watch *w = nn_watch_new(AG_LIST(p, q, none), in_directory("bins"), (nn_watch_config){ 0 });
    assert_int_equal(nn_watch_end(w), AG_OK);
    const char *page = check_page("bins.html");
    assert_non_null(strstr(page, "\"now\":{\"bad\":2,\"low\":0,\"high\":9,\"mean\":4.5,\"deviation\":2.87228,"
                                 "\"count\":[1,0,0,1,0,0,0,1,0,0,1,"));
    assert_non_null(strstr(page, "{\"name\":\"parameter 2\",\"shape\":\"[]\","));
    assert_non_null(strstr(page, "\"bad\":0,\"low\":7,\"high\":7,\"mean\":7,\"deviation\":0,\"count\":[1,0,0,"));
    assert_non_null(strstr(page, "\"low\":null,\"high\":null,\"mean\":null,\"deviation\":null,"));
    assert_non_null(strstr(page, "\"norm\":{\"x\":[],\"y\":[]}"));
    expect_fine(t);
    ag_tape_free(t);
}

static void distributions_reach_the_largest_numbers(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_values(t, AG_SHAPE(3), (double[]){ -1.7e308, 0, 1.7e308 }, 3), "p");
    assert_int_equal(nn_watch_end(nn_watch_new(AG_LIST(p), in_directory("far"), (nn_watch_config){ 0 })), AG_OK);
    assert_non_null(strstr(check_page("far.html"), "\"count\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
                                                   "1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]"));
    expect_fine(t);
    ag_tape_free(t);
}

static void what_is_not_finite_is_shown(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    nn_watch *w = watch_of(m, "nan", (nn_watch_config){ 0 });
    nn_watch_value(w, "loss", NAN);
    nn_watch_value(w, "l\"o,s\ns", -INFINITY);
    assert_int_equal(nn_watch_end(w), AG_OK);
    assert_non_null(strstr(text_of_file(in_directory("nan.csv")), "\n\"loss\",0,nan\n\"l\"\"o,s\ns\",0,-inf\n"));
    assert_non_null(strstr(check_page("nan.html"), "{\"name\":\"loss\",\"x\":[0],\"y\":[null]}"));
    ag_tape_free(t);
}

/* Only those of the first have charts; all are in the norm. */
static void many_parameters_have_no_charts(void **state)
{
    (void)state;
    enum { MANY = 70 };
    ag_tape *t = f64_tape();
    ag_tensor p[MANY], sum = ag_constant(t, 0);
    for (int i = 0; i < MANY; i++) {
        p[i] = ag_param(ag_constant(t, 1), NULL);
        sum = ag_add(sum, p[i]);
    }
    nn_watch *w = nn_watch_new((ag_list){ p, MANY }, in_directory("many"), often);
    ag_backward(sum);
    nn_watch_step(w);
    assert_int_equal(nn_watch_end(w), AG_OK);
    double step, value;
    points_in(text_of_file(in_directory("many.csv")), "gradient norm of all gradients", &step, &value);
    assert_near(value, sqrt(MANY), 1e-7);
    const char *page = check_page("many.html");
    assert_non_null(strstr(page, "\"more\":6,"));
    assert_non_null(strstr(page, "\"parameter 64\""));
    assert_null(strstr(page, "\"parameter 65\""));
    ag_tape_free(t);
}

static void the_page_is_written_while_training_runs(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    optim *o = optim_sgd(nn_params(m), (optim_sgd_config){ .lr = 0.01 });
    nn_watch *w = watch_of(m, "now", often);
    for (int i = 0; i < 5; i++)
        one_step(m, o, w);
    for (int i = 0; i < 4; i++) { /* time, of which it may take half */
        nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
        one_step(m, o, w);
    }
    const char *page = check_page("now.html");
    assert_non_null(strstr(page, "\"state\":\"running\""));
    assert_null(strstr(page, "\"steps\":0,"));
    one_step(m, o, w);
    nn_watch *seldom = watch_of(m, "seldom", (nn_watch_config){ .every = 1000, .share = 1 });
    for (int i = 0; i < 100; i++)
        nn_watch_step(seldom);
    assert_non_null(strstr(check_page("seldom.html"), "\"steps\":0,"));
    expect_fine(t);
    ag_tape_free(t);
}

static void numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    const char *names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
    const char *found = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(names) && !found; i++)
        found = setlocale(LC_ALL, names[i]);
    if (!found) {
        printf("skip: there is no locale with a comma\n");
        skip();
    }
    ag_tape *t = f64_tape();
    nn_watch *w = watch_of(small_mlp(t), "comma", (nn_watch_config){ 0 });
    nn_watch_value(w, "half", 0.5);
    assert_int_equal(nn_watch_end(w), AG_OK);
    setlocale(LC_ALL, "C");
    assert_non_null(strstr(text_of_file(in_directory("comma.csv")), "\n\"half\",0,0.5\n"));
    check_page("comma.html");
    ag_tape_free(t);
}

/* ---- what goes wrong */

static void hear(void *user, ag_status status, const char *text)
{
    int *heard = user;
    *heard += status == AG_OK && strstr(text, "nn_watch_step: ") && strstr(text, "gone/run.csv: ");
}

static void training_goes_on_without_the_files(void **state)
{
    (void)state;
    int heard = 0;
    ag_tape *t = ag_tape_new((ag_options){ .seed = 3, .on_error = ag_quiet, .on_warning = hear, .user = &heard });
    nn_module *m = small_mlp(t);
    optim *o = optim_sgd(nn_params(m), (optim_sgd_config){ .lr = 0.01 });
    nn_watch *w = watch_of(m, "gone/run", often);
    remove(in_directory("gone/run.csv"));
    remove(in_directory("gone/run.html"));
    assert_int_equal(rmdir(in_directory("gone")), 0);
    for (int i = 0; i < 5; i++) {
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        one_step(m, o, w);
        expect_fine(t);
    }
    assert_int_equal(heard, 1); /* once, where the tape is to warn */
    assert_int_equal(nn_watch_end(w), AG_EFILE);
    expect_error(t, AG_EFILE, "gone/: No such file or directory");
    ag_tape_free(t);
}

static void an_error_is_on_the_page(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module *m = small_mlp(t);
    nn_watch *w = watch_of(m, "error", often);
    nn_watch_value(w, "loss", 1);
    ag_fail(t, AG_ESHAPE, "earlier <b>");
    assert_int_equal(nn_watch_value(w, "loss", NAN), AG_ESHAPE);
    assert_int_equal(nn_watch_end(w), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "earlier");
    const char *page = check_page("error.html");
    assert_non_null(strstr(page, "\"state\":\"stopped, earlier \\u003cb>\""));
    assert_non_null(strstr(page, "{\"name\":\"loss\",\"x\":[0],\"y\":[1]}"));
    assert_int_equal(nn_watch_step(w), AG_OK); /* it is over */
    assert_int_equal(w->steps, 0);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_gradients_are_in_both_files),
        cmocka_unit_test(curves_stay_short),
        cmocka_unit_test(distributions_are_counted),
        cmocka_unit_test(distributions_reach_the_largest_numbers),
        cmocka_unit_test(what_is_not_finite_is_shown),
        cmocka_unit_test(many_parameters_have_no_charts),
        cmocka_unit_test(the_page_is_written_while_training_runs),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
        cmocka_unit_test(training_goes_on_without_the_files),
        cmocka_unit_test(an_error_is_on_the_page),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
