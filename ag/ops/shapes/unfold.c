/* Windows that slide along an axis, and their sum in the places that they were taken from. */
#include "ag/kernels/kernels.h"
#include "ag/ops/shapes/views.h"

/* ---- unfold */

typedef struct unfold_params {
    int64_t size, step;
    int64_t axis;
} unfold_params;

/* So many windows of a's axis, their elements as a last dimension. */
static ag_array windows_of(const ag_array *a, int axis, int64_t windows, int64_t size, int64_t step)
{
    ag_array r = ag_region(a, axis, 0, windows, step);
    r.shape.dim[r.shape.rank] = size;
    r.stride[r.shape.rank++] = a->stride[axis];
    return r;
}

static ag_status unfold_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const unfold_params *p = ag_call_params(c);
    const int rank = x->shape.rank, axis = ag_call_axis(c, (int)p->axis, rank);
    if (axis < 0)
        return AG_ESHAPE;
    if (rank == AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "a tensor has at most %d dimensions", AG_MAX_RANK);
    if (p->step < 1)
        return ag_call_fail(c, AG_EARG, "the step is %lld, but must be at least 1", (long long)p->step);
    const int64_t extent = x->shape.dim[axis];
    if (p->size < 0 || p->size > extent)
        return ag_call_fail(c, AG_ESHAPE, "there is no window of %lld elements in axis %d, which has extent %lld",
                            (long long)p->size, (int)p->axis, (long long)extent);
    *y = windows_of(x, axis, (extent - p->size) / p->step + 1, p->size, p->step);
    return AG_OK;
}

static void unfold_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const unfold_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    const int axis = ag_axis((int)p->axis, x.rank);
    dx[0] = ag_overlap_add(dy[0], axis, x.dim[axis], p->step);
}

static void unfold_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const unfold_params *p = ag_call_params(c);
    dy[0] = ag_unfold(dx[0], (int)p->axis, p->size, p->step);
}

/* ---- the sum of windows, along lines of the axis */

typedef struct line {
    char *y;
    const char *x;
    int64_t y_step, window_step, x_step; /* of elements: along y; from window to window, and within one */
    int64_t windows, size, step;
    bool add;
} line;

enum { PIECE = 1024, LONG = 8 }; /* places that are summed at a time, from cache; elements of a window worth a loop */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Windows first ... last reach into places begin ... of y's line. Each sum has its terms in the order of the windows, or
 * in the reverse one, whatever the pieces. */
#define SUM_LINE(name, type)                                                                           \
    static void name(const line *l, int64_t begin, int64_t end)                                        \
    {                                                                                                  \
        double sum[PIECE] = { 0 };                                                                     \
        type *y = (type *)(void *)l->y;                                                                \
        const type *x = (const type *)(const void *)l->x;                                              \
        const int64_t first = begin < l->size ? 0 : (begin - l->size) / l->step + 1;                   \
        const int64_t last = smaller((end - 1) / l->step, l->windows - 1);                             \
        for (int64_t w = first; w <= last && l->size >= LONG; w++) {                                   \
            const int64_t at = w * l->step, from = larger(begin, at), to = smaller(end, at + l->size); \
            const type *v = x + w * l->window_step - at * l->x_step;                                   \
            if (l->x_step == 1)                                                                        \
                for (int64_t i = from; i < to; i++)                                                    \
                    sum[i - begin] += (double)v[i];                                                    \
            else                                                                                       \
                for (int64_t i = from; i < to; i++)                                                    \
                    sum[i - begin] += (double)v[i * l->x_step];                                        \
        }                                                                                              \
        for (int64_t k = 0; k < l->size && l->size < LONG; k++) {                                      \
            const int64_t from = begin <= k ? 0 : (begin - k - 1) / l->step + 1;                       \
            const int64_t to = end <= k ? 0 : smaller((end - k - 1) / l->step + 1, l->windows);        \
            for (int64_t w = from; w < to; w++)                                                        \
                sum[w * l->step + k - begin] += (double)x[w * l->window_step + k * l->x_step];         \
        }                                                                                              \
        if (l->y_step == 1 && !l->add)                                                                 \
            for (int64_t i = begin; i < end; i++)                                                      \
                y[i] = (type)sum[i - begin];                                                           \
        else                                                                                           \
            for (int64_t i = begin; i < end; i++)                                                      \
                y[i * l->y_step] = (type)((l->add ? (double)y[i * l->y_step] : 0) + sum[i - begin]);   \
    }
SUM_LINE(sum_line_f32, float)
SUM_LINE(sum_line_f64, double)

/* The same where an element lies in two windows, each a multiple of `step` further: the sum of two floats in double
 * precision, rounded, is their sum. */
#define SUM_PAIRS(name, type)                                                               \
    AG_INLINE void name##_by(const line *l, int64_t begin, int64_t end, const int64_t step) \
    {                                                                                       \
        type *restrict y = (type *)(void *)l->y;                                            \
        const type *restrict x = (const type *)(const void *)l->x;                          \
        const int64_t row = l->window_step, last = l->windows, first = begin / step;        \
        for (int64_t r = 0; r < step && begin == 0; r++)                                    \
            y[r] = x[r];                                                                    \
        for (int64_t w = larger(first, 1); w < smaller(end / step, last); w++)              \
            for (int64_t r = 0; r < step; r++)                                              \
                y[w * step + r] = x[w * row + r] + x[(w - 1) * row + step + r];             \
        for (int64_t r = 0; r < step && begin <= last * step && last * step < end; r++)     \
            y[last * step + r] = x[(last - 1) * row + step + r];                            \
        for (int64_t i = larger(begin, (last + 1) * step); i < end; i++)                    \
            y[i] = 0;                                                                       \
    }                                                                                       \
    static void name(const line *l, int64_t begin, int64_t end)                             \
    {                                                                                       \
        if (l->step == 1)                                                                   \
            name##_by(l, begin, end, 1);                                                    \
        else if (l->step == 2)                                                              \
            name##_by(l, begin, end, 2);                                                    \
        else                                                                                \
            name##_by(l, begin, end, 4);                                                    \
    }
SUM_PAIRS(sum_pairs_f32, float)
SUM_PAIRS(sum_pairs_f64, double)

static bool in_pairs(const line *l)
{
    return !l->add && l->y_step == 1 && l->x_step == 1 && l->size == 2 * l->step &&
           (l->step == 1 || l->step == 2 || l->step == 4);
}

typedef struct overlap {
    ag_array y, x; /* without the axis, and without the windows' elements: what is left has one shape */
    line line;
    int64_t lines, extent;
} overlap;

static int64_t place_of(const ag_array *a, int64_t i)
{
    int64_t at = 0;
    for (int d = a->shape.rank - 1; d >= 0; d--) {
        at += i % a->shape.dim[d] * a->stride[d];
        i /= a->shape.dim[d];
    }
    return at * (int64_t)ag_dtype_size(a->dtype);
}

static void sum_pieces(const void *context, int64_t begin, int64_t end)
{
    const overlap *o = context;
    const int64_t pieces = ag_parts(o->extent, PIECE);
    const bool on_end = o->line.y_step == 1; /* else lines lie side by side */
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = (on_end ? item % pieces : item / o->lines) * PIECE;
        const int64_t stop = smaller(first + PIECE, o->extent), at = on_end ? item / pieces : item % o->lines;
        line l = o->line;
        l.y += place_of(&o->y, at);
        l.x += place_of(&o->x, at);
        if (in_pairs(&l))
            (o->y.dtype == AG_F32 ? sum_pairs_f32 : sum_pairs_f64)(&l, first, stop);
        else
            (o->y.dtype == AG_F32 ? sum_line_f32 : sum_line_f64)(&l, first, stop);
    }
}

/* y = the sum of the windows x along the axis (+ y) */
static void overlap_add(const ag_array *y, const ag_array *x, int axis, int64_t step, bool add, int threads)
{
    if (ag_array_size(y) == 0)
        return;
    if (ag_array_size(x) == 0) {
        if (!add)
            ag_fill_array(y, 0);
        return;
    }
    const int last = x->shape.rank - 1;
    const int64_t windows = x->shape.dim[axis], size = x->shape.dim[last];
    if (step >= size) { /* they do not overlap */
        const ag_array to = windows_of(y, axis, windows, size, step);
        if (!add && windows * size < y->shape.dim[axis])
            ag_fill_array(y, 0);
        ag_copy_array(&to, x, add, threads);
        return;
    }
    const ag_array first = ag_region(y, axis, 0, 1, 1), window = ag_region(x, axis, 0, 1, 1);
    overlap o = { .y = ag_without_axis(&first, axis),
                  .x = ag_without_axis(&window, axis),
                  .extent = y->shape.dim[axis] };
    o.x.shape.rank--;
    o.lines = ag_array_size(&o.y);
    o.line = (line){ .y = y->data,
                     .x = x->data,
                     .y_step = y->stride[axis],
                     .window_step = x->stride[axis],
                     .x_step = x->stride[last],
                     .windows = windows,
                     .size = size,
                     .step = step,
                     .add = add };
    const double steps = (double)ag_array_size(x) / (double)o.lines / (double)o.extent * PIECE;
    ag_for_ranges(o.lines * ag_parts(o.extent, PIECE), steps + PIECE, threads, sum_pieces, &o);
}

static ag_status unfold_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const unfold_params *p = ag_call_params(c);
    overlap_add(&dx[0], dy, ag_axis((int)p->axis, dx[0].shape.rank), p->step, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define WINDOWS(axis, size, step, ...)                                                                                 \
    { .params = &(const unfold_params){ size, step, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(unfold) = {
    .name = "unfold",
    .formula = "windows that slide along an axis",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(unfold_params),
    .shape = unfold_shape,
    .vjp = unfold_vjp,
    .jvp = unfold_jvp,
    .vjp_fused = unfold_vjp_fused,
    .samples = (const ag_sample[]){ WINDOWS(0, 3, 1, AG_DIMS(5)),
                                    WINDOWS(-1, 2, 2, AG_DIMS(2, 5)),
                                    WINDOWS(0, 2, 1, AG_DIMS(4, 2)),
                                    WINDOWS(1, 1, 3, AG_DIMS(2, 5, 2)),
                                    WINDOWS(0, 4, 1, AG_DIMS(4)),
                                    WINDOWS(0, 0, 1, AG_DIMS(2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_unfold - the windows of `size` elements that begin at places 0, step, 2 step, ... of an axis, in which they are
 * counted then; their elements are the last dimension. A view.
 *   y[..,w,..,k] = x[..,w step + k,..]        dx = sum of dy over the windows that an element is in
 * Errors: AG_ESHAPE if there is no such axis or window; AG_EARG if step < 1. */
AG_API ag_tensor ag_unfold(ag_tensor x, int axis, int64_t size, int64_t step)
{
    const unfold_params p = { size, step, axis };
    return AG_APPLY(unfold, AG_LIST(x), &p);
}

/* ---- overlap_add */

typedef struct overlap_params {
    int64_t extent, step;
    int64_t axis;
} overlap_params;

static ag_status overlap_add_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const overlap_params *p = ag_call_params(c);
    const int rank = x->shape.rank - 1, axis = ag_call_axis(c, (int)p->axis, rank);
    if (axis < 0)
        return AG_ESHAPE;
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "the windows must be floating; see ag_cast");
    if (p->step < 1)
        return ag_call_fail(c, AG_EARG, "the step is %lld, but must be at least 1", (long long)p->step);
    const int64_t windows = x->shape.dim[axis], size = x->shape.dim[rank], room = p->extent < 0 ? -1 : p->extent - size;
    if (p->extent < 0 || (ag_array_size(x) > 0 && (room < 0 || windows - 1 > room / p->step)))
        return ag_call_fail(c, AG_ESHAPE,
                            "%lld windows of %lld elements in steps of %lld do not fit into an axis of extent %lld",
                            (long long)windows, (long long)size, (long long)p->step, (long long)p->extent);
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    y->shape.rank = rank;
    y->shape.dim[axis] = p->extent;
    return AG_OK;
}

static ag_status overlap_add_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const overlap_params *p = ag_call_params(c);
    overlap_add(y, x, ag_axis((int)p->axis, y->shape.rank), p->step, false, ag_call_threads(c));
    return AG_OK;
}

static void overlap_add_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const overlap_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    const int axis = ag_axis((int)p->axis, x.rank - 1);
    if (ag_shape_size(x) > 0)
        dx[0] = ag_slice(ag_unfold(dy[0], axis, x.dim[x.rank - 1], p->step), axis, 0, x.dim[axis], 1);
}

static void overlap_add_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const overlap_params *p = ag_call_params(c);
    dy[0] = ag_overlap_add(dx[0], (int)p->axis, p->extent, p->step);
}

/* clang-format off */
#define OVERLAP(axis, extent, step, ...)                                                                               \
    { .params = &(const overlap_params){ extent, step, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(overlap_add) = {
    .name = "overlap_add",
    .formula = "sum of windows in their places along an axis",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(overlap_params),
    .shape = overlap_add_shape,
    .forward = overlap_add_forward,
    .vjp = overlap_add_vjp,
    .jvp = overlap_add_jvp,
    .samples = (const ag_sample[]){ OVERLAP(0, 5, 1, AG_DIMS(3, 3)),
                                    OVERLAP(-1, 6, 2, AG_DIMS(2, 2, 3)),
                                    OVERLAP(0, 7, 3, AG_DIMS(2, 3, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_overlap_add - windows, the last dimension, added in the places 0, step, 2 step, ... of an axis of the given extent,
 * along which x counts them: the adjoint of ag_unfold.
 *   y[..,i,..] = sum over w of x[..,w,..,i - w step] where that is in the window        dx = the windows of dy
 * Errors: AG_ESHAPE if there is no such axis or the windows do not fit; AG_EARG if step < 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_overlap_add(ag_tensor x, int axis, int64_t extent, int64_t step)
{
    const overlap_params p = { extent, step, axis };
    return AG_APPLY(overlap_add, AG_LIST(x), &p);
}
