/* 0.6. Optimizers: gradient descent, momentum, AdaGrad, Adam.
 *
 * Lecture 0, "Adam vs AdaGrad": four ways to make a step of a gradient g, on one net, one task and from one start.
 *
 *     gradient descent   w = w - r g
 *     momentum           b = 0.9 b + g,  w = w - r b: what stays the same in g adds up
 *     AdaGrad            s = s + g^2,    w = w - r g / sqrt(s): steps become smaller with all that was seen
 *     Adam               averages of g and of g^2 that forget: w = w - r m / sqrt(v)
 *
 * Each tries six learning rates and shows itself with the one whose loss is lowest on average over all steps. The left
 * panel has them in a valley of two numbers only, f(a, b) = a^2 / 40 + b^2: descent falls to the valley's floor at once
 * and then creeps along it. */
#include "moons.h"
#include <math.h>

enum { KINDS = 4, RATES = 6, STEPS = 400, PATH = 60 };
static const char *const names[KINDS] = { "gradient descent", "momentum", "AdaGrad", "Adam" };

static optim *optimizer(int kind, ag_list params, double rate)
{
    switch (kind) {
    case 0:
        return optim_sgd(params, (optim_sgd_config){ .lr = rate });
    case 1:
        return optim_sgd(params, (optim_sgd_config){ .lr = rate, .momentum = 0.9 });
    case 2:
        return optim_adagrad(params, (optim_adagrad_config){ .lr = rate });
    default:
        return optim_adam(params, (optim_adam_config){ .lr = rate });
    }
}

static void learn(int kind, double rate, double *losses)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_dataset data = moons_make(t);
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 16, 1 }, .activation = NN_TANH });
    optim *o = optimizer(kind, nn_params(net), rate);
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(net, data.x), data.y);
        losses[step] = ag_item(loss);
        optim_zero_grad(o);
        ag_backward(loss);
        optim_step(o);
        if (ag_tape_reset(t))
            break;
    }
    ag_tape_free(t);
}

/* Learns with the best of the rates. */
static void learn_best(int kind, double *losses)
{
    static const double rates[RATES] = { 0.03, 0.1, 0.3, 1, 3, 10 };
    double lowest = INFINITY, best = 0;
    for (int i = 0; i < RATES; i++) {
        learn(kind, rates[i], losses);
        double mean = 0;
        for (int step = 0; step <= STEPS; step++)
            mean += losses[step] / (STEPS + 1);
        if (mean < lowest) {
            lowest = mean;
            best = rates[i];
        }
    }
    learn(kind, best, losses);
    printf("%-16s  rate %g  start %.6f  end %.6f  loss below 0.1 from step %d on\n", names[kind], best, losses[0],
           losses[STEPS], moons_reached(losses, STEPS + 1, 0.1));
}

static double valley(const void *user, double a, double b)
{
    (void)user;
    return a * a / 40 + b * b;
}

static void descend(int kind, double *a, double *b)
{
    static const double rates[KINDS] = { 0.45, 0.1, 1, 0.5 };
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2), -9, 1.5), "w"),
              scale = ag_buffer(AG_VALUES(t, AG_SHAPE(2), 0.025, 1), "");
    optim *o = optimizer(kind, AG_LIST(w), rates[kind]);
    for (int step = 0; step <= PATH; step++) {
        a[step] = ag_item_at(w, 0);
        b[step] = ag_item_at(w, 1);
        optim_zero_grad(o);
        ag_backward(ag_sum(ag_mul(scale, ag_square(w))));
        optim_step(o);
        if (ag_tape_reset(t))
            break;
    }
    ag_tape_free(t);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    double losses[STEPS + 1] = { 0 }, a[PATH + 1] = { 0 }, b[PATH + 1] = { 0 };
    for (int kind = 0; kind < KINDS; kind++) {
        learn_best(kind, losses);
        descend(kind, a, b);
        nn_plot_panel(p, "A valley", "a", "b");
        nn_plot_curve_at(p, names[kind], a, b, PATH + 1);
        nn_plot_panel(p, "Two moons", "step", "cross entropy");
        nn_plot_axes(p, (nn_plot_axes_config){ .log_y = true });
        nn_plot_curve(p, names[kind], losses, STEPS + 1);
    }
    nn_plot_panel(p, "A valley", "a", "b");
    nn_plot_contour(p, "f = 1", valley, NULL, 1);
    nn_plot_save(p, "out/0_perceptron/06_optimizers.png");
    ag_tensor u = ag_name(ag_variable(t, -9), "a"), v = ag_name(ag_variable(t, 1.5), "b");
    ag_draw_html(ag_name(ag_add(ag_mul_scalar(ag_square(u), 1 / 40.0), ag_square(v)), "f"),
                 "out/0_perceptron/06_optimizers.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
