/* 0.4. Activations.
 *
 * Lecture 0: what stands between the layers.
 *
 *     ReLU        max(z, 0)               its derivative is 0 or 1
 *     leaky ReLU  z, for z < 0: 0.01 z    never 0, so that no unit dies
 *     sigmoid     1 / (1 + exp(-z))       a (1 - a), at most 1/4, and next to 0 far from z = 0
 *     softplus    ln(1 + exp(z))          the sigmoid: a ReLU without its kink
 *
 * At the kink, z = 0, the derivative of ReLU counts as 0 here, and that of the leaky one as its slope. The local
 * derivatives below are those that a backward pass would multiply. */
#include "nn/nn.h"

enum { KINDS = 4, CURVE = 241 };
static const char *const names[KINDS] = { "ReLU", "leaky ReLU", "sigmoid", "softplus" };

static ag_tensor activation(int kind, ag_tensor z)
{
    switch (kind) {
    case 0:
        return ag_relu(z);
    case 1:
        return ag_leaky_relu(z, 0.01);
    case 2:
        return ag_sigmoid(z);
    default:
        return ag_softplus(z);
    }
}

static void print_table(ag_tape *t, int kind)
{
    printf("%-10s   z      value                 derivative\n", names[kind]);
    for (double z = -2; z <= 2; z += 1) {
        ag_tensor x = ag_variable(t, z), y = activation(kind, x);
        printf("%10s %4g  %21.16g %21.16g\n", names[kind], z, ag_item(y), ag_item(ag_local(y, x)));
    }
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    for (int kind = 0; kind < KINDS; kind++)
        print_table(t, kind);

    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    ag_tensor z = ag_require_grad(ag_linspace(t, AG_F64, -4, 4, CURVE));
    for (int kind = 0; kind < KINDS; kind++) {
        ag_tensor y = activation(kind, z);
        nn_plot_panel(p, "Activations", "z", "value");
        nn_plot_axes(p, (nn_plot_axes_config){ .y = { -0.5, 3 } });
        nn_plot_curve_at(p, names[kind], ag_data(z, AG_F64), ag_data(y, AG_F64), CURVE);
        nn_plot_panel(p, "Their derivatives", "z", "derivative");
        nn_plot_axes(p, (nn_plot_axes_config){ .y = { -0.05, 1.1 } });
        nn_plot_curve_at(p, names[kind], ag_data(z, AG_F64), ag_data(ag_local(y, z), AG_F64), CURVE);
    }
    nn_plot_save(p, "out/0_perceptron/04_activations.png");

    /* As a graph in which z can be changed */
    ag_tensor one = ag_name(ag_variable(t, 1), "z"), sum = ag_name(activation(0, one), names[0]);
    for (int kind = 1; kind < KINDS; kind++)
        sum = ag_add(sum, ag_name(activation(kind, one), names[kind]));
    ag_draw_html(ag_name(sum, "all four"), "out/0_perceptron/04_activations.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
