/* The largest or smallest of few elements, for many results. */
#ifndef AG_KERNELS_EXTREMA_BOXES_H
#define AG_KERNELS_EXTREMA_BOXES_H

#include "ag/kernels/kernels.h"

/* Vectors' lanes: `best` becomes the one of v where that is better. A NaN is better than any number, and nothing is better
 * than a NaN. */
#define AG_KEEP_BETTER(best, v, masks, MORE)                                      \
    do {                                                                          \
        const masks better = (masks)(v MORE best) | (masks)(v != v);              \
        best = (__typeof__(best))(((masks)v & better) | ((masks)best & ~better)); \
    } while (0)

/* Are array 0's lines on end, with a result each that follow each other? */
static inline bool ag_extremum_of_lines(const ag_nest *n)
{
    return n->rank == 2 && n->stride[0][0] == n->dim[1] && n->stride[0][1] == 1 && n->stride[1][0] == 1 &&
           n->stride[1][1] == 0;
}

/* Of array 0 of the nest to array 1, which stays along what is reduced, where that is what it takes. */
bool ag_extremum_boxes(const ag_nest *n, ag_dtype d, const void *from, void *to, bool largest, int threads);

#endif
