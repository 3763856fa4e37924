/* The page of ag_draw_html, in a browser that nobody sees: it steps through everything, and what it says is what the tape
 * says. */
#include "explain.h"

/* The ops of one and of two operands whose formulas the page must know. */
/* clang-format off */
#define ONE(X) \
    X(neg) X(square) X(sqrt) X(exp) X(log) X(sin) X(cos) X(tanh) X(sigmoid) X(softplus) X(relu) X(abs) X(expm1) X(exp2) X(log1p) \
    X(log2) X(log10) X(reciprocal) X(rsqrt) X(cbrt) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh) X(atanh) \
    X(logsigmoid) X(softsign) X(hardsigmoid) X(hardswish)
#define TWO(X) X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(logaddexp) X(hypot)
/* clang-format on */

static const char *browser(void)
{
    static const char *const names[] = { "chromium", "chromium-browser", "google-chrome" };
    char command[80];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", names[i]);
        if (!system(command))
            return names[i];
    }
    return NULL;
}

/* What the page of y says of itself with this hash, which the caller frees. */
static char *tried(ag_tensor y, const char *hash)
{
    char directory[] = "/tmp/ag_page_XXXXXX", path[64], command[512], *text = NULL;
    size_t bytes = 0;
    if (!browser()) {
        print_message("there is no chromium (make setup installs it)\n");
        skip();
    }
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/page.html", directory);
    assert_int_equal(ag_draw_html(y, path), AG_OK);
    snprintf(command, sizeof command,
             "env -u LD_PRELOAD HOME=%s %s --headless --no-sandbox --disable-gpu --user-data-dir=%s/profile --dump-dom "
             "'file://%s%s' 2>/dev/null; rm -rf %s",
             directory, browser(), directory, path, hash, directory);
    FILE *from = popen(command, "r");
    assert_non_null(from);
    FILE *dom = open_memstream(&text, &bytes);
    for (int c; (c = fgetc(from)) != EOF;)
        fputc(c, dom);
    pclose(from);
    fclose(dom);
    static const char begin[] = "<pre id=\"test\" hidden=\"\">";
    char *at = strstr(text, begin), *end = at ? strstr(at, "</pre>") : NULL;
    if (!end)
        print_error("the page says nothing:\n%s\n", text);
    assert_non_null(end);
    *end = 0;
    memmove(text, at + strlen(begin), strlen(at + strlen(begin)) + 1);
    assert_json(text);
    return text;
}

static const char *section(const char *text, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    if (!at)
        print_error("no %s in:\n%s\n", key, text);
    assert_non_null(at);
    return at;
}

/* The value of a node in what was given, computed, or changed. */
static double value_in(const char *text, const char *name, ag_tensor x)
{
    char key[32];
    snprintf(key, sizeof key, "[%u,\"", x.id & 0x3fffffff);
    const char *at = strstr(section(text, name), key);
    if (!at)
        print_error("no node %u in %s:\n%s\n", x.id, name, text);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* The gradient that the last step into a node leaves there. */
static double gradient_in(const char *text, const char *name, ag_tensor x)
{
    const char *at = strstr(section(text, name), "\"steps\":["), *end = strchr(at, '}');
    unsigned from, to;
    double contribution, after, last = NAN;
    for (at += strlen("\"steps\":["); at < end; at++)
        if (sscanf(at, "[%u,%u,\"%lf\",\"%lf\"]", &from, &to, &contribution, &after) == 4 && to == (x.id & 0x3fffffff))
            last = after;
    return last;
}

static void the_lecture_graph_can_be_stepped_through(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char *text = tried(g.d, "#test");
    assert_part(text, "\"fixed\":\"\"");
    assert_part(text, "4 + 3 = 7");
    assert_part(text, "4 · 7 = 28");
    assert_part(text, "dd/dd × ∂d/∂a = 1 × 7 = 7");
    assert_part(text, "dd/dc × ∂c/∂a = 4 × 1 = 4");
    assert_part(text, "dd/da = 7 + 4 × 1 = 11\\n\\nA further route");
    assert_part(text, "d ← c ← a: 4 × 1 = 4");
    assert_part(text, "\"a, variable, value 4, gradient 11\"");
    assert_true(gradient_in(text, "given", g.a) == 11 && gradient_in(text, "computed", g.a) == 11);
    free(text);
    text = tried(g.d, "#test,1=5");
    assert_part(text, "dd/da = 8 + 5 × 1 = 13");
    assert_part(text, "\"d, mul, value 40, gradient 1\"");
    assert_true(value_in(text, "given", g.d) == 28 && value_in(text, "changed", g.d) == 40);
    free(text);
    ag_tape_free(g.t);
}

/* A number that depends on x and c by way of every op of the lists. */
static ag_tensor all_of_them(ag_tensor x, ag_tensor c)
{
    ag_tensor sum = ag_mul(x, c);
#define ADD_ONE(op) sum = ag_add(sum, ag_##op(x));
#define ADD_TWO(op) sum = ag_add(sum, ag_##op(x, c));
    ONE(ADD_ONE)
    TWO(ADD_TWO)
    sum = ag_add(sum, ag_add(ag_acosh(ag_add_scalar(x, 1.5)), ag_scalar_sub(2, ag_scalar_div(3, x))));
    sum = ag_add(sum, ag_add(ag_pow_scalar(x, 2.5), ag_leaky_relu(ag_mul_scalar(x, -4), 0.01)));
    return ag_add(sum, ag_add(ag_clamp(x, 0.1, 0.9), ag_elu(ag_neg(x), 1.5)));
}

static void formulas_are_those_of_the_ops(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 0.3), c = ag_variable(t, 1.7), y = all_of_them(x, c);
    ag_tensor x2 = ag_variable(t, 0.45), y2 = all_of_them(x2, c); /* the same at another x */
    char hash[64];
    snprintf(hash, sizeof hash, "#test,%u=0.45", x.id & 0x3fffffff);
    char *text = tried(y, hash);
    assert_part(text, "\"fixed\":\"\"");
    const uint32_t nodes = y.id - c.id;
    int compared = 0;
    for (uint32_t k = 0; k <= nodes; k++) { /* by place: clamp's two constants need a node with a tag */
        const ag_tensor at = { t, (c.id + k), y.epoch }, at2 = { t, x2.id + k, y.epoch };
        if (!ag_ok(at) || !ag_ok(at2) || k == 0)
            continue;
        compared++;
        assert_close(value_in(text, "given", at), ag_item(at), 0);
        assert_close(value_in(text, "computed", at), ag_item(at), 1e-12);
        assert_close(value_in(text, "changed", at), ag_item(at2), 1e-12);
    }
    assert_true(compared > 90);
    ag_backward(y);
    assert_close(gradient_in(text, "given", x), ag_item(ag_grad(x)), 1e-15);
    assert_close(gradient_in(text, "computed", x), ag_item(ag_grad(x)), 1e-12);
    assert_close(gradient_in(text, "computed", c), ag_item(ag_grad(c)), 1e-12);
    ag_zero_grad(c);
    ag_backward(y2);
    assert_close(gradient_in(text, "changed", x), ag_item(ag_grad(x2)), 1e-12);
    assert_close(gradient_in(text, "changed", c), ag_item(ag_grad(c)), 1e-12);
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static void what_cannot_be_changed_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 }, .activation = NN_TANH });
    ag_tensor x = ag_name(ag_rand(t, AG_FLOAT, AG_SHAPE(5, 3), -1, 1), "x");
    ag_tensor l = ag_name(ag_mean(ag_square(nn_forward(m, x))), "</script>\"'loss");
    char *text = tried(l, "#test");
    assert_part(text, "\"fixed\":\"'x' is an array");
    assert_part(text, "\"inputs\":0");
    assert_part(text, "linear(x, 0.weight, 0.bias)");
    assert_part(text, "One route leads through arrays");
    free(text);
    text = tried(ag_erf(ag_variable(t, 0.5)), "#test");
    assert_part(text, "this page has no formula for the op 'erf'");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static void pages_need_nothing_else(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char directory[] = "/tmp/ag_page_XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/page.html", directory);
    assert_int_equal(ag_draw_html(g.d, path), AG_OK);
    const char *const text = text_of_file(path);
    assert_true(!strncmp(text, "<!DOCTYPE html>", 15) && strstr(text, "</html>\n"));
    assert_null(strstr(text, " src="));
    assert_null(strstr(text, "href="));
    assert_null(strstr(text, "@import"));
    assert_null(strstr(text, "fetch("));
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "\nDATA\n"));
    remove(path);
    rmdir(directory);
    ag_tape_free(g.t);
}

static void pages_that_cannot_be_written(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), v = ag_name(ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3)), x), "v");
    assert_int_equal(ag_draw_html(x, "/nonexistent/page.html"), AG_EFILE);
    expect_error(t, AG_EFILE,
                 "ag_draw_html: cannot write /nonexistent/page.html: No such file or directory; there is no directory "
                 "/nonexistent");
    assert_int_equal(ag_draw_html(x, "/dev/full"), AG_EFILE);
    expect_error(t, AG_EFILE, "ag_draw_html");
    assert_int_equal(ag_draw_html(v, "/dev/null"), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "'v' has shape [3]");
    assert_int_equal(ag_draw_html(x, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_draw_html");
    assert_int_equal(ag_draw_html(absent, "/dev/null"), AG_ENULL);
    assert_int_equal(ag_draw_html(stale_tensor(t), "/dev/null"), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_draw_html");
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lecture_graph_can_be_stepped_through),
        cmocka_unit_test(formulas_are_those_of_the_ops),
        cmocka_unit_test(what_cannot_be_changed_is_said),
        cmocka_unit_test(pages_need_nothing_else),
        cmocka_unit_test(pages_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
