/* Comparisons and other questions, whose answer is u8, as table rows. */
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

/* ---- of one operand: TRUTH(name, "documentation", "y in words", y); COMPARE_C has a number c beside x, and says which
 * number, where an integer between can be no element, stands for c among integers: ceil(c), floor(c), or c itself */

#define AG_TRUTH_INTEGER(op_name, type, suffix, result_) AG_UNARY_FORWARD(op_name, type, suffix, uint8_t, result_)

/* Where no integer of the type stands for c all compare with it as 0 does. */
#define AG_COMPARE_C_INTEGER(op_name, type, suffix, result_, bound_)                                             \
    static void op_name##_forward_##suffix(int64_t n, void *to, const void *from, const void *unused, double c_, \
                                           double d_)                                                            \
    {                                                                                                            \
        typedef type T;                                                                                          \
        uint8_t *ys = to;                                                                                        \
        const T *xs = from;                                                                                      \
        double c = c_;                                                                                           \
        const double bound = bound_;                                                                             \
        const T limit = AG_ELEMENT(bound);                                                                       \
        (void)unused, (void)d_;                                                                                  \
        if (!(bound < 0x1p63 && (double)limit == bound)) {                                                       \
            const double x = 0;                                                                                  \
            memset(ys, result_, (size_t)n);                                                                      \
            return;                                                                                              \
        }                                                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                        \
            const T x = xs[i], c = limit;                                                                        \
            ys[i] = result_;                                                                                     \
        }                                                                                                        \
    }

#define TRUTH(op_name, documentation, formula_, result_)                   \
    AG_ANY_KERNELS(AG_TRUTH_INTEGER, op_name, result_)                     \
    AG_TRUTH_ROW(op_name, formula_, result_, 0)                            \
    AG_ROW_API ag_tensor ag_##op_name(ag_tensor x)                         \
    {                                                                      \
        return ag_row_apply(AG_OP_##op_name, &x, (ag_row_params){ 0, 0 }); \
    }

#define COMPARE_C(op_name, documentation, formula_, result_, bound)             \
    AG_ANY_KERNELS(AG_COMPARE_C_INTEGER, op_name, result_, bound)               \
    AG_TRUTH_ROW(op_name, formula_, result_, AG_ROW_CONSTANT)                   \
    AG_ROW_API ag_tensor ag_##op_name(ag_tensor x, double number)               \
    {                                                                           \
        return ag_row_apply(AG_OP_##op_name, &x, (ag_row_params){ number, 0 }); \
    }

#define AG_TRUTH_ROW(op_name, formula_, result_, flags_)                                                         \
    AG_UNARY_FORWARD(op_name, float, f32, uint8_t, result_)                                                      \
    AG_UNARY_FORWARD(op_name, double, f64, uint8_t, result_)                                                     \
    static double op_name##_map(const double *in, const void *params)                                            \
    {                                                                                                            \
        const double x = in[0], c = params ? ((const ag_row_params *)params)->c : 0;                             \
        (void)c;                                                                                                 \
        return result_;                                                                                          \
    }                                                                                                            \
    static void op_name##_scalar(const double *in, double c, double d, double *out)                              \
    {                                                                                                            \
        out[0] = op_name##_map(in, &(const ag_row_params){ c, d });                                              \
        out[1] = out[2] = 0;                                                                                     \
    }                                                                                                            \
    const ag_row ag_row_##op_name = {                                                                            \
        .op = { .name = #op_name,                                                                                \
                .formula = formula_,                                                                             \
                .inputs = 1,                                                                                     \
                .flags = AG_ROW | AG_ROW_INNER | AG_NO_GRADIENT,                                                 \
                .params_size = (flags_) ? sizeof(ag_row_params) : 0,                                             \
                .map = op_name##_map,                                                                            \
                .samples =                                                                                       \
                    (const ag_sample[]){                                                                         \
                        { .params = &(const ag_row_params){ 0.5, 0 }, .low = { -2 }, .high = { 2 } },            \
                        AG_ANY_SAMPLE(.params = &(const ag_row_params){ 0.5, 0 }, .low = { -2 }, .high = { 2 }), \
                        AG_ANY_SAMPLE(.params = &(const ag_row_params){ 1, 0 }, .low = { -2 }, .high = { 3 }),   \
                        { 0 } } },                                                                               \
        .function = "ag_" #op_name,                                                                              \
        .flags = (flags_) | AG_NO_GRADIENT | AG_ROW_TRUTH,                                                       \
        .scalar = op_name##_scalar,                                                                              \
        .forward = { { op_name##_forward_f32, op_name##_forward_f64 } },                                         \
        .integers = AG_ANY_TABLE(op_name##_forward),                                                             \
    };

#endif
