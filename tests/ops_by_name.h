/* The ops by their names, those for rules alone too, with numbers for their parameters: for tests that read what to do from files. */
#ifndef TESTS_OPS_BY_NAME_H
#define TESTS_OPS_BY_NAME_H

#include "ag/ag.h"
#include "registry.h"

#include <stdint.h>
#include <string.h>

typedef struct arguments {
    const ag_tensor *x;
    size_t count;
    const double *p;
    int parameters;
} arguments;

typedef struct named_op {
    const char *name;
    ag_tensor (*call)(const arguments *a);
} named_op;

#define UNARY(name)                                  \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->x[0]);                   \
    }
#define UNARY_C(name)                                \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->x[0], a->p[0]);          \
    }
#define UNARY_CD(name)                               \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->x[0], a->p[0], a->p[1]); \
    }
#define UNARY_I(name)                                \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->x[0], (int)a->p[0]);     \
    }
#define UNARY_II(name)                                         \
    static ag_tensor call_##name(const arguments *a)           \
    {                                                          \
        return ag_##name(a->x[0], (int)a->p[0], (int)a->p[1]); \
    }
#define C_UNARY(name)                                \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->p[0], a->x[0]);          \
    }
#define BINARY(name)                                 \
    static ag_tensor call_##name(const arguments *a) \
    {                                                \
        return ag_##name(a->x[0], a->x[1]);          \
    }
/* Parameters: keep the axes or not, the axes (none: all). */
#define OVER(name)                                                 \
    static ag_tensor call_##name(const arguments *a)               \
    {                                                              \
        ag_axes axes = a->parameters > 1 ? axes_of(a, 1) : AG_ALL; \
        return ag_##name(a->x[0], axes, a->p[0] ? AG_KEEPDIM : 0); \
    }
#define LISTED(name)                                                 \
    static ag_tensor call_##name(const arguments *a)                 \
    {                                                                \
        return ag_##name((ag_list){ a->x, a->count }, (int)a->p[0]); \
    }

static ag_axes axes_of(const arguments *a, int first)
{
    ag_axes axes = { 0 };
    for (int i = first; i < a->parameters && axes.count < AG_MAX_RANK; i++)
        axes.axis[axes.count++] = (int)a->p[i];
    return axes;
}

static ag_shape shape_of(const arguments *a)
{
    ag_shape s = { .rank = a->parameters };
    for (int i = 0; i < a->parameters && i < AG_MAX_RANK; i++)
        s.dim[i] = (int64_t)a->p[i];
    return s;
}

/* clang-format off */
UNARY(neg) UNARY(square) UNARY(sqrt) UNARY(exp) UNARY(log) UNARY(sin) UNARY(cos) UNARY(tanh) UNARY(sigmoid) UNARY(relu)
UNARY(softplus) UNARY(abs) UNARY(sign) UNARY(sum) UNARY(mean) UNARY(max) UNARY(min)
UNARY_C(add_scalar) UNARY_C(mul_scalar) UNARY_C(pow_scalar) UNARY_C(leaky_relu) UNARY_C(maximum_scalar)
UNARY_C(minimum_scalar) UNARY_C(heaviside) C_UNARY(scalar_sub) C_UNARY(scalar_div) UNARY_CD(clamp)
BINARY(add) BINARY(sub) BINARY(mul) BINARY(div) BINARY(pow) BINARY(maximum) BINARY(minimum) BINARY(chain)
BINARY(less) BINARY(less_equal) BINARY(greater) BINARY(greater_equal) BINARY(equal) BINARY(not_equal) BINARY(matmul)
BINARY(dot) BINARY(cross_entropy) BINARY(mse) BINARY(bce) BINARY(bce_logits)
OVER(sum_over) OVER(mean_over) OVER(max_over) OVER(min_over) OVER(logsumexp)
UNARY_I(softmax) UNARY_I(log_softmax) UNARY_I(unsqueeze) UNARY_I(squeeze) UNARY_II(transpose) UNARY_II(flatten)
UNARY_II(select) LISTED(concat) LISTED(stack)
    /* clang-format on */

    static ag_tensor call_linear(const arguments *a)
{
    return ag_linear(a->x[0], a->x[1], a->count > 2 ? a->x[2] : (ag_tensor){ 0 });
}

/* Parameters: how many classes, and the dtype, which may be left out. */
static ag_tensor call_one_hot(const arguments *a)
{
    return ag_one_hot(a->x[0], (int64_t)a->p[0], a->parameters > 1 ? (ag_dtype)(int)a->p[1] : AG_I64);
}

static ag_tensor call_permute(const arguments *a)
{
    return ag_permute(a->x[0], axes_of(a, 0));
}

static ag_tensor call_reshape(const arguments *a)
{
    return ag_reshape(a->x[0], shape_of(a));
}

static ag_tensor call_expand(const arguments *a)
{
    return ag_expand(a->x[0], shape_of(a));
}

static ag_tensor call_slice(const arguments *a)
{
    int64_t stop = a->p[2] >= 0x1p62 ? INT64_MAX : (int64_t)a->p[2];
    return ag_slice(a->x[0], (int)a->p[0], (int64_t)a->p[1], stop, (int64_t)a->p[3]);
}

static ag_tensor call_embed(const arguments *a)
{
    return ag_embed(a->x[0], (int)a->p[0], (int64_t)a->p[1], (int64_t)a->p[2], (int64_t)a->p[3]);
}

static ag_tensor call_cast(const arguments *a)
{
    return ag_cast(a->x[0], (ag_dtype)(int)a->p[0]);
}

static ag_tensor call_where(const arguments *a)
{
    return ag_where(a->x[0], a->x[1], a->x[2]);
}

/* clang-format off */
#define ENTRY(name) { #name, call_##name }
static const named_op named_ops[] = {
    ENTRY(neg), ENTRY(square), ENTRY(sqrt), ENTRY(exp), ENTRY(log), ENTRY(sin), ENTRY(cos), ENTRY(tanh), ENTRY(sigmoid),
    ENTRY(relu), ENTRY(softplus), ENTRY(abs), ENTRY(sign), ENTRY(add_scalar), ENTRY(mul_scalar), ENTRY(scalar_sub),
    ENTRY(scalar_div), ENTRY(pow_scalar), ENTRY(leaky_relu), ENTRY(maximum_scalar), ENTRY(minimum_scalar), ENTRY(heaviside),
    ENTRY(clamp), ENTRY(add), ENTRY(sub), ENTRY(mul), ENTRY(div), ENTRY(pow), ENTRY(maximum), ENTRY(minimum),
    ENTRY(chain), ENTRY(less), ENTRY(less_equal), ENTRY(greater), ENTRY(greater_equal), ENTRY(equal),
    ENTRY(not_equal), ENTRY(sum), ENTRY(mean), ENTRY(max), ENTRY(min), ENTRY(sum_over), ENTRY(mean_over), ENTRY(max_over),
    ENTRY(min_over), ENTRY(logsumexp), ENTRY(softmax), ENTRY(log_softmax), ENTRY(matmul), ENTRY(dot), ENTRY(linear),
    ENTRY(cross_entropy), ENTRY(mse), ENTRY(bce), ENTRY(bce_logits), ENTRY(one_hot), ENTRY(transpose), ENTRY(permute),
    ENTRY(reshape), ENTRY(flatten), ENTRY(unsqueeze), ENTRY(squeeze), ENTRY(slice), ENTRY(select), ENTRY(embed),
    ENTRY(expand), ENTRY(concat), ENTRY(stack), ENTRY(cast), ENTRY(where),
};
/* clang-format on */

enum { NAMED_OPS = sizeof named_ops / sizeof *named_ops };

#undef UNARY
#undef UNARY_C
#undef UNARY_CD
#undef UNARY_I
#undef UNARY_II
#undef C_UNARY
#undef BINARY
#undef OVER
#undef LISTED
#undef ENTRY

static const named_op *op_named(const char *name)
{
    for (int i = 0; i < NAMED_OPS; i++)
        if (!strcmp(name, named_ops[i].name))
            return &named_ops[i];
    return NULL;
}

/* AG_FLOAT where there is none of that name. */
static ag_dtype dtype_named(const char *name)
{
    for (ag_dtype d = AG_F32; d <= AG_U8; d++)
        if (!strcmp(name, ag_dtype_name(d)))
            return d;
    return AG_FLOAT;
}

#endif
