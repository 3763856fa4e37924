/* Integers bit by bit, negative ones in two's complement. */
#include "ag/ops/elementwise/rows_binary.h"

/* BITS(name, "documentation", "y in words", y), of integers a and b; BITS_UNARY, of x. */
#define AG_BITS_UNARY_KERNEL(op_name, type, suffix, result_) AG_UNARY_FORWARD(op_name, type, suffix, type, result_)

#define BITS(op_name, documentation, formula_, result_)                                             \
    AG_ANY_KERNELS(AG_BINARY_INTEGER, op_name, result_)                                             \
    AG_BITS_ROW(op_name, formula_, 2, result_, op_name##_forward_aa)                                \
    AG_API ag_tensor ag_##op_name(ag_tensor a, ag_tensor b)                                         \
    {                                                                                               \
        return ag_row_apply(AG_OP_##op_name, (const ag_tensor[]){ a, b }, (ag_row_params){ 0, 0 }); \
    }

#define BITS_UNARY(op_name, documentation, formula_, result_)              \
    AG_ANY_KERNELS(AG_BITS_UNARY_KERNEL, op_name, result_)                 \
    AG_BITS_ROW(op_name, formula_, 1, result_, op_name##_forward)          \
    AG_API ag_tensor ag_##op_name(ag_tensor x)                             \
    {                                                                      \
        return ag_row_apply(AG_OP_##op_name, &x, (ag_row_params){ 0, 0 }); \
    }

#define AG_BITS_ROW(op_name, formula_, inputs_, result_, prefix)                                                    \
    static double op_name##_map(const double *in, const void *params)                                               \
    {                                                                                                               \
        typedef int64_t T;                                                                                          \
        const T a = (T)in[0], b = inputs_ == 2 ? (T)in[1] : 0, x = a;                                               \
        (void)params, (void)b, (void)x;                                                                             \
        return (double)(T)(result_);                                                                                \
    }                                                                                                               \
    const ag_row ag_row_##op_name = {                                                                               \
        .op = { .name = #op_name,                                                                                   \
                .formula = formula_,                                                                                \
                .inputs = inputs_,                                                                                  \
                .flags = AG_ROW | AG_NO_GRADIENT,                                                                   \
                .map = op_name##_map,                                                                               \
                .samples = (const ag_sample[]){ AG_ANY_SAMPLE(.low = { -9, 0 }, .high = { 9, 9 }),                  \
                                                { .dtype = { AG_I64, AG_U8 }, .low = { 0, 0 }, .high = { 9, 70 } }, \
                                                { 0 } } },                                                          \
        .function = "ag_" #op_name,                                                                                 \
        .flags = AG_NO_GRADIENT | AG_ROW_INTEGERS,                                                                  \
        .integers = AG_ANY_TABLE(prefix),                                                                           \
    };

#define WIDTH ((T)(8 * sizeof(T)))
#define OUT_OF(b) ((b) < 0 || (b) >= WIDTH)
#define SIGNED ((T)-1 < 0)

/* clang-format off */

BITS(bitwise_and, "bits that both have", "a & b", a & b)
BITS(bitwise_or, "bits that one has", "a | b", a | b)
BITS(bitwise_xor, "bits that one alone has", "a ^ b", a ^ b)
BITS_UNARY(bitwise_not, "bits that x lacks; ag_logical_not turns masks", "~x", ~x)
BITS(bitwise_left_shift, "bits moved up, 0 where b is negative or all are moved out", "a << b", OUT_OF(b) ? 0 : WRAP(a) << b)
BITS(bitwise_right_shift, "bits moved down, as far as there are any where b is negative or larger", "a >> b",
     a >> (!OUT_OF(b) ? b : SIGNED ? WIDTH - 1 : WIDTH))

/* clang-format on */
