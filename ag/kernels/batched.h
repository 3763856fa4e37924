/* Products of the matrices in the last two dimensions of arrays, over their leading dimensions. */
#ifndef AG_KERNELS_BATCHED_H
#define AG_KERNELS_BATCHED_H

#include "ag/internal.h"

/* ag_batched_run - c[..,m,n] = a[..,m,k] b[..,k,n] + beta c, beta 0 or 1, for arrays of rank 2 or more, of one floating
 * dtype and any strides. Leading dimensions are aligned at their end; an array in which one is missing or has extent 1
 * is broadcast along it, and where that array is c the products are summed, in ascending order.
 * Scratch memory comes from the call. Errors: AG_ENOMEM, reported. */
ag_status ag_batched_run(const ag_call *call, const ag_array *a, const ag_array *b, const ag_array *c, double beta);

/* ag_swapped - the array with its last two dimensions exchanged. */
ag_array ag_swapped(const ag_array *a);

/* ag_with_axis - the array with a dimension of extent 1 inserted before dimension d. Rank at most AG_MAX_RANK - 1. */
ag_array ag_with_axis(const ag_array *a, int d);

#endif
