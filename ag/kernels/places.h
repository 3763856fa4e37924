/* Where the largest or smallest elements are. */
#ifndef AG_KERNELS_PLACES_H
#define AG_KERNELS_PLACES_H

#include "ag/array/array.h"

/* x as [outer, n, inner], n at least 1: place[outer, inner], the first of the largest (else smallest) elements of each
 * line, counted along it, where a NaN counts as more extreme than any number; and value, that element, unless NULL. */
void ag_extremum_places(ag_dtype d, const void *x, int64_t outer, int64_t n, int64_t inner, bool largest,
                        int64_t *place, void *value, int threads);

#endif
