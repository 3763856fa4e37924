/* Products, over everything or over axes. */
#include "ag/ops/reductions/prod.h"
#include "ag/ops/reductions/reduction.h"
#include "ag/ops/scans/scans.h"
#include <float.h>
#include <math.h>

enum {
    KEPT = 3,  /* numbers of a total that the derivative divides */
    SHORT = 24 /* elements of a line that are divided together with the next ones */
};

/* y, and of floats the totals, which are saved in double */
static ag_status prod_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const bool real = ag_is_float(x->dtype);
    const ag_status status = ag_reduction_shape(c, x->shape, &y[0].shape);
    y[0].dtype = real ? x->dtype : AG_I64;
    y[1].dtype = AG_F64;
    y[1].shape = real ? AG_SHAPE(ag_shape_size(y[0].shape), KEPT) : AG_SHAPE(0);
    return status;
}

/* a 2^n */
static double scaled(double a, int64_t n)
{
    const uint64_t bits = ((uint64_t)n + 1023) << 52; /* 2^n, where that is an exponent */
    double power;
    memcpy(&power, &bits, sizeof power);
    if (n > -1000 && n < 1000)
        return a * power;
    return ldexp(a, n > 5000 ? 5000 : n < -5000 ? -5000 : (int)n);
}

static void finish(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y)
{
    (void)c;
    if (y->dtype == AG_I64) {
        for (int64_t i = 0; i < count; i++)
            ((int64_t *)y->data)[first + i] = total[i].n;
        return;
    }
    double *kept = (double *)y[1].data + first * KEPT;
    for (int64_t i = 0; i < count; i++, kept += KEPT) {
        const ag_total_of t = total[i];
        const double product = t.b > 0 ? t.a * 0 : scaled(t.a, t.n);
        if (y->dtype == AG_F32)
            ((float *)y->data)[first + i] = (float)product;
        else
            ((double *)y->data)[first + i] = product;
        kept[0] = t.a; /* one by one: t is on its way to memory, and as a whole would be waited for */
        kept[1] = t.b;
        kept[2] = (double)t.n;
    }
}

static ag_status prod_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_fold f = ag_prod_fold(x->dtype);
    return ag_fold_axes(c, &f, x, ag_reduction_of(c).axes, finish, y);
}

/* ---- the derivative as a rule: by each element the product of those before and those after it */

/* The axes with those that are reduced at the end; how many stay. */
static ag_axes reduced_last(const ag_call *c, int rank, int *stay)
{
    bool reduced[AG_MAX_RANK] = { false };
    ag_axes order = { 0 };
    ag_axes_mask(ag_reduction_of(c).axes, rank, reduced);
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < rank; i++)
            if (reduced[i] == (bool)last)
                order.axis[order.count++] = i;
    *stay = rank;
    for (int i = 0; i < rank; i++)
        *stay -= reduced[i];
    return order;
}

/* The derivative of y by each element, of x's shape. */
static ag_tensor slope(const ag_call *c)
{
    const ag_tensor x = ag_call_input(c, 0);
    const ag_shape s = ag_call_input_shape(c, 0);
    int stay;
    const ag_axes order = reduced_last(c, s.rank, &stay);
    ag_shape moved = s, lines = { .rank = stay + 1 };
    ag_axes back = { .count = s.rank };
    for (int i = 0; i < s.rank; i++) {
        moved.dim[i] = s.dim[order.axis[i]];
        back.axis[order.axis[i]] = i;
    }
    for (int i = 0; i <= stay; i++)
        lines.dim[i] = i < stay ? moved.dim[i] : 1;
    for (int i = stay; i < s.rank; i++)
        lines.dim[stay] = ag_times(lines.dim[stay], moved.dim[i]);
    const ag_tensor each = ag_reshape(ag_permute(x, order), lines);
    const ag_tensor others = ag_mul(ag_product_before(each, -1, false), ag_product_before(each, -1, true));
    return ag_permute(ag_reshape(others, moved), back);
}

static void prod_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(slope(c), ag_reshape(dy[0], ag_reduction_kept(c, ag_call_input_shape(c, 0))));
}

static void prod_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_reduction p = ag_reduction_of(c);
    dy[0] = ag_sum_over(ag_mul(slope(c), dx[0]), p.axes, p.flags);
}

/* ---- as a kernel: the product of all, its power of two aside, divided by the element */

/* Of a line, what is divided by its elements and then multiplied, and what an element receives that is 0. */
typedef struct shares {
    ag_array over, scale, lone;
    bool zeros; /* are there such elements? */
    bool add;
} shares;

/* Arrays of a row: dx, x and the shares, the last one where there are zeros. context: shares */
#define DIVIDE(name, type)                                                                                         \
    static void name(const ag_walk_row *w, void *context)                                                          \
    {                                                                                                              \
        type *restrict dx = w->data[0];                                                                            \
        const shares *s = context;                                                                                 \
        const type *x = w->data[1], *over = w->data[2], *scale = w->data[3], *lone = s->zeros ? w->data[4] : NULL; \
        const int64_t ds = w->stride[0], xs = w->stride[1], ss = w->stride[2], n = w->n;                           \
        const bool add = s->add, plain = ds == 1 && xs == 1 && ss <= 1 && !add;                                    \
        const type one = *over, by = *scale, none = lone ? *lone : 0;                                              \
        for (int64_t i = 0; plain && ss == 0 && i < n; i++) {                                                      \
            const type q = one / x[i] * by; /* made always: else there are no vectors of it */                     \
            dx[i] = x[i] == 0 ? none : q;                                                                          \
        }                                                                                                          \
        for (int64_t i = 0; plain && ss == 1 && !lone && i < n; i++)                                               \
            dx[i] = over[i] / x[i] * scale[i];                                                                     \
        for (int64_t i = 0; plain && ss == 1 && lone && i < n; i++) {                                              \
            const type q = over[i] / x[i] * scale[i], other = lone[i];                                             \
            dx[i] = x[i] == 0 ? other : q;                                                                         \
        }                                                                                                          \
        for (int64_t i = 0; !plain && i < n; i++) {                                                                \
            const type q = over[i * ss] / x[i * xs] * scale[i * ss];                                               \
            dx[i * ds] = (add ? dx[i * ds] : 0) + (lone && x[i * xs] == 0 ? lone[i * ss] : q);                     \
        }                                                                                                          \
    }
DIVIDE(divide_f32, float)
DIVIDE(divide_f64, double)

static int64_t within(int64_t n, int64_t low, int64_t high)
{
    return n < low ? low : n > high ? high : n;
}

/* Of each line. A quotient must neither overflow nor vanish before its power of two has been multiplied: as much of that
 * as the type holds goes first, and where the rest is more than it holds the line's all vanish or overflow; what is just
 * more takes a root of the rest with it. False: a product is not finite, and says nothing about those of its factors. */
#define SHARES(name, type, least, most)                                                            \
    static bool name(int64_t lines, const type *dy, const double *kept, shares *s)                 \
    {                                                                                              \
        type *over = s->over.data, *scale = s->scale.data, *lone = s->lone.data;                   \
        for (int64_t i = 0; i < lines; i++, kept += KEPT) {                                        \
            const double g = (double)dy[i], zeros = kept[1];                                       \
            ag_total_of t = ag_prod_normal(g, 0);                                                  \
            if (!isfinite(kept[0]))                                                                \
                return false;                                                                      \
            t = ag_prod_normal(t.a * kept[0], isfinite(g) && g != 0 ? t.n + (int64_t)kept[2] : 0); \
            const int64_t first = within(t.n, (least) + 1, most), then = t.n - first;              \
            const double root = then == (most) ? sqrt(fabs(t.a)) : 1;                              \
            over[i] = (type)(zeros > 0 ? g * 0 : scaled(t.a / root, first));                       \
            scale[i] = (type)(zeros > 0 ? 1 : scaled(root, then));                                 \
            lone[i] = (type)(zeros > 1 ? g * 0 : scaled(t.a, t.n));                                \
            s->zeros |= zeros > 0;                                                                 \
        }                                                                                          \
        return true;                                                                               \
    }
SHARES(shares_f32, float, FLT_MIN_EXP, FLT_MAX_EXP)
SHARES(shares_f64, double, DBL_MIN_EXP, DBL_MAX_EXP)

static bool share(const ag_array *dy, const double *kept, shares *s)
{
    const int64_t lines = ag_array_size(dy);
    return dy->dtype == AG_F32 ? shares_f32(lines, dy->data, kept, s) : shares_f64(lines, dy->data, kept, s);
}

/* The products of those before and those after each element: of lines with NaNs and infinities, and of one element. */
static ag_status multiply(const ag_call *c, const ag_array *dy, const ag_array *x, const ag_array *dx, bool add)
{
    bool reduced[AG_MAX_RANK] = { false };
    ag_lines l;
    ag_axes_mask(ag_reduction_of(c).axes, x->shape.rank, reduced);
    if (!ag_side_by_side(&x->shape, reduced, &l))
        return AG_USE_RULE;
    const size_t bytes = (size_t)ag_array_size(x) * ag_dtype_size(x->dtype);
    const ag_array kept = ag_reduction_array(c, dy, x->shape), each = ag_array_expand(&kept, x->shape);
    ag_array g = *x;
    g.data = ag_call_scratch(c, bytes);
    void *after = ag_call_scratch(c, bytes);
    if (!g.data || !after)
        return AG_ENOMEM;
    ag_copy_array(&g, &each, false, ag_call_threads(c));
    ag_scan s = { x->dtype, l.outer, l.n, l.inner, true, ag_call_threads(c) };
    ag_scan_product_before(&s, x->data, g.data, after, false);
    s.reverse = false;
    ag_scan_product_before(&s, x->data, after, dx->data, add);
    return AG_OK;
}

static ag_status prod_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *kept = ag_call_output_array(c, 1);
    if (!x || !kept)
        return AG_EUSE;
    const int64_t lines = ag_array_size(dy);
    const size_t bytes = (size_t)lines * ag_dtype_size(x->dtype);
    const ag_array line = ag_dense_array(ag_reduction_kept(c, x->shape), x->dtype, NULL);
    shares s = { .over = line, .scale = line, .lone = line, .add = beta[0] != 0 };
    for (ag_array *a = &s.over; a <= &s.lone; a++) {
        a->data = ag_call_scratch(c, bytes);
        if (!a->data)
            return AG_ENOMEM;
    }
    if (ag_array_size(x) == lines || !share(dy, kept->data, &s))
        return multiply(c, dy, x, &dx[0], s.add);
    for (ag_array *a = &s.over; a <= &s.lone; a++)
        *a = ag_array_expand(a, x->shape);
    const ag_array *const arrays[] = { &dx[0], x, &s.over, &s.scale, &s.lone };
    void (*divide)(const ag_walk_row *, void *) = x->dtype == AG_F32 ? divide_f32 : divide_f64;
    const int count = s.zeros ? 5 : 4, threads = ag_call_threads(c);
    if (ag_array_size(x) / lines < SHORT) /* else the shares, of which a row needs one each, would be copied in vain */
        ag_walk_tiles(x->shape, count, arrays, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4, divide, &s, threads);
    else
        ag_walk(x->shape, count, arrays, divide, &s, threads);
    return AG_OK;
}

/* clang-format off */
#define SAMPLE(axes, flags, ...)                                                                                       \
    { .params = &(const ag_reduction){ axes, flags }, .low = { 0.6 }, .high = { 1.5 }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define EVERY { -1, { 0 } }
/* clang-format on */

AG_OP(prod_over) = {
    .name = "prod_over",
    .formula = "product of x over axes",
    .inputs = 1,
    .saved = 1,
    .params_size = sizeof(ag_reduction),
    .shape = prod_shape,
    .forward = prod_forward,
    .vjp = prod_vjp,
    .jvp = prod_jvp,
    .vjp_fused = prod_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(AXES(1), 0, AG_DIMS(3, 4)),
                                    SAMPLE(AXES(0), 0, AG_DIMS(3, 4)),
                                    SAMPLE(AXES(-1), AG_KEEPDIM, AG_DIMS(3, 2)),
                                    SAMPLE(AXES(0, 2), 0, AG_DIMS(2, 3, 2)),
                                    SAMPLE(AXES(1), 0, AG_DIMS(2, 3, 2)),
                                    SAMPLE(EVERY, 0, AG_DIMS(2, 3)),
                                    { 0 } },
};

/* ag_prod - the product of all elements, 1 if there are none; of integers as i64. Nothing overflows or vanishes on the
 * way to a product that does not.
 *   y = product of x        dx = dy times the product of the others, where elements are 0 too */
AG_API ag_tensor ag_prod(ag_tensor x)
{
    return ag_prod_over(x, AG_ALL, 0);
}

/* ag_prod_over - products over axes; axes and flags as in ag_sum_over; of integers as i64.
 *   y[i,..] = product of x[i,..,j,..] over j        dx[i,..,j,..] = dy[i,..] times the product of the others
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_prod_over(ag_tensor x, ag_axes axes, int flags)
{
    const ag_reduction p = { axes, flags };
    return AG_APPLY(prod_over, AG_LIST(x), &p);
}
