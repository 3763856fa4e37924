/* What the three comparisons share: a task, two half-moons that clasp each other, and a net that learns it.
 *
 * Every run is on a tape of its own with the same seed: the same data, and the same weights at the start. */
#ifndef EXAMPLES_MOONS_H
#define EXAMPLES_MOONS_H

#include "nn/nn.h"
#include "optim/optim.h"

enum { MOONS_SAMPLES = 200 };

/* x [m,2] with noise, y [m,1]: 0 on the upper moon, 1 on the lower one */
static inline nn_dataset moons_make(ag_tape *t)
{
    ag_tensor angle = ag_rand(t, AG_F64, AG_SHAPE(MOONS_SAMPLES), 0, 3.141592653589793);
    ag_tensor lower = ag_cast(ag_less_scalar(ag_arange(t, AG_F64, 0, MOONS_SAMPLES, 1), MOONS_SAMPLES / 2.), AG_F64);
    ag_tensor sign = ag_add_scalar(ag_mul_scalar(lower, -2), 1);
    ag_tensor x1 = ag_add(ag_mul(sign, ag_cos(angle)), lower);
    ag_tensor x2 = ag_add(ag_mul(sign, ag_sin(angle)), ag_mul_scalar(lower, 0.5));
    ag_tensor x = ag_stack(AG_LIST(x1, x2), 1), noise = ag_randn(t, AG_F64, ag_shape_of(x), 0, 0.1);
    return (nn_dataset){ ag_buffer(ag_add(x, noise), "x"), ag_buffer(ag_unsqueeze(lower, 1), "y") };
}

/* The part of the samples that is on the wrong side of z = 0, in percent */
static inline double moons_wrong(ag_tensor z, ag_tensor y)
{
    return 100 * ag_item(ag_mean(ag_cast(ag_not_equal(ag_greater_scalar(z, 0), y), AG_F64)));
}

/* The first step from which on the curve stays below the level; count: none */
static inline int moons_reached(const double *curve, int count, double level)
{
    int step = count;
    while (step && curve[step - 1] < level)
        step--;
    return step;
}

#endif
