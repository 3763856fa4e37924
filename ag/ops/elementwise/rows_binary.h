/* Elementwise ops of two operands as table rows: see rows.h. */
#ifndef AG_OPS_ROWS_BINARY_H
#define AG_OPS_ROWS_BINARY_H

#include "ag/ops/elementwise/rows.h"

/* An operand in a rule: integers as the floats for which the op took them. */
static inline ag_tensor ag_row_operand(const ag_call *call, int i)
{
    ag_tensor x = ag_call_input(call, i);
    if (AG_LIKELY(!(x.id & AG_TAG_RANKED)) || ag_is_float(ag_dtype_of(x)))
        return x;
    return ag_cast(x, ag_layout_at(call->tape, call->id)->dtype);
}
#define A ag_row_operand(call, 0)
#define B ag_row_operand(call, 1)

/* ---- kernels: for two arrays, for b a constant (c), for a a constant */

#define AG_BINARY_FORWARD(op_name, type, result, suffix, which, load_a, load_b, result_)                      \
    static void op_name##_forward_##which##_##suffix(int64_t n, void *to, const void *in_a, const void *in_b, \
                                                     double c_, double d_)                                    \
    {                                                                                                         \
        AG_TYPE(type, 0)                                                                                      \
        result *ys = to;                                                                                      \
        const T *as = in_a, *bs = in_b;                                                                       \
        const T c = AG_ELEMENT(c_);                                                                           \
        (void)c, (void)d_, (void)as, (void)bs;                                                                \
        AG_EACH(n, const T a = load_a, b = load_b; ys[i] = (result)(result_));                                \
    }

#define AG_BINARY_INTEGER(op_name, type, suffix, result_) \
    AG_BINARY_FORWARD(op_name, type, type, suffix, aa, as[i], bs[i], result_)

#define AG_BINARY_FORWARDS(op_name, type, result, suffix, result_)              \
    AG_BINARY_FORWARD(op_name, type, result, suffix, aa, as[i], bs[i], result_) \
    AG_BINARY_FORWARD(op_name, type, result, suffix, ac, as[i], c, result_)     \
    AG_BINARY_FORWARD(op_name, type, result, suffix, ca, c, bs[i], result_)

#define AG_BINARY_LOAD(reads, load_a, load_b)                                         \
    const T a = (reads)&AG_READS_A ? load_a : 0, b = (reads)&AG_READS_B ? load_b : 0; \
    const T y = (reads)&AG_READS_Y ? ys[i] : 0;                                       \
    (void)a, (void)b, (void)y

#define AG_BINARY_BACK(op_name, type, suffix, which, load_a, load_b, slope, reads, flags, k)                         \
    static void op_name##_back_##which##_##suffix(int64_t n, void *to, const void *from, const void *in_a,           \
                                                  const void *in_b, const void *out, double c_, double d_, bool add) \
    {                                                                                                                \
        AG_TYPE(type, 0)                                                                                             \
        T *dxs = to;                                                                                                 \
        const T *dys = from, *as = in_a, *bs = in_b, *ys = out;                                                      \
        const T c = (T)c_;                                                                                           \
        (void)c, (void)d_, (void)as, (void)bs, (void)ys;                                                             \
        if (add)                                                                                                     \
            AG_BACK_LOOPS(AG_BINARY_LOAD(reads, load_a, load_b), slope, flags, k, +=)                                \
        else                                                                                                         \
            AG_BACK_LOOPS(AG_BINARY_LOAD(reads, load_a, load_b), slope, flags, k, =)                                 \
    }

#define AG_BINARY_BACKS(op_name, which, slope, reads, flags, k)                            \
    AG_BINARY_BACK(op_name, float, f32, which##_aa, as[i], bs[i], slope, reads, flags, k)  \
    AG_BINARY_BACK(op_name, float, f32, which##_ac, as[i], c, slope, reads, flags, k)      \
    AG_BINARY_BACK(op_name, float, f32, which##_ca, c, bs[i], slope, reads, flags, k)      \
    AG_BINARY_BACK(op_name, double, f64, which##_aa, as[i], bs[i], slope, reads, flags, k) \
    AG_BINARY_BACK(op_name, double, f64, which##_ac, as[i], c, slope, reads, flags, k)     \
    AG_BINARY_BACK(op_name, double, f64, which##_ca, c, bs[i], slope, reads, flags, k)

#define AG_BACK_TABLE(op_name, which)                                             \
    {                                                                             \
        { op_name##_back_##which##_aa_f32, op_name##_back_##which##_aa_f64 },     \
            { op_name##_back_##which##_ac_f32, op_name##_back_##which##_ac_f64 }, \
        {                                                                         \
            op_name##_back_##which##_ca_f32, op_name##_back_##which##_ca_f64      \
        }                                                                         \
    }

/* ---- the row
 *
 * BINARY(op_name, "documentation", "y in words", "da, db in words", y, dy/da, dy/db, da in ag ops, db in ag ops,
 *        what dy/da reads, what dy/db reads, flags, low and high of a, of b) */
#define BINARY(...) AG_BINARY_OF(AG_FLOATS, __VA_ARGS__)
#define BINARY_ANY(...) AG_BINARY_OF(AG_ANY, __VA_ARGS__)
#define AG_BINARY_OF(dtypes, op_name, documentation, formula_, derivative, result_, slope_a, slope_b, rule_a, rule_b, \
                     reads_a, reads_b, flags_, low_a, high_a, low_b, high_b)                                          \
    AG_KERNELS_OF(dtypes, AG_BINARY_INTEGER, op_name, result_)                                                        \
    AG_BINARY_FORWARDS(op_name, float, float, f32, result_)                                                           \
    AG_BINARY_FORWARDS(op_name, double, double, f64, result_)                                                         \
    AG_BINARY_BACKS(op_name, a, slope_a, reads_a, flags_, 0)                                                          \
    AG_BINARY_BACKS(op_name, b, slope_b, reads_b, flags_, 1)                                                          \
    static void op_name##_scalar(const double *in, double c, double d, double *out)                                   \
    {                                                                                                                 \
        AG_TYPE(double, 1)                                                                                            \
        const T a = in[0], b = in[1], y = (T)(result_);                                                               \
        (void)c, (void)d, (void)0;                                                                                    \
        out[0] = y;                                                                                                   \
        out[1] = (T)(slope_a);                                                                                        \
        out[2] = (T)(slope_b);                                                                                        \
    }                                                                                                                 \
    static double op_name##_map(const double *in, const void *params)                                                 \
    {                                                                                                                 \
        double out[3];                                                                                                \
        (void)params;                                                                                                 \
        op_name##_scalar(in, 0, 0, out);                                                                              \
        return out[0];                                                                                                \
    }                                                                                                                 \
    static ag_tensor op_name##_rule_a(const ag_call *call, const ag_tensor *dy)                                       \
    {                                                                                                                 \
        (void)call, (void)dy;                                                                                         \
        return rule_a;                                                                                                \
    }                                                                                                                 \
    static ag_tensor op_name##_rule_b(const ag_call *call, const ag_tensor *dy)                                       \
    {                                                                                                                 \
        (void)call, (void)dy;                                                                                         \
        return rule_b;                                                                                                \
    }                                                                                                                 \
    static void op_name##_vjp(const ag_call *call, const ag_tensor *dy, ag_tensor *dx)                                \
    {                                                                                                                 \
        if (ag_call_needs(call, 0))                                                                                   \
            dx[0] = op_name##_rule_a(call, dy);                                                                       \
        if (ag_call_needs(call, 1))                                                                                   \
            dx[1] = op_name##_rule_b(call, dy);                                                                       \
    }                                                                                                                 \
    static void op_name##_jvp(const ag_call *call, const ag_tensor *dx, ag_tensor *dy)                                \
    {                                                                                                                 \
        dy[0] = ag_row_jvp(dx[0].tape ? op_name##_rule_a(call, &dx[0]) : NONE,                                        \
                           dx[1].tape ? op_name##_rule_b(call, &dx[1]) : NONE);                                       \
    }                                                                                                                 \
    const ag_row ag_row_##op_name = {                                                                                 \
        .op = { .name = #op_name,                                                                                     \
                .formula = formula_,                                                                                  \
                .inputs = 2,                                                                                          \
                .flags = AG_ROW | AG_ROW_INNER | ((flags_)&AG_NO_GRADIENT),                                           \
                .map = op_name##_map,                                                                                 \
                .vjp = op_name##_vjp,                                                                                 \
                .jvp = op_name##_jvp,                                                                                 \
                .samples =                                                                                            \
                    (const ag_sample[]){ { .low = { low_a, low_b }, .high = { high_a, high_b } },                     \
                                         AG_SAMPLE_OF(dtypes, .low = { low_a, low_b }, .high = { high_a, high_b }),   \
                                         { 0 } } },                                                                   \
        .function = "ag_" #op_name,                                                                                   \
        .reads = (reads_a) | (reads_b) << AG_READS_SHIFT,                                                             \
        .flags = flags_,                                                                                              \
        .scalar = op_name##_scalar,                                                                                   \
        .forward = { { op_name##_forward_aa_f32, op_name##_forward_aa_f64 },                                          \
                     { op_name##_forward_ac_f32, op_name##_forward_ac_f64 },                                          \
                     { op_name##_forward_ca_f32, op_name##_forward_ca_f64 } },                                        \
        .integers = AG_TABLE_OF(dtypes, op_name##_forward_aa),                                                        \
        .back = { AG_BACK_TABLE(op_name, a), AG_BACK_TABLE(op_name, b) },                                             \
    };                                                                                                                \
    static AG_ASIDE ag_tensor op_name##_aside(ag_tensor left, ag_tensor right)                                        \
    {                                                                                                                 \
        ag_tape *t = left.tape;                                                                                       \
        if (t != NULL && t == right.tape && !((left.id | right.id) & AG_TAG_RANKED)) {                                \
            const uint32_t p = ag_quick_id(t, left), q = p ? ag_quick_id(t, right) : 0;                               \
            const int64_t first = (uint32_t)t->base; /* an interrupted segment lies before it */                      \
            const uint64_t n = t->span;                                                                               \
            if (AG_LIKELY(q && !((p | q) & AG_TAG_RANKED) && n < t->limit))                                           \
                AG_BINARY_RECORD(op_name, t, n, p, p - first, q, q - first, result_, slope_a, slope_b, flags_);       \
        }                                                                                                             \
        return ag_row_binary(left, right, AG_OP_##op_name);                                                           \
    }                                                                                                                 \
    static AG_ASIDE ag_tensor op_name##_right_leaf(ag_tensor left, ag_tensor right)                                   \
    {                                                                                                                 \
        ag_tape *t = left.tape;                                                                                       \
        const uint64_t n = t->span, i = ag_word(left) - t->base;                                                      \
        uint64_t q = ag_word(right);                                                                                  \
        if (AG_LIKELY(ag_leaf_word(t, &q) && q - t->base < n && n < t->limit))                                        \
            AG_BINARY_RECORD(op_name, t, n, left.id, i, (uint32_t)q, q - t->base, result_, slope_a, slope_b, flags_); \
        return op_name##_aside(left, right);                                                                          \
    }                                                                                                                 \
    static AG_ASIDE ag_tensor op_name##_left_leaf(ag_tensor left, ag_tensor right)                                    \
    {                                                                                                                 \
        ag_tape *t = left.tape;                                                                                       \
        const uint64_t n = t->span, j = ag_word(right) - t->base;                                                     \
        uint64_t p = ag_word(left);                                                                                   \
        if (AG_UNLIKELY(!ag_leaf_word(t, &p) || p - t->base >= n || n >= t->limit))                                   \
            return op_name##_aside(left, right);                                                                      \
        if (AG_UNLIKELY(j >= n))                                                                                      \
            return op_name##_right_leaf(ag_of_word(t, p), right);                                                     \
        AG_BINARY_RECORD(op_name, t, n, (uint32_t)p, p - t->base, right.id, j, result_, slope_a, slope_b, flags_);    \
    }                                                                                                                 \
    AG_ROW_API ag_tensor ag_##op_name(ag_tensor left, ag_tensor right)                                                \
    {                                                                                                                 \
        ag_tape *t = left.tape;                                                                                       \
        if (AG_LIKELY(t != NULL && t == right.tape)) {                                                                \
            const uint64_t n = t->span, i = ag_word(left) - t->base, j = ag_word(right) - t->base;                    \
            if (AG_UNLIKELY(i >= n)) {                                                                                \
                if (left.id & AG_TAG_PERSISTENT)                                                                      \
                    return op_name##_left_leaf(left, right);                                                          \
                goto aside;                                                                                           \
            }                                                                                                         \
            AG_BARRIER();                                                                                             \
            if (AG_UNLIKELY(j >= n)) {                                                                                \
                if (right.id & AG_TAG_PERSISTENT)                                                                     \
                    return op_name##_right_leaf(left, right);                                                         \
                goto aside;                                                                                           \
            }                                                                                                         \
            if (AG_LIKELY(n < t->limit))                                                                              \
                AG_BINARY_RECORD(op_name, t, n, left.id, i, right.id, j, result_, slope_a, slope_b, flags_);          \
        }                                                                                                             \
    aside:                                                                                                            \
        if ((left.id | right.id) & AG_TAG_RANKED)                                                                     \
            return ag_row_binary(left, right, AG_OP_##op_name);                                                       \
        return op_name##_aside(left, right);                                                                          \
    }

#endif
