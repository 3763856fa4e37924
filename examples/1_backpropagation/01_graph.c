/* 1.1. A graph: values, local derivatives, gradients.
 *
 * Every op leaves a node on the tape: its value, its operands, and the derivative of the value by each operand, the
 * local derivative. ag_backward(d) walks the nodes from the last to the first and multiplies local derivatives along
 * every route from d to a leaf. What arrives over several routes is added: here
 *
 *     c = a + b,  d = a c,  a = 4, b = 3:   dd/da = 7 (directly) + 4 * 1 (through c) = 11. */
#include "ag/ag.h"
#include <sys/stat.h>

static void print_gradients(const char *title, ag_tensor a, ag_tensor b, ag_tensor c, ag_tensor d)
{
    printf("%s: dd/dd = %g  dd/dc = %g  dd/db = %g  dd/da = %g\n", title, ag_item(ag_grad(d)), ag_item(ag_grad(c)),
           ag_item(ag_grad(b)), ag_item(ag_grad(a)));
}

int main(void)
{
    /* keep_grads: of c and d too. Otherwise the gradients of leaves alone are kept. */
    ag_tape *t = ag_tape_new((ag_options){ .keep_grads = true });
    ag_tensor a = ag_name(ag_variable(t, 4), "a"), b = ag_name(ag_variable(t, 3), "b");
    ag_tensor c = ag_name(ag_add(a, b), "c"), d = ag_name(ag_mul(a, c), "d");
    printf("c = a + b = %g, d = a c = %g\n", ag_item(c), ag_item(d));

    ag_backward(d);
    printf("local derivatives: dc/da = %g  dc/db = %g  dd/da = %g  dd/dc = %g\n", ag_item(ag_local(c, a)),
           ag_item(ag_local(c, b)), ag_item(ag_local(d, a)), ag_item(ag_local(d, c)));
    print_gradients("gradients", a, b, c, d);
    double direct = ag_item(ag_local(d, a)), through_c = ag_item(ag_local(d, c)) * ag_item(ag_local(c, a));
    printf("routes from d to a: directly %g, through c %g, together %g\n\n", direct, through_c, direct + through_c);

    ag_explain(d, stdout); /* the same, told step by step */
    ag_explain_routes(d, a, stdout);
    printf("\n");
    ag_print_graph(d, stdout);
    printf("\n");
    /* A picture, local derivatives on the edges, and a page that steps through both passes */
    mkdir("out", 0777);
    mkdir("out/1_backpropagation", 0777);
    ag_draw_file(d, "out/1_backpropagation/01_graph.png");
    ag_draw_html(d, "out/1_backpropagation/01_graph.html");

    /* The values are still there, so backward can run again. Gradients add up until ag_zero_grad or a reset. */
    ag_backward(d);
    print_gradients("after a second backward", a, b, c, d);

    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
