/* Elementwise ops of one operand, and with constants. Conventions at kinks: relu'(0) = 0, |x|'(0) = 0, clamp passes 1
 * on its bounds, an extremum shares a tie. */
#include "ag/ops/elementwise/functions.h"

/* x c in a rule: 0 where x is, though c, a number of any size, be infinite in x's type. */
static ag_tensor times(const ag_call *call, ag_tensor x, double c)
{
    return fabs(c) <= (double)FLT_MAX ? ag_mul_scalar(x, c) : ag_chain(x, ag_constant(ag_call_tape(call), c));
}

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY_ANY(neg, "negative", "-x", "dx = -dy", -WRAP(x), -1, ag_neg(DY), AG_READS_NOTHING, 0, -2, 2)
UNARY_ANY(square, "square", "x^2", "dx = 2 x dy", WRAP(x) * WRAP(x), 2 * x, ag_chain(DY, ag_mul_scalar(X, 2)), AG_READS_A,
      AG_ROW_POLES, -2, 2)
UNARY(sqrt, "square root", "sqrt(x)", "dx = dy / (2 y)", SQRT(x), K(0.5) / y, ag_chain(DY, ag_scalar_div(0.5, Y)),
      AG_READS_Y, AG_ROW_POLES, 0.1, 4)
UNARY(exp, "exponential", "exp(x)", "dx = y dy", EXP(x), y, ag_chain(DY, Y), AG_READS_Y,
      AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, -2, 2)
UNARY(log, "natural logarithm", "log(x)", "dx = dy / x", LOG(x), 1 / x, ag_chain(DY, ag_scalar_div(1, X)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, 0.1, 4)
UNARY(sin, "sine", "sin(x)", "dx = cos(x) dy", SIN(x), COS(x), ag_chain(DY, ag_cos(X)), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(cos, "cosine", "cos(x)", "dx = -sin(x) dy", COS(x), -SIN(x), ag_chain(DY, ag_neg(ag_sin(X))), AG_READS_A,
      AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(tanh, "hyperbolic tangent", "tanh(x)", "dx = (1 - y^2) dy", TANH(x), 1 - y * y,
      ag_chain(DY, ag_scalar_sub(1, ag_square(Y))), AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, -2, 2)
UNARY(sigmoid, "logistic function", "1 / (1 + exp(-x))", "dx = y (1 - y) dy", SIGMOID(x), y * (1 - y),
      ag_chain(DY, ag_mul(Y, ag_scalar_sub(1, Y))), AG_READS_Y, AG_ROW_POLES | AG_ROW_VECTOR | AG_ROW_PLAIN_BACK, -3, 3)
UNARY(softplus, "smooth relu", "log(1 + exp(x))", "dx = sigmoid(x) dy", SOFTPLUS(x), SIGMOID(x),
      ag_chain(DY, ag_sigmoid(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY_ANY(relu, "rectifier", "max(x, 0)", "dx = dy where x > 0, else 0", x < 0 ? 0 : x, x > 0 ? 1 : 0,
      ag_chain(ag_heaviside(X, 0), DY), AG_READS_A, AG_ROW_SELECTS, -2, 2)
UNARY_ANY(abs, "absolute value", "|x|", "dx = sign(x) dy", ABS(x), x > 0 ? 1 : x < 0 ? -1 : x, ag_chain(DY, ag_sign(X)),
      AG_READS_A, AG_ROW_POLES, -2, 2)
UNARY_ANY(sign, "sign: -1, 0 or 1, no gradient", "sign(x)", "dx = 0", x > 0 ? 1 : x < 0 ? -1 : x, 0, NONE, AG_READS_NOTHING,
      AG_NO_GRADIENT, -2, 2)

UNARY_C_ANY(add_scalar, "sum with a number", number, 0.7, "x + c", "dx = dy", WRAP(x) + WRAP(c), 1, DY, AG_READS_NOTHING, 0, -2, 2)
UNARY_C_ANY(mul_scalar, "product with a number", number, -1.5, "c x", "dx = c dy", WRAP(x) * WRAP(c), c, times(call, DY, C),
        AG_READS_NOTHING, AG_ROW_POLES_OF_C, -2, 2)
C_UNARY_ANY(scalar_sub, "difference from a number", number, 0.7, "c - x", "dx = -dy", WRAP(c) - WRAP(x), -1, ag_neg(DY), AG_READS_NOTHING, 0, -2,
        2)
C_UNARY(scalar_div, "quotient of a number", number, 1.5, "c / x", "dx = -y/x dy", c / x, -y / x,
        ag_chain(DY, ag_neg(ag_div(Y, X))), AG_READS_A | AG_READS_Y, AG_ROW_POLES, 0.5, 3)
UNARY_C(pow_scalar, "power with a constant exponent", number, 2.5, "x^c", "dx = c x^(c-1) dy; 0 if c is 0", POW(x, c),
        AG_KEEP(c != 0, c * POW(x, c - 1)),
        C == 0 ? ag_mul_scalar(DY, 0) : ag_chain(DY, ag_mul_scalar(ag_pow_scalar(X, C - 1), C)), AG_READS_A,
        AG_ROW_POLES | AG_ROW_VECTOR, 0.2, 3)
UNARY_C(leaky_relu, "rectifier with a slope below 0", slope, 0.01, "x where x > 0, else slope x",
        "dx = dy where x > 0, else slope dy", x > 0 ? x : c * x, x > 0 ? 1 : c, ag_chain(DY, ag_leaky_slope(X, C)),
        AG_READS_A, AG_ROW_POLES_OF_C, -2, 2)
UNARY_C_ANY(maximum_scalar, "larger one of x and a number", number, 0, "max(x, c)", "dx = dy where x > c, dy/2 where equal",
        x > c || x != x ? x : c, x > c ? 1 : x == c ? K(0.5) : 0, ag_chain(ag_above_scalar(X, C), DY), AG_READS_A,
        AG_ROW_SELECTS | AG_ROW_ORDERS, -2, 2)
UNARY_C_ANY(minimum_scalar, "smaller one of x and a number", number, 0, "min(x, c)", "dx = dy where x < c, dy/2 where equal",
        x < c || x != x ? x : c, x < c ? 1 : x == c ? K(0.5) : 0, ag_chain(ag_below_scalar(X, C), DY), AG_READS_A,
        AG_ROW_SELECTS | AG_ROW_ORDERS, -2, 2)
UNARY_C(heaviside, "unit step with the given value at 0, no gradient", at_zero, 0.5, "1 where x > 0, at_zero where x = 0, else 0",
        "dx = 0", x > 0 ? 1 : x == 0 ? c : 0, 0, NONE, AG_READS_NOTHING, AG_NO_GRADIENT, -2, 2)
UNARY_CD_ANY(clamp, "x within bounds, low <= high or AG_EARG", low, -1, high, 1, "min(max(x, low), high)", "dx = dy where low <= x <= high, else 0",
         x < c ? c : x > d ? d : x, x >= c && x <= d ? 1 : 0, ag_chain(ag_within(X, C, D), DY), AG_READS_A,
         AG_ROW_SELECTS | AG_ROW_BOUNDS | AG_ROW_ORDERS, -2, 2)

/* clang-format on */
