/* Exponentials and logarithms. */
#include "ag/ops/elementwise/functions.h"
#include "ag/ops/elementwise/rows_binary.h"

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(expm1, "exp(x) - 1, exact near 0", "exp(x) - 1", "dx = exp(x) dy", EXPM1(x), EXP(x), ag_chain(DY, ag_exp(X)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(exp2, "power of 2", "2^x", "dx = log(2) y dy", EXP2(x), K(AG_LN2) * y, ag_chain(DY, ag_mul_scalar(Y, AG_LN2)), AG_READS_Y,
      AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, -2, 2)
UNARY(log1p, "log(1 + x), exact near 0", "log(1 + x)", "dx = dy / (1 + x)", LOG1P_WHOLE(x), 1 / (1 + x),
      ag_chain(DY, ag_scalar_div(1, ag_add_scalar(X, 1))), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, -0.5, 3)
UNARY(log2, "logarithm to base 2", "log2(x)", "dx = dy / (log(2) x)", LOG2(x), K(AG_LOG2_E) / x,
      ag_chain(DY, ag_scalar_div(AG_LOG2_E, X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, 0.3, 4)
UNARY(log10, "logarithm to base 10", "log10(x)", "dx = dy / (log(10) x)", LOG10(x), K(AG_LOG10_E) / x,
      ag_chain(DY, ag_scalar_div(AG_LOG10_E, X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, 0.3, 4)
BINARY(logaddexp, "logarithm of the sum of two exponentials, without overflow", "log(exp(a) + exp(b))",
       "da = exp(a - y) dy, db = exp(b - y) dy", LOGADDEXP(a, b), SHARE(a, b), SHARE(b, a),
       ag_chain(DY, ag_share(A, B)), ag_chain(DY, ag_share(B, A)), AG_READS_A | AG_READS_B, AG_READS_A | AG_READS_B,
       AG_ROW_POLES | AG_ROW_VECTOR, -2, 2, -2, 2)

/* clang-format on */
