/* 1.4. Learning a circle, all samples at once.
 *
 * The program of example 1.3 in ops on whole arrays: x has shape [m,2], the centre [2], the radius none, and where shapes
 * differ the smaller operand is repeated (broadcast). The mean over the samples is now part of the loss, so the
 * gradients arrive divided by m. The numbers are those of example 1.3, to rounding; the work is some 20 nodes an epoch,
 * not 10000 times as many. */
#include "circle.h"
#include <sys/stat.h>

/* z[m] = |x[m,2] - centre[2]|^2 - radius^2 */
static ag_tensor batch_loss(ag_tensor centre, ag_tensor radius, ag_tensor x, ag_tensor y)
{
    ag_tensor squares = ag_square(ag_sub(x, centre));
    ag_tensor z = ag_name(ag_sub(ag_sum_over(squares, AG_AXES(1), 0), ag_square(radius)), "z");
    ag_tensor p = ag_name(ag_sigmoid(z), "p");
    ag_tensor if_one = ag_mul(y, ag_log(p)), if_zero = ag_mul(ag_scalar_sub(1, y), ag_log(ag_scalar_sub(1, p)));
    return ag_neg(ag_mean(ag_add(if_one, if_zero)));
}

static void update(ag_tensor w)
{
    ag_no_grad_begin(w.tape);
    ag_assign(w, ag_sub(w, ag_mul_scalar(ag_grad(w), circle_rate)));
    ag_no_grad_end(w.tape);
    ag_zero_grad(w);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    circle_data data = circle_make(t);
    ag_tensor centre = ag_param(AG_VALUES(t, AG_SHAPE(2), circle_start.x1, circle_start.x2), "centre");
    ag_tensor radius = ag_param(ag_constant(t, circle_start.radius), "radius");
    for (int step = 0; step <= CIRCLE_STEPS; step++) {
        circle_numbers w = { ag_item_at(centre, 0), ag_item_at(centre, 1), ag_item(radius) };
        ag_tensor loss = batch_loss(centre, radius, data.x, data.drawn);
        if (step == 0)
            printf("nodes of a step: %lld\n", (long long)ag_tape_nodes(t));
        if (circle_reports(step))
            circle_print("labels drawn with probability p", step, ag_item(loss), w);
        ag_backward(loss);
        if (step == 0)
            printf("  gradient, by w1, w2 and w0: %.15f %.15f %.15f\n", ag_item_at(ag_grad(centre), 0),
                   ag_item_at(ag_grad(centre), 1), ag_item(ag_grad(radius)));
        update(centre);
        update(radius);
        if (ag_tape_reset(t))
            break;
    }
    circle_print("", -1, 0, circle_truth);
    mkdir("out", 0777);
    mkdir("out/1_backpropagation", 0777);
    ag_draw_html(ag_name(batch_loss(centre, radius, data.x, data.drawn), "loss"),
                 "out/1_backpropagation/04_circle_batch.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
