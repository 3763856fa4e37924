/* Reading tensors of places. */
#include "ag/ops/indexing/indices.h"

ag_status ag_call_is_index(const ag_call *c, const ag_array *index)
{
    if (ag_is_float(index->dtype))
        return ag_call_fail(c, AG_EDTYPE, "indices must be integers; see ag_cast");
    return AG_OK;
}

void ag_watch_mask(const ag_call *c, const ag_array *x, const ag_array *index, int axis)
{
    ag_tape *t = ag_call_tape(c);
    bool mask = ag_tape_debug(t) && index->dtype == AG_U8 && index->shape.rank > 0;
    for (int i = 0; mask && i < index->shape.rank; i++)
        mask = axis + i < x->shape.rank && index->shape.dim[i] == x->shape.dim[axis + i];
    if (mask && ag_warn_first(t, AG_WARN_MASK))
        ag_warn(t,
                "ag_%s: a u8 index of the shape of what it indexes counts as places 0, 1, ..., not as a mask; see "
                "ag_masked_select, ag_masked_fill and ag_nonzero",
                c->op->name);
}

/* ---- a row */

/* Negative, and so are the bits of many together, if v is outside 0 ... last. */
#define OUTSIDE(v, last) ((uint64_t)(v) | ((uint64_t)(last) - (uint64_t)(v)))

#define LOAD(name, type)                                                                     \
    static bool name(const type *from, int64_t stride, int64_t n, int64_t last, int64_t *to) \
    {                                                                                        \
        uint64_t outside = 0;                                                                \
        for (int64_t i = 0; i < n; i++) {                                                    \
            const int64_t v = from[i * stride];                                              \
            outside |= OUTSIDE(v, last);                                                     \
            to[i] = v;                                                                       \
        }                                                                                    \
        return !(outside >> 63);                                                             \
    }
LOAD(load_i64, int64_t)
LOAD(load_i32, int32_t)
LOAD(load_u8, uint8_t)

static bool are_inside(const int64_t *at, int64_t n, int64_t last)
{
    uint64_t outside = 0;
    for (int64_t i = 0; i < n; i++)
        outside |= OUTSIDE(at[i], last);
    return !(outside >> 63);
}

const int64_t *ag_indices_load(ag_dtype d, const void *from, int64_t stride, int64_t n, int64_t extent, int64_t *to)
{
    const int64_t last = extent - 1;
    if (d == AG_I64 && stride == 1)
        return are_inside(from, n, last) ? from : NULL;
    const bool inside = d == AG_I64   ? load_i64(from, stride, n, last, to)
                        : d == AG_I32 ? load_i32(from, stride, n, last, to)
                                      : load_u8(from, stride, n, last, to);
    return inside ? to : NULL;
}

/* ---- what is wrong */

ag_status ag_call_outside(const ag_call *c, const char *name, const ag_array *index, int axis, int64_t extent,
                          bool negative)
{
    const int64_t count = ag_array_size(index);
    int64_t i = 0, v = 0;
    for (; i < count; i++) {
        v = ag_array_get_integer(index, i);
        if (v < (negative ? -extent : 0) || v >= extent)
            break;
    }
    ag_shape place = index->shape;
    for (int d = place.rank - 1; d >= 0 && i < count; d--) {
        place.dim[d] = i % index->shape.dim[d];
        i /= index->shape.dim[d];
    }
    char at[128];
    return ag_call_fail(c, AG_EARG, "%s%s is %lld, but axis %d has extent %lld", name,
                        place.rank ? ag_shape_text(place, at, sizeof at) : "", (long long)v, axis, (long long)extent);
}

/* ---- several together */

typedef struct adding {
    int64_t extent, step;
    bool first, negative, wrong;
} adding;

/* Arrays of a row: the sums, an index. */
#define SUM(name, type)                                                                        \
    static void name(const ag_walk_row *w, void *context)                                      \
    {                                                                                          \
        adding *a = context;                                                                   \
        int64_t *sum = w->data[0];                                                             \
        const type *index = w->data[1];                                                        \
        const int64_t last = a->extent - 1, wrap = a->negative ? a->extent : 0;                \
        uint64_t outside = 0;                                                                  \
        for (int64_t i = 0; i < w->n; i++) {                                                   \
            int64_t v = index[i * w->stride[1]];                                               \
            v += v < 0 ? wrap : 0;                                                             \
            outside |= OUTSIDE(v, last);                                                       \
            int64_t *to = &sum[i * w->stride[0]];                                              \
            *to = (int64_t)((a->first ? 0 : (uint64_t)*to) + (uint64_t)v * (uint64_t)a->step); \
        }                                                                                      \
        if (outside >> 63)                                                                     \
            __atomic_store_n(&a->wrong, true, __ATOMIC_RELAXED);                               \
    }
SUM(sum_i64, int64_t)
SUM(sum_i32, int32_t)
SUM(sum_u8, uint8_t)

static const char *name_of(const ag_index_list *l, int k, char *text, size_t bytes)
{
    if (l->count == 1)
        return "index";
    snprintf(text, bytes, "index %d, at ", k);
    return text;
}

const int64_t *ag_index_places(const ag_call *c, const ag_index_list *l)
{
    const int64_t n = ag_shape_size(l->shape);
    if (l->count == 1 && l->step[0] == 1 && l->index->dtype == AG_I64 && l->index->data &&
        ag_array_is_dense(l->index) && are_inside(l->index->data, n, l->extent[0] - 1))
        return l->index->data;
    ag_array sum = ag_dense_array(l->shape, AG_I64, ag_call_scratch(c, (size_t)n * sizeof(int64_t)));
    if (!sum.data)
        return NULL;
    for (int k = 0; k < l->count; k++) {
        const ag_array *index = &l->index[k], e = ag_array_expand(index, l->shape);
        adding a = { l->extent[k], l->step[k], k == 0, l->negative, false };
        ag_walk(l->shape, 2, (const ag_array *const[]){ &sum, &e },
                e.dtype == AG_I64   ? sum_i64
                : e.dtype == AG_I32 ? sum_i32
                                    : sum_u8,
                &a, ag_call_threads(c));
        char name[32];
        if (a.wrong) {
            ag_call_outside(c, name_of(l, k, name, sizeof name), index, l->axis + k, l->extent[k], l->negative);
            return NULL;
        }
    }
    return sum.data;
}
