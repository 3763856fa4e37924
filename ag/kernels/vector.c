/* The vector versions of vector.h's functions, under the names by which gcc's vectoriser calls them (the x86 vector
 * function ABI): b SSE2, c AVX, d AVX2, e AVX-512; N unmasked; the number of lanes; a v for each argument. */
#include "ag/kernels/vector.h"

#ifdef AG_VECTOR_CALLS
#include <immintrin.h>
#include <sleef.h>

/* The lanes of floats and of doubles, SLEEF's name for the instructions, and the types of the vectors. */
#define ONE(name, error, abi, floats, doubles, isa, float_type, double_type) \
    float_type _ZGV##abi##N##floats##v_ag_v_##name##f(float_type);           \
    float_type _ZGV##abi##N##floats##v_ag_v_##name##f(float_type x)          \
    {                                                                        \
        return Sleef_##name##f##floats##_##error##isa(x);                    \
    }                                                                        \
    double_type _ZGV##abi##N##doubles##v_ag_v_##name(double_type);           \
    double_type _ZGV##abi##N##doubles##v_ag_v_##name(double_type x)          \
    {                                                                        \
        return Sleef_##name##d##doubles##_##error##isa(x);                   \
    }
#define TWO(name, error, abi, floats, doubles, isa, float_type, double_type)        \
    float_type _ZGV##abi##N##floats##vv_ag_v_##name##f(float_type, float_type);     \
    float_type _ZGV##abi##N##floats##vv_ag_v_##name##f(float_type x, float_type y)  \
    {                                                                               \
        return Sleef_##name##f##floats##_##error##isa(x, y);                        \
    }                                                                               \
    double_type _ZGV##abi##N##doubles##vv_ag_v_##name(double_type, double_type);    \
    double_type _ZGV##abi##N##doubles##vv_ag_v_##name(double_type x, double_type y) \
    {                                                                               \
        return Sleef_##name##d##doubles##_##error##isa(x, y);                       \
    }

AG_VECTOR_FUNCTIONS(ONE, ONE, TWO, b, 4, 2, , __m128, __m128d)
#ifdef __AVX__
AG_VECTOR_FUNCTIONS(ONE, ONE, TWO, c, 8, 4, avx, __m256, __m256d)
#endif
#ifdef __AVX2__
AG_VECTOR_FUNCTIONS(ONE, ONE, TWO, d, 8, 4, avx2, __m256, __m256d)
#endif
#ifdef __AVX512F__
AG_VECTOR_FUNCTIONS(ONE, ONE, TWO, e, 16, 8, avx512f, __m512, __m512d)
#endif

/* One value at a time. Asm labels keep gcc from giving these the vector versions that stand above. */
#define NUMBER_ONE(name, error, ...)                          \
    float number_##name##f(float) __asm__("ag_v_" #name "f"); \
    double number_##name(double) __asm__("ag_v_" #name);      \
    float number_##name##f(float x)                           \
    {                                                         \
        return ag_s_##name##f(x);                             \
    }                                                         \
    double number_##name(double x)                            \
    {                                                         \
        return ag_s_##name(x);                                \
    }
#define NUMBER_TWO(name, error, ...)                                 \
    float number_##name##f(float, float) __asm__("ag_v_" #name "f"); \
    double number_##name(double, double) __asm__("ag_v_" #name);     \
    float number_##name##f(float x, float y)                         \
    {                                                                \
        return ag_s_##name##f(x, y);                                 \
    }                                                                \
    double number_##name(double x, double y)                         \
    {                                                                \
        return ag_s_##name(x, y);                                    \
    }
AG_VECTOR_FUNCTIONS(NUMBER_ONE, NUMBER_ONE, NUMBER_TWO, )
#endif
