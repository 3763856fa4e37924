/* Elements where a mask is not 0, as a vector and back. */
#include "ag/ops/indexing/masked.h"

enum { BLOCK = 512 }; /* elements that are counted, or brought together, at a time */

/* ---- counting */

/* Contiguous ones in parts that a narrow count holds, of which a vector has more. */
#define COUNT(name, type)                                                  \
    static void name(const ag_walk_row *w, void *context)                  \
    {                                                                      \
        const type *x = w->data[0];                                        \
        const int64_t n = w->n, step = w->stride[0];                       \
        int64_t count = step == 0 && n > 0 && x[0] != 0 ? n : 0;           \
        for (int64_t i = 0; i < n && step == 1; i += BLOCK) {              \
            const int32_t part = (int32_t)(n - i < BLOCK ? n - i : BLOCK); \
            uint32_t now = 0;                                              \
            for (int32_t k = 0; k < part; k++)                             \
                now += x[i + k] != 0;                                      \
            count += now;                                                  \
        }                                                                  \
        for (int64_t i = 0; i < n && step != 0 && step != 1; i++)          \
            count += x[i * step] != 0;                                     \
        *(int64_t *)context += count;                                      \
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
    size_t size;
    bool add; /* floats are added to those that are there */
} packing;

static void advance(packing *p, int64_t count)
{
    p->vector += count * (int64_t)p->size;
    p->count -= count;
}

/* Elements i and on of array k of a row, `size` bytes each: where they are, or copied into the block. */
static void *elements(const ag_walk_row *w, int k, int64_t i, int64_t n, void *block)
{
    const int64_t size = (int64_t)ag_bytes_of(w->dtype[k]);
    char *at = (char *)w->data[k] + i * w->stride[k] * size;
    if (w->stride[k] == 1)
        return at;
    const ag_array from = { .data = at, .dtype = w->dtype[k], .shape = { 1, { n } }, .stride = { w->stride[k] } };
    const ag_array to = ag_dense_array(from.shape, from.dtype, block);
    ag_copy_array(&to, &from, false, 1);
    return block;
}

/* Arrays of a row: x, the mask. */
static void pack_row(const ag_walk_row *w, void *context)
{
    packing *p = context;
    _Alignas(64) char x[BLOCK * 8], mask[BLOCK];
    const int64_t most = w->stride[0] == 1 && w->stride[1] == 1 ? w->n : BLOCK;
    for (int64_t i = 0; i < w->n && p->count > 0; i += most) {
        const int64_t n = w->n - i < most ? w->n - i : most;
        advance(p, ag_pack(p->vector, p->count, elements(w, 0, i, n, x), elements(w, 1, i, n, mask), n, p->size));
    }
}

static void add(void *to, const void *more, int64_t n, size_t size)
{
    const ag_dtype d = size == sizeof(float) ? AG_F32 : AG_F64;
    const ag_array x = ag_dense_array(AG_SHAPE(n), d, to);
    const ag_array m = { .data = (void *)(uintptr_t)more, .dtype = d, .shape = x.shape, .stride = { 1 } };
    ag_copy_array(&x, &m, true, 1);
}

/* Arrays of a row: what is written, contiguous; the mask; what is there where the mask is 0, without data for zeros. */
static void unpack_row(const ag_walk_row *w, void *context)
{
    packing *p = context;
    _Alignas(64) char block[BLOCK * 8], others[BLOCK * 8], mask[BLOCK];
    for (int64_t i = 0; i < w->n; i += BLOCK) {
        const int64_t n = w->n - i < BLOCK ? w->n - i : BLOCK;
        char *to = (char *)w->data[0] + i * (int64_t)p->size;
        const void *other = w->data[2] ? elements(w, 2, i, n, others) : NULL;
        advance(p, ag_unpack(p->add ? block : to, other, p->vector, p->count, elements(w, 1, i, n, mask), n, p->size));
        if (p->add)
            add(to, block, n, p->size);
    }
}

/* Returns what the vector has left. */
static packing pack(const ag_array *vector, const ag_array *x, const ag_array *mask)
{
    packing p = { .vector = vector->data, .count = ag_array_size(vector), .size = ag_bytes_of(x->dtype) };
    ag_walk(x->shape, 2, (const ag_array *const[]){ x, mask }, pack_row, &p, 1);
    return p;
}

/* x, dense, = the next of the vector where the mask is not 0, else other, or 0 where that has no data */
static void unpack(const ag_array *x, const ag_array *mask, const ag_array *other, const ag_array *vector, bool add)
{
    packing p = { .vector = vector->data, .count = ag_array_size(vector), .size = ag_bytes_of(x->dtype), .add = add };
    ag_walk(x->shape, 3, (const ag_array *const[]){ x, mask, other }, unpack_row, &p, 1);
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
    if (!ag_shape_broadcast(dx[0].shape, mask->shape, &s) || !ag_shape_equal(s, dx[0].shape) ||
        !ag_array_is_dense(dy) || !ag_array_is_dense(&dx[0]))
        return AG_USE_RULE;
    const ag_array e = ag_array_expand(mask, s);
    unpack(&dx[0], &e, &(ag_array){ .dtype = dy->dtype }, dy, beta[0] != 0);
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
    unpack(y, &mask, &from, &src, false);
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

/* Arrays of a row: dx, contiguous; the mask; dy. */
static void clear_row(const ag_walk_row *w, void *context)
{
    const packing *p = context;
    _Alignas(64) char block[BLOCK * 8], others[BLOCK * 8], mask[BLOCK], zeros[BLOCK * 8] = { 0 };
    for (int64_t i = 0; i < w->n; i += BLOCK) {
        const int64_t n = w->n - i < BLOCK ? w->n - i : BLOCK;
        char *to = (char *)w->data[0] + i * (int64_t)p->size;
        ag_unpack(p->add ? block : to, elements(w, 2, i, n, others), zeros, n, elements(w, 1, i, n, mask), n, p->size);
        if (p->add)
            add(to, block, n, p->size);
    }
}

/* Where x has the shape of all. */
static ag_status masked_scatter_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *mask = ag_call_input_array(c, 1);
    if (!mask)
        return AG_EUSE;
    if ((dx[0].data && (!ag_shape_equal(dx[0].shape, dy->shape) || !ag_array_is_dense(&dx[0]))) ||
        (dx[2].data && (beta[2] != 0 || !ag_array_is_dense(&dx[2]))))
        return AG_USE_RULE;
    const ag_array e = ag_array_expand(mask, dy->shape);
    packing p = { .size = ag_bytes_of(dy->dtype), .add = beta[0] != 0 };
    if (dx[0].data)
        ag_walk(dy->shape, 3, (const ag_array *const[]){ &dx[0], &e, dy }, clear_row, &p, 1);
    if (dx[2].data) {
        const packing used = pack(&dx[2], dy, &e);
        memset(used.vector, 0, (size_t)used.count * used.size);
    }
    return AG_OK;
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
    .vjp_fused = masked_scatter_vjp_fused,
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
