#include "ag/kernels/fold.h"

enum {
    CHUNK = 4096, /* elements of a line that are dealt out at a time */
    DEEP = 256,   /* elements of lines side by side that are gone through at a time */
    /* Elements of a long line that are worth a thread's turn; the means of shorter parts would lose digits. */
    PART = 1 << 15
};

typedef struct fold_job {
    const ag_fold *f;
    const char *x;
    int64_t size, outer, n, inner, chunks; /* size: of an element */
    ag_total_of *total, *part;
} fold_job;

/* Of a line's n elements, at most CHUNK. */
static ag_total_of fold_chunk(const ag_fold *f, const char *x, int64_t size, int64_t n)
{
    ag_total_of lane[AG_FOLD_LANES], all = f->none;
    const int64_t rows = n / AG_FOLD_LANES, left = n % AG_FOLD_LANES;
    if (rows > 0) {
        f->columns(x, rows, AG_FOLD_LANES, AG_FOLD_LANES, f->context, lane);
        all = lane[0];
        for (int l = 1; l < AG_FOLD_LANES; l++)
            f->join(&all, &lane[l], f->context);
    }
    if (left > 0)
        f->columns(x + rows * AG_FOLD_LANES * size, 1, AG_FOLD_LANES, left, f->context, lane);
    for (int64_t l = 0; l < left; l++)
        f->join(&all, &lane[l], f->context);
    return all;
}

static ag_total_of fold_line(const ag_fold *f, const char *x, int64_t size, int64_t n)
{
    ag_total_of all = fold_chunk(f, x, size, n < CHUNK ? n : CHUNK);
    for (int64_t i = CHUNK; i < n; i += CHUNK) {
        const ag_total_of more = fold_chunk(f, x + i * size, size, n - i < CHUNK ? n - i : CHUNK);
        f->join(&all, &more, f->context);
    }
    return all;
}

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    for (int64_t i = begin; i < end; i++)
        j->total[i] = fold_line(j->f, j->x + i * j->n * j->size, j->size, j->n);
}

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / j->chunks, first = i % j->chunks * AG_FOLD_COLUMNS, left = j->inner - first;
        const int64_t count = left < AG_FOLD_COLUMNS ? left : AG_FOLD_COLUMNS;
        const char *x = j->x + (row * j->n * j->inner + first) * j->size;
        ag_total_of *total = j->total + row * j->inner + first, more[AG_FOLD_COLUMNS];
        j->f->columns(x, j->n < DEEP ? j->n : DEEP, j->inner, count, j->f->context, total);
        for (int64_t at = DEEP; at < j->n; at += DEEP) {
            const int64_t n = j->n - at < DEEP ? j->n - at : DEEP;
            j->f->columns(x + at * j->inner * j->size, n, j->inner, count, j->f->context, more);
            for (int64_t k = 0; k < count; k++)
                j->f->join(&total[k], &more[k], j->f->context);
        }
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
    const int64_t parts = (j->n + PART - 1) / PART;
    ag_for_ranges(parts, PART, threads, run_parts, j);
    j->total[0] = j->part[0];
    for (int64_t i = 1; i < parts; i++)
        j->f->join(j->total, &j->part[i], j->f->context);
}

size_t ag_fold_work(int64_t outer, int64_t n, int64_t inner)
{
    return outer == 1 && inner == 1 && n > PART ? (size_t)(n / PART + 1) * sizeof(ag_total_of) : 0;
}

void ag_fold_lines(const ag_fold *f, const ag_array *x, int64_t outer, int64_t n, int64_t inner, ag_total_of *total,
                   void *work, int threads)
{
    const fold_job j = { .f = f,
                         .x = x->data,
                         .size = (int64_t)ag_dtype_size(x->dtype),
                         .outer = outer,
                         .n = n,
                         .inner = inner,
                         .chunks = ag_parts(inner, AG_FOLD_COLUMNS),
                         .total = total,
                         .part = work };
    for (int64_t i = 0; n == 0 && i < ag_times(outer, inner); i++)
        total[i] = f->none;
    if (outer == 0 || n == 0 || inner == 0)
        return;
    if (inner > 1)
        ag_for_ranges(outer * j.chunks, (double)n * (double)(inner < AG_FOLD_COLUMNS ? inner : AG_FOLD_COLUMNS),
                      threads, run_columns, &j);
    else if (work)
        run_divided(&j, threads);
    else
        ag_for_ranges(outer, (double)n, threads, run_lines, &j);
}
