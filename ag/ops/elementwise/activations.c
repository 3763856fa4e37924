/* Activations beside relu, sigmoid, softplus and tanh. At infinities they and their derivatives are the limits. */
#include "ag/ops/elementwise/activations.h"

/* s(v) + x v' s(v) s(-v), the derivative of x s(v) */
static ag_tensor sigmoid_slope(ag_tensor v, ag_tensor by)
{
    ag_tensor s = ag_sigmoid(v);
    return ag_add(s, ag_chain(ag_mul(s, ag_sigmoid(ag_neg(v))), by));
}

static ag_tensor gelu_slope(ag_tensor x)
{
    ag_tensor bell = ag_mul_scalar(ag_gauss(ag_mul_scalar(x, SQRT_HALF)), BELL_HEIGHT);
    return ag_add(ag_mul_scalar(ag_erfc(ag_mul_scalar(x, -SQRT_HALF)), 0.5), ag_chain(bell, x));
}

static ag_tensor cubic(ag_tensor x, double factor)
{
    return ag_mul(x, ag_add_scalar(ag_mul_scalar(ag_square(x), factor * GELU_CUBIC), GELU_LINEAR));
}

static ag_tensor mish_slope(ag_tensor x)
{
    ag_tensor t = ag_tanh(ag_softplus(x)), slope = ag_mul(ag_sigmoid(x), ag_scalar_sub(1, ag_square(t)));
    return ag_add(t, ag_chain(slope, x));
}

/* The formatter takes products in formulas for pointers. */
/* clang-format off */

UNARY(gelu, "Gaussian error linear unit", "x erfc(-x / sqrt(2)) / 2", "dx = (y/x + x exp(-x^2/2) / sqrt(2 pi)) dy", GELU(x),
      GELU_SLOPE(x), ag_chain(DY, gelu_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(gelu_tanh, "gelu by its approximation with tanh", "x (1 + tanh(v)) / 2, v = sqrt(2/pi) (x + 0.044715 x^3)",
      "dx = (y/x + x v' (1 - tanh(v)^2) / 2) dy", GELU_TANH(x), GELU_TANH_SLOPE(x),
      ag_chain(DY, sigmoid_slope(cubic(X, 1), cubic(X, 3))), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(silu, "sigmoid linear unit, swish", "x sigmoid(x)", "dx = sigmoid(x) (1 + x sigmoid(-x)) dy", SILU(x), SILU_SLOPE(x),
      ag_chain(DY, sigmoid_slope(X, X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(mish, "mish", "x tanh(softplus(x))", "dx = (y/x + x sigmoid(x) (1 - (y/x)^2)) dy", MISH(x), MISH_SLOPE(x),
      ag_chain(DY, mish_slope(X)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY_C(elu, "exponential linear unit", alpha, 1, "x where x > 0, else alpha (exp(x) - 1)",
        "dx = dy where x > 0, else alpha exp(x) dy", ELU(x, c), ELU_SLOPE(x, c), ag_chain(DY, ag_elu_slope(X, C)), AG_READS_A,
        AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(selu, "scaled exponential linear unit", "1.0507009873554805 x where x > 0, else 1.7580993408473766 (exp(x) - 1)",
      "dx = 1.0507009873554805 dy where x > 0, else 1.7580993408473766 exp(x) dy", SELU(x), SELU_SLOPE(x),
      ag_chain(DY, ag_mul_scalar(ag_elu_slope(X, SELU_ALPHA), SELU_SCALE)), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY_C(celu, "elu whose derivative is continuous", alpha, 1.5, "x where x > 0, else alpha (exp(x / alpha) - 1)",
        "dx = dy where x > 0, else exp(x / alpha) dy", CELU(x, c), CELU_SLOPE(x, c), ag_chain(DY, ag_celu_slope(X, C)),
        AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -2, 2)
UNARY(logsigmoid, "logarithm of the sigmoid", "log(1 / (1 + exp(-x)))", "dx = sigmoid(-x) dy", -SOFTPLUS(-x), SIGMOID(-x),
      ag_chain(DY, ag_sigmoid(ag_neg(X))), AG_READS_A, AG_ROW_POLES | AG_ROW_VECTOR, -3, 3)
UNARY(softsign, "softsign", "x / (1 + |x|)", "dx = dy / (1 + |x|)^2", ABS(x) > K(0x1p60) ? (x > 0 ? 1 : -1) : x / (1 + ABS(x)),
      1 / (1 + ABS(x)) / (1 + ABS(x)), ag_chain(DY, ag_square(ag_scalar_div(1, ag_add_scalar(ag_abs(X), 1)))), AG_READS_A,
      AG_ROW_POLES, -3, 3)
UNARY_CD(hardtanh, "x within bounds, low <= high or AG_EARG; clamp but for the derivative on the bounds", low, -1, high, 1,
         "min(max(x, low), high)", "dx = dy where low < x < high, else 0", x < c ? c : x > d ? d : x, x > c && x < d ? 1 : 0,
         ag_chain(ag_inside(X, C, D), DY), AG_READS_A, AG_ROW_SELECTS | AG_ROW_BOUNDS, -2, 2)
UNARY(hardsigmoid, "sigmoid of three lines", "min(max(x + 3, 0), 6) / 6", "dx = dy/6 where -3 < x < 3, else 0",
      (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6, x > -3 && x < 3 ? K(1) / 6 : 0,
      ag_chain(ag_mul_scalar(ag_inside(X, -3, 3), 1.0 / 6), DY), AG_READS_A, AG_ROW_SELECTS, -4, 4)
UNARY(hardswish, "swish of two lines and a parabola", "x min(max(x + 3, 0), 6) / 6",
      "dx = 0 where x <= -3, dy where x >= 3, else (x/3 + 1/2) dy", HARDSWISH(x),
      x <= -3 ? 0 : x < 3 ? x / 3 + K(0.5) : 1, ag_chain(ag_hardswish_slope(X), DY), AG_READS_A, AG_ROW_SELECTS, -4, 4)

/* clang-format on */
