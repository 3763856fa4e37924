/* 0.3. Layers without activations are one layer.
 *
 * Lecture 0: y = W_3 (W_2 (W_1 x)) = (W_3 W_2 W_1) x. However deep, it is one matrix, here of random weights and with
 * biases
 *
 *     y = W x + b,   W = W_3 W_2 W_1,   b = W_3 (W_2 b_1 + b_2) + b_3
 *
 * and its Jacobian is W wherever one looks. With a ReLU between the layers it is another one in each region: no matrix
 * does the same. Trained on XOR, the deep linear net finds no more than a perceptron would. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { POINTS = 50, STEPS = 400 };

static double distance(ag_tensor a, ag_tensor b)
{
    return ag_item(ag_max(ag_abs(ag_sub(a, b))));
}

/* How much the net differs from the one matrix, and its Jacobian in one point from that in another. */
static void compare(const char *what, nn_module *net, ag_tensor x)
{
    ag_tensor w = ag_eye(net->tape, AG_F64, 3), b = ag_zeros(net->tape, AG_F64, AG_SHAPE(3));
    for (int layer = 0; layer < 3; layer++) {
        ag_tensor weight = nn_find(net, (const char *[]){ "0.weight", "2.weight", "4.weight" }[layer]);
        ag_tensor bias = nn_find(net, (const char *[]){ "0.bias", "2.bias", "4.bias" }[layer]);
        w = ag_matmul(weight, w);
        b = ag_add(ag_matmul(weight, b), bias);
    }
    ag_tensor one = ag_require_grad(ag_select(x, 0, 0)), other = ag_require_grad(ag_neg(one));
    ag_tensor at_one = ag_jacobian(nn_forward(net, one), one), at_other = ag_jacobian(nn_forward(net, other), other);
    printf("%s: the net differs from W x + b by %.3g, its Jacobian from W by %.3g and at -x by %.3g\n", what,
           distance(nn_forward(net, x), ag_linear(x, w, b)), distance(at_one, w), distance(at_one, at_other));
}

static nn_module *deep(ag_tape *t, int in, int out, int activation)
{
    return nn_mlp(t, (nn_mlp_config){ .sizes = { in, 5, 4, out }, .activation = activation });
}

static nn_module *learn_xor(const char *what, int activation, nn_dataset data)
{
    nn_module *net = deep(data.x.tape, 2, 1, activation);
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.03 });
    for (int step = 0; step < STEPS; step++) {
        optim_zero_grad(adam);
        ag_backward(ag_bce_logits(nn_forward(net, data.x), data.y));
        optim_step(adam);
        ag_tape_reset(net->tape);
    }
    printf("xor, %s: loss %.6f\n", what, ag_item(ag_bce_logits(nn_forward(net, data.x), data.y)));
    return net;
}

static void draw_panel(nn_plot *p, const char *title, nn_module *net, nn_dataset data)
{
    nn_plot_panel(p, title, "a", "b");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -0.5, 1.5 }, .y = { -0.5, 1.5 }, .equal = true });
    nn_plot_names(p, (nn_classes){ (const char *const[]){ "xor = 0", "xor = 1" }, 2 });
    nn_plot_regions(p, net);
    nn_plot_classes(p, data.x, data.y);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    ag_tensor x = ag_buffer(ag_randn(t, AG_F64, AG_SHAPE(POINTS, 3), 0, 1), "x");
    compare("three layers", deep(t, 3, 3, NN_IDENTITY), x);
    compare("three layers with ReLU between them", deep(t, 3, 3, NN_RELU), x);

    nn_dataset data = { ag_buffer(AG_VALUES(t, AG_SHAPE(4, 2), 0, 0, 0, 1, 1, 0, 1, 1), "x"),
                        ag_buffer(AG_VALUES(t, AG_SHAPE(4, 1), 0, 1, 1, 0), "y") };
    nn_module *linear = learn_xor("three layers", NN_IDENTITY, data);
    nn_module *bent = learn_xor("three layers with ReLU between them", NN_RELU, data);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    draw_panel(p, "No activation: p is 0.5 everywhere", linear, data);
    draw_panel(p, "ReLU between the layers", bent, data);
    nn_plot_save(p, "out/0_perceptron/03_linear_collapse.png");
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(bent, data.x), data.y), "loss"),
                 "out/0_perceptron/03_linear_collapse.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
