/* Elementwise ops as table rows, those of one operand. A row makes, from one formula, the rank-0 f64 path, the kernels
 * on contiguous f32 and f64 ranges forward and backward, the rule in ag ops (which is its jvp too), and the op's entry in
 * the registry. UNARY_ANY and its like, rows of ops for any dtype, make kernels for integers too, of the same formula:
 * WRAP(x) in it is x as a type whose sums and products wrap.
 *
 *     UNARY(name, "documentation", "y in words", "dx in words", y, dy/dx, dx in ag ops, what it reads, flags, low,
 * high)
 *
 * In y and dy/dx: x (a, b), y, the constants c and d, EXP LOG ... for the element type T, K(0.5) for a literal. In the
 * rule: DY, X (A, B), Y, C, D. low and high bound the samples of the automatic checks. */
#ifndef AG_OPS_ROWS_H
#define AG_OPS_ROWS_H

#include "ag/ops/define.h"

static inline ag_tensor ag_row_jvp(ag_tensor from_a, ag_tensor from_b)
{
    return !from_a.tape ? from_b : !from_b.tape ? from_a : ag_add(from_a, from_b);
}

/* A file of ops that rules alone use defines AG_OPS_INNER before it includes this: they are in the registry and its
 * checks, and in no public header. */
#ifdef AG_OPS_INNER
#define AG_ROW_API
#define AG_ROW_INNER AG_INNER
#else
#define AG_ROW_API AG_API
#define AG_ROW_INNER 0
#endif

#define AG_TYPE(type, scalar) \
    typedef type T;           \
    enum { SCALAR = scalar }; \
    (void)sizeof(T), (void)SCALAR;
#define K(literal) ((T)(literal))
/* SCALAR is 1 in the rank-0 code, which calls the C library's functions, and 0 in loops over vectors. */
#define AG_MATH(name, x) _Generic((x), float : ag_v_##name##f, double : SCALAR ? ag_s_##name : ag_v_##name)
#define EXP(x) AG_MATH(exp, x)(x)
#define LOG(x) AG_MATH(log, x)(x)
#define LOG1P(x) AG_MATH(log1p, x)(x)
#define TANH(x) _Generic((x), float : ag_tanh_f32, double : SCALAR ? ag_tanh_number : ag_v_tanh)(x)
#define SIGMOID(x) _Generic((x), float : ag_sigmoid_f32, double : ag_sigmoid_f64)(x, EXP(-ABS(x)))
#define SIN(x) AG_MATH(sin, x)(x)
#define COS(x) AG_MATH(cos, x)(x)
#define POW(x, p) AG_MATH(pow, x)(x, p)
#define SQRT(x) _Generic((x), float : sqrtf, double : sqrt)(x)
#define AG_KEEP(c, x) _Generic((x), float : ag_keep_f32, double : ag_keep_f64)(c, x)
#define FINITE(x) ((x) - (x) == 0)

/* ---- integers */

#pragma GCC diagnostic ignored "-Wtype-limits" /* a formula may ask whether a u8 is negative */

static inline int32_t ag_same_i32(int32_t x)
{
    return x;
}
static inline int64_t ag_same_i64(int64_t x)
{
    return x;
}
static inline uint8_t ag_same_u8(uint8_t x)
{
    return x;
}
static inline int32_t ag_abs_i32(int32_t x)
{
    return (int32_t)(x < 0 ? -(uint32_t)x : (uint32_t)x);
}
static inline int64_t ag_abs_i64(int64_t x)
{
    return (int64_t)(x < 0 ? -(uint64_t)x : (uint64_t)x);
}

/* clang-format off */
#define WRAP(x) _Generic((x), int32_t : (uint32_t)(x), int64_t : (uint64_t)(x), default : (x))
/* A constant as an element of type T. */
#define AG_ELEMENT(x)                                                                                    \
    _Generic((T)0, int32_t : ag_i32_of_real(x), int64_t : ag_i64_of_real(x), uint8_t : ag_u8_of_real(x), \
             default : (T)(x))

#define ABS(x)                                                                                              \
    _Generic((x), float : fabsf, double : fabs, int32_t : ag_abs_i32, int64_t : ag_abs_i64, uint8_t : ag_same_u8)(x)

/* Rounding, which leaves integers as they are. */
#define AG_ROUNDED(name, x) \
    _Generic((x), float : name##f, double : name, int32_t : ag_same_i32, int64_t : ag_same_i64, uint8_t : ag_same_u8)(x)
#define FLOOR(x) AG_ROUNDED(floor, x)
#define CEIL(x) AG_ROUNDED(ceil, x)
#define RINT(x) AG_ROUNDED(rint, x)
#define TRUNC(x) AG_ROUNDED(trunc, x)

/* What rows of floats alone and rows of any dtype have for integers: kernels, their table, a sample for the checks. */
#define AG_KERNELS_OF(dtypes, ...) dtypes##_KERNELS(__VA_ARGS__)
#define AG_TABLE_OF(dtypes, prefix) dtypes##_TABLE(prefix)
#define AG_SAMPLE_OF(dtypes, ...) dtypes##_SAMPLE(__VA_ARGS__)
#define AG_FLOATS_KERNELS(...)
#define AG_FLOATS_TABLE(prefix) { NULL }
#define AG_FLOATS_SAMPLE(...) { 0 }
#define AG_ANY_KERNELS(KERNEL, op_name, ...)   \
    KERNEL(op_name, int32_t, i32, __VA_ARGS__) \
    KERNEL(op_name, int64_t, i64, __VA_ARGS__) \
    KERNEL(op_name, uint8_t, u8, __VA_ARGS__)
#define AG_ANY_TABLE(prefix) { prefix##_i32, prefix##_i64, prefix##_u8 }
#define AG_ANY_SAMPLE(...) { .dtype = { AG_I32, AG_I64 }, __VA_ARGS__ }
/* clang-format on */

#define DY (dy[0])
#define X ag_call_input(call, 0)
#define Y ag_call_output(call, 0)
#define C (((const ag_row_params *)ag_call_params(call))->c)
#define D (((const ag_row_params *)ag_call_params(call))->d)
#define NONE ((ag_tensor){ NULL, 0, 0 })

/* ---- kernels */

/* For each i below n; a single element is not worth what it takes to enter a loop of vectors. */
#define AG_EACH(n, ...)                                      \
    do {                                                     \
        if ((n) == 1) {                                      \
            const int64_t i = 0;                             \
            __VA_ARGS__;                                     \
        } else {                                             \
            AG_VECTOR_LOOP for (int64_t i = 0; i < (n); i++) \
            {                                                \
                __VA_ARGS__;                                 \
            }                                                \
        }                                                    \
    } while (0)

/* ---- kernels of a unary row */
#define AG_UNARY_FORWARD(op_name, type, suffix, result, result_)                                                 \
    static void op_name##_forward_##suffix(int64_t n, void *to, const void *from, const void *unused, double c_, \
                                           double d_)                                                            \
    {                                                                                                            \
        AG_TYPE(type, 0)                                                                                         \
        result *ys = to;                                                                                         \
        const T *xs = from;                                                                                      \
        const T c = AG_ELEMENT(c_), d = AG_ELEMENT(d_);                                                          \
        (void)unused, (void)c, (void)d;                                                                          \
        AG_EACH(n, const T x = xs[i]; ys[i] = (result)(result_));                                                \
    }

/* Can the derivative be infinite? That of a row whose derivative is c, if c is. */
#define AG_HAS_POLES(flags) ((flags)&AG_ROW_POLES || ((flags)&AG_ROW_POLES_OF_C && !FINITE(c)))
/* What arrives times the derivative by operand k, with structural zeros: see AG_ROW_POLES and AG_ROW_SELECTS. */
#define AG_PRODUCT(flags, k, dy, slope) \
    (AG_HAS_POLES(flags) && (dy) == 0 ? 0 : (flags)&AG_ROW_SELECTS_A << (k) && (slope) == 0 ? 0 : (dy) * (slope))

enum { AG_SLOPES = 256 }; /* in a block */

/* dx op dy times the slope, n elements. gcc vectorises no loop that has both a call and a branch, which structural zeros
 * are, so the slopes of a row that calls functions are computed in a loop of their own. */
#define AG_BACK_LOOPS(load, slope, flags, k, op)                                                                  \
    {                                                                                                             \
        for (int64_t at = 0; AG_BACK_CALLS(flags) && at < n; at += AG_SLOPES) {                                   \
            const int64_t end = at + AG_SLOPES < n ? at + AG_SLOPES : n;                                          \
            T by[AG_SLOPES];                                                                                      \
            AG_VECTOR_LOOP for (int64_t i = at; i < end; i++)                                                     \
            {                                                                                                     \
                load;                                                                                             \
                by[i - at] = (T)(slope);                                                                          \
            }                                                                                                     \
            AG_VECTOR_LOOP for (int64_t i = at; i < end; i++) dxs[i] op AG_PRODUCT(flags, k, dys[i], by[i - at]); \
        }                                                                                                         \
        AG_EACH(AG_BACK_CALLS(flags) ? 0 : n, load; const T by = (T)(slope);                                      \
                dxs[i] op AG_PRODUCT(flags, k, dys[i], by));                                                      \
    }
#define AG_UNARY_LOAD(reads)                                                        \
    const T x = (reads)&AG_READS_A ? xs[i] : 0, y = (reads)&AG_READS_Y ? ys[i] : 0; \
    (void)x, (void)y

#define AG_UNARY_BACK(op_name, type, suffix, slope, reads, flags)                                                  \
    static void op_name##_back_##suffix(int64_t n, void *to, const void *from, const void *in, const void *unused, \
                                        const void *out, double c_, double d_, bool add)                           \
    {                                                                                                              \
        AG_TYPE(type, 0)                                                                                           \
        T *dxs = to;                                                                                               \
        const T *dys = from, *xs = in, *ys = out;                                                                  \
        const T c = (T)c_, d = (T)d_;                                                                              \
        (void)unused, (void)c, (void)d, (void)xs, (void)ys;                                                        \
        if (add)                                                                                                   \
            AG_BACK_LOOPS(AG_UNARY_LOAD(reads), slope, flags, 0, +=)                                               \
        else                                                                                                       \
            AG_BACK_LOOPS(AG_UNARY_LOAD(reads), slope, flags, 0, =)                                                \
    }

#define AG_UNARY_INTEGER(op_name, type, suffix, result_) AG_UNARY_FORWARD(op_name, type, suffix, type, result_)

#define AG_UNARY_ROW(dtypes, op_name, formula_, result_, slope, rule, reads_, flags_, low_, high_, c0, d0)         \
    AG_KERNELS_OF(dtypes, AG_UNARY_INTEGER, op_name, result_)                                                      \
    AG_UNARY_FORWARD(op_name, float, f32, float, result_)                                                          \
    AG_UNARY_FORWARD(op_name, double, f64, double, result_)                                                        \
    AG_UNARY_BACK(op_name, float, f32, slope, reads_, flags_)                                                      \
    AG_UNARY_BACK(op_name, double, f64, slope, reads_, flags_)                                                     \
    static void op_name##_scalar(const double *in, double c, double d, double *out)                                \
    {                                                                                                              \
        AG_TYPE(double, 1)                                                                                         \
        const T x = in[0], y = (T)(result_);                                                                       \
        (void)c, (void)d, (void)0;                                                                                 \
        out[0] = y;                                                                                                \
        out[1] = (T)(slope);                                                                                       \
        out[2] = 0;                                                                                                \
    }                                                                                                              \
    static double op_name##_map(const double *in, const void *params)                                              \
    {                                                                                                              \
        const ag_row_params *p = params;                                                                           \
        double out[3];                                                                                             \
        op_name##_scalar(in, p ? p->c : 0, p ? p->d : 0, out);                                                     \
        return out[0];                                                                                             \
    }                                                                                                              \
    static void op_name##_vjp(const ag_call *call, const ag_tensor *dy, ag_tensor *dx)                             \
    {                                                                                                              \
        (void)call, (void)dy;                                                                                      \
        dx[0] = rule;                                                                                              \
    }                                                                                                              \
    const ag_row ag_row_##op_name = {                                                                              \
        .op = { .name = #op_name,                                                                                  \
                .formula = formula_,                                                                               \
                .inputs = 1,                                                                                       \
                .flags = AG_ROW | AG_ROW_INNER | ((flags_)&AG_NO_GRADIENT),                                        \
                .params_size = (flags_)&AG_ROW_CONSTANT ? sizeof(ag_row_params) : 0,                               \
                .map = op_name##_map,                                                                              \
                .vjp = op_name##_vjp,                                                                              \
                .jvp = op_name##_vjp,                                                                              \
                .samples =                                                                                         \
                    (const ag_sample[]){                                                                           \
                        { .params = &(const ag_row_params){ c0, d0 }, .low = { low_ }, .high = { high_ } },        \
                        AG_SAMPLE_OF(dtypes, .params = &(const ag_row_params){ (int)(2 * (c0)), (int)(2 * (d0)) }, \
                                     .low = { low_ }, .high = { high_ }),                                          \
                        { 0 } } },                                                                                 \
        .function = "ag_" #op_name,                                                                                \
        .reads = reads_,                                                                                           \
        .flags = flags_,                                                                                           \
        .scalar = op_name##_scalar,                                                                                \
        .forward = { { op_name##_forward_f32, op_name##_forward_f64 } },                                           \
        .integers = AG_TABLE_OF(dtypes, op_name##_forward),                                                        \
        .back = { { { op_name##_back_f32, op_name##_back_f64 } } },                                                \
    };

/* ---- the public functions: the quick rank-0 path, then the general one */

/* Appends the record of an op on the record at place i of the newest segment. */
#define AG_UNARY_RECORD(op_name, t, n, id_, i, constant, result_, slope, flags_)                  \
    do {                                                                                          \
        AG_TYPE(double, 1)                                                                        \
        ag_append(t, n, AG_OP_##op_name, (flags_)&AG_NO_GRADIENT ? 0 : ag_header_bits(&t->h[i])); \
        const T c = constant, x = t->r[i].value, y = (T)(result_);                                \
        const uint64_t word = t->base + n;                                                        \
        (void)c;                                                                                  \
        ag_record_put(&t->r[n], id_, (uint32_t)word, (T)(slope), c, y);                           \
        return ag_of_word(t, word);                                                               \
    } while (0)

#define AG_BINARY_RECORD(op_name, t, n, left_id, i, right_id, j, result_, slope_a, slope_b, flags_)   \
    do {                                                                                              \
        AG_TYPE(double, 1)                                                                            \
        ag_append(t, n, AG_OP_##op_name,                                                              \
                  (flags_)&AG_NO_GRADIENT ? 0 : ag_header_bits(&t->h[i]) | ag_header_bits(&t->h[j])); \
        const T a = t->r[i].value, b = t->r[j].value, y = (T)(result_);                               \
        ag_record_put(&t->r[n], left_id, right_id, (T)(slope_a), (T)(slope_b), y);                    \
        return ag_of_word(t, t->base + n);                                                            \
    } while (0)

/* A record of the newest segment; else, out of the way, the leaf of a persistent tensor; else whatever it is.
 * `parameters` and `arguments` are those of the public function, in parentheses. */
#define AG_UNARY_FUNCTION(op_name, parameters, arguments, operand, constant, result_, slope, flags_) \
    static AG_ASIDE ag_tensor op_name##_aside parameters                                             \
    {                                                                                                \
        ag_tape *t = operand.tape;                                                                   \
        const uint32_t id = t && !(operand.id & AG_TAG_RANKED) ? ag_quick_id(t, operand) : 0;        \
        const int64_t first = t ? (uint32_t)t->base : 0; /* an interrupted segment lies before it */ \
        const uint64_t n = t ? t->span : 0;                                                          \
        if (AG_LIKELY(id && !(id & AG_TAG_RANKED) && n < t->limit))                                  \
            AG_UNARY_RECORD(op_name, t, n, id, id - first, constant, result_, slope, flags_);        \
        return ag_row_unary(operand, constant, AG_OP_##op_name);                                     \
    }                                                                                                \
    AG_ROW_API ag_tensor ag_##op_name parameters                                                     \
    {                                                                                                \
        ag_tape *t = operand.tape;                                                                   \
        if (AG_LIKELY(t != NULL)) {                                                                  \
            const uint64_t n = t->span, i = ag_word(operand) - t->base;                              \
            if (AG_LIKELY(i < n && n < t->limit))                                                    \
                AG_UNARY_RECORD(op_name, t, n, operand.id, i, constant, result_, slope, flags_);     \
        }                                                                                            \
        if (operand.id & AG_TAG_RANKED)                                                              \
            return ag_row_unary(operand, constant, AG_OP_##op_name);                                 \
        return op_name##_aside arguments;                                                            \
    }

#define UNARY(...) AG_UNARY_OF(AG_FLOATS, __VA_ARGS__)
#define UNARY_ANY(...) AG_UNARY_OF(AG_ANY, __VA_ARGS__)
#define AG_UNARY_OF(dtypes, op_name, documentation, formula, derivative, result_, slope, rule, reads, flags, low, \
                    high)                                                                                         \
    AG_UNARY_ROW(dtypes, op_name, formula, result_, slope, rule, reads, flags, low, high, 0, 0)                   \
    AG_UNARY_FUNCTION(op_name, (ag_tensor operand), (operand), operand, 0, result_, slope, flags)

/* with a constant: its op_name in the prototype, its result_ in the samples */
#define UNARY_C(...) AG_UNARY_C(AG_FLOATS, __VA_ARGS__)
#define UNARY_C_ANY(...) AG_UNARY_C(AG_ANY, __VA_ARGS__)
#define AG_UNARY_C(dtypes, op_name, documentation, constant, c0, formula, derivative, result_, slope, rule, reads,    \
                   flags, low, high)                                                                                  \
    AG_UNARY_ROW(dtypes, op_name, formula, result_, slope, rule, reads, (flags) | AG_ROW_CONSTANT, low, high, c0, 0)  \
    AG_UNARY_FUNCTION(op_name, (ag_tensor operand, double constant), (operand, constant), operand, constant, result_, \
                      slope, flags)

#define C_UNARY(...) AG_C_UNARY(AG_FLOATS, __VA_ARGS__)
#define C_UNARY_ANY(...) AG_C_UNARY(AG_ANY, __VA_ARGS__)
#define AG_C_UNARY(dtypes, op_name, documentation, constant, c0, formula, derivative, result_, slope, rule, reads,    \
                   flags, low, high)                                                                                  \
    AG_UNARY_ROW(dtypes, op_name, formula, result_, slope, rule, reads, (flags) | AG_ROW_CONSTANT, low, high, c0, 0)  \
    AG_UNARY_FUNCTION(op_name, (double constant, ag_tensor operand), (constant, operand), operand, constant, result_, \
                      slope, flags)

/* with two constants: a record has room for one, so rank 0 takes the general path */
#define UNARY_CD(...) AG_UNARY_CD(AG_FLOATS, __VA_ARGS__)
#define UNARY_CD_ANY(...) AG_UNARY_CD(AG_ANY, __VA_ARGS__)
#define AG_UNARY_CD(dtypes, op_name, documentation, constant_c, c0, constant_d, d0, formula, derivative, result_,    \
                    slope, rule, reads, flags, low, high)                                                            \
    AG_UNARY_ROW(dtypes, op_name, formula, result_, slope, rule, reads, (flags) | AG_ROW_CONSTANT | AG_ROW_TWO, low, \
                 high, c0, d0)                                                                                       \
    AG_ROW_API ag_tensor ag_##op_name(ag_tensor operand, double constant_c, double constant_d)                       \
    {                                                                                                                \
        return ag_row_apply(AG_OP_##op_name, &operand, (ag_row_params){ constant_c, constant_d });                   \
    }

#endif
