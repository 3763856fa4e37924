/* 1.2. XOR from gates.
 *
 * A neuron with large weights is a gate: sigma(z) is all but 0 or 1 where |z| >= 10. No single neuron computes XOR,
 * whose classes no line separates, but two layers of gates do:
 *
 *     OR = sigma(20 a + 20 b - 10), NAND = sigma(-20 a - 20 b + 30), XOR = AND(OR, NAND) = sigma(20 OR + 20 NAND - 30)
 *
 * Here the weights are set by hand; example 1.10 learns them. */
#include "ag/ag.h"

/* sigma(w (a + b) + bias) */
static ag_tensor gate(ag_tensor a, ag_tensor b, double w, double bias)
{
    return ag_sigmoid(ag_add_scalar(ag_mul_scalar(ag_add(a, b), w), bias));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    printf(" a  b   OR                     NAND                   XOR\n");
    for (int i = 0; i < 4; i++) {
        ag_tensor a = ag_constant(t, i / 2), b = ag_constant(t, i % 2);
        ag_tensor or = gate(a, b, 20, -10), nand = gate(a, b, -20, 30), xor = gate(or, nand, 20, -30);
        printf("%2g %2g   %-21.16g  %-21.16g  %.16g\n", ag_item(a), ag_item(b), ag_item(or), ag_item(nand),
               ag_item(xor));
    }
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
