#include "ag/kernels/extrema_boxes.h"
#include "ag/kernels/vector.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    PARTS = 32,     /* into which one result's elements may be divided */
    LANES = 32,     /* elements of a row that is worth vectors */
    LONG = 1 << 11, /* bytes of one that is worth wide ones */
    FEW = 32,       /* columns, */
    TOGETHER = 512  /* and elements of rows of theirs that are one */
};

/* Bytes of a vector. */
enum { WIDE = AG_VECTOR_BYTES, NARROW = WIDE < 32 ? WIDE : 32 };

/* Along a row of n elements: to = the better of to and from. With to_step 0, all of them go into one. */
typedef void row_function(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t n);

/* Of `count` lines on end of n elements, LANES or more. */
typedef void lines_function(const void *x, int64_t n, int64_t count, void *to);

/* A NaN is better than any number, and nothing is better than a NaN. */
#define ABOVE(a, b) ((a) > (b) || (a) != (a))
#define BELOW(a, b) ((a) < (b) || (a) != (a))

/* Of a row of at least so many bytes, in four vectors of them, and those then by halves. */
#define LINE(name, type, integer, MORE, BETTER, VECTOR)                      \
    AG_INLINE type name(const type *x, int64_t n, type all)                  \
    {                                                                        \
        typedef type lanes __attribute__((vector_size(VECTOR)));             \
        typedef integer masks __attribute__((vector_size(VECTOR)));          \
        typedef type half __attribute__((vector_size(VECTOR / 2)));          \
        typedef integer half_masks __attribute__((vector_size(VECTOR / 2))); \
        enum { WIDTH = VECTOR / sizeof(type) };                              \
        lanes best[4], v;                                                    \
        half low, high;                                                      \
        type last[WIDTH / 2];                                                \
        int64_t i = 0;                                                       \
        for (int k = 0; k < 4; k++)                                          \
            best[k] = (lanes){ 0 } + all;                                    \
        for (; i + 4 * WIDTH <= n; i += 4 * WIDTH)                           \
            for (int k = 0; k < 4; k++) {                                    \
                memcpy(&v, x + i + k * WIDTH, sizeof v);                     \
                AG_KEEP_BETTER(best[k], v, masks, MORE);                     \
            }                                                                \
        for (; i < n; i += WIDTH) {                                          \
            memcpy(&v, i + WIDTH <= n ? x + i : x + n - WIDTH, sizeof v);    \
            AG_KEEP_BETTER(best[0], v, masks, MORE);                         \
        }                                                                    \
        for (int k = 1; k < 4; k++)                                          \
            AG_KEEP_BETTER(best[0], best[k], masks, MORE);                   \
        memcpy(&low, &best[0], sizeof low);                                  \
        memcpy(&high, (const char *)&best[0] + sizeof low, sizeof high);     \
        AG_KEEP_BETTER(low, high, half_masks, MORE);                         \
        memcpy(last, &low, sizeof last);                                     \
        for (size_t l = 0; l < WIDTH / 2; l++)                               \
            all = BETTER(last[l], all) ? last[l] : all;                      \
        return all;                                                          \
    }
#define ROW(name, type, integer, MORE, BETTER)                                                            \
    LINE(name##_narrow, type, integer, MORE, BETTER, NARROW)                                              \
    LINE(name##_wide, type, integer, MORE, BETTER, WIDE)                                                  \
    AG_INLINE type name##_line(const type *x, int64_t n, type all)                                        \
    {                                                                                                     \
        return n * (int64_t)sizeof *x < LONG ? name##_narrow(x, n, all) : name##_wide(x, n, all);         \
    }                                                                                                     \
    static void name##_lines(const void *x_, int64_t n, int64_t count, void *to_)                         \
    {                                                                                                     \
        const type *x = x_;                                                                               \
        type *to = to_;                                                                                   \
        for (int64_t k = 0; k < count; k++)                                                               \
            to[k] = name##_line(x + k * n, n, x[k * n]);                                                  \
    }                                                                                                     \
    static void name(void *to_, int64_t to_step, const void *from_, int64_t from_step, int64_t n)         \
    {                                                                                                     \
        type *restrict to = to_;                                                                          \
        const type *restrict from = from_;                                                                \
        int64_t i = 0;                                                                                    \
        if (to_step == 0) {                                                                               \
            type all = to[0];                                                                             \
            if (from_step == 1 && n >= LANES) {                                                           \
                all = name##_line(from, n, all);                                                          \
                i = n;                                                                                    \
            }                                                                                             \
            for (; i < n; i++)                                                                            \
                all = BETTER(from[i * from_step], all) ? from[i * from_step] : all;                       \
            to[0] = all;                                                                                  \
        } else if (to_step == 1 && from_step == 1) {                                                      \
            for (; i < n; i++)                                                                            \
                to[i] = BETTER(from[i], to[i]) ? from[i] : to[i];                                         \
        } else if (to_step == 1 && from_step == 2) { /* windows of two */                                 \
            for (; i < n; i++)                                                                            \
                to[i] = BETTER(from[2 * i], to[i]) ? from[2 * i] : to[i];                                 \
        } else {                                                                                          \
            for (; i < n; i++)                                                                            \
                to[i * to_step] =                                                                         \
                    BETTER(from[i * from_step], to[i * to_step]) ? from[i * from_step] : to[i * to_step]; \
        }                                                                                                 \
    }

ROW(largest_f32, float, int32_t, >, ABOVE)
ROW(largest_f64, double, int64_t, >, ABOVE)
ROW(largest_i32, int32_t, int32_t, >, ABOVE)
ROW(largest_i64, int64_t, int64_t, >, ABOVE)
ROW(largest_u8, uint8_t, int8_t, >, ABOVE)
ROW(smallest_f32, float, int32_t, <, BELOW)
ROW(smallest_f64, double, int64_t, <, BELOW)
ROW(smallest_i32, int32_t, int32_t, <, BELOW)
ROW(smallest_i64, int64_t, int64_t, <, BELOW)
ROW(smallest_u8, uint8_t, int8_t, <, BELOW)

static row_function *const rows[2][6] = { AG_BY_DTYPE(smallest, ), AG_BY_DTYPE(largest, ) };
static lines_function *const lines[2][6] = { AG_BY_DTYPE(smallest, _lines), AG_BY_DTYPE(largest, _lines) };

typedef struct extremum_job {
    ag_nest nest; /* 0: from, 1: to, which stays along reduced dimensions */
    const char *from;
    char *to;
    int64_t size; /* of an element */
    row_function *row;
    int divided; /* dimension of results that threads share out */
} extremum_job;

static void run_nest(const extremum_job *j, const ag_nest *n, int64_t from, int64_t to)
{
    ag_cursor c;
    int last = n->rank - 1;
    int64_t rows_left = ag_nest_rows(n);
    ag_cursor_set(n, 0, &c);
    for (; rows_left > 0; rows_left--) {
        j->row(j->to + (to + c.offset[1]) * j->size, n->stride[1][last], j->from + (from + c.offset[0]) * j->size,
               n->stride[0][last], n->dim[last]);
        ag_cursor_next(n, &c, 2);
    }
}

/* Results begin ... end of the divided dimension. */
static void run_results(const void *context, int64_t begin, int64_t end)
{
    const extremum_job *j = context;
    ag_nest n = j->nest;
    n.dim[j->divided] = end - begin;
    run_nest(j, &n, begin * n.stride[0][j->divided], begin * n.stride[1][j->divided]);
}

static int64_t parts_of(int64_t elements)
{
    const int64_t parts = elements / AG_SHARE;
    return parts < 1 ? 1 : parts < PARTS ? parts : PARTS;
}

typedef struct parts {
    const extremum_job *job;
    union {
        double f64;
        int64_t i64;
    } best[PARTS];
    int64_t count;
} parts;

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const parts *p = context;
    int64_t n = p->job->nest.dim[0], step = p->job->nest.stride[0][0];
    for (int64_t i = begin; i < end; i++) {
        int64_t first = n / p->count * i, count = i + 1 < p->count ? n / p->count : n - first;
        char *to = (char *)(uintptr_t)p->best + i * p->job->size;
        p->job->row(to, 0, p->job->from + first * step * p->job->size, step, count);
    }
}

/* One result of many evenly spaced elements. */
static void run_divided(const extremum_job *j, ag_dtype d, bool largest, int threads)
{
    parts p = { .job = j, .count = parts_of(j->nest.dim[0]) };
    ag_array best = { .data = p.best, .dtype = d, .shape = { 1, { p.count } }, .stride = { 1 } };
    ag_fill_array(&best, largest ? -INFINITY : INFINITY);
    ag_for_ranges(p.count, AG_SHARE, threads, run_parts, &p);
    j->row(j->to, 0, p.best, 1, p.count);
}

/* ---- lines on end */

typedef struct lines_job {
    lines_function *run;
    int64_t n, size;
    const char *from;
    char *to;
} lines_job;

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const lines_job *j = context;
    j->run(j->from + begin * j->n * j->size, j->n, end - begin, j->to + begin * j->size);
}

/* ---- few columns: many rows of them are one */

typedef struct columns {
    const extremum_job *job;
    int64_t rows, count, parts;
    _Alignas(64) char best[PARTS][FEW * 8];
} columns;

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const columns *p = context;
    const extremum_job *j = p->job;
    const int64_t row = p->count * j->size, together = TOGETHER / p->count;
    _Alignas(64) char wide[TOGETHER * 8];
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = p->rows / p->parts * i, last = i + 1 < p->parts ? first + p->rows / p->parts : p->rows;
        char *best = (char *)(uintptr_t)p->best[i];
        memcpy(wide, j->from + first * row, (size_t)(together * row));
        for (int64_t r = first + together; r < last; r += together)
            j->row(wide, 1, j->from + r * row, 1, (last - r < together ? last - r : together) * p->count);
        memcpy(best, wide, (size_t)row);
        for (int64_t k = 1; k < together; k++)
            j->row(best, 1, wide + k * row, 1, p->count);
    }
}

static bool are_columns(const ag_nest *n)
{
    return n->rank == 2 && n->stride[0][0] == n->dim[1] && n->stride[0][1] == 1 && n->stride[1][0] == 0 &&
           n->stride[1][1] == 1 && n->dim[1] <= FEW && n->dim[0] > 2 * TOGETHER;
}

static void run_few_columns(const extremum_job *j, int threads)
{
    columns p = { .job = j, .rows = j->nest.dim[0], .count = j->nest.dim[1] };
    p.parts = parts_of(p.rows * p.count);
    ag_for_ranges(p.parts, AG_SHARE, threads, run_columns, &p);
    for (int64_t i = 0; i < p.parts; i++)
        j->row(j->to, 1, p.best[i], 1, p.count);
}

static int longest_kept(const ag_nest *n)
{
    int found = -1;
    for (int d = 0; d < n->rank; d++)
        if (n->stride[1][d] != 0 && (found < 0 || n->dim[d] > n->dim[found]))
            found = d;
    return found;
}

/* Where a result has few elements, as in windows, a row runs over results instead: over those that lie closest. */
static void lengthen_rows(ag_nest *n)
{
    int last = n->rank - 1, d = last;
    if (n->stride[1][last] != 0 || n->dim[last] >= LANES)
        return;
    while (d >= 0 && n->stride[1][d] == 0)
        d--;
    if (d >= 0 && n->dim[d] > n->dim[last])
        ag_nest_swap(n, d, last);
}

void ag_extremum_array(const ag_array *to, const ag_array *from, bool largest, int threads)
{
    extremum_job j = { .from = from->data, .to = to->data, .size = (int64_t)ag_dtype_size(to->dtype) };
    ag_array still = ag_array_expand(to, from->shape);
    int64_t elements = ag_array_size(from);
    if (ag_array_size(to) == 0)
        return;
    j.row = rows[largest][to->dtype];
    ag_nest_init(&j.nest, from, &still);
    if (ag_extremum_boxes(&j.nest, to->dtype, from->data, to->data, largest, threads))
        return;
    if (ag_extremum_of_lines(&j.nest) && j.nest.dim[1] >= LANES) {
        const lines_job l = { lines[largest][to->dtype], j.nest.dim[1], j.size, j.from, j.to };
        ag_for_ranges(j.nest.dim[0], (double)l.n, threads, run_lines, &l);
        return;
    }
    ag_fill_array(to, largest ? -INFINITY : INFINITY);
    if (are_columns(&j.nest)) {
        run_few_columns(&j, threads);
        return;
    }
    lengthen_rows(&j.nest);
    j.divided = longest_kept(&j.nest);
    if (j.divided < 0 && j.nest.rank == 1)
        run_divided(&j, to->dtype, largest, threads);
    else if (j.divided < 0)
        run_nest(&j, &j.nest, 0, 0);
    else
        ag_for_ranges(j.nest.dim[j.divided], (double)elements / (double)j.nest.dim[j.divided], threads, run_results,
                      &j);
}
