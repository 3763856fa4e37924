/* What the rows of activations.c compute, and their slopes: products with what is small on the left keep its digits. */
#ifndef AG_OPS_ACTIVATIONS_H
#define AG_OPS_ACTIVATIONS_H

#include "ag/ops/elementwise/slopes.h"

#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772
#define SELU_BOTH 1.7580993408473766 /* their product, with what is behind the double */
#define SELU_BOTH_REST 5.750146487564760e-17
#define SQRT_HALF 0.7071067811865476
#define SQRT_HALF_REST (-4.833646656726457e-17) /* of the root, behind the double */
#define BELL_HEIGHT 0.3989422804014327          /* 1 / sqrt(2 pi) */
#define BELL_HEIGHT_REST (-2.49232720227773e-17)
/* sqrt(8/pi) (x + 0.044715 x^3) */
#define GELU_LINEAR 1.5957691216057308
#define GELU_LINEAR_REST (-9.96930880911092e-17)
#define GELU_CUBIC 0.07135481627260025
#define GELU_CUBIC_REST (-4.121857721743183e-18)

#define ELU(x, c) AG_OWN(ag_elu_of, x)(x, c)
#define ELU_SLOPE(x, c) AG_OWN(ag_elu_slope_of, x)(x, c)
#define SELU(x) AG_OWN(ag_selu_of, x)(x)
#define SELU_SLOPE(x) AG_OWN(ag_selu_slope_of, x)(x)
#define CELU(x, c) AG_OWN(ag_celu_of, x)(x, c)
#define CELU_SLOPE(x, c) AG_OWN(ag_celu_slope_of, x)(x, c)
#define ELU_CURVE(x, c) AG_OWN(ag_elu_curve_of, x)(x, c)
#define CELU_CURVE(x, c) AG_OWN(ag_celu_curve_of, x)(x, c)
#define SILU(x) AG_OWN(ag_silu_of, x)(x)
#define SILU_SLOPE(x) AG_OWN(ag_silu_slope_of, x)(x)
#define MISH(x) AG_OWN(ag_mish_of, x)(x)
#define MISH_SLOPE(x) AG_OWN(ag_mish_slope_of, x)(x)
#define HARDSWISH(x) AG_OWN(ag_hardswish_of, x)(x)
#define GELU(x) AG_OWN(ag_gelu_of, x)(x)
#define GELU_SLOPE(x) AG_OWN(ag_gelu_slope_of, x)(x)
#define GELU_TANH(x) AG_OWN(ag_gelu_tanh_of, x)(x)
#define GELU_TANH_SLOPE(x) AG_OWN(ag_gelu_tanh_slope_of, x)(x)

/* ---- exponentials below 0 */

AG_IN_DOUBLE2(ag_elu_of, { return ag_choose(a > 0, a, b * EXPM1(a)); })
AG_IN_DOUBLE2(ag_elu_slope_of, { return ag_choose(a > 0, 1, b * EXP(a)); })
AG_IN_DOUBLE(ag_selu_of, {
    const double e = EXPM1(x);
    const double y = SELU_BOTH * e;
    return ag_choose(x > 0, SELU_SCALE * x, y + (LOST(SELU_BOTH, e, y) + SELU_BOTH_REST * e));
})
AG_IN_DOUBLE(ag_selu_slope_of, { return ag_choose(x > 0, SELU_SCALE, SELU_BOTH * EXP(x)); })
/* exp(a / b) with what the quotient lost */
AG_IN_DOUBLE2(ag_celu_of, {
    const double z = a / b;
    const double e = EXPM1(z);
    const double y = b * e;
    const double rest = ag_keep_f64(fabs(z) < 800, AG_REST(z, b, a));
    return ag_choose(a > 0, a, y + (LOST(b, e, y) + (1 + e) * rest));
})
AG_IN_DOUBLE2(ag_celu_slope_of, { return ag_choose(a > 0, 1, EXP(a / b)); })

AG_IN_DOUBLE2(ag_elu_curve_of, { return ag_keep_f64(a < 0, b * EXP(a)); })
AG_IN_DOUBLE2(ag_celu_curve_of, { return ag_keep_f64(a < 0, EXP(a / b)); })

/* ---- x (x + 3) / 6, but 0 below -3 and x above 3 */

AG_IN_DOUBLE(ag_hardswish_of, {
    const double z = ag_choose(fabs(x) > 3, copysign(3, x), x);
    const double sum = z + 3;
    const double p = z * sum;
    const double y = p / 6;
    const double rest = LOST(z, sum, p) + z * (z - (sum - 3));
    return ag_choose(x > 3, x, y + (AG_REST(y, 6.0, p) + rest) / 6);
})

/* ---- products with a sigmoid */

/* a / (1 + exp(-b - rest)), given the exponential. Where that ends it is of b from AG_DEEP higher up, which is added without
 * an error, and 2^128 times too large. */
#define AG_DEEP 0x58b90bfbe8fp-36
#define AG_DEEP_LESS 7.514573764391902e-12
#define DEEP(b) ((b) < -707)
#define SIGMOID_EXPONENT(b) ag_choose(DEEP(b), (b) + AG_DEEP, -fabs(b))
AG_INLINE double ag_by_sigmoid(double a, double b, double rest, double e)
{
    const bool deep = DEEP(b);
    const double n = ag_choose(b < 0, e, 1);
    const double w = 1 + e;
    const double s = ag_choose(deep, e, n / w);
    const double s_rest = ag_choose(deep, -e * AG_DEEP_LESS, (AG_REST(s, w, n) - s * (e - (w - 1))) / w);
    const double y = a * s;
    const double more = LOST(a, s, y) + a * s_rest + y * (rest * (1 - s));
    return (y + ag_keep_f64(fabs(y) < DBL_MAX, more)) * ag_choose(deep, 0x1p-128, 1);
}
/* s(b) + by s(b) s(-b) */
AG_INLINE double ag_sigmoid_slope(double b, double by, double e)
{
    const double s = ag_sigmoid_f64(b, e);
    return s + by * (s * ag_sigmoid_f64(-b, e));
}

/* x within +-far: where what it is multiplied with is 0, an infinite one would make NaN */
AG_INLINE double ag_at_least(double x, double least)
{
    return ag_choose(x < least, least, x);
}
AG_INLINE double ag_within_far(double x, double far)
{
    return ag_choose(fabs(x) > far, copysign(far, x), x);
}

AG_OF_DOUBLES(ag_silu_of, {
    const double z = ag_at_least(x, -800);
    return ag_by_sigmoid(z, z, 0, EXP(SIGMOID_EXPONENT(z)));
})
AG_OF_FLOATS(ag_silu_of, {
    const double z = ag_at_least(x, -200);
    return (float)(z / (1 + EXP(-z)));
})
AG_IN_DOUBLE(ag_silu_slope_of, {
    const double z = ag_within_far(x, 800);
    return ag_sigmoid_slope(z, z, EXP(-fabs(z)));
})

/* x (GELU_LINEAR + GELU_CUBIC x^2) with what its rounding lost, which the exponential would multiply */
typedef struct ag_cubic {
    double y, rest;
} ag_cubic;
AG_INLINE ag_cubic ag_gelu_cubic(double x)
{
    const double s = x * x;
    const double a = GELU_CUBIC * s;
    const double sum = GELU_LINEAR + a, other = sum - GELU_LINEAR;
    const double y = x * sum;
    const double rest = LOST(GELU_CUBIC, s, a) + GELU_CUBIC * LOST(x, x, s) + GELU_CUBIC_REST * s + GELU_LINEAR_REST +
                        ((GELU_LINEAR - (sum - other)) + (a - other));
    return (ag_cubic){ y, LOST(x, sum, y) + x * rest };
}
AG_OF_DOUBLES(ag_gelu_tanh_of, {
    const ag_cubic v = ag_gelu_cubic(ag_within_far(x, 25));
    return ag_by_sigmoid(ag_at_least(x, -25), v.y, v.rest, EXP(SIGMOID_EXPONENT(v.y)));
})
AG_OF_FLOATS(ag_gelu_tanh_of, {
    const double z = ag_at_least(x, -25);
    return (float)(z / (1 + EXP(-z * (GELU_LINEAR + GELU_CUBIC * (z * z)))));
})
AG_IN_DOUBLE(ag_gelu_tanh_slope_of, {
    const double z = ag_within_far(x, 25);
    const ag_cubic v = ag_gelu_cubic(z);
    return ag_sigmoid_slope(v.y, z * (GELU_LINEAR + 3 * GELU_CUBIC * (z * z)), EXP(-fabs(v.y)));
})

/* ---- gelu: x erfc(-x / sqrt(2)) / 2 */

/* -exp(-x^2/2) / sqrt(2 pi) (1 - 1/x^2 + 3/x^4 ...), given the exponential of -h^2/2 + AG_DEEP, where x^2 is h^2 and a
 * rest: for x below -37.5, where erfc loses its digits to the end of the range. */
AG_INLINE double ag_gelu_deep(double x, double h, double e)
{
    const double r = 0.5 * (x - h) * (x + h), t = 1 / (x * x);
    const double series = t * (1 - t * (3 - t * (15 - t * (105 - t * (945 - t * (10395 - t * 135135))))));
    const double power = r * (1 - r * (0.5 - r / 6));
    const double both = power + series - power * series;
    const double less = both + AG_DEEP_LESS * (1 - both);
    const double y = -e * BELL_HEIGHT;
    return (y + (LOST(-e, BELL_HEIGHT, y) - e * BELL_HEIGHT_REST - y * less)) * 0x1p-128;
}
/* From 0 on x less what is symmetric. The rounding error of the argument z, which far out is multiplied by 2 z^2, is put
 * back with the logarithmic derivative of erfc, -z - sqrt(z^2 + c), where c lies between 4/pi and 2. */
AG_OF_DOUBLES(ag_gelu_of, {
    const double t = -ag_choose(fabs(x) > 40, 40, fabs(x));
    const double z = -t * SQRT_HALF;
    const double rest = -LOST(t, SQRT_HALF, -z) - t * SQRT_HALF_REST;
    const double e = ERFC(z);
    const double half = 0.5 * t;
    const double y = half * e;
    const double more = LOST(half, e, y) - y * (rest * (z + sqrt(z * z + 1.7)));
    const double deep_t = ag_choose(t < -37.5, t, -37.5);
    const double h = (double)(float)deep_t;
    const double deep = ag_gelu_deep(deep_t, h, EXP(AG_DEEP - 0.5 * h * h));
    return copysign(ag_choose(x > 0, x, 0) + ag_choose(t < -37.5, deep, y + more), x);
})
/* erfc(z) exp(z^2) for z from 0 to 11, to 3e-10: enough for floats, with one exponential for all that they need. */
AG_INLINE double ag_erfc_scaled(double z)
{
    const double q = (z - 4) / (z + 4);
    return AG_P13(q, 1.2329951187910768, -0.13962111731636637, 0.015379622201310499, 0.06809707505355217,
                  -0.10103817757095751, 0.09373301427143942, -0.06633988384131533, 0.03715919524373238,
                  -0.016156469703912713, 0.00509394220809932, -0.0008071551753261303, -0.00033916778843843734,
                  8.988720457554115e-05) /
           (1 + 2 * z);
}
AG_OF_FLOATS(ag_gelu_of, {
    const double t = ag_choose(fabs(x) > 15, 15, fabs(x));
    const double y = EXP(-0.5 * t * t) * (0.5 * t * ag_erfc_scaled(t * SQRT_HALF));
    return (float)copysign(ag_choose(x > 0, x, 0) - y, x);
})
AG_OF_DOUBLES(ag_gelu_slope_of, {
    const double t = ag_within_far(x, 40);
    return 0.5 * ERFC(-t * SQRT_HALF) + t * (BELL_HEIGHT * GAUSS(t * SQRT_HALF));
})
AG_OF_FLOATS(ag_gelu_slope_of, {
    const double t = ag_choose(fabs(x) > 15, 15, fabs(x));
    const double y = EXP(-0.5 * t * t) * (0.5 * ag_erfc_scaled(t * SQRT_HALF) - t * BELL_HEIGHT);
    return (float)ag_choose(x > 0, 1 - y, y);
})

/* ---- mish: x n / d, where n = (1 + exp(x))^2 - 1, d = n + 2; from 0 on both are divided by exp(x)^2 */

typedef struct ag_fraction {
    double n, n_rest, d, d_rest;
} ag_fraction;
AG_INLINE ag_fraction ag_mish_fraction(double x, double e)
{
    const bool left = x < 0;
    const double w = e + 2, n = e * w, one = 1 + 2 * e;
    ag_fraction f = { .n = ag_choose(left, n, one),
                      .n_rest = ag_choose(left, LOST(e, w, n) + e * (e - (w - 2)), 2 * e - (one - 1)) };
    const double more = ag_choose(left, 2, 2 * e * e);
    f.d = f.n + more;
    f.d_rest = ag_choose(left, f.n - (f.d - 2), more - (f.d - f.n)) + f.n_rest;
    return f;
}
AG_OF_DOUBLES(ag_mish_of, {
    const double z = ag_at_least(x, -800);
    const double e = EXP(SIGMOID_EXPONENT(z));
    const ag_fraction f = ag_mish_fraction(z, e);
    const double t = f.n / f.d;
    const double t_rest = (AG_REST(t, f.d, f.n) + f.n_rest - t * f.d_rest) / f.d;
    const double y = z * t;
    const double more = LOST(z, t, y) + z * t_rest;
    return ag_choose(DEEP(z), ag_by_sigmoid(z, z, 0, e), y + ag_keep_f64(fabs(y) < DBL_MAX, more));
})
AG_OF_FLOATS(ag_mish_of, {
    const double z = ag_at_least(x, -200);
    const double e = EXP(ag_choose(z > 40, 40, z));
    const double n = e * (e + 2);
    return (float)(z * (n / (n + 2)));
})
AG_IN_DOUBLE(ag_mish_slope_of, {
    const double z = ag_within_far(x, 800);
    const double e = EXP(-fabs(z));
    const ag_fraction f = ag_mish_fraction(z, e);
    return f.n / f.d + z * (4 * e * ag_choose(z < 0, 1, e) * (1 + e) / (f.d * f.d));
})

#endif
