/* 1.10. XOR learned.
 *
 * Example 1.2 set the weights of XOR's gates by hand. Here a perceptron with one hidden layer of four tanh neurons finds
 * its own, from the four lines of the truth table. What it learned is a map of the whole plane, drawn at the end. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { STEPS = 400 };

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    ag_tensor x = ag_buffer(AG_VALUES(t, AG_SHAPE(4, 2), 0, 0, 0, 1, 1, 0, 1, 1), "x");
    ag_tensor y = ag_buffer(AG_VALUES(t, AG_SHAPE(4, 1), 0, 1, 1, 0), "y");
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 4, 1 }, .activation = NN_TANH });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.05 });
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(net, x), y);
        if (step % 100 == 0)
            printf("step %3d: loss %.6f\n", step, ag_item(loss));
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        if (ag_tape_reset(t))
            break;
    }
    ag_tensor p = ag_sigmoid(nn_forward(net, x));
    for (int i = 0; i < 4; i++)
        printf("%g xor %g: p = %.4f\n", ag_item_at(x, 2 * i), ag_item_at(x, 2 * i + 1), ag_item_at(p, i));
    nn_plot *picture = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(picture, "p(a, b), learned from the four points", "a", "b");
    nn_plot_axes(picture, (nn_plot_axes_config){ .x = { -0.5, 1.5 }, .y = { -0.5, 1.5 }, .equal = true });
    nn_plot_names(picture, (nn_classes){ (const char *const[]){ "xor = 0", "xor = 1" }, 2 });
    nn_plot_regions(picture, net);
    nn_plot_classes(picture, x, y);
    nn_plot_save(picture, "out/1_backpropagation/10_xor_mlp.png");
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(net, x), y), "loss"), "out/1_backpropagation/10_xor_mlp.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
