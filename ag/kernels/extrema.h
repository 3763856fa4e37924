/* The largest or smallest elements. */
#ifndef AG_KERNELS_EXTREMA_H
#define AG_KERNELS_EXTREMA_H

#include "ag/array/array.h"

/* to = the largest (else the smallest) element of from over the dimensions in which to has extent 1; NaN where there is
 * one. The ranks and dtypes are equal, no such dimension is empty. */
void ag_extremum_array(const ag_array *to, const ag_array *from, bool largest, int threads);

#endif
