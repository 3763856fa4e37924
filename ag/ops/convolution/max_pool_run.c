/* The largest elements of windows, and where they stand. */
#include "ag/ops/convolution/max_pool.h"

enum { LONG = 24 /* results of a row, from which on writing all of dx pays */ };

/* The largest element of results [begin, end) of a row, of one tap: place k of the window in a row of the source. The
 * first one of equals stays, but the last NaN. */
#define TAP(name, type, place)                                                                                    \
    static inline __attribute__((always_inline)) void name(int64_t begin, int64_t end, const type *row, place at, \
                                                           const int64_t step, type *best, place *where)          \
    {                                                                                                             \
        for (int64_t j = begin; j < end; j++) {                                                                   \
            const type x = row[j * step];                                                                         \
            const place p = at + (place)(j * step);                                                               \
            const bool take = x > best[j] || x != x;                                                              \
            best[j] = take ? x : best[j];                                                                         \
            where[j] = take ? p : where[j];                                                                       \
        }                                                                                                         \
    }
TAP(tap_f32, float, int32_t)
TAP(tap_f64, double, int64_t)

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return a <= 0 ? -(-a / b) : (a - 1) / b + 1;
}

static inline int64_t within(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* The elements of a result's window: from first on, below end, in steps. */
typedef struct reach {
    int64_t first, end, step;
} reach;

static reach reach_of(const ag_max_pool *p, int d, int64_t i)
{
    const ag_pool_axis *a = &p->axis[d];
    if (p->adaptive)
        return (reach){ ag_adaptive_first(i, a->source, a->result), ag_adaptive_end(i, a->source, a->result), 1 };
    const int64_t first = i * a->stride - a->before, end = first + a->window * a->dilation;
    const int64_t skipped = first < 0 ? divide_up(-first, a->dilation) : 0;
    return (reach){ first + skipped * a->dilation, end < a->source ? end : a->source, a->dilation };
}

/* A row of n results before its first tap. Behind `where` stand the first elements of a row's windows. */
#define START(name, type, place)                                                                           \
    AG_INLINE void name(const ag_max_pool *p, reach deep, reach high, int64_t n, type *best, place *where) \
    {                                                                                                      \
        const place *first = where + n;                                                                    \
        const place at = (place)((deep.first * p->axis[1].source + high.first) * p->axis[2].source);       \
        for (int64_t j = 0; j < n; j++) {                                                                  \
            best[j] = -(type)INFINITY;                                                                     \
            where[j] = at + first[j];                                                                      \
        }                                                                                                  \
    }
START(start_f32, float, int32_t)
START(start_f64, double, int64_t)

/* A row of results: best and where are filled in for windows that are alike, tap by tap. A stride that is known divides
 * without a division. */
#define ROW(name, type, place, tap, start)                                                                          \
    AG_INLINE void name##_taps(const ag_pool_axis *a, const type *x, int64_t row, const int64_t stride, type *best, \
                               place *where)                                                                        \
    {                                                                                                               \
        for (int64_t k = 0; k < a->window; k++) {                                                                   \
            const int64_t shift = k * a->dilation - a->before;                                                      \
            const int64_t begin = within(divide_up(-shift, stride), 0, a->result);                                  \
            const int64_t end = within(divide_up(a->source - shift, stride), begin, a->result);                     \
            tap(begin, end, x + row + shift, (place)(row + shift), stride, best, where);                            \
        }                                                                                                           \
    }                                                                                                               \
    static void name(const ag_max_pool *p, const type *x, reach deep, reach high, type *best, place *where)         \
    {                                                                                                               \
        const ag_pool_axis *a = &p->axis[2];                                                                        \
        start(p, deep, high, a->result, best, where);                                                               \
        for (int64_t d = deep.first; d < deep.end; d += deep.step)                                                  \
            for (int64_t h = high.first; h < high.end; h += high.step) {                                            \
                const int64_t row = (d * p->axis[1].source + h) * a->source;                                        \
                if (a->stride == 1)                                                                                 \
                    name##_taps(a, x, row, 1, best, where);                                                         \
                else if (a->stride == 2)                                                                            \
                    name##_taps(a, x, row, 2, best, where);                                                         \
                else                                                                                                \
                    name##_taps(a, x, row, a->stride, best, where);                                                 \
            }                                                                                                       \
    }
ROW(row_f32, float, int32_t, tap_f32, start_f32)
ROW(row_f64, double, int64_t, tap_f64, start_f64)

/* The same where each window has extents of its own: of each column first, then of the columns of a window. */
#define UNLIKE(name, type, place, tap)                                                                      \
    static void name(const ag_max_pool *p, const type *x, reach deep, reach high, type *best, place *where) \
    {                                                                                                       \
        const ag_pool_axis *a = &p->axis[2];                                                                \
        const int64_t n = a->source;                                                                        \
        place *at = where + a->result;                                                                      \
        type *column = (type *)(at + n);                                                                    \
        for (int64_t k = 0; k < n; k++) {                                                                   \
            column[k] = -(type)INFINITY;                                                                    \
            at[k] = (place)((deep.first * p->axis[1].source + high.first) * n + k);                         \
        }                                                                                                   \
        for (int64_t d = deep.first; d < deep.end; d++)                                                     \
            for (int64_t h = high.first; h < high.end; h++) {                                               \
                const int64_t row = (d * p->axis[1].source + h) * n;                                        \
                tap(0, n, x + row, (place)row, 1, column, at);                                              \
            }                                                                                               \
        for (int64_t j = 0; j < a->result; j++) {                                                           \
            const reach wide = reach_of(p, 2, j);                                                           \
            type most = column[wide.first];                                                                 \
            place first = at[wide.first];                                                                   \
            for (int64_t k = wide.first + 1; k < wide.end; k++) {                                           \
                const type v = column[k];                                                                   \
                const bool as_good = v == most ? at[k] < first : v != v && (most == most || at[k] > first); \
                const bool take = v > most || as_good;                                                      \
                most = take ? v : most;                                                                     \
                first = take ? at[k] : first;                                                               \
            }                                                                                               \
            best[j] = most;                                                                                 \
            where[j] = first;                                                                               \
        }                                                                                                   \
    }
UNLIKE(unlike_f32, float, int32_t, tap_f32)
UNLIKE(unlike_f64, double, int64_t, tap_f64)

#define PLANE(name, type, place, row, unlike)                                                       \
    static void name(const ag_max_pool *p, const type *x, type *y, int64_t *index, void *work)      \
    {                                                                                               \
        place *where = work;                                                                        \
        const int64_t n = p->axis[2].result;                                                        \
        for (int64_t j = 0; j < n && !p->adaptive; j++)                                             \
            where[n + j] = (place)reach_of(p, 2, j).first;                                          \
        for (int64_t d = 0; d < p->axis[0].result; d++)                                             \
            for (int64_t h = 0; h < p->axis[1].result; h++, y += n, index += n) {                   \
                (p->adaptive ? unlike : row)(p, x, reach_of(p, 0, d), reach_of(p, 1, h), y, where); \
                for (int64_t j = 0; j < n; j++)                                                     \
                    index[j] = where[j];                                                            \
            }                                                                                       \
    }
PLANE(plane_f32, float, int32_t, row_f32, unlike_f32)
PLANE(plane_f64, double, int64_t, row_f64, unlike_f64)

/* Rows that fill no vectors: of a copy of the plane with -infinity around it, where all windows read as many elements, and
 * in whole vectors of results. */
#define PADDED(name, type, place, tap, start)                                                                         \
    static void name##_copy(const ag_max_pool *p, const type *x, type *to)                                            \
    {                                                                                                                 \
        const ag_pool_axis *a = p->axis;                                                                              \
        const int64_t room = p->wide - a[2].before, here = a[2].source < room ? a[2].source : room;                   \
        for (int64_t r = 0; r < a[0].source * a[1].source; r++, x += a[2].source, to += p->wide) {                    \
            for (int64_t j = 0; j < p->wide; j++)                                                                     \
                to[j] = -(type)INFINITY;                                                                              \
            for (int64_t j = 0; j < here; j++)                                                                        \
                to[a[2].before + j] = x[j];                                                                           \
        }                                                                                                             \
    }                                                                                                                 \
    AG_INLINE void name##_row(const ag_max_pool *p, const type *x, reach deep, reach high, const int64_t stride,      \
                              type *best, place *where)                                                               \
    {                                                                                                                 \
        const ag_pool_axis *a = &p->axis[2];                                                                          \
        start(p, deep, high, p->whole, best, where);                                                                  \
        for (int64_t d = deep.first; d < deep.end; d += deep.step)                                                    \
            for (int64_t h = high.first; h < high.end; h += high.step)                                                \
                for (int64_t k = 0; k < a->window; k++) {                                                             \
                    const int64_t row = d * p->axis[1].source + h, shift = k * a->dilation;                           \
                    tap(0, p->whole, x + row * p->wide + shift, (place)(row * a->source + shift - a->before), stride, \
                        best, where);                                                                                 \
                }                                                                                                     \
    }                                                                                                                 \
    static void name(const ag_max_pool *p, const type *x, type *y, int64_t *index, void *work)                        \
    {                                                                                                                 \
        place *where = work;                                                                                          \
        type *best = (type *)(where + 2 * p->whole), *copy = best + p->whole;                                         \
        const int64_t n = p->axis[2].result;                                                                          \
        for (int64_t j = 0; j < p->whole; j++)                                                                        \
            where[p->whole + j] = j < n ? (place)reach_of(p, 2, j).first : 0;                                         \
        name##_copy(p, x, copy);                                                                                      \
        for (int64_t d = 0; d < p->axis[0].result; d++)                                                               \
            for (int64_t h = 0; h < p->axis[1].result; h++, y += n, index += n) {                                     \
                if (p->axis[2].stride == 1)                                                                           \
                    name##_row(p, copy, reach_of(p, 0, d), reach_of(p, 1, h), 1, best, where);                        \
                else                                                                                                  \
                    name##_row(p, copy, reach_of(p, 0, d), reach_of(p, 1, h), 2, best, where);                        \
                for (int64_t j = 0; j < n; j++) {                                                                     \
                    y[j] = best[j];                                                                                   \
                    index[j] = where[j];                                                                              \
                }                                                                                                     \
            }                                                                                                         \
    }
PADDED(padded_f32, float, int32_t, tap_f32, start_f32)
PADDED(padded_f64, double, int64_t, tap_f64, start_f64)

/* Do windows that are two wide lie side by side, each within the plane? Then an element has at most one. */
static bool are_pairs(const ag_max_pool *p)
{
    bool apart = !p->adaptive && p->axis[2].window == 2;
    for (int d = 0; d < AG_SPATIAL; d++) {
        const ag_pool_axis *a = &p->axis[d];
        apart = apart && a->stride == a->window && a->before == 0 && (a->dilation == 1 || a->window == 1) &&
                a->result * a->window <= a->source;
    }
    return apart;
}

/* Planes of windows of 2 x 2 side by side. Rows are made in whole vectors, whose ends the next row overwrites, as long as
 * there are results enough behind: one element after the other takes a branch that nothing foretells. */
#define TAKE(v, place)                              \
    {                                               \
        const bool take = (v) > best || (v) != (v); \
        best = take ? (v) : best;                   \
        at = take ? (place) : at;                   \
    }
#define SQUARES(name, type, place)                                                                             \
    AG_INLINE void name##_row(int64_t n, const type *restrict upper, const type *restrict lower, place row,    \
                              place below, type *restrict y, int64_t *restrict index)                          \
    {                                                                                                          \
        for (int64_t j = 0; j < n; j++) {                                                                      \
            type best = upper[2 * j];                                                                          \
            place at = 0;                                                                                      \
            TAKE(upper[2 * j + 1], 1)                                                                          \
            TAKE(lower[2 * j], below)                                                                          \
            TAKE(lower[2 * j + 1], below + 1)                                                                  \
            y[j] = best;                                                                                       \
            index[j] = row + (place)(2 * j) + at;                                                              \
        }                                                                                                      \
    }                                                                                                          \
    static void name(const ag_max_pool *p, int64_t planes, const type *x, type *y, int64_t *index)             \
    {                                                                                                          \
        const int64_t n = p->axis[2].result, high = p->axis[1].result, wide = p->axis[2].source;               \
        const int64_t whole = ag_whole(n);                                                                     \
        int64_t left = planes * p->result;                                                                     \
        for (int64_t k = 0; k < planes * p->axis[0].source; k++, x += p->axis[1].source * wide)                \
            for (int64_t h = 0; h < high; h++, y += n, index += n, left -= n) {                                \
                const int64_t row = (k % p->axis[0].source * p->axis[1].source + 2 * h) * wide;                \
                const type *upper = x + 2 * h * wide;                                                          \
                name##_row(whole <= left ? whole : n, upper, upper + wide, (place)row, (place)wide, y, index); \
            }                                                                                                  \
    }
SQUARES(squares_f32, float, int32_t)
SQUARES(squares_f64, double, int64_t)

static bool are_squares(const ag_max_pool *p)
{
    return are_pairs(p) && p->axis[0].window == 1 && p->axis[1].window == 2;
}

typedef struct job {
    const ag_max_pool *p;
    const char *x;
    char *y, *work;
    int64_t *index;
    int64_t shares;
    bool add, pairs, squares;
} job;

static void forward_item(const void *context, int64_t i)
{
    const job *j = context;
    const ag_max_pool *p = j->p;
    const int64_t begin = i * p->planes / j->shares, end = (i + 1) * p->planes / j->shares;
    if (j->squares) {
        const size_t from = (size_t)(begin * p->source), to = (size_t)(begin * p->result);
        if (p->dtype == AG_F32)
            squares_f32(p, end - begin, (const float *)j->x + from, (float *)j->y + to, j->index + to);
        else
            squares_f64(p, end - begin, (const double *)j->x + from, (double *)j->y + to, j->index + to);
        return;
    }
    for (int64_t k = begin; k < end; k++) {
        const size_t from = (size_t)(k * p->source), to = (size_t)(k * p->result);
        void *work = j->work + (size_t)i * p->work;
        if (p->dtype == AG_F32)
            (p->whole ? padded_f32 : plane_f32)(p, (const float *)j->x + from, (float *)j->y + to, j->index + to, work);
        else
            (p->whole ? padded_f64 : plane_f64)(p, (const double *)j->x + from, (double *)j->y + to, j->index + to,
                                                work);
    }
}

static double steps_of(const ag_max_pool *p)
{
    return (double)(p->source + p->result) * 2;
}

ag_status ag_max_pool_run(const ag_call *c, const ag_max_pool *p, const void *x, void *y, int64_t *index)
{
    job j = { .p = p, .x = x, .y = y, .index = index, .squares = are_squares(p) };
    if (p->planes * p->result == 0)
        return AG_OK;
    j.shares = ag_team(p->planes, steps_of(p), ag_call_threads(c));
    j.work = ag_call_scratch(c, p->work * (size_t)j.shares);
    if (!j.work)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps_of(p) * (double)p->planes, ag_call_threads(c), forward_item, &j);
    return AG_OK;
}

#define BACK(name, type)                                                                             \
    static void name(const ag_max_pool *p, const type *dy, const int64_t *index, type *dx, bool add) \
    {                                                                                                \
        if (!add)                                                                                    \
            memset(dx, 0, (size_t)p->source * sizeof *dx);                                           \
        for (int64_t i = 0; i < p->result; i++)                                                      \
            dx[index[i]] += dy[i];                                                                   \
    }
BACK(back_f32, float)
BACK(back_f64, double)

/* Every element of dx is written once, in order: dy where its window chose it. */
#define PAIRS(name, type)                                                                                             \
    static void name(const ag_max_pool *p, const type *restrict dy, const int64_t *restrict index, type *restrict dx) \
    {                                                                                                                 \
        const ag_pool_axis *a = p->axis;                                                                              \
        for (int64_t row = 0, d = 0, h = 0; d < a[0].source; row++) {                                                 \
            const int64_t deep = d / a[0].window, high = h / a[1].window;                                             \
            const int64_t n = deep < a[0].result && high < a[1].result ? a[2].result : 0;                             \
            const int64_t from = (deep * a[1].result + high) * n, first = row * a[2].source;                          \
            for (int64_t j = 0; j < n; j++) {                                                                         \
                const int64_t chosen = index[from + j] - first - 2 * j;                                               \
                const type v = dy[from + j];                                                                          \
                dx[first + 2 * j] = chosen == 0 ? v : 0;                                                              \
                dx[first + 2 * j + 1] = chosen == 1 ? v : 0;                                                          \
            }                                                                                                         \
            for (int64_t j = 2 * n; j < a[2].source; j++)                                                             \
                dx[first + j] = 0;                                                                                    \
            h = h + 1 < a[1].source ? h + 1 : 0;                                                                      \
            d += h == 0;                                                                                              \
        }                                                                                                             \
    }
PAIRS(pairs_f32, float)
PAIRS(pairs_f64, double)

static void back_item(const void *context, int64_t k)
{
    const job *j = context;
    const ag_max_pool *p = j->p;
    const size_t from = (size_t)(k * p->result), to = (size_t)(k * p->source);
    if (j->pairs && p->dtype == AG_F32)
        pairs_f32(p, (const float *)j->x + from, j->index + from, (float *)j->y + to);
    else if (j->pairs)
        pairs_f64(p, (const double *)j->x + from, j->index + from, (double *)j->y + to);
    else if (p->dtype == AG_F32)
        back_f32(p, (const float *)j->x + from, j->index + from, (float *)j->y + to, j->add);
    else
        back_f64(p, (const double *)j->x + from, j->index + from, (double *)j->y + to, j->add);
}

void ag_max_pool_back(const ag_max_pool *p, const void *dy, const int64_t *index, bool add, void *dx, int threads)
{
    job j = { .p = p, .x = dy, .y = dx, .index = (int64_t *)(uintptr_t)index, .add = add };
    j.pairs = !add && are_pairs(p) && p->axis[2].result >= LONG;
    ag_for_items(p->planes, steps_of(p), threads, back_item, &j);
}
