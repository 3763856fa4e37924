#include "ag/kernels/scan.h"
#include "ag/kernels/transpose.h"

#include <string.h>

enum {
    COLUMNS = 64, /* lines side by side that are run through together */
    ROWS = 8,     /* lines one after the other, together so that none waits for its own last result alone */
    TURNED = 256, /* elements of these that are turned at a time, so that they lie side by side */
    BEGIN = 16,   /* elements of these that are not */
    STRAND = 128, /* elements of a long line that are added up by themselves, ROWS strands at a time */
    BLOCK = ROWS * STRAND,
    MANY = 4 * ROWS,    /* lines that are divided among threads as they are */
    PART = 2 * AG_SHARE /* elements of a long line that are worth a thread's turn */
};

/* Vectors stay inside this file: how they would be passed to others does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

/* Up to COLUMNS lines, whose elements are `step` apart, and themselves `gap`. */
typedef struct piece {
    const void *x, *b;
    void *y;
    int64_t n, step, gap, count, lag;
    bool add;
} piece;
typedef void piece_function(const piece *p);

/* ---- ROWS lines, turned */

static void turn(int64_t size, void *to, int64_t to_row, const void *from, int64_t from_row, int64_t rows,
                 int64_t columns)
{
    ag_transpose_block *block = size == 4 ? ag_transpose_block_32 : ag_transpose_block_64;
    for (int64_t r = 0; r < rows; r += ROWS)
        for (int64_t k = 0; k < columns; k += ROWS)
            block((char *)to + (k * to_row + r) * size, to_row, (const char *)from + (r * from_row + k) * size,
                  from_row);
}

/* A kind of scan: the running total t at the first element of a line and at each of the others, and what is stored of
 * it, from x, of `lag` elements before, and b. T, X and B are numbers or vectors of them. */
#define SCAN(name, type, total, result, FIRST, NEXT, STORED, BACK, ADDS) \
    LINES(name, type, total, result, FIRST, NEXT, STORED, BACK, ADDS)    \
    SIDE_BY_SIDE(name, type, total, result, NEXT, STORED)                \
    ROWS_TURNED(name, type, total, result)                               \
    static void name(const piece *p)                                     \
    {                                                                    \
        total t[COLUMNS];                                                \
        if (p->gap == 1)                                                 \
            name##_lines(p, 0, p->count, 1, 0, t);                       \
        else if (p->count == ROWS && sizeof(type) >= 4 && !p->add)       \
            name##_turned(p, t);                                         \
        else if (p->count == ROWS)                                       \
            name##_lines(p, 0, ROWS, p->gap, 0, t);                      \
        else                                                             \
            for (int64_t k = 0; k < p->count; k++)                       \
                name##_lines(p, k, 1, p->gap, 0, t);                     \
    }

/* From element `first` on; t is what it was before. */
#define LINES(name, type, total, result, FIRST, NEXT, STORED, BACK, ADDS)                                          \
    INLINE void name##_lines(const piece *p, int64_t k0, int64_t count, int64_t gap, int64_t first, total *totals) \
    {                                                                                                              \
        const type *restrict x = (const type *)p->x + k0 * gap, *restrict b = (const type *)p->b + k0 * gap;       \
        result *restrict y = (result *)p->y + k0 * gap;                                                            \
        const int64_t back = BACK;                                                                                 \
        const bool add = (ADDS) && p->add;                                                                         \
        total t[COLUMNS];                                                                                          \
        (void)b;                                                                                                   \
        for (int64_t k = 0; k < count && first > 0; k++)                                                           \
            t[k] = totals[k];                                                                                      \
        for (int64_t k = 0, at = 0; k < count && first == 0; k++, at += gap) {                                     \
            t[k] = FIRST((total)x[at], (total)b[at]);                                                              \
            const result stored = (result)STORED(t[k], (total)b[at]);                                              \
            y[at] = add ? y[at] + stored : stored;                                                                 \
        }                                                                                                          \
        for (int64_t i = first > 0 ? first : 1; i < p->n; i++) {                                                   \
            const int64_t line = i * p->step;                                                                      \
            for (int64_t k = 0; k < count; k++) {                                                                  \
                const int64_t at = line + k * gap;                                                                 \
                t[k] = NEXT(t[k], (total)x[at - back], (total)b[at]);                                              \
                const result stored = (result)STORED(t[k], (total)b[at]);                                          \
                y[at] = add ? y[at] + stored : stored;                                                             \
            }                                                                                                      \
        }                                                                                                          \
        memcpy(totals, t, (size_t)count * sizeof *t);                                                              \
    }

/* n elements of ROWS lines. */
#define SIDE_BY_SIDE(name, type, total, result, NEXT, STORED)                                                        \
    static void name##_side_by_side(const type *x, const type *b, result *y, int64_t n, bool reverse, total *totals) \
    {                                                                                                                \
        typedef total lanes __attribute__((vector_size(ROWS * sizeof(total))));                                      \
        typedef type elements __attribute__((vector_size(ROWS * sizeof(type))));                                     \
        typedef result results __attribute__((vector_size(ROWS * sizeof(result))));                                  \
        lanes t;                                                                                                     \
        memcpy(&t, totals, sizeof t);                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                                            \
            const int64_t at = (reverse ? n - 1 - i : i) * ROWS;                                                     \
            elements xs, bs;                                                                                         \
            memcpy(&xs, x + at, sizeof xs);                                                                          \
            memcpy(&bs, b + at, sizeof bs);                                                                          \
            t = NEXT(t, __builtin_convertvector(xs, lanes), __builtin_convertvector(bs, lanes));                     \
            const results r = __builtin_convertvector(STORED(t, __builtin_convertvector(bs, lanes)), results);       \
            memcpy(y + at, &r, sizeof r);                                                                            \
        }                                                                                                            \
        memcpy(totals, &t, sizeof t);                                                                                \
    }

/* The first elements as they lie, so that the others begin with a line of the cache where the rows do. */
#define ROWS_TURNED(name, type, total, result)                                                     \
    static void name##_turned(const piece *p, total *t)                                            \
    {                                                                                              \
        const int64_t back = p->lag * p->step;                                                     \
        const bool alike = p->b == p->x && back == 0;                                              \
        type x[TURNED * ROWS], b[TURNED * ROWS];                                                   \
        result y[TURNED * ROWS];                                                                   \
        piece begin = *p;                                                                          \
        begin.n = p->n < BEGIN ? p->n : BEGIN;                                                     \
        name##_lines(&begin, 0, ROWS, p->gap, 0, t);                                               \
        int64_t i = begin.n;                                                                       \
        for (int64_t n; (n = (p->n - i < TURNED ? p->n - i : TURNED) / ROWS * ROWS) > 0; i += n) { \
            const int64_t low = p->step > 0 ? i : -i - n + 1;                                      \
            turn(sizeof *x, x, ROWS, (const type *)p->x + low - back, p->gap, ROWS, n);            \
            if (!alike)                                                                            \
                turn(sizeof *b, b, ROWS, (const type *)p->b + low, p->gap, ROWS, n);               \
            name##_side_by_side(x, alike ? x : b, y, n, p->step < 0, t);                           \
            turn(sizeof *y, (result *)p->y + low, p->gap, y, ROWS, n, ROWS);                       \
        }                                                                                          \
        name##_lines(p, 0, ROWS, p->gap, i, t);                                                    \
    }

#define THE_X(X, B) (X)
#define THE_B(X, B) (B)
#define ONE(X, B) (1)
#define TOTAL(T, B) (T)
#define ADDED(T, X, B) ((T) + (X))
#define MULTIPLIED(T, X, B) ((T) * (X))
#define RECURRENT(T, X, B) ((X) * (T) + (B))
#define TIMES_B(T, B) ((T) * (B))
#define SUM(name, type, total, result) SCAN(name, type, total, result, THE_X, ADDED, TOTAL, 0, false)
#define PRODUCT(name, type, total, result) SCAN(name, type, total, result, THE_X, MULTIPLIED, TOTAL, 0, false)
#define LINEAR(name, type) SCAN(name, type, double, type, THE_B, RECURRENT, TOTAL, p->lag * p->step, false)
#define BEFORE(name, type) SCAN(name, type, double, type, ONE, MULTIPLIED, TIMES_B, p->lag * p->step, true)

SUM(sum_f32, float, double, float)
SUM(sum_f64, double, double, double)
SUM(sum_i32, int32_t, uint64_t, uint64_t)
SUM(sum_i64, int64_t, uint64_t, uint64_t)
SUM(sum_u8, uint8_t, uint64_t, uint64_t)
PRODUCT(product_f32, float, double, float)
PRODUCT(product_f64, double, double, double)
PRODUCT(product_i32, int32_t, uint64_t, uint64_t)
PRODUCT(product_i64, int64_t, uint64_t, uint64_t)
PRODUCT(product_u8, uint8_t, uint64_t, uint64_t)
LINEAR(linear_f32, float)
LINEAR(linear_f64, double)
BEFORE(before_f32, float)
BEFORE(before_f64, double)

static piece_function *const sums[] = { NULL, sum_f32, sum_f64, sum_i32, sum_i64, sum_u8 };
static piece_function *const products[] = { NULL, product_f32, product_f64, product_i32, product_i64, product_u8 };

/* ---- lines in pieces */

static size_t out_size_of(ag_dtype d)
{
    return ag_is_float(d) ? ag_dtype_size(d) : sizeof(int64_t);
}

typedef struct scan_job {
    const ag_scan *scan;
    piece all; /* of everything: without place, step, gap and count */
    piece_function *run;
    size_t size, out_size; /* of elements of x and b, and of y */
    int64_t chunks;        /* pieces into which lines side by side fall */
} scan_job;

static void run_piece(const scan_job *j, int64_t first, int64_t step, int64_t gap, int64_t count)
{
    const ag_scan *s = j->scan;
    piece p = j->all;
    if (s->reverse) {
        first += (s->n - 1) * step;
        step = -step;
    }
    p.x = (const char *)p.x + first * (int64_t)j->size;
    p.b = (const char *)p.b + first * (int64_t)j->size;
    p.y = (char *)p.y + first * (int64_t)j->out_size;
    p.step = step;
    p.gap = gap;
    p.count = count;
    j->run(&p);
}

static void run_rows(const void *context, int64_t begin, int64_t end)
{
    const scan_job *j = context;
    const int64_t n = j->scan->n;
    for (int64_t i = begin; i < end; i++) {
        const int64_t left = j->scan->outer - i * ROWS;
        run_piece(j, i * ROWS * n, 1, n, left < ROWS ? left : ROWS);
    }
}

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const scan_job *j = context;
    const int64_t inner = j->scan->inner;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / j->chunks, first = i % j->chunks * COLUMNS, left = inner - first;
        run_piece(j, row * j->scan->n * inner + first, inner, 1, left < COLUMNS ? left : COLUMNS);
    }
}

static void run(scan_job *j)
{
    const ag_scan *s = j->scan;
    const double n = (double)s->n;
    j->size = ag_dtype_size(s->dtype);
    j->out_size = out_size_of(s->dtype);
    j->chunks = ag_parts(s->inner, COLUMNS);
    j->all.n = s->n;
    if (s->outer == 0 || s->n == 0 || s->inner == 0)
        return;
    if (s->inner == 1)
        ag_for_ranges(ag_parts(s->outer, ROWS), n * ROWS, s->threads, run_rows, j);
    else
        ag_for_ranges(s->outer * j->chunks, n * (double)(s->inner < COLUMNS ? s->inner : COLUMNS), s->threads,
                      run_columns, j);
}

/* ---- sums along a long line, in parts, of which each is added up by itself and raised by what came before. So are the
 * strands of a part: what one ends with is just what the next one begins from, and sums of numbers that are not
 * negative do not descend. */

typedef union part_total {
    double real;
    uint64_t integer;
} part_total;

/* The sums in a part of n elements, `start` before it; returns its total. y NULL: that alone. */
typedef part_total part_function(const void *x, void *y, int64_t step, int64_t n, part_total start);

#define PARTS(name, type, total, result, MEMBER)                                                                   \
    INLINE total name##_stepping(const type *restrict x, result *restrict y, int64_t step, int64_t n, total start) \
    {                                                                                                              \
        total before = 0;                                                                                          \
        int64_t at = 0;                                                                                            \
        for (; at + BLOCK <= n; at += BLOCK) {                                                                     \
            total local[ROWS][STRAND], t[ROWS] = { 0 };                                                            \
            for (int64_t i = 0; i < STRAND; i++)                                                                   \
                for (int k = 0; k < ROWS; k++)                                                                     \
                    local[k][i] = t[k] += (total)x[(at + k * STRAND + i) * step];                                  \
            for (int k = 0; k < ROWS; k++) {                                                                       \
                for (int64_t i = 0; y && i < STRAND; i++)                                                          \
                    y[(at + k * STRAND + i) * step] = (result)(start + (before + local[k][i]));                    \
                before += t[k];                                                                                    \
            }                                                                                                      \
        }                                                                                                          \
        total t = 0;                                                                                               \
        for (; at < n; at++) {                                                                                     \
            t += (total)x[at * step];                                                                              \
            if (y)                                                                                                 \
                y[at * step] = (result)(start + (before + t));                                                     \
        }                                                                                                          \
        return before + t;                                                                                         \
    }                                                                                                              \
    static part_total name(const void *x, void *y, int64_t step, int64_t n, part_total start)                      \
    {                                                                                                              \
        part_total all;                                                                                            \
        all.MEMBER =                                                                                               \
            step == 1 ? name##_stepping(x, y, 1, n, start.MEMBER) : name##_stepping(x, y, -1, n, start.MEMBER);    \
        return all;                                                                                                \
    }
PARTS(part_f32, float, double, float, real)
PARTS(part_f64, double, double, double, real)
PARTS(part_i32, int32_t, uint64_t, uint64_t, integer)
PARTS(part_i64, int64_t, uint64_t, uint64_t, integer)
PARTS(part_u8, uint8_t, uint64_t, uint64_t, integer)

static part_function *const part_functions[] = { NULL, part_f32, part_f64, part_i32, part_i64, part_u8 };

typedef struct long_job {
    const ag_scan *scan;
    part_function *run;
    const char *x;
    char *y;
    size_t size, out_size;
    part_total *start; /* of the parts of a line that is divided */
    int64_t parts;
} long_job;

static part_total run_part(const long_job *j, int64_t line, int64_t part, bool store, part_total start)
{
    const int64_t n = j->scan->n, first = part * PART, left = n - first;
    const int64_t at = line * n + (j->scan->reverse ? n - 1 - first : first);
    return j->run(j->x + at * (int64_t)j->size, store ? j->y + at * (int64_t)j->out_size : NULL,
                  j->scan->reverse ? -1 : 1, left < PART ? left : PART, start);
}

static void raise_total(const long_job *j, part_total *t, part_total by)
{
    if (ag_is_float(j->scan->dtype))
        t->real += by.real;
    else
        t->integer += by.integer;
}

static void run_long_lines(const void *context, int64_t begin, int64_t end)
{
    const long_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        part_total start = { .integer = 0 };
        for (int64_t k = 0; k < j->parts; k++)
            raise_total(j, &start, run_part(j, i, k, true, start));
    }
}

static void total_parts(const void *context, int64_t begin, int64_t end)
{
    const long_job *j = context;
    for (int64_t k = begin; k < end; k++)
        j->start[k] = run_part(j, 0, k, false, (part_total){ .integer = 0 });
}

static void store_parts(const void *context, int64_t begin, int64_t end)
{
    const long_job *j = context;
    for (int64_t k = begin; k < end; k++)
        run_part(j, 0, k, true, j->start[k]);
}

/* The one line, its parts shared among threads. */
static void run_divided(const long_job *j)
{
    part_total start = { .integer = 0 };
    ag_for_ranges(j->parts, PART, j->scan->threads, total_parts, j);
    for (int64_t k = 0; k < j->parts; k++) {
        const part_total all = j->start[k];
        j->start[k] = start;
        raise_total(j, &start, all);
    }
    ag_for_ranges(j->parts, PART, j->scan->threads, store_parts, j);
}

/* ---- what the ops call */

size_t ag_scan_work(const ag_scan *s)
{
    return s->threads > 1 && s->outer == 1 && s->inner == 1 && s->n > PART
               ? (size_t)(s->n / PART + 1) * sizeof(part_total)
               : 0;
}

void ag_scan_sum(const ag_scan *s, const void *x, void *y, void *work)
{
    scan_job j = { .scan = s, .all = { .x = x, .b = x, .y = y }, .run = sums[s->dtype] };
    /* f64 is added in strands for its accuracy */
    if (s->inner != 1 || s->n < BLOCK || (s->outer >= MANY && s->dtype != AG_F64)) {
        run(&j);
        return;
    }
    const long_job l = { .scan = s,
                         .run = part_functions[s->dtype],
                         .x = x,
                         .y = y,
                         .size = ag_dtype_size(s->dtype),
                         .out_size = out_size_of(s->dtype),
                         .start = work,
                         .parts = ag_parts(s->n, PART) };
    if (work && ag_scan_work(s))
        run_divided(&l);
    else
        ag_for_ranges(s->outer, (double)s->n, s->threads, run_long_lines, &l);
}

void ag_scan_product(const ag_scan *s, const void *x, void *y)
{
    scan_job j = { .scan = s, .all = { .x = x, .b = x, .y = y }, .run = products[s->dtype] };
    run(&j);
}

void ag_scan_linear(const ag_scan *s, const void *a, const void *b, void *y, int lag)
{
    scan_job j = { .scan = s, .all = { .x = a, .b = b, .y = y, .lag = lag } };
    j.run = s->dtype == AG_F32 ? linear_f32 : linear_f64;
    run(&j);
}

void ag_scan_product_before(const ag_scan *s, const void *x, const void *b, void *y, bool add)
{
    scan_job j = { .scan = s, .all = { .x = x, .b = b, .y = y, .lag = 1, .add = add } };
    j.run = s->dtype == AG_F32 ? before_f32 : before_f64;
    run(&j);
}
