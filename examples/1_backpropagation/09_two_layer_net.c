/* 1.9. A two-layer net by hand.
 *
 *     loss = sum((clamp(x w1, min 0) w2 - y)^2),  x [64,1000], w1 [1000,100], w2 [100,10], y [64,10], all from N(0,1)
 *
 * Random data, so there is nothing to find but the data themselves: the net has enough weights to learn them by heart,
 * and the loss falls from about 3e7 to nothing. No module and no optimizer here: the update is written out, between
 * ag_no_grad_begin and ag_no_grad_end, so that the tape does not take it for a part of the model. */
#include "nn/nn.h"
#include <math.h>

enum { SAMPLES = 64, IN = 1000, HIDDEN = 100, OUT = 10, STEPS = 500 };
static const double rate = 1e-6;

static ag_tensor loss_of(ag_tensor x, ag_tensor w1, ag_tensor w2, ag_tensor y)
{
    ag_tensor predicted = ag_name(ag_matmul(ag_clamp(ag_matmul(x, w1), 0, INFINITY), w2), "predicted");
    return ag_name(ag_sum(ag_square(ag_sub(predicted, y))), "loss");
}

static void update(ag_tensor w)
{
    ag_assign(w, ag_sub(w, ag_mul_scalar(ag_grad(w), rate)));
    ag_zero_grad(w);
}

static void draw(ag_tape *t, const double *losses)
{
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "Sum of squares", "step", "loss");
    nn_plot_axes(p, (nn_plot_axes_config){ .log_y = true });
    nn_plot_curve(p, NULL, losses, STEPS + 1);
    nn_plot_save(p, "out/1_backpropagation/09_two_layer_net.png");
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 0 });
    ag_tensor x = ag_buffer(ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, IN), 0, 1), "x");
    ag_tensor y = ag_buffer(ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, OUT), 0, 1), "y");
    ag_tensor w1 = ag_param(ag_randn(t, AG_F64, AG_SHAPE(IN, HIDDEN), 0, 1), "w1");
    ag_tensor w2 = ag_param(ag_randn(t, AG_F64, AG_SHAPE(HIDDEN, OUT), 0, 1), "w2");
    double losses[STEPS + 1] = { 0 };
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor loss = loss_of(x, w1, w2, y);
        losses[step] = ag_item(loss);
        if (step % 100 == 0)
            printf("step %3d: loss %.6g\n", step, losses[step]);
        ag_backward(loss);
        ag_no_grad_begin(t);
        update(w1);
        update(w2);
        ag_no_grad_end(t);
        if (ag_tape_reset(t))
            break;
    }
    draw(t, losses);
    ag_draw_html(loss_of(x, w1, w2, y), "out/1_backpropagation/09_two_layer_net.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
