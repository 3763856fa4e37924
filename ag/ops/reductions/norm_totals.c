/* The totals of which norms are made. */
#include "ag/ops/reductions/eight.h"
#include "ag/ops/reductions/norm.h"
#include <float.h>

enum { SOME = 256 }; /* elements that are scaled at a time */

/* ---- b a^(1/p): a is the sum of (|x| / b)^p, b 1 where that is safe, else about the element that counts most */

static double most(const double *x, int64_t n, bool smallest)
{
    double m = x[0];
    for (int64_t i = 1; i < n; i++)
        m = (smallest ? x[i] < m : x[i] > m) || x[i] != x[i] ? x[i] : m;
    return m;
}

/* A NaN makes the sum NaN, an infinity b. */
static ag_total_of scaled(const double *x, int64_t n, double p)
{
    double power[SOME], a = 0;
    const double b = most(x, n, p < 0);
    if (b != b)
        return (ag_total_of){ b, 1, 0 };
    if (b == 0 && p > 0)
        return (ag_total_of){ 0, 1, 0 };
    if (b == 0 || b > DBL_MAX)
        return (ag_total_of){ 1, b, 0 };
    for (int64_t i = 0; i < ag_padded(n); i++)
        power[i] = i < n ? x[i] / b : 1;
    AG_VECTOR_LOOP
    for (int64_t i = 0; i < ag_padded(n); i++)
        power[i] = ag_v_pow(power[i], p);
    for (int64_t i = 0; i < n; i++)
        a += power[i];
    return (ag_total_of){ a, b, 0 };
}

static void join_two(ag_total_of *total, const ag_total_of *more, double p)
{
    if (more->a == 0)
        return;
    if (total->a == 0 || total->b == more->b) {
        total->a += more->a;
        total->b = more->b;
        return;
    }
    const bool other = (total->b < more->b) == (p > 0) || more->a != more->a;
    const ag_total_of large = other ? *more : *total, small = other ? *total : *more;
    const double r = small.b / large.b;
    *total = (ag_total_of){ large.a + small.a * (p == 2 ? r * r : pow(r, p)), large.b, 0 };
}

static void join_norms(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    for (int64_t i = 0; i < count; i++)
        join_two(&total[i], &more[i], *(const double *)context);
}

/* No square overflowed, or vanished and would count. */
#define IS_SAFE(sum) ((sum) > 1e-280 && (sum) < 1e300)

/* A line's elements in double, a few at a time: to be scaled where squares overflow or vanish. */
#define NORM(name, type)                                                                                              \
    AG_FOLD_EACH(name##_rows, type, double, 0, a += (double)v * (double)v)                                            \
    static void name##_slowly(const type *x, int64_t n, int64_t step, double p, ag_total_of *total)                   \
    {                                                                                                                 \
        double some[SOME];                                                                                            \
        *total = (ag_total_of){ 0, 1, 0 };                                                                            \
        for (int64_t i = 0; i < n;) {                                                                                 \
            int64_t count = 0;                                                                                        \
            for (; i < n && count < SOME; i++)                                                                        \
                some[count++] = fabs((double)x[i * step]);                                                            \
            const ag_total_of more = scaled(some, count, p);                                                          \
            join_two(total, &more, p);                                                                                \
        }                                                                                                             \
    }                                                                                                                 \
    static void name(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                 \
        const type *x = x_;                                                                                           \
        const double p = *(const double *)context;                                                                    \
        double sum[AG_FOLD_COLUMNS], unused[AG_FOLD_COLUMNS];                                                         \
        if (p == 2)                                                                                                   \
            name##_rows(x, n, step, count, NULL, sum, unused);                                                        \
        for (int64_t k = 0; k < count; k++)                                                                           \
            if (p == 2 && IS_SAFE(sum[k]))                                                                            \
                total[k] = (ag_total_of){ sum[k], 1, 0 };                                                             \
            else                                                                                                      \
                name##_slowly(x + k, n, step, p, &total[k]);                                                          \
    }
NORM(norm_f32, float)
NORM(norm_f64, double)

/* A line's elements, at least eight, added to a sum as ADD(sum, v) does, sixteen of them as TWO(x) gives it. */
#define LINE_SUM(name, type, TWO, load, ADD)                             \
    AG_INLINE ag_eight name(const type *x, int64_t n)                    \
    {                                                                    \
        const ag_eight none = ag_eight_all(0);                           \
        ag_eight s[2] = { none, none };                                  \
        int64_t i = 0;                                                   \
        for (; i + 32 <= n; i += 32) {                                   \
            s[0] = ag_eight_add(s[0], TWO(x + i));                       \
            s[1] = ag_eight_add(s[1], TWO(x + i + 16));                  \
        }                                                                \
        if (i + 16 <= n) {                                               \
            s[0] = ag_eight_add(s[0], TWO(x + i));                       \
            i += 16;                                                     \
        }                                                                \
        if (i + 8 <= n) {                                                \
            const ag_eight v = load(x + i);                              \
            s[1] = ADD(s[1], v);                                         \
            i += 8;                                                      \
        }                                                                \
        if (i < n) {                                                     \
            const ag_eight v = ag_eight_last(load(x + n - 8), n - i, 0); \
            s[0] = ADD(s[0], v);                                         \
        }                                                                \
        return ag_eight_add(s[0], s[1]);                                 \
    }
#define ADD_SIZE(a, v) ag_eight_add(a, ag_eight_size(v))

#define TWO_SQUARES_F32(x) \
    ag_eight_add_exact_square(ag_eight_times(ag_eight_f32(x), ag_eight_f32(x)), ag_eight_f32((x) + 8))
#define TWO_SQUARES_F64(x) ag_eight_add_square(ag_eight_times(ag_eight_f64(x), ag_eight_f64(x)), ag_eight_f64((x) + 8))
#define TWO_SIZES_F32(x) ag_eight_add(ag_eight_size(ag_eight_f32(x)), ag_eight_size(ag_eight_f32((x) + 8)))
#define TWO_SIZES_F64(x) ag_eight_add(ag_eight_size(ag_eight_f64(x)), ag_eight_size(ag_eight_f64((x) + 8)))
LINE_SUM(squares_f32, float, TWO_SQUARES_F32, ag_eight_f32, ag_eight_add_exact_square)
LINE_SUM(squares_f64, double, TWO_SQUARES_F64, ag_eight_f64, ag_eight_add_square)
LINE_SUM(sizes_f32, float, TWO_SIZES_F32, ag_eight_f32, ADD_SIZE)
LINE_SUM(sizes_f64, double, TWO_SIZES_F64, ag_eight_f64, ADD_SIZE)

/* Of up to TOGETHER lines on end. */
enum { TOGETHER = 8 };
#define LINE_SUMS(name, type)                                                            \
    static void name##_some(const type *x, int64_t n, int64_t count, ag_total_of *total) \
    {                                                                                    \
        ag_eight v[TOGETHER];                                                            \
        double sum[TOGETHER];                                                            \
        for (int64_t k = 0; k < count; k++)                                              \
            v[k] = name(x + k * n, n);                                                   \
        for (int64_t k = 0; k < count && count < TOGETHER; k++)                          \
            sum[k] = ag_eight_sum(v[k]);                                                 \
        if (count == TOGETHER)                                                           \
            ag_eight_sums(v, sum);                                                       \
        for (int64_t k = 0; k < count; k++)                                              \
            total[k] = (ag_total_of){ sum[k], 1, 0 };                                    \
    }
LINE_SUMS(squares_f32, float)
LINE_SUMS(squares_f64, double)
LINE_SUMS(sizes_f32, float)

#define NORM_LINES(type, squares, slowly)                                                                         \
    static void slowly##_lines(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                             \
        const type *x = x_;                                                                                       \
        (void)context;                                                                                            \
        for (int64_t k = 0; k < count; k += TOGETHER)                                                             \
            squares##_some(x + k * n, n, count - k < TOGETHER ? count - k : TOGETHER, total + k);                 \
        for (int64_t k = 0; k < count; k++)                                                                       \
            if (!IS_SAFE(total[k].a))                                                                             \
                slowly##_slowly(x + k * n, n, 1, 2, &total[k]);                                                   \
    }
NORM_LINES(float, squares_f32, norm_f32)
NORM_LINES(double, squares_f64, norm_f64)

/* ---- p = 1: a is the sum of |x| */

static void join_sums(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    (void)context;
    for (int64_t i = 0; i < count; i++)
        total[i].a += more[i].a;
}

#define SUM(name, type)                                                                                              \
    AG_FOLD_EACH(name##_rows, type, double, 0, a += fabs((double)v))                                                 \
    static void name(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                \
        double sum[AG_FOLD_COLUMNS], unused[AG_FOLD_COLUMNS];                                                        \
        (void)context;                                                                                               \
        name##_rows(x, n, step, count, NULL, sum, unused);                                                           \
        for (int64_t k = 0; k < count; k++)                                                                          \
            total[k] = (ag_total_of){ sum[k], 1, 0 };                                                                \
    }
SUM(sum_f32, float)
SUM(sum_f64, double)

static void sum_lines_f32(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total)
{
    const float *x = x_;
    (void)context;
    for (int64_t k = 0; k < count; k += TOGETHER)
        sizes_f32_some(x + k * n, n, count - k < TOGETHER ? count - k : TOGETHER, total + k);
}

/* One by one: together they take longer. */
static void sum_lines_f64(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total)
{
    const double *x = x_;
    (void)context;
    for (int64_t k = 0; k < count; k++)
        total[k] = (ag_total_of){ ag_eight_sum(sizes_f64(x + k * n, n)), 1, 0 };
}

/* ---- p infinite: a is the largest or smallest |x|, n how many are that; a NaN is more extreme than any number */

static void join_extremes(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    const bool largest = *(const double *)context > 0;
    for (int64_t i = 0; i < count; i++) {
        const double a = total[i].a, b = more[i].a;
        if ((largest ? b > a : b < a) || (b != b && a == a))
            total[i] = more[i];
        else if (b == a || b != b)
            total[i].n += more[i].n;
    }
}

/* Numbers without their signs are in the order of their bits, above which NaNs are. */
typedef int32_t bits_f32 __attribute__((may_alias));
typedef int64_t bits_f64 __attribute__((may_alias));

/* a and b of rows: the extreme so far, and how many are that */
#define EXTREME(above, size)                \
    b = size above a ? 1 : b + (size == a); \
    a = size above a ? size : a

/* The same of a line, in two loops of vectors. */
#define EXTREME_LINE(name, bits, first, above, SIZE, all, infinite)                \
    static void name(const bits *x, int64_t n, bits *extreme, bits *many)          \
    {                                                                              \
        bits a = first, b = 0;                                                     \
        for (int64_t i = 0; i < n; i++)                                            \
            a = SIZE(x[i], all, infinite) above a ? SIZE(x[i], all, infinite) : a; \
        for (int64_t i = 0; i < n; i++)                                            \
            b += SIZE(x[i], all, infinite) == a;                                   \
        *extreme = a;                                                              \
        *many = b;                                                                 \
    }
#define SIZE(v, all, infinite) ((v) & (all))
#define SIZE_BELOW(v, all, infinite) (((v) & (all)) > (infinite) ? -1 : (v) & (all))

#define EXTREMES(name, type, bits, all, infinite)                                                                    \
    AG_FOLD_EACH(name##_largest, bits, bits, 0, EXTREME(>, SIZE(v, all, infinite)))                                  \
    AG_FOLD_EACH(name##_smallest, bits, bits, all, EXTREME(<, SIZE_BELOW(v, all, infinite)))                         \
    EXTREME_LINE(name##_largest_of, bits, 0, >, SIZE, all, infinite)                                                 \
    EXTREME_LINE(name##_smallest_of, bits, all, <, SIZE_BELOW, all, infinite)                                        \
    static ag_total_of name##_total(bits extreme, bits many)                                                         \
    {                                                                                                                \
        type size;                                                                                                   \
        memcpy(&size, &extreme, sizeof size);                                                                        \
        return (ag_total_of){ (double)size, 1, many };                                                               \
    }                                                                                                                \
    static void name(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                \
        bits extreme[AG_FOLD_COLUMNS], many[AG_FOLD_COLUMNS];                                                        \
        if (*(const double *)context > 0)                                                                            \
            name##_largest(x, n, step, count, NULL, extreme, many);                                                  \
        else                                                                                                         \
            name##_smallest(x, n, step, count, NULL, extreme, many);                                                 \
        for (int64_t k = 0; k < count; k++)                                                                          \
            total[k] = name##_total(extreme[k], many[k]);                                                            \
    }                                                                                                                \
    static void name##_lines(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total)      \
    {                                                                                                                \
        const bits *x = x_;                                                                                          \
        for (int64_t k = 0; k < count; k++, x += n) {                                                                \
            bits extreme, many;                                                                                      \
            if (*(const double *)context > 0)                                                                        \
                name##_largest_of(x, n, &extreme, &many);                                                            \
            else                                                                                                     \
                name##_smallest_of(x, n, &extreme, &many);                                                           \
            total[k] = name##_total(extreme, many);                                                                  \
        }                                                                                                            \
    }
EXTREMES(extremes_f32, float, bits_f32, INT32_MAX, 0x7f800000)
EXTREMES(extremes_f64, double, bits_f64, INT64_MAX, 0x7ff0000000000000)

/* ---- all of them */

ag_fold ag_norm_fold(const double *p, ag_dtype d)
{
    const bool single = d == AG_F32;
    ag_fold f = { .context = p, .none = { *p < 0 && isinf(*p) ? INFINITY : 0, 1, 0 }, .deep = 4096 };
    f.columns = isinf(*p) ? (single ? extremes_f32 : extremes_f64)
                : *p == 1 ? (single ? sum_f32 : sum_f64)
                          : (single ? norm_f32 : norm_f64);
    f.least = !isinf(*p) ? 8 : single ? 64 : 32;
    f.lines = isinf(*p) ? (single ? extremes_f32_lines : extremes_f64_lines)
              : *p == 1 ? (single ? sum_lines_f32 : sum_lines_f64)
              : *p == 2 ? (single ? norm_f32_lines : norm_f64_lines)
                        : NULL;
    f.join = isinf(*p) ? join_extremes : *p == 1 ? join_sums : join_norms;
    return f;
}
