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

/* How far x's row for this one, if there is one, lies from its first element; and on to the next. */
static inline int64_t next_row(const row_job *j, line *l)
{
    const int inner = j->y->shape.rank - 2;
    if (inner < 0)
        return 0;
    const int64_t step = j->from[inner][l->at[inner]], outer = l->outer;
    for (int d = inner; d >= 0 && ++l->at[d] == j->y->shape.dim[d]; d--)
        l->at[d] = 0;
    if (l->at[inner] == 0)
        set_outer(j, l);
    return step == NOWHERE || outer == NOWHERE ? NOWHERE : outer + step;
}

#define ROWS(name, type)                                                                                      \
    static inline void name##_row(const row_job *j, int pieces, const type *restrict from, type *restrict to, \
                                  type number)                                                                \
    {                                                                                                         \
        const ag_pad_piece *p = j->g->axis[j->y->shape.rank - 1];                                             \
        for (int64_t k = 0; k < p->count; k++)                                                                \
            to[p->to + k] = from[p->from + k];                                                                \
        for (int i = 1; i < pieces; i++)                                                                      \
            for (int64_t k = 0; k < p[i].count; k++)                                                          \
                to[p[i].to + k] = p[i].value ? number : from[p[i].from + k * p[i].step];                      \
    }                                                                                                         \
    static void name(const row_job *j, int64_t begin, int64_t end)                                            \
    {                                                                                                         \
        const int last = j->y->shape.rank - 1, pieces = j->g->count[last];                                    \
        const int64_t length = j->y->shape.dim[last];                                                         \
        type number, *to = (type *)j->y->data + begin * length;                                               \
        memcpy(&number, &j->number, sizeof number);                                                           \
        line l = line_of(j, begin);                                                                           \
        for (int64_t row = begin; row < end; row++, to += length) {                                           \
            const int64_t from = next_row(j, &l);                                                             \
            if (from != NOWHERE)                                                                              \
                name##_row(j, pieces, (const type *)j->x->data + from, to, number);                           \
            else                                                                                              \
                for (int64_t k = 0; k < length; k++)                                                          \
                    to[k] = number;                                                                           \
        }                                                                                                     \
    }
ROWS(rows_8, uint8_t)
ROWS(rows_32, uint32_t)
ROWS(rows_64, uint64_t)

static void run_rows(const void *context, int64_t begin, int64_t end)
{
    const row_job *j = context;
    (j->size == 4 ? rows_32 : j->size == 8 ? rows_64 : rows_8)(j, begin, end);
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
