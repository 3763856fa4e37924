/* 3.3. A wide hidden layer.
 *
 * Lecture 3: W1 of 100 x 2 and W2 of 2 x 100. Each hidden neuron adds one fold to what the net computes, so that width is
 * what the boundary can follow: the same two spirals are learned here with 3, with 10, and with 100 neurons. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { SAMPLES = 300, STEPS = 1500 };

/* Half of the samples on each arm, one turn and a half; the other arm is the same, turned by half a turn. */
static nn_dataset spirals(ag_tape *t)
{
    const double turns = 1.5, pi = 3.14159265358979323846;
    ag_tensor along = ag_sqrt(ag_rand(t, AG_F64, AG_SHAPE(SAMPLES), 0.01, 1));
    ag_tensor arm = ag_remainder_scalar(ag_arange(t, AG_F64, 0, SAMPLES, 1), 2);
    ag_tensor angle = ag_add(ag_mul_scalar(along, turns * 2 * pi), ag_mul_scalar(arm, pi));
    ag_tensor x = ag_stack(AG_LIST(ag_mul(along, ag_cos(angle)), ag_mul(along, ag_sin(angle))), 1);
    ag_tensor noise = ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, 2), 0, 0.02);
    return (nn_dataset){ ag_buffer(ag_add(x, noise), "x"), ag_buffer(ag_cast(arm, AG_I64), "y") };
}

static nn_module *learn(ag_tape *t, nn_dataset data, int width, nn_plot *p)
{
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, width, 2 }, .activation = NN_RELU });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.02 });
    for (int step = 0; step < STEPS && !ag_error(t); step++) {
        optim_zero_grad(adam);
        ag_backward(ag_cross_entropy(nn_forward(net, data.x), data.y));
        optim_step(adam);
        ag_tape_reset(t);
    }
    double accuracy = nn_accuracy(nn_forward(net, data.x), data.y);
    printf("%d hidden neurons: accuracy %.4f\n", width, accuracy);
    char title[64];
    snprintf(title, sizeof title, "%d hidden neurons, %.1f %%", width, 100 * accuracy);
    nn_plot_panel(p, title, "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -1.2, 1.2 }, .y = { -1.2, 1.2 }, .equal = true });
    nn_plot_regions(p, net);
    nn_plot_classes(p, data.x, data.y);
    return net;
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_dataset data = spirals(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 3 });
    learn(t, data, 3, p);
    learn(t, data, 10, p);
    nn_module *wide = learn(t, data, 100, p);
    nn_plot_save(p, "out/3_deep_networks/03_wide_layer.png");
    ag_draw_html(ag_name(ag_cross_entropy(nn_forward(wide, data.x), data.y), "loss"),
                 "out/3_deep_networks/03_wide_layer.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
