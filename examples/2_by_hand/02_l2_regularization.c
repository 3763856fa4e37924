/* 2.2. L2 regularisation.
 *
 * Lecture 2: to the cost of m samples is added lambda / (2 m) times the sum of the squares of all weights, of all
 * layers, but of no bias. Its gradient is lambda / m times the weight, so that each step also draws every weight
 * towards 0:
 *
 *     dC/dw = (mean of the samples' gradients) + lambda / m w
 *
 * The gradients are checked against numeric ones. The more is added, the smaller the weights and the smoother what the
 * net draws between points that noise has put on the wrong side. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { M = 60, STEPS = 1500, LAMBDAS = 3, LAYERS = 2 };

typedef struct problem {
    nn_module *net;
    nn_dataset data;
    double lambda;
} problem;

static ag_tensor weight(const problem *p, int layer)
{
    return nn_find(p->net, (const char *[]){ "0.weight", "2.weight" }[layer]);
}

/* factor times the sum of the squares of all weights */
static ag_tensor penalty(const problem *p, double factor)
{
    return nn_l2_penalty(AG_LIST(weight(p, 0), weight(p, 1)), factor);
}

static ag_tensor cost(const problem *p)
{
    return ag_bce_logits(nn_forward(p->net, p->data.x), p->data.y);
}

static ag_tensor regularised(ag_list params, void *user)
{
    const problem *p = user;
    (void)params; /* those of the net */
    return ag_add(cost(p), penalty(p, p->lambda / (2 * M)));
}

/* Two clouds that overlap */
static nn_dataset make_points(ag_tape *t)
{
    ag_tensor y = ag_cast(ag_less_scalar(ag_arange(t, AG_F64, 0, M, 1), M / 2.), AG_F64), column = ag_unsqueeze(y, 1);
    ag_tensor x = ag_add(ag_randn(t, AG_F64, AG_SHAPE(M, 2), 0, 0.9), ag_mul_scalar(column, 1.5));
    return (nn_dataset){ ag_buffer(x, "x"), ag_buffer(column, "y") };
}

/* The gradient of the whole beside that of the cost plus lambda / m w */
static void check(problem *p)
{
    printf("numeric gradients: %s\n",
           ag_gradcheck(regularised, p, nn_params(p->net), NULL) == AG_PASS ? "PASS" : "FAIL");
    for (int layer = 0; layer < LAYERS; layer++) {
        ag_tensor w = weight(p, layer), of_cost, of_all;
        ag_gradients(cost(p), AG_LIST(w), 0, &of_cost);
        ag_gradients(regularised(nn_params(p->net), p), AG_LIST(w), 0, &of_all);
        ag_tensor by_hand = ag_add(of_cost, ag_mul_scalar(w, p->lambda / M));
        printf("layer %d: first weight %.15g, gradient of the cost %.15g, of all %.15g, "
               "largest difference from the formula %.2g\n",
               layer + 1, ag_item_at(w, 0), ag_item_at(of_cost, 0), ag_item_at(of_all, 0),
               ag_item(ag_max(ag_abs(ag_sub(of_all, by_hand)))));
    }
}

static void learn(problem *p)
{
    optim *adam = optim_adam(nn_params(p->net), (optim_adam_config){ .lr = 0.03 });
    for (int step = 0; step < STEPS; step++) {
        optim_zero_grad(adam);
        ag_backward(regularised(nn_params(p->net), p));
        optim_step(adam);
        if (ag_tape_reset(p->net->tape))
            break;
    }
    printf("lambda = %-4g  cost %.6f  sum of squares of the weights %.4f\n", p->lambda, ag_item(cost(p)),
           ag_item(penalty(p, 1)));
}

int main(void)
{
    static const double lambdas[LAMBDAS] = { 0, 0.1, 1 };
    static const char *const titles[LAMBDAS] = { "lambda = 0", "lambda = 0.1", "lambda = 1" };
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    problem p[LAMBDAS] = { { .data = make_points(t) } };
    nn_plot *picture = nn_plot_new(t, (nn_plot_config){ .columns = LAMBDAS });
    for (int i = 0; i < LAMBDAS; i++) {
        p[i] = (problem){ nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 12, 1 }, .activation = NN_TANH }), p[0].data,
                          lambdas[i] };
        if (i == 1)
            check(&p[i]);
        learn(&p[i]);
        nn_plot_panel(picture, titles[i], "x_1", "x_2");
        nn_plot_axes(picture, (nn_plot_axes_config){ .equal = true });
        nn_plot_regions(picture, p[i].net);
        nn_plot_classes(picture, p[i].data.x, p[i].data.y);
    }
    nn_plot_save(picture, "out/2_by_hand/02_l2_regularization.png");
    ag_draw_html(ag_name(regularised(nn_params(p[2].net), &p[2]), "C"), "out/2_by_hand/02_l2_regularization.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
