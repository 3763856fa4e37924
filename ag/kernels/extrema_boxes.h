/* The largest or smallest of few elements, for many results. */
#ifndef AG_KERNELS_EXTREMA_BOXES_H
#define AG_KERNELS_EXTREMA_BOXES_H

#include "ag/kernels/kernels.h"

/* Of array 0 of the nest to array 1, which stays along what is reduced, where that is what it takes. */
bool ag_extremum_boxes(const ag_nest *n, ag_dtype d, const void *from, void *to, bool largest, int threads);

#endif
