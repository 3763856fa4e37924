/* 1.6. A feature map makes a circle linear.
 *
 * A single neuron sigma(w.x + b) separates the plane by a line, and no line separates the inside of a circle from the
 * outside. Lifted to (x1, x2, x1^2 + x2^2) the points lie on a paraboloid, on which a plane does it: the circle
 *
 *     x1^2 + x2^2 - 2 c1 x1 - 2 c2 x2 + |c|^2 - r^2 = 0
 *
 * is linear in the three features. The same neuron is trained on both. */
#include "nn/nn.h"
#include "optim/optim.h"

enum { DRAWN = 1000, STEPS = 1000 };
static const double c1 = 0.5, c2 = -0.25, radius = 1.2, gap = 0.25;

/* Points in a square, without those so near the circle that |z| < gap: two classes that can be separated. */
static nn_dataset make_points(ag_tape *t)
{
    double kept[2 * DRAWN], label[DRAWN];
    int count = 0;
    const double *x = ag_data(ag_rand(t, AG_F64, AG_SHAPE(DRAWN, 2), -2, 2), AG_F64);
    for (int i = 0; x && i < DRAWN; i++) {
        double d1 = x[2 * i] - c1, d2 = x[2 * i + 1] - c2, z = d1 * d1 + d2 * d2 - radius * radius;
        if (z > -gap && z < gap)
            continue;
        kept[2 * count] = x[2 * i];
        kept[2 * count + 1] = x[2 * i + 1];
        label[count++] = z > 0;
    }
    return (nn_dataset){ .x = ag_buffer(ag_values(t, AG_SHAPE(count, 2), kept, 2 * (size_t)count), "x"),
                         .y = ag_buffer(ag_values(t, AG_SHAPE(count, 1), label, (size_t)count), "y") };
}

/* [m,2] -> [m,3] */
static ag_tensor lift(ag_tensor x)
{
    return ag_concat(AG_LIST(x, ag_sum_over(ag_square(x), AG_AXES(1), AG_KEEPDIM)), 1);
}

static double accuracy(ag_tensor z, ag_tensor y)
{
    ag_tensor guess = ag_cast(ag_greater(z, ag_constant(z.tape, 0)), AG_F64);
    return ag_item(ag_mean(ag_cast(ag_equal(guess, y), AG_F64)));
}

static double train(nn_module *neuron, ag_tensor x, ag_tensor y)
{
    optim *adam = optim_adam(nn_params(neuron), (optim_adam_config){ .lr = 0.1 });
    for (int step = 0; step < STEPS; step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(neuron, x), y);
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        if (ag_tape_reset(neuron->tape))
            break;
    }
    return accuracy(nn_forward(neuron, x), y);
}

/* What the lifted neuron sees at a point of the plane, and the height at which it sees 0. w: of the features, then the bias */
static double z_of(const void *user, double x1, double x2)
{
    const double *w = user;
    return w[0] * x1 + w[1] * x2 + w[2] * (x1 * x1 + x2 * x2) + w[3];
}

static double plane(const void *user, double x1, double x2)
{
    const double *w = user;
    return -(w[0] * x1 + w[1] * x2 + w[3]) / w[2];
}

static void draw(nn_dataset data, ag_tensor features, const double *w)
{
    const nn_classes sides = { (const char *const[]){ "inside", "outside" }, 2 };
    nn_plot *p = nn_plot_new(data.x.tape, (nn_plot_config){ .columns = 2 });
    nn_plot_panel(p, "The plane: a circle separates the classes", "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .equal = true });
    nn_plot_names(p, sides);
    nn_plot_classes(p, data.x, data.y);
    nn_plot_contour(p, "learned", z_of, w, 0);
    nn_plot_panel(p, "Lifted: a plane separates them", "x_1", "x_2");
    nn_plot_axes(p, (nn_plot_axes_config){ .z = { 0, 8 }, .z_title = "x_1^2 + x_2^2" });
    nn_plot_names(p, sides);
    nn_plot_classes(p, features, data.y);
    nn_plot_surface(p, "learned", plane, w);
    nn_plot_save(p, "out/1_backpropagation/06_feature_map.png");
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 3 });
    nn_dataset data = make_points(t);
    nn_module *flat = nn_linear(t, 2, 1, (nn_linear_config){ 0 }),
              *lifted = nn_linear(t, 3, 1, (nn_linear_config){ 0 });
    ag_tensor features = ag_buffer(lift(data.x), "features");
    printf("points: %lld\n", (long long)ag_shape_of(data.x).dim[0]);
    printf("accuracy on (x1, x2): %.1f %%\n", 100 * train(flat, data.x, data.y));
    printf("accuracy on (x1, x2, x1^2 + x2^2): %.1f %%\n", 100 * train(lifted, features, data.y));
    double w[4] = { 0 };
    ag_copy_out(nn_find(lifted, "weight"), AG_F64, w, 3 * sizeof *w);
    ag_copy_out(nn_find(lifted, "bias"), AG_F64, w + 3, sizeof *w);
    printf("the boundary as a circle: centre (%.3f, %.3f), radius^2 %.3f; the points leave a ring around %g, %g, %g\n",
           -w[0] / (2 * w[2]), -w[1] / (2 * w[2]), (w[0] * w[0] + w[1] * w[1]) / (4 * w[2] * w[2]) - w[3] / w[2], c1,
           c2, radius * radius);
    draw(data, features, w);
    ag_draw_html(ag_name(ag_bce_logits(nn_forward(lifted, lift(data.x)), data.y), "loss"),
                 "out/1_backpropagation/06_feature_map.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
