/* The totals of which norms are made, p being any number but 0. */
#ifndef AG_OPS_NORM_H
#define AG_OPS_NORM_H

#include "ag/ops/reductions/lines.h"

#include <math.h>

/* What becomes of lines; of infinite p a total's n is how many elements are the extreme one. *p must last. */
ag_fold ag_norm_fold(const double *p, ag_dtype d);
static inline double ag_norm_of(const ag_total_of *total, double p)
{
    if (p == 1 || isinf(p))
        return total->a;
    return total->b * (p == 2 ? sqrt(total->a) : pow(total->a, 1 / p));
}

#endif
