/* Arithmetic with many digits, written as formulas: numbers are taken from a pool that mp_begin empties. */
#ifndef TESTS_ACCURACY_MP_H
#define TESTS_ACCURACY_MP_H

#include <mpfr.h>
#include <stdbool.h>

typedef mpfr_ptr num;

enum { MP_BITS = 320 }; /* what the worst cancellation leaves, log1p(exp(x)) - x and the like, is far above 53 */

void mp_begin(void);
num mp_take(void); /* one without a value */
num mp_of(double v);

#define MP_ONE(name, function)     \
    static inline num name(num x)  \
    {                              \
        num y = mp_take();         \
        function(y, x, MPFR_RNDN); \
        return y;                  \
    }
#define MP_TWO(name, function)           \
    static inline num name(num a, num b) \
    {                                    \
        num y = mp_take();               \
        function(y, a, b, MPFR_RNDN);    \
        return y;                        \
    }
/* clang-format off */
MP_ONE(mp_neg, mpfr_neg) MP_ONE(mp_abs, mpfr_abs) MP_ONE(mp_sqrt, mpfr_sqrt) MP_ONE(mp_cbrt, mpfr_cbrt)
MP_ONE(mp_exp, mpfr_exp) MP_ONE(mp_exp2, mpfr_exp2) MP_ONE(mp_expm1, mpfr_expm1) MP_ONE(mp_log, mpfr_log)
MP_ONE(mp_log2, mpfr_log2) MP_ONE(mp_log10, mpfr_log10) MP_ONE(mp_log1p, mpfr_log1p) MP_ONE(mp_sin, mpfr_sin)
MP_ONE(mp_cos, mpfr_cos) MP_ONE(mp_tan, mpfr_tan) MP_ONE(mp_asin, mpfr_asin) MP_ONE(mp_acos, mpfr_acos)
MP_ONE(mp_atan, mpfr_atan) MP_ONE(mp_sinh, mpfr_sinh) MP_ONE(mp_cosh, mpfr_cosh) MP_ONE(mp_tanh, mpfr_tanh)
MP_ONE(mp_asinh, mpfr_asinh) MP_ONE(mp_acosh, mpfr_acosh) MP_ONE(mp_atanh, mpfr_atanh) MP_ONE(mp_erf, mpfr_erf)
MP_ONE(mp_erfc, mpfr_erfc) MP_ONE(mp_digamma, mpfr_digamma) MP_ONE(mp_sqr, mpfr_sqr)
MP_TWO(mp_add, mpfr_add) MP_TWO(mp_sub, mpfr_sub) MP_TWO(mp_mul, mpfr_mul) MP_TWO(mp_div, mpfr_div) MP_TWO(mp_pow, mpfr_pow)
MP_TWO(mp_max, mpfr_max) MP_TWO(mp_min, mpfr_min) MP_TWO(mp_hypot, mpfr_hypot) MP_TWO(mp_atan2, mpfr_atan2)
MP_TWO(mp_fmod, mpfr_fmod)
/* clang-format on */

#endif
