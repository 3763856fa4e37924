/* Steps, which rules are written with: constant but for jumps, so that no gradient flows through them. */
#define AG_OPS_INNER
#include "ag/ops/elementwise/comparisons.h"

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY_C(leaky_slope, "the derivative of leaky_relu", slope, 0.01, "1 where x > 0, else slope", "dx = 0", x > 0 ? 1 : c, 0, NONE,
        AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
UNARY_C(above_scalar, "the derivative of maximum_scalar", number, 0, "1 where x > c, 1/2 where x = c, else 0", "dx = 0",
        x > c ? 1 : x == c ? K(0.5) : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
UNARY_C(below_scalar, "the derivative of minimum_scalar", number, 0, "1 where x < c, 1/2 where x = c, else 0", "dx = 0",
        x < c ? 1 : x == c ? K(0.5) : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
UNARY_CD(within, "the derivative of clamp", low, -1, high, 1, "1 where low <= x <= high, else 0", "dx = 0",
         x >= c && x <= d ? 1 : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
UNARY_CD(inside, "the derivative of hardtanh", low, -1, high, 1, "1 where low < x < high, else 0", "dx = 0",
         x > c && x < d ? 1 : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
BINARY(above, "the derivative of maximum and minimum", "1 where a > b, 1/2 where a = b, else 0", "da = 0, db = 0",
       a > b ? 1 : a == b ? K(0.5) : 0, 0, 0, NONE, NONE, AG_READS_NOTHING, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2, -2, 2)
COMPARE(chained, "does ag_chain multiply here", "a != 0 or b is finite", a != 0 || FINITE(b))

/* clang-format on */
