/* One call of an elementwise kernel, forward or backward, over a range of elements. */
#ifndef AG_RANGE_H
#define AG_RANGE_H

#include "ag/record/elementwise.h"
#include "ag/array/walk.h"

enum { AG_GRAIN = 1 << 14 }; /* elements per task of a thread */

typedef struct ag_range { /* one call of a kernel; size is that of the operands' elements, out_size of y's */
    ag_row_forward *forward;
    ag_row_backward *backward;
    void *to;
    const void *dy, *a, *b, *y;
    double c, d;
    size_t size, out_size;
    bool add, padded;
} ag_range;

/* contiguous operands of n elements */
void ag_range_run(const ag_range *r, int64_t n, int threads);
/* strided operands: the result (dense), dy, a, b, y; those without data are not read. `work`: the dtype of the kernel
 */
void ag_range_walk(const ag_range *r, ag_dtype work, ag_shape shape, const ag_array *const *arrays, int threads);

/* ---- operands of an elementwise op */

typedef struct ag_operand {
    uint32_t id;
    const ag_layout *layout;
    const void *data; /* NULL: a number */
    double value;
    bool scalar; /* rank 0 */
} ag_operand;
ag_operand ag_operand_at(const ag_tape *t, uint32_t id);
ag_array ag_dense_array(ag_shape shape, ag_dtype d, const void *data);

/* The value of a floating rank-0 operand; false: it is an array, or no float. */
static inline bool ag_number_at(const ag_tape *t, uint32_t id, double *value)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (!d || !d->data) {
        *value = t->records[AG_INDEX(id)].value;
        return true;
    }
    if (d->layout->rank || d->layout->dtype != AG_F32)
        return false;
    *value = (double)*(const float *)d->data;
    return true;
}

typedef struct ag_pair { /* the operands and what follows from them */
    ag_operand x[2];
    int count;
    ag_dtype dtype;          /* that is computed in */
    const ag_layout *layout; /* of the result */
    int constant;            /* AG_ROW_ARRAYS ... */
    bool dense;              /* all arrays have the result's shape and are dense */
} ag_pair;
static inline int ag_kernel_of(ag_dtype d)
{
    return d == AG_F32 ? 0 : d == AG_F64 ? 1 : 2;
}

#endif
