/* The totals of which products are made. */
#include "ag/ops/reductions/prod.h"
#include "ag/ops/reductions/eight.h"

static void join_products(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    (void)context;
    for (int64_t i = 0; i < count; i++) {
        const double zeros = total[i].b + more[i].b;
        total[i] = ag_prod_normal(total[i].a * more[i].a, total[i].n + more[i].n);
        total[i].b = zeros;
    }
}

static void join_integers(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    (void)context;
    for (int64_t i = 0; i < count; i++)
        total[i].n = (int64_t)((uint64_t)total[i].n * (uint64_t)more[i].n);
}

/* A product that was denormal on its way has lost digits, and one that overflowed and met 0 is NaN: they are made anew,
 * with their power of two aside. SUNK: what an element after which there are no digits adds to the number of zeros. */
static const double LOW = 1e-290, HIGH = 1e290, SUNK = 0x1p32;

#define PRODUCTS(name, type)                                                                                          \
    AG_FOLD_EACH(name##_rows, type, double, 1, a *= (double)v; b += fabs(a) < LOW)                                    \
    AG_FOLD_EACH(name##_nonzero, type, double, 1, a *= (double)(v == 0 ? 1 : v);                                      \
                 b += v == 0 ? 1 : (double)(fabs(a) < LOW) * SUNK)                                                    \
    static ag_total_of name##_slowly(const type *x, int64_t n, int64_t step)                                          \
    {                                                                                                                 \
        ag_total_of t = { .a = 1 };                                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                             \
            const ag_total_of v = ag_prod_normal((double)x[i * step], 0);                                             \
            t = v.a == 0 ? t : ag_prod_normal(t.a * v.a, t.n + v.n);                                                  \
        }                                                                                                             \
        return t;                                                                                                     \
    }                                                                                                                 \
    static void name(const void *x_, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                 \
        const type *x = x_;                                                                                           \
        double t[AG_FOLD_COLUMNS], zeros[AG_FOLD_COLUMNS];                                                            \
        (void)context;                                                                                                \
        bool any = false;                                                                                             \
        name##_rows(x, n, step, count, NULL, t, zeros);                                                               \
        for (int64_t k = 0; k < count; k++)                                                                           \
            any |= zeros[k] > 0 || t[k] != t[k];                                                                      \
        if (any)                                                                                                      \
            name##_nonzero(x, n, step, count, NULL, t, zeros);                                                        \
        for (int64_t k = 0; k < count; k++) {                                                                         \
            const bool safe = zeros[k] < SUNK && fabs(t[k]) > LOW && fabs(t[k]) < HIGH;                               \
            total[k] = safe ? ag_prod_normal(t[k], 0) : name##_slowly(x + k, n, step);                                \
            total[k].b = zeros[k] < SUNK ? zeros[k] : fmod(zeros[k], SUNK);                                           \
        }                                                                                                             \
    }
PRODUCTS(products_f32, float)
PRODUCTS(products_f64, double)

/* Lanes' products and the smallest sizes these had on their way. */
typedef struct lanes_of {
    ag_eight a, low;
} lanes_of;

AG_INLINE void times(lanes_of *l, ag_eight v)
{
    l->a = ag_eight_times(l->a, v);
    l->low = ag_eight_less(ag_eight_size(l->a), l->low);
}

AG_INLINE lanes_of join_two(int round, const lanes_of *a, const lanes_of *b)
{
    lanes_of l = { ag_eight_firsts(round, a->a, b->a),
                   ag_eight_less(ag_eight_firsts(round, a->low, b->low), ag_eight_seconds(round, a->low, b->low)) };
    times(&l, ag_eight_seconds(round, a->a, b->a));
    return l;
}

/* Of eight vectors of lanes all lanes, and the smallest sizes on their way. */
AG_INLINE void join_lanes(const lanes_of *l, double *product, double *low)
{
    lanes_of four[4], two[2];
    for (int i = 0; i < 4; i++)
        four[i] = join_two(0, &l[2 * i], &l[2 * i + 1]);
    for (int i = 0; i < 2; i++)
        two[i] = join_two(1, &four[2 * i], &four[2 * i + 1]);
    const lanes_of all = join_two(2, &two[0], &two[1]);
    memcpy(product, &all.a, sizeof all.a);
    memcpy(low, &all.low, sizeof all.low);
}

/* Of one, its power of two aside. False: digits were lost. */
static bool join_carefully(const lanes_of *l, ag_total_of *total)
{
    bool good = true;
    *total = (ag_total_of){ .a = 1 };
    for (int i = 0; i < 8; i++) {
        *total = ag_prod_normal(total->a * l->a.part[i / AG_EIGHT_WIDTH][i % AG_EIGHT_WIDTH], total->n);
        good &= l->low.part[i / AG_EIGHT_WIDTH][i % AG_EIGHT_WIDTH] > LOW;
    }
    return good && isfinite(total->a);
}

/* Of what is left, zeros, elements that are no numbers and extreme ones, one element after the other. */
#define LINES(name, type, columns, load)                                                                \
    AG_INLINE lanes_of name##_lanes(const type *x, int64_t n)                                           \
    {                                                                                                   \
        const ag_eight one = ag_eight_all(1);                                                           \
        lanes_of l = { one, one }, m = l;                                                               \
        int64_t i = 0;                                                                                  \
        for (; i + 16 <= n; i += 16) {                                                                  \
            times(&l, load(x + i));                                                                     \
            times(&m, load(x + i + 8));                                                                 \
        }                                                                                               \
        for (; i < n; i += 8) { /* the last vector overlaps */                                          \
            times(&l, ag_eight_last(load(i + 8 <= n ? x + i : x + n - 8), i + 8 <= n ? 8 : n - i, 1));  \
        }                                                                                               \
        times(&l, m.a);                                                                                 \
        l.low = ag_eight_less(l.low, m.low);                                                            \
        return l;                                                                                       \
    }                                                                                                   \
    static void name(const void *x_, int64_t n, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                   \
        const type *x = x_;                                                                             \
        lanes_of l[8] = { 0 };                                                                          \
        for (int64_t k = 0; k < count; k += 8) {                                                        \
            const int64_t some = count - k < 8 ? count - k : 8;                                         \
            double product[8], low[8];                                                                  \
            for (int64_t r = 0; r < some; r++)                                                          \
                l[r] = name##_lanes(x + (k + r) * n, n);                                                \
            join_lanes(l, product, low);                                                                \
            for (int64_t r = 0; r < some; r++)                                                          \
                if (low[r] > LOW && fabs(product[r]) < HIGH)                                            \
                    total[k + r] = ag_prod_normal(product[r], 0);                                       \
                else if (!join_carefully(&l[r], &total[k + r]))                                         \
                    columns(x + (k + r) * n, n, 1, 1, context, &total[k + r]);                          \
        }                                                                                               \
    }
LINES(lines_f32, float, products_f32, ag_eight_f32)
LINES(lines_f64, double, products_f64, ag_eight_f64)

#define INTEGER_PRODUCTS(name, type)                                                                                 \
    AG_FOLD_EACH(name##_rows, type, uint64_t, 1, a *= (uint64_t)v)                                                   \
    static void name(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                \
        uint64_t t[AG_FOLD_COLUMNS], unused[AG_FOLD_COLUMNS];                                                        \
        (void)context;                                                                                               \
        name##_rows(x, n, step, count, NULL, t, unused);                                                             \
        for (int64_t k = 0; k < count; k++)                                                                          \
            total[k] = (ag_total_of){ .n = (int64_t)t[k] };                                                          \
    }
INTEGER_PRODUCTS(products_i32, int32_t)
INTEGER_PRODUCTS(products_i64, int64_t)
INTEGER_PRODUCTS(products_u8, uint8_t)

ag_fold ag_prod_fold(ag_dtype d)
{
    const ag_fold integers = { .columns = d == AG_I32   ? products_i32
                                          : d == AG_I64 ? products_i64
                                                        : products_u8,
                               .join = join_integers,
                               .none = { .n = 1 },
                               .deep = 4096 };
    const ag_fold floats = { .lines = d == AG_F32 ? lines_f32 : lines_f64,
                             .least = 16,
                             .columns = d == AG_F32 ? products_f32 : products_f64,
                             .join = join_products,
                             .none = { .a = 1 },
                             .deep = 256 };
    return ag_is_float(d) ? floats : integers;
}
