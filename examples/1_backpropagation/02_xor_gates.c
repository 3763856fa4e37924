/* 1.2. XOR from gates.
 *
 * A neuron with large weights is a gate: sigma(z) is all but 0 or 1 where |z| >= 10. No single neuron computes XOR,
 * whose classes no line separates, but two layers of gates do:
 *
 *     OR = sigma(20 a + 20 b - 10), NAND = sigma(-20 a - 20 b + 30), XOR = AND(OR, NAND) = sigma(20 OR + 20 NAND - 30)
 *
 * Here the weights are set by hand; example 1.10 learns them. */
#include "ag/ag.h"
#include <sys/stat.h>

/* sigma(w (a + b) + bias) */
static ag_tensor gate(ag_tensor a, ag_tensor b, double w, double bias)
{
    return ag_sigmoid(ag_add_scalar(ag_mul_scalar(ag_add(a, b), w), bias));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor xor = { 0 };
    printf(" a  b   OR                     NAND                   XOR\n");
    for (int i = 0; i < 4; i++) {
        ag_tensor a = ag_name(ag_variable(t, i / 2), "a"), b = ag_name(ag_variable(t, i % 2), "b");
        ag_tensor or = gate(a, b, 20, -10), nand = gate(a, b, -20, 30);
        xor = gate(ag_name(or, "OR"), ag_name(nand, "NAND"), 20, -30);
        printf("%2g %2g   %-21.16g  %-21.16g  %.16g\n", ag_item(a), ag_item(b), ag_item(or), ag_item(nand),
               ag_item(xor));
    }
    mkdir("out", 0777);
    mkdir("out/1_backpropagation", 0777);
    ag_draw_html(ag_name(xor, "XOR"), "out/1_backpropagation/02_xor_gates.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
