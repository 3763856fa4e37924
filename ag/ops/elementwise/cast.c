/* Another dtype for the same values. */
#include "ag/ops/shapes/views.h"

typedef struct cast_params {
    ag_dtype dtype;
} cast_params;

static ag_status cast_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const cast_params *p = ag_call_params(c);
    y->shape = x->shape;
    y->dtype = ag_real_dtype(c->tape, p->dtype);
    if (!ag_dtype_size(y->dtype))
        return ag_call_fail(c, AG_EDTYPE, "%d is no dtype", (int)p->dtype);
    return AG_OK;
}

static ag_status cast_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_copy_array(y, x, false, ag_call_threads(c));
    return AG_OK;
}

/* The engine casts to x's dtype. */
static void cast_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void cast_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const cast_params *p = ag_call_params(c);
    dy[0] = ag_cast(dx[0], p->dtype);
}

static ag_status cast_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_copy_array(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
/* Between floating types. The checks run in f64, where only the identity has derivatives to compare. */
AG_OP(cast) = {
    .name = "cast",
    .formula = "x in another floating type",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(cast_params),
    .shape = cast_shape,
    .forward = cast_forward,
    .vjp = cast_vjp,
    .jvp = cast_jvp,
    .vjp_fused = cast_vjp_fused,
    .samples = (const ag_sample[]){ { .params = &(const cast_params){ AG_F64 },
                                      .low = { -2 },
                                      .high = { 2 },
                                      .shape = { AG_DIMS(2, 3) } },
                                    { 0 } },
};

/* To an integer type, where derivatives end. */
AG_OP(cast_integer) = {
    .name = "cast_integer",
    .formula = "x truncated toward zero",
    .inputs = 1,
    .flags = AG_STRIDED | AG_NO_GRADIENT,
    .params_size = sizeof(cast_params),
    .shape = cast_shape,
    .forward = cast_forward,
    .samples = (const ag_sample[]){ { .params = &(const cast_params){ AG_I32 },
                                      .low = { -5 },
                                      .high = { 5 },
                                      .shape = { AG_DIMS(2, 3) } },
                                    { .params = &(const cast_params){ AG_I64 },
                                      .low = { -5 },
                                      .high = { 5 },
                                      .shape = { AG_DIMS(4) } },
                                    { .params = &(const cast_params){ AG_U8 },
                                      .low = { -5 },
                                      .high = { 300 },
                                      .shape = { AG_DIMS(4) } },
                                    { 0 } },
};
/* clang-format on */

/* ag_cast - x as dtype d (AG_FLOAT: the tape's); x itself if that is its dtype. To an integer type: truncated toward
 * zero; what the type cannot hold becomes the nearest that it can, NaN becomes 0.
 *   y = x        dx = dy between f32 and f64, else none
 * Errors: AG_EDTYPE if d is no dtype. */
AG_API ag_tensor ag_cast(ag_tensor x, ag_dtype d)
{
    ag_tape *t = x.tape;
    uint32_t id = t ? ag_resolve(t, x, "ag_cast", 0) : 0;
    if (!id)
        return ag_inert(t);
    const cast_params p = { ag_real_dtype(t, d) };
    if (ag_layout_at(t, id)->dtype == p.dtype)
        return x;
    if (ag_dtype_size(p.dtype) && !ag_is_float(p.dtype))
        return AG_APPLY(cast_integer, AG_LIST(x), &p);
    return AG_APPLY(cast, AG_LIST(x), &p);
}
