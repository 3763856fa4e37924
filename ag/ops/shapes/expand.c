/* Elements repeated along axes. */
#include "ag/ops/shapes/views.h"

typedef struct expand_params {
    ag_shape shape;
} expand_params;

/* The shape asked for, with -1 replaced. */
static ag_status find_shape(const ag_call *c, const ag_array *x, ag_shape *s)
{
    char text[128];
    bool fits = s->rank >= x->shape.rank && s->rank <= AG_MAX_RANK;
    int missing = fits ? s->rank - x->shape.rank : 0;
    ag_shape asked = *s;
    for (int i = 0; fits && i < s->rank; i++) {
        int64_t extent = i < missing ? -1 : x->shape.dim[i - missing];
        if (s->dim[i] == -1)
            s->dim[i] = extent;
        fits = s->dim[i] >= 0 && (i < missing || extent == 1 || extent == s->dim[i]);
    }
    if (!fits)
        return ag_call_fail(c, AG_ESHAPE, "does not expand to %s", ag_shape_text(asked, text, sizeof text));
    if (ag_shape_size(*s) < 0 || ag_shape_size(*s) > INT64_MAX / 16)
        return ag_call_fail(c, AG_ELIMIT, "%s is too large", ag_shape_text(asked, text, sizeof text));
    return AG_OK;
}

static ag_status expand_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const expand_params *p = ag_call_params(c);
    ag_shape s = p->shape;
    ag_status status = find_shape(c, x, &s);
    if (!status)
        *y = ag_array_expand(x, s);
    return status;
}

/* The engine sums over the axes along which x was repeated. */
static void expand_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void expand_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const expand_params *p = ag_call_params(c);
    dy[0] = ag_expand(dx[0], p->shape);
}

static ag_status expand_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_reduce_to(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define EXPAND(to, ...)                                                                                                \
    { .params = &(const expand_params){ to }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(expand) = {
    .name = "expand",
    .formula = "x repeated along axes",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(expand_params),
    .shape = expand_shape,
    .vjp = expand_vjp,
    .jvp = expand_jvp,
    .vjp_fused = expand_vjp_fused,
    .samples = (const ag_sample[]){ EXPAND(AG_DIMS(4, 3), AG_DIMS(3)),
                                    EXPAND(AG_DIMS(2, 4), AG_DIMS(2, 1)),
                                    EXPAND(AG_DIMS(2, -1, 3), AG_DIMS(4, 1)),
                                    EXPAND(AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    EXPAND(AG_DIMS(3, 2, 2), AG_DIMS(1, 2, 1)),
                                    { 0 } },
};
/* clang-format on */

/* ag_expand - x repeated along axes of extent 1, and along new leading axes, to the shape s, in which -1 keeps an
 * extent. A view: nothing is copied.
 *   y[i,..] = x[0 or i,..]        dx = dy summed over the axes along which x was repeated
 * Errors: AG_ESHAPE if x does not broadcast to s. */
AG_API ag_tensor ag_expand(ag_tensor x, ag_shape s)
{
    const expand_params p = { s };
    return AG_APPLY(expand, AG_LIST(x), &p);
}
