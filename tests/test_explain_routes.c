/* Routes between two tensors: multiply the edges of a route, add the routes. */
#include "explain.h"

static void both_routes_of_the_lecture_graph(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char *text = PRINTED(AG_OK, ag_explain_routes(g.d, g.a, to));
    assert_string_equal(text, "Routes from a to d: 2; multiply the edges of a route, add the routes\n"
                              "  1. d <- a: 7\n"
                              "  2. d <- c <- a: 4 x 1 = 4\n"
                              "dd/da = 7 + 4 = 11\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_routes(g.d, g.b, to));
    assert_part(text, "  1. d <- c <- b: 4 x 1 = 4\ndd/db = 4\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_routes(g.d, g.c, to));
    assert_part(text, "  1. d <- c: 4\ndd/dc = 4\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_routes(g.d, g.d, to));
    assert_part(text, "  1. d: 1\ndd/dd = 1\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element_json(g.d, 0, g.a, 0, to));
    assert_json(text);
    assert_part(text, "\"derivative\":11,\n\"count\":2,");
    assert_part(
        text, "{\"product\":4,\"edges\":[{\"to\":3,\"element\":0,\"local\":4},{\"to\":1,\"element\":0,\"local\":1}]}");
    free(text);
    assert_item(ag_grad(g.a), 0);
    expect_fine(g.t);
    ag_tape_free(g.t);
}

static void an_operand_used_twice_is_two_routes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_variable(t, 3), "x"), y = ag_name(ag_mul(x, x), "y");
    char *text = PRINTED(AG_OK, ag_explain_routes(y, x, to));
    assert_part(text, "  1. y <- x: 3\n  2. y <- x: 3\ndy/dx = 3 + 3 = 6\n");
    free(text);
    ag_tensor z = ag_name(ag_mul(ag_relu(ag_neg(x)), x), "z"); /* a dead unit is a route of 0 */
    text = PRINTED(AG_OK, ag_explain_routes(z, x, to));
    assert_part(text, ": 3 x 0 x -1 = ");
    free(text);
    ag_tape_free(t);
}

/* Every layer doubles their number: they are counted, not walked. */
static void routes_beyond_counting_are_counted(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_variable(t, 1), "x"), y = x, mark = x;
    for (int i = 1; i <= 100; i++) {
        y = ag_mul_scalar(ag_add(y, y), 0.5);
        if (i == 60)
            mark = ag_name(y, "sixty");
    }
    ag_name(y, "y");
    char *text = PRINTED(AG_OK, ag_explain_routes(mark, x, to));
    assert_part(text, "Routes from x to sixty: 1152921504606846976;"); /* 2^60 */
    assert_part(text, "  50. sixty <- ");
    assert_null(strstr(text, "  51. "));
    assert_part(text, "... and 1152921504606846926 more, which are in the sum but not shown\n");
    assert_part(text, "dsixty/dx = 1\n");
    assert_part(text, " <- ... <- ");
    free(text);
    text = PRINTED(AG_OK, ag_explain_routes(y, x, to));
    assert_part(text, "more than 18446744073709551614");
    assert_part(text, "dy/dx = 1\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element_json(mark, 0, x, 0, to));
    assert_json(text);
    assert_part(text, "\"count\":\"1152921504606846976\"");
    assert_part(text, "\"limited\":true");
    free(text);
    ag_tape_free(t);
}

static void elements_of_arrays_have_routes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), "w");
    ag_tensor x = ag_name(ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0.5, -1, 2)), "x");
    ag_tensor v = ag_param(AG_VALUES(t, AG_SHAPE(2), 10, 100), "v");
    ag_tensor h = ag_name(ag_matmul(w, x), "h"), y = ag_name(ag_dot(v, ag_square(h)), "y");
    char *text = PRINTED(AG_OK, ag_explain_element(y, 0, x, 1, to));
    /* h = (4.5, 9): v_0 2 h_0 w_01 + v_1 2 h_1 w_11 */
    assert_part(text, "Routes from x[1] to y: 2;");
    assert_part(text, "<- h[0] <- x[1]: 10 x 9 x 2 = 180\n");
    assert_part(text, "<- h[1] <- x[1]: 100 x 18 x 5 = 9000\n");
    assert_part(text, "dy/dx[1] = 180 + 9000 = 9180\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element(y, 0, w, 5, to));
    assert_part(text, "dy/dw[1,2] = 3600\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element(h, 1, w, 0, to)); /* another row */
    assert_part(text, "Routes from w[0,0] to h[1]: 0;");
    assert_part(text, "dh[1]/dw[0,0] = 0\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element_json(y, 0, w, 5, to));
    assert_json(text);
    assert_part(text, "\"derivative\":3600");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

/* Random elements of an MLP's weights: the routes' sum is the gradient. */
static void routes_add_to_the_gradient(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 3, 2 }, .activation = NN_SIGMOID });
    ag_tensor x = ag_rand(t, AG_FLOAT, AG_SHAPE(2, 3), -1, 1);
    ag_tensor l =
        ag_name(ag_cross_entropy(nn_forward(m, x), ag_from(t, AG_I64, AG_SHAPE(2), (int64_t[]){ 0, 1 }, 16)), "l");
    ag_backward(l);
    ag_list p = nn_params(m);
    for (size_t k = 0; k < p.count; k++) {
        char *text = PRINTED(AG_OK, ag_explain_element(l, 0, p.at[k], 1, to));
        const char *last = strrchr(text, '=');
        assert_close(strtod(last + 1, NULL), ag_item_at(ag_grad(p.at[k]), 1), 1e-8);
        free(text);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void too_many_elements_give_the_derivative_alone(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_variable(t, 2), "x"), ones = ag_ones(t, AG_F64, AG_SHAPE(5000));
    ag_tensor y = ag_name(ag_mean(ag_square(ag_mul(ones, x))), "y");
    char *text = PRINTED(AG_OK, ag_explain_routes(y, x, to));
    assert_part(text,
                "not listed: between them lie more than 4096 elements, 65536 edges, or arrays that are too large\n");
    assert_part(text, "dy/dx = 4\n");
    free(text);
    text = PRINTED(AG_OK, ag_explain_element_json(y, 0, x, 0, to));
    assert_json(text);
    assert_part(text, "\"limited\":true");
    free(text);
    ag_tensor w = ag_name(ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(1000, 1000))), "w"); /* few routes, much work */
    ag_tensor s = ag_name(ag_sum(ag_matmul(ag_ones(t, AG_F64, AG_SHAPE(3, 1000)), w)), "s");
    text = PRINTED(AG_OK, ag_explain_element(s, 0, w, 5, to));
    assert_part(text, "not listed: ");
    assert_part(text, "ds/dw[0,5] = 3\n");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static ag_tensor refuse_to_be_called(ag_tensor dy, void *user)
{
    (void)dy;
    (void)user;
    fail_msg("a hook is called");
    return absent;
}

static void no_hook_is_called_for_routes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int64_t size = 5; size <= 5000; size *= 1000) { /* listed, and too many */
        ag_tensor p = ag_param(ag_full(t, AG_F64, AG_SHAPE(size), 3), "p"), h = ag_square(p);
        ag_tensor y = ag_name(ag_mul(h, ag_sum(h)), "y");
        ag_hook(p, refuse_to_be_called, NULL);
        ag_hook(h, refuse_to_be_called, NULL);
        char *text = PRINTED(AG_OK, ag_explain_element(y, 1, p, 1, to));
        const double last = strtod(strrchr(text, '=') + 1, NULL);
        assert_close(last, 6 * 9 * (double)size + 9 * 6, 1e-8);
        free(text);
        text = PRINTED(AG_OK, ag_explain_element(y, 2, p, 1, to));
        assert_close(strtod(strrchr(text, '=') + 1, NULL), 9 * 6, 1e-8);
        free(text);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void what_has_no_routes_is_refused(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    ag_tape *t = g.t, *other = new_tape();
    ag_tensor k = ag_name(ag_constant(t, 2), "k"), y = ag_name(ag_mul(g.d, k), "y");
    ag_tensor v = ag_name(ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3)), g.a), "v");
    free(PRINTED(AG_EARG, ag_explain_routes(g.a, g.d, to)));
    expect_error(t, AG_EARG, "ag_explain_routes: no route leads from 'd' to 'a'");
    free(PRINTED(AG_EARG, ag_explain_routes(y, k, to)));
    expect_error(t, AG_EARG, "no route leads from 'k' to 'y': it wants no gradient");
    free(PRINTED(AG_EARG, ag_explain_routes(ag_square(ag_detach(g.d)), g.a, to)));
    expect_error(t, AG_EARG, "no route leads from 'a'");
    free(PRINTED(AG_ESHAPE, ag_explain_routes(v, g.a, to)));
    expect_error(t, AG_ESHAPE, "y has shape [3], not one element; ag_explain_element takes one");
    free(PRINTED(AG_ESHAPE, ag_explain_routes(ag_sum(v), v, to)));
    expect_error(t, AG_ESHAPE, "x has shape [3]");
    free(PRINTED(AG_EARG, ag_explain_element(v, 3, g.a, 0, to)));
    expect_error(t, AG_EARG, "element 3 of y is not there, whose shape is [3]");
    free(PRINTED(AG_EARG, ag_explain_element(v, 0, g.a, -1, to)));
    expect_error(t, AG_EARG, "element -1 of x");
    free(PRINTED(AG_EUSE, ag_explain_routes(y, ag_variable(other, 1), to)));
    expect_error(t, AG_EUSE, "ag_explain_routes");
    free(PRINTED(AG_ENULL, ag_explain_routes(y, absent, to)));
    expect_error(t, AG_ENULL, "ag_explain_routes");
    assert_int_equal(ag_explain_routes(y, g.a, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_explain_routes");
    free(PRINTED(AG_ESTALE, ag_explain_element_json(y, 0, stale_tensor(t), 0, to)));
    expect_error(t, AG_ESTALE, "ag_explain_element_json");
    assert_usable(t);
    ag_tape_free(t);
    ag_tape_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_routes_of_the_lecture_graph),
        cmocka_unit_test(an_operand_used_twice_is_two_routes),
        cmocka_unit_test(routes_beyond_counting_are_counted),
        cmocka_unit_test(elements_of_arrays_have_routes),
        cmocka_unit_test(routes_add_to_the_gradient),
        cmocka_unit_test(too_many_elements_give_the_derivative_alone),
        cmocka_unit_test(no_hook_is_called_for_routes),
        cmocka_unit_test(what_has_no_routes_is_refused),
    };
    return cmocka_run_group_tests_name("explain_routes", tests, NULL, NULL);
}
