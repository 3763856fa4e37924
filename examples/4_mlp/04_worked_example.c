/* 4.4. The worked example.
 *
 * Lecture 4 links to a well-known example with numbers: two inputs, two hidden neurons, two outputs, all sigmoid; the biases
 * are fixed.
 *
 *     i = (0.05, 0.10), targets (0.01, 0.99), E = the sum of (t - o)^2 / 2, learning rate 0.5
 *
 * One step, by hand as on paper, and then what nobody does on paper: 10000 of them. */
#include "nn/nn.h"
#include <sys/stat.h>

enum { STEPS = 10000 };
static const double rate = 0.5;

typedef struct net {
    ag_tensor i, target, w1, w2; /* w1 to w4 and w5 to w8 as matrices, a neuron's weights in a row */
} net;
typedef struct pass {
    ag_tensor h, o, error;
} pass;

static pass forward(const net *n)
{
    pass p;
    p.h = ag_name(ag_sigmoid(ag_add_scalar(ag_mv(n->w1, n->i), 0.35)), "h");
    p.o = ag_name(ag_sigmoid(ag_add_scalar(ag_mv(n->w2, p.h), 0.60)), "o");
    p.error = ag_name(ag_mul_scalar(ag_sum(ag_square(ag_sub(n->target, p.o))), 0.5), "E");
    return p;
}

static void update(ag_tensor w)
{
    ag_no_grad_begin(w.tape);
    ag_assign(w, ag_sub(w, ag_mul_scalar(ag_grad(w), rate)));
    ag_no_grad_end(w.tape);
    ag_zero_grad(w);
}

static void print(const char *name, ag_tensor x)
{
    printf("%s =", name);
    for (int64_t i = 0; i < ag_size_of(x); i++)
        printf(" %.16g", ag_item_at(x, i));
    printf("\n");
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    net n = { ag_buffer(AG_VALUES(t, AG_SHAPE(2), 0.05, 0.10), "i"),
              ag_buffer(AG_VALUES(t, AG_SHAPE(2), 0.01, 0.99), "t"),
              ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 0.15, 0.20, 0.25, 0.30), "w1"),
              ag_param(AG_VALUES(t, AG_SHAPE(2, 2), 0.40, 0.45, 0.50, 0.55), "w2") };
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "The worked example goes on", "step", "E");
    nn_plot_axes(p, (nn_plot_axes_config){ .log_x = true, .log_y = true });
    mkdir("out", 0777);
    mkdir("out/4_mlp", 0777);
    for (int step = 0; step <= STEPS; step++) {
        pass now = forward(&n);
        char name[64];
        if (step < 2 || step == STEPS) {
            snprintf(name, sizeof name, "step %d: h", step);
            print(name, now.h);
            snprintf(name, sizeof name, "step %d: o", step);
            print(name, now.o);
            printf("step %d: E = %.16g\n", step, ag_item(now.error));
        }
        if (step)
            nn_plot_add(p, NULL, step, ag_item(now.error));
        else
            ag_draw_html(now.error, "out/4_mlp/04_worked_example.html");
        ag_backward(now.error);
        update(n.w1);
        update(n.w2);
        if (step == 0)
            print("one step: w", ag_concat(AG_LIST(ag_flatten(n.w1, 0, -1), ag_flatten(n.w2, 0, -1)), 0));
        if (ag_tape_reset(t))
            break;
    }
    nn_plot_save(p, "out/4_mlp/04_worked_example.png");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
