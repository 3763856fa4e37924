/* 0.1. The perceptron.
 *
 * Under the hood, from the perceptron to the MLP (lecture 0): animals are cute or not, and of each two things are
 * known, its size and the length of its fur. A perceptron looks at x = (1, size, fur) and says "cute" where w.x > 0, on
 * one side of the line w0 + w1 size + w2 fur = 0. It learns from its mistakes alone, by the rule in perceptron.h. Where
 * some line separates the classes it makes finitely many, then no more (Novikoff 1962).
 *
 * No line separates those of XOR, so that in every epoch at least one of the four is wrong. But w stays bounded (Minsky
 * and Papert 1969), and with steps of whole numbers it has finitely many values to go through: sooner or later it is
 * what it was before, and from then on all repeats for ever. */
#include "perceptron.h"

enum { ANIMALS = 40, EPOCHS = 1000 };
static const double rate = 0.1, gap = 0.3;

/* Cute is who has long fur for its size; none is nearer to the line than the gap. */
static nn_dataset make_animals(ag_tape *t)
{
    ag_tensor size = ag_rand(t, AG_F64, AG_SHAPE(ANIMALS), 0.5, 4), fur = ag_rand(t, AG_F64, AG_SHAPE(ANIMALS), 0.5, 4);
    ag_tensor side = ag_sign(ag_sub(fur, ag_add_scalar(ag_mul_scalar(size, 0.5), 1)));
    return perceptron_data(size, ag_add(fur, ag_mul_scalar(side, gap)), ag_greater_scalar(side, 0));
}

static nn_dataset make_xor(ag_tape *t)
{
    ag_tensor a = AG_VALUES(t, AG_SHAPE(4), 0, 0, 1, 1), b = AG_VALUES(t, AG_SHAPE(4), 0, 1, 0, 1);
    return perceptron_data(a, b, ag_not_equal(a, b));
}

static ag_tensor start(ag_tape *t)
{
    return ag_buffer(AG_VALUES(t, AG_SHAPE(3), -1, 0.5, 0.15), "w");
}

static void learn_animals(ag_tensor w, nn_dataset data)
{
    printf("cute or not, w = (-1, 0.5, 0.15) at first\n");
    int total = 0, epoch = 0, updates;
    do {
        updates = perceptron_epoch(w, data, rate, true);
        total += updates;
        epoch++;
    } while (updates && epoch < EPOCHS);
    printf("epochs %d, updates %d, mistakes in the last epoch %d\n", epoch, total, updates);
    printf("w at the end = ");
    perceptron_print(w);
}

static void learn_xor(ag_tensor w, nn_dataset data)
{
    double before[3] = { 0 }, now[3];
    int fewest = 4, same = 0; /* epochs in a row that end where they began */
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int updates = perceptron_epoch(w, data, 1, false);
        fewest = updates < fewest ? updates : fewest;
        ag_copy_out(w, AG_F64, now, sizeof now);
        same = now[0] == before[0] && now[1] == before[1] && now[2] == before[2] ? same + 1 : 0;
        for (int i = 0; i < 3; i++)
            before[i] = now[i];
    }
    printf("\nxor: epochs %d, fewest mistakes in an epoch %d\n", EPOCHS, fewest);
    printf("xor: epochs at the end that left w as it was, after mistakes that undid each other %d\n", same);
}

static void draw_panel(nn_plot *p, nn_dataset data, nn_classes names, ag_tensor w)
{
    nn_plot_names(p, names);
    nn_plot_classes(p, ag_slice(data.x, 1, 1, 3, 1), data.y);
    nn_plot_line(p, "at the end", ag_item_at(w, 1), ag_item_at(w, 2), ag_item_at(w, 0));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    nn_dataset animals = make_animals(t), xor = make_xor(t);
    ag_tensor w = start(t), v = start(t);
    learn_animals(w, animals);
    learn_xor(v, xor);

    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "A line separates cute from not cute", "size in dm", "fur in cm");
    nn_plot_line(p, "at the start", 0.5, 0.15, -1);
    draw_panel(p, animals, (nn_classes){ (const char *const[]){ "not cute", "cute" }, 2 }, w);
    nn_plot_panel(p, "No line separates XOR", "a", "b");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -0.5, 1.5 }, .y = { -0.5, 1.5 } });
    draw_panel(p, xor,
               (nn_classes){
                   (const char *const[]){ "xor = 0", "xor = 1" }, 2 },
               v);
    nn_plot_save(p, "out/0_perceptron/01_perceptron.png");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
