/* What the two sizes of sorted elements share. */
#ifndef AG_KERNELS_SORT_ELEMENTS_H
#define AG_KERNELS_SORT_ELEMENTS_H

#include "ag/array/array.h"

enum { AG_SORT_LOAD = 128 }; /* elements that are loaded at a time where only the first are wanted */

typedef struct ag_sort_line {
    const void *x;
    int64_t *place;
    int64_t n, k, step; /* step: between elements, and between places */
    ag_dtype dtype;
    int digits; /* bytes of a key */
    bool descending;
} ag_sort_line;

/* Puts the places of the first k into the line; work: twice the room for elements. */
void ag_sort_line_32(const ag_sort_line *l, void *work, int threads); /* keys of four bytes, fewer than 2^32 elements */
void ag_sort_line_64(const ag_sort_line *l, void *work, int threads);

/* For how many elements there has to be room, twice. Where it is fewer than n, they do not lie there all at once. */
static inline int64_t ag_sort_room(int64_t n, int64_t k)
{
    const int64_t few = 2 * k + 4 * AG_SORT_LOAD;
    return few < n ? few : n;
}

/* NaN is the largest, and -0 is 0. */
static inline uint32_t ag_key_of_f32(float v)
{
    uint32_t u;
    const float w = v + 0; /* -0 becomes 0 */
    memcpy(&u, &w, sizeof u);
    u ^= (uint32_t) - (int32_t)(u >> 31) | (uint32_t)1 << 31;
    return v == v ? u : UINT32_MAX;
}

static inline uint64_t ag_key_of_f64(double v)
{
    uint64_t u;
    const double w = v + 0;
    memcpy(&u, &w, sizeof u);
    u ^= (uint64_t) - (int64_t)(u >> 63) | (uint64_t)1 << 63;
    return v == v ? u : UINT64_MAX;
}

#endif
