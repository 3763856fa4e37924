/* 3.11. Radial basis functions.
 *
 * Lecture 4 names them: a hidden unit that is 1 at its centre and fades with the distance, exp(-|x - c|^2 / 2 s^2), instead of
 * one that is 1 on one side of a line. Class 1 is five islands in the plane here: five units suffice, one for each. The same
 * number of sigmoid units, with as many weights, would have to build each island of lines, and cannot.
 *
 * It matters where training begins, since a unit far from all samples learns nothing: each centre at the sample of class 1
 * that is farthest from the centres before it, and with a weight above 0, or it would flee from its island. */
#include "compare.h"
#include "optim/optim.h"

enum { UNITS = 5, TRAIN = 600, TEST = 2000, STEPS = 2000 };

static nn_dataset islands(ag_tape *t, int count)
{
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(count, 2), -3, 3);
    ag_tensor at = AG_VALUES(t, AG_SHAPE(5, 2), -1.8, -1.8, 1.8, -1.8, 0, 0, -1.8, 1.8, 1.8, 1.8);
    ag_tensor nearest = ag_min_over(ag_cdist(x, at, 2), AG_AXES(1), AG_KEEPDIM);
    ag_tensor y = ag_cast(ag_less_scalar(nearest, 0.8), AG_F64);
    nn_dataset d = { ag_buffer(x, "x"), ag_buffer(y, "y") };
    ag_tape_reset(t);
    return d;
}

static void learn(nn_module *net, const char *name, nn_dataset train, nn_dataset test, nn_plot *p)
{
    ag_tape *t = net->tape;
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.02 });
    for (int step = 0; step < STEPS && !ag_error(t); step++) {
        optim_zero_grad(adam);
        ag_backward(ag_bce_logits(nn_forward(net, train.x), train.y));
        optim_step(adam);
        ag_tape_reset(t);
    }
    double right = share_right(nn_forward(net, test.x), test.y),
           beyond = ag_item(nn_forward(net, AG_VALUES(t, AG_SHAPE(1, 2), 30, 30)));
    printf("%s, %d units, %d weights: right %.4f; far away z = %.3f\n", name, UNITS, weights_of(net), right, beyond);
    char title[80];
    snprintf(title, sizeof title, "%s, %d weights: %.1f %%", name, weights_of(net), 100 * right);
    nn_plot_panel(p, title, "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -3, 3 }, .y = { -3, 3 }, .equal = true });
    nn_plot_regions(p, net);
    nn_plot_classes(p, train.x, train.y);
}

/* Samples of class 1, each the farthest from those chosen before: [5,2] */
static ag_tensor far_apart(nn_dataset d)
{
    ag_tensor ones = ag_select(ag_nonzero(ag_squeeze(d.y, 1)), 1, 0), x = ag_index_select(d.x, 0, ones);
    ag_tensor chosen = ag_slice(x, 0, 0, 1, 1);
    while (ag_ok(chosen) && ag_shape_of(chosen).dim[0] < UNITS) {
        ag_tensor distance = ag_min_over(ag_cdist(x, chosen, 2), AG_AXES(1), 0);
        ag_tensor next = ag_index_select(x, 0, ag_unsqueeze(ag_argmax_all(distance), 0));
        chosen = ag_concat(AG_LIST(chosen, next), 0);
    }
    return chosen;
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_dataset train = islands(t, TRAIN), test = islands(t, TEST);
    nn_module *rbf = nn_rbf(t, 2, UNITS, (nn_rbf_config){ .width = 0.7 });
    ag_assign(nn_find(rbf, "centers"), far_apart(train));
    nn_module *out = nn_linear(t, UNITS, 1, (nn_linear_config){ 0 });
    ag_assign(nn_find(out, "weight"), ag_ones(t, AG_F64, AG_SHAPE(1, UNITS)));
    ag_tape_reset(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_module *net = NN_SEQUENTIAL(t, rbf, out);
    learn(net, "RBF network", train, test, p);
    nn_module *mlp = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, UNITS, 1 }, .activation = NN_SIGMOID });
    learn(mlp, "perceptron", train, test, p);
    nn_plot_save(p, "out/3_deep_networks/11_radial_basis.png");
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(net, train.x), train.y), "loss"),
                 "out/3_deep_networks/11_radial_basis.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
