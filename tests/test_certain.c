/* What the checks of derivatives are worth: mistakes planted in ops, each of which has to be caught, with its cause named;
 * random smooth functions, none of which may be; and kinks. `test_certain table` prints what came out; `make certain`
 * puts the same mistakes to PyTorch's and JAX's checks beside it. */
#include "certain/mistakes.h"
#include "compositions.h"

enum { SMOOTH = 2000, KINKED = 200, LINE = 2048 };

/* ---- planted mistakes */

/* The verdict; the report's first line without the verdict, "" for PASS. */
static ag_verdict check(const ag_op *op, char line[LINE])
{
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_check_op(op, file);
    rewind(file);
    char text[LINE] = "";
    if (!fgets(text, sizeof text, file))
        text[0] = 0;
    fclose(file);
    const char *samples = strstr(text, " sample"), *cause = samples ? strstr(samples, ": ") : NULL;
    snprintf(line, LINE, "%s", cause ? cause + 2 : "");
    line[strcspn(line, "\n")] = 0;
    return v;
}

static void the_mistake_is_caught(void **state)
{
    const planted *p = *state;
    char line[LINE];
    ag_verdict v = check(&p->op, line);
    if (p->cause ? v == AG_PASS || !strstr(line, p->cause) : v != AG_PASS) {
        ag_check_op(&p->op, stdout);
        fail_msg("%s: %s, expected \"%s\"", p->name, ag_verdict_name(v), p->cause ? p->cause : "");
    }
}

/* ---- random functions */

/* Of functions with slopes of ordinary size: where one is lost in rounding nothing can be said. */
static composed draw_steep(ag_tape *t, int i, ag_tensor *x, double *least)
{
    composed c = draw_function(t, i, x);
    c.scale = 1;
    for (int k = 0; k < c.steps; k++)
        if (c.step[k].op == 13) /* grows so much that what follows is flat */
            c.step[k].op = 12;
    *least = least_slope(c, *x);
    return c;
}

static int count_smooth(ag_tape *t, int wanted)
{
    int passed = 0, drawn = 0;
    state_of_random = 3;
    for (int i = 0; drawn < wanted; i++) {
        ag_tensor x;
        double least;
        ag_tape_reset(t);
        composed c = draw_steep(t, i, &x, &least);
        if (!(least > 1e-3))
            continue;
        drawn++;
        passed += ag_gradcheck(f, &c, AG_LIST(x), NULL) == AG_PASS;
    }
    return passed;
}

static int count_kinks(ag_tape *t, int wanted)
{
    int told = 0, drawn = 0;
    state_of_random = 2;
    for (int i = 0; drawn < wanted; i++) {
        ag_tensor x;
        double least;
        ag_tape_reset(t);
        composed c = draw_steep(t, i, &x, &least);
        c.summed = false;
        c.bent = 0;
        c.kink = 2; /* of any slope */
        least = least_slope(c, x);
        c.bent = NAN;
        c.bent = ag_item_at(f(AG_LIST(x), &c), 0);
        c.kink = i % 3;
        if (!(least > 1e-3))
            continue;
        drawn++;
        told += ag_gradcheck_with(f, &c, AG_LIST(x), (ag_check_options){ .order = 1 }, NULL) == AG_KINK;
    }
    return told;
}

static void smooth_functions_pass(void **state)
{
    int count = slow() ? SMOOTH / 10 : SMOOTH;
    assert_int_equal(count_smooth(*state, count), count);
}

static void kinks_are_told(void **state)
{
    int count = slow() ? KINKED / 10 : KINKED;
    assert_int_equal(count_kinks(*state, count), count);
}

/* ---- the table: a line for each mistake, "name, tab, check and cause", then the counts */

static void cut(char *line, const char *from)
{
    char *rest = strstr(line, from);
    if (rest)
        *rest = 0;
}

static int print_table(void)
{
    int wrong = 0;
    char line[LINE];
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet, .threads = 1 });
    for (size_t i = 0; t && i < ARRAY_SIZE(mistakes); i++) {
        const planted *p = &mistakes[i];
        ag_verdict v = check(&p->op, line);
        bool caught = v != AG_PASS;
        wrong += caught != (p->cause != NULL);
        const char *place = strrchr(line, '(');
        char where[64] = "";
        snprintf(where, sizeof where, "%.*s", place ? (int)strcspn(place + 1, ",") : 0, place ? place + 1 : "");
        cut(line, ": the derivative");
        cut(line, ": the second derivative");
        cut(line, ": the gradient");
        line[strcspn(line, ";")] = 0;
        printf("%s\t%s\t%s\t%s\n", p->name, caught ? "caught" : "-", where, line);
    }
    printf("smooth\t%d of %d\n", count_smooth(t, SMOOTH), SMOOTH);
    printf("kinks\t%d of %d\n", count_kinks(t, KINKED), KINKED);
    ag_tape_free(t);
    return wrong;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "table"))
        return print_table();
    struct CMUnitTest tests[ARRAY_SIZE(mistakes) + 2] = { TEST(smooth_functions_pass), TEST(kinks_are_told) };
    size_t count = 2;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i += slow() ? 4 : 1)
        tests[count++] = (struct CMUnitTest){ .name = mistakes[i].name,
                                              .test_func = the_mistake_is_caught,
                                              .initial_state = (void *)(uintptr_t)&mistakes[i] };
    return _cmocka_run_group_tests("certain", tests, count, NULL, NULL);
}
