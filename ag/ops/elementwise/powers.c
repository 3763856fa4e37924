/* Reciprocals, roots and the length of two numbers. */
#include "ag/ops/elementwise/functions.h"
#include "ag/ops/elementwise/rows_binary.h"

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(reciprocal, "reciprocal", "1 / x", "dx = -y^2 dy", 1 / x, -y * y, ag_chain(DY, ag_neg(ag_square(Y))), AG_READS_Y,
      AG_ROW_POLES, 0.5, 3)
UNARY(rsqrt, "reciprocal of the square root", "1 / sqrt(x)", "dx = -y^3/2 dy", 1 / SQRT(x), K(-0.5) * y * (y * y),
      ag_chain(DY, ag_mul(ag_mul_scalar(Y, -0.5), ag_square(Y))), AG_READS_Y, AG_ROW_POLES, 0.3, 4)
UNARY(cbrt, "cube root", "x^(1/3), negative where x is", "dx = dy / (3 y^2)", CBRT(x), 1 / (3 * y * y),
      ag_chain(DY, ag_scalar_div(1, ag_mul_scalar(ag_square(Y), 3))), AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 4)
BINARY(hypot, "length of (a, b), without overflow", "sqrt(a^2 + b^2)", "da = a/y dy, db = b/y dy; 0 where y = 0", HYPOT(a, b),
       y == 0 ? 0 : a / y, y == 0 ? 0 : b / y, ag_chain(DY, ag_over(A, Y)), ag_chain(DY, ag_over(B, Y)),
       AG_READS_A | AG_READS_Y, AG_READS_B | AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 2, -2, -0.2)

/* clang-format on */
