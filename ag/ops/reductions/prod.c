/* Products, over everything or over axes. */
#include "ag/ops/reductions/reduction.h"
#include "ag/ops/scans/scans.h"
#include <math.h>

static ag_status prod_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = ag_is_float(x->dtype) ? x->dtype : AG_I64;
    return ag_reduction_shape(c, x->shape, &y->shape);
}

/* ---- a times 2^n, so that what overflows or vanishes on the way comes back; of integers n alone, modulo 2^64 */

static ag_total_of normal(double a, int64_t n)
{
    int by = 0;
    if (a != 0 && fabs(a) <= __DBL_MAX__)
        a = frexp(a, &by);
    return (ag_total_of){ a, 0, n + by };
}

static void join_products(ag_total_of *total, const ag_total_of *more, const void *context)
{
    (void)context;
    *total = normal(total->a * more->a, total->n + more->n);
}

static void join_integers(ag_total_of *total, const ag_total_of *more, const void *context)
{
    (void)context;
    total->n = (int64_t)((uint64_t)total->n * (uint64_t)more->n);
}

#define PRODUCTS(name, type)                                                                                          \
    static void name(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                 \
        const type *x = x_;                                                                                           \
        double t[AG_FOLD_COLUMNS];                                                                                    \
        (void)context;                                                                                                \
        for (int64_t k = 0; k < count; k++)                                                                           \
            t[k] = 1;                                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                               \
            for (int64_t k = 0; k < count; k++)                                                                       \
                t[k] *= (double)x[i * step + k];                                                                      \
        for (int64_t k = 0; k < count; k++) {                                                                         \
            total[k] = normal(t[k], 0);                                                                               \
            if (fabs(t[k]) > 1e-290 && fabs(t[k]) < 1e290)                                                            \
                continue;                                                                                             \
            total[k] = (ag_total_of){ .a = 1 };                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                           \
                total[k] = normal(total[k].a * (double)x[i * step + k], total[k].n);                                  \
        }                                                                                                             \
    }
PRODUCTS(products_f32, float)
PRODUCTS(products_f64, double)

#define INTEGER_PRODUCTS(name, type)                                                                                  \
    static void name(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                 \
        const type *x = x_;                                                                                           \
        uint64_t t[AG_FOLD_COLUMNS];                                                                                  \
        (void)context;                                                                                                \
        for (int64_t k = 0; k < count; k++)                                                                           \
            t[k] = 1;                                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                               \
            for (int64_t k = 0; k < count; k++)                                                                       \
                t[k] *= (uint64_t)x[i * step + k];                                                                    \
        for (int64_t k = 0; k < count; k++)                                                                           \
            total[k] = (ag_total_of){ .n = (int64_t)t[k] };                                                           \
    }
INTEGER_PRODUCTS(products_i32, int32_t)
INTEGER_PRODUCTS(products_i64, int64_t)
INTEGER_PRODUCTS(products_u8, uint8_t)

static ag_fold fold_of(ag_dtype d)
{
    const ag_fold integers = { .columns = d == AG_I32   ? products_i32
                                          : d == AG_I64 ? products_i64
                                                        : products_u8,
                               .join = join_integers,
                               .none = { .n = 1 } };
    const ag_fold floats = { .columns = d == AG_F32 ? products_f32 : products_f64,
                             .join = join_products,
                             .none = { .a = 1 } };
    return ag_is_float(d) ? floats : integers;
}

static ag_status prod_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t results = ag_array_size(y);
    const ag_fold f = fold_of(x->dtype);
    ag_total_of *total = ag_call_scratch(c, (size_t)results * sizeof *total);
    if (!total || ag_fold_axes(c, &f, x, ag_reduction_of(c).axes, total))
        return AG_ENOMEM;
    for (int64_t i = 0; i < results; i++) {
        const int64_t n = total[i].n;
        const int by = n > 5000 ? 5000 : n < -5000 ? -5000 : (int)n;
        if (y->dtype == AG_I64)
            ((int64_t *)y->data)[i] = n;
        else if (y->dtype == AG_F32)
            ((float *)y->data)[i] = (float)ldexp(total[i].a, by);
        else
            ((double *)y->data)[i] = ldexp(total[i].a, by);
    }
    return AG_OK;
}

/* ---- the derivative: by each element the product of those before and those after it, which divides by nothing */

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

static ag_status prod_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0);
    bool reduced[AG_MAX_RANK] = { false };
    ag_lines l;
    if (!x)
        return AG_EUSE;
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
    ag_scan_product_before(&s, x->data, after, dx[0].data, beta[0] != 0);
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
