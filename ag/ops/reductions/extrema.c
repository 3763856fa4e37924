/* The largest and smallest elements, over everything or over axes: values alone. */
#include "ag/ops/reductions/extrema_short.h"

static ag_status extremum_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_status status = ag_reduction_shape(c, x->shape, &y->shape);
    if (status)
        return status;
    ag_shape kept = ag_reduction_kept(c, x->shape);
    for (int i = 0; i < x->shape.rank; i++)
        if (x->shape.dim[i] == 0 && kept.dim[i] == 1)
            return ag_call_fail(c, AG_ESHAPE, "among no elements there is no extreme one");
    y->dtype = x->dtype;
    return AG_OK;
}

static ag_status max_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_array to = ag_reduction_array(c, y, x->shape);
    ag_extremum_array(&to, x, true, ag_call_threads(c));
    return AG_OK;
}

static ag_status min_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_array to = ag_reduction_array(c, y, x->shape);
    ag_extremum_array(&to, x, false, ag_call_threads(c));
    return AG_OK;
}

/* ---- the derivative: dy goes to the elements equal to y (to the NaNs if y is NaN), in equal shares */

/* u8: does an element of x receive? And how many do, for each result, with the reduced axes kept. */
static ag_tensor receivers(const ag_call *c, ag_tensor *count)
{
    ag_tensor x = ag_call_input(c, 0),
              y = ag_reshape(ag_call_output(c, 0), ag_reduction_kept(c, ag_call_input_shape(c, 0)));
    ag_dtype d = ag_dtype_of(y);
    ag_tensor share = ag_add(ag_cast(ag_equal(x, y), d), ag_cast(ag_not_equal(x, x), d));
    *count = ag_sum_over(share, ag_reduction_of(c).axes, AG_KEEPDIM);
    return ag_greater(share, ag_constant(ag_call_tape(c), 0));
}

static void extremum_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor count, receives = receivers(c, &count), kept = ag_reshape(dy[0], ag_shape_of(count));
    dx[0] = ag_where(receives, ag_div(kept, count), ag_constant(ag_call_tape(c), 0));
}

static void extremum_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    ag_reduction p = ag_reduction_of(c);
    ag_tensor count, receives = receivers(c, &count);
    dy[0] = ag_sum_over(ag_where(receives, ag_div(dx[0], count), ag_constant(ag_call_tape(c), 0)), p.axes, p.flags);
}

enum { SHORT = 12 }; /* so many elements of a result along an axis are enough for a loop */

#define TAKEN(x, y) ((x) == (y) || (x) != (x))

/* Arrays of a row: how many elements share, x, y. Along reduced axes y stays where it is. A count in f32 would stop at
 * 2^24. */
#define COUNT(name, type)                                                      \
    static void name(const ag_walk_row *w, void *context)                      \
    {                                                                          \
        double *count = w->data[0];                                            \
        const type *x = w->data[1], *y = w->data[2];                           \
        const int64_t cs = w->stride[0], xs = w->stride[1], ys = w->stride[2]; \
        (void)context;                                                         \
        if (cs == 0) {                                                         \
            const type top = *y;                                               \
            int64_t n = 0;                                                     \
            for (int64_t i = 0; i < w->n && xs == 1; i++)                      \
                n += TAKEN(x[i], top);                                         \
            for (int64_t i = 0; i < w->n && xs != 1; i++)                      \
                n += TAKEN(x[i * xs], top);                                    \
            *count += (double)n;                                               \
        } else if (cs == 1 && ys == 1 && xs == 2) { /* windows of two */       \
            for (int64_t i = 0; i < w->n; i++)                                 \
                count[i] += TAKEN(x[2 * i], y[i]);                             \
        } else {                                                               \
            for (int64_t i = 0; i < w->n; i++)                                 \
                count[i * cs] += TAKEN(x[i * xs], y[i * ys]);                  \
        }                                                                      \
    }
COUNT(count_f32, float)
COUNT(count_f64, double)

/* Arrays of a row: what each receiver gets, dy, the count. */
#define DIVIDE(name, type)                                                                            \
    static void name(const ag_walk_row *w, void *context)                                             \
    {                                                                                                 \
        type *share = w->data[0];                                                                     \
        const type *dy = w->data[1];                                                                  \
        const double *count = w->data[2];                                                             \
        (void)context;                                                                                \
        for (int64_t i = 0; i < w->n; i++)                                                            \
            share[i * w->stride[0]] = (type)((double)dy[i * w->stride[1]] / count[i * w->stride[2]]); \
    }
DIVIDE(divide_f32, float)
DIVIDE(divide_f64, double)

/* Arrays of a row: dx, x, y, the shares. context: is it added? */
#define SHARE(name, type)                                                                                 \
    static void name(const ag_walk_row *w, void *context)                                                 \
    {                                                                                                     \
        type *restrict dx = w->data[0];                                                                   \
        const type *x = w->data[1], *y = w->data[2], *share = w->data[3];                                 \
        const int64_t ds = w->stride[0], xs = w->stride[1], ys = w->stride[2], ss = w->stride[3];         \
        const bool add = *(const bool *)context;                                                          \
        const type top = *y, one = *share; /* loaded always, as below: else there are no vectors of it */ \
        if (ds == 1 && xs == 1 && ys == 0 && !add)                                                        \
            for (int64_t i = 0; i < w->n; i++)                                                            \
                dx[i] = TAKEN(x[i], top) ? one : 0;                                                       \
        else if (ds == 1 && xs == 1 && ys == 1 && !add)                                                   \
            for (int64_t i = 0; i < w->n; i++) {                                                          \
                const type g = share[i];                                                                  \
                dx[i] = TAKEN(x[i], y[i]) ? g : 0;                                                        \
            }                                                                                             \
        else if (ds == 2 && xs == 2 && ys == 1 && ss == 1 && !add) /* windows of two */                   \
            for (int64_t i = 0; i < w->n; i++)                                                            \
                dx[2 * i] = TAKEN(x[2 * i], y[i]) ? share[i] : 0;                                         \
        else                                                                                              \
            for (int64_t i = 0; i < w->n; i++)                                                            \
                dx[i * ds] = (add ? dx[i * ds] : 0) + (TAKEN(x[i * xs], y[i * ys]) ? share[i * ss] : 0);  \
    }
SHARE(share_f32, float)
SHARE(share_f64, double)

/* The axis along which rows are to run: the last one, or where results have few elements there, as in windows, the
 * last one of results. */
static int axis_of_rows(const ag_call *c, ag_shape x)
{
    ag_shape kept = ag_reduction_kept(c, x);
    int last = x.rank - 1, a = last;
    while (a >= 0 && kept.dim[a] == 1)
        a--;
    return a >= 0 && kept.dim[last] == 1 && x.dim[last] < SHORT && x.dim[a] > x.dim[last] ? a : last;
}

static ag_array with_last(ag_array a, int axis)
{
    const int last = a.shape.rank - 1;
    if (axis == last) /* also where there is none */
        return a;
    const int64_t dim = a.shape.dim[axis], stride = a.stride[axis];
    a.shape.dim[axis] = a.shape.dim[last];
    a.stride[axis] = a.stride[last];
    a.shape.dim[last] = dim;
    a.stride[last] = stride;
    return a;
}

/* ---- results side by side: where no elements share, which is the rule, they are found and dy is handed over in one pass */

enum { PIECE = 4096 }; /* results whose rows stay in the cache */

/* Arrays of a row: dx, x, y, dy. context: how many elements receive, of each result at least one. */
#define FIRST(name, type)                                                                         \
    static void name(const ag_walk_row *w, void *context)                                         \
    {                                                                                             \
        type *restrict dx = w->data[0];                                                           \
        const type *x = w->data[1], *y = w->data[2], *dy = w->data[3];                            \
        const int64_t ds = w->stride[0], xs = w->stride[1], ys = w->stride[2], gs = w->stride[3]; \
        const bool plain = ds == 1 && xs == 1 && ys == 1 && gs == 1;                              \
        int64_t receive = 0;                                                                      \
        for (int64_t i = 0; plain && i < w->n; i++) {                                             \
            const type g = dy[i];                                                                 \
            const bool taken = TAKEN(x[i], y[i]);                                                 \
            dx[i] = taken ? g : 0;                                                                \
            receive += taken ? 1 : 0;                                                             \
        }                                                                                         \
        for (int64_t i = 0; !plain && i < w->n; i++) {                                            \
            const bool taken = TAKEN(x[i * xs], y[i * ys]);                                       \
            dx[i * ds] = taken ? dy[i * gs] : 0;                                                  \
            receive += taken ? 1 : 0;                                                             \
        }                                                                                         \
        *(int64_t *)context += receive;                                                           \
    }
FIRST(first_f32, float)
FIRST(first_f64, double)

/* dx and x; the others with the reduced axes kept */
typedef struct beside {
    ag_array dx, x, y, dy, count, share;
    bool add;
} beside;

static ag_array piece_of(const ag_array *a, int64_t k)
{
    const int last = a->shape.rank - 1;
    const int64_t first = k * PIECE, left = a->shape.dim[last] - first;
    ag_array p = *a;
    p.data = (char *)a->data + first * a->stride[last] * (int64_t)ag_dtype_size(a->dtype);
    p.shape.dim[last] = left < PIECE ? left : PIECE;
    return p;
}

/* Counts, shares, and then what each element receives. */
static void share_out(const beside *b, int threads)
{
    const bool single = b->x.dtype == AG_F32;
    const ag_shape s = b->x.shape;
    const ag_array ys = ag_array_expand(&b->y, s), counts = ag_array_expand(&b->count, s),
                   shares = ag_array_expand(&b->share, s);
    bool add = b->add;
    ag_walk(s, 3, (const ag_array *const[]){ &counts, &b->x, &ys }, single ? count_f32 : count_f64, NULL, 1);
    ag_walk(b->dy.shape, 3, (const ag_array *const[]){ &b->share, &b->dy, &b->count }, single ? divide_f32 : divide_f64,
            NULL, 1);
    ag_walk(s, 4, (const ag_array *const[]){ &b->dx, &b->x, &ys, &shares }, single ? share_f32 : share_f64, &add,
            threads);
}

static void run_piece(const void *context, int64_t k)
{
    const beside *all = context;
    const beside b = { piece_of(&all->dx, k),
                       piece_of(&all->x, k),
                       piece_of(&all->y, k),
                       piece_of(&all->dy, k),
                       piece_of(&all->count, k),
                       piece_of(&all->share, k),
                       false };
    const bool single = b.x.dtype == AG_F32;
    int64_t receive = 0;
    const ag_array ys = ag_array_expand(&b.y, b.x.shape), dys = ag_array_expand(&b.dy, b.x.shape);
    ag_walk_tiles(b.x.shape, 4, (const ag_array *const[]){ &b.dx, &b.x, &ys, &dys }, 1 << 1 | 1 << 2 | 1 << 3,
                  single ? first_f32 : first_f64, &receive, 1);
    if (receive > ag_array_size(&b.y))
        share_out(&b, 1);
}

static bool side_by_side(const beside *b)
{
    const int last = b->x.shape.rank - 1;
    return last >= 0 && b->x.shape.dim[last] > 1 && b->y.shape.dim[last] == b->x.shape.dim[last] &&
           b->dx.stride[last] == 1 && b->x.stride[last] == 1;
}

static ag_status extremum_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    if (!x || !y)
        return AG_EUSE;
    if (ag_array_size(x) == 0) /* whose other extents may be giant */
        return AG_OK;
    ag_array share = *dy, count = *dy;
    const bool add = beta[0] != 0;
    const ag_array top = ag_reduction_array(c, y, x->shape), kept = ag_reduction_array(c, dy, x->shape);
    if (!add && ag_extremum_short(dx, x, &top, &kept, ag_call_threads(c)))
        return AG_OK;
    count.dtype = AG_F64;
    share.data = ag_call_scratch(c, (size_t)ag_array_size(dy) * ag_dtype_size(dy->dtype));
    count.data = ag_call_scratch(c, (size_t)ag_array_size(dy) * sizeof(double));
    if (!share.data || !count.data)
        return AG_ENOMEM;
    ag_fill_array(&count, 0);
    ag_fill_array(&share, 0);
    beside b = { dx[0], *x, top, kept, ag_reduction_array(c, &count, x->shape), ag_reduction_array(c, &share, x->shape),
                 add };
    if (!add && side_by_side(&b)) {
        const int64_t width = x->shape.dim[x->shape.rank - 1], elements = ag_array_size(x);
        ag_for_items(ag_parts(width, PIECE), (double)(elements / width) * PIECE, ag_call_threads(c), run_piece, &b);
        return AG_OK;
    }
    const int axis = axis_of_rows(c, x->shape);
    for (ag_array *a = &b.dx; a <= &b.share; a++)
        *a = with_last(*a, axis);
    share_out(&b, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define ALL(...) { .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OVER(axes, flags, ...)                                                                                         \
    { .params = &(const ag_reduction){ axes, flags }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define SAMPLES_ALL (const ag_sample[]){ ALL(AG_DIMS(5)), ALL(AG_DIMS(2, 3)), { 0 } }
#define SAMPLES_OVER                                                                                                   \
    (const ag_sample[]){ OVER(AXES(1), 0, AG_DIMS(3, 4)),                                                              \
                         OVER(AXES(0), 0, AG_DIMS(3, 4)),                                                              \
                         OVER(AXES(-1), AG_KEEPDIM, AG_DIMS(3, 2)),                                                    \
                         OVER(AXES(0, -1), AG_KEEPDIM, AG_DIMS(2, 3, 2)),                                              \
                         OVER(AXES(1), 0, AG_DIMS(2, 3, 2)),                                                           \
                         { 0 } }
/* clang-format on */

/* ---- the ops */

AG_OP(max) = {
    .name = "max",
    .formula = "largest element of x",
    .inputs = 1,
    .flags = AG_STRIDED,
    .shape = extremum_shape,
    .forward = max_forward,
    .vjp = extremum_vjp,
    .jvp = extremum_jvp,
    .vjp_fused = extremum_vjp_fused,
    .samples = SAMPLES_ALL,
};

/* ag_max - the largest element; NaN if one is NaN.
 *   y = max of x        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_max(ag_tensor x)
{
    return AG_APPLY(max, AG_LIST(x), NULL);
}

AG_OP(min) = {
    .name = "min",
    .formula = "smallest element of x",
    .inputs = 1,
    .flags = AG_STRIDED,
    .shape = extremum_shape,
    .forward = min_forward,
    .vjp = extremum_vjp,
    .jvp = extremum_jvp,
    .vjp_fused = extremum_vjp_fused,
    .samples = SAMPLES_ALL,
};

/* ag_min - the smallest element; NaN if one is NaN.
 *   y = min of x        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_min(ag_tensor x)
{
    return AG_APPLY(min, AG_LIST(x), NULL);
}

AG_OP(max_over) = {
    .name = "max_over",
    .formula = "largest element of x over axes",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_reduction),
    .shape = extremum_shape,
    .forward = max_forward,
    .vjp = extremum_vjp,
    .jvp = extremum_jvp,
    .vjp_fused = extremum_vjp_fused,
    .samples = SAMPLES_OVER,
};

/* ag_max_over - the largest elements over axes; axes and flags as in ag_sum_over; NaN where one is NaN.
 *   y[i,..] = max of x[i,..,j,..] over j        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if an axis is out of range, named twice or empty; AG_EARG for unknown flags. */
AG_API ag_tensor ag_max_over(ag_tensor x, ag_axes axes, int flags)
{
    const ag_reduction p = { axes, flags };
    return AG_APPLY(max_over, AG_LIST(x), &p);
}

AG_OP(min_over) = {
    .name = "min_over",
    .formula = "smallest element of x over axes",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(ag_reduction),
    .shape = extremum_shape,
    .forward = min_forward,
    .vjp = extremum_vjp,
    .jvp = extremum_jvp,
    .vjp_fused = extremum_vjp_fused,
    .samples = SAMPLES_OVER,
};

/* ag_min_over - the smallest elements over axes; axes and flags as in ag_sum_over; NaN where one is NaN.
 *   y[i,..] = min of x[i,..,j,..] over j        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if an axis is out of range, named twice or empty; AG_EARG for unknown flags. */
AG_API ag_tensor ag_min_over(ag_tensor x, ag_axes axes, int flags)
{
    const ag_reduction p = { axes, flags };
    return AG_APPLY(min_over, AG_LIST(x), &p);
}
