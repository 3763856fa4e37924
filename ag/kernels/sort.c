#include "ag/kernels/sort.h"
#include "ag/kernels/sort_elements.h"

enum { SHARED = 1 << 18, /* elements of a line that several threads sort together */ STEPS = 32 /* for an element */ };

typedef struct sort_job {
    const ag_sorting *s;
    ag_sort_line line; /* of all of them, the first one */
    void (*sort)(const ag_sort_line *l, void *work, int threads);
    char *work;
    size_t size, room; /* of an element of x; bytes of work for one line at a time */
    int64_t lines, slots;
} sort_job;

static bool narrow(const ag_sorting *s)
{
    return ag_dtype_size(s->dtype) <= 4 && s->n <= UINT32_MAX;
}

/* So many lines are sorted at the same time. */
static int64_t slots_of(const ag_sorting *s)
{
    const int64_t lines = ag_times(s->outer, s->inner);
    return s->n >= SHARED && lines < s->threads ? 1 : lines < s->threads ? lines : s->threads;
}

static size_t room_of(const ag_sorting *s)
{
    return (size_t)ag_sort_room(s->n, s->k) * 2 * (narrow(s) ? 8 : 16);
}

size_t ag_sort_work(const ag_sorting *s)
{
    size_t bytes;
    return __builtin_mul_overflow(room_of(s), (size_t)slots_of(s), &bytes) ? 0 : bytes + 64;
}

static void sort_line(const sort_job *j, int64_t i, int64_t slot, int threads)
{
    const ag_sorting *s = j->s;
    ag_sort_line l = j->line;
    const int64_t row = i / s->inner, column = i % s->inner;
    l.x = (const char *)l.x + (row * s->n * s->inner + column) * (int64_t)j->size;
    l.place += row * s->k * s->inner + column;
    j->sort(&l, j->work + (size_t)slot * j->room, threads);
}

static void sort_slots(const void *context, int64_t begin, int64_t end)
{
    const sort_job *j = context;
    for (int64_t slot = begin; slot < end; slot++)
        for (int64_t i = j->lines * slot / j->slots; i < j->lines * (slot + 1) / j->slots; i++)
            sort_line(j, i, slot, 1);
}

#define TAKE(type)                                                                                     \
    for (int64_t i = 0; i < s->outer; i++)                                                             \
        for (int64_t k = 0; k < s->k * s->inner; k++) {                                                \
            const int64_t at = i * s->k * s->inner + k;                                                \
            ((type *)value)[at] = ((const type *)x)[(i * s->n + place[at]) * s->inner + k % s->inner]; \
        }

static void take_values(const ag_sorting *s, const void *x, const int64_t *place, void *value)
{
    const size_t size = ag_dtype_size(s->dtype);
    if (size == 8)
        TAKE(uint64_t)
    else if (size == 4)
        TAKE(uint32_t)
    else
        TAKE(uint8_t)
}

void ag_sort_lines(const ag_sorting *s, const void *x, void *value, int64_t *place, void *work)
{
    sort_job j = { .s = s, .work = work, .size = ag_dtype_size(s->dtype), .room = room_of(s) };
    j.lines = ag_times(s->outer, s->inner);
    j.slots = slots_of(s);
    j.sort = narrow(s) ? ag_sort_line_32 : ag_sort_line_64;
    j.line = (ag_sort_line){ x, place, s->n, s->k, s->inner, s->dtype, (int)j.size, s->descending };
    if (j.lines * s->k == 0)
        return;
    if (j.slots == 1)
        for (int64_t i = 0; i < j.lines; i++)
            sort_line(&j, i, 0, s->n >= SHARED ? s->threads : 1);
    else
        ag_for_ranges(j.slots, (double)j.lines / (double)j.slots * (double)s->n * STEPS, s->threads, sort_slots, &j);
    if (value)
        take_values(s, x, place, value);
}
