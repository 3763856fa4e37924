/* Elements taken from lines of a table, or put into them, an index each, where the places of a line lie side by side as
 * the elements and the indices do. Indices are checked in vectors before one is used, of short lines those of several
 * together. */
#include "ag/kernels/kernels.h"
#include "ag/ops/indexing/elements.h"
#include "ag/ops/indexing/lines.h"

enum { PART = 64 /* elements of a line */ };

typedef struct lines {
    int64_t count, n; /* elements of a line */
    char *table, *list;
    const int64_t *at;
    int64_t table_step, list_step, at_step; /* from line to line; at_step 0: all have the same indices */
    int64_t next; /* from a line of the table to what will be wanted when the indices that follow have been used */
    const char *before; /* what the table's lines hold before; NULL: that is not known, or zeros */
} lines;

typedef void lines_function(const lines *l);

/* Indices jump about in a line, so that the processor does not see that the next one will be wanted. */
AG_INLINE void ask_for(const void *next, size_t size, int write)
{
    for (size_t i = 0; i < PART * size; i += 64)
        if (write)
            __builtin_prefetch((const char *)next + i, 1);
        else
            __builtin_prefetch((const char *)next + i, 0);
}

#define TAKE(name, type)                                                            \
    static void name(const lines *l)                                                \
    {                                                                               \
        for (int64_t r = 0; r < l->count; r++) {                                    \
            const type *restrict from = (const type *)l->table + r * l->table_step; \
            type *restrict to = (type *)l->list + r * l->list_step;                 \
            const int64_t *restrict at = l->at + r * l->at_step;                    \
            for (int64_t i = 0; i < l->n; i += PART) {                              \
                const int64_t end = l->n - i < PART ? l->n : i + PART;              \
                ask_for(from + l->next + i, sizeof *from, false);                   \
                for (int64_t k = i; k < end; k++)                                   \
                    to[k] = from[at[k]];                                            \
            }                                                                       \
        }                                                                           \
    }
TAKE(take_8, uint8_t)
TAKE(take_32, uint32_t)
TAKE(take_64, uint64_t)

/* In order: places may be named several times. */
#define PUT(name, type, value)                                                                             \
    static void name(const lines *l)                                                                       \
    {                                                                                                      \
        for (int64_t r = 0; r < l->count; r++) {                                                           \
            type *to = (type *)l->table + r * l->table_step;                                               \
            const type *from = (const type *)l->list + r * l->list_step;                                   \
            const int64_t *at = l->at + r * l->at_step, n = l->n;                                          \
            for (int64_t i = 0; i < n; i += PART) {                                                        \
                const int64_t end = n - i < PART ? n : i + PART;                                           \
                ask_for(to + l->next + i, sizeof *to, true);                                               \
                if (l->before)                                                                             \
                    ask_for((const type *)l->before + r * l->table_step + l->next + i, sizeof *to, false); \
                for (int64_t k = i; k < end; k++) {                                                        \
                    const type v = from[k];                                                                \
                    type *place = &to[at[k]];                                                              \
                    *place = (type)(value);                                                                \
                }                                                                                          \
            }                                                                                              \
        }                                                                                                  \
    }
PUT(put_8, uint8_t, v)
PUT(put_32, uint32_t, v)
PUT(put_64, uint64_t, v)
PUT(add_f32, float, *place + v)
PUT(add_f64, double, *place + v)
PUT(add_i32, uint32_t, *place + v)
PUT(add_i64, uint64_t, *place + v)
PUT(add_u8, uint8_t, *place + v)

/* The last index first: what is left at a place is 0. */
#define MOVE(name, type)                                                                                 \
    static void name(const lines *l)                                                                     \
    {                                                                                                    \
        for (int64_t r = 0; r < l->count; r++) {                                                         \
            type *from = (type *)l->table + r * l->table_step, *to = (type *)l->list + r * l->list_step; \
            const int64_t *at = l->at + r * l->at_step;                                                  \
            for (int64_t i = l->n - 1; i >= 0; i--) {                                                    \
                to[i] = from[at[i]];                                                                     \
                from[at[i]] = 0;                                                                         \
            }                                                                                            \
        }                                                                                                \
    }
MOVE(move_8, uint8_t)
MOVE(move_32, uint32_t)
MOVE(move_64, uint64_t)

static lines_function *function_of(ag_dtype d, const ag_putting *how)
{
    static lines_function *const adds[] = {
        [AG_F32] = add_f32, [AG_F64] = add_f64, [AG_I32] = add_i32, [AG_I64] = add_i64, [AG_U8] = add_u8
    };
    const size_t size = ag_bytes_of(d);
    if (!how)
        return size == 1 ? take_8 : size == 4 ? take_32 : take_64;
    if (*how == AG_MOVE)
        return size == 1 ? move_8 : size == 4 ? move_32 : move_64;
    return *how == AG_ADD ? adds[d] : size == 1 ? put_8 : size == 4 ? put_32 : put_64;
}

/* ---- many lines */

enum { TABLE, LIST, INDEX };

typedef struct lines_job {
    ag_nest nest; /* in elements, of TABLE, LIST and INDEX */
    char *data[3];
    ag_dtype dtype[3];
    lines_function *run;
    int64_t rows, n, step[3];    /* of the two innermost dimensions; from line to line */
    int64_t extent, band;        /* of a line of the table; lines whose indices are read together */
    int64_t alike;               /* lines that are gone through side by side; 0: none */
    const char *before;          /* what the lines hold before, as they lie; NULL: it is there */
    bool clear, reverse, *wrong; /* clear: the lines are zeros before; reverse: from the last index of a line on */
} lines_job;

static char *place_of(const lines_job *j, const ag_cursor *c, int k)
{
    return j->data[k] + c->offset[k] * (int64_t)ag_bytes_of(j->dtype[k]);
}

static void begin_line(const lines_job *j, char *line, int64_t size)
{
    if (!j->clear && !j->before)
        return;
    const size_t bytes = (size_t)(j->extent * size);
    if (j->clear)
        memset(line, 0, bytes);
    else
        memcpy(line, j->before + (line - j->data[TABLE]), bytes);
}

static bool run_band(const lines_job *j, const ag_cursor *c, int64_t rows)
{
    const int64_t size = (int64_t)ag_bytes_of(j->dtype[TABLE]), index_size = (int64_t)ag_bytes_of(j->dtype[INDEX]);
    const int64_t step = j->nest.stride[INDEX][j->nest.rank - 1];
    lines l = { .count = rows, .table = place_of(j, c, TABLE) };
    l.before = j->before ? j->before + (l.table - j->data[TABLE]) : NULL;
    l.table_step = j->step[TABLE];
    l.list_step = j->step[LIST];
    l.at_step = j->step[INDEX];
    char *list = place_of(j, c, LIST);
    const char *index = place_of(j, c, INDEX);
    int64_t copy[AG_INDEX_BLOCK];
    for (int64_t r = 0; r < rows; r++)
        begin_line(j, l.table + r * l.table_step * size, size);
    const int64_t blocks = ag_parts(j->n, AG_INDEX_BLOCK);
    for (int64_t block = 0; block < blocks; block++) {
        const int64_t i = (j->reverse ? blocks - 1 - block : block) * AG_INDEX_BLOCK;
        l.n = AG_INDEX_BLOCK < j->n - i ? AG_INDEX_BLOCK : j->n - i;
        l.at = ag_indices_load(j->dtype[INDEX], index + i * step * index_size, step, l.at_step ? rows * l.n : l.n,
                               j->extent, copy);
        if (!l.at)
            return false;
        l.list = list + i * size;
        l.next = l.table_step + i;
        j->run(&l);
    }
    return true;
}

static bool run_alike(const lines_job *j, const ag_cursor *c)
{
    const ag_alike a = { .dtype = j->dtype[TABLE],
                         .index_dtype = j->dtype[INDEX],
                         .table = place_of(j, c, TABLE),
                         .list = place_of(j, c, LIST),
                         .index = place_of(j, c, INDEX),
                         .extent = j->extent,
                         .n = j->n,
                         .table_step = j->step[TABLE],
                         .list_step = j->step[LIST],
                         .index_step = j->nest.stride[INDEX][j->nest.rank - 1] };
    return j->clear ? ag_alike_add(&a) : ag_alike_take(&a);
}

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const lines_job *j = context;
    ag_cursor c;
    for (int64_t row = begin; row < end;) {
        const int64_t left = j->rows - row % j->rows, most = left < end - row ? left : end - row;
        const bool alike = j->alike && most >= j->alike;
        const int64_t rows = alike ? j->alike : most < j->band ? most : j->band;
        ag_cursor_set(&j->nest, row, &c);
        if (!(alike ? run_alike(j, &c) : run_band(j, &c, rows))) {
            __atomic_store_n(j->wrong, true, __ATOMIC_RELAXED);
            return;
        }
        row += rows;
    }
}

/* How many lines have their indices read together. */
static int64_t band_of(const lines_job *j)
{
    const bool alike = j->step[INDEX] == 0, dense = j->nest.stride[INDEX][j->nest.rank - 1] == 1;
    return j->n <= AG_INDEX_BLOCK && (alike || (dense && j->step[INDEX] == j->n)) ? AG_INDEX_BLOCK / j->n : 1;
}

/* The job's arrays as lines. False: they are not so. */
static bool arrange(lines_job *j, const ag_array *table, const ag_elements *e)
{
    const ag_array *const arrays[] = { table, &e->list, &e->index };
    ag_nest *w = &j->nest;
    ag_nest_take(w, table->shape, 3, arrays);
    const int last = w->rank - 1;
    if (e->table.stride[e->axis] != 1 || w->stride[TABLE][last] != 0 || w->stride[LIST][last] != 1)
        return false;
    j->rows = last > 0 ? w->dim[last - 1] : 1;
    j->n = w->dim[last];
    j->extent = e->table.shape.dim[e->axis];
    for (int k = 0; k < 3; k++) {
        j->data[k] = arrays[k]->data;
        j->dtype[k] = arrays[k]->dtype;
        j->step[k] = last > 0 ? w->stride[k][last - 1] : 0;
    }
    j->band = band_of(j);
    return true;
}

/* Lines of a table that are one line, as it was repeated, are not turned. */
static int64_t lines_alike(const lines_job *j, bool add)
{
    const bool one_index = j->rows > 1 && j->step[INDEX] == 0 && j->step[TABLE] != 0;
    return one_index ? ag_alike_lines(j->dtype[TABLE], j->extent, j->n, add) : 0;
}

bool ag_lines_take(const ag_elements *e, const ag_array *table, int threads, bool *wrong)
{
    lines_job j = { .run = function_of(table->dtype, NULL), .wrong = wrong };
    if (ag_array_size(table) == 0 || !arrange(&j, table, e))
        return false;
    j.alike = lines_alike(&j, false);
    ag_for_ranges(ag_nest_rows(&j.nest), (double)j.n, threads, run_lines, &j);
    return true;
}

/* Lines that are all of the table begin one by one, while they are in the cache. */
static void begin_lines(lines_job *j, const ag_elements *e, const ag_array *clear, int64_t rows, int threads)
{
    const int64_t size = ag_array_size(clear ? clear : &e->table);
    const bool all = size % rows == 0 && size / rows == j->extent;
    j->clear = clear && all;
    if (clear && !all)
        ag_fill_array(clear, 0);
    if (e->before && all && ag_array_is_dense(e->before) && ag_array_is_dense(&e->table))
        j->before = e->before->data;
    else
        ag_elements_begin(e, threads);
}

bool ag_lines_put(const ag_elements *e, const ag_array *table, ag_putting how, const ag_array *clear, int threads,
                  bool *wrong)
{
    lines_job j = { .run = function_of(table->dtype, &how), .reverse = how == AG_MOVE, .wrong = wrong };
    if (ag_array_size(table) == 0 || !arrange(&j, table, e))
        return false;
    const int64_t rows = ag_nest_rows(&j.nest);
    for (int d = 0; d < j.nest.rank - 1; d++)
        if (j.nest.stride[TABLE][d] == 0)
            return false;
    const int team = ag_team(ag_array_size(table), 2, threads);
    if (team > 1 && rows < 2 * team) /* better shared by places */
        return false;
    begin_lines(&j, e, clear, rows, threads);
    j.alike = j.clear && how == AG_ADD ? lines_alike(&j, true) : 0;
    ag_for_ranges(rows, (double)j.n, threads, run_lines, &j);
    return true;
}
