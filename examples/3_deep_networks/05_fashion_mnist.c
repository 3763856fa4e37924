/* 3.5. Clothes: a network on real data.
 *
 * Fashion-MNIST has 60000 pictures of 28 x 28 grey values in ten classes to learn from, and 10000 to be tested on. A
 * perceptron with one hidden layer of 256 learns them in batches of 64: each epoch goes through all pictures in a new
 * order. Training and test use the same network, but the test runs without a tape (ag_no_grad_begin). The weights are
 * saved to a safetensors file, read into a second network, and tested again.
 *
 *     12_fashion_mnist [DIRECTORY [EPOCHS]] */
#include "../plot.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CLASSES = 10,
    BATCH = 64,
    EVERY = 100,
    MOST_EPOCHS = 20,
    SHOWN = 8,
    POINTS = 1000
};
static const char *const names[CLASSES] = { "T-shirt", "trousers", "pullover", "dress", "coat",
                                            "sandal",  "shirt",    "sneaker",  "bag",   "boot" };
#define WEIGHTS "out/fashion_mlp.safetensors"

/* What the picture is drawn from */
typedef struct history {
    double epoch[POINTS], loss[POINTS], accuracy[MOST_EPOCHS + 1];
    size_t points;
    int epochs;
} history;

static double now(void)
{
    struct timespec s;
    clock_gettime(CLOCK_MONOTONIC, &s);
    return (double)s.tv_sec + 1e-9 * (double)s.tv_nsec;
}

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

static void remember(history *h, double epoch, double loss)
{
    if (h->points < POINTS) {
        h->epoch[h->points] = epoch;
        h->loss[h->points++] = loss;
    }
}

/* How far the epoch is, on a terminal in one line that is written over and over */
static void report(int epoch, int64_t batch, double loss, double speed)
{
    if (isatty(STDOUT_FILENO))
        printf("\repoch %d, batch %" PRId64 ": loss %.4f, %.0f images/s ", epoch, batch, loss, speed);
    fflush(stdout);
}

static void train(nn_module *net, nn_batches *b, optim *adam, history *h, int64_t images)
{
    double sum = 0, recent = 0, start = now();
    int64_t done = 0, batches = 0;
    while (nn_batches_next(b)) {
        ag_tensor loss = ag_cross_entropy(logits(net, b->x), b->y);
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        recent += ag_item(loss);
        done += b->count;
        if (++batches % EVERY == 0) {
            report(h->epochs + 1, batches, recent / EVERY, (double)done / (now() - start));
            remember(h, h->epochs + (double)done / (double)images, recent / EVERY);
            sum += recent;
            recent = 0;
        }
        ag_tape_reset(net->tape);
    }
    printf("%sepoch %d, %" PRId64 " batches: loss %.4f, %.0f images/s", isatty(STDOUT_FILENO) ? "\r" : "",
           h->epochs + 1, batches, batches ? (sum + recent) / (double)batches : 0, (double)done / (now() - start));
}

/* A panel for each of the first pictures that the network takes for something else */
static void put_mistakes(FILE *p, nn_module *net, nn_dataset test)
{
    int shown = 0;
    const uint8_t *pixels = ag_data(test.x, AG_U8), *label = ag_data(test.y, AG_U8);
    nn_batches *b = nn_batches_new(test, (nn_batches_config){ .size = 500, .scale = 1 / 255.0 });
    plot_print(
        p, "unset xlabel\nunset ylabel\nunset tics\nunset key\nunset colorbox\nunset grid\nset palette gray negative\n"
           "set lmargin 0\nset rmargin 0\nset tmargin 2.5\nset bmargin 0\n"
           "set size ratio -1\nset xrange [-0.5:27.5]\nset yrange [27.5:-0.5]\nset cbrange [0:255]\n");
    if (!pixels || !label || !nn_batches_next(b))
        return;
    const float *z = ag_data(logits(net, b->x), AG_F32);
    for (int64_t i = 0; z && i < b->count && shown < SHOWN; i++) {
        int guess = 0;
        for (int k = 1; k < CLASSES; k++)
            if (z[CLASSES * i + k] > z[CLASSES * i + guess])
                guess = k;
        if (guess == label[i])
            continue;
        plot_print(p, "$m%d << END\n", shown);
        for (int k = 0; k < PIXELS; k++)
            plot_print(p, "%d%s", pixels[PIXELS * i + k], (k + 1) % SIDE ? " " : "\n");
        plot_print(
            p,
            "END\nset origin %g,%g\nset size 0.1,0.28\nset title \"%s\\ntaken for %s\" font ',13' offset 0,-0.6\n"
            "plot $m%d matrix with image\n",
            0.024 + 0.1217 * shown, 0.03, names[label[i]], names[guess], shown);
        shown++;
    }
}

static bool draw(const history *h, nn_module *net, nn_dataset test)
{
    double percent[MOST_EPOCHS + 1];
    for (int i = 0; i <= h->epochs; i++)
        percent[i] = 100 * h->accuracy[i];
    FILE *p = plot_begin("12_fashion_mnist", 1500, 900);
    plot_points(p, "loss", h->epoch, h->loss, h->points);
    plot_points(p, "accuracy", NULL, percent, (size_t)h->epochs + 1);
    plot_print(p,
               "set multiplot\nset key off\nset xtics 1\nset xrange [0:%d]\nset xlabel 'epoch'\n"
               "set origin 0,0.36\nset size 0.5,0.64\nset title 'Training loss, means over %d batches'\nset ylabel "
               "'cross entropy'\n"
               "set yrange [0:*]\nplot $loss with lines linestyle 1\n"
               "set origin 0.5,0.36\nset size 0.5,0.64\nset title 'Accuracy on the test pictures'\nset ylabel '%%'\n"
               "set xrange [0.5:%d.5]\nset yrange [75:95]\nplot $accuracy every ::1 with linespoints linestyle 2 "
               "pointsize 1.4, "
               "$accuracy every ::1 using 1:2:(sprintf('%%.1f', $2)) with labels offset 0,1\n",
               h->epochs, EVERY, h->epochs);
    put_mistakes(p, net, test);
    plot_print(p, "unset multiplot\n");
    return plot_end(p, "12_fashion_mnist");
}

static bool same_after_reload(nn_module *net, nn_batches *test, double before)
{
    ag_tape *t = net->tape;
    nn_module *again = make_net(t);
    if (!plot_directory() || nn_save(net, WEIGHTS) || nn_load(again, WEIGHTS))
        return false;
    double after = accuracy(again, test);
    printf("saved to %s and read back: accuracy %.4f, %s\n", WEIGHTS, after,
           after == before ? "the same" : "ANOTHER ONE");
    return after == before;
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    int epochs = argc > 2 ? atoi(argv[2]) : 5;
    if (epochs < 1 || epochs > MOST_EPOCHS) {
        fprintf(stderr, "usage: %s [DIRECTORY [EPOCHS, 1 to %d]]\n", argv[0], MOST_EPOCHS);
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
    history h = { 0 };
    while (h.epochs < epochs && !ag_error(t)) {
        if (epochs > 1 && h.epochs == epochs - 1)
            optim_set_lr(adam, 2e-4); /* small steps at the end settle the weights */
        train(net, b, adam, &h, ag_shape_of(data.x).dim[0]);
        h.accuracy[++h.epochs] = accuracy(net, test);
        printf(", test accuracy %.4f\n", h.accuracy[h.epochs]);
    }
    bool good = !ag_error(t) && same_after_reload(net, test, h.accuracy[h.epochs]) && draw(&h, net, held);
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : !good;
}
