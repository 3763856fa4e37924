/* 4.1. The sigmoid, as a table.
 *
 * Lecture 4: sigma(z) = 1 / (1 + e^-z), rounded there to four digits. Beside it the derivative, which backpropagation
 * multiplies by: the tape's, and sigma(z) (1 - sigma(z)), which needs no other exponential. It is 1/4 at most, so that
 * what goes back through many such layers fades. */
#include "nn/nn.h"

enum { ROWS = 9, POINTS = 201 };

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor z = ag_require_grad(ag_linspace(t, AG_F64, -2, 2, ROWS)), a = ag_sigmoid(z);
    ag_backward(ag_sum(a)); /* each element depends on its own z alone */
    printf("    z  sigma(z)            sigma'(z), the tape  sigma (1 - sigma)\n");
    for (int i = 0; i < ROWS; i++) {
        double s = ag_item_at(a, i);
        printf("%5.1f  %-18.15g  %-19.15g  %.15g\n", ag_item_at(z, i), s, ag_item_at(ag_grad(z), i), s * (1 - s));
    }
    ag_tensor x = ag_linspace(t, AG_F64, -6, 6, POINTS), y = ag_sigmoid(x), slope = ag_mul(y, ag_scalar_sub(1, y));
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "The sigmoid and its derivative", "z", NULL);
    nn_plot_curve_at(p, "sigma(z)", ag_data(x, AG_F64), ag_data(y, AG_F64), POINTS);
    nn_plot_curve_at(p, "sigma'(z)", ag_data(x, AG_F64), ag_data(slope, AG_F64), POINTS);
    nn_plot_save(p, "out/4_mlp/01_sigmoid_table.png");
    ag_tensor one = ag_name(ag_variable(t, 0.5), "z"); /* op by op, with a z that can be changed */
    ag_draw_html(ag_name(ag_scalar_div(1, ag_add_scalar(ag_exp(ag_neg(one)), 1)), "sigma(z)"),
                 "out/4_mlp/01_sigmoid_table.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
