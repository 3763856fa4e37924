/* Comparisons, with the other operand or with a number. Integers are compared exactly, with a number of any size too. */
#include "ag/ops/elementwise/comparisons.h"

/* clang-format off */

COMPARE(less, "comparison", "a < b", a < b)
COMPARE(less_equal, "comparison", "a <= b", a <= b)
COMPARE(greater, "comparison", "a > b", a > b)
COMPARE(greater_equal, "comparison", "a >= b", a >= b)
COMPARE(equal, "comparison", "a = b", a == b)
COMPARE(not_equal, "comparison; a NaN differs from everything", "a != b", a != b)

COMPARE_C(less_scalar, "comparison with a number c", "x < c", x < c, ceil(c))
COMPARE_C(less_equal_scalar, "comparison with a number c", "x <= c", x <= c, floor(c))
COMPARE_C(greater_scalar, "comparison with a number c", "x > c", x > c, floor(c))
COMPARE_C(greater_equal_scalar, "comparison with a number c", "x >= c", x >= c, ceil(c))
COMPARE_C(equal_scalar, "comparison with a number c", "x = c", x == c, c)
COMPARE_C(not_equal_scalar, "comparison with a number c; a NaN differs from everything", "x != c", x != c, c)

/* clang-format on */
