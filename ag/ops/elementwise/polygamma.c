/* The derivatives of digamma, one number at a time: second derivatives alone ask for them. */
#define AG_OPS_INNER
#include "ag/ops/elementwise/special.h"

enum { MOST = 128 }; /* orders beyond are not finite */

static double inverse_power(double x, int n)
{
    const double inverse = 1 / x;
    double y = inverse;
    for (int k = 1; k < n; k++)
        y *= inverse;
    return y;
}

static double factorial_of(int n)
{
    double y = 1;
    for (int k = 2; k <= n; k++)
        y *= k;
    return y;
}

/* n! times the sum of (x + k)^-(n + 1) over all k from 0 on, x > 0: number by number until Euler and Maclaurin's formula
 * converges, which gives the rest. */
static double sum_of_powers(double x, int n)
{
    static const double bernoulli[] = { 1.0 / 6,       -1.0 / 30, 1.0 / 42,      -1.0 / 30,     5.0 / 66,
                                        -691.0 / 2730, 7.0 / 6,   -3617.0 / 510, 43867.0 / 798, -174611.0 / 330 };
    const int last = (int)(sizeof bernoulli / sizeof *bernoulli);
    const double factorial = factorial_of(n - 1);
    double first = 0, rest = 0;
    for (; x < 10 + n; x++)
        first += inverse_power(x, n + 1);
    const double w = 1 / (x * x);
    double more = factorial * n * (n + 1) * w / 2; /* (n + 2 k - 1)! / (2 k)! x^-2k */
    for (int k = 1; k <= last; k++) {
        rest += bernoulli[k - 1] * more;
        more *= w * (n + 2 * k) * (n + 2 * k + 1) / ((2 * k + 1) * (2 * k + 2));
    }
    return factorial * n * first + inverse_power(x, n) * (factorial + factorial * n / (2 * x) + rest);
}

/* The n-th derivative of pi cot(pi x): a polynomial in the cotangent, whose derivative is -pi (1 + cot^2). */
static double derivative_of_cot(double x, int n)
{
    double p[MOST + 2] = { 0, M_PI }, q[MOST + 2];
    const double turn = x - rint(x), c = fabs(turn) == 0.5 ? 0 : 1 / tan(M_PI * turn);
    for (int k = 1; k <= n; k++) {
        for (int i = 0; i <= k + 1; i++) /* the derivative by c, times 1 + c^2 */
            q[i] = (i <= k - 1 ? (i + 1) * p[i + 1] : 0) + (i >= 2 ? (i - 1) * p[i - 1] : 0);
        for (int i = 0; i <= k + 1; i++)
            p[i] = -M_PI * q[i];
    }
    double y = 0;
    for (int i = n + 1; i >= 0; i--)
        y = y * c + p[i];
    return y;
}

double ag_polygamma_of(double x, int n)
{
    const double sign = n % 2 ? 1 : -1;
    if (x != x || x == -INFINITY || n < 1 || n > MOST)
        return NAN;
    if (x <= 0 && x == rint(x))
        return sign * INFINITY;
    if (x == INFINITY)
        return sign * 0;
    if (x > 0)
        return sign * sum_of_powers(x, n);
    if (x > -0x1p-60) /* nothing is beside the pole, and the cotangent may be infinite */
        return sign * (factorial_of(n) * inverse_power(x, n + 1));
    return -sum_of_powers(1 - x, n) - derivative_of_cot(x, n);
}

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY_C(gamma_derivative, "a derivative of digamma", order, 1, "the derivative number order of digamma", "dx = the next one dy",
        POLYGAMMA(x, c), POLYGAMMA(x, c + 1), ag_chain(DY, ag_gamma_derivative(X, C + 1)), AG_READS_A, AG_ROW_POLES, 0.2, 8)

/* clang-format on */
