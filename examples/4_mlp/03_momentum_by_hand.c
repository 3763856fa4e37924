/* 4.3. Two steps of backpropagation with momentum.
 *
 * Lecture 4's example for paper and pencil: two inputs, two hidden neurons, one output, all sigmoid, all weights 0.1, the
 * biases too, which are the weights of an input 1 that stands first. Two samples, one step after each:
 *
 *     E = (t - o)^2 / 2,  delta = -dE/dz                   delta_o = o (1 - o) (t - o)
 *     dw = eta delta x + alpha dw_before                   delta_h = h (1 - h) w delta_o
 *
 * The deltas are gradients by z, which the tape keeps if asked to (keep_grads); the update is optim_sgd's with momentum.
 * Both hidden neurons begin alike and get the same gradients: they stay alike for ever, which is why weights are random as
 * a rule. */
#include "ag/ag.h"
#include "optim/optim.h"
#include <sys/stat.h>

typedef struct pass {
    ag_tensor z1, h, z2, o;
} pass;

static pass forward(ag_tensor w1, ag_tensor w2, double x1, double x2)
{
    ag_tape *t = w1.tape;
    pass p;
    p.z1 = ag_name(ag_mv(w1, ag_name(AG_VALUES(t, AG_SHAPE(3), 1, x1, x2), "(1, x)")), "z1");
    p.h = ag_name(ag_sigmoid(p.z1), "h");
    p.z2 = ag_name(ag_dot(w2, ag_concat(AG_LIST(AG_VALUES(t, AG_SHAPE(1), 1), p.h), 0)), "z2");
    p.o = ag_name(ag_sigmoid(p.z2), "o");
    return p;
}

static void print(int step, const char *name, ag_tensor x, double sign)
{
    printf("step %d: %s =", step, name);
    for (int64_t i = 0; i < ag_size_of(x); i++)
        printf(" %.16g", sign * ag_item_at(x, i));
    printf("\n");
}

int main(void)
{
    static const double samples[2][3] = { { 1, 0, 0.9 }, { 0, 1, -0.3 } }; /* x1, x2, t */
    ag_tape *t = ag_tape_new((ag_options){ .keep_grads = true });
    ag_tensor w1 = ag_param(ag_full(t, AG_F64, AG_SHAPE(2, 3), 0.1), "w1");
    ag_tensor w2 = ag_param(ag_full(t, AG_F64, AG_SHAPE(3), 0.1), "w2");
    optim *sgd = optim_sgd(AG_LIST(w1, w2), (optim_sgd_config){ .lr = 0.2, .momentum = 0.9 });
    mkdir("out", 0777);
    mkdir("out/4_mlp", 0777);
    for (int step = 1; step <= 2; step++) {
        const double *s = samples[step - 1];
        pass p = forward(w1, w2, s[0], s[1]);
        optim_zero_grad(sgd);
        ag_tensor e = ag_name(ag_mul_scalar(ag_square(ag_scalar_sub(s[2], p.o)), 0.5), "E");
        if (step == 1)
            ag_draw_html(e, "out/4_mlp/03_momentum_by_hand.html");
        ag_backward(e);
        optim_step(sgd);
        print(step, "h", p.h, 1);
        print(step, "o", p.o, 1);
        print(step, "delta_o", ag_grad(p.z2), -1);
        print(step, "delta_h", ag_grad(p.z1), -1);
        print(step, "W2", w2, 1);
        print(step, "W1", w1, 1);
        ag_tape_reset(t);
    }
    printf("x = (1, 1) gives o = %.16g\n", ag_item(forward(w1, w2, 1, 1).o));
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
