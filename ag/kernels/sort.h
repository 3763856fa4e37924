/* Sorting along an axis, stably. */
#ifndef AG_KERNELS_SORT_H
#define AG_KERNELS_SORT_H

#include "ag/array/array.h"

/* x, dense, as [outer, n, inner], each line sorted: of which the first k are wanted. NaN counts as the largest, -0 and 0
 * as equal; equal elements stay in their order. */
typedef struct ag_sorting {
    ag_dtype dtype;
    int64_t outer, n, inner, k;
    bool descending;
    int threads;
} ag_sorting;

/* value (NULL: not wanted) and place as [outer, k, inner]. work: ag_sort_work bytes; 0: more than there are. */
size_t ag_sort_work(const ag_sorting *s);
void ag_sort_lines(const ag_sorting *s, const void *x, void *value, int64_t *place, void *work);

#endif
