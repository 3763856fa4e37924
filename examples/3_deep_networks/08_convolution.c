/* 3.8. A convolutional network.
 *
 * Lectures 2, 3 and 4 name it: the same few weights are applied at every place of a picture, so that what was learned in one
 * place is known in all. The task is a plus or a cross of 3 x 3 pixels, somewhere in 16 x 16 pixels of noise. To a
 * perceptron every place is new: pixel 17 has nothing to do with pixel 18. Ten times as many weights do not help it, they
 * learn the samples by heart. */
#include "compare.h"
#include "optim/optim.h"

enum { SIDE = 16, TRAIN = 600, TEST = 1000, EPOCHS = 15 };

/* A plus (0) or a cross (1) at a random place each, and noise everywhere */
static nn_dataset marks(ag_tape *t, int count)
{
    ag_tensor plus = AG_VALUES(t, AG_SHAPE(3, 3), 0, 1, 0, 1, 1, 1, 0, 1, 0);
    ag_tensor cross = AG_VALUES(t, AG_SHAPE(3, 3), 1, 0, 1, 0, 1, 0, 1, 0, 1);
    ag_tensor label = ag_remainder_scalar(ag_arange(t, AG_F64, 0, count, 1), 2);
    ag_tensor which = ag_reshape(label, AG_SHAPE(count, 1, 1));
    ag_tensor mark = ag_add(ag_mul(ag_scalar_sub(1, which), plus), ag_mul(which, cross));
    ag_tensor row = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(count, 1, 1), 0, SIDE - 2));
    ag_tensor column = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(count, 1, 1), 0, SIDE - 2));
    ag_tensor line = ag_reshape(ag_arange(t, AG_F64, 0, SIDE, 1), AG_SHAPE(SIDE, 1));
    ag_tensor offset =
        ag_arange(t, AG_F64, 0, 3, 1); /* one-hot rows [count,16,3] and columns: their product places it */
    ag_tensor rows = ag_cast(ag_equal(line, ag_add(row, offset)), AG_F64);
    ag_tensor columns = ag_cast(ag_equal(line, ag_add(column, offset)), AG_F64);
    ag_tensor placed = ag_matmul(ag_matmul(rows, mark), ag_transpose(columns, 1, 2));
    ag_tensor x = ag_add(placed, ag_randn(t, AG_F64, AG_SHAPE(count, SIDE, SIDE), 0, 0.15));
    nn_dataset d = { ag_buffer(ag_unsqueeze(x, 1), "x"), ag_buffer(ag_cast(label, AG_I64), "y") };
    ag_tape_reset(t);
    return d;
}

static nn_module *convolutional(ag_tape *t)
{
    return NN_SEQUENTIAL(t, nn_conv2d(t, 1, 8, AG_SHAPE(3, 3), (nn_conv_config){ 0 }), nn_activation(t, NN_RELU),
                         nn_max_pool2d(t, AG_SHAPE(SIDE - 2, SIDE - 2), (ag_pool_options){ 0 }), nn_flatten(t),
                         nn_linear(t, 8, 2, (nn_linear_config){ 0 }));
}

static nn_module *perceptron(ag_tape *t, int hidden)
{
    nn_mlp_config config = { .sizes = { SIDE * SIDE, hidden, 2 }, .activation = NN_RELU };
    return NN_SEQUENTIAL(t, nn_flatten(t), nn_mlp(t, config));
}

static void learn(nn_module *net, const char *name, nn_dataset train, nn_dataset test, nn_plot *p)
{
    ag_tape *t = net->tape;
    nn_batches *b = nn_batches_new(train, (nn_batches_config){ .size = 50, .shuffle = true });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.01 });
    double accuracy = 0;
    for (int epoch = 1; epoch <= EPOCHS && !ag_error(t); epoch++) {
        while (nn_batches_next(b)) {
            optim_zero_grad(adam);
            ag_backward(ag_cross_entropy(nn_forward(net, b->x), b->y));
            optim_step(adam);
            ag_tape_reset(t);
        }
        accuracy = nn_accuracy(nn_forward(net, test.x), test.y);
        nn_plot_add(p, name, epoch, 100 * accuracy);
        ag_tape_reset(t);
    }
    printf("%s, %d weights: accuracy in training %.4f, on new pictures %.4f\n", name, weights_of(net),
           nn_accuracy(nn_forward(net, train.x), train.y), accuracy);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1, .seed = 1 });
    nn_dataset train = marks(t, TRAIN), test = marks(t, TEST);
    nn_module *net = convolutional(t);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 3 });
    nn_plot_panel(p, "Accuracy on new pictures", "epoch", "%");
    learn(net, "convolution", train, test, p);
    learn(perceptron(t, 1), "perceptron of 1", train, test, p);
    learn(perceptron(t, 32), "perceptron of 32", train, test, p);
    nn_plot_panel(p, "Pictures: plus, cross, plus, cross, ...", NULL, NULL);
    nn_plot_grid(p, ag_slice(train.x, 0, 0, 12, 1), AG_SHAPE(SIDE, SIDE), (nn_plot_grid_config){ .columns = 4 });
    nn_plot_panel(p, "The convolution's weights", NULL, NULL);
    nn_plot_grid(p, nn_find(net, "0.weight"), AG_SHAPE(3, 3), (nn_plot_grid_config){ .columns = 4 });
    nn_plot_save(p, "out/3_deep_networks/08_convolution.png");
    nn_dataset few = { ag_slice(train.x, 0, 0, 4, 1), ag_slice(train.y, 0, 0, 4, 1) };
    ag_draw_html(ag_name(ag_cross_entropy(nn_forward(net, few.x), few.y), "loss"),
                 "out/3_deep_networks/08_convolution.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
