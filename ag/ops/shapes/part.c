/* Zeros with a part of them set, written in one pass over memory. */
#include "ag/ops/shapes/views.h"

enum {
    BLOCK = 1 << 14, /* bytes that are cleared at a time where the part's elements lie in between */
    SHORT = 256      /* bytes before the axis comes again: many times together */
};

/* Both arrays as what lies before the axis, the axis, and what lies behind it: `line` bytes. */
typedef struct placing {
    char *to;
    const char *from;
    int64_t extent, line, start, count, step;
    int64_t block, blocks; /* of the axis' places; so many of them */
    ag_dtype dtype;
    size_t size; /* of an element */
} placing;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first of the part's elements at or behind a place. */
static int64_t first_from(const placing *p, int64_t place)
{
    return place <= p->start ? 0 : smaller((place - p->start - 1) / p->step + 1, p->count);
}

#define SET(name, type)                                                     \
    static void name(char *to_, int64_t step, const char *from_, int64_t n) \
    {                                                                       \
        type *restrict to = (type *)(void *)to_;                            \
        const type *restrict from = (const type *)(const void *)from_;      \
        for (int64_t i = 0; i < n && step == 2; i++)                        \
            to[2 * i] = from[i];                                            \
        for (int64_t i = 0; i < n && step != 2; i++)                        \
            to[i * step] = from[i];                                         \
    }
SET(set_8, uint8_t)
SET(set_32, uint32_t)
SET(set_64, uint64_t)

/* Places begin .. end of a line of the axis: elements of their own. */
static void place_elements(const placing *p, char *to, const char *from, int64_t begin, int64_t end)
{
    const int64_t size = (int64_t)p->size, first = first_from(p, begin), last = first_from(p, end);
    char *at = to + (p->start + first * p->step) * size;
    memset(to + begin * size, 0, (size_t)((end - begin) * size));
    (size == 1 ? set_8 : size == 4 ? set_32 : set_64)(at, p->step, from + first * size, last - first);
}

/* The same of rows, and of elements side by side: each line of memory is written once. */
static void place_rows(const placing *p, char *to, const char *from, int64_t begin, int64_t end)
{
    const int64_t first = first_from(p, begin), last = first_from(p, end), rows = p->step == 1 ? last - first : 1;
    for (int64_t i = first; i < last; i += rows) {
        const int64_t place = p->start + i * p->step;
        memset(to + begin * p->line, 0, (size_t)((place - begin) * p->line));
        memcpy(to + place * p->line, from + i * p->line, (size_t)(rows * p->line));
        begin = place + rows;
    }
    memset(to + begin * p->line, 0, (size_t)((end - begin) * p->line));
}

static void place_blocks(const void *context, int64_t begin, int64_t end)
{
    const placing *p = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i % p->blocks * p->block, line = i / p->blocks;
        const bool elements = p->step > 1 && p->line == (int64_t)p->size;
        (elements ? place_elements : place_rows)(p, p->to + line * p->extent * p->line,
                                                 p->from + line * p->count * p->line, at,
                                                 smaller(at + p->block, p->extent));
    }
}

/* Lines begin .. end of a short axis, as they are in the cache. */
static void place_lines(const void *context, int64_t begin, int64_t end)
{
    const placing *p = context;
    const int64_t row = p->extent * p->line, most = BLOCK / row, n = p->line / (int64_t)p->size;
    for (int64_t i = begin; i < end; i += most) {
        const ag_shape s = { 3, { smaller(most, end - i), p->count, n } };
        const ag_array from = ag_dense_array(s, p->dtype, (char *)(uintptr_t)p->from + i * p->count * p->line);
        ag_array to = ag_dense_array(s, p->dtype, p->to + (i * row + p->start * p->line));
        to.stride[0] = p->extent * n;
        to.stride[1] = p->count > 1 ? p->step * n : n; /* of one element the step may be giant */
        memset(p->to + i * row, 0, (size_t)(s.dim[0] * row));
        ag_copy_array(&to, &from, false, 1);
    }
}

void ag_place_part(const ag_array *to, const ag_array *x, int axis, int64_t start, int64_t step, int threads)
{
    placing p = { to->data, x->data, to->shape.dim[axis], 1, start, x->shape.dim[axis], step, 0, 0, to->dtype, 0 };
    if (ag_array_size(to) == 0)
        return;
    if (!ag_array_is_dense(to) || !ag_array_is_dense(x) || ag_array_size(x) == 0) {
        const ag_array part = ag_region(to, axis, start, p.count, step);
        ag_fill_array(to, 0);
        ag_copy_array(&part, x, false, threads);
        return;
    }
    p.size = ag_dtype_size(to->dtype);
    p.line = (int64_t)p.size;
    for (int d = axis + 1; d < to->shape.rank; d++)
        p.line *= to->shape.dim[d];
    p.block = p.line < BLOCK ? BLOCK / p.line : 1;
    p.blocks = ag_parts(p.extent, p.block);
    const int64_t lines = ag_array_size(to) * (int64_t)p.size / p.line / p.extent;
    if (p.extent * p.line < SHORT) {
        ag_for_ranges(lines, (double)(p.extent * p.line) / (double)p.size, threads, place_lines, &p);
        return;
    }
    ag_for_ranges(lines * p.blocks, (double)(smaller(p.block, p.extent) * p.line) / (double)p.size, threads,
                  place_blocks, &p);
}
