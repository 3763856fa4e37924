/* 0.5. Losses: the sum of squares and cross entropy.
 *
 * Lecture 0: P = sigma(z) is what a net says, L = 0 or 1 what is right.
 *
 *     squares         (P - L)^2 / 2                     dC/dz = (P - L) P (1 - P)
 *     cross entropy   -L ln P - (1 - L) ln(1 - P)       dC/dz = P - L
 *
 * Where the net is sure and wrong, P (1 - P) is next to 0, and squares hardly move it: the gradient vanishes just where
 * it is needed most. Of cross entropy the factor is gone: the logarithm's derivative cancels it.
 *
 * The lecture writes dL/dy_final = phi'(y_final) for the gradient by the last layer's z. The loss's own factor P - L is
 * missing there: without it the net would go the same way whatever is right. */
#include "moons.h"

enum { STEPS = 600, CURVE = 121 };
static const char *const names[2] = { "sum of squares", "cross entropy" };

static ag_tensor loss_of(int kind, ag_tensor z, ag_tensor y)
{
    return kind ? ag_bce_logits(z, y) : ag_mul_scalar(ag_mse(ag_sigmoid(z), y), 0.5);
}

/* One output that is sure and wrong: the routes' factors and the gradient. */
static ag_tensor explain(ag_tape *t)
{
    ag_tensor z = ag_name(ag_variable(t, -5), "z"), p = ag_name(ag_sigmoid(z), "P"),
              right = ag_name(ag_constant(t, 1), "L");
    ag_tensor squares = ag_name(ag_mul_scalar(ag_square(ag_sub(p, right)), 0.5), "C");
    ag_tensor entropy = ag_neg(ag_log(p)), g[2];
    ag_gradients(squares, AG_LIST(z, p), 0, g);
    printf("z = %g, L = 1: P = %.15g\n", ag_item(z), ag_item(p));
    printf("squares: P - L = %.15g, phi'(z) = P (1 - P) = %.15g, dC/dz = %.15g\n", ag_item(g[1]),
           ag_item(ag_local(p, z)), ag_item(g[0]));
    ag_gradients(entropy, AG_LIST(z, p), 0, g);
    printf("cross entropy: -1/P = %.15g, P (1 - P) = %.15g, dC/dz = P - L = %.15g\n\n", ag_item(g[1]),
           ag_item(ag_local(p, z)), ag_item(g[0]));
    ag_explain(squares, stdout);
    printf("\n");
    return squares;
}

static void run(int kind, double *wrong)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_dataset data = moons_make(t);
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 16, 1 }, .activation = NN_TANH });
    ag_assign(nn_find(net, "2.bias"), AG_VALUES(t, AG_SHAPE(1), -5)); /* sure of class 0, wherever */
    optim *sgd = optim_sgd(nn_params(net), (optim_sgd_config){ .lr = 1 });
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor z = nn_forward(net, data.x);
        wrong[step] = moons_wrong(z, data.y);
        optim_zero_grad(sgd);
        ag_backward(loss_of(kind, z, data.y));
        optim_step(sgd);
        if (ag_tape_reset(t))
            break;
    }
    printf("%s: fewer than 15 %% wrong from step %d on, at the end %g %%\n", names[kind],
           moons_reached(wrong, STEPS + 1, 15), wrong[STEPS]);
    ag_tape_free(t);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor squares = explain(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 3 });
    double wrong[STEPS + 1] = { 0 };
    ag_tensor z = ag_require_grad(ag_linspace(t, AG_F64, -6, 6, CURVE)), one = ag_ones(t, AG_F64, AG_SHAPE(CURVE));
    for (int kind = 0; kind < 2; kind++) {
        ag_tensor each = kind ? ag_bce_logits_with(z, one, (ag_tensor){ 0 }, (ag_tensor){ 0 }, AG_REDUCE_NONE)
                              : ag_mul_scalar(ag_square(ag_sub(ag_sigmoid(z), one)), 0.5);
        nn_plot_panel(p, "Loss where class 1 is right", "z", "loss");
        nn_plot_curve_at(p, names[kind], ag_data(z, AG_F64), ag_data(each, AG_F64), CURVE);
        nn_plot_panel(p, "Its derivative", "z", "dC/dz");
        nn_plot_curve_at(p, names[kind], ag_data(z, AG_F64), ag_data(ag_vjp(each, one, z), AG_F64), CURVE);
        run(kind, wrong);
        nn_plot_panel(p, "Learning from a bad start", "step", "wrong answers in %");
        nn_plot_curve(p, names[kind], wrong, STEPS + 1);
    }
    nn_plot_save(p, "out/0_perceptron/05_losses.png");
    ag_draw_html(squares, "out/0_perceptron/05_losses.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
