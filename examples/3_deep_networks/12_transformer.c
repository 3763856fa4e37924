/* 3.12. A transformer block.
 *
 * Lecture 3 names it: attention lets a position of a sequence look at others, by what they hold and not by where they stand.
 * The task is to look something up: six pairs of a key and a value in random order, and at the end a key alone. What was its
 * value? A perceptron with as many weights, which sees all at once, would have to learn this for every place anew. */
#include "compare.h"
#include "optim/optim.h"

enum {
    KEYS = 8,
    VALUES = 4,
    PAIRS = 6,
    LENGTH = PAIRS + 1,
    IN = KEYS + VALUES,
    FEATURES = 16,
    STEPS = 400,
    BATCH = 64,
    TEST = 2000
};

typedef struct lookup {
    nn_module base;
    nn_module *in, *block, *out;
} lookup;

/* x [n,t,12] -> logits [n,4] of what the last position holds after the block */
static ag_tensor look(nn_module *base, ag_tensor x)
{
    const lookup *m = (lookup *)base;
    ag_tensor h = nn_forward(m->block, nn_forward(m->in, x));
    return nn_forward(m->out, ag_select(h, 1, -1));
}

static nn_module *transformer(ag_tape *t, lookup *m)
{
    nn_init(&m->base, t, "lookup", look);
    m->in = nn_child(&m->base, nn_linear(t, IN, FEATURES, (nn_linear_config){ 0 }), "in");
    m->block = nn_child(&m->base, nn_transformer_block(t, FEATURES, 2, 32, (nn_transformer_config){ 0 }), "block");
    m->out = nn_child(&m->base, nn_linear(t, FEATURES, VALUES, (nn_linear_config){ 0 }), "out");
    return &m->base;
}

/* Keys, all different, and values, one-hot side by side; then one of the keys, with no value. y is its value. */
static nn_dataset tables(ag_tape *t, int count)
{
    ag_tensor order = ag_argsort(ag_rand(t, AG_F64, AG_SHAPE(count, KEYS), 0, 1), 1, (ag_sort_options){ 0 });
    ag_tensor keys = ag_slice(order, 1, 0, PAIRS, 1);
    ag_tensor values = ag_cast(ag_floor(ag_rand(t, AG_F64, AG_SHAPE(count, PAIRS), 0, VALUES)), AG_I64);
    ag_tensor asked = ag_cast(ag_floor(ag_rand(t, AG_F64, AG_SHAPE(count, 1), 0, PAIRS)), AG_I64);
    ag_tensor key = ag_one_hot(ag_concat(AG_LIST(keys, ag_gather(keys, 1, asked)), 1), KEYS, AG_F64);
    ag_tensor none = ag_zeros(t, AG_F64, AG_SHAPE(count, 1, VALUES));
    ag_tensor value = ag_concat(AG_LIST(ag_one_hot(values, VALUES, AG_F64), none), 1);
    return (nn_dataset){ ag_concat(AG_LIST(key, value), 2), ag_squeeze(ag_gather(values, 1, asked), 1) };
}

static void learn(nn_module *net, const char *name, nn_plot *p)
{
    ag_tape *t = net->tape;
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.003 });
    for (int step = 1; step <= STEPS && !ag_error(t); step++) {
        nn_dataset d = tables(t, BATCH);
        optim_zero_grad(adam);
        ag_tensor z = nn_forward(net, d.x);
        ag_backward(ag_cross_entropy(z, d.y));
        optim_step(adam);
        if (step % 10 == 0) {
            nn_dataset test = tables(t, 500);
            nn_plot_add(p, name, step, 100 * nn_accuracy(nn_forward(net, test.x), test.y));
        }
        ag_tape_reset(t);
    }
    nn_dataset test = tables(t, TEST);
    printf("%s, %d weights: right %.4f\n", name, weights_of(net), nn_accuracy(nn_forward(net, test.x), test.y));
    ag_tape_reset(t);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1, .seed = 1 });
    lookup m;
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "The value of a key, looked up", "step", "right [%]");
    learn(transformer(t, &m), "transformer block", p);
    nn_mlp_config config = { .sizes = { LENGTH * IN, 29, VALUES }, .activation = NN_RELU };
    learn(NN_SEQUENTIAL(t, nn_flatten(t), nn_mlp(t, config)), "perceptron", p);
    nn_plot_save(p, "out/3_deep_networks/12_transformer.png");
    nn_dataset one = tables(t, 1);
    ag_draw_html(ag_name(ag_cross_entropy(nn_forward(&m.base, ag_buffer(one.x, "x")), ag_buffer(one.y, "y")), "loss"),
                 "out/3_deep_networks/12_transformer.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
