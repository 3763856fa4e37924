/* 2.3. One neuron.
 *
 * Lecture 2: a = sigma(z) should be y, and C = (y - a)^2 / 2 is what it costs that it is not. Two local derivatives
 * make the error of the neuron,
 *
 *     delta = dC/dz = dC/da da/dz = (a - y) a (1 - a)
 *
 * The lecture writes dC/da = y - a = 0.56. The square's inner derivative is -1, so that it is a - y = -0.56: C falls as
 * a rises to y. With the wrong sign gradient descent climbs, as the last lines show. */
#include "nn/nn.h"

enum { CURVE = 161, STEPS = 8 };
static const double rate = 4;

static ag_tensor cost(ag_tensor a, double y)
{
    return ag_mul_scalar(ag_square(ag_scalar_sub(y, a)), 0.5);
}

/* z after each step that goes by the sign: -1 down the gradient, 1 up. */
static void walk(ag_tape *t, double sign, double *z, double *c)
{
    z[0] = -0.241;
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor at = ag_variable(t, z[step]), value = cost(ag_sigmoid(at), 1);
        c[step] = ag_item(value);
        if (step < STEPS)
            z[step + 1] = z[step] + sign * rate * ag_item(ag_vjp(value, ag_constant(t, 1), at));
    }
}

static ag_tensor pairs(ag_tape *t, const double *x, const double *y)
{
    const ag_shape n = AG_SHAPE(STEPS + 1);
    return ag_stack(AG_LIST(ag_values(t, n, x, STEPS + 1), ag_values(t, n, y, STEPS + 1)), 1);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .keep_grads = true });
    ag_tensor z = ag_name(ag_variable(t, -0.241), "z"), a = ag_name(ag_sigmoid(z), "a");
    ag_tensor c = ag_name(cost(a, 1), "C");
    ag_backward(c);
    double value = ag_item(a), slope = ag_item(ag_local(a, z));
    printf("a = %.16g\n", value);
    printf("a' = %.16g\n", slope);
    printf("C = %.16g, with a = 0.44: %.4f\n", ag_item(c), (1 - 0.44) * (1 - 0.44) / 2);
    printf("dC/da = %.16g, a - y = %.16g\n", ag_item(ag_grad(a)), value - 1);
    printf("delta = dC/dz = %.16g, (a - y) a' = %.16g\n\n", ag_item(ag_grad(z)), (value - 1) * slope);
    ag_explain(c, stdout);
    ag_explain_routes(c, z, stdout);

    double at[CURVE], height[CURVE], steps[2][STEPS + 1], costs[2][STEPS + 1];
    for (int i = 0; i < CURVE; i++) {
        at[i] = -5 + 8. * i / (CURVE - 1);
        height[i] = ag_item(cost(ag_sigmoid(ag_constant(t, at[i])), 1));
    }
    walk(t, -1, steps[0], costs[0]);
    walk(t, 1, steps[1], costs[1]);
    printf("\n%d steps with dC/da = a - y: C = %.6f; with the lecture's sign: C = %.6f\n", STEPS, costs[0][STEPS],
           costs[1][STEPS]);

    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "One neuron that should say 1", "z", "C = (1 - sigma(z))^2 / 2");
    nn_plot_curve_at(p, "C", at, height, CURVE);
    nn_plot_points(p, "steps with a - y", pairs(t, steps[0], costs[0]));
    nn_plot_points(p, "steps with y - a", pairs(t, steps[1], costs[1]));
    nn_plot_save(p, "out/2_by_hand/03_one_neuron.png");
    ag_draw_html(c, "out/2_by_hand/03_one_neuron.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
