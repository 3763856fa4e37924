/* The gamma function's logarithm and its derivatives, and the inverse of erf. Rational approximations were fitted at
 * Chebyshev nodes in multiple precision. */
#ifndef AG_OPS_SPECIAL_H
#define AG_OPS_SPECIAL_H

#include "ag/ops/elementwise/slopes.h"

#define LGAMMA(x) AG_OWN(ag_log_gamma, x)(x)
#define DIGAMMA(x) AG_OWN(ag_digamma_of, x)(x)
#define ERFINV(x) AG_OWN(ag_erf_inverse, x)(x)

#define HALF_SQRT_PI 0.886226925452758
#define PI 3.141592653589793
#define ROOT 1.4616321449683622 /* of digamma, with what is behind the double; less 1, likewise */
#define ROOT_REST 9.549995429965697e-17
#define ROOT_LESS 0.46163214496836236
#define ROOT_LESS_REST (-1.5522348162858677e-17)

AG_IN_DOUBLE(ag_log_gamma, { return AG_MATH(lgamma, x)(x); })

/* A polynomial of nine coefficients with what its roundings lost (the compensated Horner scheme of Graillat, Langlois
 * and Louvet, 2005). */
AG_INLINE double ag_poly9(const double c[9], double x, double *rest)
{
    double y = c[8];
    *rest = 0;
#define STEP(k)                                                                     \
    do {                                                                            \
        const double p = y * x, sum = p + c[k], other = sum - p;                    \
        const double lost = LOST(y, x, p) + ((p - (sum - other)) + (c[k] - other)); \
        *rest = *rest * x + lost;                                                   \
        y = sum;                                                                    \
    } while (0)
    STEP(7);
    STEP(6);
    STEP(5);
    STEP(4);
    STEP(3);
    STEP(2);
    STEP(1);
    STEP(0);
#undef STEP
    return y;
}
/* digamma(z) / (z - its root) for z = 1 + t from 1 to 4 */
AG_INLINE double ag_digamma_quotient(double t, double *rest)
{
    static const double above[9] = { 1.2503801375034054,     2.1350035194250303,     1.3724956245607915,
                                     0.42758767493194716,    0.06856679098671349,    0.005496586877455192,
                                     0.00019453544844483928, 2.1917144654830184e-06, 1.402613434700157e-09 };
    static const double below[9] = { 1.0,
                                     2.3910303677697975,
                                     2.13025227505565,
                                     0.9306500781833718,
                                     0.21686606427381228,
                                     0.027105081389092216,
                                     0.0017139346932061438,
                                     4.713007993540955e-05,
                                     3.8347125324643785e-07 };
    double p_rest, q_rest;
    const double p = ag_poly9(above, t, &p_rest), q = ag_poly9(below, t, &q_rest);
    const double y = p / q;
    *rest = (AG_REST(y, q, p) + p_rest - y * q_rest) / q;
    return y;
}
/* z^2 (log(z) - 1 / (2 z) - digamma(z)) for w = 1 / z^2, z from 4 on */
AG_INLINE double ag_digamma_tail(double w)
{
    const double p = AG_P6(w, 0.08333333333333333, 1.5631450476781834, 8.603469700044084, 16.015044310781263,
                           8.580842318138771, 0.6215069068459356);
    const double q = AG_P6(w, 1.0, 18.857740572138198, 105.07979141012552, 201.84052322362732, 119.0023385538034,
                           13.539620421768145);
    return p / q;
}
/* Below 1 it is that of x + 1, less 1/x; below 0 that of 1 - x, less pi / tan(pi x). Infinite at 0, NaN at other poles. */
AG_IN_DOUBLE(ag_digamma_of, {
    const bool left = x < 0;
    const bool low = !left & (x < 1);
    const double z = ag_choose(left, 1 - x, ag_choose(low, x + 1, x));
    const bool far = z >= 4;
    const double g = ag_choose(low, x - ROOT_LESS, z - ROOT);
    const double g_rest = ag_choose(low, -ROOT_LESS_REST, -ROOT_REST);
    double r_rest;
    const double r = ag_digamma_quotient(ag_choose(far, 0, z - 1), &r_rest);
    const double near_y = g * r;
    const double near_rest = LOST(g, r, near_y) + g * r_rest + g_rest * r;
    const double u = 1 / z;
    const double far_rest = -0.5 * u - u * u * ag_digamma_tail(ag_choose(far, u * u, 0.0625));
    const double y = ag_choose(far, LOG(ag_choose(far, z, 4)), near_y);
    const double y_rest = ag_choose(far, far_rest, near_rest);
    const double turn = x - rint(x);
    const double term = ag_choose(left, PI / TAN(PI * turn), 1 / x);
    const double term_rest = ag_keep_f64(low & (x > 0x1p-500), AG_REST(term, x, 1.0) * term);
    const double less = ag_keep_f64(left | low, term);
    const double sum = y - less;
    const double back = sum - y;
    const double sum_rest = ag_keep_f64(fabs(sum) < DBL_MAX, (y - (sum - back)) - (less + back) + y_rest - term_rest);
    return ag_choose(left & (turn == 0), NAN, sum + sum_rest);
})

/* x F(w), w = -log(1 - x^2), to 2e-6, and a step of Newton's method with the next two derivatives. */
AG_IN_DOUBLE(ag_erf_inverse, {
    const double size = fabs(x);
    const double w = -LOG((1 - size) * (1 + size));
    const double s = sqrt(w);
    const double near_p = AG_P5(w, 0.8862269971030131, 0.3534204337650102, 0.06985641597069715, 0.008700180882835145,
                                0.0006211574136240102);
    const double near_q =
        AG_P5(w, 1.0, 0.13699496910290027, 0.029918177945330117, 0.002849459880582953, 5.7432305579193495e-05);
    const double far =
        AG_P9(s, 2.524703806296923, -3.7042797006284727, 3.601086471983065, -1.577367996840318, 0.4315672721648919,
              -0.07531947688365286, 0.008175204777880132, -0.0005040793773810887, 1.3511384757434372e-05);
    const double y = size * ag_choose(w < 6, near_p / near_q, far);
    const double less = ag_choose(size < 0.6, size - ERF(y), ERFC(y) - (1 - size));
    const double v = less * (HALF_SQRT_PI * EXP(y * y));
    const double better = y + v * (1 + v * (y + v * (1 + 4 * y * y) / 3));
    return copysign(ag_choose(size < 1, better, ag_choose(size == 1, INFINITY, NAN)), x);
})

/* ---- polygamma.c */

/* The derivative number n + 1 of lgamma, n from 1 on. */
double ag_polygamma_of(double x, int n);
#define POLYGAMMA(x, n) ((T)ag_polygamma_of((double)(x), (int)(n)))

#endif
