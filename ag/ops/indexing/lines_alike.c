/* A table's lines are turned, so that the elements at one place lie side by side, and the list's are turned back. */
#include "ag/ops/indexing/lines.h"
#include "ag/kernels/kernels.h"

enum {
    LINE = 64,   /* bytes */
    LONG = 4096, /* elements of a table's line: turned they stay in the second cache */
    SIDE = 16,   /* of blocks of 4 bytes an element that are turned */
    PART = 256   /* elements of the list's lines that are turned at a time */
};

int64_t ag_alike_lines(ag_dtype d, int64_t extent, int64_t n, bool add)
{
    const bool words = add ? ag_is_float(d) : ag_bytes_of(d) >= 4;
    return words && extent <= LONG && n >= extent / 4 ? LINE / (int64_t)ag_bytes_of(d) : 0;
}

/* `count` elements of each line, side by side. */
static ag_array side_by_side(const ag_alike *a, void *data, int64_t count)
{
    const int64_t lines = LINE / (int64_t)ag_bytes_of(a->dtype);
    return (ag_array){ .data = data, .dtype = a->dtype, .shape = { 2, { count, lines } }, .stride = { lines, 1 } };
}

/* The same where they belong, lines `step` apart, from element number `at` on. */
static ag_array in_lines(const ag_alike *a, char *data, int64_t at, int64_t count, int64_t step)
{
    ag_array r = side_by_side(a, data + at * (int64_t)ag_bytes_of(a->dtype), count);
    r.stride[0] = 1;
    r.stride[1] = step;
    return r;
}

/* The array with its axes exchanged: rows are then lines, which are to be written on end. */
static ag_array turned(ag_array a)
{
    return (ag_array){ .data = a.data,
                       .dtype = a.dtype,
                       .shape = { 2, { a.shape.dim[1], a.shape.dim[0] } },
                       .stride = { a.stride[1], a.stride[0] } };
}

static void turn_back(ag_array lines, ag_array beside)
{
    const ag_array to = turned(lines), from = turned(beside);
    ag_copy_array(&to, &from, false, 1);
}

/* Indices number i ... i + n - 1, checked. */
static const int64_t *indices(const ag_alike *a, int64_t i, int64_t n, int64_t *copy)
{
    const char *from = (const char *)a->index + i * a->index_step * (int64_t)ag_bytes_of(a->index_dtype);
    return ag_indices_load(a->index_dtype, from, a->index_step, n, a->extent, copy);
}

static int64_t part_of(const ag_alike *a, int64_t i)
{
    return a->n - i < PART ? a->n - i : PART;
}

/* Of n indices those whose lines are turned in registers. */
static int64_t whole_blocks(const ag_alike *a, int64_t n)
{
    return ag_bytes_of(a->dtype) == 4 ? n & -SIDE : 0;
}

bool ag_alike_take(const ag_alike *a)
{
    _Alignas(LINE) char table[LONG * LINE], list[PART * LINE];
    int64_t copy[PART];
    const ag_array beside = side_by_side(a, table, a->extent),
                   lines = in_lines(a, a->table, 0, a->extent, a->table_step);
    ag_copy_array(&beside, &lines, false, 1);
    for (int64_t i = 0; i < a->n; i += PART) {
        const int64_t n = part_of(a, i), *at = indices(a, i, n, copy);
        if (!at)
            return false;
        const int64_t whole = whole_blocks(a, n);
        for (int64_t k = 0; k < whole; k += SIDE)
            ag_transpose_chosen_32(a->list + (i + k) * 4, a->list_step, table, at + k);
        for (int64_t k = whole; k < n; k++)
            memcpy(list + (k - whole) * LINE, table + at[k] * LINE, LINE);
        if (whole < n)
            turn_back(in_lines(a, a->list, i + whole, n - whole, a->list_step), side_by_side(a, list, n - whole));
    }
    return true;
}

/* For what the next lines have at this place, `step` bytes apart, and beyond these. */
static void ask_for(const char *from, int64_t step)
{
    for (int64_t k = SIDE; k < 2 * SIDE; k++)
        __builtin_prefetch(from + k * step + LINE - 1, 0, 2);
}

#define ADD(name, type)                                                           \
    static void name(void *to_, const void *from_, int64_t n, const int64_t *at)  \
    {                                                                             \
        enum { LANES = LINE / sizeof(type) };                                     \
        for (int64_t k = 0; k < n; k++) {                                         \
            type *to = (type *)to_ + at[k] * LANES;                               \
            const type *from = (const type *)from_ + k * LANES;                   \
            _Pragma("omp simd") for (int l = 0; l < LANES; l++) to[l] += from[l]; \
        }                                                                         \
    }
ADD(add_f32, float)
ADD(add_f64, double)

bool ag_alike_add(const ag_alike *a)
{
    _Alignas(LINE) char table[LONG * LINE], list[PART * LINE];
    int64_t copy[PART];
    memset(table, 0, (size_t)(a->extent * LINE));
    for (int64_t i = 0; i < a->n; i += PART) {
        const int64_t n = part_of(a, i), *at = indices(a, i, n, copy);
        if (!at)
            return false;
        const int64_t whole = whole_blocks(a, n);
        for (int64_t k = 0; k < whole; k += SIDE) {
            ask_for(a->list + (i + k) * 4, a->list_step * 4);
            ag_transpose_add_f32(table, at + k, a->list + (i + k) * 4, a->list_step);
        }
        const ag_array beside = side_by_side(a, list, n - whole),
                       lines = in_lines(a, a->list, i + whole, n - whole, a->list_step);
        ag_copy_array(&beside, &lines, false, 1);
        (a->dtype == AG_F32 ? add_f32 : add_f64)(table, list, n - whole, at + whole);
    }
    turn_back(in_lines(a, a->table, 0, a->extent, a->table_step), side_by_side(a, table, a->extent));
    return true;
}
