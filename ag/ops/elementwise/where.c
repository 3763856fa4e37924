/* The choice between two tensors, or a tensor and a number, element by element. */
#include "ag/ops/elementwise/choose.h"
#include "ag/ops/shapes/views.h"

static ag_status where_dtype(const ag_call *c, const ag_array *a, const ag_array *b, ag_array *y)
{
    bool floats = ag_is_float(a->dtype) && ag_is_float(b->dtype);
    y->dtype = a->dtype;
    if (a->dtype == b->dtype)
        return AG_OK;
    if (!floats || (a->shape.rank > 0 && b->shape.rank > 0))
        return ag_call_fail(c, AG_EDTYPE, "the dtypes of the values differ; see ag_cast");
    y->dtype = a->shape.rank > 0 ? a->dtype : b->shape.rank > 0 ? b->dtype : AG_F64;
    return AG_OK;
}

static ag_status where_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_shape values;
    if (x[0].dtype != AG_U8)
        return ag_call_fail(c, AG_EDTYPE, "the condition must be u8, as comparisons give it");
    if (!ag_shape_broadcast(x[1].shape, x[2].shape, &values) || !ag_shape_broadcast(x[0].shape, values, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes do not broadcast");
    return where_dtype(c, &x[1], &x[2], y);
}

static ag_status where_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_array e[3];
    double number[3]; /* a rank-0 operand in the result's dtype */
    for (int i = 0; i < 3; i++) {
        ag_array operand = x[i];
        if (i > 0 && x[i].dtype != y->dtype) {
            operand.dtype = y->dtype;
            operand.data = &number[i];
            ag_copy_array(&operand, &x[i], false, 1);
        }
        e[i] = ag_array_expand(&operand, y->shape);
    }
    ag_choose_elements(y, &e[0], &e[1], &e[2], ag_call_threads(c));
    return AG_OK;
}

static void where_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor condition = ag_call_input(c, 0), zero = ag_constant(ag_call_tape(c), 0);
    if (ag_call_needs(c, 1))
        dx[1] = ag_where(condition, dy[0], zero);
    if (ag_call_needs(c, 2))
        dx[2] = ag_where(condition, zero, dy[0]);
}

/* Of the tangents da and db one may be absent, which is 0. */
static void where_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    ag_tensor condition = ag_call_input(c, 0), zero = ag_constant(ag_call_tape(c), 0);
    ag_shape y = ag_layout_shape(ag_layout_at(c->tape, c->id));
    dy[0] = ag_expand(ag_where(condition, dx[1].tape ? dx[1] : zero, dx[2].tape ? dx[2] : zero), y);
}

/* What both operands receive. */
static ag_status both_back(const ag_call *c, const ag_chosen *to, const ag_array *condition, const ag_array *dy)
{
    const bool alike[2] = { ag_chosen_alike(to[0].dx, dy), ag_chosen_alike(to[1].dx, dy) };
    for (int i = 0; i < 2; i++)
        if (!alike[i] && alike[1 - i] && ag_array_is_dense(to[1 - i].dx))
            return ag_chosen_back(c, &to[i], &to[1 - i], condition, dy);
    if (alike[0] && alike[1] && !to[0].add && !to[1].add) {
        ag_chosen_part(to[0].dx, to[1].dx, condition, dy, ag_call_threads(c));
        return AG_OK;
    }
    const ag_status status = ag_chosen_back(c, &to[0], NULL, condition, dy);
    return status ? status : ag_chosen_back(c, &to[1], NULL, condition, dy);
}

static ag_status where_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *condition = ag_call_input_array(c, 0);
    if (!condition)
        return AG_EUSE;
    for (int i = 1; i < 3; i++)
        if (dx[i].data && !ag_chosen_takes(&dx[i], dy))
            return AG_USE_RULE;
    const ag_array e = ag_array_expand(condition, dy->shape);
    const ag_chosen to[2] = { { &dx[1], false, beta[1] != 0 }, { &dx[2], true, beta[2] != 0 } };
    if (dx[1].data && dx[2].data)
        return both_back(c, to, &e, dy);
    return ag_chosen_back(c, &to[dx[1].data ? 0 : 1], NULL, &e, dy);
}

/* clang-format off */
#define WHERE(...)                                                                                                     \
    { .low = { 0, -2, -2 }, .high = { 2, 2, 2 }, .dtype = { AG_U8 }, .shape = { __VA_ARGS__ } }

AG_OP(where) = {
    .name = "where",
    .formula = "a where c, else b",
    .inputs = 3,
    .flags = AG_STRIDED,
    .shape = where_shape,
    .forward = where_forward,
    .vjp = where_vjp,
    .jvp = where_jvp,
    .vjp_fused = where_vjp_fused,
    .samples = (const ag_sample[]){ WHERE(AG_DIMS(3, 4), AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    WHERE(AG_DIMS(4), AG_DIMS(3, 1), AG_DIMS(1, 4)),
                                    WHERE(AG_DIMS(2, 3), AG_DIMS(3), { 0 }),
                                    WHERE(AG_DIMS(2, 3), AG_DIMS(3), AG_DIMS(2, 3)),
                                    WHERE(AG_DIMS(3), { 0 }, AG_DIMS(2, 3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_where - a where the condition c (u8) is not 0, else b; all three broadcast.
 *   y = c ? a : b        da = c ? dy : 0    db = c ? 0 : dy
 * What is not chosen contributes 0 even if its derivative is not finite.
 * Errors: AG_EDTYPE if c is not u8 or the dtypes of a and b differ; AG_ESHAPE if the shapes do not broadcast. */
AG_API ag_tensor ag_where(ag_tensor c, ag_tensor a, ag_tensor b)
{
    return AG_APPLY(where, AG_LIST(c, a, b), NULL);
}

/* ---- with a number: where_scalar of the condition and x, masked_fill of x and the mask */

typedef struct choice_params {
    double number;
} choice_params;

static bool fills(const ag_call *c)
{
    return c->op == &ag_op_masked_fill;
}

static ag_status choice_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const choice_params *p = ag_call_params(c);
    const int k = fills(c) ? 0 : 1; /* x */
    _Alignas(8) char number[8];
    y->dtype = x[k].dtype;
    if (x[1 - k].dtype != AG_U8)
        return ag_call_fail(c, AG_EDTYPE, "the %s must be u8, as comparisons give it", fills(c) ? "mask" : "condition");
    if (!ag_shape_broadcast(x[0].shape, x[1].shape, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes do not broadcast");
    if (ag_is_float(y->dtype))
        return AG_OK;
    const ag_array one = ag_dense_array(AG_SCALAR, y->dtype, number);
    ag_fill_array(&one, p->number);
    if (p->number >= 0x1p63 || (double)ag_array_get_integer(&one, 0) != p->number)
        return ag_call_fail(c, AG_EARG, "the number %g is no %s; see ag_cast", p->number, ag_dtype_name(y->dtype));
    return AG_OK;
}

static ag_status choice_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const choice_params *p = ag_call_params(c);
    const bool fill = fills(c);
    _Alignas(8) char number[8];
    const ag_array one = ag_dense_array(AG_SCALAR, y->dtype, number);
    ag_fill_array(&one, p->number);
    const ag_array condition = ag_array_expand(&x[fill ? 1 : 0], y->shape),
                   e = ag_array_expand(&x[fill ? 0 : 1], y->shape), other = ag_array_expand(&one, y->shape);
    ag_choose_elements(y, &condition, fill ? &other : &e, fill ? &e : &other, ag_call_threads(c));
    return AG_OK;
}

static ag_tensor chosen(const ag_call *c, ag_tensor dy)
{
    return fills(c) ? ag_masked_fill(dy, ag_call_input(c, 1), 0) : ag_where_scalar(ag_call_input(c, 0), dy, 0);
}

static void choice_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[fills(c) ? 0 : 1] = chosen(c, dy[0]);
}

static void choice_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = chosen(c, dx[fills(c) ? 0 : 1]);
}

static ag_status choice_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const int k = fills(c) ? 0 : 1;
    const ag_array *condition = ag_call_input_array(c, 1 - k);
    if (!condition)
        return AG_EUSE;
    if (!ag_chosen_takes(&dx[k], dy))
        return AG_USE_RULE;
    const ag_array e = ag_array_expand(condition, dy->shape);
    return ag_chosen_back(c, &(ag_chosen){ &dx[k], fills(c), beta[k] != 0 }, NULL, &e, dy);
}

/* clang-format off */
#define NUMBER .params = &(const choice_params){ 3 }
#define CHOICE(...) { NUMBER, .low = { 0, -2 }, .high = { 2, 2 }, .dtype = { AG_U8 }, .shape = { __VA_ARGS__ } }
#define FILL(...) { NUMBER, .low = { -2, 0 }, .high = { 2, 2 }, .dtype = { 0, AG_U8 }, .shape = { __VA_ARGS__ } }

AG_OP(where_scalar) = {
    .name = "where_scalar",
    .formula = "x where c, else a number",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(choice_params),
    .shape = choice_shape,
    .forward = choice_forward,
    .vjp = choice_vjp,
    .jvp = choice_jvp,
    .vjp_fused = choice_vjp_fused,
    .samples = (const ag_sample[]){ CHOICE(AG_DIMS(3, 4), AG_DIMS(3, 4)), CHOICE(AG_DIMS(3, 1), AG_DIMS(4)),
                                    CHOICE({ 0 }, AG_DIMS(2, 3)), { 0 } },
};

AG_OP(masked_fill) = {
    .name = "masked_fill",
    .formula = "a number where the mask, else x",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(choice_params),
    .shape = choice_shape,
    .forward = choice_forward,
    .vjp = choice_vjp,
    .jvp = choice_jvp,
    .vjp_fused = choice_vjp_fused,
    .samples = (const ag_sample[]){ FILL(AG_DIMS(3, 4), AG_DIMS(3, 4)), FILL(AG_DIMS(4), AG_DIMS(3, 1)),
                                    FILL(AG_DIMS(2, 3), { 0 }), { 0 } },
};
/* clang-format on */

/* ag_where_scalar - x where the condition c (u8) is not 0, else the number; c and x broadcast, x is of any dtype.
 *   y = c ? x : number        dx = c ? dy : 0, whatever dy is elsewhere
 * Errors: AG_EDTYPE if c is not u8; AG_ESHAPE if the shapes do not broadcast; AG_EARG if integers x cannot be the number. */
AG_API ag_tensor ag_where_scalar(ag_tensor c, ag_tensor x, double number)
{
    const choice_params p = { number };
    return AG_APPLY(where_scalar, AG_LIST(c, x), &p);
}

/* ag_masked_fill - the number where the mask (u8) is not 0, else x; both broadcast, x is of any dtype.
 *   y = mask ? number : x        dx = mask ? 0 : dy, whatever dy is there
 * Errors: AG_EDTYPE if the mask is not u8; AG_ESHAPE if the shapes do not broadcast; AG_EARG if integers x cannot be the
 * number. */
AG_API ag_tensor ag_masked_fill(ag_tensor x, ag_tensor mask, double number)
{
    const choice_params p = { number };
    return AG_APPLY(masked_fill, AG_LIST(x, mask), &p);
}
