/* 4.2. A forward pass by hand.
 *
 * Lecture 4: two inputs, two hidden neurons, two outputs, all sigmoid. A bias is the weight of an input that is always 1
 * and stands first; the outputs have none:
 *
 *     h = sigma(W1 (1, x)),  o = sigma(W2 h),  x = (0.4, 0.1)
 *
 * Softmax then makes probabilities of the outputs. The lecture does so with outputs rounded to (0.461, 0.455); both are
 * printed. */
#include "ag/ag.h"

static void print(const char *name, ag_tensor x)
{
    printf("%s = %.15g %.15g\n", name, ag_item_at(x, 0), ag_item_at(x, 1));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor w1 = AG_VALUES(t, AG_SHAPE(2, 3), 0.1, 0.2, 0.1, -0.2, 0.3, -0.4);
    ag_tensor w2 = AG_VALUES(t, AG_SHAPE(2, 2), -0.2, -0.1, 0.1, -0.5);
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 1, 0.4, 0.1);
    ag_tensor z = ag_mv(w1, x), h = ag_sigmoid(z), o = ag_sigmoid(ag_mv(w2, h));
    print("W1 (1, x)", z);
    print("h", h);
    print("o", o);
    print("softmax(o)", ag_softmax(o, 0));
    print("softmax(0.461, 0.455)", ag_softmax(AG_VALUES(t, AG_SHAPE(2), 0.461, 0.455), 0));
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
