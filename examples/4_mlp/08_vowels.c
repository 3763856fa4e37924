/* 4.8. Vowels.
 *
 * Peterson and Barney (1952) had men, women and children say ten English vowels and measured the resonances of their
 * mouths, the formants. Lecture 4: from the first two, F1 and F2 in Hz, an MLP tells the vowels apart; and since there are two
 * one can draw what it decides. No speaker is both in training and test. Neighbouring vowels overlap, and children's
 * formants lie where another's of men do: no classifier that knows these two numbers alone gets all of them right. The same
 * net in PyTorch 2.15, with the same split and schedule, has 0.787 on the held-out speakers, the mean of four seeds.
 *
 *     08_vowels FILE    data: rows of type, sex, speaker, vowel, repetition, f0, f1, f2, f3, as in phonTools' pb52 */
#include "nn/nn.h"
#include "optim/optim.h"

enum { EPOCHS = 120, VOWELS = 10, SPEAKER = 3, VOWEL = 4, F1 = 7, F2 = 8 };

static void learn(nn_module *net, nn_dataset data)
{
    nn_batches *b = nn_batches_new(data, (nn_batches_config){ .size = 32, .shuffle = true });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.01 });
    optim_schedule *rate = optim_schedule_cosine(adam, (optim_cosine_config){ .steps = EPOCHS });
    for (int epoch = 0; epoch < EPOCHS && !ag_error(net->tape); epoch++) {
        while (nn_batches_next(b)) {
            optim_zero_grad(adam);
            ag_backward(ag_cross_entropy(nn_forward(net, b->x), b->y));
            optim_step(adam);
            ag_tape_reset(net->tape);
        }
        optim_schedule_step(rate);
    }
}

static void draw(nn_module *net, nn_parts parts, nn_classes names)
{
    nn_plot *p = nn_plot_new(net->tape, (nn_plot_config){ .columns = 2, .width = 1700, .height = 800 });
    nn_plot_panel(p, "Held-out speakers, and what the net decides", "F1 [Hz]", "F2 [Hz]");
    nn_plot_names(p, names);
    nn_plot_regions(p, net);
    nn_plot_classes(p, parts.test.x, parts.test.y);
    nn_plot_panel(p, "Held-out speakers", "the net says", "vowel");
    nn_plot_names(p, names);
    nn_plot_confusion(p, nn_confusion_matrix(nn_forward(net, parts.test.x), parts.test.y));
    nn_plot_save(p, "out/4_mlp/08_vowels.png");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        printf("usage: %s FILE, the table of vowels\n", argv[0]);
        return 0;
    }
    const char *path = argv[1];
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_classes names = { 0 };
    nn_dataset data =
        nn_read_csv(t, path, (nn_csv_config){ .label_column = VOWEL, .columns = { F1, F2 }, .classes = &names });
    ag_tensor speaker = nn_read_csv(t, path, (nn_csv_config){ .label_column = SPEAKER, .columns = { F1 } }).y;
    nn_parts parts = nn_split(data, 0.7, (nn_split_config){ .seed = 1, .groups = speaker });
    nn_module *net = NN_SEQUENTIAL(t, nn_standardize(parts.train.x),
                                   nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 20, VOWELS }, .activation = NN_TANH }));
    if (!ag_error(t)) {
        learn(net, parts.train);
        printf("%d vowels to learn from, %d of other speakers\n", (int)ag_size_of(parts.train.y),
               (int)ag_size_of(parts.test.y));
        printf("accuracy in training %.4f, on held-out speakers %.4f\n",
               nn_accuracy(nn_forward(net, parts.train.x), parts.train.y),
               nn_accuracy(nn_forward(net, parts.test.x), parts.test.y));
        draw(net, parts, names);
        ag_draw_html(ag_name(ag_cross_entropy(nn_forward(net, parts.test.x), parts.test.y), "loss"),
                     "out/4_mlp/08_vowels.html");
    }
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
