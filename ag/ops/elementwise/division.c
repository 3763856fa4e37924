/* Division with a whole quotient, and what remains. Integers must not be divided by 0, AG_EARG. */
#include "ag/ops/elementwise/division.h"

/* clang-format off */

BINARY_ANY(floor_divide, "quotient rounded down, no gradient", "floor(a / b)", "da = 0, db = 0", FLOOR_DIVIDE(a, b), 0, 0, NONE, NONE,
           AG_READS_NOTHING, AG_READS_NOTHING, AG_NO_GRADIENT | AG_ROW_DIVIDES, -9, 9, 0.5, 3)
BINARY_ANY(remainder, "remainder with the sign of b", "a - b floor(a / b)", "da = dy, db = -floor(a / b) dy", REMAINDER(a, b), 1,
           -FLOOR_DIVIDE(a, b), DY, ag_chain(DY, ag_neg(ag_floor_divide(A, B))), AG_READS_NOTHING, AG_READS_A | AG_READS_B,
           AG_ROW_POLES | AG_ROW_DIVIDES, -2.6, -2.4, 0.97, 1.03)
BINARY_ANY(fmod, "remainder with the sign of a", "a - b trunc(a / b)", "da = dy, db = -trunc(a / b) dy", FMOD(a, b), 1,
           -TRUNC(a / b), DY, ag_chain(DY, ag_neg(ag_trunc(ag_div(A, B)))), AG_READS_NOTHING, AG_READS_A | AG_READS_B,
           AG_ROW_POLES | AG_ROW_DIVIDES, -2.6, -2.4, 0.97, 1.03)

UNARY_C_ANY(floor_divide_scalar, "quotient by a number rounded down, no gradient", number, 1.5, "floor(x / c)", "dx = 0", FLOOR_DIVIDE(x, c),
            0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT | AG_ROW_DIVIDES, -9, 9)
UNARY_C_ANY(remainder_scalar, "remainder with the sign of the number", number, -1.5, "x - c floor(x / c)", "dx = dy", REMAINDER(x, c), 1, DY,
            AG_READS_NOTHING, AG_ROW_DIVIDES, 0.1, 1.4)
UNARY_C_ANY(fmod_scalar, "remainder by a number with the sign of x", number, 1.5, "x - c trunc(x / c)", "dx = dy", FMOD(x, c), 1, DY,
            AG_READS_NOTHING, AG_ROW_DIVIDES, -2.9, -1.6)

/* clang-format on */
