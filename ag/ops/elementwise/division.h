/* Quotients rounded to an integer, and remainders, of one element. Of integers the divisor is not 0. */
#ifndef AG_OPS_DIVISION_H
#define AG_OPS_DIVISION_H

#include "ag/ops/elementwise/rows_binary.h"

/* What the C library's fmod gives, exactly: the remainder of the quotient that was rounded is exact where that fits, and
 * of the wrong sign where it was rounded up to an integer. */
static inline double ag_fmod_f64(double a, double b)
{
    const double q = trunc(a / b);
    if (!(fabs(q) < 0x1p53 && fabs(b) <= __DBL_MAX__))
        return fmod(a, b);
    double r = fma(-q, b, a);
    if (a < 0 ? r > 0 : r < 0)
        r += copysign(b, a);
    return copysign(r, a);
}

static inline float ag_fmod_f32(float a, float b)
{
    const double q = trunc((double)a / (double)b);
    if (!(fabs(q) < 0x1p29 && fabsf(b) <= __FLT_MAX__))
        return fmodf(a, b);
    double r = (double)a - q * (double)b;
    if (a < 0 ? r > 0 : r < 0)
        r += copysign((double)b, (double)a);
    return copysignf((float)r, a);
}

/* The remainder with the divisor's sign; the quotient is rounded as if it were exact. */
#define AG_FLOAT_DIVISION(T, suffix, fmod_, floor_, copysign_)                      \
    static inline T ag_remainder_##suffix(T a, T b)                                 \
    {                                                                               \
        const T r = fmod_(a, b);                                                    \
        return r != 0 && (b < 0) != (r < 0) ? r + b : r;                            \
    }                                                                               \
    static inline T ag_floor_divide_##suffix(T a, T b)                              \
    {                                                                               \
        if (b == 0)                                                                 \
            return a / b;                                                           \
        const T r = fmod_(a, b);                                                    \
        const bool down = r != 0 && (b < 0) != (r < 0);                             \
        const T q = (a - r) / b - (down ? 1 : 0), whole = floor_(q);                \
        return q == 0 ? copysign_(0, a / b) : whole + (q - whole > (T)0.5 ? 1 : 0); \
    }
AG_FLOAT_DIVISION(float, f32, ag_fmod_f32, floorf, copysignf)
AG_FLOAT_DIVISION(double, f64, ag_fmod_f64, floor, copysign)

/* The smallest integer divided by -1 wraps to itself. */
#define AG_INTEGER_DIVISION(T, unsigned_, suffix)                  \
    static inline T ag_fmod_##suffix(T a, T b)                     \
    {                                                              \
        return b == -1 ? 0 : a % b;                                \
    }                                                              \
    static inline T ag_remainder_##suffix(T a, T b)                \
    {                                                              \
        const T r = ag_fmod_##suffix(a, b);                        \
        return r != 0 && (b < 0) != (r < 0) ? r + b : r;           \
    }                                                              \
    static inline T ag_floor_divide_##suffix(T a, T b)             \
    {                                                              \
        if (b == -1)                                               \
            return (T)(0 - (unsigned_)a);                          \
        return a / b - (a % b != 0 && (b < 0) != (a < 0) ? 1 : 0); \
    }
AG_INTEGER_DIVISION(int32_t, uint32_t, i32)
AG_INTEGER_DIVISION(int64_t, uint64_t, i64)

/* clang-format off */
#define AG_DIVISION(name, x) \
    _Generic((x), float : name##_f32, double : name##_f64, int64_t : name##_i64, default : name##_i32)
/* clang-format on */
#define FMOD(a, b) AG_DIVISION(ag_fmod, a)(a, b)
#define REMAINDER(a, b) AG_DIVISION(ag_remainder, a)(a, b)
#define FLOOR_DIVIDE(a, b) AG_DIVISION(ag_floor_divide, a)(a, b)

#endif
