/* 3.2. Three layers, and what each neuron sees.
 *
 * Lecture 3's MLP of three layers, two inputs, two hidden neurons and two outputs, with the weights printed there:
 *
 *     h = sigma(W1 x + b1),  W1 = [2.7 9.6; 13.6 11.7],  b1 = (-7.4, 8.0)
 *     z = W2 h + b2,         W2 = [-7.9 11.0; 7.9 -9.9], b2 = (1.8, 3.2)
 *
 * The lecture names no activation with them; the sigmoid is taken here, and softmax makes probabilities of z. A hidden
 * neuron is a step: 0 on one side of a line, 1 on the other. The outputs are sums of the two steps. */
#include "nn/nn.h"

static void map(nn_plot *p, const char *title, nn_module *m, int output)
{
    nn_plot_panel(p, title, "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -2, 2 }, .y = { -2, 2 }, .equal = true });
    nn_plot_map(p, m, output);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    nn_module *first = nn_linear(t, 2, 2, (nn_linear_config){ 0 }),
              *second = nn_linear(t, 2, 2, (nn_linear_config){ 0 });
    nn_module *hidden = NN_SEQUENTIAL(t, first, nn_activation(t, NN_SIGMOID)), *net = NN_SEQUENTIAL(t, hidden, second);
    ag_assign(nn_find(first, "weight"), AG_VALUES(t, AG_SHAPE(2, 2), 2.7, 9.6, 13.6, 11.7));
    ag_assign(nn_find(first, "bias"), AG_VALUES(t, AG_SHAPE(2), -7.4, 8.0));
    ag_assign(nn_find(second, "weight"), AG_VALUES(t, AG_SHAPE(2, 2), -7.9, 11.0, 7.9, -9.9));
    ag_assign(nn_find(second, "bias"), AG_VALUES(t, AG_SHAPE(2), 1.8, 3.2));

    ag_tensor x = AG_VALUES(t, AG_SHAPE(4, 2), 0, 0, 0, 1, 1, 0, -1, -1);
    ag_tensor h = nn_forward(hidden, x), z = ag_name(nn_forward(net, x), "z"), p = ag_name(ag_softmax(z, 1), "p");
    for (int i = 0; i < 8; i += 2)
        printf("x = (%g, %g): h = %.15g %.15g, z = %.15g %.15g, p = %.15g %.15g\n", ag_item_at(x, i),
               ag_item_at(x, i + 1), ag_item_at(h, i), ag_item_at(h, i + 1), ag_item_at(z, i), ag_item_at(z, i + 1),
               ag_item_at(p, i), ag_item_at(p, i + 1));

    nn_plot *picture = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    map(picture, "First hidden neuron", hidden, 0);
    map(picture, "Second hidden neuron", hidden, 1);
    map(picture, "First output", net, 0);
    map(picture, "Second output", net, 1);
    nn_plot_save(picture, "out/3_deep_networks/02_three_layers.png");
    ag_draw_html(ag_name(ag_neg(ag_mean(ag_log(ag_select(p, 1, 0)))), "-ln p_1"),
                 "out/3_deep_networks/02_three_layers.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
