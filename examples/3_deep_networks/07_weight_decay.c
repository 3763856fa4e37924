/* 3.7. Weight decay.
 *
 * Lecture 3: multiply all weights by 1 - lambda at each update, with lambda about 1e-4. For plain gradient descent this
 * is L2 regularisation, whose gradient of mu/2 |w|^2 is mu w:
 *
 *     w - eta (g + mu w) = (1 - eta mu) w - eta g,  lambda = eta mu
 *
 * Three nets learn the same here, by a penalty in the loss, by the update written out, and by optim_sgd's weight_decay;
 * a fourth without any. Adam divides the gradient by its size, the penalty's with it: there the two are not the same,
 * which is why optim_adamw exists. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { SAMPLES = 200, STEPS = 1000, HIDDEN = 20 };
static const double eta = 0.1, lambda = 1e-3; /* ten times what is usual, to see it in so few steps */

typedef enum kind { NONE, PENALTY, BY_HAND, OPTIM, ADAM, ADAMW, KINDS } kind;
static const char *const names[KINDS] = { "no decay", "penalty in the loss", "times 1 - lambda", "weight_decay" };

static optim *optimizer(nn_module *net, kind k)
{
    double mu = lambda / eta;
    if (k >= ADAM)
        return (k == ADAM ? optim_adam : optim_adamw)(nn_params(net),
                                                      (optim_adam_config){ .lr = 0.01, .weight_decay = mu });
    return optim_sgd(nn_params(net), (optim_sgd_config){ .lr = eta, .weight_decay = k == OPTIM ? mu : 0 });
}

static void decay(nn_module *net)
{
    ag_list w = nn_params(net);
    ag_no_grad_begin(net->tape);
    for (size_t i = 0; i < w.count; i++)
        ag_assign(w.at[i], ag_mul_scalar(w.at[i], 1 - lambda));
    ag_no_grad_end(net->tape);
}

/* Trains a net that begins as `start`; the length of all its weights as one vector after each step goes to the curve. */
static nn_module *learn(nn_module *start, nn_dataset data, kind k, nn_plot *p)
{
    ag_tape *t = start->tape;
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, HIDDEN, 1 }, .activation = NN_TANH });
    ag_list from = nn_params(start), to = nn_params(net);
    for (size_t i = 0; i < to.count; i++)
        ag_assign(to.at[i], from.at[i]);
    optim *o = optimizer(net, k);
    for (int step = 1; step <= STEPS && !ag_error(t); step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(net, data.x), data.y);
        if (k == PENALTY)
            loss = ag_add(loss, nn_l2_penalty(to, lambda / eta / 2));
        optim_zero_grad(o);
        ag_backward(loss);
        if (k == BY_HAND)
            decay(net); /* of the weights for which the gradient was computed */
        optim_step(o);
        if (k < ADAM && k != BY_HAND && k != PENALTY)
            nn_plot_add(p, names[k], step, ag_item(ag_sqrt(nn_l2_penalty(to, 1))));
        ag_tape_reset(t);
    }
    return net;
}

static double distance(nn_module *a, nn_module *b)
{
    ag_list w = nn_params(a), v = nn_params(b);
    double most = 0;
    for (size_t i = 0; i < w.count; i++) {
        double d = ag_item(ag_max(ag_abs(ag_sub(w.at[i], v.at[i]))));
        most = d > most ? d : most;
    }
    return most;
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, 2), 0, 1);
    ag_tensor y = ag_cast(ag_greater_scalar(ag_sum_over(ag_square(x), AG_AXES(1), AG_KEEPDIM), 1.4), AG_F64);
    nn_dataset data = { ag_buffer(x, "x"), ag_buffer(y, "y") };
    nn_module *start = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, HIDDEN, 1 }, .activation = NN_TANH }), *net[KINDS];
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "Length of the weights", "step", "|w|");
    for (kind k = NONE; k < KINDS; k++)
        net[k] = learn(start, data, k, p);

    for (kind k = NONE; k <= OPTIM; k++)
        printf("%s: |w|^2 = %.15g\n", names[k], ag_item(nn_l2_penalty(nn_params(net[k]), 1)));
    printf("plain descent: penalty and times 1 - lambda differ by %.2g, penalty and weight_decay by %.2g\n",
           distance(net[PENALTY], net[BY_HAND]), distance(net[PENALTY], net[OPTIM]));
    printf("with and without decay differ by %.2g\n", distance(net[NONE], net[OPTIM]));
    printf("Adam: penalty and decay differ by %.2g\n", distance(net[ADAM], net[ADAMW]));
    nn_plot_panel(p, "Weights of the first layer", "weight", "how many");
    nn_plot_histogram(p, names[NONE], ag_reshape(nn_find(net[NONE], "0.weight"), AG_SHAPE(-1)), 20);
    nn_plot_histogram(p, names[OPTIM], ag_reshape(nn_find(net[OPTIM], "0.weight"), AG_SHAPE(-1)), 20);
    nn_plot_save(p, "out/3_deep_networks/07_weight_decay.png");
    ag_tensor loss = ag_bce_logits(nn_forward(net[PENALTY], data.x), data.y);
    ag_draw_html(ag_name(ag_add(loss, nn_l2_penalty(nn_params(net[PENALTY]), lambda / eta / 2)), "loss and penalty"),
                 "out/3_deep_networks/07_weight_decay.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
