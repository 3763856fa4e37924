/* First derivatives that are ops themselves, for rules alone, so that the second ones are as good at the edges. */
#define AG_OPS_INNER
#include "ag/ops/elementwise/rows_binary.h"
#include "ag/ops/elementwise/activations.h"

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
UNARY_C(elu_slope, "the derivative of elu", alpha, 1.5, "1 where x > 0, else alpha exp(x)", "dx = y dy where x < 0, else 0",
        ELU_SLOPE(x, c), ELU_CURVE(x, c), ag_chain(DY, ag_elu_curve(X, C)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -2, -0.1)
UNARY_C(elu_curve, "the second derivative of elu", alpha, 1.5, "alpha exp(x) where x < 0, else 0", "dx = y dy", ELU_CURVE(x, c), y,
        ag_chain(DY, Y), AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, -2, -0.1)
UNARY_C(celu_slope, "the derivative of celu", alpha, 1.5, "1 where x > 0, else exp(x / alpha)", "dx = y / alpha dy where x < 0, else 0",
        CELU_SLOPE(x, c), CELU_CURVE(x, c) / c, ag_chain(DY, ag_mul_scalar(ag_celu_curve(X, C), 1 / C)), AG_READS_A,
        AG_ROW_POLES | AG_ROW_VECTOR, -2, -0.1)
UNARY_C(celu_curve, "alpha times the second derivative of celu", alpha, 1.5, "exp(x / alpha) where x < 0, else 0", "dx = y / alpha dy",
        CELU_CURVE(x, c), y / c, ag_chain(DY, ag_mul_scalar(Y, 1 / C)), AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, -2, -0.1)
UNARY(hardswish_slope, "the derivative of hardswish", "0 where x <= -3, 1 where x >= 3, else x/3 + 1/2", "dx = dy/3 where -3 < x < 3, else 0",
      x <= -3 ? 0 : x < 3 ? x / 3 + K(0.5) : 1, x > -3 && x < 3 ? K(1) / 3 : 0,
      ag_chain(ag_mul_scalar(ag_inside(X, -3, 3), 1.0 / 3), DY), AG_READS_A, AG_ROW_SELECTS, -2.5, 2.5)

/* clang-format on */
