/* Eight numbers in double, as a line's elements are added up or multiplied, in vectors as wide as the processor's. */
#ifndef AG_OPS_EIGHT_H
#define AG_OPS_EIGHT_H

#include "ag/kernels/kernels.h"

#if AG_VECTOR_BYTES == 64
#define AG_EIGHT_HALF_OF(v, k) __builtin_shufflevector(v.part[k], v.part[k], 4, 5, 6, 7, 0, 1, 2, 3)
#define AG_EIGHT_QUARTER_OF(v, k) __builtin_shufflevector(v.part[k], v.part[k], 2, 3, 0, 1, 6, 7, 4, 5)
#elif AG_VECTOR_BYTES == 32
#define AG_EIGHT_HALF_OF(v, k) v.part[1 - (k)]
#define AG_EIGHT_QUARTER_OF(v, k) __builtin_shufflevector(v.part[k], v.part[k], 2, 3, 0, 1)
#else
#define AG_EIGHT_HALF_OF(v, k) v.part[(k) ^ 2]
#define AG_EIGHT_QUARTER_OF(v, k) v.part[(k) ^ 1]
#endif

/* Vectors stay inside the functions that include this: how they would be passed to others does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { AG_EIGHT_WIDTH = AG_VECTOR_BYTES / 8, AG_EIGHT_PARTS = 8 / AG_EIGHT_WIDTH };

typedef double ag_eight_part __attribute__((vector_size(AG_VECTOR_BYTES)));
typedef int64_t ag_eight_mask __attribute__((vector_size(AG_VECTOR_BYTES)));
typedef float ag_eight_floats __attribute__((vector_size(AG_VECTOR_BYTES / 2)));
typedef struct ag_eight {
    ag_eight_part part[AG_EIGHT_PARTS];
} ag_eight;

/* name(arguments): a vector of which part k is that */
#define AG_EIGHT(name, arguments, ...)                                                         \
    AG_INLINE ag_eight name arguments                                                          \
    {                                                                                          \
        ag_eight r;                                                                            \
        _Pragma("GCC unroll 4") for (int k = 0; k < AG_EIGHT_PARTS; k++) __VA_ARGS__ return r; \
    }
#define AG_EIGHT_CHOOSE(m, a, b) (ag_eight_part)(((ag_eight_mask)(a) & (m)) | ((ag_eight_mask)(b) & ~(m)))

AG_EIGHT(ag_eight_all, (double x), { r.part[k] = x - (ag_eight_part){ 0 }; })
AG_EIGHT(ag_eight_f32, (const float *x), {
    ag_eight_floats v;
    memcpy(&v, x + k * AG_EIGHT_WIDTH, sizeof v);
    r.part[k] = AG_DOUBLES(ag_eight_part, v);
})
AG_EIGHT(ag_eight_f64, (const double *x), memcpy(&r.part[k], x + k * AG_EIGHT_WIDTH, sizeof r.part[k]);)
AG_EIGHT(ag_eight_add, (ag_eight a, ag_eight b), r.part[k] = a.part[k] + b.part[k];)
AG_EIGHT(ag_eight_from, (ag_eight a, double c), r.part[k] = a.part[k] - c;)
AG_EIGHT(ag_eight_times, (ag_eight a, ag_eight b), r.part[k] = a.part[k] * b.part[k];)
AG_EIGHT(ag_eight_size, (ag_eight v), r.part[k] = (ag_eight_part)((ag_eight_mask)v.part[k] & INT64_MAX);)

/* The last `count` lanes of v, and others for the rest. */
AG_EIGHT(ag_eight_last, (ag_eight v, int64_t count, double others), {
    ag_eight_mask lane;
    for (int l = 0; l < AG_EIGHT_WIDTH; l++)
        lane[l] = k * AG_EIGHT_WIDTH + l;
    r.part[k] = AG_EIGHT_CHOOSE((ag_eight_mask)(lane >= 8 - count), v.part[k], others - (ag_eight_part){ 0 });
})

/* a < b ? a : b */
#ifdef __AVX512F__
AG_EIGHT(ag_eight_less, (ag_eight a, ag_eight b),
         r.part[k] = (ag_eight_part)_mm512_min_pd((__m512d)a.part[k], (__m512d)b.part[k]);)
#else
AG_EIGHT(ag_eight_less, (ag_eight a, ag_eight b),
         r.part[k] = AG_EIGHT_CHOOSE((ag_eight_mask)(a.part[k] < b.part[k]), a.part[k], b.part[k]);)
#endif

/* a + v v; of numbers that were float, whose squares are exact, so that it is rounded once in any case */
AG_EIGHT(ag_eight_add_square, (ag_eight a, ag_eight v), r.part[k] = a.part[k] + v.part[k] * v.part[k];)
#ifdef __AVX512F__
AG_EIGHT(ag_eight_add_exact_square, (ag_eight a, ag_eight v),
         r.part[k] = (ag_eight_part)_mm512_fmadd_pd((__m512d)v.part[k], (__m512d)v.part[k], (__m512d)a.part[k]);)
#else
#define ag_eight_add_exact_square ag_eight_add_square
#endif

/* The lanes' partners in joining them all: half and half. */
AG_EIGHT(ag_eight_half, (ag_eight v), r.part[k] = AG_EIGHT_HALF_OF(v, k);)
AG_EIGHT(ag_eight_quarter, (ag_eight v), r.part[k] = AG_EIGHT_QUARTER_OF(v, k);)

AG_INLINE double ag_eight_sum(ag_eight v)
{
    v = ag_eight_add(v, ag_eight_half(v));
    v = ag_eight_add(v, ag_eight_quarter(v));
    return v.part[0][0] + v.part[0][1];
}

/* Eight such vectors at once, whose lanes' partners meet in three rounds, in halves, pairs and one by one: two vectors become
 * one of first partners and one of second ones. In the end a lane of one vector is what became of one of the eight. */
#if AG_VECTOR_BYTES == 64
#define AG_EIGHT_MEET(name, half, pair, one)                                                       \
    AG_INLINE ag_eight name(int round, ag_eight a, ag_eight b)                                     \
    {                                                                                              \
        const ag_eight_part v = a.part[0], w = b.part[0];                                          \
        return (ag_eight){ { round == 0   ? __builtin_shufflevector(v, w, AG_EIGHT_HALVES(half))   \
                             : round == 1 ? __builtin_shufflevector(v, w, AG_EIGHT_PAIRS(pair))    \
                                          : __builtin_shufflevector(v, w, AG_EIGHT_ONES(one)) } }; \
    }
#define AG_EIGHT_HALVES(i) i, i + 1, i + 2, i + 3, i + 8, i + 9, i + 10, i + 11
#define AG_EIGHT_PAIRS(i) i, i + 1, i + 4, i + 5, i + 8, i + 9, i + 12, i + 13
#define AG_EIGHT_ONES(i) i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14
AG_EIGHT_MEET(ag_eight_firsts, 0, 0, 0)
AG_EIGHT_MEET(ag_eight_seconds, 4, 2, 1)
#elif AG_VECTOR_BYTES == 32
#define AG_EIGHT_MEET(name, side)                                                              \
    AG_INLINE ag_eight name(int round, ag_eight a, ag_eight b)                                 \
    {                                                                                          \
        const ag_eight_part *v = a.part, *w = b.part;                                          \
        if (round == 0)                                                                        \
            return (ag_eight){ { v[side], w[side] } };                                         \
        if (round == 1)                                                                        \
            return (ag_eight){ { AG_EIGHT_PAIRS(v, 2 * side), AG_EIGHT_PAIRS(w, 2 * side) } }; \
        return (ag_eight){ { AG_EIGHT_ONES(v, side), AG_EIGHT_ONES(w, side) } };               \
    }
#define AG_EIGHT_PAIRS(v, i) __builtin_shufflevector(v[0], v[1], i, i + 1, i + 4, i + 5)
#define AG_EIGHT_ONES(v, i) __builtin_shufflevector(v[0], v[1], i, i + 2, i + 4, i + 6)
AG_EIGHT_MEET(ag_eight_firsts, 0)
AG_EIGHT_MEET(ag_eight_seconds, 1)
#else
#define AG_EIGHT_MEET(name, side)                                                                        \
    AG_INLINE ag_eight name(int round, ag_eight a, ag_eight b)                                           \
    {                                                                                                    \
        const ag_eight_part *v = a.part, *w = b.part;                                                    \
        const int s = side;                                                                              \
        if (round == 0)                                                                                  \
            return (ag_eight){ { v[2 * s], v[2 * s + 1], w[2 * s], w[2 * s + 1] } };                     \
        if (round == 1)                                                                                  \
            return (ag_eight){ { v[s], v[2 + s], w[s], w[2 + s] } };                                     \
        return (ag_eight){ { AG_EIGHT_ONES(v, side), AG_EIGHT_ONES(v + 2, side), AG_EIGHT_ONES(w, side), \
                             AG_EIGHT_ONES(w + 2, side) } };                                             \
    }
#define AG_EIGHT_ONES(v, i) __builtin_shufflevector((v)[0], (v)[1], i, i + 2)
AG_EIGHT_MEET(ag_eight_firsts, 0)
AG_EIGHT_MEET(ag_eight_seconds, 1)
#endif

/* ag_eight_sum of eight vectors, which it changes; as rows are summed in ag/kernels/reduce_rows.inc. */
AG_INLINE void ag_eight_sums(ag_eight *v, double *sum)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 4 >> round; i++) {
            const ag_eight a = v[2 * i], b = v[2 * i + 1];
            v[i] = ag_eight_add(ag_eight_firsts(round, a, b), ag_eight_seconds(round, a, b));
        }
    memcpy(sum, v, sizeof *v);
}

#endif
