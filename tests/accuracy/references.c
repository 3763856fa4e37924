/* The elementwise ops with many digits. */
#include "tests/accuracy/accuracy.h"

#include <math.h>

/* ---- parts of formulas */

static num one(void)
{
    return mp_of(1);
}

static num recip(num x)
{
    return mp_div(one(), x);
}

static bool is_below(num x, double c)
{
    return mpfr_cmp_d(x, c) < 0;
}

/* x f, where f decays faster than x grows. */
static num times(num x, num f)
{
    return mpfr_zero_p(f) ? f : mp_mul(x, f);
}

static num softplus(num x)
{
    return mp_add(mp_max(x, mp_of(0)), mp_log1p(mp_exp(mp_neg(mp_abs(x)))));
}

static num sigmoid(num x)
{
    return recip(mp_add(one(), mp_exp(mp_neg(x))));
}

static num lgamma_of(num x)
{
    num y = mp_take();
    int sign;
    mpfr_lgamma(y, &sign, x, MPFR_RNDN);
    return y;
}

/* Newton's iteration on erfc(y) = 1 - x, which keeps its digits where x is near 1, or on erf(y) = x where it is not. */
static num erfinv_of_positive(num x)
{
    const num rest = mp_sub(one(), x), pi = mp_take();
    const double w = -mpfr_get_d(mp_log(mp_mul(rest, mp_add(one(), x))), MPFR_RNDN);
    num y = w < 5 ? mp_mul(x, mp_of(0.886 + 0.2 * w)) : mp_of(sqrt(w) - 0.5);
    mpfr_const_pi(pi, MPFR_RNDN);
    const num scale = mp_div(mp_sqrt(pi), mp_of(2));
    for (int i = 0; i < 100; i++) {
        const num more = is_below(x, 0.5) ? mp_sub(mp_erf(y), x) : mp_sub(rest, mp_erfc(y));
        const num step = mp_mul(mp_mul(more, scale), mp_exp(mp_sqr(y)));
        y = mp_sub(y, step);
        if (mpfr_zero_p(step) || mpfr_get_exp(step) < mpfr_get_exp(y) - MP_BITS / 2)
            break;
    }
    return y;
}

static num erfinv_of(num x)
{
    num y = mp_take();
    if (mpfr_nan_p(x) || mpfr_cmp_d(x, -1) < 0 || mpfr_cmp_d(x, 1) > 0)
        mpfr_set_nan(y);
    else if (mpfr_cmp_d(mp_abs(x), 1) == 0)
        mpfr_set_inf(y, mpfr_sgn(x));
    else if (mpfr_zero_p(x))
        return x;
    else
        return mpfr_sgn(x) > 0 ? erfinv_of_positive(x) : mp_neg(erfinv_of_positive(mp_neg(x)));
    return y;
}

static num sign_of(num x)
{
    return mpfr_nan_p(x) ? x : mp_of(mpfr_sgn(x));
}

static num logaddexp(num a, num b)
{
    const num distance = mp_sub(a, b);
    if (mpfr_nan_p(distance)) /* of equal infinities, or of none */
        return mpfr_nan_p(a) ? a : mpfr_nan_p(b) ? b : mp_max(a, b);
    return mp_add(mp_max(a, b), mp_log1p(mp_exp(mp_neg(mp_abs(distance)))));
}

/* What logaddexp is the sum of; and below 0 lgamma and digamma, of the reflected one and of what has poles. */
static num larger(const num *v)
{
    return mpfr_cmpabs(v[0], v[1]) > 0 ? v[0] : v[1];
}

static num reflected_lgamma(const num *v)
{
    return mpfr_sgn(v[0]) < 0 ? lgamma_of(mp_sub(one(), v[0])) : mp_of(0);
}

static num reflected_digamma(const num *v)
{
    return mpfr_sgn(v[0]) < 0 ? mp_max(one(), mp_digamma(mp_sub(one(), v[0]))) : mp_of(0);
}

static num remainder_of(num a, num b)
{
    const num r = mp_fmod(a, b);
    return mpfr_zero_p(r) || mpfr_nan_p(r) || mpfr_sgn(r) * mpfr_sgn(b) > 0 ? r : mp_add(r, b);
}

static num frac_of(num x)
{
    num y = mp_take();
    mpfr_frac(y, x, MPFR_RNDN);
    return mpfr_inf_p(x) ? mp_sub(x, x) : y;
}

/* The argument of the tanh in gelu_tanh, twice. */
static num gelu_argument(num x)
{
    num pi = mp_take();
    mpfr_const_pi(pi, MPFR_RNDN);
    return mp_mul(mp_mul(mp_mul(mp_of(2), x), mp_sqrt(mp_div(mp_of(2), pi))),
                  mp_add(one(), mp_mul(mp_of(0.044715), mp_sqr(x))));
}

/* ---- the table */

#define ONE(op, formula)                 \
    static num op##_of_one(const num *v) \
    {                                    \
        const num x = v[0];              \
        return formula;                  \
    }
#define TWO(op, formula)                 \
    static num op##_of_two(const num *v) \
    {                                    \
        const num a = v[0], b = v[1];    \
        return formula;                  \
    }
#define NUMBERED(op, formula)                   \
    static num op##_of_numbers(const num *v)    \
    {                                           \
        const num x = v[0], c = v[1], d = v[2]; \
        (void)c, (void)d;                       \
        return formula;                         \
    }

/* clang-format off */
ONE(neg, mp_neg(x)) ONE(square, mp_sqr(x)) ONE(sqrt, mp_sqrt(x)) ONE(exp, mp_exp(x)) ONE(log, mp_log(x))
ONE(sin, mp_sin(x)) ONE(cos, mp_cos(x)) ONE(tanh, mp_tanh(x)) ONE(sigmoid, sigmoid(x)) ONE(softplus, softplus(x))
ONE(relu, mpfr_nan_p(x) ? x : mp_max(x, mp_of(0))) ONE(abs, mp_abs(x)) ONE(sign, sign_of(x))
ONE(log1p, mp_log1p(x)) ONE(expm1, mp_expm1(x)) ONE(log2, mp_log2(x)) ONE(log10, mp_log10(x)) ONE(exp2, mp_exp2(x))
ONE(reciprocal, recip(x)) ONE(rsqrt, recip(mp_sqrt(x))) ONE(cbrt, mp_cbrt(x)) ONE(tan, mp_tan(x)) ONE(asin, mp_asin(x))
ONE(acos, mp_acos(x)) ONE(atan, mp_atan(x)) ONE(sinh, mp_sinh(x)) ONE(cosh, mp_cosh(x)) ONE(asinh, mp_asinh(x))
ONE(acosh, mp_acosh(x)) ONE(atanh, mp_atanh(x)) ONE(erf, mp_erf(x)) ONE(erfc, mp_erfc(x)) ONE(erfinv, erfinv_of(x))
ONE(lgamma, lgamma_of(x)) ONE(digamma, mp_digamma(x))
ONE(gelu, times(mp_mul(mp_of(0.5), x), mp_erfc(mp_neg(mp_div(x, mp_sqrt(mp_of(2)))))))
ONE(gelu_tanh, times(x, sigmoid(gelu_argument(x)))) ONE(silu, times(x, sigmoid(x))) ONE(mish, times(x, mp_tanh(softplus(x))))
ONE(softsign, mpfr_inf_p(x) ? sign_of(x) : mp_div(x, mp_add(one(), mp_abs(x)))) ONE(logsigmoid, mp_neg(softplus(mp_neg(x))))
ONE(selu, mp_mul(mp_of(1.0507009873554804934193349852946), is_below(x, 0) ? mp_mul(mp_of(1.6732632423543772848170429916717), mp_expm1(x)) : x))
ONE(hardsigmoid, mpfr_nan_p(x) ? x : mp_max(mp_of(0), mp_min(one(), mp_div(mp_add(x, mp_of(3)), mp_of(6)))))
ONE(hardswish, times(x, mp_max(mp_of(0), mp_min(one(), mp_div(mp_add(x, mp_of(3)), mp_of(6))))))
TWO(add, mp_add(a, b)) TWO(sub, mp_sub(a, b)) TWO(mul, mp_mul(a, b)) TWO(div, mp_div(a, b)) TWO(pow, mp_pow(a, b))
TWO(maximum, mpfr_nan_p(a) ? a : mpfr_nan_p(b) ? b : mp_max(a, b)) TWO(minimum, mpfr_nan_p(a) ? a : mpfr_nan_p(b) ? b : mp_min(a, b))
TWO(atan2, mp_atan2(a, b)) TWO(hypot, mp_hypot(a, b)) TWO(logaddexp, logaddexp(a, b)) TWO(fmod, mp_fmod(a, b))
TWO(remainder, remainder_of(a, b)) TWO(chain, mpfr_zero_p(a) && !mpfr_number_p(b) ? a : mp_mul(a, b)) ONE(frac, frac_of(x))
NUMBERED(add_scalar, mp_add(x, c)) NUMBERED(mul_scalar, mp_mul(x, c)) NUMBERED(scalar_sub, mp_sub(c, x))
NUMBERED(scalar_div, mp_div(c, x)) NUMBERED(pow_scalar, mp_pow(x, c)) NUMBERED(leaky_relu, is_below(x, 0) ? mp_mul(c, x) : x)
NUMBERED(clamp, mpfr_nan_p(x) ? x : mp_max(c, mp_min(d, x)))
NUMBERED(hardtanh, mpfr_nan_p(x) ? x : mp_max(c, mp_min(d, x)))
NUMBERED(maximum_scalar, mpfr_nan_p(x) ? x : mp_max(x, c)) NUMBERED(minimum_scalar, mpfr_nan_p(x) ? x : mp_min(x, c))
NUMBERED(fmod_scalar, mp_fmod(x, c)) NUMBERED(remainder_scalar, remainder_of(x, c))
NUMBERED(elu, is_below(x, 0) ? mp_mul(c, mp_expm1(x)) : x)
NUMBERED(celu, is_below(x, 0) ? mp_mul(c, mp_expm1(mp_div(x, c))) : x)

#define OF_ONE(op, ...) { #op, op##_of_one, { { 0 } }, __VA_ARGS__ },
#define OF_TWO(op, ...) { #op, op##_of_two, { { 0 } }, __VA_ARGS__ },
#define OF_NUMBERS(op, numbers, ...) { #op, op##_of_numbers, numbers, __VA_ARGS__ },
#define EACH(...) { __VA_ARGS__ }
const reference references[] = {
    OF_TWO(add, NULL) OF_TWO(sub, NULL) OF_TWO(mul, NULL) OF_TWO(div, NULL) OF_TWO(maximum, NULL) OF_TWO(minimum, NULL)
    OF_NUMBERS(add_scalar, EACH({ 0.7 }, { -3 }), NULL) OF_NUMBERS(mul_scalar, EACH({ 0.7 }, { -3 }), NULL)
    OF_NUMBERS(scalar_sub, EACH({ 0.7 }, { -3 }), NULL) OF_NUMBERS(scalar_div, EACH({ 0.7 }, { -3 }), NULL)
    OF_ONE(neg, NULL) OF_ONE(abs, NULL) OF_ONE(sign, NULL) OF_ONE(square, NULL) OF_ONE(sqrt, NULL)
    OF_ONE(reciprocal, NULL) OF_ONE(rsqrt, NULL) OF_ONE(cbrt, NULL) OF_TWO(pow, NULL)
    OF_NUMBERS(pow_scalar, EACH({ 2.5 }, { -1.3 }, { 0.5 }, { 3 }), NULL)
    OF_ONE(exp, NULL) OF_ONE(exp2, NULL) OF_ONE(expm1, NULL) OF_ONE(log, NULL) OF_ONE(log2, NULL) OF_ONE(log10, NULL) OF_ONE(log1p, NULL)
    OF_ONE(sin, NULL) OF_ONE(cos, NULL) OF_ONE(tan, NULL) OF_ONE(asin, NULL) OF_ONE(acos, NULL) OF_ONE(atan, NULL) OF_TWO(atan2, NULL)
    OF_ONE(sinh, NULL) OF_ONE(cosh, NULL) OF_ONE(tanh, NULL) OF_ONE(asinh, NULL) OF_ONE(acosh, NULL) OF_ONE(atanh, NULL)
    OF_ONE(erf, NULL) OF_ONE(erfc, NULL) OF_ONE(erfinv, NULL) OF_ONE(lgamma, reflected_lgamma) OF_ONE(digamma, reflected_digamma)
    OF_TWO(hypot, NULL) OF_TWO(logaddexp, larger) OF_TWO(fmod, NULL) OF_TWO(remainder, NULL)
    OF_NUMBERS(fmod_scalar, EACH({ 0.7 }, { -3 }), NULL) OF_NUMBERS(remainder_scalar, EACH({ 0.7 }, { -3 }), NULL)
    OF_ONE(frac, NULL) OF_TWO(chain, NULL)
    OF_ONE(sigmoid, NULL) OF_ONE(logsigmoid, NULL) OF_ONE(softplus, NULL) OF_ONE(relu, NULL)
    OF_NUMBERS(leaky_relu, EACH({ 0.01 }, { 0.3 }), NULL) OF_NUMBERS(clamp, EACH({ -1, 1 }, { 0.1, 0.7 }), NULL)
    OF_NUMBERS(hardtanh, EACH({ -1, 1 }), NULL) OF_NUMBERS(maximum_scalar, EACH({ 0.7 }), NULL) OF_NUMBERS(minimum_scalar, EACH({ 0.7 }), NULL)
    OF_ONE(gelu, NULL) OF_ONE(gelu_tanh, NULL) OF_ONE(silu, NULL) OF_ONE(mish, NULL) OF_ONE(selu, NULL)
    OF_NUMBERS(elu, EACH({ 1 }, { 0.7 }), NULL) OF_NUMBERS(celu, EACH({ 1 }, { 0.7 }), NULL)
    OF_ONE(softsign, NULL) OF_ONE(hardsigmoid, NULL) OF_ONE(hardswish, NULL)
    { NULL, NULL, { { 0 } }, NULL },
};
/* clang-format on */
