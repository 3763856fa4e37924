/* What the two examples of the perceptron share: its rule.
 *
 *     P(x) = 1 if w.x > 0, else 0;   w = w + r (C - P) x   for each sample x of the class C
 *
 * No derivative occurs in it: the step from 0 to 1 has none that helps. Where P is right nothing changes; where it is
 * wrong w turns towards x or away from it. */
#ifndef EXAMPLES_PERCEPTRON_H
#define EXAMPLES_PERCEPTRON_H

#include "nn/nn.h"

static inline void perceptron_print(ag_tensor w)
{
    for (int64_t i = 0; i < ag_size_of(w); i++)
        printf(i ? ", %.15g" : "(%.15g", ag_item_at(w, i));
    printf(")\n");
}

/* One epoch over the rows of x [m,k], whose classes are y [m]: how many of them changed w [k]. */
static inline int perceptron_epoch(ag_tensor w, nn_dataset data, double rate, bool shown)
{
    int updates = 0;
    for (int64_t i = 0; i < ag_size_of(data.y); i++) {
        ag_tensor x = ag_select(data.x, 0, i);
        double right = ag_item_at(data.y, i), said = ag_item(ag_dot(w, x)) > 0;
        if (said != right) {
            ag_assign(w, ag_add(w, ag_mul_scalar(x, rate * (right - said))));
            updates++;
            if (shown) {
                printf("sample %2lld is %g, not %g: w = ", (long long)i, right, said);
                perceptron_print(w);
            }
        }
        if (ag_tape_reset(w.tape)) /* the sample is done; w stays */
            break;
    }
    return updates;
}

/* The features 1, a, b: the first one's weight is the bias. */
static inline nn_dataset perceptron_data(ag_tensor a, ag_tensor b, ag_tensor classes)
{
    ag_tensor ones = ag_ones(a.tape, AG_F64, ag_shape_of(a));
    return (nn_dataset){ ag_buffer(ag_stack(AG_LIST(ones, a, b), 1), "x"), ag_buffer(classes, "y") };
}

#endif
