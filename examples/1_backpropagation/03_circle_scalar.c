/* 1.3. Learning a circle, one sample after the other.
 *
 * The smallest complete training program: three numbers learn the centre and radius of a circle from labelled points
 * (the model is in circle.h). For each sample the loss -y ln p - (1-y) ln(1-p) is computed from single numbers and sent
 * backward; gradients add up over the epoch; the step divides them by the number of samples and zeroes them.
 *
 * The course notes that this example follows write the update as w = w + rate * gradient / m. Gradient descent
 * subtracts. They also say "class 1 where z > 0.5"; with a sigmoid on z the boundary is z = 0, where p = 0.5.
 *
 * Labels matter. The model means its probabilities: near the circle p is near 0.5, and at the centre it is still
 * sigma(-1.44) = 0.19. Labels drawn with those probabilities give the circle back. Hard labels are surer than any p of
 * the model, and at the best fit the sum of all p is the sum of all y: the points outside, whose p stays below their
 * label 1, are balanced by the points inside, whose p stays above 0. On the true circle those inside are too few, the
 * inside ends at the centre; so the circle shrinks until the sums are equal. (The centre is off too: the square of the
 * data reaches further beyond the circle on one side than on the other.) More data do not help, it is a bias and not
 * noise. */
#include "circle.h"
#include <sys/stat.h>

static ag_tensor sample_loss(ag_tensor w1, ag_tensor w2, ag_tensor w0, double x1, double x2, double y)
{
    ag_tape *t = w0.tape;
    ag_tensor d1 = ag_square(ag_sub(ag_constant(t, x1), w1)), d2 = ag_square(ag_sub(ag_constant(t, x2), w2));
    ag_tensor z = ag_sub(ag_add(d1, d2), ag_square(w0));
    ag_tensor p = ag_sigmoid(z);
    return ag_sub(ag_mul_scalar(ag_log(p), -y), ag_mul_scalar(ag_log(ag_scalar_sub(1, p)), 1 - y));
}

/* w = w - rate * gradient / m, without a trace on the tape; then the gradient is zeroed. */
static void update(ag_tensor w)
{
    ag_no_grad_begin(w.tape);
    ag_assign(w, ag_sub(w, ag_mul_scalar(ag_grad(w), circle_rate / CIRCLE_SAMPLES)));
    ag_no_grad_end(w.tape);
    ag_zero_grad(w);
}

static void learn(ag_tensor points, ag_tensor labels, const char *title)
{
    ag_tape *t = points.tape;
    ag_tensor w1 = ag_param(ag_constant(t, circle_start.x1), "w1"),
              w2 = ag_param(ag_constant(t, circle_start.x2), "w2");
    ag_tensor w0 = ag_param(ag_constant(t, circle_start.radius), "w0");
    const double *x = ag_data(points, AG_F64), *y = ag_data(labels, AG_F64);
    for (int step = 0; step <= CIRCLE_STEPS && x && y; step++) {
        circle_numbers w = { ag_item(w1), ag_item(w2), ag_item(w0) };
        double sum = 0;
        for (int i = 0; i < CIRCLE_SAMPLES; i++) {
            ag_tensor loss = sample_loss(w1, w2, w0, x[2 * i], x[2 * i + 1], y[i]);
            sum += ag_item(loss);
            ag_backward(loss);
            if (ag_tape_reset(t)) /* the sample is done; parameters and their gradients stay */
                return;
        }
        if (circle_reports(step))
            circle_print(title, step, sum / CIRCLE_SAMPLES, w);
        if (step == 0)
            printf("  gradient, by w1, w2 and w0: %.15f %.15f %.15f\n", ag_item(ag_grad(w1)) / CIRCLE_SAMPLES,
                   ag_item(ag_grad(w2)) / CIRCLE_SAMPLES, ag_item(ag_grad(w0)) / CIRCLE_SAMPLES);
        update(w1);
        update(w2);
        update(w0);
    }
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    circle_data data = circle_make(t);
    learn(data.x, data.drawn, "labels drawn with probability p");
    circle_print("", -1, 0, circle_truth);
    printf("\n");
    learn(data.x, data.hard, "hard labels: the radius comes out too small");
    circle_print("", -1, 0, circle_truth);

    /* the graph of one sample, to step through */
    ag_tensor w1 = ag_name(ag_variable(t, circle_start.x1), "w1"), w2 = ag_name(ag_variable(t, circle_start.x2), "w2");
    ag_tensor w0 = ag_name(ag_variable(t, circle_start.radius), "w0");
    mkdir("out", 0777);
    mkdir("out/1_backpropagation", 0777);
    ag_draw_html(ag_name(sample_loss(w1, w2, w0, -0.5, 0.5, 1), "loss"), "out/1_backpropagation/03_circle_scalar.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
