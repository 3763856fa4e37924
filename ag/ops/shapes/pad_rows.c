/* Padding row by row: each row of the result is written once, from one end to the other, and on the way back read once. */
#include "ag/ops/shapes/pad.h"

static const int64_t NOWHERE = INT64_MIN;

typedef struct row_job {
    const ag_pad_parts *g;
    const ag_array *x, *y;
    const int64_t *from[AG_MAX_RANK]; /* of each place on an outer axis: how far x's element lies from its first one */
    uint64_t number;                  /* as an element */
    size_t size;
} row_job;

/* Where a row stands: its coordinates, and how far the element of x at those but the last two lies from x's first one. */
typedef struct line {
    int64_t at[AG_MAX_RANK], outer;
} line;

static void set_outer(const row_job *j, line *l)
{
    l->outer = 0;
    for (int d = 0; d < j->y->shape.rank - 2 && l->outer != NOWHERE; d++)
        l->outer = j->from[d][l->at[d]] == NOWHERE ? NOWHERE : l->outer + j->from[d][l->at[d]];
}

static line line_of(const row_job *j, int64_t row)
{
    line l;
    for (int d = j->y->shape.rank - 2; d >= 0; row /= j->y->shape.dim[d], d--)
        l.at[d] = row % j->y->shape.dim[d];
    set_outer(j, &l);
    return l;
}

/* To the first row of the next plane. */
static void next_plane(const row_job *j, line *l)
{
    const int inner = j->y->shape.rank - 2;
    l->at[inner] = 0;
    for (int d = inner - 1; d >= 0 && ++l->at[d] == j->y->shape.dim[d]; d--)
        l->at[d] = 0;
    set_outer(j, l);
}

/* The pieces of a row: x's own, and those at its ends, which are few elements as a rule: a loop that could be long is
 * prepared for, at the cost of the row. */
#define ROWS(name, type)                                                                                           \
    static void name##_long_end(int64_t n, int64_t step, const type *restrict from, type *restrict to)             \
    {                                                                                                              \
        if (step == 1)                                                                                             \
            ag_copy_row(to, from, (size_t)n * sizeof *to);                                                         \
        else if (step == 0)                                                                                        \
            for (int64_t k = 0; k < n; k++)                                                                        \
                to[k] = from[0];                                                                                   \
        else                                                                                                       \
            for (int64_t k = 0; k < n; k++)                                                                        \
                to[k] = from[-k];                                                                                  \
    }                                                                                                              \
    static inline void name##_end(int64_t n, int64_t step, const type *restrict from, type *restrict to)           \
    {                                                                                                              \
        if (n > 3)                                                                                                 \
            name##_long_end(n, step, from, to);                                                                    \
        if (n == 3)                                                                                                \
            to[2] = from[2 * step];                                                                                \
        if (n == 2 || n == 3)                                                                                      \
            to[1] = from[step];                                                                                    \
        to[0] = from[0];                                                                                           \
    }                                                                                                              \
    static inline void name##_row(const ag_pad_piece *p, int pieces, const type *restrict from, type *restrict to, \
                                  const type *number, bool is_long)                                                \
    {                                                                                                              \
        if (is_long)                                                                                               \
            memcpy(to + p->to, from + p->from, (size_t)p->count * sizeof *to);                                     \
        else                                                                                                       \
            ag_copy_lines(to + p->to, from + p->from, (size_t)p->count * sizeof *to);                              \
        for (int i = 1; i < pieces; i++)                                                                           \
            if (p[i].value)                                                                                        \
                name##_end(p[i].count, 0, number, to + p[i].to);                                                   \
            else                                                                                                   \
                name##_end(p[i].count, p[i].step, from + p[i].from, to + p[i].to);                                 \
    }                                                                                                              \
    /* Rows of a plane, n of them, to each of which the table says where x's is. */                                \
    static void name##_plane(const row_job *j, int64_t outer, const int64_t *table, int64_t n, type *to)           \
    {                                                                                                              \
        const int last = j->y->shape.rank - 1, pieces = j->g->count[last];                                         \
        const int64_t length = j->y->shape.dim[last];                                                              \
        const ag_pad_piece *p = j->g->axis[last];                                                                  \
        const bool is_long = (size_t)p->count * sizeof *to >= AG_LONG_ROW;                                         \
        const type *x = j->x->data;                                                                                \
        type number;                                                                                               \
        memcpy(&number, &j->number, sizeof number);                                                                \
        for (int64_t row = 0; row < n; row++, to += length)                                                        \
            if (outer != NOWHERE && table[row] != NOWHERE)                                                         \
                name##_row(p, pieces, x + outer + table[row], to, &number, is_long);                               \
            else                                                                                                   \
                for (int64_t k = 0; k < length; k++)                                                               \
                    to[k] = number;                                                                                \
    }
ROWS(rows_8, uint8_t)
ROWS(rows_32, uint32_t)
ROWS(rows_64, uint64_t)

static void run_rows(const void *context, int64_t begin, int64_t end)
{
    const row_job *j = context;
    const int inner = j->y->shape.rank - 2;
    const int64_t extent = inner < 0 ? 1 : j->y->shape.dim[inner], zero = 0;
    const size_t bytes = (size_t)j->y->shape.dim[inner + 1] * j->size;
    line l = line_of(j, begin);
    for (int64_t row = begin, n; row < end; row += n) {
        const int64_t first = inner < 0 ? 0 : l.at[inner];
        const int64_t *table = inner < 0 ? &zero : j->from[inner] + first;
        n = extent - first < end - row ? extent - first : end - row;
        void *to = (char *)j->y->data + (size_t)row * bytes;
        if (j->size == 4)
            rows_32_plane(j, l.outer, table, n, to);
        else if (j->size == 8)
            rows_64_plane(j, l.outer, table, n, to);
        else
            rows_8_plane(j, l.outer, table, n, to);
        if (inner > 0)
            next_plane(j, &l);
    }
}

/* Where the elements of an outer axis come from. */
static void fill_table(const ag_pad_parts *g, int axis, int64_t stride, int64_t *from)
{
    for (int i = 0; i < g->count[axis]; i++) {
        const ag_pad_piece *p = &g->axis[axis][i];
        for (int64_t k = 0; k < p->count; k++)
            from[p->to + k] = p->value ? NOWHERE : (p->from + k * p->step) * stride;
    }
}

ag_status ag_pad_rows(const ag_call *c, const ag_pad_parts *g, const ag_array *x, const ag_array *y)
{
    const int last = y->shape.rank - 1;
    row_job j = { .g = g, .x = x, .y = y, .size = ag_dtype_size(y->dtype) };
    ag_fill_array(&(ag_array){ .data = &j.number, .dtype = y->dtype }, g->value);
    for (int d = 0; d < last; d++) {
        int64_t *table = ag_call_scratch(c, (size_t)y->shape.dim[d] * sizeof *table);
        if (!table)
            return AG_ENOMEM;
        fill_table(g, d, x->stride[d], table);
        j.from[d] = table;
    }
    const int64_t length = y->shape.dim[last];
    ag_for_ranges(ag_array_size(y) / length, 0.5 * (double)length, g->threads, run_rows, &j);
    return AG_OK;
}

/* ---- the way back */

typedef struct fold_job {
    const ag_pad_parts *g;
    const ag_array *x, *y;
    ag_nest rows; /* of both */
} fold_job;

#define FOLD(name, type)                                                                                    \
    static void name(const ag_pad_piece *p, int pieces, type *restrict x, const type *restrict y, bool add) \
    {                                                                                                       \
        if (add)                                                                                            \
            for (int64_t k = 0; k < p->count; k++)                                                          \
                x[p->from + k] += y[p->to + k];                                                             \
        else                                                                                                \
            for (int64_t k = 0; k < p->count; k++)                                                          \
                x[p->from + k] = y[p->to + k];                                                              \
        for (int i = 1; i < pieces; i++)                                                                    \
            for (int64_t k = 0; k < p[i].count && !p[i].value; k++)                                         \
                x[p[i].from + k * p[i].step] += y[p[i].to + k];                                             \
    }
FOLD(fold_f32, float)
FOLD(fold_f64, double)

static void fold_rows(const void *context, int64_t begin, int64_t end)
{
    const fold_job *j = context;
    const int last = j->y->shape.rank - 1, pieces = j->g->count[last];
    const ag_pad_piece *p = j->g->axis[last];
    ag_cursor at;
    ag_cursor_set(&j->rows, begin, &at);
    for (int64_t row = begin; row < end; row++, ag_cursor_next(&j->rows, &at, 2))
        if (j->y->dtype == AG_F32)
            fold_f32(p, pieces, (float *)j->x->data + at.offset[0], (const float *)j->y->data + at.offset[1],
                     j->g->add);
        else
            fold_f64(p, pieces, (double *)j->x->data + at.offset[0], (const double *)j->y->data + at.offset[1],
                     j->g->add);
}

void ag_pad_rows_back(const ag_pad_parts *g, const ag_array *x, const ag_array *y)
{
    const int last = y->shape.rank - 1;
    fold_job j = { .g = g, .x = x, .y = y, .rows = { .arrays = 2, .rank = last + 1 } };
    for (int d = 0; d < last; d++) {
        j.rows.dim[d] = y->shape.dim[d];
        j.rows.stride[0][d] = x->stride[d];
        j.rows.stride[1][d] = y->stride[d];
    }
    j.rows.dim[last] = 1;
    ag_for_ranges(ag_nest_rows(&j.rows), 0.5 * (double)y->shape.dim[last], g->threads, fold_rows, &j);
}
