/* Elements where a mask is not 0, as a vector and back. */
#include "ag/ops/indexing/masked.h"

/* ---- counting */

#define COUNT(name, type)                                 \
    static void name(const ag_walk_row *w, void *context) \
    {                                                     \
        const type *x = w->data[0];                       \
        int64_t count = 0;                                \
        for (int64_t i = 0; i < w->n; i++)                \
            count += x[i * w->stride[0]] != 0;            \
        *(int64_t *)context += count;                     \
    }
COUNT(count_f32, float)
COUNT(count_f64, double)
COUNT(count_i32, int32_t)
COUNT(count_i64, int64_t)
COUNT(count_u8, uint8_t)

int64_t ag_nonzero_count(const ag_array *x)
{
    static void (*const counts[])(const ag_walk_row *, void *) = {
        [AG_F32] = count_f32, [AG_F64] = count_f64, [AG_I32] = count_i32, [AG_I64] = count_i64, [AG_U8] = count_u8
    };
    int64_t count = 0;
    ag_walk(x->shape, 1, &x, counts[x->dtype], &count, 1);
    return count;
}

/* ---- between a vector and the places of a mask, in row-major order */

typedef struct packing {
    char *vector;
    int64_t count; /* elements that the vector has left */
    bool add;
} packing;

/* Arrays of a row: x, the mask. Every element is written where the next chosen one belongs. */
#define PACK(name, type)                                     \
    static void name(const ag_walk_row *w, void *context)    \
    {                                                        \
        packing *p = context;                                \
        type *to = (type *)(void *)p->vector;                \
        const type *x = w->data[0];                          \
        const uint8_t *mask = w->data[1];                    \
        int64_t k = 0;                                       \
        for (int64_t i = 0; i < w->n && k < p->count; i++) { \
            to[k] = x[i * w->stride[0]];                     \
            k += mask[i * w->stride[1]] != 0;                \
        }                                                    \
        p->vector += k * (int64_t)sizeof(type);              \
        p->count -= k;                                       \
    }
PACK(pack_8, uint8_t)
PACK(pack_32, uint32_t)
PACK(pack_64, uint64_t)

/* Arrays of a row: what is written, the mask. */
#define UNPACK(name, type, value)                                 \
    static void name(const ag_walk_row *w, void *context)         \
    {                                                             \
        packing *p = context;                                     \
        const type *from = (const type *)(const void *)p->vector; \
        type *x = w->data[0];                                     \
        const uint8_t *mask = w->data[1];                         \
        int64_t k = 0;                                            \
        for (int64_t i = 0; i < w->n && k < p->count; i++)        \
            if (mask[i * w->stride[1]]) {                         \
                type *to = &x[i * w->stride[0]];                  \
                *to = value from[k++];                            \
            }                                                     \
        p->vector += k * (int64_t)sizeof(type);                   \
        p->count -= k;                                            \
    }
UNPACK(unpack_8, uint8_t, )
UNPACK(unpack_32, uint32_t, )
UNPACK(unpack_64, uint64_t, )
UNPACK(unpack_add_f32, float, *to +)
UNPACK(unpack_add_f64, double, *to +)

/* Arrays of a row: what is written, 0 where the mask is, without a branch that nobody can foretell. */
#define SPREAD(name, type)                                         \
    static void name(const ag_walk_row *w, void *context)          \
    {                                                              \
        packing *p = context;                                      \
        const type *from = (const type *)(const void *)p->vector;  \
        type *x = w->data[0];                                      \
        const uint8_t *mask = w->data[1];                          \
        int64_t k = 0, i = 0;                                      \
        for (; i < w->n && k < p->count; i++) {                    \
            const bool chosen = mask[i * w->stride[1]] != 0;       \
            x[i * w->stride[0]] = from[k] & (type) - (type)chosen; \
            k += chosen;                                           \
        }                                                          \
        for (; i < w->n; i++)                                      \
            x[i * w->stride[0]] = 0;                               \
        p->vector += k * (int64_t)sizeof(type);                    \
        p->count -= k;                                             \
    }
SPREAD(spread_32, uint32_t)
SPREAD(spread_64, uint64_t)

static void pack(const ag_array *vector, const ag_array *x, const ag_array *mask)
{
    const size_t size = ag_bytes_of(x->dtype);
    packing p = { .vector = vector->data, .count = ag_array_size(vector) };
    ag_walk(x->shape, 2, (const ag_array *const[]){ x, mask },
            size == 1   ? pack_8
            : size == 4 ? pack_32
                        : pack_64,
            &p, 1);
}

/* add: floats are added */
static void unpack(const ag_array *x, const ag_array *mask, const ag_array *vector, bool add)
{
    const size_t size = ag_bytes_of(x->dtype);
    packing p = { .vector = vector->data, .count = ag_array_size(vector) };
    ag_walk(x->shape, 2, (const ag_array *const[]){ x, mask },
            add         ? (size == 4 ? unpack_add_f32 : unpack_add_f64)
            : size == 1 ? unpack_8
            : size == 4 ? unpack_32
                        : unpack_64,
            &p, 1);
}

static ag_status broadcast(const ag_call *c, const ag_array *x, ag_shape *s)
{
    if (x[1].dtype != AG_U8)
        return ag_call_fail(c, AG_EDTYPE, "the mask must be u8; see the comparisons, ag_cast");
    if (!ag_shape_broadcast(x[0].shape, x[1].shape, s))
        return ag_call_fail(c, AG_ESHAPE, "the mask does not broadcast");
    return AG_OK;
}

/* ---- masked_select */

static ag_status masked_select_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_shape s;
    const ag_status status = broadcast(c, x, &s);
    if (status)
        return status;
    const ag_array mask = ag_array_expand(&x[1], s);
    y->dtype = x[0].dtype;
    y->shape = (ag_shape){ 1, { ag_nonzero_count(&mask) } };
    return AG_OK;
}

static ag_status masked_select_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_shape s;
    const ag_status status = broadcast(c, x, &s);
    const ag_array from = ag_array_expand(&x[0], s), mask = ag_array_expand(&x[1], s);
    if (!status)
        pack(y, &from, &mask);
    return status;
}

static void masked_select_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_shape s;
    if (ag_shape_broadcast(ag_call_input_shape(c, 0), ag_call_input_shape(c, 1), &s))
        dx[0] = ag_masked_scatter(ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), s), ag_call_input(c, 1), dy[0]);
}

static void masked_select_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_masked_select(dx[0], ag_call_input(c, 1));
}

/* Where x has the shape of all. */
static ag_status masked_select_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *mask = ag_call_input_array(c, 1);
    ag_shape s;
    if (!mask)
        return AG_EUSE;
    if (!ag_shape_broadcast(dx[0].shape, mask->shape, &s) || !ag_shape_equal(s, dx[0].shape) || !ag_array_is_dense(dy))
        return AG_USE_RULE;
    const ag_array e = ag_array_expand(mask, s);
    packing p = { .vector = dy->data, .count = ag_array_size(dy) };
    if (beta[0] != 0)
        unpack(&dx[0], &e, dy, true);
    else
        ag_walk(s, 2, (const ag_array *const[]){ &dx[0], &e }, dy->dtype == AG_F32 ? spread_32 : spread_64, &p, 1);
    return AG_OK;
}

/* clang-format off */
#define MASKED(...)                                                                                                    \
    { .low = { -2, 0, -2 }, .high = { 2, 2, 2 }, .dtype = { AG_FLOAT, AG_U8 }, .shape = { __VA_ARGS__ } }

AG_OP(masked_select) = {
    .name = "masked_select",
    .formula = "the elements of x where the mask is not 0",
    .inputs = 2,
    .flags = AG_STRIDED,
    .shape = masked_select_shape,
    .forward = masked_select_forward,
    .vjp = masked_select_vjp,
    .jvp = masked_select_jvp,
    .vjp_fused = masked_select_vjp_fused,
    .samples = (const ag_sample[]){ MASKED(AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    MASKED(AG_DIMS(3, 1), AG_DIMS(4)),
                                    MASKED(AG_DIMS(2, 5), AG_DIMS(5)),
                                    { 0 } },
};
/* clang-format on */

/* ag_masked_select - the elements of x where a mask (u8) is not 0, as a vector in row-major order; both broadcast.
 *   y = x where mask        dx = the elements of dy where mask, 0 elsewhere
 * Errors: AG_EDTYPE if the mask is not u8, AG_ESHAPE if the shapes do not broadcast. */
AG_API ag_tensor ag_masked_select(ag_tensor x, ag_tensor mask)
{
    return AG_APPLY(masked_select, AG_LIST(x, mask), NULL);
}

/* ---- masked_scatter */

static ag_status masked_scatter_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = broadcast(c, x, &y->shape);
    if (status)
        return status;
    if (x[2].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE,
                            "what is scattered must have the dtype of what it is scattered to; see ag_cast");
    const ag_array mask = ag_array_expand(&x[1], y->shape);
    const int64_t count = ag_nonzero_count(&mask), given = ag_array_size(&x[2]);
    if (count > given)
        return ag_call_fail(c, AG_ESHAPE, "the mask has %lld places, but there are %lld elements for them",
                            (long long)count, (long long)given);
    y->dtype = x[0].dtype;
    return AG_OK;
}

static ag_status masked_scatter_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_array from = ag_array_expand(&x[0], y->shape), mask = ag_array_expand(&x[1], y->shape);
    ag_array src = x[2];
    if (!ag_array_is_dense(&src)) {
        src = ag_dense_array(x[2].shape, x[2].dtype,
                             ag_call_scratch(c, (size_t)ag_array_size(&x[2]) * ag_bytes_of(x[2].dtype)));
        if (!src.data)
            return AG_ENOMEM;
        ag_copy_array(&src, &x[2], false, ag_call_threads(c));
    }
    ag_copy_array(y, &from, false, ag_call_threads(c));
    unpack(y, &mask, &src, false);
    return AG_OK;
}

static void masked_scatter_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor mask = ag_call_input(c, 1);
    if (ag_call_needs(c, 0))
        dx[0] = ag_where(mask, ag_constant(ag_call_tape(c), 0), dy[0]);
    if (!ag_call_needs(c, 2))
        return;
    const ag_shape src = ag_call_input_shape(c, 2);
    dx[2] = ag_reshape(ag_embed(ag_masked_select(dy[0], mask), 0, ag_shape_size(src), 0, 1), src);
}

static void masked_scatter_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_masked_scatter(ag_call_tangent(c, dx, 0), ag_call_input(c, 1), ag_call_tangent(c, dx, 2));
}

/* clang-format off */
AG_OP(masked_scatter) = {
    .name = "masked_scatter",
    .formula = "x, but the next element of src where the mask is not 0",
    .inputs = 3,
    .flags = AG_STRIDED,
    .shape = masked_scatter_shape,
    .forward = masked_scatter_forward,
    .vjp = masked_scatter_vjp,
    .jvp = masked_scatter_jvp,
    .samples = (const ag_sample[]){ MASKED(AG_DIMS(3, 4), AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    MASKED(AG_DIMS(3, 1), AG_DIMS(4), AG_DIMS(12)),
                                    MASKED(AG_DIMS(2, 5), AG_DIMS(5), AG_DIMS(2, 7)),
                                    { 0 } },
};
/* clang-format on */

/* ag_masked_scatter - x with the elements of src, one after the other, where a mask (u8) is not 0; x and the mask
 * broadcast, and of src the first elements are used, in row-major order.
 *   y = mask ? next of src : x        dx = dy, 0 where mask    dsrc = the elements of dy where mask, then 0
 * Errors: AG_EDTYPE if the mask is not u8 or the dtypes differ; AG_ESHAPE if the shapes do not broadcast or src has too
 * few elements. */
AG_API ag_tensor ag_masked_scatter(ag_tensor x, ag_tensor mask, ag_tensor src)
{
    return AG_APPLY(masked_scatter, AG_LIST(x, mask, src), NULL);
}
