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

/* One way through the lines. */
typedef struct way {
    const ag_softmax_kernels *k;
    const ag_softmax_job *j;
    grouping g;
    int64_t width, blocks;      /* of columns that are gone down together */
    int64_t size, wide, narrow; /* bytes: of an element; of the x and y of a slice, n times inner or inner elements */
    const char *dy;
    char *to;
    double beta;
} way;

/* How many columns go together, of which bits do not depend. */
static int64_t columns_together(const ag_softmax_job *j, int64_t most)
{
    const int64_t share = ag_parts(ag_times(j->outer, j->inner), j->threads), least = 128;
    return share > most ? most : share < least ? least : ag_padded(share);
}

static way way_of(const ag_softmax_job *j, const void *dy, double beta, void *to)
{
    const int64_t size = (int64_t)ag_dtype_size(j->dtype), all = j->n * j->inner * size;
    way w = { .k = kernels_of(j->dtype), .j = j, .size = size, .wide = all };
    w.width = columns_together(j, dy ? AG_SOFTMAX_COLUMNS : AG_SOFTMAX_BLOCK);
    w.g = group_rows(j->outer, j->n);
    w.blocks = ag_parts(j->inner, w.width);
    w.narrow = j->kind == AG_LOGSUMEXP ? j->inner * size : all;
    w.dy = dy;
    w.to = to;
    w.beta = beta;
    return w;
}

static ag_softmax_kept kept_at(const way *w, int64_t i)
{
    const ag_softmax_kept k = w->j->kept;
    return (ag_softmax_kept){ k.shift ? (char *)k.shift + i * w->size : NULL, k.factor ? k.factor + i : NULL };
}

static void run_rows(const void *context, int64_t i)
{
    const way *w = context;
    const int64_t first = i * w->g.height;
    w->k->rows(w->j->kind, rows_in(&w->g, i), w->j->n, (const char *)w->j->x + first * w->wide,
               w->to + first * w->narrow, kept_at(w, first));
}

static void row_back(const void *context, int64_t i)
{
    const way *w = context;
    w->k->row_back(w->j->kind, w->j->n, (const char *)w->j->x + i * w->wide, kept_at(w, i), w->dy + i * w->narrow,
                   w->beta, w->to + i * w->wide);
}

/* Block i of the columns of all slices. */
static void run_columns(const void *context, int64_t i)
{
    const way *w = context;
    const ag_softmax_job *j = w->j;
    const int64_t slice = i / w->blocks, first = i % w->blocks * w->width, rest = j->inner - first;
    const int64_t width = rest < w->width ? rest : w->width, at = first * w->size;
    const char *x = (const char *)j->x + slice * w->wide + at;
    const ag_softmax_kept kept = kept_at(w, slice * j->inner + first);
    if (w->dy)
        w->k->columns_back(j->kind, j->n, j->inner, width, x, kept, w->dy + slice * w->narrow + at, w->beta,
                           w->to + slice * w->wide + at);
    else
        w->k->columns(j->kind, j->n, j->inner, width, x, w->to + slice * w->narrow + at, kept);
}

static void go(const way *w)
{
    const ag_softmax_job *j = w->j;
    if (j->inner != 1)
        ag_for_items(j->outer * w->blocks, STEPS * (double)j->n * (double)w->width, j->threads, run_columns, w);
    else if (w->dy)
        ag_for_items(j->outer, STEPS * (double)j->n, j->threads, row_back, w);
    else
        ag_for_items(w->g.count, STEPS * (double)(j->n * w->g.height), j->threads, run_rows, w);
}

void ag_softmax_run(const ag_softmax_job *j, void *y)
{
    const way w = way_of(j, NULL, 0, y);
    go(&w);
}

void ag_softmax_back(const ag_softmax_job *j, const void *dy, double beta, void *dx)
{
    const way w = way_of(j, dy, beta, dx);
    go(&w);
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
