/* Trigonometric and hyperbolic functions and their inverses. */
#include "ag/ops/elementwise/rows_binary.h"
#include "ag/ops/elementwise/slopes.h"

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(tan, "tangent", "tan(x)", "dx = (1 + y^2) dy", TAN(x), 1 + y * y, ag_chain(DY, ag_add_scalar(ag_square(Y), 1)), AG_READS_Y,
      AG_ROW_POLES | AG_ROW_VECTOR, -1, 1)
UNARY(asin, "inverse sine, NaN outside of [-1, 1]", "asin(x)", "dx = dy / sqrt(1 - x^2)", ASIN(x), ASIN_SLOPE(x),
      ag_chain(DY, ag_asin_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -0.8, 0.8)
UNARY(acos, "inverse cosine, NaN outside of [-1, 1]", "acos(x)", "dx = -dy / sqrt(1 - x^2)", ACOS(x), -ASIN_SLOPE(x),
      ag_chain(DY, ag_neg(ag_asin_slope(X))), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -0.8, 0.8)
UNARY(atan, "inverse tangent", "atan(x)", "dx = dy / (1 + x^2)", ATAN(x), ATAN_SLOPE(x), ag_chain(DY, ag_atan_slope(X)),
      AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
BINARY(atan2, "angle of the point (b, a), from -pi to pi", "atan2(a, b)",
       "da = b / (a^2 + b^2) dy, db = -a / (a^2 + b^2) dy", ATAN2(a, b), ATAN2_SLOPE(a, b), -ATAN2_SLOPE(b, a),
       ag_chain(DY, ag_atan2_slope(A, B)), ag_chain(DY, ag_neg(ag_atan2_slope(B, A))), AG_READS_A | AG_READS_B,
       AG_READS_A | AG_READS_B, AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 2, -2, 2)

UNARY(sinh, "hyperbolic sine", "sinh(x)", "dx = cosh(x) dy", SINH(x), COSH(x), ag_chain(DY, ag_cosh(X)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(cosh, "hyperbolic cosine", "cosh(x)", "dx = sinh(x) dy", COSH(x), SINH(x), ag_chain(DY, ag_sinh(X)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(asinh, "inverse hyperbolic sine", "asinh(x)", "dx = dy / sqrt(x^2 + 1)", ASINH(x), ASINH_SLOPE(x),
      ag_chain(DY, ag_asinh_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(acosh, "inverse hyperbolic cosine, NaN below 1", "acosh(x)", "dx = dy / sqrt(x^2 - 1)", ACOSH(x), ACOSH_SLOPE(x),
      ag_chain(DY, ag_acosh_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, 1.5, 4)
UNARY(atanh, "inverse hyperbolic tangent, NaN outside of [-1, 1]", "atanh(x)", "dx = dy / (1 - x^2)", ATANH(x), ATANH_SLOPE(x),
      ag_chain(DY, ag_atanh_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -0.8, 0.8)

/* clang-format on */
