/* 0.7. Activations compared on one task.
 *
 * Lecture 0: softplus, ReLU, leaky ReLU and sigmoid (0.4) in the same deep net, with the same start, data and
 * optimizer. The sigmoid's derivative is at most 1/4: four layers of it multiply a gradient by 1/256 or less, weights
 * aside. So the first layer's is next to nothing, and the net learns late. Through ReLU it passes whole or not. */
#include "moons.h"
#include <sys/stat.h>

enum { KINDS = 4, STEPS = 300 };
static const char *const names[KINDS] = { "softplus", "ReLU", "leaky ReLU", "sigmoid" };
static const int kinds[KINDS] = { NN_SOFTPLUS, NN_RELU, NN_LEAKY_RELU, NN_SIGMOID };

static void learn(ag_tape *t, int kind, double *losses)
{
    nn_dataset data = moons_make(t);
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 16, 16, 16, 16, 1 }, .activation = kinds[kind] });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.01 });
    double first = 0;
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(net, data.x), data.y);
        losses[step] = ag_item(loss);
        if (step == 0 && kind == KINDS - 1) /* the sigmoid */
            ag_draw_html(ag_name(loss, "loss"), "out/0_perceptron/07_activations_compared.html");
        optim_zero_grad(adam);
        ag_backward(loss);
        if (step == 0)
            first = ag_item(ag_norm(ag_grad(nn_find(net, "0.weight"))));
        optim_step(adam);
        if (ag_tape_reset(t))
            break;
    }
    printf("%-10s  first gradient of layer 1 %.3e  loss %.6f  below 0.1 from step %d on\n", names[kind], first,
           losses[STEPS], moons_reached(losses, STEPS + 1, 0.1));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "Two moons, four hidden layers", "step", "cross entropy");
    nn_plot_axes(p, (nn_plot_axes_config){ .log_y = true });
    mkdir("out", 0777);
    mkdir("out/0_perceptron", 0777);
    double losses[STEPS + 1] = { 0 };
    for (int kind = 0; kind < KINDS; kind++) {
        ag_tape *own = ag_tape_new((ag_options){ .seed = 1 });
        learn(own, kind, losses);
        nn_plot_curve(p, names[kind], losses, STEPS + 1);
        ag_tape_free(own);
    }
    nn_plot_save(p, "out/0_perceptron/07_activations_compared.png");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
