/* Copying rows that are shorter than a line of the cache. */
#ifndef AG_KERNELS_COPY_SHORT_H
#define AG_KERNELS_COPY_SHORT_H

#include "ag/kernels/kernels.h"

/* Array 1 of the nest to array 0, elements of `size` bytes, where that is what it takes. */
bool ag_copy_short(const ag_nest *w, void *to, const void *from, int64_t size, int threads);

#endif
