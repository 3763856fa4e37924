#include "ag/kernels/fold.h"
#include "ag/kernels/kernels.h"

enum {
    CHUNK = AG_FOLD_LINE,
    SHORT = 64,  /* elements of lines that are turned, */
    TURNED = 64, /* so many at a time */
    PARTS = 16,  /* into which lines side by side may be divided */
    LEAST = 64,  /* elements of a part of them: joining two totals takes as long as some ten */
    /* Elements of a long line that are worth a thread's turn; the means of shorter parts would lose digits. */
    PART = 1 << 15
};

typedef struct fold_job {
    const ag_fold *f;
    const char *x;
    ag_dtype dtype;
    int64_t size, outer, n, inner, chunks; /* size: of an element */
    int64_t parts, high;                   /* into which lines side by side are divided, of so many elements */
    ag_total_of *total, *part;
} fold_job;

/* Of a line's n elements, at most CHUNK. */
static ag_total_of fold_chunk(const ag_fold *f, const char *x, int64_t size, int64_t n)
{
    ag_total_of lane[AG_FOLD_LANES], all = f->none;
    if (f->lines && n >= f->least) {
        f->lines(x, n, 1, f->context, &all);
        return all;
    }
    const int64_t rows = n / AG_FOLD_LANES, left = n % AG_FOLD_LANES;
    if (rows > 0) {
        f->columns(x, rows, AG_FOLD_LANES, AG_FOLD_LANES, f->context, lane);
        all = lane[0];
        for (int l = 1; l < AG_FOLD_LANES; l++)
            f->join(&all, &lane[l], 1, f->context);
    }
    if (left > 0)
        f->columns(x + rows * AG_FOLD_LANES * size, 1, AG_FOLD_LANES, left, f->context, lane);
    for (int64_t l = 0; l < left; l++)
        f->join(&all, &lane[l], 1, f->context);
    return all;
}

static ag_total_of fold_line(const ag_fold *f, const char *x, int64_t size, int64_t n)
{
    ag_total_of all = fold_chunk(f, x, size, n < CHUNK ? n : CHUNK);
    for (int64_t i = CHUNK; i < n; i += CHUNK) {
        const ag_total_of more = fold_chunk(f, x + i * size, size, n - i < CHUNK ? n - i : CHUNK);
        f->join(&all, &more, 1, f->context);
    }
    return all;
}

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    if (j->f->lines && j->n >= j->f->least && j->n <= CHUNK)
        j->f->lines(j->x + begin * j->n * j->size, j->n, end - begin, j->f->context, j->total + begin);
    else
        for (int64_t i = begin; i < end; i++)
            j->total[i] = fold_line(j->f, j->x + i * j->n * j->size, j->size, j->n);
}

/* Of few elements, as columns. */
static void run_short(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    _Alignas(64) char block[SHORT * TURNED * 8];
    for (int64_t i = begin; i < end; i += TURNED) {
        const int64_t lines = end - i < TURNED ? end - i : TURNED;
        ag_turn_lines(j->dtype, j->x + i * j->n * j->size, lines, j->n, block);
        j->f->columns(block, j->n, lines, lines, j->f->context, j->total + i);
    }
}

/* Some of the lines side by side, or a part of them. */
static void fold_columns(const fold_job *j, const char *x, int64_t n, int64_t count, ag_total_of *total)
{
    const ag_fold *f = j->f;
    const int64_t row = j->inner * j->size, deep = f->deep;
    ag_total_of more[AG_FOLD_COLUMNS];
    f->columns(x, n < deep ? n : deep, j->inner, count, f->context, total);
    for (int64_t at = deep; at < n; at += deep) {
        f->columns(x + at * row, n - at < deep ? n - at : deep, j->inner, count, f->context, more);
        f->join(total, more, count, f->context);
    }
}

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % j->chunks * AG_FOLD_COLUMNS, left = j->inner - first;
        const int64_t slice = i / j->chunks, row = slice / j->parts, from = slice % j->parts * j->high;
        fold_columns(j, j->x + ((row * j->n + from) * j->inner + first) * j->size,
                     j->n - from < j->high ? j->n - from : j->high, left < AG_FOLD_COLUMNS ? left : AG_FOLD_COLUMNS,
                     j->part + slice * j->inner + first);
    }
}

static void join_parts(const fold_job *j)
{
    for (int64_t i = 0; i < j->outer; i++) {
        ag_total_of *total = j->total + i * j->inner;
        const ag_total_of *part = j->part + i * j->parts * j->inner;
        memcpy(total, part, (size_t)j->inner * sizeof *total);
        for (int64_t k = 1; k < j->parts; k++)
            j->f->join(total, part + k * j->inner, j->inner, j->f->context);
    }
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t left = j->n - i * PART;
        j->part[i] = fold_line(j->f, j->x + i * PART * j->size, j->size, left < PART ? left : PART);
    }
}

/* One long line. */
static void run_divided(const fold_job *j, int threads)
{
    const int64_t parts = ag_parts(j->n, PART);
    ag_for_ranges(parts, PART, threads, run_parts, j);
    j->total[0] = j->part[0];
    for (int64_t i = 1; i < parts; i++)
        j->f->join(j->total, &j->part[i], 1, j->f->context);
}

/* Elements of a part of lines side by side: all, where there are enough of these to be shared out. */
static int64_t height(int64_t outer, int64_t n, int64_t inner)
{
    const int64_t items = ag_times(outer, ag_parts(inner, AG_FOLD_COLUMNS)),
                  least = inner < PART / LEAST ? PART / inner : LEAST;
    const int64_t even = items < PARTS ? ag_parts(n, PARTS / items) : n;
    return even < least ? least : even;
}

size_t ag_fold_work(int64_t outer, int64_t n, int64_t inner)
{
    if (outer == 0 || n == 0 || inner == 0)
        return 0;
    if (inner == 1)
        return outer == 1 && n > PART ? (size_t)(n / PART + 1) * sizeof(ag_total_of) : 0;
    const int64_t parts = ag_parts(n, height(outer, n, inner));
    return parts > 1 ? (size_t)(outer * parts * inner) * sizeof(ag_total_of) : 0;
}

void ag_fold_lines(const ag_fold *f, const ag_array *x, int64_t outer, int64_t n, int64_t inner, ag_total_of *total,
                   void *work, int threads)
{
    fold_job j = { .f = f,
                   .x = x->data,
                   .dtype = x->dtype,
                   .size = (int64_t)ag_dtype_size(x->dtype),
                   .outer = outer,
                   .n = n,
                   .inner = inner,
                   .chunks = ag_parts(inner, AG_FOLD_COLUMNS),
                   .total = total,
                   .part = work ? work : total };
    for (int64_t i = 0; n == 0 && i < ag_times(outer, inner); i++)
        total[i] = f->none;
    if (outer == 0 || n == 0 || inner == 0)
        return;
    if (inner > 1) {
        const int64_t count = inner < AG_FOLD_COLUMNS ? inner : AG_FOLD_COLUMNS;
        j.high = height(outer, n, inner);
        j.parts = ag_parts(n, j.high);
        ag_for_ranges(outer * j.parts * j.chunks, (double)j.high * (double)count, threads, run_columns, &j);
        if (work)
            join_parts(&j);
    } else if (work) {
        run_divided(&j, threads);
    } else {
        ag_for_ranges(outer, (double)n, threads, n < (f->lines ? f->least : SHORT) ? run_short : run_lines, &j);
    }
}
