/* 3.5. Clothes: a network on real data.
 *
 * Fashion-MNIST has 60000 pictures of 28 x 28 grey values in ten classes to learn from, and 10000 to be tested on. A
 * perceptron with one hidden layer of 256 learns them in batches of 64: each epoch goes through all pictures in a new
 * order. Training and test use the same network, but the test runs without a tape (ag_no_grad_begin). The weights are
 * saved to a safetensors file, read into a second network, and tested again. While it learns, a page in a browser shows
 * the loss, the norms of the gradients and how the weights are distributed.
 *
 *     05_fashion_mnist [DIRECTORY [EPOCHS]] */
#include "nn/nn.h"
#include "optim/optim.h"
#include <stdlib.h>

enum { IMAGES = 60000, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, BATCH = 64, EVERY = 100, SHOWN = 8 };
static const char *const names[CLASSES] = { "T-shirt", "trousers", "pullover", "dress", "coat",
                                            "sandal",  "shirt",    "sneaker",  "bag",   "boot" };
#define OUT "out/3_deep_networks/"

static nn_dataset read_part(ag_tape *t, const char *directory, const char *part)
{
    char x[512], y[512];
    snprintf(x, sizeof x, "%s/%s-images-idx3-ubyte.gz", directory, part);
    snprintf(y, sizeof y, "%s/%s-labels-idx1-ubyte.gz", directory, part);
    return nn_read_idx(t, x, y);
}

static nn_module *make_net(ag_tape *t)
{
    return nn_mlp(t, (nn_mlp_config){ .sizes = { PIXELS, 256, CLASSES }, .activation = NN_RELU });
}

static ag_tensor logits(nn_module *net, ag_tensor images)
{
    return nn_forward(net, ag_reshape(images, AG_SHAPE(-1, PIXELS)));
}

static double accuracy(nn_module *net, nn_batches *b)
{
    int64_t right = 0, seen = 0;
    nn_train(net, false);
    ag_no_grad_begin(net->tape);
    while (nn_batches_next(b)) {
        right += nn_correct(logits(net, b->x), b->y);
        seen += b->count;
        ag_tape_reset(net->tape);
    }
    ag_no_grad_end(net->tape);
    nn_train(net, true);
    return seen ? (double)right / (double)seen : 0;
}

/* An epoch; its losses go into the picture, means over EVERY batches. The mean of all */
static double train(nn_module *net, nn_batches *b, optim *adam, nn_plot *p, nn_progress *progress, nn_watch *page)
{
    double sum = 0, recent = 0, epoch = (double)b->epoch;
    int64_t batches = 0;
    nn_plot_panel(p, "Training loss", "epoch", "cross entropy");
    while (nn_batches_next(b)) {
        ag_tensor loss = ag_cross_entropy(logits(net, b->x), b->y);
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        nn_watch_value(page, "loss", ag_item(loss));
        nn_watch_step(page);
        nn_progress_step(progress, b->count, ag_item(loss));
        sum += ag_item(loss);
        recent += ag_item(loss);
        if (++batches % EVERY == 0) {
            nn_plot_add(p, NULL, epoch + (double)batches * BATCH / IMAGES, recent / EVERY);
            recent = 0;
        }
        ag_tape_reset(net->tape);
    }
    nn_progress_end(progress);
    return batches ? sum / (double)batches : 0;
}

/* Which classes the network takes for which others, and the first pictures of which it says something wrong */
static void draw_answers(nn_plot *p, nn_module *net, nn_dataset test)
{
    int64_t counts[CLASSES][CLASSES] = { 0 }, wrong[SHOWN] = { 0 }, seen = 0;
    char text[SHOWN][48];
    const char *captions[SHOWN] = { NULL };
    int shown = 0;
    nn_batches *b = nn_batches_new(test, (nn_batches_config){ .size = 500, .scale = 1 / 255.0 });
    const uint8_t *label = ag_data(test.y, AG_U8);
    while (nn_batches_next(b)) {
        const int64_t *guess = ag_data(ag_argmax(logits(net, b->x), 1), AG_I64);
        for (int64_t i = 0; guess && i < b->count; i++, seen++) {
            counts[label[seen]][guess[i]]++;
            if (guess[i] == label[seen] || shown == SHOWN)
                continue;
            snprintf(text[shown], sizeof *text, "%s\n%s", names[label[seen]], names[guess[i]]);
            captions[shown] = text[shown];
            wrong[shown++] = seen;
        }
        ag_tape_reset(net->tape);
    }
    nn_plot_panel(p, "Test pictures", "what the network says", "what it is");
    nn_plot_names(p, (nn_classes){ names, CLASSES });
    nn_plot_confusion(p, ag_from(net->tape, AG_I64, AG_SHAPE(CLASSES, CLASSES), counts, sizeof counts));
    nn_plot_panel(p, "Mistakes: what it is, and what the network says", NULL, NULL);
    ag_tensor which = ag_from(net->tape, AG_I64, AG_SHAPE(SHOWN), wrong, sizeof wrong);
    nn_plot_grid(p, ag_index_select(test.x, 0, which), AG_SHAPE(SIDE, SIDE),
                 (nn_plot_grid_config){ .columns = 4, .captions = captions });
}

static bool same_after_reload(nn_module *net, nn_batches *test, double before)
{
    ag_tape *t = net->tape;
    nn_module *again = make_net(t);
    if (nn_save(net, OUT "05_fashion_mnist.safetensors") || nn_load(again, OUT "05_fashion_mnist.safetensors"))
        return false;
    double after = accuracy(again, test);
    printf("saved and read back: accuracy %.4f, %s\n", after, after == before ? "the same" : "ANOTHER ONE");
    return after == before;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    int epochs = argc > 2 ? atoi(argv[2]) : 5;
    if (epochs < 1) {
        fprintf(stderr, "usage: %s [DIRECTORY [EPOCHS]]\n", argv[0]);
        return 2;
    }
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .seed = 1 });
    nn_dataset data = read_part(t, directory, "train"), held = read_part(t, directory, "t10k");
    if (ag_error(t) == AG_EFILE)
        fprintf(stderr, "Fashion-MNIST is in Debian's package dataset-fashion-mnist; another directory can be given as "
                        "argument.\n");
    nn_batches *b = nn_batches_new(data, (nn_batches_config){ .size = BATCH, .shuffle = true, .scale = 1 / 255.0 });
    nn_batches *test = nn_batches_new(held, (nn_batches_config){ .size = 500, .scale = 1 / 255.0 });
    nn_module *net = make_net(t);
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 1e-3 });
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_progress *progress = nn_progress_new(t, (nn_progress_config){ .total = IMAGES, .unit = "images" });
    nn_watch *page =
        nn_watch_new(nn_params(net), OUT "05_fashion_mnist_training", (nn_watch_config){ .title = "Clothes" });
    double reached = 0;
    for (int epoch = 1; epoch <= epochs && !ag_error(t); epoch++) {
        if (epochs > 1 && epoch == epochs)
            optim_set_lr(adam, 2e-4); /* small steps at the end settle the weights */
        double loss = train(net, b, adam, p, progress, page);
        reached = accuracy(net, test);
        nn_watch_value(page, "test accuracy", reached);
        printf("epoch %d: loss %.4f, test accuracy %.4f\n", epoch, loss, reached);
        nn_plot_panel(p, "Accuracy on the test pictures", "epoch", "%");
        nn_plot_add(p, NULL, epoch, 100 * reached);
        nn_plot_save(p, OUT "05_fashion_mnist.png"); /* can be watched while it learns */
    }
    bool good = !ag_error(t) && same_after_reload(net, test, reached);
    draw_answers(p, net, held);
    nn_plot_save(p, OUT "05_fashion_mnist.png");
    nn_watch_end(page);
    if (!ag_error(t) && nn_batches_next(test))
        ag_draw_html(ag_name(ag_cross_entropy(logits(net, test->x), test->y), "loss"), OUT "05_fashion_mnist.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : !good;
}
