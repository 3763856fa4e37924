/* The error function, the gamma function and what belongs to them. */
#include "ag/ops/elementwise/slopes.h"

#define TWO_BY_SQRT_PI 1.1283791670955126

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(erf, "error function", "erf(x)", "dx = 2/sqrt(pi) exp(-x^2) dy", ERF(x), K(TWO_BY_SQRT_PI) * GAUSS(x),
      ag_chain(DY, ag_mul_scalar(ag_gauss(X), TWO_BY_SQRT_PI)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(erfc, "complementary error function, exact where it is small", "1 - erf(x)", "dx = -2/sqrt(pi) exp(-x^2) dy", ERFC(x),
      K(-TWO_BY_SQRT_PI) * GAUSS(x), ag_chain(DY, ag_mul_scalar(ag_gauss(X), -TWO_BY_SQRT_PI)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)

/* clang-format on */
