/* 3.6. Early stopping.
 *
 * Lecture 3: a net with many weights and few samples learns first what is common to them and then the samples themselves,
 * noise and all. On samples that it does not learn from one sees where the one ends and the other begins: their loss, the
 * validation loss, rises again. So it is watched; after some epochs without improvement training stops, and the
 * weights that had the lowest loss are put back. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { SAMPLES = 80, MOST = 2000, PATIENCE = 150 };

/* y = sin(3 x) and noise */
static nn_dataset noisy(ag_tape *t)
{
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(SAMPLES, 1), -2, 2);
    ag_tensor y = ag_add(ag_sin(ag_mul_scalar(x, 3)), ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, 1), 0, 0.4));
    return (nn_dataset){ ag_buffer(x, "x"), ag_buffer(y, "y") };
}

static double loss_of(nn_module *net, nn_dataset data)
{
    return ag_item(ag_mse(nn_forward(net, data.x), data.y));
}

/* The function that the net is, as a curve */
static void draw_function(nn_plot *p, const char *name, nn_module *net)
{
    ag_tensor x = ag_linspace(net->tape, AG_F64, -2, 2, 200);
    ag_tensor y = nn_forward(net, ag_unsqueeze(x, 1));
    nn_plot_curve_at(p, name, ag_data(x, AG_F64), ag_data(y, AG_F64), 200);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_parts parts = nn_split(noisy(t), 0.4, (nn_split_config){ .seed = 1 });
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 1, 60, 60, 1 }, .activation = NN_TANH });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.003 });
    nn_early_stopping *stop = nn_early_stopping_new(net, (nn_early_stopping_config){ .patience = PATIENCE });
    nn_snapshot *last = nn_snapshot_new(net);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "Training goes on, validation does not", "epoch", "mean square of the error");
    nn_plot_axes(p, (nn_plot_axes_config){ .log_y = true });
    double training = 0, validation = 0;
    int epoch = 0;
    do {
        optim_zero_grad(adam);
        ag_tensor loss = ag_mse(nn_forward(net, parts.train.x), parts.train.y);
        ag_backward(loss);
        optim_step(adam);
        training = loss_of(net, parts.train), validation = loss_of(net, parts.test);
        nn_plot_add(p, "training", ++epoch, training);
        nn_plot_add(p, "validation", epoch, validation);
        nn_snapshot_take(last);
        ag_tape_reset(t);
    } while (nn_early_stopping_next(stop, validation) && epoch < MOST);

    printf("stopped after epoch %d: training loss %.6f, validation loss %.6f\n", epoch, training, validation);
    printf("weights of epoch %d put back: training loss %.6f, validation loss %.6f, that is the best one %+.2g\n",
           (int)stop->best_at, loss_of(net, parts.train), loss_of(net, parts.test),
           loss_of(net, parts.test) - stop->best);
    printf("the validation loss at the stop was higher by the factor %.3f\n", validation / stop->best);
    nn_plot_panel(p, "What was learned", "x", "y");
    nn_plot_points(p, "to learn from", ag_concat(AG_LIST(parts.train.x, parts.train.y), 1));
    draw_function(p, "best weights", net);
    nn_snapshot_restore(last);
    draw_function(p, "last weights", net);
    nn_plot_save(p, "out/3_deep_networks/06_early_stopping.png");
    ag_draw_html(ag_name(ag_mse(nn_forward(net, parts.train.x), parts.train.y), "loss"),
                 "out/3_deep_networks/06_early_stopping.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
