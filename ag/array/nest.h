/* Loop nests over strided arrays of one shape: what the kernels share. */
#ifndef AG_ARRAY_NEST_H
#define AG_ARRAY_NEST_H

#include "ag/array/array.h"

enum { AG_NEST_ARRAYS = 5 };

/* The common shape with unit extents dropped and those dimensions merged that every array steps through at an even
 * stride. The innermost dimension, rank - 1, is left to the caller's loop. */
typedef struct ag_nest {
    int arrays, rank; /* rank is at least 1 */
    int64_t dim[AG_MAX_RANK];
    int64_t stride[AG_NEST_ARRAYS][AG_MAX_RANK]; /* in elements */
} ag_nest;

/* A position in all dimensions but the innermost. */
typedef struct ag_cursor {
    int64_t index[AG_MAX_RANK], offset[AG_NEST_ARRAYS];
} ag_cursor;

/* In the shape's order. Arrays without data stay where they are. */
void ag_nest_take(ag_nest *w, ag_shape shape, int arrays, const ag_array *const *a);
/* Two arrays, in the order of the first one's strides. */
void ag_nest_init(ag_nest *w, const ag_array *a, const ag_array *b);
/* The same for dimensions that the caller has filled in. */
void ag_nest_order(ag_nest *w);
void ag_nest_swap(ag_nest *w, int d, int e);
/* Moves dimension d to just outside the innermost. */
void ag_nest_raise(ag_nest *w, int d);
/* The same with one of `rows` or more along which an array lies contiguous that does not along the innermost, if that has
 * `least` or more: it is turned. Of the arrays whose bits are in `among`. False: none lies so. */
bool ag_nest_turn(ag_nest *w, int among, int64_t rows, int64_t least);
void ag_cursor_set(const ag_nest *w, int64_t row, ag_cursor *c);

static inline int64_t ag_nest_rows(const ag_nest *w)
{
    int64_t rows = 1;
    for (int d = 0; d < w->rank - 1; d++)
        rows *= w->dim[d];
    return rows;
}

/* The next row; arrays: w->arrays, from where it is a constant. */
static inline void ag_cursor_next(const ag_nest *w, ag_cursor *c, int arrays)
{
    for (int d = w->rank - 2; d >= 0; d--) {
        for (int k = 0; k < arrays; k++)
            c->offset[k] += w->stride[k][d];
        if (++c->index[d] < w->dim[d])
            return;
        for (int k = 0; k < arrays; k++)
            c->offset[k] -= w->stride[k][d] * w->dim[d];
        c->index[d] = 0;
    }
}

#endif
