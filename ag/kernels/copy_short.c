/* Short rows to dense ones, each by one vector, whose end the next row overwrites: rows of an array, which may be repeated, or
 * elements that are repeated along a row. */
#include "ag/kernels/copy_short.h"
#include "ag/kernels/vector.h"

#pragma GCC diagnostic ignored "-Wpsabi"

enum { WIDEST = 64 };

/* In bytes: to[outer, rows, n], of which row (i, k) is at from + i outer_step + k step. */
typedef struct rows_job {
    char *to;
    const char *from;
    int64_t rows, n, outer_step, step, size;
    int64_t readable; /* from `from` on */
    bool repeats;     /* the row's first element */
} rows_job;

typedef uint8_t bytes_1 __attribute__((vector_size(WIDEST)));
typedef uint32_t bytes_4 __attribute__((vector_size(WIDEST)));
typedef uint64_t bytes_8 __attribute__((vector_size(WIDEST)));

#define REPEAT(bytes, type)                                              \
    AG_INLINE void repeat_##bytes(char *to, const char *from, int width) \
    {                                                                    \
        type x;                                                          \
        memcpy(&x, from, sizeof x);                                      \
        const bytes_##bytes v = x - (bytes_##bytes){ 0 };                \
        memcpy(to, &v, (size_t)width);                                   \
    }
REPEAT(1, uint8_t)
REPEAT(4, uint32_t)
REPEAT(8, uint64_t)

AG_INLINE void one_row(const rows_job *j, char *to, const char *from, int width, int repeat)
{
    char v[WIDEST];
    if (repeat == 1)
        repeat_1(to, from, width);
    else if (repeat == 4)
        repeat_4(to, from, width);
    else if (repeat == 8)
        repeat_8(to, from, width);
    else if (from - j->from + width <= j->readable) {
        memcpy(v, from, (size_t)width);
        memcpy(to, v, (size_t)width);
    } else
        memcpy(to, from, (size_t)j->n);
}

/* The last ones by themselves: nothing beyond the range may be written. */
static void end_rows(const rows_job *j, int64_t begin, int64_t end)
{
    const int64_t first = j->repeats ? j->size : j->n;
    for (int64_t r = begin; r < end; r++) {
        char *to = j->to + r * j->n;
        memcpy(to, j->from + r / j->rows * j->outer_step + r % j->rows * j->step, (size_t)first);
        for (int64_t i = first; i < j->n; i += first)
            memcpy(to + i, to, (size_t)first);
    }
}

AG_INLINE void copy_rows(const rows_job *j, int64_t begin, int64_t end, int width, int repeat)
{
    const int64_t rows = j->rows, n = j->n, beyond = (width - n + n - 1) / n, turn = j->outer_step - rows * j->step;
    const int64_t last = end - begin > beyond ? end - beyond : begin;
    const char *from = j->from + begin / rows * j->outer_step + begin % rows * j->step;
    int64_t k = begin % rows;
    for (int64_t r = begin; r < last; r++) {
        one_row(j, j->to + r * n, from, width, repeat);
        from += j->step;
        if (++k == rows) {
            k = 0;
            from += turn;
        }
    }
    end_rows(j, last, end);
}

AG_INLINE void copy_kind(const rows_job *j, int64_t begin, int64_t end, int repeat)
{
    if (j->n <= 16)
        copy_rows(j, begin, end, 16, repeat);
    else if (j->n <= 32)
        copy_rows(j, begin, end, 32, repeat);
    else
        copy_rows(j, begin, end, WIDEST, repeat);
}

static void run(const void *context, int64_t begin, int64_t end)
{
    const rows_job *j = context;
    if (!j->repeats)
        copy_kind(j, begin, end, 0);
    else if (j->size == 1)
        copy_kind(j, begin, end, 1);
    else if (j->size == 4)
        copy_kind(j, begin, end, 4);
    else
        copy_kind(j, begin, end, 8);
}

bool ag_copy_short(const ag_nest *w, void *to, const void *from, int64_t size, int threads)
{
    const int last = w->rank - 1;
    const int64_t n = w->dim[last];
    if (w->rank < 2 || w->rank > 3 || n * size > WIDEST || w->stride[0][last] != 1 || w->stride[0][last - 1] != n ||
        w->stride[1][last] < 0 || w->stride[1][last] > 1 || w->stride[1][last - 1] < 0)
        return false;
    const int64_t outer = w->rank == 3 ? w->dim[0] : 1, rows = w->dim[last - 1], step = w->stride[1][last - 1] * size;
    const int64_t outer_step = w->rank == 3 ? w->stride[1][0] * size : 0;
    if (outer_step < 0 || (w->rank == 3 && w->stride[0][0] != n * rows))
        return false;
    const rows_job j = { .to = to,
                         .from = from,
                         .rows = rows,
                         .n = n * size,
                         .outer_step = outer_step,
                         .step = step,
                         .size = size,
                         .readable = (outer - 1) * outer_step + (rows - 1) * step + n * size,
                         .repeats = w->stride[1][last] == 0 };
    ag_for_ranges(outer * rows, (double)n / 2, threads, run, &j);
    return true;
}
