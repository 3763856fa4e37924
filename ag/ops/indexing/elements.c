/* Loops that take or put single elements, or rows of them that have one index. */
#include "ag/ops/indexing/elements.h"

/* The places along the axis, `step` apart, that a thread writes. */
typedef struct places {
    int64_t first, count, step;
} places;

typedef void element_function(int64_t n, void *to, int64_t to_step, const void *from, int64_t from_step,
                              const int64_t *at, places p);
typedef void row_function(int64_t n, void *to, int64_t to_step, const void *from, int64_t from_step);

typedef struct element_job {
    places mine;
    int64_t extent, size; /* of the axis; of an element */
    int table;            /* which array of a row */
    bool wrong;
    element_function *run;
    row_function *row;
} element_job;

/* ---- n elements */

#define TAKE(name, type)                                                                                             \
    static void name(int64_t n, void *to_, int64_t to_step, const void *from_, int64_t from_step, const int64_t *at, \
                     places p)                                                                                       \
    {                                                                                                                \
        type *restrict to = to_;                                                                                     \
        const type *restrict from = from_;                                                                           \
        for (int64_t i = 0; i < n; i++)                                                                              \
            to[i * to_step] = from[i * from_step + at[i] * p.step];                                                  \
    }
TAKE(take_8, uint8_t)
TAKE(take_32, uint32_t)
TAKE(take_64, uint64_t)

/* In order: places may be named several times. */
#define PUT(name, type, value)                                                                                       \
    static void name(int64_t n, void *to_, int64_t to_step, const void *from_, int64_t from_step, const int64_t *at, \
                     places p)                                                                                       \
    {                                                                                                                \
        type *to = to_;                                                                                              \
        const type *from = from_;                                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                            \
            const type v = from[i * from_step];                                                                      \
            type *place = &to[i * to_step + at[i] * p.step];                                                         \
            if ((uint64_t)(at[i] - p.first) < (uint64_t)p.count)                                                     \
                *place = (type)(value);                                                                              \
        }                                                                                                            \
    }                                                                                                                \
    static void name##_row(int64_t n, void *to_, int64_t to_step, const void *from_, int64_t from_step)              \
    {                                                                                                                \
        type *restrict to = to_;                                                                                     \
        const type *restrict from = from_;                                                                           \
        for (int64_t i = 0; i < n && to_step == 1 && from_step == 1; i++) {                                          \
            const type v = from[i], *place = &to[i];                                                                 \
            to[i] = (type)(value);                                                                                   \
        }                                                                                                            \
        for (int64_t i = 0; i < n && (to_step != 1 || from_step != 1); i++) {                                        \
            const type v = from[i * from_step], *place = &to[i * to_step];                                           \
            to[i * to_step] = (type)(value);                                                                         \
        }                                                                                                            \
    }
#define ITSELF ((void)place, v)
PUT(put_8, uint8_t, ITSELF)
PUT(put_32, uint32_t, ITSELF)
PUT(put_64, uint64_t, ITSELF)
PUT(add_f32, float, *place + v)
PUT(add_f64, double, *place + v)
PUT(add_i32, uint32_t, *place + v)
PUT(add_i64, uint64_t, *place + v)
PUT(add_u8, uint8_t, *place + v)

/* From the table, `to`, to the list. */
#define MOVE(name, type)                                                                                      \
    static void name(int64_t n, void *table_, int64_t table_step, const void *list_, int64_t list_step,       \
                     const int64_t *at, places p)                                                             \
    {                                                                                                         \
        type *table = table_, *list = (type *)(uintptr_t)list_;                                               \
        for (int64_t i = 0; i < n; i++) {                                                                     \
            type *place = &table[i * table_step + at[i] * p.step];                                            \
            if ((uint64_t)(at[i] - p.first) < (uint64_t)p.count) {                                            \
                list[i * list_step] = *place;                                                                 \
                *place = 0;                                                                                   \
            }                                                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    static void name##_row(int64_t n, void *table_, int64_t table_step, const void *list_, int64_t list_step) \
    {                                                                                                         \
        type *table = table_, *list = (type *)(uintptr_t)list_;                                               \
        for (int64_t i = 0; i < n; i++) {                                                                     \
            list[i * list_step] = table[i * table_step];                                                      \
            table[i * table_step] = 0;                                                                        \
        }                                                                                                     \
    }
MOVE(move_8, uint8_t)
MOVE(move_32, uint32_t)
MOVE(move_64, uint64_t)

static void choose(element_job *j, ag_dtype d, bool take, ag_putting how)
{
    const bool bytes = d == AG_U8, words = d == AG_F32 || d == AG_I32;
    j->size = (int64_t)ag_bytes_of(d);
    j->row = bytes ? put_8_row : words ? put_32_row : put_64_row;
    j->run = take ? (bytes ? take_8 : words ? take_32 : take_64) : bytes ? put_8 : words ? put_32 : put_64;
    if (!take && how == AG_MOVE) {
        j->row = bytes ? move_8_row : words ? move_32_row : move_64_row;
        j->run = bytes ? move_8 : words ? move_32 : move_64;
    }
    if (take || how != AG_ADD)
        return;
    j->row = d == AG_F32   ? add_f32_row
             : d == AG_F64 ? add_f64_row
             : d == AG_I32 ? add_i32_row
             : d == AG_I64 ? add_i64_row
                           : add_u8_row;
    j->run = d == AG_F32 ? add_f32 : d == AG_F64 ? add_f64 : d == AG_I32 ? add_i32 : d == AG_I64 ? add_i64 : add_u8;
}

/* ---- rows. Their arrays: what is written, what is read, indices */

static void *moved(const element_job *j, const ag_walk_row *w, int k, int64_t elements)
{
    return (char *)w->data[k] + elements * j->size;
}

/* The row has one index. */
static void visit_alike(element_job *j, const ag_walk_row *w, int64_t at)
{
    const bool mine = (uint64_t)(at - j->mine.first) < (uint64_t)j->mine.count;
    const int64_t offset = at * j->mine.step;
    if (mine)
        j->row(w->n, moved(j, w, 0, j->table == 0 ? offset : 0), w->stride[0],
               moved(j, w, 1, j->table == 1 ? offset : 0), w->stride[1]);
}

static void visit(const ag_walk_row *w, void *context)
{
    element_job *j = context;
    const int64_t step = w->stride[2], count = step ? w->n : 1;
    const size_t size = ag_bytes_of(w->dtype[2]);
    int64_t copy[AG_INDEX_BLOCK];
    for (int64_t i = 0; i < count; i += AG_INDEX_BLOCK) {
        const int64_t n = count - i < AG_INDEX_BLOCK ? count - i : AG_INDEX_BLOCK;
        const void *from = (const char *)w->data[2] + i * step * (int64_t)size;
        const int64_t *at = ag_indices_load(w->dtype[2], from, step, n, j->extent, copy);
        if (!at) {
            __atomic_store_n(&j->wrong, true, __ATOMIC_RELAXED);
            return;
        }
        if (step)
            j->run(n, moved(j, w, 0, i * w->stride[0]), w->stride[0], moved(j, w, 1, i * w->stride[1]), w->stride[1],
                   at, j->mine);
        else
            visit_alike(j, w, *at);
    }
}

/* ---- the whole */

/* The table in the indices' shape, staying where it is along the axis and where it broadcasts. */
static ag_array spread_table(const ag_elements *e)
{
    ag_array r = { .data = e->table.data, .dtype = e->table.dtype, .shape = e->index.shape };
    for (int d = 0; d < r.shape.rank; d++) {
        const bool stays = d == e->axis || (e->table.shape.dim[d] == 1 && r.shape.dim[d] != 1);
        r.stride[d] = stays ? 0 : e->table.stride[d];
    }
    return r;
}

static element_job job_of(const ag_elements *e)
{
    const int64_t extent = e->table.shape.dim[e->axis];
    return (element_job){ .mine = { 0, extent, e->table.stride[e->axis] }, .extent = extent };
}

bool ag_elements_take(const ag_elements *e, int threads)
{
    element_job j = job_of(e);
    const ag_array table = spread_table(e);
    if (ag_lines_take(e, &table, threads, &j.wrong))
        return !j.wrong;
    j.table = 1;
    choose(&j, table.dtype, true, AG_PUT);
    ag_walk(table.shape, 3, (const ag_array *const[]){ &e->list, &table, &e->index }, visit, &j, threads);
    return !j.wrong;
}

/* The work is divided so that two threads write no place in common: along an axis whose coordinates are distinct
 * places, or else by places along the axis itself, each thread reading all indices. */
typedef struct division {
    const element_job *job;
    const ag_array *table, *list, *index;
    int axis, parts; /* axis -1: by places */
    bool *wrong;
} division;

static void put_part(const void *context, int64_t part)
{
    const division *v = context;
    element_job j = *v->job;
    ag_array table = *v->table, list = *v->list, index = *v->index;
    const int64_t count = v->axis < 0 ? j.extent : table.shape.dim[v->axis];
    const int64_t first = count * part / v->parts, end = count * (part + 1) / v->parts;
    if (v->axis < 0) {
        j.mine.first = first;
        j.mine.count = end - first;
    } else {
        table = ag_region(&table, v->axis, first, end - first, 1);
        list = ag_region(&list, v->axis, first, end - first, 1);
        index = ag_region(&index, v->axis, first, end - first, 1);
    }
    ag_walk(table.shape, 3, (const ag_array *const[]){ &table, &list, &index }, visit, &j, 1);
    if (j.wrong)
        __atomic_store_n(v->wrong, true, __ATOMIC_RELAXED);
}

static ag_array backward(const ag_array *a, int axis)
{
    const int64_t extent = a->shape.dim[axis];
    return ag_region(a, axis, extent - 1, extent, -1);
}

void ag_elements_begin(const ag_elements *e, int threads)
{
    if (!e->before)
        return;
    const ag_array before = ag_as_vector(e->before);
    ag_copy_array(&e->table, &before, false, threads);
}

bool ag_elements_put(const ag_elements *e, ag_putting how, const ag_array *clear, int threads)
{
    element_job j = job_of(e);
    const ag_array table = spread_table(e), list = how == AG_MOVE ? backward(&e->list, e->axis) : e->list,
                   index = how == AG_MOVE ? backward(&e->index, e->axis) : e->index;
    const int64_t n = ag_array_size(&table);
    const int team = ag_team(n, 2, threads);
    bool wrong = false;
    if (ag_lines_put(e, &table, how, clear, threads, &wrong))
        return !wrong;
    if (clear)
        ag_fill_array(clear, 0);
    ag_elements_begin(e, threads);
    choose(&j, table.dtype, false, how);
    division v = { &j, &table, &list, &index, -1, team, &wrong };
    for (int d = table.shape.rank - 1; d >= 0; d--)
        if (table.stride[d] && table.shape.dim[d] >= team &&
            (v.axis < 0 || table.shape.dim[d] > table.shape.dim[v.axis]))
            v.axis = d;
    if (team > 1)
        ag_share_items(team, team, put_part, &v);
    else
        put_part(&v, 0);
    return !wrong;
}

/* ---- for the ops */

ag_elements ag_elements_of(const ag_call *c, const ag_array *table, const ag_array *index, const ag_array *list)
{
    ag_elements e = { ag_as_vector(table), ag_as_vector(list), ag_as_vector(index), 0, NULL };
    e.axis = ag_axis(ag_along_axis(c), e.table.shape.rank);
    e.index = ag_array_expand(&e.index, e.list.shape);
    return e;
}

ag_status ag_elements_outside(const ag_call *c, const ag_elements *e, const ag_array *index)
{
    return ag_call_outside(c, "index", index, e->axis, e->table.shape.dim[e->axis], false);
}

ag_status ag_elements_check(const ag_call *c, const ag_array *x, int *axis)
{
    const int rank = ag_shape_as_vector(x[0].shape).rank;
    *axis = ag_call_axis(c, ag_along_axis(c), rank);
    if (*axis < 0)
        return AG_ESHAPE;
    if (ag_call_is_index(c, &x[1]))
        return AG_EDTYPE;
    if (ag_shape_as_vector(x[1].shape).rank != rank)
        return ag_call_fail(c, AG_ESHAPE, "the index must have as many dimensions as what it is about");
    return AG_OK;
}
