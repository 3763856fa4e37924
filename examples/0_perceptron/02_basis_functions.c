/* 0.2. Basis functions: a perceptron that draws curves.
 *
 * Lecture 0: a perceptron separates by a line in the space of its features, whatever they are. Here the classes lie
 * above and below a curve of third degree. Fed (1, x, y) it never comes to an end; fed
 *
 *     (1, x, x^2, x^3, y, x y, y^2)
 *
 * it separates them without an error: a plane among the features is a curve in the plane of x and y. The rule
 * (perceptron.h) is the same, only the features are chosen by hand. To learn them too takes hidden layers. */
#include "perceptron.h"

enum { SAMPLES = 200, EPOCHS = 3000 };
static const double gap = 0.15;

static nn_dataset make_points(ag_tape *t)
{
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(SAMPLES), -1.5, 1.5),
              y = ag_rand(t, AG_F64, AG_SHAPE(SAMPLES), -1.5, 1.5);
    ag_tensor side = ag_sign(ag_sub(y, ag_sub(ag_pow_scalar(x, 3), x)));
    return perceptron_data(x, ag_add(y, ag_mul_scalar(side, gap)), ag_greater_scalar(side, 0));
}

/* (1, x, y) -> (1, x, x^2, x^3, y, x y, y^2), row by row */
static nn_dataset lift(nn_dataset data)
{
    ag_tensor one = ag_select(data.x, 1, 0), x = ag_select(data.x, 1, 1), y = ag_select(data.x, 1, 2);
    ag_tensor features = ag_stack(AG_LIST(one, x, ag_square(x), ag_pow_scalar(x, 3), y, ag_mul(x, y), ag_square(y)), 1);
    return (nn_dataset){ ag_buffer(features, "features"), data.y };
}

/* Learns until an epoch has no mistake, and says how it went. The weights are w. */
static ag_tensor learn(const char *what, nn_dataset data)
{
    ag_tape *t = data.x.tape;
    ag_tensor w = ag_buffer(ag_zeros(t, AG_F64, AG_SHAPE(ag_shape_of(data.x).dim[1])), "w");
    int epochs = 0, updates = 1, fewest = SAMPLES;
    for (; updates && epochs < EPOCHS; epochs++) {
        updates = perceptron_epoch(w, data, 0.1, false);
        fewest = updates < fewest ? updates : fewest;
    }
    ag_tensor said = ag_greater_scalar(ag_matmul(data.x, w), 0);
    double right = 100 * ag_item(ag_mean(ag_cast(ag_equal(said, data.y), AG_F64)));
    printf("%s: epochs %d, fewest mistakes in an epoch %d, right at the end %.15g %%\nw = ", what, epochs, fewest,
           right);
    perceptron_print(w);
    return w;
}

static double line(const void *user, double x, double y)
{
    const double *w = user;
    return w[0] + w[1] * x + w[2] * y;
}

static double curve(const void *user, double x, double y)
{
    const double *w = user;
    return w[0] + w[1] * x + w[2] * x * x + w[3] * x * x * x + w[4] * y + w[5] * x * y + w[6] * y * y;
}

static void draw_panel(nn_plot *p, const char *title, nn_dataset data, nn_plot_function *f, ag_tensor w)
{
    nn_plot_panel(p, title, "x", "y");
    nn_plot_axes(p, (nn_plot_axes_config){ .x = { -1.7, 1.7 }, .y = { -1.8, 1.8 }, .equal = true });
    nn_plot_names(p, (nn_classes){ (const char *const[]){ "below", "above" }, 2 });
    nn_plot_classes(p, ag_slice(data.x, 1, 1, 3, 1), data.y);
    nn_plot_contour(p, "w.x = 0", f, ag_data(w, AG_F64), 0);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 2 });
    nn_dataset data = make_points(t);
    ag_tensor flat = learn("fed (1, x, y)", data), lifted = learn("fed basis functions", lift(data));
    nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
    draw_panel(p, "Fed (1, x, y)", data, line, flat);
    draw_panel(p, "Fed (1, x, x^2, x^3, y, xy, y^2)", data, curve, lifted);
    nn_plot_save(p, "out/0_perceptron/02_basis_functions.png");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
