/* 1.5. Learning a circle with a module and an optimizer.
 *
 * The program of examples 1.3 and 1.4 as one writes it for larger models: a module is a struct that begins with nn_module,
 * with its parameters registered and a forward function; an optimizer updates whatever list of parameters it was given.
 * Losses come ready made: ag_bce_logits takes z itself and computes -y ln sigma(z) - (1-y) ln(1 - sigma(z)) so that
 * nothing overflows. */
#include "circle.h"
#include "nn/nn.h"
#include "optim/optim.h"

typedef struct circle {
    nn_module base;
    ag_tensor centre, radius;
} circle;

static ag_tensor circle_forward(nn_module *base, ag_tensor x)
{
    const circle *m = (circle *)base;
    ag_tensor squares = ag_square(ag_sub(x, m->centre));
    return ag_sub(ag_sum_over(squares, AG_AXES(1), 0), ag_square(m->radius));
}

static void circle_init(circle *m, ag_tape *t, circle_numbers w)
{
    nn_init(&m->base, t, "circle", circle_forward);
    m->centre = nn_param(&m->base, AG_VALUES(t, AG_SHAPE(2), w.x1, w.x2), "centre");
    m->radius = nn_param(&m->base, ag_constant(t, w.radius), "radius");
}

/* z = 0 on the circle */
static double z_of(const void *user, double x1, double x2)
{
    const circle_numbers *w = user;
    return (x1 - w->x1) * (x1 - w->x1) + (x2 - w->x2) * (x2 - w->x2) - w->radius * w->radius;
}

static void draw(circle *m, const circle_data *data, const double *losses)
{
    enum { SHOWN = 1500 }; /* of all samples, as many as one can see */
    nn_plot *p = nn_plot_new(m->base.tape, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "A circle learned from points", "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -2, 2 }, .y = { -2, 2 }, .equal = true });
    nn_plot_regions(p, &m->base);
    nn_plot_classes(p, ag_slice(data->x, 0, 0, SHOWN, 1), ag_slice(data->drawn, 0, 0, SHOWN, 1));
    nn_plot_contour(p, "true circle", z_of, &circle_truth, 0);
    nn_plot_contour(p, "at the start", z_of, &circle_start, 0);
    nn_plot_panel(p, "Mean loss", "step", "binary cross entropy");
    nn_plot_curve(p, NULL, losses, CIRCLE_STEPS + 1);
    nn_plot_save(p, "out/1_backpropagation/05_circle_module.png");
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    circle_data data = circle_make(t);
    circle m;
    circle_init(&m, t, circle_start);
    optim *sgd = optim_sgd(nn_params(&m.base), (optim_sgd_config){ .lr = circle_rate });
    circle_numbers w = circle_start;
    double losses[CIRCLE_STEPS + 1] = { 0 };
    for (int step = 0; step <= CIRCLE_STEPS; step++) {
        w = (circle_numbers){ ag_item_at(m.centre, 0), ag_item_at(m.centre, 1), ag_item(m.radius) };
        ag_tensor loss = ag_bce_logits(nn_forward(&m.base, data.x), data.drawn);
        losses[step] = ag_item(loss);
        if (circle_reports(step))
            circle_print("labels drawn with probability p", step, losses[step], w);
        optim_zero_grad(sgd);
        ag_backward(loss);
        optim_step(sgd);
        if (ag_tape_reset(t))
            break;
    }
    circle_print("", -1, 0, circle_truth);
    draw(&m, &data, losses);
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(&m.base, data.x), data.drawn), "loss"),
                 "out/1_backpropagation/05_circle_module.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
