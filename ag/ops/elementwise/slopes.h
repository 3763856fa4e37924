/* Derivatives that two places have: the kernels of an op, and an op for rules alone, which has the next derivative. */
#ifndef AG_OPS_SLOPES_H
#define AG_OPS_SLOPES_H

#include "ag/ops/elementwise/functions.h"

/* (1 - x) (1 + x) keeps the digits of 1 - x^2 near 1; squares of what is far off would overflow. */
#define ASIN_SLOPE(x) (1 / SQRT((1 - (x)) * (1 + (x))))
#define ATANH_SLOPE(x) (1 / ((1 - (x)) * (1 + (x))))
#define ACOSH_SLOPE(x) (1 / (SQRT((x)-1) * SQRT((x) + 1)))
#define ASINH_SLOPE(x) (ABS(x) > K(0x1p30) ? 1 / ABS(x) : 1 / SQRT(1 + (x) * (x)))
#define ATAN_SLOPE(x) (ABS(x) > K(0x1p30) ? 1 / (x) / (x) : 1 / (1 + (x) * (x)))
#define ATAN2_SLOPE(a, b) AG_OWN(ag_angle_slope, a)(a, b)
#define GAUSS(x) AG_OWN(ag_bell, x)(x)

AG_IN_DOUBLE2(ag_angle_slope, {
    const double h = HYPOT(a, b);
    return ag_choose(h > DBL_MAX, 0, b / h / h);
})
/* exp(-x^2): x^2 is h^2 + rest, of which h^2 has no error; 0 from 40 on */
AG_IN_DOUBLE(ag_bell, {
    const double z = ag_choose(fabs(x) > 40, 40, x);
    const double h = (double)(float)z;
    const double rest = (z - h) * (z + h);
    const double y = EXP(-h * h);
    return y - y * (rest * (1 - rest * (0.5 - rest / 6)));
})

#endif
