/* What docs/ops.md promises: errors in units of the last place that nothing on the whole range exceeds, of gcc's builds for
 * processors with fused multiply-adds. Kept by hand, larger than what is measured: `make accuracy` tells what that is,
 * and a test compares. */
#ifndef TESTS_ACCURACY_BOUNDS_H
#define TESTS_ACCURACY_BOUNDS_H

#include <stdio.h>
#include <string.h>

typedef struct accuracy_bound {
    double f64, f32;
    const char *ops, *why; /* names; what makes it more than 1.5, or what the unit is */
} accuracy_bound;

static const accuracy_bound accuracy_bounds[] = {
    { 0, 0,
      "neg abs sign relu maximum minimum maximum_scalar minimum_scalar clamp hardtanh frac fmod fmod_scalar copysign "
      "nextafter",
      "exact" },
    { 0.5, 0.5,
      "add sub mul div chain add_scalar mul_scalar scalar_sub scalar_div square sqrt reciprocal leaky_relu remainder "
      "remainder_scalar",
      "rounded once" },
    { 1, 1, "cbrt pow pow_scalar exp exp2 expm1 log log2 log10 sin cos asin acos atan hardswish", "" },
    { 1, 0.5, "cosh hypot", "floats are computed in double" },
    { 1.5, 0.5, "log1p sinh asinh acosh softplus logsigmoid gelu gelu_tanh silu mish selu elu celu",
      "floats are computed in double" },
    { 1.5, 1.5, "rsqrt tan atan2 tanh atanh erf erfc sigmoid softsign hardsigmoid", "" },
    { 1.5, 0.5, "logaddexp",
      "of the larger operand's last place where that is larger: near 0 the result is what two terms leave, whose "
      "further "
      "digits would have to be known" },
    { 1.5, 0.5, "lgamma",
      "below 0 of the last place of lgamma(1 - x) where that is larger: near a root two terms cancel" },
    { 2, 0.5, "erfinv", "a step of Newton's method in double; floats are computed in double" },
    { 5, 0.5, "digamma",
      "below 0 of the last place of digamma(1 - x), or of 1, where that is larger: as lgamma, with three terms" },
    { 5, 3, "softmax", "exponential, sum, reciprocal and product each round once, each up to 1 of the result's" },
    { 3, 2, "log_softmax cross_entropy", "of each position; a sum of exponentials, its logarithm and a difference" },
    { 1.5, 1, "logsumexp", "of the largest element's last place where that is larger than the result" },
    { 0, 0, NULL, NULL },
};

static inline const accuracy_bound *accuracy_bound_of(const char *op)
{
    const size_t length = strlen(op);
    for (const accuracy_bound *b = accuracy_bounds; b->ops; b++)
        for (const char *at = strstr(b->ops, op); at; at = strstr(at + 1, op))
            if ((at == b->ops || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
                return b;
    return NULL;
}

#endif
