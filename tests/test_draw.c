/* Graphs as pictures: what stands in the digraph, and the files that Graphviz makes of it. */
#include "explain.h"

static void values_derivatives_and_gradients_are_drawn(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 }); /* keeps no gradient: the pass is the drawing's own */
    char *text = PRINTED(AG_OK, ag_draw(g.d, to));
    assert_part(text, "label=\"a\\n4\\ngradient 11\"];");
    assert_part(text, "label=\"c = add\\n7\\ngradient 4\"];");
    assert_part(text, "n1 -> n4 [label=\" 7\"];");
    assert_part(text, "n3 -> n4 [label=\" 4\"];");
    assert_part(text, "local derivative");
    assert_null(strstr(text, "subgraph"));
    free(text);
    assert_item(ag_grad(g.a), 0);
    ag_tensor y = ag_name(ag_mul(g.d, ag_name(ag_constant(g.t, 2), "k")), "y");
    text = PRINTED(AG_OK, ag_draw(y, to));
    assert_part(text, "label=\"k\\n2\"];");
    free(text);
    ag_tape_free(g.t);
}

static void modules_are_boxes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module whole, *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 }, .activation = NN_RELU });
    nn_init(&whole, t, "whole", NULL);
    nn_child(&whole, m, "net");
    ag_tensor x = ag_name(ag_rand(t, AG_FLOAT, AG_SHAPE(5, 3), -1, 1), "x");
    ag_tensor l = ag_name(ag_mean(ag_square(nn_forward(m, x))), "loss");
    char *text = PRINTED(AG_OK, ag_draw(l, to));
    assert_part(text, "subgraph \"cluster_net\"");
    assert_part(text, "subgraph \"cluster_net.0\"");
    const char *first = strstr(text, "subgraph \"cluster_net.0\""),
               *second = strstr(text, "subgraph \"cluster_net.2\"");
    assert_non_null(second);
    assert_true(first < second && first < strstr(text, "= linear\\n[5,4] norm ") && strstr(first, "= linear") < second);
    assert_part(text, "net.0.weight\\n[4,3] norm ");
    assert_part(text, "\\ngradient norm ");
    int depth = 0;
    for (const char *at = text; *at; at++) {
        depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
        assert_true(depth >= (at > text + 50 && strlen(at) > 2));
    }
    assert_int_equal(depth, 0);
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

static void what_has_no_pass_is_drawn_without_one(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32 });
    ag_tensor w = ag_param(ag_ones(t, AG_F32, AG_SHAPE(2, 2)), "w"), y = ag_mul(w, w);
    char *text = PRINTED(AG_OK, ag_draw(y, to));
    assert_part(text, "f32[2,2] norm 2");
    free(text);
    ag_tensor v = ag_param(ag_constant(t, 3), "v"), z = ag_mul(ag_cast(v, AG_F64), v);
    ag_backward(z);
    ag_assign(v, ag_constant(t, 5)); /* a pass would need the value of before */
    text = PRINTED(AG_OK, ag_draw(z, to));
    assert_part(text, "\\ngradient 6\"];");
    free(text);
    ag_fail(t, AG_EARG, "pending");
    free(PRINTED(AG_EARG, ag_draw(y, to)));
    expect_error(t, AG_EARG, "pending");
    ag_tape_free(t);
}

static ag_status same_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y->shape = x->shape;
    y->dtype = x->dtype;
    return AG_OK;
}

static ag_status copy_number(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    memcpy(y->data, x->data, sizeof(double));
    return AG_OK;
}

static void names_end_no_label(void **state)
{
    (void)state;
    static const ag_op odd = {
        .name = "my \"op\" \\", .formula = "x", .inputs = 1, .shape = same_shape, .forward = copy_number
    };
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_constant(t, 2), "\"; evil [label=\""), y = ag_apply(&odd, AG_LIST(x), NULL);
    char *text = PRINTED(AG_OK, ag_draw(y, to));
    assert_part(text, "label=\"\\\"; evil [label=\\\"\\n2\"];");
    assert_part(text, " = my \\\"op\\\" \\\\\\n2\"];");
    free(text);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- files */

static bool has_dot(void)
{
    return !system("command -v dot >/dev/null 2>&1");
}

static void check_file(ag_tensor y, const char *directory, const char *name, const char *magic)
{
    char path[96], head[16] = "";
    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(ag_draw_file(y, path), AG_OK);
    FILE *from = fopen(path, "rb");
    assert_non_null(from);
    assert_true(fread(head, 1, strlen(magic), from) == strlen(magic));
    fclose(from);
    assert_memory_equal(head, magic, strlen(magic));
    remove(path);
}

static void files_are_what_their_names_say(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    char directory[] = "/tmp/ag_draw_XXXXXX", path[96];
    assert_non_null(mkdtemp(directory));
    check_file(g.d, directory, "graph.dot", "digraph");
    if (has_dot()) {
        check_file(g.d, directory, "graph.svg", "<?xml");
        check_file(g.d, directory, "graph.png", "\x89PNG");
        check_file(g.d, directory, "-o strange $(name).pdf", "%PDF");
        snprintf(path, sizeof path, "%s/none/graph.png", directory);
        assert_int_equal(ag_draw_file(g.d, path), AG_EFILE);
        expect_error(g.t, AG_EFILE, "Graphviz's dot could not write");
    } else {
        print_message("there is no dot (make setup installs it)\n");
    }
    rmdir(directory);
    expect_fine(g.t);
    ag_tape_free(g.t);
}

static void what_cannot_be_drawn_is_refused(void **state)
{
    (void)state;
    lecture g = new_lecture((ag_options){ 0 });
    ag_tape *t = g.t;
    assert_int_equal(ag_draw_file(g.d, "/tmp/graph.jpeg"), AG_EARG);
    expect_error(t, AG_EARG, "/tmp/graph.jpeg ends in none of .svg, .png, .pdf and .dot");
    assert_int_equal(ag_draw_file(g.d, "graph"), AG_EARG);
    expect_error(t, AG_EARG, "ag_draw_file");
    assert_int_equal(ag_draw_file(g.d, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_draw_file");
    assert_int_equal(ag_draw_file(g.d, "/nonexistent/graph.dot"), AG_EFILE);
    expect_error(t, AG_EFILE,
                 "cannot write /nonexistent/graph.dot: No such file or directory; there is no directory /nonexistent");
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(ag_draw_file(g.d, "/tmp/graph.svg"), AG_EFILE);
    expect_error(t, AG_EFILE, "cannot run Graphviz's dot (package graphviz)");
    setenv("PATH", path, 1);
    free(path);
    ag_tensor x = g.a;
    for (int i = 0; i < 2100; i++)
        x = ag_sin(x);
    assert_int_equal(ag_draw_file(x, "/tmp/graph.svg"), AG_ELIMIT);
    expect_error(t, AG_ELIMIT, "ag_draw_file: the graph has 2101 nodes");
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_derivatives_and_gradients_are_drawn),
        cmocka_unit_test(modules_are_boxes),
        cmocka_unit_test(what_has_no_pass_is_drawn_without_one),
        cmocka_unit_test(names_end_no_label),
        cmocka_unit_test(files_are_what_their_names_say),
        cmocka_unit_test(what_cannot_be_drawn_is_refused),
    };
    return cmocka_run_group_tests_name("draw", tests, NULL, NULL);
}
