/* Each lane of four vectors keeps the best of its elements of a line, and the place of that; then the best of the lanes is found,
 * and of those that have it the smallest place. */
#include "ag/kernels/places_lines.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    VECTORS = 4,
    QUARTERS = 1024 /* bytes of a line, up to which its quarters are near each other */
};

typedef float f32s __attribute__((vector_size(32)));
typedef double f64s __attribute__((vector_size(32)));
typedef int32_t i32s __attribute__((vector_size(32)));
typedef int64_t i64s __attribute__((vector_size(32)));

#define EACH(v) for (int v = 0; v < VECTORS; v++)
#define CHOOSE(type, c, a, b) ((type)(((masks)(a) & (c)) | ((masks)(b) & ~(c))))

/* v = PICK(v, v with its lanes moved), until all lanes have the same */
#define ACROSS_4(v, PICK)                                       \
    do {                                                        \
        v = PICK(v, __builtin_shufflevector(v, v, 2, 3, 0, 1)); \
        v = PICK(v, __builtin_shufflevector(v, v, 1, 0, 3, 2)); \
    } while (0)
#define ACROSS_8(v, PICK)                                                   \
    do {                                                                    \
        v = PICK(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)); \
        v = PICK(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)); \
        v = PICK(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)); \
    } while (0)
#define NUMBERS_4  \
    {              \
        0, 1, 2, 3 \
    }
#define NUMBERS_8              \
    {                          \
        0, 1, 2, 3, 4, 5, 6, 7 \
    }

/* index: as wide as an element; dealt: each vector has every fourth row of a line, else a quarter. */
#define LINE(name, type, lanes, index, indices, width, NOT_BETTER)                                                  \
    AG_INLINE lanes name##_load(const type *x)                                                                      \
    {                                                                                                               \
        lanes v;                                                                                                    \
        memcpy(&v, x, sizeof v);                                                                                    \
        return v;                                                                                                   \
    }                                                                                                               \
    AG_INLINE indices name##_better(lanes v, lanes best)                                                            \
    {                                                                                                               \
        return ~(indices)(v NOT_BETTER best) & (indices)(best == best);                                             \
    }                                                                                                               \
    AG_INLINE lanes name##_best(lanes a, lanes b)                                                                   \
    {                                                                                                               \
        typedef indices masks;                                                                                      \
        return CHOOSE(lanes, name##_better(b, a), b, a);                                                            \
    }                                                                                                               \
    AG_INLINE indices name##_first(indices a, indices b)                                                            \
    {                                                                                                               \
        typedef indices masks;                                                                                      \
        return CHOOSE(indices, b < a, b, a);                                                                        \
    }                                                                                                               \
    static int64_t name##_few(const type *x, int64_t n)                                                             \
    {                                                                                                               \
        int64_t at = 0;                                                                                             \
        for (int64_t i = 1; i < n; i++)                                                                             \
            at = !(x[i] NOT_BETTER x[at]) && x[at] == x[at] ? i : at;                                               \
        return at;                                                                                                  \
    }                                                                                                               \
    /* The better ones of these and *best; smaller: their places may be smaller than those of *best. */             \
    AG_INLINE void name##_join(lanes v, indices place, bool smaller, lanes *best, indices *at)                      \
    {                                                                                                               \
        typedef indices masks;                                                                                      \
        indices better = name##_better(v, *best);                                                                   \
        if (smaller)                                                                                                \
            better |= ~name##_better(*best, v) & (place < *at);                                                     \
        *best = CHOOSE(lanes, better, v, *best);                                                                    \
        *at = CHOOSE(indices, better, place, *at);                                                                  \
    }                                                                                                               \
    AG_INLINE int64_t name##_place(const lanes *best, const indices *at)                                            \
    {                                                                                                               \
        typedef indices masks;                                                                                      \
        lanes top = *best;                                                                                          \
        ACROSS_##width(top, name##_best);                                                                           \
        const indices same = (indices)(*best == top) | ~((indices)(*best == *best) | (indices)(top == top));        \
        indices first = CHOOSE(indices, same, *at, (indices){ 0 } + LAST_##width);                                  \
        ACROSS_##width(first, name##_first);                                                                        \
        return first[0];                                                                                            \
    }                                                                                                               \
    AG_INLINE int64_t name##_among(const type *x, int64_t n, bool dealt)                                            \
    {                                                                                                               \
        const int64_t part = n / VECTORS / width * width, apart = dealt ? width : part;                             \
        const int64_t step = dealt ? VECTORS * width : width;                                                       \
        const indices numbers = NUMBERS_##width;                                                                    \
        lanes best[VECTORS];                                                                                        \
        indices at[VECTORS];                                                                                        \
        _Pragma("GCC unroll 4") EACH(v)                                                                             \
        {                                                                                                           \
            best[v] = name##_load(x + v * apart);                                                                   \
            at[v] = numbers + (index)(v * apart);                                                                   \
        }                                                                                                           \
        for (int64_t i = step; i < part / width * step; i += step) {                                                \
            _Pragma("GCC unroll 4") EACH(v) name##_join(name##_load(x + v * apart + i),                             \
                                                        numbers + (index)(v * apart + i), false, &best[v], &at[v]); \
        }                                                                                                           \
        for (int64_t i = VECTORS * part; i < n; i += width) { /* the last ones overlap */                           \
            const int64_t from = i + width <= n ? i : n - width;                                                    \
            name##_join(name##_load(x + from), numbers + (index)from, false, &best[3], &at[3]);                     \
        }                                                                                                           \
        name##_join(best[1], at[1], dealt, &best[0], &at[0]);                                                       \
        name##_join(best[3], at[3], dealt, &best[2], &at[2]);                                                       \
        name##_join(best[2], at[2], dealt, &best[0], &at[0]);                                                       \
        return name##_place(&best[0], &at[0]);                                                                      \
    }                                                                                                               \
    static int64_t name(const void *x, int64_t n)                                                                   \
    {                                                                                                               \
        return n < VECTORS * width                     ? name##_few(x, n)                                           \
               : n * (int64_t)sizeof(type) <= QUARTERS ? name##_among(x, n, false)                                  \
                                                       : name##_among(x, n, true);                                  \
    }
#define LAST_8 INT32_MAX
#define LAST_4 INT64_MAX

LINE(largest_f32, float, f32s, int32_t, i32s, 8, <=)
LINE(largest_f64, double, f64s, int64_t, i64s, 4, <=)
LINE(largest_i32, int32_t, i32s, int32_t, i32s, 8, <=)
LINE(largest_i64, int64_t, i64s, int64_t, i64s, 4, <=)
LINE(smallest_f32, float, f32s, int32_t, i32s, 8, >=)
LINE(smallest_f64, double, f64s, int64_t, i64s, 4, >=)
LINE(smallest_i32, int32_t, i32s, int32_t, i32s, 8, >=)
LINE(smallest_i64, int64_t, i64s, int64_t, i64s, 4, >=)

#define BYTES(name, BETTER)                                     \
    static int64_t name(const void *x_, int64_t n)              \
    {                                                           \
        const uint8_t *x = x_;                                  \
        uint8_t best = x[0];                                    \
        for (int64_t i = 1; i < n; i++)                         \
            best = x[i] BETTER best ? x[i] : best;              \
        return (const uint8_t *)memchr(x, best, (size_t)n) - x; \
    }
BYTES(largest_u8, >)
BYTES(smallest_u8, <)

ag_place_function *ag_place_in_line(ag_dtype d, bool largest)
{
    static ag_place_function *const functions[2][6] = { AG_BY_DTYPE(smallest, ), AG_BY_DTYPE(largest, ) };
    return functions[largest][d];
}
