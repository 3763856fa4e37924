/* The totals of which products are made. */
#ifndef AG_OPS_PROD_H
#define AG_OPS_PROD_H

#include "ag/ops/reductions/lines.h"

#include <float.h>
#include <math.h>

/* A total's a times 2^n, so that what overflows or vanishes on the way comes back, is the product of all but zeros, of which
 * there are b; of integers n alone is all, modulo 2^64. */
ag_fold ag_prod_fold(ag_dtype d);

/* a 2^n as one, of no zeros. */
static inline ag_total_of ag_prod_normal(double a, int64_t n)
{
    const uint64_t below = (uint64_t)1 << 52, half = (uint64_t)1022 << 52;
    uint64_t bits;
    int by = 0;
    memcpy(&bits, &a, sizeof bits);
    if (fabs(a) >= DBL_MIN && fabs(a) <= DBL_MAX) { /* frexp in place */
        by = (int)(bits >> 52 & 2047) - 1022;
        bits = (bits & ((uint64_t)1 << 63 | (below - 1))) | half;
        memcpy(&a, &bits, sizeof a);
    } else if (a != 0 && fabs(a) <= DBL_MAX) {
        a = frexp(a, &by);
    }
    return (ag_total_of){ a, 0, n + by };
}

#endif
