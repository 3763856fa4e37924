/* Functions of the C library that loops marked `omp simd` call in vectors: by SLEEF with gcc, by libmvec with clang
 * (-fveclib=libmvec). A vector function need not give the same
 * bits as the scalar one, so a loop that calls one runs over a multiple of AG_LANES elements, padded in a local block,
 * and is marked AG_VECTOR_LOOP: no element is then left to a scalar remainder. */
#ifndef AG_KERNELS_VECTOR_H
#define AG_KERNELS_VECTOR_H

#include <math.h>
#include <stdint.h>

enum { AG_LANES = 16 }; /* floats in the widest vectors; also two vectors of doubles */

#ifdef __clang__
/* clang would handle several vectors at a time, and the remainder one by one */
#define AG_VECTOR_LOOP _Pragma("clang loop vectorize(enable) interleave(disable)")
#else
#define AG_VECTOR_LOOP _Pragma("omp simd")
#endif

static inline int64_t ag_padded(int64_t n)
{
    return (n + AG_LANES - 1) / AG_LANES * AG_LANES;
}

/* ag_v_expf, ag_v_exp, ... are the C library's functions with vector versions for gcc (vector.c). clang's vectoriser
 * knows the C library's own names. Names of ours, because libmvec and SLEEF's GNU library, which both define the
 * standard vector names, do not bear each other in one process. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define AG_VECTOR_CALLS 1
#define AG_FUNCTION1(name)                                                   \
    extern float ag_v_##name##f(float) __attribute__((simd("notinbranch"))); \
    extern double ag_v_##name(double) __attribute__((simd("notinbranch")));
#define AG_FUNCTION2(name)                                                          \
    extern float ag_v_##name##f(float, float) __attribute__((simd("notinbranch"))); \
    extern double ag_v_##name(double, double) __attribute__((simd("notinbranch")));
#else
#define AG_FUNCTION1(name)                      \
    static inline float ag_v_##name##f(float x) \
    {                                           \
        return name##f(x);                      \
    }                                           \
    static inline double ag_v_##name(double x)  \
    {                                           \
        return name(x);                         \
    }
#define AG_FUNCTION2(name)                               \
    static inline float ag_v_##name##f(float x, float y) \
    {                                                    \
        return name##f(x, y);                            \
    }                                                    \
    static inline double ag_v_##name(double x, double y) \
    {                                                    \
        return name(x, y);                               \
    }
#endif
AG_FUNCTION1(exp)
AG_FUNCTION1(log)
AG_FUNCTION1(log1p)
AG_FUNCTION1(tanh)
AG_FUNCTION1(sin)
AG_FUNCTION1(cos)
AG_FUNCTION2(pow)
#undef AG_FUNCTION1
#undef AG_FUNCTION2

#endif
