/* 4.9. Cross-validation: how many hidden units?
 *
 * Lecture 4: too few cannot follow the function, too many follow the noise, and the training loss does not tell which. With
 * few samples none can be spared for validation for good. So they are dealt into k parts, the folds; each is validated on
 * by a net that learned from the others, and the k losses are averaged. What is best then learns from all samples, and is
 * tested once, on data that took no part in choosing. */
#include "nn/nn.h"
#include "optim/optim.h"
#include <math.h>

enum { SAMPLES = 60, FOLDS = 5, STEPS = 1500, SIZES = 7 };

/* y = sin(3 x) and noise */
static nn_dataset noisy(ag_tape *t, int count)
{
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(count, 1), -2, 2);
    ag_tensor y = ag_add(ag_sin(ag_mul_scalar(x, 3)), ag_randn(t, AG_F64, AG_SHAPE(count, 1), 0, 0.3));
    return (nn_dataset){ ag_buffer(x, "x"), ag_buffer(y, "y") };
}

static double loss_of(nn_module *net, nn_dataset data)
{
    return ag_item(ag_mse(nn_forward(net, data.x), data.y));
}

static nn_module *learn(nn_dataset data, int hidden)
{
    ag_tape *t = data.x.tape;
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 1, hidden, 1 }, .activation = NN_TANH });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.02 });
    for (int step = 0; step < STEPS && !ag_error(t); step++) {
        optim_zero_grad(adam);
        ag_backward(ag_mse(nn_forward(net, data.x), data.y));
        optim_step(adam);
        ag_tape_reset(t);
    }
    return net;
}

int main(void)
{
    static const int sizes[SIZES] = { 1, 2, 3, 5, 10, 20, 50 };
    ag_tape *t = ag_tape_new((ag_options){ .seed = 3 });
    nn_dataset data = noisy(t, SAMPLES), fresh = noisy(t, 2000);
    double best = INFINITY, over[SIZES], training[SIZES], validation[SIZES];
    int chosen = 0;
    printf("hidden units   training   validation   deviation of the folds\n");
    for (int i = 0; i < SIZES; i++) {
        double sum = 0, squares = 0;
        training[i] = 0, over[i] = sizes[i];
        for (int fold = 0; fold < FOLDS; fold++) {
            nn_parts parts = nn_kfold(data, FOLDS, fold, (nn_split_config){ .seed = 1 });
            nn_module *net = learn(parts.train, sizes[i]);
            double loss = loss_of(net, parts.test);
            training[i] += loss_of(net, parts.train) / FOLDS;
            sum += loss, squares += loss * loss;
        }
        validation[i] = sum / FOLDS;
        printf("%12d %10.4f %12.4f %12.4f\n", sizes[i], training[i], validation[i],
               sqrt(fmax(squares / FOLDS - validation[i] * validation[i], 0)));
        if (validation[i] < best)
            best = validation[i], chosen = sizes[i];
    }
    printf("chosen: %d hidden units\n", chosen);
    nn_module *net = learn(data, chosen);
    printf("learned from all %d samples: %.4f on fresh data, of which the noise is 0.09\n", SAMPLES,
           loss_of(net, fresh));

    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "Loss by number of hidden units, mean of 5 folds", "hidden units", "mean square of the error");
    nn_plot_axes(p, (nn_plot_axes_config){ .log_x = true });
    nn_plot_curve_at(p, "training", over, training, SIZES);
    nn_plot_curve_at(p, "validation", over, validation, SIZES);
    nn_plot_save(p, "out/4_mlp/09_cross_validation.png");
    ag_draw_html(ag_name(ag_mse(nn_forward(net, data.x), data.y), "loss"), "out/4_mlp/09_cross_validation.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
