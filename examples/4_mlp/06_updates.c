/* 4.6. Momentum, weight decay, L1, L2 and dropout, each beside its formula.
 *
 * Lecture 4 writes the change of a weight as dw_t = eta delta x + alpha dw_{t-1} - lambda w. One neuron with three inputs
 * learns one sample here, o = sigma(w.x), E = (t - o)^2 / 2, delta = (t - o) o (1 - o). Once with optim_sgd, the penalties and
 * the tape's gradients, and once by the formula, in plain C; after each of 100 steps the weights are compared.
 *
 *     L1 adds mu |w| to E, and so -eta mu sign(w) to dw; L2 adds mu w^2, and -eta mu 2 w.
 *
 * optim_sgd multiplies its weight_decay by the learning rate: lambda = eta weight_decay. Dropout sets an input to 0 with
 * probability p, and the others to x / (1 - p), so that the mean is x and nothing changes when it is not training. */
#include "nn/nn.h"
#include "optim/optim.h"
#include <math.h>
#include <sys/stat.h>

enum { INPUTS = 3, STEPS = 100 };
static const double x0[INPUTS] = { 1, -2, 0.5 }, w0[INPUTS] = { 0.3, 0.1, -0.4 }, target = 0.9, eta = 0.2;

typedef struct settings {
    const char *name;
    double alpha, lambda, l1, l2;
} settings;

/* One step of the formula; dw is the change before, and then this one. */
static void by_formula(const settings *s, double *w, double *dw)
{
    double z = 0;
    for (int i = 0; i < INPUTS; i++)
        z += w[i] * x0[i];
    double o = 1 / (1 + exp(-z)), delta = (target - o) * o * (1 - o);
    for (int i = 0; i < INPUTS; i++) {
        double sign = (w[i] > 0) - (w[i] < 0);
        dw[i] = eta * delta * x0[i] + s->alpha * dw[i] - s->lambda * w[i] - eta * (s->l1 * sign + s->l2 * 2 * w[i]);
        w[i] += dw[i];
    }
}

static void compare(ag_tape *t, const settings *s)
{
    double v[INPUTS], dw[INPUTS] = { 0 }, most = 0;
    for (int i = 0; i < INPUTS; i++)
        v[i] = w0[i];
    ag_tensor w = ag_param(ag_values(t, AG_SHAPE(INPUTS), w0, INPUTS), "w");
    optim_sgd_config config = { .lr = eta, .momentum = s->alpha, .weight_decay = s->lambda / eta };
    optim *sgd = optim_sgd(AG_LIST(w), config);
    for (int step = 0; step < STEPS && !ag_error(t); step++) {
        ag_tensor x = ag_name(ag_values(t, AG_SHAPE(INPUTS), x0, INPUTS), "x");
        ag_tensor o = ag_name(ag_sigmoid(ag_dot(w, x)), "o");
        ag_tensor error = ag_mul_scalar(ag_square(ag_scalar_sub(target, o)), 0.5);
        error = ag_add(error, ag_add(nn_l1_penalty(AG_LIST(w), s->l1), nn_l2_penalty(AG_LIST(w), s->l2)));
        if (step == 0 && s->l1 > 0)
            ag_draw_html(ag_name(error, "E"), "out/4_mlp/06_updates.html");
        optim_zero_grad(sgd);
        ag_backward(error);
        optim_step(sgd);
        by_formula(s, v, dw);
        for (int i = 0; i < INPUTS; i++)
            most = fmax(most, fabs(ag_item_at(w, i) - v[i]));
        ag_tape_reset(t);
    }
    printf("%s: w = %.12f %.12f %.12f, differs from the formula by %.2g\n", s->name, v[0], v[1], v[2], most);
}

/* What dropout makes of ones, and of the gradient on its way back: the same factors, 0 or 1 / (1 - p) */
static void compare_dropout(ag_tape *t)
{
    enum { COUNT = 100000 };
    const double p = 0.3;
    nn_module *m = nn_dropout(t, p);
    ag_tensor x = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(COUNT), 1, 1)), y = nn_forward(m, x);
    ag_backward(ag_sum(y));
    ag_tensor kept = ag_not_equal_scalar(y, 0), by_hand = ag_where_scalar(kept, ag_mul_scalar(x, 1 / (1 - p)), 0);
    ag_tensor factor = ag_mul_scalar(ag_cast(kept, AG_F64), 1 / (1 - p));
    printf("dropout: %.4f are kept, values differ from the formula by %.2g, gradients by %.2g\n",
           ag_item(ag_mean(ag_cast(kept, AG_F64))), ag_item(ag_max(ag_abs(ag_sub(y, by_hand)))),
           ag_item(ag_max(ag_abs(ag_sub(ag_grad(x), factor)))));
    nn_train(m, false);
    printf("dropout: where it does not train, y - x is %.2g at most\n",
           ag_item(ag_max(ag_abs(ag_sub(nn_forward(m, x), x)))));
}

int main(void)
{
    static const settings all[] = {
        { .name = "plain" },
        { .name = "momentum", .alpha = 0.9 },
        { .name = "weight decay", .lambda = 1e-3 },
        { .name = "L1", .l1 = 1e-2 },
        { .name = "L2", .l2 = 1e-2 },
        { .name = "momentum and weight decay", .alpha = 0.9, .lambda = 1e-3 },
    };
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    mkdir("out", 0777);
    mkdir("out/4_mlp", 0777);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        compare(t, &all[i]);
    compare_dropout(t);
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
