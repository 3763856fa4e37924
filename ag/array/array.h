/* Arrays: dtypes, shapes, strides and what follows from them. Nothing here knows a tape. */
#ifndef AG_ARRAY_ARRAY_H
#define AG_ARRAY_ARRAY_H

#include "ag/ag.h"
#include <string.h>

#define AG_LIKELY(x) __builtin_expect(!!(x), 1)
#define AG_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AG_COLD __attribute__((noinline, cold))
#define AG_ASIDE __attribute__((noinline))

static inline size_t ag_bytes_of(ag_dtype d) /* ag_dtype_size without a call */
{
    return d == AG_U8 ? 1 : d == AG_F32 || d == AG_I32 ? 4 : d == AG_F64 || d == AG_I64 ? 8 : 0;
}
static inline bool ag_is_float(ag_dtype d)
{
    return d == AG_F32 || d == AG_F64;
}

/* The product of extents. Those of an array without elements may have one that no integer holds: the largest, then. */
static inline int64_t ag_times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}
/* a / b, rounded up */
static inline int64_t ag_parts(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

/* An array without its data, shared between tensors that are alike. */
typedef struct ag_layout {
    int64_t size; /* elements */
    ag_dtype dtype;
    int rank;
    bool dense; /* row-major without gaps */
    int64_t dim[AG_MAX_RANK], stride[AG_MAX_RANK];
} ag_layout;

/* ---- layout.c */

extern const ag_layout ag_scalar_layouts[];               /* by dtype, rank 0 */
bool ag_layout_set(ag_layout *l, ag_dtype d, ag_shape s); /* row-major; false: too large or a negative extent */
void ag_layout_of_strides(ag_layout *l, const ag_array *a);
ag_shape ag_layout_shape(const ag_layout *l);
ag_array ag_layout_dense(const ag_layout *l, const void *data); /* row-major, also where the layout is not */
/* An array of layout l in the shape of `to`: stride 0 along broadcast dimensions. */
void ag_layout_expand(const ag_layout *l, const void *data, const ag_layout *to, ag_array *a);
static inline bool ag_layout_same_shape(const ag_layout *a, const ag_layout *b)
{
    if (AG_LIKELY(a == b))
        return true;
    if (a->rank != b->rank || a->size != b->size)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}
bool ag_layout_equal(const ag_layout *a, const ag_layout *b);
static inline ag_array ag_layout_array(const ag_layout *l, void *data)
{
    ag_array a;
    a.data = data;
    a.dtype = l->dtype;
    a.shape.rank = l->rank;
    memcpy(a.shape.dim, l->dim, sizeof l->dim);
    memcpy(a.stride, l->stride, sizeof l->stride);
    return a;
}
static inline size_t ag_layout_bytes(const ag_layout *l)
{
    return (size_t)l->size * ag_bytes_of(l->dtype);
}

/* ---- array.c: arrays */

void ag_array_dense(ag_array *a); /* sets row-major strides for its shape */
bool ag_array_is_dense(const ag_array *a);
int64_t ag_array_size(const ag_array *a);
ag_array ag_array_expand(const ag_array *a, ag_shape to);   /* stride 0 along broadcast dimensions */
double ag_array_get(const ag_array *a, int64_t i);          /* element i in row-major order */
int64_t ag_array_get_integer(const ag_array *a, int64_t i); /* of an integer array: exact, as a double may not be */
ag_array ag_dense_array(ag_shape shape, ag_dtype d, const void *data);

/* ---- shape.c: shapes and axes */

bool ag_shape_equal(ag_shape a, ag_shape b);
void ag_shape_bytes(ag_shape s, ag_shape *to);                 /* s, where equal shapes have equal bytes */
bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *to); /* false: they do not fit */
bool ag_broadcast_axes(ag_shape s, ag_shape to,
                       ag_axes *axes); /* of `to`, along which s repeats; false: it is no broadcast of s */
int ag_axis(int axis, int rank);       /* -1 is the last; -1 returned: out of range */
bool ag_axes_mask(ag_axes axes, int rank, bool *reduced);        /* AG_ALL too; false: out of range or twice */
const char *ag_shape_text(ag_shape s, char *text, size_t bytes); /* "[64,10]" */

/* Of `count` entries of so many bytes, which ascend in the uint32_t at `key`: the place of the first that is not below the
 * index. */
static inline uint32_t ag_first_from(const void *entries, uint32_t count, size_t bytes, size_t key, uint32_t index)
{
    uint32_t low = 0, high = count, at;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        memcpy(&at, (const char *)entries + middle * bytes + key, sizeof at);
        if (at < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#include "ag/array/nest.h"
#include "ag/array/parallel.h"
#include "ag/array/walk.h"

#endif
