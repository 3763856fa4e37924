/* Tensors of places, as ops that take or put elements read them: of any integer dtype and any strides, each checked
 * before it is used. */
#ifndef AG_OPS_INDICES_H
#define AG_OPS_INDICES_H

#include "ag/ops/shapes/views.h"

enum { AG_INDEX_BLOCK = 512 }; /* so many are read at a time, into L1 */

/* A rank-0 tensor counts as one of a single element. */
static inline ag_array ag_as_vector(const ag_array *a)
{
    ag_array r = *a;
    if (r.shape.rank == 0) {
        r.shape.rank = 1;
        r.shape.dim[0] = 1;
        r.stride[0] = 1;
    }
    return r;
}
static inline ag_shape ag_shape_as_vector(ag_shape s)
{
    if (s.rank == 0)
        s = (ag_shape){ 1, { 1 } };
    return s;
}

/* ---- indices.c */

/* Input i as a tensor of places: AG_EDTYPE if it is floating. */
ag_status ag_call_is_index(const ag_call *c, const ag_array *index);
/* Under debug: warns of an index that may be meant as a mask, which is u8 too, of x from that axis on. */
void ag_watch_mask(const ag_call *c, const ag_array *x, const ag_array *index, int axis);
/* n indices at even strides, which lie in 0 ... extent - 1: where they are, or copied to `to`. NULL: one does not. */
const int64_t *ag_indices_load(ag_dtype d, const void *from, int64_t stride, int64_t n, int64_t extent, int64_t *to);
/* Says which element is the first that is no place on the axis; negative: do negative ones count from its end? `name`
 * is the tensor's. */
ag_status ag_call_outside(const ag_call *c, const char *name, const ag_array *index, int axis, int64_t extent,
                          bool negative);

/* Several tensors of places, which broadcast to one shape, as places in the memory that they are about. */
typedef struct ag_index_list {
    const ag_array *index; /* the first one */
    int count, axis;       /* the first one's */
    bool negative;         /* may they be? */
    ag_shape shape;        /* common to them */
    int64_t extent[AG_MAX_RANK], step[AG_MAX_RANK];
} ag_index_list;
/* The sums of index times step, dense, perhaps in the memory of the first index. NULL: an error is pending. */
const int64_t *ag_index_places(const ag_call *c, const ag_index_list *l);

#endif
