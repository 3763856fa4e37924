/* to[outer, inner] from dense from[outer, n, inner]: rows are vectors whose ends the next result overwrites, or several, of which
 * the last overlaps. With inner 1, lines of n elements are turned. */
#include "ag/kernels/extrema_boxes.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    BYTES = 32,   /* of a vector */
    FEW = 4096,   /* elements that stay in the first cache */
    NARROW = 128, /* rows that are not worth a call each */
    SHORT = 32,   /* elements of a line that is not dealt out into lanes, */
    BRIEF = 192,  /* or so many bytes */
    TURNED = 64   /* lines at a time */
};

typedef struct boxes {
    ag_dtype dtype;
    int64_t n, inner;
    const char *from;
    char *to;
    ag_range_function *run;
} boxes;

/* A NaN is better than any number, and nothing is better than a NaN. */
#define BOXES(name, type, integer, MORE)                                                              \
    static void name(const void *context, int64_t begin, int64_t end)                                 \
    {                                                                                                 \
        typedef type lanes __attribute__((vector_size(BYTES)));                                       \
        typedef integer masks __attribute__((vector_size(BYTES)));                                    \
        const int64_t n = ((const boxes *)context)->n, inner = ((const boxes *)context)->inner;       \
        const int64_t width = BYTES / sizeof(type), beyond = inner < width ? (width - 1) / inner : 0; \
        const int64_t last = end - begin > beyond ? end - beyond : begin;                             \
        const type *from = (const type *)((const boxes *)context)->from;                              \
        type *to = (type *)((const boxes *)context)->to;                                              \
        for (int64_t o = begin; o < last; o++)                                                        \
            for (int64_t i = 0; i < inner; i += width) {                                              \
                const int64_t at = i == 0 || i + width <= inner ? i : inner - width;                  \
                const type *x = from + o * n * inner + at;                                            \
                lanes best, v;                                                                        \
                memcpy(&best, x, sizeof best);                                                        \
                for (int64_t r = 1; r < n; r++) {                                                     \
                    memcpy(&v, x + r * inner, sizeof v);                                              \
                    AG_KEEP_BETTER(best, v, masks, MORE);                                             \
                }                                                                                     \
                memcpy(to + o * inner + at, &best, sizeof best);                                      \
            }                                                                                         \
        for (int64_t k = last * inner; k < end * inner; k++) {                                        \
            const type *x = from + k / inner * n * inner + k % inner;                                 \
            type best = *x;                                                                           \
            for (int64_t r = 1; r < n; r++)                                                           \
                best = x[r * inner] MORE best || x[r * inner] != x[r * inner] ? x[r * inner] : best;  \
            to[k] = best;                                                                             \
        }                                                                                             \
    }

BOXES(largest_f32, float, int32_t, >)
BOXES(largest_f64, double, int64_t, >)
BOXES(largest_i32, int32_t, int32_t, >)
BOXES(largest_i64, int64_t, int64_t, >)
BOXES(largest_u8, uint8_t, int8_t, >)
BOXES(smallest_f32, float, int32_t, <)
BOXES(smallest_f64, double, int64_t, <)
BOXES(smallest_i32, int32_t, int32_t, <)
BOXES(smallest_i64, int64_t, int64_t, <)
BOXES(smallest_u8, uint8_t, int8_t, <)

static ag_range_function *const runs[2][6] = { AG_BY_DTYPE(smallest, ), AG_BY_DTYPE(largest, ) };

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const boxes *b = context;
    const int64_t size = (int64_t)ag_dtype_size(b->dtype);
    _Alignas(64) char block[SHORT * TURNED * 8];
    for (int64_t i = begin; i < end; i += TURNED) {
        const int64_t lines = end - i < TURNED ? end - i : TURNED;
        ag_turn_lines(b->dtype, b->from + i * b->n * size, lines, b->n, block);
        const boxes columns = { .n = b->n, .inner = lines, .from = block, .to = b->to + i * size };
        b->run(&columns, 0, 1);
    }
}

bool ag_extremum_boxes(const ag_nest *w, ag_dtype d, const void *from, void *to, bool largest, int threads)
{
    const int64_t *x = w->stride[0], *y = w->stride[1], n = w->dim[1], inner = w->rank == 3 ? w->dim[2] : 1;
    boxes b = { .dtype = d, .n = n, .inner = inner, .from = from, .to = to, .run = runs[largest][d] };
    const bool lines = ag_extremum_of_lines(w) && (n < SHORT || n * (int64_t)ag_dtype_size(d) <= BRIEF);
    const bool rows = w->rank == 3 && x[0] == n * inner && x[1] == inner && x[2] == 1 && y[0] == inner && y[1] == 0 &&
                      y[2] == 1 && inner <= NARROW && n * inner <= FEW;
    if (lines || rows)
        ag_for_ranges(w->dim[0], (double)(n * inner), threads, lines ? run_lines : b.run, &b);
    return lines || rows;
}
