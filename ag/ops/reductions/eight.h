/* Eight numbers in double, as a line's elements are added up or multiplied: vectors of them, and what the last few are. */
#ifndef AG_OPS_EIGHT_H
#define AG_OPS_EIGHT_H

#include "ag/kernels/kernels.h"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

/* Vectors stay inside the functions that include this: how they would be passed to others does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef double ag_eight __attribute__((vector_size(64)));
typedef int64_t ag_eight_mask __attribute__((vector_size(64)));

AG_INLINE ag_eight ag_eight_f32(const float *x)
{
    typedef float part __attribute__((vector_size(32)));
    part v;
    memcpy(&v, x, sizeof v);
    return __builtin_convertvector(v, ag_eight);
}

AG_INLINE ag_eight ag_eight_f64(const double *x)
{
    ag_eight v;
    memcpy(&v, x, sizeof v);
    return v;
}

AG_INLINE ag_eight ag_eight_choose(ag_eight_mask m, ag_eight a, ag_eight b)
{
    return (ag_eight)(((ag_eight_mask)a & m) | ((ag_eight_mask)b & ~m));
}

/* Which lanes are the last so many? */
AG_INLINE ag_eight_mask ag_eight_last(int64_t count)
{
    const ag_eight_mask lane = { 0, 1, 2, 3, 4, 5, 6, 7 };
    return lane >= 8 - count;
}

AG_INLINE ag_eight ag_eight_size(ag_eight v)
{
    return (ag_eight)((ag_eight_mask)v & INT64_MAX);
}

/* a < b ? a : b */
AG_INLINE ag_eight ag_eight_less(ag_eight a, ag_eight b)
{
#ifdef __AVX512F__
    return (ag_eight)_mm512_min_pd((__m512d)a, (__m512d)b);
#else
    return ag_eight_choose(a < b, a, b);
#endif
}

/* a + v v of numbers that were float: their squares are exact, so that it is rounded once in any case. */
AG_INLINE ag_eight ag_eight_add_square(ag_eight a, ag_eight v)
{
#ifdef __AVX512F__
    return (ag_eight)_mm512_fmadd_pd((__m512d)v, (__m512d)v, (__m512d)a);
#else
    return a + v * v;
#endif
}

/* The lanes' partners in joining them all: half and half. */
#define AG_EIGHT_HALF(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define AG_EIGHT_QUARTER(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define AG_EIGHT_NEXT(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)

AG_INLINE double ag_eight_sum(ag_eight v)
{
    v += AG_EIGHT_HALF(v);
    v += AG_EIGHT_QUARTER(v);
    return v[0] + v[1];
}

#endif
