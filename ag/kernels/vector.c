/* The vector versions of vector.h's functions, under the names by which gcc's vectoriser calls them (the x86 vector
 * function ABI): b SSE2, c AVX, d AVX2, e AVX-512; N unmasked; the number of lanes; a v for each argument. */
#include "ag/kernels/vector.h"

#ifdef AG_VECTOR_CALLS
#include <immintrin.h>
#include <sleef.h>

#define ONE(abi, lanes, f, type, sleef)          \
    type _ZGV##abi##N##lanes##v_ag_v_##f(type);  \
    type _ZGV##abi##N##lanes##v_ag_v_##f(type x) \
    {                                            \
        return sleef(x);                         \
    }
#define TWO(abi, lanes, f, type, sleef)                   \
    type _ZGV##abi##N##lanes##vv_ag_v_##f(type, type);    \
    type _ZGV##abi##N##lanes##vv_ag_v_##f(type x, type y) \
    {                                                     \
        return sleef(x, y);                               \
    }
#define FLOATS(abi, lanes, type, isa)                             \
    ONE(abi, lanes, expf, type, Sleef_expf##lanes##_u10##isa)     \
    ONE(abi, lanes, logf, type, Sleef_logf##lanes##_u10##isa)     \
    ONE(abi, lanes, log1pf, type, Sleef_log1pf##lanes##_u10##isa) \
    ONE(abi, lanes, tanhf, type, Sleef_tanhf##lanes##_u10##isa)   \
    ONE(abi, lanes, sinf, type, Sleef_sinf##lanes##_u10##isa)     \
    ONE(abi, lanes, cosf, type, Sleef_cosf##lanes##_u10##isa)     \
    TWO(abi, lanes, powf, type, Sleef_powf##lanes##_u10##isa)
#define DOUBLES(abi, lanes, type, isa)                           \
    ONE(abi, lanes, exp, type, Sleef_expd##lanes##_u10##isa)     \
    ONE(abi, lanes, log, type, Sleef_logd##lanes##_u10##isa)     \
    ONE(abi, lanes, log1p, type, Sleef_log1pd##lanes##_u10##isa) \
    ONE(abi, lanes, tanh, type, Sleef_tanhd##lanes##_u10##isa)   \
    ONE(abi, lanes, sin, type, Sleef_sind##lanes##_u10##isa)     \
    ONE(abi, lanes, cos, type, Sleef_cosd##lanes##_u10##isa)     \
    TWO(abi, lanes, pow, type, Sleef_powd##lanes##_u10##isa)

FLOATS(b, 4, __m128, )
DOUBLES(b, 2, __m128d, )
#ifdef __AVX__
FLOATS(c, 8, __m256, avx)
DOUBLES(c, 4, __m256d, avx)
#endif
#ifdef __AVX2__
FLOATS(d, 8, __m256, avx2)
DOUBLES(d, 4, __m256d, avx2)
#endif
#ifdef __AVX512F__
FLOATS(e, 16, __m512, avx512f)
DOUBLES(e, 8, __m512d, avx512f)
#endif

/* One value at a time. Asm labels keep gcc from giving these the vector versions that stand above. */
#define SCALAR1(name)                                         \
    float scalar_##name##f(float) __asm__("ag_v_" #name "f"); \
    double scalar_##name(double) __asm__("ag_v_" #name);      \
    float scalar_##name##f(float x)                           \
    {                                                         \
        return name##f(x);                                    \
    }                                                         \
    double scalar_##name(double x)                            \
    {                                                         \
        return name(x);                                       \
    }
SCALAR1(exp)
SCALAR1(log)
SCALAR1(log1p)
SCALAR1(tanh)
SCALAR1(sin)
SCALAR1(cos)
float scalar_powf(float, float) __asm__("ag_v_powf");
double scalar_pow(double, double) __asm__("ag_v_pow");
float scalar_powf(float x, float y)
{
    return powf(x, y);
}
double scalar_pow(double x, double y)
{
    return pow(x, y);
}
#endif
