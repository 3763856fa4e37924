/* Loops over rows of a table. */
#include "ag/ops/indexing/rows.h"

enum {
    AHEAD = 12, /* rows: a random one comes from memory, and is asked for so early */
    LINE = 64,
    READ = 2 * LINE,   /* are asked for: the processor finds the rest of a row by itself */
    WRITTEN = 8 * LINE /* it does so later here */
};

typedef void add_function(int64_t n, void *to, const void *from);

#define ADD(name, type)                                                         \
    static void name(int64_t n, void *restrict to_, const void *restrict from_) \
    {                                                                           \
        type *restrict to = to_;                                                \
        const type *restrict from = from_;                                      \
        for (int64_t i = 0; i < n; i++)                                         \
            to[i] = (type)(to[i] + from[i]);                                    \
    }
ADD(add_f32, float)
ADD(add_f64, double)
ADD(add_i32, uint32_t)
ADD(add_i64, uint64_t)
ADD(add_u8, uint8_t)

static add_function *const adds[] = {
    [AG_F32] = add_f32, [AG_F64] = add_f64, [AG_I32] = add_i32, [AG_I64] = add_i64, [AG_U8] = add_u8
};

typedef struct row_job {
    const ag_rows *rows;
    char *table, *list;
    size_t bytes; /* of a row */
    add_function *add;
    const uint8_t *first; /* of each row of the list: the first one at its place? NULL: all are added */
    const uint8_t *seen;  /* of each row of the table */
    int team;             /* that shares the places; 1: outer is divided */
} row_job;

static row_job job_of(const ag_rows *r, const void *table, const void *list)
{
    return (row_job){ .rows = r,
                      .table = (void *)(uintptr_t)table,
                      .list = (void *)(uintptr_t)list,
                      .bytes = (size_t)r->inner * ag_bytes_of(r->dtype),
                      .team = 1 };
}

static inline void ask_for(const char *row, size_t bytes, bool write)
{
    for (size_t i = 0; i < bytes && i < (write ? WRITTEN : READ); i += LINE)
        if (write)
            __builtin_prefetch(row + i, 1);
        else
            __builtin_prefetch(row + i, 0);
}

/* ---- taking */

static void take_range(const void *context, int64_t begin, int64_t end)
{
    const row_job *j = context;
    const ag_rows *r = j->rows;
    for (int64_t i = begin; i < end;) {
        const int64_t outer = i / r->n, p = i % r->n, last = r->n - p < end - i ? r->n : p + end - i;
        const char *table = j->table + (size_t)(outer * r->extent) * j->bytes;
        char *list = j->list + (size_t)(outer * r->n) * j->bytes;
        for (int64_t k = p; k < last; k++) {
            if (k + AHEAD < last)
                ask_for(table + (size_t)r->at[k + AHEAD] * j->bytes, j->bytes, false);
            ag_copy_row(list + (size_t)k * j->bytes, table + (size_t)r->at[k] * j->bytes, j->bytes);
        }
        i += last - p;
    }
}

void ag_rows_take(const ag_rows *r, const void *table, void *list, int threads)
{
    const row_job j = job_of(r, table, list);
    ag_for_ranges(r->outer * r->n, (double)r->inner, threads, take_range, &j);
}

/* ---- putting */

/* Which of the team writes a place. Low numbers are the frequent ones as a rule, so neighbours go to different ones. */
static inline int owner_of(int64_t place, int team)
{
    return (int)(((uint64_t)((uint32_t)place * 2654435761u) * (uint64_t)team) >> 32);
}

static void put_part(const row_job *j, int64_t outer, int me)
{
    const ag_rows *r = j->rows;
    char *table = j->table + (size_t)(outer * r->extent) * j->bytes;
    const char *list = j->list + (size_t)(outer * r->n) * j->bytes;
    for (int64_t p = 0; p < r->n; p++) {
        const int64_t at = r->at[p];
        if (p + AHEAD < r->n && j->team == 1)
            ask_for(table + (size_t)r->at[p + AHEAD] * j->bytes, j->bytes, true);
        if (at == r->skip || (j->team > 1 && owner_of(at, j->team) != me))
            continue;
        char *to = table + (size_t)at * j->bytes;
        const char *from = list + (size_t)(r->from ? r->from[p] : p) * j->bytes;
        if (!j->add || (j->first && j->first[p]))
            ag_copy_row(to, from, j->bytes);
        else
            j->add(r->inner, to, from);
    }
}

static void put_range(const void *context, int64_t begin, int64_t end)
{
    for (int64_t outer = begin; outer < end; outer++)
        put_part(context, outer, 0);
}

static void put_shared(const void *context, int64_t me)
{
    const row_job *j = context;
    for (int64_t outer = 0; outer < j->rows->outer; outer++)
        put_part(j, outer, (int)me);
}

/* Zeros in all rows where nothing was put. */
static void clear_range(const void *context, int64_t begin, int64_t end)
{
    const row_job *j = context;
    const int64_t extent = j->rows->extent;
    for (int64_t i = begin, at = begin % extent; i < end;) {
        const int64_t first = i;
        for (; i < end && !j->seen[at]; i++)
            at = at + 1 < extent ? at + 1 : 0;
        if (i > first)
            memset(j->table + (size_t)first * j->bytes, 0, (size_t)(i - first) * j->bytes);
        for (; i < end && j->seen[at]; i++)
            at = at + 1 < extent ? at + 1 : 0;
    }
}

/* So that a row is written once where it is put once, not cleared before. False: no memory. */
static bool find_first(const ag_call *c, const ag_rows *r, row_job *j)
{
    uint8_t *seen = ag_call_scratch(c, (size_t)r->extent), *first = ag_call_scratch(c, (size_t)r->n);
    if (!seen || !first)
        return false;
    memset(seen, 0, (size_t)r->extent);
    for (int64_t p = 0; p < r->n; p++) {
        first[p] = !seen[r->at[p]];
        seen[r->at[p]] = r->at[p] != r->skip;
    }
    j->first = first;
    j->seen = seen;
    return true;
}

ag_status ag_rows_put(const ag_call *c, const ag_rows *r, void *table, const void *list, ag_putting how, bool clear)
{
    row_job j = job_of(r, table, list);
    const int threads = ag_call_threads(c), team = ag_team(r->outer * r->n, (double)r->inner, threads);
    j.add = how == AG_ADD ? adds[r->dtype] : NULL;
    if (clear && !find_first(c, r, &j))
        return AG_ENOMEM;
    if (clear)
        ag_for_ranges(r->outer * r->extent, (double)r->inner, threads, clear_range, &j);
    if (r->outer >= 2 * team) {
        ag_for_ranges(r->outer, (double)(r->n * r->inner), threads, put_range, &j);
    } else {
        j.team = team;
        ag_share_items(team, team, put_shared, &j);
    }
    return AG_OK;
}
