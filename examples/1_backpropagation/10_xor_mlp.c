/* 1.10. XOR learned.
 *
 * Example 1.2 set the weights of XOR's gates by hand. Here a perceptron with one hidden layer of four tanh neurons finds
 * its own, from the four lines of the truth table. What it learned is a map of the whole plane, drawn at the end. */
#include "../plot.h"
#include "nn/nn.h"
#include "optim/optim.h"

enum { STEPS = 400, GRID = 121 };

/* The net's p at the GRID^2 points of the square from -0.5 to 1.5 */
static bool draw(nn_module *net)
{
    FILE *p = plot_begin("10_xor_mlp", 860, 780);
    ag_tensor line = ag_linspace(net->tape, AG_F64, -0.5, 1.5, GRID);
    ag_tensor a = ag_expand(ag_unsqueeze(line, 1), AG_SHAPE(GRID, GRID)), b = ag_expand(line, AG_SHAPE(GRID, GRID));
    ag_tensor points = ag_reshape(ag_stack(AG_LIST(a, b), 2), AG_SHAPE(-1, 2));
    const double *x = ag_data(points, AG_F64), *z = ag_data(ag_sigmoid(nn_forward(net, points)), AG_F64);
    plot_print(p, "$p << END\n");
    for (int i = 0; x && z && i < GRID * GRID; i++)
        plot_print(p, "%g %g %.6f\n%s", x[2 * i], x[2 * i + 1], z[i], (i + 1) % GRID ? "" : "\n");
    plot_print(p, "END\n$zero << END\n0 0\n1 1\nEND\n$one << END\n0 1\n1 0\nEND\n"
                  "set contour base\nset cntrparam levels discrete 0.5\nunset surface\nset table $boundary\n"
                  "splot $p\nunset table\nset surface\nunset grid\n"
                  "set size ratio -1\nset xrange [-0.5:1.5]\nset yrange [-0.5:1.5]\nset cbrange [0:1]\nset xtics "
                  "0.5\nset ytics 0.5\n"
                  "set palette defined (0 '#5aa5d6', 0.5 '#f7f7f7', 1 '#ef9360')\nset key below samplen 2\n"
                  "set title 'p(a, b), learned from the four points'\nset xlabel 'a'\nset ylabel 'b'\n"
                  "plot $p using 1:2:3 with image notitle, "
                  "$boundary using 1:2 with lines linewidth 2 linecolor " PLOT_BLACK " title 'p = 0.5', "
                  "$zero with points pointtype 7 pointsize 2.5 linecolor " PLOT_BLUE " title 'xor = 0', "
                  "$one with points pointtype 5 pointsize 2.5 linecolor " PLOT_RED " title 'xor = 1'\n");
    return plot_end(p, "10_xor_mlp");
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1 });
    ag_tensor x = ag_buffer(AG_VALUES(t, AG_SHAPE(4, 2), 0, 0, 0, 1, 1, 0, 1, 1), "x");
    ag_tensor y = ag_buffer(AG_VALUES(t, AG_SHAPE(4, 1), 0, 1, 1, 0), "y");
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 4, 1 }, .activation = NN_TANH });
    optim *adam = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.05 });
    for (int step = 0; step <= STEPS; step++) {
        ag_tensor loss = ag_bce_logits(nn_forward(net, x), y);
        if (step % 100 == 0)
            printf("step %3d: loss %.6f\n", step, ag_item(loss));
        optim_zero_grad(adam);
        ag_backward(loss);
        optim_step(adam);
        if (ag_tape_reset(t))
            break;
    }
    ag_tensor p = ag_sigmoid(nn_forward(net, x));
    for (int i = 0; i < 4; i++)
        printf("%g xor %g: p = %.4f\n", ag_item_at(x, 2 * i), ag_item_at(x, 2 * i + 1), ag_item_at(p, i));
    bool drawn = draw(net);
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : !drawn;
}
