/* 3.1. XOR with ReLU.
 *
 * Lecture 3: two hidden neurons with ReLU are enough for XOR, with weights so round that one checks them in one's head:
 *
 *     h = max(0, W1 x + b1),  W1 = [1 1; 1 1], b1 = (0, -1)        f = W2 h + b2,  W2 = (1 -2), b2 = -0.5
 *
 * h1 counts the ones, h2 is 1 where there are two. The hidden layer moves the four points so that (0,1) and (1,0) fall on
 * one another, and then a straight line separates the classes. Seen from the plane of x it is two lines, with the ones
 * between them. */
#include "nn/nn.h"

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 2, 1 }, .activation = NN_RELU });
    ag_assign(nn_find(net, "0.weight"), AG_VALUES(t, AG_SHAPE(2, 2), 1, 1, 1, 1));
    ag_assign(nn_find(net, "0.bias"), AG_VALUES(t, AG_SHAPE(2), 0, -1));
    ag_assign(nn_find(net, "2.weight"), AG_VALUES(t, AG_SHAPE(1, 2), 1, -2));
    ag_assign(nn_find(net, "2.bias"), AG_VALUES(t, AG_SHAPE(1), -0.5));

    ag_tensor x = AG_VALUES(t, AG_SHAPE(4, 2), 0, 0, 0, 1, 1, 0, 1, 1), y = AG_VALUES(t, AG_SHAPE(4), 0, 1, 1, 0);
    ag_tensor h = ag_relu(ag_linear(x, nn_find(net, "0.weight"), nn_find(net, "0.bias")));
    ag_tensor f = nn_forward(net, x);
    for (int i = 0; i < 4; i++)
        printf("x = (%g, %g): h = (%g, %g), f = %.15g\n", ag_item_at(x, 2 * i), ag_item_at(x, 2 * i + 1),
               ag_item_at(h, 2 * i), ag_item_at(h, 2 * i + 1), ag_item_at(f, i));

    nn_classes names = { (const char *const[]){ "xor = 0", "xor = 1" }, 2 };
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "f(x) = 0", "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -0.5, 1.5 }, .y = { -0.5, 1.5 }, .equal = true });
    nn_plot_names(p, names);
    nn_plot_regions(p, net);
    nn_plot_classes(p, x, y);
    nn_plot_panel(p, "What the hidden layer makes of the points", "h_1", "h_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -0.5, 2.5 }, .y = { -0.5, 2.5 }, .equal = true });
    nn_plot_names(p, names);
    nn_plot_line(p, "h_1 - 2 h_2 - 0.5 = 0", 1, -2, -0.5);
    nn_plot_classes(p, h, y);
    nn_plot_save(p, "out/3_deep_networks/01_xor_relu.png");
    ag_draw_html(ag_name(ag_bce_logits(f, ag_unsqueeze(y, 1)), "loss"), "out/3_deep_networks/01_xor_relu.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
