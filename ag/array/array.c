/* Shapes, strides, dtypes and what follows from them. */
#include "ag/internal.h"
#include <limits.h>

const ag_shape AG_SCALAR = { 0 };
const ag_axes AG_ALL = { -1, { 0 } };

#define SCALAR(d)                            \
    {                                        \
        .size = 1, .dtype = d, .dense = true \
    }
const ag_layout ag_scalar_layouts[] = { SCALAR(AG_F64), SCALAR(AG_F32), SCALAR(AG_F64),
                                        SCALAR(AG_I32), SCALAR(AG_I64), SCALAR(AG_U8) };

size_t ag_dtype_size(ag_dtype d)
{
    static const size_t sizes[] = { 0, 4, 8, 4, 8, 1 };
    return (unsigned)d < sizeof sizes / sizeof *sizes ? sizes[d] : 0;
}

const char *ag_dtype_name(ag_dtype d)
{
    static const char *const names[] = { "float", "f32", "f64", "i32", "i64", "u8" };
    return (unsigned)d < sizeof names / sizeof *names ? names[d] : "unknown dtype";
}

int64_t ag_shape_size(ag_shape s)
{
    if (s.rank < 0 || s.rank > AG_MAX_RANK)
        return -1;
    int64_t size = 1;
    bool empty = false;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] < 0)
            return -1;
        empty |= s.dim[i] == 0;
    }
    if (empty)
        return 0;
    for (int i = 0; i < s.rank; i++)
        if (__builtin_mul_overflow(size, s.dim[i], &size))
            return -1;
    return size;
}

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

static unsigned hash_of(ag_dtype d, const ag_shape *s)
{
    uint64_t h = (uint64_t)d * 31 + (uint64_t)s->rank;
    for (int i = 0; i < s->rank; i++)
        h = (h ^ (uint64_t)s->dim[i]) * 0x9e3779b97f4a7c15u;
    return (unsigned)(h >> 60) % AG_RECENT_LAYOUTS;
}

static bool is_like(const ag_layout *l, ag_dtype d, const ag_shape *s)
{
    if (!l || l->dtype != d || l->rank != s->rank)
        return false;
    for (int i = 0; i < s->rank; i++)
        if (l->dim[i] != s->dim[i])
            return false;
    return true;
}

const ag_layout *ag_layout_new(ag_tape *t, ag_dtype d, ag_shape s)
{
    if (s.rank == 0)
        return &ag_scalar_layouts[d];
    unsigned h = s.rank > 0 && s.rank <= AG_MAX_RANK ? hash_of(d, &s) : 0;
    if (is_like(t->recent[h], d, &s))
        return t->recent[h];
    ag_layout *l = ag_scratch(t, sizeof *l);
    if (!l)
        return NULL;
    if (!ag_layout_set(l, d, s)) {
        char text[128];
        ag_fail(t, AG_ELIMIT, "a tensor of shape %s is too large", ag_shape_text(s, text, sizeof text));
        return NULL;
    }
    t->recent[h] = l;
    return l;
}

const ag_layout *ag_layout_of_array(ag_tape *t, const ag_array *a)
{
    if (a->shape.rank == 0)
        return &ag_scalar_layouts[a->dtype];
    bool dense = ag_array_is_dense(a);
    if (dense)
        return ag_layout_new(t, a->dtype, a->shape);
    ag_layout *l = ag_scratch(t, sizeof *l);
    if (!l)
        return NULL;
    *l = (ag_layout){ .size = ag_array_size(a), .dtype = a->dtype, .rank = a->shape.rank, .dense = false };
    memcpy(l->dim, a->shape.dim, sizeof l->dim);
    memcpy(l->stride, a->stride, sizeof l->stride);
    return l;
}

const ag_layout *ag_layout_at(const ag_tape *t, uint32_t id)
{
    const ag_node *d = ag_node_or_null(t, id);
    return d ? d->layout : &ag_scalar_layouts[AG_F64];
}

ag_shape ag_layout_shape(const ag_layout *l)
{
    ag_shape s = { .rank = l->rank };
    memcpy(s.dim, l->dim, sizeof s.dim);
    return s;
}

void ag_array_dense(ag_array *a)
{
    int64_t stride = 1;
    bool any = ag_array_size(a) > 0; /* of an array without elements the extents' product may overflow */
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        a->stride[i] = stride;
        if (any)
            stride *= a->shape.dim[i];
    }
}

bool ag_array_is_dense(const ag_array *a)
{
    int64_t stride = 1;
    if (ag_array_size(a) == 0)
        return true;
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        if (a->shape.dim[i] != 1 && a->stride[i] != stride)
            return false;
        stride *= a->shape.dim[i];
    }
    return true;
}

int64_t ag_array_size(const ag_array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->shape.rank; i++)
        if (a->shape.dim[i] == 0)
            return 0;
    for (int i = 0; i < a->shape.rank; i++)
        n *= a->shape.dim[i];
    return n;
}

bool ag_shape_equal(ag_shape a, ag_shape b)
{
    return a.rank == b.rank && (a.rank <= 0 || !memcmp(a.dim, b.dim, (size_t)a.rank * sizeof *a.dim));
}

bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *to)
{
    *to = a.rank >= b.rank ? a : b;
    for (int i = 1; i <= to->rank; i++) {
        int64_t x = i <= a.rank ? a.dim[a.rank - i] : 1, y = i <= b.rank ? b.dim[b.rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        to->dim[to->rank - i] = x == 1 ? y : x;
    }
    return true;
}

ag_array ag_array_expand(const ag_array *a, ag_shape to)
{
    ag_array e = { .data = a->data, .dtype = a->dtype, .shape = to };
    for (int i = 1; i <= to.rank; i++) {
        int from = a->shape.rank - i;
        bool spread = from < 0 || (a->shape.dim[from] == 1 && to.dim[to.rank - i] != 1);
        e.stride[to.rank - i] = spread ? 0 : a->stride[from];
    }
    return e;
}

int ag_axis(int axis, int rank)
{
    int a = axis < 0 ? axis + rank : axis;
    return a >= 0 && a < rank ? a : -1;
}

bool ag_axes_mask(ag_axes axes, int rank, bool *reduced)
{
    for (int i = 0; i < rank; i++)
        reduced[i] = axes.count < 0;
    if (axes.count > AG_MAX_RANK)
        return false;
    for (int i = 0; i < axes.count; i++) {
        int a = ag_axis(axes.axis[i], rank);
        if (a < 0 || reduced[a])
            return false;
        reduced[a] = true;
    }
    return true;
}

const char *ag_shape_text(ag_shape s, char *text, size_t bytes)
{
    size_t used = 0;
    if (s.rank < 0 || s.rank > AG_MAX_RANK) {
        snprintf(text, bytes, "[invalid]");
        return text;
    }
    for (int i = 0; i < s.rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%lld", i ? "," : "[", (long long)s.dim[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, s.rank ? "]" : "[]");
    return text;
}
