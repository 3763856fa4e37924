/* Functions whose plain formulas are off by nearly two ulp: the last rounding errors are taken back, by fused
 * multiply-adds where the processor has them. */
#ifndef AG_KERNELS_PRECISE_H
#define AG_KERNELS_PRECISE_H

#include "ag/kernels/vector.h"

/* What a quotient y of a and w lost, a - y w: known exactly, or taken for nothing. */
#ifdef __FMA__
#define AG_REST(y, w, a) _Generic((y), float : __builtin_fmaf, double : __builtin_fma)(-(y), w, a)
#else
#define AG_REST(y, w, a) 0
#endif

/* 1 / (1 + exp(-x)), given e = exp(-|x|), with what the sum and the quotient lost. The numerator, 1 or e, is chosen by
 * arithmetic: a branch would keep loops from being vectorised. */
#define AG_SIGMOID(name, type, copy_sign)                            \
    static inline type name(type x, type e)                          \
    {                                                                \
        const type high = (type)0.5 + copy_sign((type)0.5, x);       \
        const type a = high + (1 - high) * e, w = 1 + e;             \
        const type inverse = 1 / w, y = a * inverse;                 \
        return y + (AG_REST(y, w, a) - y * (e - (w - 1))) * inverse; \
    }
AG_SIGMOID(ag_sigmoid_f32, float, copysignf)
AG_SIGMOID(ag_sigmoid_f64, double, copysign)
#undef AG_SIGMOID

/* tanh in loops over floats, 1.0 ulp off at most: a polynomial, fitted to (tanh(x) / x - 1) / x^2 up to 0.8, and what is missing to 1
 * above. Both are computed, and one is kept without a branch. */
AG_INLINE float ag_tanh_f32(float x)
{
    const float a = fabsf(x), z = a * a;
    const float tail = ((0.00176287722f * z - 0.00773446308f) * z + 0.0215213560f) * z - 0.0539179929f;
    const float near = a + a * z * ((tail * z + 0.133330628f) * z - 0.333333313f);
    const float far = 1 - 2 / (1 + ag_v_expf(2 * a));
    return copysignf(ag_keep_f32(a < 0.8f, near) + ag_keep_f32(!(a < 0.8f), far), x);
}

/* tanh of one number: by expm1 where it is small, else by what is missing to 1. */
static inline double ag_tanh_number(double x)
{
    const double z = fabs(x);
    double y;
    if (z < 0.55) {
        const double t = expm1(2 * z), w = t + 2;
        y = t / w;
        y += (AG_REST(y, w, t) - y * (t - (w - 2))) / w;
    } else {
        const double e = z < 20 ? exp(2 * z) : INFINITY, w = e + 1;
        y = z < 20 ? 2 / w : 0;
        y = 1 - (z < 20 ? y - y * (1 - (w - e)) / w : 0);
    }
    return x != x ? x : copysign(y, x);
}

#endif
