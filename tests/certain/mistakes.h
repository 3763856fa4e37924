/* Ops that are wrong on purpose, each in one way, and what ag_check_op has to say of them. peers_torch.py and
 * peers_jax.py plant the same under the same names. */
#ifndef TESTS_CERTAIN_MISTAKES_H
#define TESTS_CERTAIN_MISTAKES_H

#include "ag/ag.h"

typedef struct planted {
    const char *name;  /* of the mistake */
    const char *cause; /* the report's first line has this */
    ag_op op;
} planted;

#define SAMPLE(bottom, top) .low = { bottom }, .high = { top }

#include "elementwise.h"
#include "kernels.h"
#include "matrices.h"

#define RULE(name, cause, rule)    \
    {                              \
        name, cause, CUBE_OP(rule) \
    }

static const planted mistakes[] = {
    RULE("nothing wrong", NULL, cube_right),
    RULE("wrong sign", "off by the constant factor -1", cube_sign),
    RULE("twice as large", "off by the constant factor 2", cube_twice),
    RULE("one part in a thousand too large", "off by the constant factor 1.001", cube_thousandth),
    RULE("no gradient", "no gradient by x", cube_nothing),
    RULE("a constant added", "not linear in dy", cube_added),
    RULE("the square of dy", "not linear in dy", cube_squared),
    RULE("the size of dy, without its sign", "not linear in dy", cube_absolute),
    RULE("one element wrong", "wrong at x[", cube_one),
    RULE("each element has its neighbour's", "wrong at every element of x", cube_neighbour),
    RULE("wrong at large x alone", "wrong at ", cube_tail),
    RULE("a parameter ignored", "ignores parameter 1", cube_ignores),
    RULE("no second derivative", "no second derivative by x", cube_detached),
    RULE("second derivative of the wrong sign", "off by the constant factor -1", cube_second),
    RULE("a gradient that is never the same", "the derivative is not deterministic", cube_random),
    { "a value that is never the same", "not deterministic: ", UNSTEADY_OP },
    { "wrong forward derivative", "moves by", FORWARD_OP },
    { "a term of the product rule missing", "wrong at ", PRODUCT_RULE_OP },
    { "operands exchanged", "the gradients by x0 and x1 are exchanged", EXCHANGED_OP },
    { "right only where both gradients are wanted", "one operand's gradient without the others'", NEEDY_OP },
    { "a structural zero missing", "where dy is 0 the gradient is", ROOT_OP },
    { "a matrix not transposed", "transposed: the gradient by x0 is J dy, not J' dy", MATRIX_OP(matrix_straight) },
    { "a gradient transposed", "transposed: the gradient by x1 has its last two axes exchanged",
      MATRIX_OP(matrix_turned) },
    { "sum over the broadcast missing", "the sum over the broadcast is missing", ROWS_OP(rows_last) },
    { "mean over the broadcast for its sum", "off by the constant factor 0.25", ROWS_OP(rows_mean) },
    { "kernel that is not what the rule says", "off by the constant factor 1.01", KERNEL_OP(KERNEL_FACTOR) },
    { "kernel that overwrites what is there", "two applications in one backward pass", KERNEL_OP(KERNEL_OVERWRITES) },
    { "an element that is never written", "wrong at x[1, 1] alone", KERNEL_OP(KERNEL_UNWRITTEN) },
    { "wrong for strided operands", "transposed operand: y[", STRIDED_OP },
    { "wrong in single precision", "f32 against f64", KERNEL_OP(KERNEL_SINGLE) },
    { "wrong beyond 4096 elements", "a step of all elements changes the sum of the results by", KERNEL_OP(KERNEL_FAR) },
    { "values of the last call kept", "the derivative changes when the op is applied again", KERNEL_OP(KERNEL_KEEPS) },
    { "an operand written", "an operand is written: x[", KERNEL_OP(KERNEL_WRITES) },
};

#endif
