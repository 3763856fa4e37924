/* First derivatives that are ops themselves, for rules alone, so that the second ones are as good at the edges. */
#define AG_OPS_INNER
#include "ag/ops/elementwise/rows_binary.h"
#include "ag/ops/elementwise/slopes.h"

static ag_tensor cube(ag_tensor y)
{
    return ag_mul(y, ag_square(y));
}

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(asin_slope, "the derivative of asin", "1 / sqrt(1 - x^2)", "dx = x y^3 dy", ASIN_SLOPE(x), x * y * (y * y),
      ag_chain(DY, ag_mul(X, cube(Y))), AG_READS_A | AG_READS_Y, AG_ROW_POLES, -0.7, 0.7)
UNARY(atan_slope, "the derivative of atan", "1 / (1 + x^2)", "dx = -2 x y^2 dy", ATAN_SLOPE(x), y == 0 ? 0 : -2 * x * (y * y),
      ag_chain(DY, ag_mul_scalar(ag_chain(ag_square(Y), X), -2)), AG_READS_A | AG_READS_Y, AG_ROW_POLES, -3, 3)
UNARY(asinh_slope, "the derivative of asinh", "1 / sqrt(x^2 + 1)", "dx = -x y^3 dy", ASINH_SLOPE(x), y == 0 ? 0 : -x * y * (y * y),
      ag_chain(DY, ag_neg(ag_chain(cube(Y), X))), AG_READS_A | AG_READS_Y, AG_ROW_POLES, -3, 3)
UNARY(acosh_slope, "the derivative of acosh", "1 / sqrt(x^2 - 1)", "dx = -x y^3 dy", ACOSH_SLOPE(x), y == 0 ? 0 : -x * y * (y * y),
      ag_chain(DY, ag_neg(ag_chain(cube(Y), X))), AG_READS_A | AG_READS_Y, AG_ROW_POLES, 1.5, 4)
UNARY(atanh_slope, "the derivative of atanh", "1 / (1 - x^2)", "dx = 2 x y^2 dy", ATANH_SLOPE(x), 2 * x * (y * y),
      ag_chain(DY, ag_mul_scalar(ag_mul(X, ag_square(Y)), 2)), AG_READS_A | AG_READS_Y, AG_ROW_POLES, -0.7, 0.7)
BINARY(atan2_slope, "the derivative of atan2 by a", "b / (a^2 + b^2)", "da = -2 y z dy, db = (z^2 - y^2) dy, where z = a / (a^2 + b^2)",
       ATAN2_SLOPE(a, b), -2 * y * ATAN2_SLOPE(b, a), (ATAN2_SLOPE(b, a) - y) * (ATAN2_SLOPE(b, a) + y),
       ag_chain(DY, ag_mul_scalar(ag_mul(Y, ag_atan2_slope(B, A)), -2)),
       ag_chain(DY, ag_sub(ag_square(ag_atan2_slope(B, A)), ag_square(Y))), AG_READS_A | AG_READS_B | AG_READS_Y,
       AG_READS_A | AG_READS_B | AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 2, -2, -0.2)
BINARY(over, "the derivative of hypot", "a / b, 0 where b = 0", "da = dy / b, db = -y / b dy; 0 where b = 0", b == 0 ? 0 : a / b,
       b == 0 ? 0 : 1 / b, b == 0 ? 0 : -y / b, ag_chain(DY, ag_over(ag_constant(ag_call_tape(call), 1), B)),
       ag_chain(DY, ag_neg(ag_over(Y, B))), AG_READS_B, AG_READS_B | AG_READS_Y, AG_ROW_POLES, -2, 2, 0.5, 3)
BINARY(share, "the derivative of logaddexp", "exp(a) / (exp(a) + exp(b))", "da = y z dy, db = -y z dy, where z = 1 - y", SHARE(a, b),
       y * SHARE(b, a), -y * SHARE(b, a), ag_chain(DY, ag_mul(Y, ag_share(B, A))), ag_chain(DY, ag_neg(ag_mul(Y, ag_share(B, A)))),
       AG_READS_A | AG_READS_B | AG_READS_Y, AG_READS_A | AG_READS_B | AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2, -2, 2)
UNARY(gauss, "the derivative of erf but for a factor", "exp(-x^2)", "dx = -2 x y dy", GAUSS(x), y == 0 ? 0 : -2 * x * y,
      ag_chain(DY, ag_mul_scalar(ag_chain(Y, X), -2)), AG_READS_A | AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)

/* clang-format on */
