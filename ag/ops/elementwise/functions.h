/* Functions of one number that rows are written with, where those of vector.h end early or lose digits. Each is there for
 * floats and for doubles in loops over vectors, and for single numbers, as AG_MATH's are. */
#ifndef AG_OPS_FUNCTIONS_H
#define AG_OPS_FUNCTIONS_H

#include "ag/ops/elementwise/rows.h"

#include <float.h>

/* In the body x, or a and b, are doubles. AG_IN_DOUBLE computes floats in double likewise, and rounds once. */
#define AG_OF_DOUBLES(name, ...)                                                                                     \
    AG_INLINE double name##_f64(double x){ AG_TYPE(double, 0) __VA_ARGS__ } AG_INLINE double name##_number(double x) \
    {                                                                                                                \
        AG_TYPE(double, 1)                                                                                           \
        __VA_ARGS__                                                                                                  \
    }
#define AG_OF_FLOATS(name, ...)          \
    AG_INLINE float name##_f32(float x_) \
    {                                    \
        AG_TYPE(double, 0)               \
        const double x = (double)x_;     \
        __VA_ARGS__                      \
    }
#define AG_IN_DOUBLE(name, ...)      \
    AG_OF_DOUBLES(name, __VA_ARGS__) \
    AG_OF_FLOATS(name, return (float)name##_f64(x);)
#define AG_IN_DOUBLE2(name, ...)                                                                                      \
    AG_INLINE double name##_f64(double a, double b){ AG_TYPE(double, 0) __VA_ARGS__ } AG_INLINE double name##_number( \
        double a, double b){ AG_TYPE(double, 1) __VA_ARGS__ } AG_INLINE float name##_f32(float a, float b)            \
    {                                                                                                                 \
        return (float)name##_f64((double)a, (double)b);                                                               \
    }
#define AG_OWN(name, x) _Generic((x), float : name##_f32, double : SCALAR ? name##_number : name##_f64)

/* What a product p of a and b lost, as AG_REST is for quotients. */
#define LOST(a, b, p) (-AG_REST(a, b, p))

/* Polynomials, the constant coefficient first. */
#define AG_P1(x, a) (a)
#define AG_P2(x, a, ...) ((a) + (x)*AG_P1(x, __VA_ARGS__))
#define AG_P3(x, a, ...) ((a) + (x)*AG_P2(x, __VA_ARGS__))
#define AG_P4(x, a, ...) ((a) + (x)*AG_P3(x, __VA_ARGS__))
#define AG_P5(x, a, ...) ((a) + (x)*AG_P4(x, __VA_ARGS__))
#define AG_P6(x, a, ...) ((a) + (x)*AG_P5(x, __VA_ARGS__))
#define AG_P7(x, a, ...) ((a) + (x)*AG_P6(x, __VA_ARGS__))
#define AG_P8(x, a, ...) ((a) + (x)*AG_P7(x, __VA_ARGS__))
#define AG_P9(x, a, ...) ((a) + (x)*AG_P8(x, __VA_ARGS__))
#define AG_P10(x, a, ...) ((a) + (x)*AG_P9(x, __VA_ARGS__))
#define AG_P11(x, a, ...) ((a) + (x)*AG_P10(x, __VA_ARGS__))
#define AG_P12(x, a, ...) ((a) + (x)*AG_P11(x, __VA_ARGS__))
#define AG_P13(x, a, ...) ((a) + (x)*AG_P12(x, __VA_ARGS__))

#define EXP2(x) AG_MATH(exp2, x)(x)
#define EXPM1(x) AG_MATH(expm1, x)(x)
#define LOG2(x) AG_MATH(log2, x)(x)
#define LOG10(x) AG_MATH(log10, x)(x)
#define CBRT(x) AG_MATH(cbrt, x)(x)
#define TAN(x) AG_MATH(tan, x)(x)
#define ASIN(x) AG_MATH(asin, x)(x)
#define ACOS(x) AG_MATH(acos, x)(x)
#define ATAN(x) AG_MATH(atan, x)(x)
#define ATAN2(y, x) AG_MATH(atan2, y)(y, x)
#define ATANH(x) AG_MATH(atanh, x)(x)
#define ERF(x) AG_MATH(erf, x)(x)
#define ERFC(x) AG_MATH(erfc, x)(x)
#define HYPOT(x, y) AG_MATH(hypot, x)(x, y)
#define LOG1P_WHOLE(x) AG_OWN(ag_log1p, x)(x)
#define SINH(x) AG_OWN(ag_sinh, x)(x)
#define COSH(x) AG_OWN(ag_cosh, x)(x)
#define ASINH(x) AG_OWN(ag_asinh, x)(x)
#define ACOSH(x) AG_OWN(ag_acosh, x)(x)
#define SOFTPLUS(x) AG_OWN(ag_soft, x)(x)
#define SHARE(a, b) AG_OWN(ag_two_share, a)(a, b)
#define LOGADDEXP(a, b) AG_OWN(ag_log_sum, a)(a, b)

#define AG_LN2 0.6931471805599453
#define AG_LOG2_E 1.4426950408889634
#define AG_LOG10_E 0.4342944819032518
/* A number little above log(2) that is subtracted from one around 710 without an error: e^AG_SHIFT = 2 + 2 AG_SHIFT_MORE. */
#define AG_SHIFT 0x58b90bfbe8fp-43
#define AG_SHIFT_MORE 5.8707607534534041e-14

/* SLEEF's log1p is infinite from 2^1023 on, sinh and cosh from 709, asinh and acosh from 2^512. */
AG_IN_DOUBLE(ag_log1p, {
    const bool far = x > 0x1p1000;
    return LOG1P(x * ag_choose(far, 0x1p-64, 1)) + ag_choose(far, 64 * AG_LN2, 0);
})
AG_IN_DOUBLE(ag_sinh, {
    const bool far = fabs(x) > 700;
    const double y = AG_MATH(sinh, x)(ag_choose(far, x - copysign(AG_SHIFT, x), x));
    return ag_choose(far, 2 * (y + y * AG_SHIFT_MORE), y);
})
AG_IN_DOUBLE(ag_cosh, {
    const bool far = fabs(x) > 700;
    const double y = AG_MATH(cosh, x)(fabs(x) - ag_choose(far, AG_SHIFT, 0));
    return ag_choose(far, 2 * (y + y * AG_SHIFT_MORE), y);
})
AG_IN_DOUBLE(ag_asinh, {
    const bool far = fabs(x) > 0x1p60;
    const double y = AG_MATH(asinh, x)(ag_choose(far, copysign(sqrt(fabs(x)), x), x));
    return ag_choose(far, 2 * y - copysign(AG_LN2, x), y);
})
AG_IN_DOUBLE(ag_acosh, {
    const bool far = x > 0x1p60;
    const double y = AG_MATH(acosh, x)(ag_choose(far, sqrt(x), x));
    return ag_choose(far, 2 * y - AG_LN2, y);
})

AG_IN_DOUBLE(ag_soft, { return ag_choose(x < 0, 0, x) + LOG1P(EXP(-fabs(x))); })
/* exp(a) / (exp(a) + exp(b)), log(exp(a) + exp(b)); infinities that are equal share alike */
AG_IN_DOUBLE2(ag_two_share, {
    const double e = EXP(ag_choose(a == b, 0, -fabs(a - b)));
    return ag_choose(a < b, e, 1) / (1 + e);
})
AG_IN_DOUBLE2(ag_log_sum, {
    const double rest = LOG1P(EXP(ag_choose(a == b, 0, -fabs(a - b))));
    return ag_choose(a > b, a, b) + rest;
})

#endif
