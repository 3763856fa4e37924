/* Products of the matrices in the last two dimensions of arrays, over their leading dimensions. */
#ifndef AG_KERNELS_BATCHED_H
#define AG_KERNELS_BATCHED_H

#include "ag/array/array.h"
#include "ag/kernels/matmul.h"

/* The leading dimensions of a, b and c that are no part of the one product: strides in elements, 0 along broadcast
 * ones. Those along which c moves come first. */
typedef struct ag_batch {
    ag_product product;
    int rank, threads;
    int64_t dim[AG_MAX_RANK], a[AG_MAX_RANK], b[AG_MAX_RANK], c[AG_MAX_RANK];
    int64_t kept, summed; /* matrices of c; products that each of them adds up */
    bool spread;          /* the matrices over the threads, not the tiles of each */
    bool single;          /* there is one product alone, planned: */
    ag_plan plan;
    size_t share;     /* bytes of the workspace for one thread's products */
    size_t workspace; /* bytes of 64-byte-aligned scratch that ag_batched_run wants; often 0 */
} ag_batch;

/* ag_batched_plan, ag_batched_run - c[..,m,n] = a[..,m,k] b[..,k,n] + beta c, beta 0 or 1, for arrays of rank 2 or
 * more, of one floating dtype and any strides. Leading dimensions are aligned at their end; an array in which one is
 * missing or has extent 1 is broadcast along it, and where that array is c the products are summed, in ascending order.
 * Errors: AG_ENOMEM if a workspace is wanted and NULL. */
ag_batch ag_batched_plan(const ag_array *a, const ag_array *b, const ag_array *c, double beta, int threads);
ag_status ag_batched_run(ag_batch *s, const ag_array *c, void *workspace);

/* ag_swapped - the array with its last two dimensions exchanged. */
ag_array ag_swapped(const ag_array *a);

/* ag_with_axis - the array with a dimension of extent 1 inserted before dimension d. Rank at most AG_MAX_RANK - 1. */
ag_array ag_with_axis(const ag_array *a, int d);

#endif
