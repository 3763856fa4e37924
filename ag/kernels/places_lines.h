/* Places of extremes in long lines. */
#ifndef AG_KERNELS_PLACES_LINES_H
#define AG_KERNELS_PLACES_LINES_H

#include "ag/kernels/kernels.h"

/* The place of the first of the largest (else smallest) of n elements, at least one and less than 1 << 31, one after the
 * other; a NaN is more extreme than any number. */
typedef int64_t ag_place_function(const void *x, int64_t n);
ag_place_function *ag_place_in_line(ag_dtype d, bool largest);

#endif
