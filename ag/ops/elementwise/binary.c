/* Elementwise ops of two operands, which broadcast. */
#include "ag/ops/elementwise/rows_binary.h"

#define COPYSIGN(a, b) _Generic((a), float : copysignf, double : copysign)(a, b)
#define NEXTAFTER(a, b) _Generic((a), float : nextafterf, double : nextafter)(a, b)

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

BINARY_ANY(add, "sum", "a + b", "da = dy, db = dy", WRAP(a) + WRAP(b), 1, 1, DY, DY, AG_READS_NOTHING, AG_READS_NOTHING, 0, -2, 2, -2, 2)
BINARY_ANY(sub, "difference", "a - b", "da = dy, db = -dy", WRAP(a) - WRAP(b), 1, -1, DY, ag_neg(DY), AG_READS_NOTHING, AG_READS_NOTHING, 0,
       -2, 2, -2, 2)
BINARY_ANY(mul, "product, elementwise", "a b", "da = b dy, db = a dy", WRAP(a) * WRAP(b), b, a, ag_chain(DY, B), ag_chain(DY, A),
       AG_READS_B, AG_READS_A, AG_ROW_POLES, -2, 2, -2, 2)
BINARY(div, "quotient", "a / b", "da = dy / b, db = -y/b dy", a / b, 1 / b, -y / b, ag_chain(DY, ag_scalar_div(1, B)),
       ag_chain(DY, ag_neg(ag_div(Y, B))), AG_READS_B, AG_READS_B | AG_READS_Y, AG_ROW_POLES | AG_ROW_DIVIDES, -2, 2, 0.5, 3)
BINARY(pow, "power", "a^b", "da = b a^(b-1) dy, db = y log(a) dy; db = 0 where y = 0", POW(a, b),
       AG_KEEP(b != 0, b * POW(a, b - 1)), AG_KEEP(y != 0, y * LOG(a)),
       ag_chain(DY, ag_chain(B, ag_pow(A, ag_add_scalar(B, -1)))),
       ag_chain(DY, ag_where(ag_equal(Y, ag_constant(ag_call_tape(call), 0)), ag_mul_scalar(Y, 0), ag_mul(Y, ag_log(A)))),
       AG_READS_A | AG_READS_B, AG_READS_A | AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR, 0.5, 2, -1, 2)
BINARY_ANY(maximum, "larger one", "max(a, b)", "the larger one receives dy, equal ones dy/2 each", a > b || a != a ? a : b,
       a > b ? 1 : a == b ? K(0.5) : 0, b > a ? 1 : a == b ? K(0.5) : 0, ag_chain(ag_above(A, B), DY), ag_chain(ag_above(B, A), DY),
       AG_READS_A | AG_READS_B, AG_READS_A | AG_READS_B, AG_ROW_SELECTS, -2, 2, -2, 2)
BINARY_ANY(minimum, "smaller one", "min(a, b)", "the smaller one receives dy, equal ones dy/2 each", a < b || a != a ? a : b,
       a < b ? 1 : a == b ? K(0.5) : 0, b < a ? 1 : a == b ? K(0.5) : 0, ag_chain(ag_above(B, A), DY), ag_chain(ag_above(A, B), DY),
       AG_READS_A | AG_READS_B, AG_READS_A | AG_READS_B, AG_ROW_SELECTS, -2, 2, -2, 2)
BINARY(chain, "product of an adjoint a and a derivative b, with structural zeros", "a b, but 0 where a = 0 and b is not finite",
       "da = b dy (0 where y was made 0), db = a dy (0 where one is 0)", a == 0 ? 0 : a * b, a == 0 && !FINITE(b) ? 0 : b, a,
       ag_chain(DY, ag_where(ag_chained(A, B), B, ag_mul_scalar(A, 0))),
       ag_where(ag_chained(DY, A), ag_chain(A, DY), ag_constant(ag_call_tape(call), 0)), AG_READS_A | AG_READS_B, AG_READS_A,
       AG_ROW_POLES | AG_ROW_SELECTS_B, -2, 2, -2, 2)
BINARY(copysign, "size of a with the sign of b", "|a| sign(b), of the sign's bit", "da = sign(a) sign(b) dy, db = 0", COPYSIGN(a, b),
       a == 0 || a != a ? a : COPYSIGN(K(1), a) * COPYSIGN(K(1), b), 0,
       ag_chain(DY, ag_mul(ag_sign(A), ag_copysign(ag_constant(ag_call_tape(call), 1), B))), NONE, AG_READS_A | AG_READS_B,
       AG_READS_NOTHING, AG_ROW_POLES | AG_ROW_SELECTS_B, 0.5, 2, -2, -0.5)
BINARY(nextafter, "next number of the type from a toward b", "nextafter(a, b)", "da = dy, db = 0", NEXTAFTER(a, b), 1, 0, DY, NONE,
       AG_READS_NOTHING, AG_READS_NOTHING, AG_ROW_SELECTS_B, -2, -0.5, 0.5, 2)

/* clang-format on */
