/* 3.9. A recurrent network.
 *
 * Lecture 4 names it: a net that is fed a sequence step by step and hands its own hidden state on to the next step. The task is
 * parity, whether so far the number of ones was odd. A recurrent net needs to learn what one bit does to the state, and then
 * knows it for every length. A perceptron of the same size sees all bits at once, and parity is the hardest function of them
 * there is: every bit turns the answer round.
 *
 * The recurrent net begins with two bits. As they get more it knows ever fewer of the answers, which it had by heart, until it
 * finds the rule; then it knows all, for any length. */
#include "compare.h"
#include "optim/optim.h"

enum { LENGTH = 12, LONG = 200, HIDDEN = 8, STEPS = 3000, BATCH = 64, TEST = 500 };

typedef struct reader {
    nn_module base;
    nn_module *rnn, *out;
} reader;

/* x [n,t,1] -> logits [n,t,1], one for each prefix */
static ag_tensor read(nn_module *base, ag_tensor x)
{
    const reader *m = (reader *)base;
    return nn_forward(m->out, nn_forward(m->rnn, x));
}

static ag_tensor bits(ag_tape *t, int count, int length)
{
    return ag_cast(ag_greater_scalar(ag_rand(t, AG_F64, AG_SHAPE(count, length, 1), -1, 1), 0), AG_F64);
}

static ag_tensor parity(ag_tensor x)
{
    return ag_remainder_scalar(ag_cumsum(x, 1), 2);
}

/* Learns from new sequences in every step: the recurrent net from all prefixes, short ones first, which it can, the
 * perceptron from whole sequences. */
static void learn(nn_module *net, const char *name, bool whole, nn_plot *p)
{
    ag_tape *t = net->tape;
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.01 });
    for (int step = 1; step <= STEPS && !ag_error(t); step++) {
        int longest = 2 + step * LENGTH / STEPS, length = whole || longest > LENGTH ? LENGTH : longest;
        ag_tensor x = bits(t, BATCH, length), y = parity(x);
        ag_tensor z = nn_forward(net, whole ? ag_reshape(x, AG_SHAPE(BATCH, LENGTH)) : x);
        ag_tensor last = whole ? ag_select(y, 1, LENGTH - 1) : y;
        ag_tensor loss = ag_bce_logits(z, last);
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_clip_norm(adam, 1);
        optim_step(adam);
        if (step % 50 == 0)
            nn_plot_add(p, name, step, 100 * share_right(z, last));
        ag_tape_reset(t);
    }
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    reader m;
    nn_init(&m.base, t, "reader", read);
    m.rnn = nn_child(&m.base, nn_rnn(t, 1, HIDDEN, (nn_recurrent_config){ 0 }), "rnn");
    m.out = nn_child(&m.base, nn_linear(t, HIDDEN, 1, (nn_linear_config){ 0 }), "out");
    nn_module *mlp = nn_mlp(t, (nn_mlp_config){ .sizes = { LENGTH, HIDDEN, 1 }, .activation = NN_TANH });
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "Parity of 2, 3, ... 12 bits (perceptron: of 12)", "step", "right [%]");
    learn(&m.base, "recurrent", false, p);
    learn(mlp, "perceptron", true, p);

    ag_tensor x = bits(t, TEST, LENGTH), y = ag_select(parity(x), 1, LENGTH - 1), far = bits(t, TEST, LONG);
    printf("recurrent, %d weights: right %.4f at %d bits, %.4f at %d bits\n", weights_of(&m.base),
           share_right(ag_select(nn_forward(&m.base, x), 1, LENGTH - 1), y), LENGTH,
           share_right(ag_select(nn_forward(&m.base, far), 1, LONG - 1), ag_select(parity(far), 1, LONG - 1)), LONG);
    printf("perceptron, %d weights: right %.4f at %d bits\n", weights_of(mlp),
           share_right(nn_forward(mlp, ag_reshape(x, AG_SHAPE(TEST, LENGTH))), y), LENGTH);
    nn_plot_save(p, "out/3_deep_networks/09_recurrent.png");
    ag_tensor four = ag_name(AG_VALUES(t, AG_SHAPE(1, 4, 1), 1, 0, 1, 1), "bits"), odd = ag_buffer(parity(four), "odd");
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(&m.base, four), odd), "loss"),
                 "out/3_deep_networks/09_recurrent.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
