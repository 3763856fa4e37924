/* Layouts. */
#include "ag/array/array.h"

#define SCALAR(d)                            \
    {                                        \
        .size = 1, .dtype = d, .dense = true \
    }
const ag_layout ag_scalar_layouts[] = { SCALAR(AG_F64), SCALAR(AG_F32), SCALAR(AG_F64),
                                        SCALAR(AG_I32), SCALAR(AG_I64), SCALAR(AG_U8) };

bool ag_layout_set(ag_layout *l, ag_dtype d, ag_shape s)
{
    int64_t size = ag_shape_size(s), bytes;
    if (size < 0 || __builtin_mul_overflow(size, 16, &bytes))
        return false;
    *l = (ag_layout){ .size = size, .dtype = d, .rank = s.rank, .dense = true };
    int64_t stride = 1;
    for (int i = s.rank - 1; i >= 0; i--) {
        l->dim[i] = s.dim[i];
        l->stride[i] = stride;
        if (s.dim[i] > 0 && size)
            stride *= s.dim[i];
    }
    return true;
}

void ag_layout_of_strides(ag_layout *l, const ag_array *a)
{
    *l = (ag_layout){ .size = ag_array_size(a), .dtype = a->dtype, .rank = a->shape.rank, .dense = false };
    memcpy(l->dim, a->shape.dim, sizeof l->dim);
    memcpy(l->stride, a->stride, sizeof l->stride);
}

bool ag_layout_equal(const ag_layout *a, const ag_layout *b)
{
    bool same = a->size == b->size && a->dtype == b->dtype && a->rank == b->rank && a->dense == b->dense;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i] && a->stride[i] == b->stride[i];
    return same;
}

ag_array ag_layout_dense(const ag_layout *l, const void *data)
{
    ag_array a = ag_layout_array(l, (void *)(uintptr_t)data);
    if (!l->dense)
        ag_array_dense(&a);
    return a;
}

void ag_layout_expand(const ag_layout *l, const void *data, const ag_layout *to, ag_array *a)
{
    *a = ag_layout_array(to, (void *)(uintptr_t)data);
    a->dtype = l->dtype;
    for (int i = 1; i <= to->rank; i++) {
        int from = l->rank - i;
        bool spread = from < 0 || (l->dim[from] == 1 && to->dim[to->rank - i] != 1);
        a->stride[to->rank - i] = spread ? 0 : l->stride[from];
    }
}

ag_shape ag_layout_shape(const ag_layout *l)
{
    ag_shape s = { .rank = l->rank };
    memcpy(s.dim, l->dim, sizeof s.dim);
    return s;
}
