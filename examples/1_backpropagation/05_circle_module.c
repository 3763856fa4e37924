/* 1.5. Learning a circle with a module and an optimizer.
 *
 * The program of examples 1.3 and 1.4 as one writes it for larger models: a module is a struct that begins with nn_module,
 * with its parameters registered and a forward function; an optimizer updates whatever list of parameters it was given.
 * Losses come ready made: ag_bce_logits takes z itself and computes -y ln sigma(z) - (1-y) ln(1 - sigma(z)) so that
 * nothing overflows. */
#include "../plot.h"
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

static void put_circle(FILE *p, circle_numbers w, const char *style, const char *title)
{
    plot_print(p, "[a=0:2*pi] '+' using (%.9g+%.9g*cos(a)):(%.9g+%.9g*sin(a)) with lines %s title '%s'", w.x1, w.radius,
               w.x2, w.radius, style, title);
}

static bool draw(const circle_data *data, circle_numbers w, const double *losses)
{
    FILE *p = plot_begin("05_circle", 1500, 800);
    const double *x = ag_data(data->x, AG_F64), *y = ag_data(data->drawn, AG_F64);
    plot_class(p, "inside", x, y, 0, 1500); /* of all samples, as many as one can see */
    plot_class(p, "outside", x, y, 1, 1500);
    plot_points(p, "loss", NULL, losses, CIRCLE_STEPS + 1);
    plot_print(p, "set samples 400\nset multiplot layout 1,2 margins 0.07,0.97,0.23,0.92 spacing 0.1\n"
                  "set size ratio -1\nset xrange [-2:2]\nset yrange [-2:2]\nset xtics 1\nset ytics 1\n"
                  "set key below Left reverse maxrows 2 samplen 3 width 3\n"
                  "set title 'A circle learned from points'\nset xlabel 'x_1'\nset ylabel 'x_2'\n"
                  "plot $inside with points linestyle 1 notitle, $outside with points linestyle 2 notitle, "
                  "keyentry with points pointtype 7 linecolor " PLOT_BLUE " title 'class 0', "
                  "keyentry with points pointtype 7 linecolor " PLOT_RED " title 'class 1', ");
    put_circle(p, circle_start, "linewidth 3 dashtype 2 linecolor " PLOT_BLACK, "at the start");
    plot_print(p, ", ");
    put_circle(p, w, "linewidth 6 linecolor " PLOT_GREEN, "learned");
    plot_print(p, ", ");
    put_circle(p, circle_truth, "linewidth 2 linecolor " PLOT_BLACK, "true circle");
    plot_print(p,
               "\nset size noratio\nset xrange [0:%d]\nset yrange [*:*]\nset xtics auto\nset ytics auto\nset key off\n"
               "set title 'Mean loss'\nset xlabel 'step'\nset ylabel 'binary cross entropy'\n"
               "plot $loss with lines linestyle 1\nunset multiplot\n",
               CIRCLE_STEPS);
    return plot_end(p, "05_circle");
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
    bool drawn = draw(&data, w, losses);
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : !drawn;
}
