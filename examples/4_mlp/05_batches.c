/* 4.5. Batch, mini-batch, stochastic.
 *
 * Lecture 4: the weights can be updated after a pass over all samples (batch), after a few (mini-batch) or after each
 * (stochastic). The gradient of the mean loss is the mean of the samples' gradients, so that these are estimates of the
 * same direction: from one sample cheap and noisy, from all exact and dear. The three begin with the same weights here and
 * see the same number of samples. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { SAMPLES = 256, EPOCHS = 40 };

static nn_module *make_net(ag_tape *t, nn_module *like)
{
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 8, 1 }, .activation = NN_TANH });
    ag_list w = nn_params(net);
    for (size_t i = 0; like && i < w.count; i++)
        ag_assign(w.at[i], nn_params(like).at[i]);
    return net;
}

static ag_tensor loss_of(nn_module *net, ag_tensor x, ag_tensor y)
{
    return ag_bce_logits(nn_forward(net, x), y);
}

/* The largest difference between the gradient of the mean loss and the mean of the samples' gradients */
static double mean_of_samples(nn_module *net, nn_dataset data)
{
    ag_tape *t = net->tape;
    ag_list w = nn_params(net);
    ag_tensor sum[8], whole[8];
    for (int i = 0; i < SAMPLES; i++) /* gradients add up until they are zeroed */
        ag_backward(loss_of(net, ag_slice(data.x, 0, i, i + 1, 1), ag_slice(data.y, 0, i, i + 1, 1)));
    for (size_t k = 0; k < w.count; k++) {
        sum[k] = ag_buffer(ag_grad(w.at[k]), "sum");
        ag_zero_grad(w.at[k]);
    }
    ag_tape_reset(t);
    ag_gradients(loss_of(net, data.x, data.y), w, 0, whole);
    double most = 0;
    for (size_t k = 0; k < w.count; k++) {
        double d = ag_item(ag_max(ag_abs(ag_sub(whole[k], ag_mul_scalar(sum[k], 1.0 / SAMPLES)))));
        most = d > most ? d : most;
        ag_release(sum[k]);
    }
    ag_tape_reset(t);
    return most;
}

static void learn(nn_module *start, nn_dataset data, const char *name, int64_t size, nn_plot *p)
{
    ag_tape *t = start->tape;
    nn_module *net = make_net(t, start);
    nn_batches *b = nn_batches_new(data, (nn_batches_config){ .size = size, .shuffle = true });
    optim *sgd = optim_sgd(nn_params(net), (optim_sgd_config){ .lr = 0.1 });
    int updates = 0;
    for (int epoch = 0; epoch <= EPOCHS && !ag_error(t); epoch++) {
        double loss = ag_item(loss_of(net, data.x, data.y));
        nn_plot_add(p, name, epoch, loss);
        if (epoch == EPOCHS)
            printf("%s: %d updates in %d epochs, loss %.6f\n", name, updates, EPOCHS, loss);
        while (epoch < EPOCHS && nn_batches_next(b)) {
            optim_zero_grad(sgd);
            ag_backward(loss_of(net, b->x, b->y));
            optim_step(sgd);
            updates++;
            ag_tape_reset(t);
        }
    }
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, 2), 0, 1);
    ag_tensor y = ag_cast(ag_greater_scalar(ag_sum_over(ag_square(x), AG_AXES(1), AG_KEEPDIM), 1.4), AG_F64);
    nn_dataset data = { ag_buffer(x, "x"), ag_buffer(y, "y") };
    ag_tape_reset(t);
    nn_module *start = make_net(t, NULL);
    printf("full batch and mean of the %d samples' gradients differ by %.2g\n", SAMPLES, mean_of_samples(start, data));
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "Three schedules of updates, learning rate 0.1", "epoch", "mean loss, binary cross entropy");
    learn(start, data, "batch", SAMPLES, p);
    learn(start, data, "mini-batch of 16", 16, p);
    learn(start, data, "stochastic", 1, p);
    nn_plot_save(p, "out/4_mlp/05_batches.png");
    ag_draw_html(ag_name(loss_of(start, data.x, data.y), "loss"), "out/4_mlp/05_batches.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
