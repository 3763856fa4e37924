/* Names, printing, showing and drawing. */
#include "support.h"

/* What a function printed; the caller frees it. */
static char *printed(ag_status (*function)(ag_tensor x, FILE *to), ag_tensor x)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    ag_status s = function(x, to);
    fclose(to);
    assert_int_equal(s, AG_OK);
    return text;
}

static void expect_printed(ag_tensor x, const char *expected)
{
    char *text = printed(ag_print, x);
    assert_string_equal(text, expected);
    free(text);
}

static void tensors_print(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2.5, -3, 4, NAN, INFINITY);
    expect_printed(ag_constant(t, 0.1), "f64[] (constant) 0.1\n");
    expect_printed(ag_name(ag_variable(t, 3), "v"), "v f64[] (variable) 3\n");
    expect_printed(x, "f64[2,3] (constant) \n[[1, 2.5, -3],\n [4, nan, inf]]\n");
    expect_printed(ag_transpose(x, 0, 1), "f64[3,2] (transpose) \n[[1, 4],\n [2.5, nan],\n [-3, inf]]\n");
    expect_printed(ag_param(ag_cast(x, AG_F32), "net.w"),
                   "net.w f32[2,3] (parameter) \n[[1, 2.5, -3],\n [4, nan, inf]]\n");
    expect_printed(ag_zeros(t, AG_I64, AG_SHAPE(0)), "i64[0] (constant) []\n");
    expect_printed(ag_arange(t, AG_F64, 0, 5000, 1), "f64[5000] (constant) [0, 1, 2, ..., 4997, 4998, 4999]\n");
    char *text = printed(ag_print, ag_zeros(t, AG_U8, AG_SHAPE(3, 3, 3, 3, 3, 3)));
    assert_int_equal(strlen(text), strlen(ag_show(ag_zeros(t, AG_U8, AG_SHAPE(3, 3, 3, 3, 3, 3)))) + 1);
    free(text);
    text = printed(ag_print, ag_full(t, AG_F64, AG_SHAPE(999), -1.2345678e-100)); /* whole, and more than ag_show's */
    assert_non_null(strstr(text, "-1.2345678e-100]"));
    assert_true(strlen(text) > 15000);
    free(text);
    ag_tape_free(t);
}

static void integers_print_exactly(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const int64_t large[] = { INT64_MAX, INT64_MIN, ((int64_t)1 << 53) + 1, -1 };
    ag_tensor x = ag_from(t, AG_I64, AG_SHAPE(4), large, sizeof large);
    expect_printed(x, "i64[4] (constant) [9223372036854775807, -9223372036854775808, 9007199254740993, -1]\n");
    expect_printed(ag_full(t, AG_U8, AG_SCALAR, 255), "u8[] (constant) 255\n");
    expect_printed(ag_full(t, AG_I32, AG_SCALAR, INT32_MIN), "i32[] (constant) -2147483648\n");
    char *text = printed(ag_print_graph, ag_select(x, 0, 2));
    assert_non_null(strstr(text, "9007199254740993"));
    free(text);
    ag_tape_free(t);
}

/* No elements, but dimensions that would take for ever. */
static void empty_giants_print(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE((int64_t)1 << 40, 0)), y = ag_zeros(t, AG_F64, AG_SHAPE(5, 3, 0));
    char *text = printed(ag_print, x);
    assert_non_null(strstr(text, "f64[1099511627776,0]"));
    assert_true(strlen(text) < 200);
    free(text);
    text = printed(ag_print, y);
    assert_non_null(strstr(text, "f64[5,3,0]"));
    free(text);
    assert_non_null(strstr(ag_show(x), "f64[1099511627776,0]"));
    ag_tape_free(t);
}

static void showing_never_fails(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(AG_VALUES(t, AG_SHAPE(2), 1, 2), "x");
    assert_string_equal(ag_show(x), "x f64[2] (constant) [1, 2]");
    assert_non_null(strstr(ag_show(absent), "absent"));
    assert_non_null(strstr(ag_show(stale_tensor(t)), "stale"));
    ag_fail(t, AG_EARG, "why");
    assert_non_null(strstr(ag_show(inert(t)), "why"));
    assert_string_equal(ag_error_text(t), "why");
    ag_error_clear(t);
    assert_true(strlen(ag_show(ag_randn(t, AG_F64, AG_SHAPE(999), 0, 1))) > 1000);
    ag_tape_reset(t);
    assert_non_null(strstr(ag_show(x), "stale"));
    expect_fine(t);
    ag_tape_free(t);
}

static void names(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x[50], p = ag_param(ag_constant(t, 1), NULL);
    assert_string_equal(ag_name_of(p), "");
    assert_true(same_handle(ag_name(p, "p"), p));
    assert_string_equal(ag_name_of(p), "p");
    for (int i = 0; i < 50; i++)
        x[i] = i % 2 ? ag_variable(t, i) : ag_zeros(t, AG_U8, AG_SHAPE(2));
    for (int i = 49; i >= 0; i--) { /* not in the order of the tensors */
        char name[16];
        int k = i * 7 % 50;
        snprintf(name, sizeof name, "x%d", k);
        assert_true(same_handle(ag_name(x[k], name), x[k]));
    }
    assert_string_equal(ag_name_of(x[13]), "x13");
    ag_name(x[13], "renamed");
    assert_string_equal(ag_name_of(x[12]), "x12");
    assert_string_equal(ag_name_of(x[13]), "renamed");
    assert_string_equal(ag_name_of(x[14]), "x14");
    ag_name(x[13], NULL);
    assert_string_equal(ag_name_of(x[13]), "");
    assert_string_equal(ag_name_of(absent), "");
    assert_true(is_inert(ag_name(stale_tensor(t), "s"), t));
    expect_error(t, AG_ESTALE, "ag_name");
    ag_tape_reset(t);
    assert_string_equal(ag_name_of(ag_variable(t, 1)), "");
    assert_string_equal(ag_name_of(p), "p");
    ag_tape_free(t);
}

static void graphs_print(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .keep_grads = true });
    ag_tensor a = ag_name(ag_variable(t, 4), "a"), b = ag_name(ag_variable(t, 3), "b");
    ag_tensor unused = ag_name(ag_exp(a), "unused"), c = ag_name(ag_add(a, b), "c"), d = ag_name(ag_mul(a, c), "d");
    assert_true(ag_ok(unused));
    ag_backward(d);
    char *text = printed(ag_print_graph, d);
    assert_null(strstr(text, "unused"));
    assert_non_null(strstr(text, "a (7) c (4)"));
    assert_non_null(strstr(text, "a (1) b (1)"));
    free(text);
    ag_tensor w = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2, 2)), "quo\"te\\d");
    ag_tensor y = ag_sum(ag_concat(AG_LIST(w, w, ag_mul(w, d), ag_exp(w)), 0)), l = ag_mul(y, d);
    text = printed(ag_draw, l);
    assert_true(!strncmp(text, "digraph", 7) && text[strlen(text) - 2] == '}');
    assert_non_null(strstr(text, "quo\\\"te\\\\d"));
    assert_null(strstr(text, "unused"));
    free(text);
    free(printed(ag_print_graph, l));
    free(printed(ag_print_graph, w));
    free(printed(ag_draw, ag_constant(t, 1)));
    expect_fine(t);
    ag_tensor x = a;
    for (int i = 0; i < 3000; i++)
        x = ag_sin(x);
    FILE *null = fopen("/dev/null", "w");
    assert_int_equal(ag_draw(x, null), AG_ELIMIT);
    expect_error(t, AG_ELIMIT, "ag_draw");
    assert_int_equal(ag_print_graph(x, null), AG_OK);
    fclose(null);
    assert_usable(t);
    ag_tape_free(t);
}

static void files_that_cannot_be_written(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_square(ag_variable(t, 1)), big = ag_zeros(t, AG_F64, AG_SHAPE(999));
    ag_status (*const functions[])(ag_tensor, FILE *) = { ag_print, ag_print_graph, ag_draw };
    const char *const names[] = { "ag_print", "ag_print_graph", "ag_draw" };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(functions[i](x, full), AG_EFILE);
        expect_error(t, AG_EFILE, names[i]);
        fclose(full);
        assert_int_equal(functions[i](x, NULL), AG_ENULL);
        expect_error(t, AG_ENULL, names[i]);
        assert_int_equal(functions[i](absent, stderr), AG_ENULL);
        assert_int_equal(functions[i](inert(t), stderr), AG_ENULL);
        ag_error_clear(t);
        assert_int_equal(functions[i](stale_tensor(t), stderr), AG_ESTALE);
        expect_error(t, AG_ESTALE, names[i]);
    }
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(ag_print(big, full), AG_EFILE);
    expect_error(t, AG_EFILE, "ag_print");
    fclose(full);
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_print),
        cmocka_unit_test(integers_print_exactly),
        cmocka_unit_test(empty_giants_print),
        cmocka_unit_test(showing_never_fails),
        cmocka_unit_test(names),
        cmocka_unit_test(graphs_print),
        cmocka_unit_test(files_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
