/* Functions of the C library that loops marked `omp simd` call in vectors: by SLEEF with gcc, by libmvec with clang
 * (-fveclib=libmvec). A vector function need not give the same
 * bits as the scalar one, so a loop that calls one runs over a multiple of AG_LANES elements, padded in a local block,
 * and is marked AG_VECTOR_LOOP: no element is then left to a scalar remainder. */
#ifndef AG_KERNELS_VECTOR_H
#define AG_KERNELS_VECTOR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Of the processor's own vectors: wider ones go through memory in gcc 12. */
#if defined(__AVX512F__)
#define AG_VECTOR_BYTES 64
#elif defined(__AVX__)
#define AG_VECTOR_BYTES 32
#else
#define AG_VECTOR_BYTES 16
#endif

/* Floats as doubles, in a vector of that type: eight of them, where vectors are the widest. */
#ifdef __AVX512F__
#include <immintrin.h>
#define AG_DOUBLES(type, floats) (type) _mm512_cvtps_pd((__m256)(floats)) /* gcc 12 itself makes it of halves */
#else
#define AG_DOUBLES(type, floats) __builtin_convertvector(floats, type)
#endif

enum { AG_LANES = 16 }; /* floats in the widest vectors; also two vectors of doubles */

#ifdef __clang__
/* clang would handle several vectors at a time, and the remainder one by one; and all one by one where a result lies over
 * an operand, which it is told is safe */
#define AG_VECTOR_LOOP _Pragma("clang loop vectorize(assume_safety) interleave(disable)")
#else
#define AG_VECTOR_LOOP _Pragma("omp simd")
#endif

static inline int64_t ag_padded(int64_t n)
{
    return (n + AG_LANES - 1) / AG_LANES * AG_LANES;
}

#define AG_INLINE static inline __attribute__((always_inline))

/* c ? a : b; ag_keep: c ? x : 0. A loop that calls functions must have no branch, not even one of these, to be made one
 * of vectors. */
AG_INLINE double ag_choose(bool c, double a, double b)
{
    const uint64_t all = -(uint64_t)c;
    uint64_t p, q;
    memcpy(&p, &a, sizeof p);
    memcpy(&q, &b, sizeof q);
    p = (p & all) | (q & ~all);
    memcpy(&a, &p, sizeof a);
    return a;
}
AG_INLINE double ag_keep_f64(bool c, double x)
{
    return ag_choose(c, x, 0);
}
AG_INLINE float ag_keep_f32(bool c, float x)
{
    uint32_t p;
    memcpy(&p, &x, sizeof p);
    p &= -(uint32_t)c;
    memcpy(&x, &p, sizeof x);
    return x;
}

/* What there is, one line each: ONE of one argument, TWO of two, with the error bound that is part of the name in SLEEF.
 * Single numbers are handed to the C library; to SLEEF's scalar functions, in ONE_SLEEF, where glibc's may be wrong by
 * more than 1.5 ulp. */
#define AG_VECTOR_FUNCTIONS(ONE, ONE_SLEEF, TWO, ...) \
    ONE(exp, u10, __VA_ARGS__)                        \
    ONE(exp2, u10, __VA_ARGS__)                       \
    ONE(expm1, u10, __VA_ARGS__)                      \
    ONE(log, u10, __VA_ARGS__)                        \
    ONE(log2, u10, __VA_ARGS__)                       \
    ONE_SLEEF(log10, u10, __VA_ARGS__)                \
    ONE(log1p, u10, __VA_ARGS__)                      \
    ONE_SLEEF(cbrt, u10, __VA_ARGS__)                 \
    ONE(sin, u10, __VA_ARGS__)                        \
    ONE(cos, u10, __VA_ARGS__)                        \
    ONE(tan, u10, __VA_ARGS__)                        \
    ONE(asin, u10, __VA_ARGS__)                       \
    ONE(acos, u10, __VA_ARGS__)                       \
    ONE(atan, u10, __VA_ARGS__)                       \
    ONE_SLEEF(sinh, u10, __VA_ARGS__)                 \
    ONE_SLEEF(cosh, u10, __VA_ARGS__)                 \
    ONE_SLEEF(tanh, u10, __VA_ARGS__)                 \
    ONE_SLEEF(asinh, u10, __VA_ARGS__)                \
    ONE_SLEEF(acosh, u10, __VA_ARGS__)                \
    ONE_SLEEF(atanh, u10, __VA_ARGS__)                \
    ONE_SLEEF(erf, u10, __VA_ARGS__)                  \
    ONE_SLEEF(erfc, u15, __VA_ARGS__)                 \
    ONE_SLEEF(lgamma, u10, __VA_ARGS__)               \
    TWO(pow, u10, __VA_ARGS__)                        \
    TWO(atan2, u10, __VA_ARGS__)                      \
    TWO(hypot, u05, __VA_ARGS__)

/* ag_s_exp, ag_s_expf, ...: of one number. */
#define AG_NUMBER_ONE(name, error, ...)         \
    static inline float ag_s_##name##f(float x) \
    {                                           \
        return name##f(x);                      \
    }                                           \
    static inline double ag_s_##name(double x)  \
    {                                           \
        return name(x);                         \
    }
#define AG_NUMBER_SLEEF(name, error, ...)       \
    float Sleef_##name##f_##error(float);       \
    double Sleef_##name##_##error(double);      \
    static inline float ag_s_##name##f(float x) \
    {                                           \
        return Sleef_##name##f_##error(x);      \
    }                                           \
    static inline double ag_s_##name(double x)  \
    {                                           \
        return Sleef_##name##_##error(x);       \
    }
#define AG_NUMBER_TWO(name, error, ...)                  \
    static inline float ag_s_##name##f(float x, float y) \
    {                                                    \
        return name##f(x, y);                            \
    }                                                    \
    static inline double ag_s_##name(double x, double y) \
    {                                                    \
        return name(x, y);                               \
    }
AG_VECTOR_FUNCTIONS(AG_NUMBER_ONE, AG_NUMBER_SLEEF, AG_NUMBER_TWO, )

/* ag_v_exp, ag_v_expf, ...: the same with vector versions for gcc (vector.c). clang's vectoriser knows the C library's own
 * names. Names of ours, because libmvec and SLEEF's GNU library, which both define the standard vector names, do not
 * bear each other in one process. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define AG_VECTOR_CALLS 1
#define AG_VECTOR_ONE(name, error, ...)                                      \
    extern float ag_v_##name##f(float) __attribute__((simd("notinbranch"))); \
    extern double ag_v_##name(double) __attribute__((simd("notinbranch")));
#define AG_VECTOR_TWO(name, error, ...)                                             \
    extern float ag_v_##name##f(float, float) __attribute__((simd("notinbranch"))); \
    extern double ag_v_##name(double, double) __attribute__((simd("notinbranch")));
#else
#define AG_VECTOR_ONE(name, error, ...)         \
    static inline float ag_v_##name##f(float x) \
    {                                           \
        return ag_s_##name##f(x);               \
    }                                           \
    static inline double ag_v_##name(double x)  \
    {                                           \
        return ag_s_##name(x);                  \
    }
#define AG_VECTOR_TWO(name, error, ...)                  \
    static inline float ag_v_##name##f(float x, float y) \
    {                                                    \
        return ag_s_##name##f(x, y);                     \
    }                                                    \
    static inline double ag_v_##name(double x, double y) \
    {                                                    \
        return ag_s_##name(x, y);                        \
    }
#endif
AG_VECTOR_FUNCTIONS(AG_VECTOR_ONE, AG_VECTOR_ONE, AG_VECTOR_TWO, )

#endif
