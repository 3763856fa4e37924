/* Rounding to integers: constant but for jumps. Integers are what they are. */
#include "ag/ops/elementwise/rows.h"

/* clang-format off */

UNARY_ANY(floor, "rounded down, no gradient", "floor(x)", "dx = 0", FLOOR(x), 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -3, 3)
UNARY_ANY(ceil, "rounded up, no gradient", "ceil(x)", "dx = 0", CEIL(x), 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -3, 3)
UNARY_ANY(round, "rounded to the nearest, halves to the even one, no gradient", "round(x)", "dx = 0", RINT(x), 0, NONE, AG_READS_NOTHING,
          AG_NO_GRADIENT, -3, 3)
UNARY_ANY(trunc, "rounded toward 0, no gradient", "trunc(x)", "dx = 0", TRUNC(x), 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -3, 3)
UNARY(frac, "what rounding toward 0 takes away", "x - trunc(x)", "dx = dy", x - TRUNC(x), 1, DY, AG_READS_NOTHING, 0, 1.1, 1.9)

/* clang-format on */
