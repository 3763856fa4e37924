/* Walking several strided arrays of one shape together, an innermost row at a time. */
#ifndef AG_ARRAY_WALK_H
#define AG_ARRAY_WALK_H

#include "ag/array/array.h"

enum { AG_WALK_ARRAYS = AG_NEST_ARRAYS };
typedef struct ag_walk_row {
    int64_t n;                  /* elements of the row */
    void *data[AG_WALK_ARRAYS]; /* NULL for an array without data */
    int64_t stride[AG_WALK_ARRAYS];
    ag_dtype dtype[AG_WALK_ARRAYS];
} ag_walk_row;

/* Calls `row` for every innermost row; dimensions along which all arrays are contiguous are merged. The arrays have the
 * given shape (or no data). Rows are spread over threads; each must be independent of the others. */
void ag_walk(ag_shape shape, int count, const ag_array *const *arrays, void (*row)(const ag_walk_row *w, void *context),
             void *context, int threads);

#endif
