/* 4.7. Faces: which way do they look?
 *
 * Lecture 4, after Mitchell's book: 30 x 32 pixels from 0 to 1, one hidden layer of 3 units, 4 outputs, all sigmoid. The
 * output of the pose is to be 0.9, the others 0.1; eta = 0.3, momentum alpha = 0.3, one sample a step, 100 epochs. What a
 * hidden unit looks for can be seen: its weights are a picture.
 *
 * A net is tested on pictures that it did not learn from; but which? Other pictures of the same people are easy. With people
 * that it never saw, six of the twenty, the three units do worse: they know the hair of those whom they learned from.
 * Example 4.10 does better.
 *
 *     07_faces DIRECTORY    data: see faces.h */
#include "faces.h"
#include "optim/optim.h"

enum { HIDDEN = 3, EPOCHS = 100 };
static const double held = 0.3;

static double accuracy(nn_module *net, nn_dataset data)
{
    double a = nn_accuracy(nn_forward(net, data.x), data.y);
    ag_tape_reset(net->tape);
    return a;
}

/* The squares of the errors, of targets 0.9 and 0.1 that a sigmoid can reach */
static ag_tensor loss_of(nn_module *net, ag_tensor x, ag_tensor y)
{
    ag_tensor target = ag_add_scalar(ag_mul_scalar(ag_one_hot(y, POSES, AG_F64), 0.8), 0.1);
    return ag_mul_scalar(ag_sum(ag_square(ag_sub(target, nn_forward(net, x)))), 0.5);
}

static nn_module *learn(ag_tape *t, nn_parts parts, const char *name, nn_plot *p)
{
    nn_module *layers = nn_mlp(t, (nn_mlp_config){ .sizes = { PIXELS, HIDDEN, POSES }, .activation = NN_SIGMOID });
    nn_module *net = NN_SEQUENTIAL(t, nn_flatten(t), layers, nn_activation(t, NN_SIGMOID));
    nn_batches *b = nn_batches_new(parts.train, (nn_batches_config){ .size = 1, .shuffle = true });
    optim *sgd = optim_sgd(nn_params(net), (optim_sgd_config){ .lr = 0.3, .momentum = 0.3 });
    for (int epoch = 1; epoch <= EPOCHS && !ag_error(t); epoch++) {
        while (nn_batches_next(b)) {
            optim_zero_grad(sgd);
            ag_backward(loss_of(net, b->x, b->y));
            optim_step(sgd);
            ag_tape_reset(t);
        }
        nn_plot_add(p, name, epoch, 100 * accuracy(net, parts.test));
    }
    printf("held-out %s: %d pictures to learn from, accuracy %.4f; on %d held out %.4f\n", name,
           (int)ag_size_of(parts.train.y), accuracy(net, parts.train), (int)ag_size_of(parts.test.y),
           accuracy(net, parts.test));
    return net;
}

static void draw(nn_plot *p, nn_module *net, nn_dataset test)
{
    static const char *const captions[HIDDEN] = { "unit 1", "unit 2", "unit 3" };
    nn_plot_panel(p, "What the hidden units look for", NULL, NULL);
    nn_plot_grid(p, nn_find(net, "1.0.weight"), AG_SHAPE(FACE_HEIGHT, FACE_WIDTH),
                 (nn_plot_grid_config){ .columns = HIDDEN, .captions = captions });
    nn_plot_panel(p, "Faces of one held-out person", NULL, NULL);
    nn_plot_grid(p, ag_slice(test.x, 0, 0, 24, 1), AG_SHAPE(FACE_HEIGHT, FACE_WIDTH),
                 (nn_plot_grid_config){ .columns = 6 });
    nn_plot_panel(p, "Held-out people", "the net says", "pose");
    nn_plot_names(p, (nn_classes){ poses, POSES });
    nn_plot_confusion(p, nn_confusion_matrix(nn_forward(net, test.x), test.y));
    nn_plot_save(p, "out/4_mlp/07_faces.png");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        printf("usage: %s DIRECTORY, the directory with the faces\n", argv[0]);
        return 0;
    }
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    faces f = faces_read(t, argv[1]);
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "Accuracy on pictures held out", "epoch", "%");
    nn_parts images = nn_split(f.data, 1 - held, (nn_split_config){ .seed = 1 });
    nn_parts people = nn_split(f.data, 1 - held, (nn_split_config){ .seed = 1, .groups = f.person });
    if (!ag_error(t)) {
        learn(t, images, "pictures", p);
        nn_module *net = learn(t, people, "people", p);
        draw(p, net, people.test);
        ag_tensor x = ag_slice(people.test.x, 0, 0, 1, 1), y = ag_slice(people.test.y, 0, 0, 1, 1);
        ag_draw_html(ag_name(loss_of(net, x, y), "loss"), "out/4_mlp/07_faces.html");
    }
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
