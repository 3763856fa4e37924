/* Elements of an array of any strides in row-major order, some at a time. */
#ifndef AG_KERNELS_GATHERED_H
#define AG_KERNELS_GATHERED_H

#include "ag/array/array.h"

typedef struct ag_gathered {
    const char *data; /* NULL: not read */
    ag_dtype dtype;
    ag_dtype work; /* that is wanted */
    bool flat;     /* they lie so */
    ag_nest nest;
} ag_gathered;
ag_gathered ag_gathered_of(const ag_array *a, ag_dtype work);
/* n elements from number i on: where they are, or gathered into the block. */
const void *ag_gathered_at(const ag_gathered *p, int64_t i, int64_t n, void *block);

#endif
