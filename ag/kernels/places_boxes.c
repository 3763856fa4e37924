/* place[outer, inner], value[outer, inner] of dense from[outer, n, inner]: rows are vectors whose ends the next result overwrites,
 * or several, of which the last overlaps. */
#include "ag/kernels/places_boxes.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    FEW = 256,   /* elements among which results are: not worth a call */
    NARROW = 64, /* bytes of a row: beside longer ones vectors of several rows wait less for themselves */
    MOST = 256   /* rows, whose numbers fit a byte */
};

typedef struct boxes {
    int64_t n, inner;
    const char *from;
    int64_t *place;
    char *value; /* NULL: not asked for */
} boxes;

typedef int64_t four_places __attribute__((vector_size(32)));

#define STORE_4(at, to) memcpy(to, &at, sizeof at)
#define STORE_8(at, to)                                                                                             \
    do {                                                                                                            \
        const four_places low = __builtin_convertvector(__builtin_shufflevector(at, at, 0, 1, 2, 3), four_places),  \
                          high = __builtin_convertvector(__builtin_shufflevector(at, at, 4, 5, 6, 7), four_places); \
        memcpy(to, &low, sizeof low);                                                                               \
        memcpy((to) + 4, &high, sizeof high);                                                                       \
    } while (0)

/* A NaN is better than any number, and nothing is better than a NaN. index: as wide as an element. */
#define BOXES(name, type, index, width, NOT_BETTER)                                                       \
    static void name(const void *context, int64_t begin, int64_t end)                                     \
    {                                                                                                     \
        typedef type lanes __attribute__((vector_size(width * sizeof(type))));                            \
        typedef index places __attribute__((vector_size(width * sizeof(type))));                          \
        const boxes *b = context;                                                                         \
        const int64_t n = b->n, inner = b->inner, beyond = inner < width ? (width - 1) / inner : 0;       \
        const int64_t last = end - begin > beyond ? end - beyond : begin;                                 \
        const type *from = (const type *)b->from;                                                         \
        type *value = (type *)b->value;                                                                   \
        int64_t *place = b->place;                                                                        \
        for (int64_t o = begin; o < last; o++)                                                            \
            for (int64_t i = 0; i < inner; i += width) {                                                  \
                const int64_t k = i == 0 || i + width <= inner ? i : inner - width;                       \
                const type *x = from + o * n * inner + k;                                                 \
                places at = { 0 };                                                                        \
                lanes best, v;                                                                            \
                memcpy(&best, x, sizeof best);                                                            \
                for (int64_t r = 1; r < n; r++) {                                                         \
                    memcpy(&v, x + r * inner, sizeof v);                                                  \
                    const places better = ~(places)(v NOT_BETTER best) & (places)(best == best);          \
                    best = (lanes)(((places)v & better) | ((places)best & ~better));                      \
                    at = ((index)r & better) | (at & ~better);                                            \
                }                                                                                         \
                STORE_##width(at, place + o * inner + k);                                                 \
                if (value)                                                                                \
                    memcpy(value + o * inner + k, &best, sizeof best);                                    \
            }                                                                                             \
        for (int64_t k = last * inner; k < end * inner; k++) {                                            \
            const type *x = from + k / inner * n * inner + k % inner;                                     \
            int64_t at = 0;                                                                               \
            for (int64_t r = 1; r < n; r++)                                                               \
                at = !(x[r * inner] NOT_BETTER x[at * inner]) && x[at * inner] == x[at * inner] ? r : at; \
            place[k] = at;                                                                                \
            if (value)                                                                                    \
                value[k] = x[at * inner];                                                                 \
        }                                                                                                 \
    }

BOXES(largest_f32, float, uint32_t, 8, <=)
BOXES(largest_f64, double, uint64_t, 4, <=)
BOXES(largest_i32, int32_t, uint32_t, 8, <=)
BOXES(largest_i64, int64_t, uint64_t, 4, <=)
BOXES(largest_u8, uint8_t, uint8_t, 8, <=)
BOXES(smallest_f32, float, uint32_t, 8, >=)
BOXES(smallest_f64, double, uint64_t, 4, >=)
BOXES(smallest_i32, int32_t, uint32_t, 8, >=)
BOXES(smallest_i64, int64_t, uint64_t, 4, >=)
BOXES(smallest_u8, uint8_t, uint8_t, 8, >=)

static ag_range_function *const runs[2][6] = { AG_BY_DTYPE(smallest, ), AG_BY_DTYPE(largest, ) };

bool ag_place_boxes(ag_dtype d, const void *from, int64_t outer, int64_t n, int64_t inner, bool largest, int64_t *place,
                    void *value, int threads)
{
    const boxes b = { .n = n, .inner = inner, .from = from, .place = place, .value = value };
    if (n > MOST || (n * inner > FEW && inner * (int64_t)ag_dtype_size(d) >= NARROW))
        return false;
    ag_for_ranges(outer, (double)(n * inner), threads, runs[largest][d], &b);
    return true;
}
