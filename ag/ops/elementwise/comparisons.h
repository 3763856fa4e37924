/* Comparisons as table rows. */
#ifndef AG_OPS_COMPARISONS_H
#define AG_OPS_COMPARISONS_H

#include "ag/ops/elementwise/rows_binary.h"

/* COMPARE(name, "documentation", "y in words", y): of operands of any dtype; u8, 1 where it holds; no gradient */
#define AG_COMPARE_INTEGER(op_name, type, suffix, result_) \
    AG_BINARY_FORWARD(op_name, type, uint8_t, suffix, aa, as[i], bs[i], result_)

#define COMPARE(op_name, documentation, formula_, result_)                                          \
    AG_BINARY_FORWARDS(op_name, float, uint8_t, f32, result_)                                       \
    AG_BINARY_FORWARDS(op_name, double, uint8_t, f64, result_)                                      \
    AG_ANY_KERNELS(AG_COMPARE_INTEGER, op_name, result_)                                            \
    static void op_name##_scalar(const double *in, double c, double d, double *out)                 \
    {                                                                                               \
        const double a = in[0], b = in[1];                                                          \
        (void)c, (void)d;                                                                           \
        out[0] = result_;                                                                           \
        out[1] = out[2] = 0;                                                                        \
    }                                                                                               \
    static double op_name##_map(const double *in, const void *params)                               \
    {                                                                                               \
        const double a = in[0], b = in[1];                                                          \
        (void)params;                                                                               \
        return result_;                                                                             \
    }                                                                                               \
    const ag_row ag_row_##op_name = {                                                               \
        .op = { .name = #op_name,                                                                   \
                .formula = formula_,                                                                \
                .inputs = 2,                                                                        \
                .flags = AG_ROW | AG_ROW_INNER | AG_NO_GRADIENT,                                    \
                .map = op_name##_map,                                                               \
                .samples = (const ag_sample[]){ { .low = { -2, -2 }, .high = { 2, 2 } },            \
                                                AG_ANY_SAMPLE(.low = { -2, -2 }, .high = { 2, 2 }), \
                                                { 0 } } },                                          \
        .function = "ag_" #op_name,                                                                 \
        .flags = AG_NO_GRADIENT | AG_ROW_TRUTH,                                                     \
        .scalar = op_name##_scalar,                                                                 \
        .forward = { { op_name##_forward_aa_f32, op_name##_forward_aa_f64 },                        \
                     { op_name##_forward_ac_f32, op_name##_forward_ac_f64 },                        \
                     { op_name##_forward_ca_f32, op_name##_forward_ca_f64 } },                      \
        .integers = AG_ANY_TABLE(op_name##_forward_aa),                                             \
    };                                                                                              \
    AG_ROW_API ag_tensor ag_##op_name(ag_tensor a, ag_tensor b)                                     \
    {                                                                                               \
        return ag_row_apply(AG_OP_##op_name, (const ag_tensor[]){ a, b }, (ag_row_params){ 0, 0 }); \
    }

#endif
