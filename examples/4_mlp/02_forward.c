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
#include <sys/stat.h>

static void print(const char *name, ag_tensor x)
{
    printf("%s = %.15g %.15g\n", name, ag_item_at(x, 0), ag_item_at(x, 1));
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor w1 = ag_param(AG_VALUES(t, AG_SHAPE(2, 3), 0.1, 0.2, 0.1, -0.2, 0.3, -0.4), "W1");
    ag_tensor w2 = ag_param(AG_VALUES(t, AG_SHAPE(2, 2), -0.2, -0.1, 0.1, -0.5), "W2");
    ag_tensor x = ag_name(AG_VALUES(t, AG_SHAPE(3), 1, 0.4, 0.1), "(1, x)");
    ag_tensor z = ag_mv(w1, x), h = ag_name(ag_sigmoid(z), "h"), o = ag_name(ag_sigmoid(ag_mv(w2, h)), "o");
    ag_tensor p = ag_name(ag_softmax(o, 0), "p");
    print("W1 (1, x)", z);
    print("h", h);
    print("o", o);
    print("softmax(o)", p);
    print("softmax(0.461, 0.455)", ag_softmax(AG_VALUES(t, AG_SHAPE(2), 0.461, 0.455), 0));
    mkdir("out", 0777);
    mkdir("out/4_mlp", 0777);
    ag_draw_html(ag_name(ag_neg(ag_log(ag_select(p, 0, 0))), "-ln p_1"), "out/4_mlp/02_forward.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
