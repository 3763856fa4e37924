#include "ag/ops/reductions/softmax_kernels.h"
#include "ag/kernels/kernels.h"

#include <stdbool.h>

enum { STEPS = 2 }; /* of an element */

static const ag_softmax_kernels *kernels_of(ag_dtype d)
{
    return d == AG_F32 ? &ag_softmax_f32 : &ag_softmax_f64;
}

/* Rows in groups as the kernels want them. */
typedef struct grouping {
    int64_t rows, height, count;
} grouping;

static grouping group_rows(int64_t rows, int64_t n)
{
    int64_t height = n > 0 ? (n > AG_SOFTMAX_BLOCK ? AG_SOFTMAX_LONG : AG_SOFTMAX_BLOCK) / n : AG_SOFTMAX_GROUP;
    height = height < 1 ? 1 : height > AG_SOFTMAX_GROUP ? AG_SOFTMAX_GROUP : height;
    return (grouping){ rows, height, (rows + height - 1) / height };
}

static int64_t rows_in(const grouping *g, int64_t i)
{
    const int64_t rest = g->rows - i * g->height;
    return rest < g->height ? rest : g->height;
}

typedef struct slab { /* x as [outer, n, inner] */
    ag_softmax_kind kind;
    int64_t n, inner, blocks, x_bytes, y_bytes;
    size_t size;
} slab;

typedef struct forward {
    const ag_softmax_kernels *k;
    slab s;
    grouping g;
    const char *x;
    char *y;
} forward;

static void run_rows(const void *context, int64_t i)
{
    const forward *f = context;
    const int64_t first = i * f->g.height;
    f->k->rows(f->s.kind, rows_in(&f->g, i), f->s.n, f->x + first * f->s.x_bytes, f->y + first * f->s.y_bytes,
               i + 1 < f->g.count);
}

/* Block i of the columns of all slices. */
static void run_columns(const void *context, int64_t i)
{
    const forward *f = context;
    const slab *s = &f->s;
    const int64_t slice = i / s->blocks, first = i % s->blocks * AG_LANES;
    const int64_t width = s->inner - first < AG_LANES ? s->inner - first : AG_LANES;
    const size_t offset = (size_t)first * s->size;
    f->k->columns(s->kind, s->n, s->inner, width, f->x + slice * s->x_bytes + offset,
                  f->y + slice * s->y_bytes + offset);
}

void ag_softmax_run(ag_softmax_kind kind, ag_dtype d, int64_t outer, int64_t n, int64_t inner, const void *x, void *y,
                    int threads)
{
    const size_t size = ag_dtype_size(d);
    slab s = { .kind = kind, .n = n, .inner = inner, .blocks = (inner + AG_LANES - 1) / AG_LANES, .size = size };
    s.x_bytes = n * inner * (int64_t)size;
    s.y_bytes = kind == AG_LOGSUMEXP ? inner * (int64_t)size : s.x_bytes;
    const forward f = { kernels_of(d), s, group_rows(outer, n), x, y };
    if (inner == 1)
        ag_for_items(f.g.count, STEPS * (double)(n * f.g.height), threads, run_rows, &f);
    else
        ag_for_items(outer * s.blocks, STEPS * (double)(n * AG_LANES), threads, run_columns, &f);
}

typedef struct back {
    const ag_softmax_kernels *k;
    ag_softmax_kind kind;
    int64_t n, wide, narrow; /* of a row: elements, bytes of x, bytes of y */
    const char *x, *y, *dy;
    char *dx;
    double beta;
} back;

static void row_back(const void *context, int64_t i)
{
    const back *b = context;
    b->k->row_back(b->kind, b->n, b->x ? b->x + i * b->wide : NULL, b->y + i * b->narrow, b->dy + i * b->narrow,
                   b->beta, b->dx + i * b->wide);
}

void ag_softmax_back(ag_softmax_kind kind, ag_dtype d, int64_t rows, int64_t n, const void *x, const void *y,
                     const void *dy, double beta, void *dx, int threads)
{
    const int64_t size = (int64_t)ag_dtype_size(d), wide = n * size, narrow = kind == AG_LOGSUMEXP ? size : wide;
    ag_for_items(rows, STEPS * (double)n, threads, row_back,
                 &(back){ kernels_of(d), kind, n, wide, narrow, x, y, dy, dx, beta });
}

/* ---- classes */

int64_t ag_class_at(const void *target, ag_dtype d, int64_t i)
{
    switch (d) {
    case AG_U8:
        return ((const uint8_t *)target)[i];
    case AG_I32:
        return ((const int32_t *)target)[i];
    default:
        return ((const int64_t *)target)[i];
    }
}

int64_t ag_class_outside(const void *target, ag_dtype d, int64_t n, int64_t classes)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = ag_class_at(target, d, i);
        if (k < 0 || k >= classes)
            return i;
    }
    return -1;
}
