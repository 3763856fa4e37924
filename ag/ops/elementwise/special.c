/* The error function, the gamma function and what belongs to them. */
#include "ag/ops/elementwise/special.h"

#define TWO_BY_SQRT_PI 1.1283791670955126

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(erf, "error function", "erf(x)", "dx = 2/sqrt(pi) exp(-x^2) dy", ERF(x), K(TWO_BY_SQRT_PI) * GAUSS(x),
      ag_chain(DY, ag_mul_scalar(ag_gauss(X), TWO_BY_SQRT_PI)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(erfc, "complementary error function, exact where it is small", "1 - erf(x)", "dx = -2/sqrt(pi) exp(-x^2) dy", ERFC(x),
      K(-TWO_BY_SQRT_PI) * GAUSS(x), ag_chain(DY, ag_mul_scalar(ag_gauss(X), -TWO_BY_SQRT_PI)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(erfinv, "inverse error function, NaN outside of [-1, 1]", "erfinv(x)", "dx = sqrt(pi)/2 exp(y^2) dy", ERFINV(x),
      K(HALF_SQRT_PI) * EXP(y * y), ag_chain(DY, ag_mul_scalar(ag_exp(ag_square(Y)), HALF_SQRT_PI)), AG_READS_Y,
      AG_ROW_POLES | AG_ROW_VECTOR, -0.9, 0.9)
UNARY(lgamma, "logarithm of the absolute value of the gamma function", "log(|gamma(x)|)", "dx = digamma(x) dy", LGAMMA(x), DIGAMMA(x),
      ag_chain(DY, ag_digamma(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 8)
UNARY(digamma, "derivative of lgamma", "gamma'(x) / gamma(x)", "dx = polygamma(1, x) dy", DIGAMMA(x), POLYGAMMA(x, 1),
      ag_chain(DY, ag_gamma_derivative(X, 1)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 8)

/* clang-format on */

/* ag_polygamma - the derivative number n of digamma, n from 0 to 100: infinite at 0, -1, -2 ...
 *   y = digamma^(n)(x)        dx = polygamma(n + 1, x) dy
 * Errors: AG_EARG if n is not in that range. */
AG_API ag_tensor ag_polygamma(int n, ag_tensor x)
{
    if (n >= 0 && n <= 100)
        return n ? ag_gamma_derivative(x, n) : ag_digamma(x);
    if (x.tape)
        ag_fail(x.tape, AG_EARG, "ag_polygamma: the order %d is not from 0 to 100", n);
    return ag_inert(x.tape);
}
