/* 2.4. The chain through one hidden unit.
 *
 * Lecture 2: two inputs, one hidden unit, one output,
 *
 *     z2 = w2_11 x1 + w2_12 x2 + b2,  a2 = sigma(z2),  z3 = w3_11 a2 + b3,  a3 = sigma(z3),  C = (y - a3)^2 / 2
 *
 * One route leads from the weight w2_11 to the cost, and its five edges are multiplied:
 *
 *     dC/dw2_11 = dC/da3  da3/dz3  dz3/da2  da2/dz2  dz2/dw2_11
 *               = (a3 - y)  a3 (1 - a3)  w3_11  a2 (1 - a2)  x1 */
#include "ag/ag.h"
#include <sys/stat.h>

static ag_tensor variable(ag_tape *t, double v, const char *name)
{
    return ag_name(ag_variable(t, v), name);
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .keep_grads = true });
    ag_tensor x1 = ag_name(ag_constant(t, 0.6), "x1"), x2 = ag_name(ag_constant(t, -0.4), "x2");
    ag_tensor w11 = variable(t, 0.3, "w2_11"), w12 = variable(t, 0.7, "w2_12"), b2 = variable(t, 0.4, "b2");
    ag_tensor w3 = variable(t, -0.5, "w3_11"), b3 = variable(t, 0.2, "b3"), y = ag_name(ag_constant(t, 1), "y");

    ag_tensor from1 = ag_mul(w11, x1), from2 = ag_mul(w12, x2);
    ag_tensor z2 = ag_name(ag_add(ag_add(from1, from2), b2), "z2");
    ag_tensor a2 = ag_name(ag_sigmoid(z2), "a2"), z3 = ag_name(ag_add(ag_mul(w3, a2), b3), "z3");
    ag_tensor a3 = ag_name(ag_sigmoid(z3), "a3"), error = ag_sub(y, a3);
    ag_tensor c = ag_name(ag_mul_scalar(ag_square(error), 0.5), "C");
    ag_backward(c);

    const double a2_value = ag_item(a2), a3_value = ag_item(a3);
    const double factors[5] = { a3_value - 1, a3_value * (1 - a3_value), -0.5, a2_value * (1 - a2_value), 0.6 };
    static const char *const names[5] = { "dC/da3", "da3/dz3", "dz3/da2", "da2/dz2", "dz2/dw2_11" };
    const ag_tensor one = ag_constant(t, 1), ends[6] = { c, a3, z3, a2, z2, w11 };
    double product = 1;
    for (int i = 0; i < 5; i++) {
        double of_tape = ag_item(ag_vjp(ends[i], one, ends[i + 1]));
        printf("%-10s = % .15g, by the formula % .15g\n", names[i], of_tape, factors[i]);
        product *= factors[i];
    }
    printf("their product = %.15g\n", product);
    printf("dC/dw2_11 on the tape = %.15g\n\n", ag_item(ag_grad(w11)));
    ag_explain_routes(c, w11, stdout);
    printf("\n");
    ag_explain(c, stdout);
    mkdir("out", 0777);
    mkdir("out/2_by_hand", 0777);
    ag_draw_file(c, "out/2_by_hand/04_chain.png");
    ag_draw_html(c, "out/2_by_hand/04_chain.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
