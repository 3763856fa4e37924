/* Tensors and their elements so many times, along one axis after the other. */
#include "ag/ops/shapes/views.h"

/* ---- repeat_axis */

typedef struct repeat_params {
    int64_t count;
    int64_t axis,
        split; /* the axis becomes `count` times as long: what follows from dimension `split` on stands so often */
} repeat_params;

static ag_status repeat_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const repeat_params *p = ag_call_params(c);
    if (p->axis >= x->shape.rank)
        return ag_call_fail(c, AG_ESHAPE, "there is no axis %lld", (long long)p->axis);
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    if (__builtin_mul_overflow(y->shape.dim[p->axis], p->count, &y->shape.dim[p->axis]))
        return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    return AG_OK;
}

/* A dense array that is not empty, x or the result with its repetitions, as what lies before the split, how often, and
 * what lies behind it. */
static ag_array in_three(const repeat_params *p, const ag_array *a, ag_shape x, int64_t count)
{
    ag_array r = { .data = a->data, .dtype = a->dtype, .shape = { 3, { 1, count, 1 } } };
    for (int i = 0; i < x.rank; i++)
        r.shape.dim[i < p->split ? 0 : 2] *= x.dim[i];
    ag_array_dense(&r);
    return r;
}

/* ---- loops of their own: each element several times, and sums of few repetitions of long rows */

enum { FEW = 16, BLOCK = 2048, LONG = 64 /* elements */ };

typedef struct again {
    char *to;
    const char *from;
    int64_t n, count; /* elements of a row, or of all of x; repetitions */
    size_t size;      /* of an element */
    bool add;
} again;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#define EACH(name, type)                                                         \
    static void name(void *to_, const void *from_, int64_t n, int64_t count)     \
    {                                                                            \
        type *restrict to = to_;                                                 \
        const type *restrict from = from_;                                       \
        for (int64_t i = 0; i < n && count == 2; i++)                            \
            to[2 * i] = to[2 * i + 1] = from[i];                                 \
        for (int64_t i = 0; i < n && count == 4; i++)                            \
            to[4 * i] = to[4 * i + 1] = to[4 * i + 2] = to[4 * i + 3] = from[i]; \
        for (int64_t i = 0; i < n && count != 2 && count != 4; i++)              \
            for (int64_t k = 0; k < count; k++)                                  \
                to[i * count + k] = from[i];                                     \
    }
EACH(each_8, uint8_t)
EACH(each_32, uint32_t)
EACH(each_64, uint64_t)

static void repeat_each(const void *context, int64_t begin, int64_t end)
{
    const again *a = context;
    const int64_t first = begin * BLOCK, last = smaller(end * BLOCK, a->n), size = (int64_t)a->size;
    (size == 1   ? each_8
     : size == 4 ? each_32
                 : each_64)(a->to + first * a->count * size, a->from + first * size, last - first, a->count);
}

/* In the order and precision in which ag_sum_array adds few rows, four of them at a time. */
#define ADD(name, T)                                                                                         \
    AG_INLINE void name##_rows(T *restrict sum, const T *restrict x, int64_t row, int64_t n, const int rows, \
                               const bool first)                                                             \
    {                                                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            T s = first ? x[i] : sum[i] + x[i];                                                              \
            for (int k = 1; k < rows; k++)                                                                   \
                s += x[k * row + i];                                                                         \
            sum[i] = s;                                                                                      \
        }                                                                                                    \
    }                                                                                                        \
    static void name(const again *a, int64_t row, int64_t at, int64_t n)                                     \
    {                                                                                                        \
        T block[BLOCK], *to = (T *)(void *)a->to + row * a->n + at, *sum = a->add ? block : to;              \
        const T *x = (const T *)(const void *)a->from + row * a->count * a->n + at;                          \
        int64_t k = (a->count - 1) % 4 + 1;                                                                  \
        if (k == 1)                                                                                          \
            name##_rows(sum, x, a->n, n, 1, true);                                                           \
        else if (k == 2)                                                                                     \
            name##_rows(sum, x, a->n, n, 2, true);                                                           \
        else if (k == 3)                                                                                     \
            name##_rows(sum, x, a->n, n, 3, true);                                                           \
        else                                                                                                 \
            name##_rows(sum, x, a->n, n, 4, true);                                                           \
        for (; k < a->count; k += 4)                                                                         \
            name##_rows(sum, x + k * a->n, a->n, n, 4, false);                                               \
        for (int64_t i = 0; i < n && a->add; i++)                                                            \
            to[i] += sum[i];                                                                                 \
    }
ADD(add_f32, float)
ADD(add_f64, double)

static void add_repetitions(const void *context, int64_t begin, int64_t end)
{
    const again *a = context;
    const int64_t blocks = ag_parts(a->n, BLOCK);
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % blocks * BLOCK;
        (a->size == sizeof(float) ? add_f32 : add_f64)(a, i / blocks, at, smaller(BLOCK, a->n - at));
    }
}

static ag_status repeat_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const repeat_params *p = ag_call_params(c);
    if (ag_array_size(y) == 0)
        return AG_OK;
    const ag_array to = in_three(p, y, x->shape, p->count), from = in_three(p, x, x->shape, 1);
    const ag_array again = ag_array_expand(&from, to.shape);
    const struct again each = { y->data, x->data, ag_array_size(x), p->count, ag_dtype_size(x->dtype), false };
    if (to.shape.dim[2] == 1 && p->count > 1 && p->count < FEW)
        ag_for_ranges(ag_parts(each.n, BLOCK), (double)(BLOCK * p->count), ag_call_threads(c), repeat_each, &each);
    else
        ag_copy_array(&to, &again, false, ag_call_threads(c));
    return AG_OK;
}

static ag_status repeat_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const repeat_params *p = ag_call_params(c);
    if (ag_array_size(dy) == 0) {
        if (beta[0] == 0)
            ag_fill_array(&dx[0], 0);
        return AG_OK;
    }
    const ag_array to = in_three(p, &dx[0], dx[0].shape, 1), from = in_three(p, dy, dx[0].shape, p->count);
    const again a = { to.data, from.data, to.shape.dim[2], p->count, ag_dtype_size(to.dtype), beta[0] != 0 };
    if (a.n >= LONG && p->count <= FEW)
        ag_for_ranges(to.shape.dim[0] * ag_parts(a.n, BLOCK), (double)(smaller(BLOCK, a.n) * p->count),
                      ag_call_threads(c), add_repetitions, &a);
    else
        ag_sum_array(&to, &from, 1, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

static ag_tensor repeat_axis(ag_tensor x, int axis, int split, int64_t count)
{
    const repeat_params p = { count, axis, split };
    return AG_APPLY(repeat_axis, AG_LIST(x), &p);
}

/* The repetitions become an axis of their own, which is summed over: as large as the elements together or one of two. */
static void repeat_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const repeat_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    ag_shape three = { 3, { 1, p->count, 1 } };
    if (ag_shape_size(x) == 0 || p->count == 0)
        return;
    for (int i = 0; i < x.rank; i++)
        three.dim[i < p->split ? 0 : 2] *= x.dim[i];
    dx[0] = ag_reshape(ag_sum_over(ag_reshape(dy[0], three), AG_AXES(1), 0), x);
}

static void repeat_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const repeat_params *p = ag_call_params(c);
    dy[0] = repeat_axis(dx[0], (int)p->axis, (int)p->split, p->count);
}

/* clang-format off */
#define REPEAT(axis, split, count, ...)                                                                                \
    { .params = &(const repeat_params){ count, axis, split }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(repeat_axis) = {
    .name = "repeat_axis",
    .formula = "x, or its elements, so many times along an axis",
    .inputs = 1,
    .params_size = sizeof(repeat_params),
    .shape = repeat_shape,
    .forward = repeat_forward,
    .vjp = repeat_vjp,
    .jvp = repeat_jvp,
    .vjp_fused = repeat_vjp_fused,
    .samples = (const ag_sample[]){ REPEAT(0, 0, 3, AG_DIMS(2)),
                                    REPEAT(1, 1, 2, AG_DIMS(2, 3)),
                                    REPEAT(0, 1, 3, AG_DIMS(2, 3)),
                                    REPEAT(1, 2, 2, AG_DIMS(2, 3)),
                                    REPEAT(0, 0, 0, AG_DIMS(2, 2)),
                                    REPEAT(0, 1, 1, AG_DIMS(2, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ---- the public functions */

/* ag_tile - x so many times along each axis. The counts belong to the last axes; where there are more than x has axes it
 * gets new ones in front.
 *   y[i,..] = x[i mod n,..]        dx = sum of dy over the repetitions
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too many. */
AG_API ag_tensor ag_tile(ag_tensor x, ag_shape counts)
{
    char text[128];
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_tile", AG_LIST(x), &s);
    if (!t)
        return ag_inert(x.tape);
    bool fits = counts.rank >= 0 && counts.rank <= AG_MAX_RANK;
    for (int i = 0; fits && i < counts.rank; i++)
        fits = counts.dim[i] >= 0;
    if (!fits) {
        ag_fail(t, counts.rank < 0 || counts.rank > AG_MAX_RANK ? AG_ESHAPE : AG_EARG,
                "ag_tile: %s is no list of at most %d counts", ag_shape_text(counts, text, sizeof text), AG_MAX_RANK);
        return ag_inert(t);
    }
    const int added = counts.rank > s.rank ? counts.rank - s.rank : 0;
    ag_shape more = { .rank = s.rank + added };
    for (int i = 0; i < more.rank; i++)
        more.dim[i] = i < added ? 1 : s.dim[i - added];
    ag_tensor y = added ? ag_reshape(x, more) : x;
    for (int i = 1; i <= counts.rank && ag_ok(y); i++)
        if (counts.dim[counts.rank - i] != 1)
            y = repeat_axis(y, more.rank - i, more.rank - i, counts.dim[counts.rank - i]);
    return y;
}

/* ag_repeat - ag_tile, which like PyTorch takes a count for every axis of x at least.
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too few or too many. */
AG_API ag_tensor ag_repeat(ag_tensor x, ag_shape counts)
{
    char text[128];
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_repeat", AG_LIST(x), &s);
    if (!t)
        return ag_inert(x.tape);
    if (counts.rank >= s.rank)
        return ag_tile(x, counts);
    ag_fail(t, AG_ESHAPE, "ag_repeat: %d counts are too few for %s; see ag_tile", counts.rank,
            ag_shape_text(s, text, sizeof text));
    return ag_inert(t);
}

/* ag_repeat_interleave - each element of an axis `count` times, one after the other.
 *   y[..,i,..] = x[..,floor(i / count),..]        dx = sum of dy over the repetitions
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if the count is negative. */
AG_API ag_tensor ag_repeat_interleave(ag_tensor x, int axis, int64_t count)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_repeat_interleave", AG_LIST(x), &s);
    const int a = t ? ag_axis_for("ag_repeat_interleave", t, s, axis) : -1;
    if (a < 0)
        return ag_inert(x.tape);
    if (count < 0) {
        ag_fail(t, AG_EARG, "ag_repeat_interleave: the count is %lld, but must not be negative", (long long)count);
        return ag_inert(t);
    }
    return repeat_axis(x, a, a + 1, count);
}
