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

/* tanh(a) for a of 0 to 0.625: a polynomial, fitted to (tanh(a) / a - 1) / a^2 there, of which no sum waits for more than a
 * few. */
static inline double ag_tanh_near(double a)
{
    const double u = a * a, u2 = u * u, u4 = u2 * u2;
    const double low =
        (-0.3333333333333333 + 0.13333333333333042 * u) + (-0.05396825396789699 + 0.021869488519008305 * u) * u2;
    const double mid =
        (-0.008863235103240878 + 0.0035921217511549622 * u) + (-0.0014557754120478055 + 0.0005896606577757043 * u) * u2;
    const double high =
        (-0.0002375906496055562 + 9.257116129556769e-05 * u) + (-3.12011014257974e-05 + 6.485163482793113e-06 * u) * u2;
    return a + a * u * (low + (mid + high * u4) * u4);
}

/* tanh of one number: by what is missing to 1 where it is not small. */
static inline double ag_tanh_number(double x)
{
    const double a = fabs(x);
    double y = 1;
    if (a < 0.625) {
        y = ag_tanh_near(a);
    } else if (a < 20) {
        const double e = exp(2 * a), w = e + 1, rest = 2 / w;
        y = 1 - (rest - rest * (1 - (w - e)) * (rest / 2));
    }
    return x != x ? x : copysign(y, x);
}

#endif
