/* Steps, which rules are written with: constant but for jumps, so that no gradient flows through them. */
#define AG_OPS_INNER
#include "ag/ops/comparisons.h"

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY_CD(within, "the derivative of clamp", low, -1, high, 1, "1 where low <= x <= high, else 0", "dx = 0",
         x >= c && x <= d ? 1 : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
COMPARE(chained, "does ag_chain multiply here", "a != 0 or b is finite", a != 0 || FINITE(b))

/* clang-format on */
