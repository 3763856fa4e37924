/* Graphs explained: values, the steps of the backward pass. */
#include "explain.h"
#include <locale.h>

static void the_lecture_graph_is_explained(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char *text = PRINTED(AG_OK, ag_explain(g.d, to));
    assert_string_equal(
        text, "Forward, 4 nodes\n"
              "  a = 4  (variable)\n"
              "  b = 3  (variable)\n"
              "  c = add(a, b) = 7\n"
              "  d = mul(a, c) = 28\n"
              "Backward: upstream x local derivative = contribution, accumulated into the operand's gradient\n"
              "  d, mul: dd/dd = 1\n"
              "    a: 1 x 7 = 7, accumulated into dd/da: 0 + 7 = 7\n"
              "    c: 1 x 4 = 4, accumulated into dd/dc: 0 + 4 = 4\n"
              "  c, add: dd/dc = 4\n"
              "    a: 4 x 1 = 4, accumulated into dd/da: 7 + 4 = 11\n"
              "    b: 4 x 1 = 4, accumulated into dd/db: 0 + 4 = 4\n"
              "Gradients\n"
              "  dd/da = 11\n"
              "  dd/db = 4\n"
              "  dd/dc = 4\n"
              "  dd/dd = 1\n");
    assert_item(ag_grad(g.a), 0); /* the pass is one of its own */
    ag_backward(g.d);
    char *again = PRINTED(AG_OK, ag_explain(g.d, to));
    assert_string_equal(text, again);
    assert_item(ag_grad(g.a), 11);
    free(text);
    free(again);
    expect_fine(g.t);
    ag_tape_free(g.t);
}

static void what_is_not_differentiated_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    char *text = PRINTED(AG_OK, ag_explain(ag_name(ag_variable(t, 2), "x"), to));
    assert_part(text, "x = 2  (variable)\n");
    assert_part(text, "dx/dx = 1\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain(ag_square(ag_constant(t, 3)), to));
    assert_part(text, "square(%");
    assert_part(text, "no gradient flows");
    free(text);
    text = PRINTED(AG_OK, ag_explain(ag_mul(ag_constant(t, 3), ag_name(ag_variable(t, 5), "an odd/name")), to));
    assert_null(strstr(text, "into d(%1)")); /* a constant receives nothing */
    assert_part(text, "/d(an odd/name) = 3\n");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static ag_tensor mlp_loss(ag_tape *t, nn_module **m)
{
    *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 }, .activation = NN_TANH });
    ag_tensor x = ag_name(ag_rand(t, AG_FLOAT, AG_SHAPE(5, 3), -1, 1), "x");
    return ag_name(ag_mean(ag_square(nn_forward(*m, x))), "loss");
}

/* The number that follows a text, from the last place where it stands. */
static double number_after(const char *text, const char *before)
{
    const char *at = NULL;
    for (const char *next = strstr(text, before); next; next = strstr(next + 1, before))
        at = next;
    if (!at)
        print_error("no '%s' in:\n%s\n", before, text);
    assert_non_null(at);
    return strtod(at + strlen(before), NULL);
}

static double norm_of(ag_tensor x)
{
    return sqrt(ag_item(ag_sum(ag_square(ag_detach(x)))));
}

static void modules_are_explained_by_shapes_and_norms(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        nn_module *m;
        ag_tape *t = tape_with((ag_options){ .dtype = kind ? AG_F32 : AG_F64, .seed = 3 });
        ag_tensor l = mlp_loss(t, &m), w = nn_find(m, "0.weight");
        char *text = PRINTED(AG_OK, ag_explain(l, to));
        ag_backward(l);
        char *again = PRINTED(AG_OK, ag_explain(l, to));
        assert_string_equal(text, again);
        assert_part(text, kind ? "x = f32[5,3] of norm " : "x = f64[5,3] of norm ");
        assert_part(text, "x the derivative of tanh = ");
        const double norm = number_after(text, kind ? "d(loss)/d(0.weight) = f32[4,3] of norm "
                                                    : "d(loss)/d(0.weight) = f64[4,3] of norm ");
        assert_close(norm, norm_of(ag_grad(w)), kind ? 1e-5 : 1e-9);
        free(text);
        free(again);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void gradients_are_those_of_the_tape(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 2, 1, 1, 3), "w"), x = ag_name(ag_variable(t, 0.7), "x");
    ag_eigen values = ag_eigh(w); /* an op of two outputs */
    ag_tensor s = ag_sum(ag_mul(values.eigenvalues, ag_sum_over(values.eigenvectors, AG_AXES(0), 0)));
    ag_tensor y = ag_name(ag_add(ag_mul(ag_clamp(x, 0, 2), s), ag_mul(ag_relu(ag_neg(x)), x)), "y");
    ag_backward(y);
    char *text = PRINTED(AG_OK, ag_explain(y, to));
    assert_close(number_after(text, "dy/dx = "), ag_item(ag_grad(x)), 1e-9);
    assert_close(number_after(text, "dy/dw = f64[2,2] of norm "), norm_of(ag_grad(w)), 1e-9);
    assert_part(text, " = output 2 of %");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static void large_graphs_are_cut_with_a_note(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_variable(t, 0.5), "x"), y = x;
    for (int i = 0; i < 1500; i++)
        y = ag_mul(ag_sin(y), x);
    ag_backward(ag_name(y, "y"));
    char *text = PRINTED(AG_OK, ag_explain(y, to));
    assert_part(text, "... and 2501 more nodes");
    assert_part(text, "... and 4000 more steps");
    assert_close(number_after(text, "dy/dx = "), ag_item(ag_grad(x)), 1e-9);
    free(text);
    text = PRINTED(AG_OK, ag_explain_json(y, to));
    assert_json(text);
    assert_part(text, "\"limited\":true");
    assert_part(text, "\"node_count\":3001");
    assert_part(text, "\"step_count\":4500");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- JSON */

static void json_reads_back(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char *text = PRINTED(AG_OK, ag_explain_json(g.d, to));
    assert_json(text);
    assert_part(text, "\"op\":\"mul\"");
    assert_part(text, "\"upstream\":4,\"local\":1,\"contribution\":4,\"before\":7,\"after\":11}");
    assert_part(text, "{\"node\":1,\"value\":11}");
    assert_part(text, "\"limited\":false");
    free(text);
    const double third = 1.0 / 3, awkward = 0x1.fffffffffffffp-1022;
    ag_tensor y = ag_add(ag_mul(ag_variable(g.t, third), ag_constant(g.t, awkward)), ag_add_scalar(g.a, 0.1));
    text = PRINTED(AG_OK, ag_explain_json(y, to));
    assert_json(text);
    assert_true(number_after(text, "\"name\":\"\",\"op\":\"variable\",\"dtype\":\"f64\",\"shape\":[],\"value\":") ==
                third);
    assert_true(number_after(text, "\"name\":\"\",\"op\":\"constant\",\"dtype\":\"f64\",\"shape\":[],\"value\":") ==
                awkward);
    assert_true(number_after(text, "\"c\":") == 0.1);
    free(text);
    ag_tape_free(g.t);
}

static void json_is_valid_whatever_there_is(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x =
        ag_name(ag_variable(t, INFINITY), "quo\"te\\d </script> \n\x01 \xff\xc3 \xf0\x9f\x90\x88 \xed\xa0\x80");
    ag_tensor n = ag_name(AG_VALUES(t, AG_SHAPE(3), NAN, -INFINITY, 1), "\xce\xbb");
    ag_tensor i = ag_param(AG_VALUES(t, AG_SHAPE(2, 0), 0), "empty");
    assert_true(is_inert(i, t));
    ag_error_clear(t);
    i = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), "empty");
    ag_tensor k = ag_from(t, AG_I64, AG_SCALAR, &(int64_t){ INT64_MIN }, 8);
    ag_tensor y = ag_add(ag_mul(ag_exp(ag_neg(x)), ag_sum(n)), ag_add(ag_sum(i), ag_cast(k, AG_F64)));
    char *text = PRINTED(AG_OK, ag_explain_json(y, to));
    assert_json(text);
    assert_part(text, "\"quo\\u0022te\\u005cd \\u003c/script\\u003e \\u000a\\u0001 \\ufffd\\ufffd \xf0\x9f\x90\x88 "
                      "\\ufffd\\ufffd\\ufffd\"");
    assert_part(text, "\"\xce\xbb\"");
    assert_part(text, "\"value\":\"Infinity\"");
    assert_part(text, "\"values\":[\"NaN\",\"-Infinity\",1]");
    assert_part(text, "\"value\":-9223372036854775808");
    free(text);
    ag_tape_free(t);
}

static void numbers_of_json_have_a_point_in_every_locale(void **state)
{
    (void)state;
    const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8" };
    const char *found = NULL;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 0.5), y = ag_mul_scalar(x, -1.5e-9);
    for (size_t i = 0; i < ARRAY_SIZE(names) && !found; i++)
        found = setlocale(LC_ALL, names[i]);
    if (!found)
        printf("skip: there is no locale with a comma\n");
    char *text = PRINTED(AG_OK, ag_explain_json(y, to));
    setlocale(LC_ALL, "C");
    assert_json(text);
    assert_part(text, "\"value\":0.5,");
    assert_part(text, "\"local\":-1.5");
    free(text);
    ag_tape_free(t);
}

/* ---- misuse */

static void what_cannot_be_explained_is_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), v = ag_name(ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3)), x), "v");
    ag_status (*const functions[])(ag_tensor, FILE *) = { ag_explain, ag_explain_json };
    const char *const names[] = { "ag_explain: ", "ag_explain_json: " };
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        free(PRINTED(AG_ESHAPE, functions[i](v, to)));
        expect_error(t, AG_ESHAPE, "'v' has shape [3], not one element");
        FILE *full = fopen("/dev/full", "w");
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(functions[i](x, full), AG_EFILE);
        fclose(full);
        expect_error(t, AG_EFILE, names[i]);
        assert_int_equal(functions[i](x, NULL), AG_ENULL);
        expect_error(t, AG_ENULL, names[i]);
        assert_int_equal(functions[i](absent, stderr), AG_ENULL);
        assert_int_equal(functions[i](stale_tensor(t), stderr), AG_ESTALE);
        expect_error(t, AG_ESTALE, names[i]);
        ag_fail(t, AG_EARG, "pending"); /* rules are not run then */
        free(PRINTED(AG_EARG, functions[i](x, to)));
        expect_error(t, AG_EARG, "pending");
    }
    assert_usable(t);
    ag_tape_free(t);
}

static void broken_rule(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)dy, (void)dx;
    ag_call_fail(c, AG_EVALUE, "the rule does not like it");
}
static double same(const double *x, const void *params)
{
    (void)params;
    return *x;
}

static void a_rule_that_fails_fails_the_explanation(void **state)
{
    (void)state;
    static const ag_op op = { .name = "broken", .inputs = 1, .map = same, .vjp = broken_rule };
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), y = ag_square(ag_apply(&op, AG_LIST(x), NULL));
    free(PRINTED(AG_EVALUE, ag_explain(y, to)));
    expect_error(t, AG_EVALUE, "does not like it");
    free(PRINTED(AG_EVALUE, ag_explain_json(y, to)));
    expect_error(t, AG_EVALUE, "does not like it");
    free(PRINTED(AG_EVALUE, ag_explain_routes(y, x, to)));
    expect_error(t, AG_EVALUE, "does not like it");
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lecture_graph_is_explained),
        cmocka_unit_test(what_is_not_differentiated_is_said),
        cmocka_unit_test(modules_are_explained_by_shapes_and_norms),
        cmocka_unit_test(gradients_are_those_of_the_tape),
        cmocka_unit_test(large_graphs_are_cut_with_a_note),
        cmocka_unit_test(json_reads_back),
        cmocka_unit_test(json_is_valid_whatever_there_is),
        cmocka_unit_test(numbers_of_json_have_a_point_in_every_locale),
        cmocka_unit_test(what_cannot_be_explained_is_refused),
        cmocka_unit_test(a_rule_that_fails_fails_the_explanation),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
