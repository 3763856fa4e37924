/* 3.10. Long short-term memory.
 *
 * Lecture 4 names it: what a recurrent net hands on is squashed at every step, and its gradient shrinks on the way back; after
 * some dozen steps nothing is left of it. An LSTM has a cell beside, to which is added, and gates that say when to write,
 * to keep, and to read.
 *
 * The task: of 40 random signs one is marked, among the first 10; which was it, + or -? The answer must be kept for 30 steps
 * of others that do not count. A perceptron of the same size sees all 80 numbers at once, but would need a unit for each place. */
#include "compare.h"
#include "optim/optim.h"

enum { LENGTH = 40, EARLY = 10, HIDDEN = 8, STEPS = 500, BATCH = 64, TEST = 1000 };

typedef struct reader {
    nn_module base;
    nn_module *layer, *out;
} reader;

/* x [n,t,2] -> a logit [n,1] from the last step's output */
static ag_tensor read(nn_module *base, ag_tensor x)
{
    const reader *m = (reader *)base;
    return nn_forward(m->out, ag_select(nn_forward(m->layer, x), 1, -1));
}

static nn_module *reader_init(reader *m, nn_module *layer)
{
    nn_init(&m->base, layer->tape, "reader", read);
    m->layer = nn_child(&m->base, layer, "layer");
    m->out = nn_child(&m->base, nn_linear(layer->tape, HIDDEN, 1, (nn_linear_config){ 0 }), "out");
    return &m->base;
}

/* The gate that keeps is open at first, sigmoid(5): with 0 half of the cell would go at every step, and nothing would be left
 * to learn from. Gates stand in the order write, keep, new value, read. */
static nn_module *keeping(nn_module *lstm)
{
    double bias[4 * HIDDEN] = { 0 };
    for (int i = HIDDEN; i < 2 * HIDDEN; i++)
        bias[i] = 5;
    ag_assign(nn_find(lstm, "bias_ih_l0"), ag_values(lstm->tape, AG_SHAPE(4 * HIDDEN), bias, 4 * HIDDEN));
    return lstm;
}

/* x[n,t,0] is a sign, x[n,t,1] is 1 where it is marked; y[n,1] is 1 where that was a plus. */
static nn_dataset signs(ag_tape *t, int count)
{
    ag_tensor sign = ag_sign(ag_rand(t, AG_F64, AG_SHAPE(count, LENGTH), -1, 1));
    ag_tensor place = ag_floor(ag_rand(t, AG_F64, AG_SHAPE(count, 1), 0, EARLY));
    ag_tensor mark = ag_cast(ag_equal(ag_arange(t, AG_F64, 0, LENGTH, 1), place), AG_F64);
    ag_tensor marked = ag_sum_over(ag_mul(sign, mark), AG_AXES(1), AG_KEEPDIM);
    return (nn_dataset){ ag_stack(AG_LIST(sign, mark), 2), ag_cast(ag_greater_scalar(marked, 0), AG_F64) };
}

static void learn(nn_module *net, const char *name, nn_plot *p)
{
    ag_tape *t = net->tape;
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.01 });
    for (int step = 1; step <= STEPS && !ag_error(t); step++) {
        nn_dataset d = signs(t, BATCH);
        optim_zero_grad(adam);
        ag_tensor loss = ag_bce_logits(nn_forward(net, d.x), d.y);
        ag_backward(loss);
        optim_clip_norm(adam, 1);
        optim_step(adam);
        if (step % 10 == 0)
            nn_plot_add(p, name, step, ag_item(loss));
        ag_tape_reset(t);
    }
    nn_dataset test = signs(t, TEST);
    printf("%s, %d weights: right %.4f\n", name, weights_of(net), share_right(nn_forward(net, test.x), test.y));
    ag_tape_reset(t);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1, .seed = 1 });
    reader lstm, rnn;
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "A sign kept for 30 steps and more", "step", "loss, binary cross entropy");
    learn(reader_init(&lstm, keeping(nn_lstm(t, 2, HIDDEN, (nn_recurrent_config){ 0 }))), "LSTM", p);
    learn(reader_init(&rnn, nn_rnn(t, 2, HIDDEN, (nn_recurrent_config){ 0 })), "RNN", p);
    nn_mlp_config config = { .sizes = { 2 * LENGTH, 5, 1 }, .activation = NN_TANH };
    learn(NN_SEQUENTIAL(t, nn_flatten(t), nn_mlp(t, config)), "perceptron", p);
    nn_plot_save(p, "out/3_deep_networks/10_lstm.png");
    /* Three steps, of which the first is marked: more are too large a graph to look over */
    ag_tensor x = ag_name(AG_VALUES(t, AG_SHAPE(1, 3, 2), 1, 1, -1, 0, -1, 0), "x");
    ag_tensor y = ag_name(AG_VALUES(t, AG_SHAPE(1, 1), 1), "y");
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(&lstm.base, x), y), "loss"), "out/3_deep_networks/10_lstm.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
