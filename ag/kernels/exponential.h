/* exp in loops, in line: a call would keep it from their registers, and treats what cannot be there. 2^n exp(r), |r| <=
 * log(2) / 2, with a polynomial fitted to (exp(r) - 1 - r) / r^2; n stands in the last bits of a large number, with what makes
 * it the exponent of 2^n. That is made larger, so that nothing is denormal before the last product. Where x is no number, 2^n
 * is any, and the product with it still none. */
#ifndef AG_KERNELS_EXPONENTIAL_H
#define AG_KERNELS_EXPONENTIAL_H

#include "ag/kernels/vector.h"

/* a b + c, rounded once where the processor can do that. */
#ifdef __FMA__
#define AG_FUSED(a, b, c) _Generic((a), float : __builtin_fmaf, double : __builtin_fma)(a, b, c)
#else
#define AG_FUSED(a, b, c) ((a) * (b) + (c))
#endif

/* Of x <= 65 or no number: 1.01 ulp off at most. */
AG_INLINE float ag_exp_f32(float x)
{
    x = x < -106 ? -106 : x; /* 0 */
    const float large = 0x1.8p23f + 127 + 32, t = AG_FUSED(x, 1.44269504f, large), n = t - large;
    const float r = AG_FUSED(n, 2.12194440e-4f, AG_FUSED(n, -0.693359375f, x));
    float p = AG_FUSED(0.00138146021f, r, 0.00836871520f);
    p = AG_FUSED(p, r, 0.0416683879f);
    p = AG_FUSED(p, r, 0.166665206f);
    p = AG_FUSED(p, r, 0.499999934f);
    float power;
    uint32_t bits;
    memcpy(&bits, &t, sizeof bits);
    bits <<= 23;
    memcpy(&power, &bits, sizeof power);
    return (AG_FUSED(r * r, p, r) + 1) * power * 0x1p-32f;
}

/* Of x <= 600 or no number. */
AG_INLINE double ag_exp_f64(double x)
{
    x = x < -750 ? -750 : x; /* 0 */
    const double large = 0x1.8p52 + 1023 + 128, t = AG_FUSED(x, 0x1.71547652b82fep0, large), n = t - large;
    const double r = AG_FUSED(n, -0x1.a39ef35793c76p-33, AG_FUSED(n, -0x1.62e42feep-1, x));
    double p = AG_FUSED(2.5000056853599249877e-8, r, 2.763024835331261728e-7);
    p = AG_FUSED(p, r, 2.7557586387828287007e-6);
    p = AG_FUSED(p, r, 2.4801493098980489467e-5);
    p = AG_FUSED(p, r, 1.9841269506564339989e-4);
    p = AG_FUSED(p, r, 1.3888888943630038625e-3);
    p = AG_FUSED(p, r, 8.3333333334944676416e-3);
    p = AG_FUSED(p, r, 4.1666666666530158903e-2);
    p = AG_FUSED(p, r, 0.16666666666666412514);
    p = AG_FUSED(p, r, 0.50000000000000106271);
    double power;
    uint64_t bits;
    memcpy(&bits, &t, sizeof bits);
    bits <<= 52;
    memcpy(&power, &bits, sizeof power);
    return (AG_FUSED(r * r, p, r) + 1) * power * 0x1p-128;
}

#endif
