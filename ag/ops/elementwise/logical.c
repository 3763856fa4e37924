/* Questions and their answers put together, of operands of any dtype: what is not 0 is true, a NaN too. */
#include "ag/ops/elementwise/comparisons.h"

/* clang-format off */

COMPARE(logical_and, "are both true", "a != 0 and b != 0", a != 0 && b != 0)
COMPARE(logical_or, "is one true", "a != 0 or b != 0", a != 0 || b != 0)
COMPARE(logical_xor, "is one alone true", "one of a and b is 0, the other not", (a != 0) != (b != 0))
TRUTH(logical_not, "is it false", "x = 0", x == 0)
TRUTH(isfinite, "is it a number, not infinite", "x is finite", FINITE(x))
TRUTH(isinf, "is it infinite", "x is inf or -inf", !FINITE(x) && x == x)
TRUTH(isnan, "is it no number", "x is NaN", x != x)

/* clang-format on */
