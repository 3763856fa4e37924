/* The same elements, in row-major order, under another shape. */
#include "ag/ops/shapes/views.h"

/* ---- reshape */

typedef struct reshape_params {
    ag_shape shape;
} reshape_params;

/* Replaces the extent -1. */
static ag_status find_extents(const ag_call *c, int64_t size, ag_shape *s)
{
    int unknown = -1;
    char text[128];
    ag_shape known = *s;
    if (s->rank < 0 || s->rank > AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "a shape has 0 to %d dimensions, not %d", AG_MAX_RANK, s->rank);
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] != -1)
            continue;
        if (unknown >= 0)
            return ag_call_fail(c, AG_ESHAPE, "%s has more than one -1", ag_shape_text(*s, text, sizeof text));
        unknown = i;
        known.dim[i] = 1;
    }
    int64_t count = ag_shape_size(known);
    if (unknown >= 0 && count > 0 && size % count == 0)
        s->dim[unknown] = size / count;
    else if (unknown >= 0 || count != size)
        return ag_call_fail(c, AG_ESHAPE, "%lld elements do not make the shape %s", (long long)size,
                            ag_shape_text(*s, text, sizeof text));
    return AG_OK;
}

/* Strides with which y's shape steps through x's memory. Dimensions of x that are evenly spaced are one run, from the
 * innermost on; dimensions of y must fill each run exactly. False: they do not. */
static bool find_strides(const ag_array *x, ag_array *y)
{
    int next = y->shape.rank - 1;
    int64_t run = 1, filled = 1, step = x->shape.rank > 0 ? x->stride[x->shape.rank - 1] : 1;
    for (int i = x->shape.rank - 1; i >= 0; i--) {
        run *= x->shape.dim[i];
        bool goes_on = i > 0 && (x->shape.dim[i - 1] == 1 || x->stride[i - 1] == run * step);
        if (goes_on)
            continue;
        for (; next >= 0 && (filled < run || y->shape.dim[next] == 1); next--) {
            y->stride[next] = filled * step;
            filled *= y->shape.dim[next];
        }
        if (filled != run)
            return false;
        if (i > 0)
            step = x->stride[i - 1];
        run = filled = 1;
    }
    for (; next >= 0; next--) /* x has rank 0 */
        y->stride[next] = 1;
    return true;
}

static ag_status reshape_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const reshape_params *p = ag_call_params(c);
    ag_shape s = p->shape;
    ag_status status = find_extents(c, ag_array_size(x), &s);
    if (status)
        return status;
    *y = *x;
    y->shape = s;
    if (ag_array_is_dense(x))
        ag_array_dense(y);
    else if (!find_strides(x, y))
        y->data = NULL; /* a copy */
    return AG_OK;
}

static void reshape_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_reshape(dy[0], ag_call_input_shape(c, 0));
}

static void reshape_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const reshape_params *p = ag_call_params(c);
    dy[0] = ag_reshape(dx[0], p->shape);
}

/* clang-format off */
#define RESHAPE(to, ...)                                                                                               \
    { .params = &(const reshape_params){ to }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(reshape) = {
    .name = "reshape",
    .formula = "x under another shape",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(reshape_params),
    .shape = reshape_shape,
    .vjp = reshape_vjp,
    .jvp = reshape_jvp,
    .samples = (const ag_sample[]){ RESHAPE(AG_DIMS(6), AG_DIMS(2, 3)),
                                    RESHAPE(AG_DIMS(3, -1), AG_DIMS(2, 6)),
                                    RESHAPE(AG_DIMS(2, 3, 2), AG_DIMS(12)),
                                    RESHAPE(AG_DIMS(2, 2, 1, 3), AG_DIMS(4, 3)),
                                    RESHAPE(AG_DIMS(4, 1, 3), AG_DIMS(2, 2, 3)),
                                    RESHAPE(AG_DIMS(1, 1), AG_DIMS(1)),
                                    { 0 } },
};
/* clang-format on */

/* ag_reshape - the same elements in row-major order under the shape s, of which one extent may be -1, to be found out.
 * A view where x's strides allow it, else a copy.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if the shape has another number of elements, or more than one -1. */
AG_API ag_tensor ag_reshape(ag_tensor x, ag_shape s)
{
    reshape_params p;
    ag_shape_bytes(s, &p.shape); /* params are compared from step to step */
    return AG_APPLY(reshape, AG_LIST(x), &p);
}

/* ag_view_as - ag_reshape to the shape of another tensor, which gets no gradient.
 * Errors: AG_ESHAPE if that has another number of elements. */
AG_API ag_tensor ag_view_as(ag_tensor x, ag_tensor like)
{
    ag_shape s[2];
    return ag_shapes_for("ag_view_as", AG_LIST(x, like), s) ? ag_reshape(x, s[1])
                                                            : ag_inert(ag_list_tape(AG_LIST(x, like)));
}

/* ag_flatten - the axes first ... last as one. A rank-0 x becomes a vector of one element.
 * Errors: AG_ESHAPE if there are no such axes, or last is before first. */
AG_API ag_tensor ag_flatten(ag_tensor x, int first, int last)
{
    ag_shape s, flat = { 0 };
    ag_tape *t = ag_shapes_for("ag_flatten", AG_LIST(x), &s);
    if (!t)
        return ag_inert(x.tape);
    int rank = s.rank > 0 ? s.rank : 1, from = ag_axis(first, rank), to = ag_axis(last, rank);
    if (from < 0 || to < from) {
        char text[128];
        ag_fail(t, AG_ESHAPE, "ag_flatten: %s has no axes %d to %d", ag_shape_text(s, text, sizeof text), first, last);
        return ag_inert(t);
    }
    if (s.rank == 0)
        return ag_reshape(x, AG_SHAPE(1));
    for (int i = 0; i < s.rank; i++) {
        int last = flat.rank - 1;
        if (i <= from || i > to) {
            flat.dim[flat.rank++] = s.dim[i];
        } else if (__builtin_mul_overflow(flat.dim[last], s.dim[i], &flat.dim[last])) { /* beside an extent of 0 */
            ag_fail(t, AG_ELIMIT, "ag_flatten: an extent would be too large");
            return ag_inert(t);
        }
    }
    return ag_reshape(x, flat);
}

/* ---- unsqueeze, squeeze */

typedef struct axis_params {
    int axis;
} axis_params;

static ag_status unsqueeze_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const axis_params *p = ag_call_params(c);
    int axis = ag_call_axis(c, p->axis, x->shape.rank + 1);
    if (axis < 0)
        return AG_ESHAPE;
    if (x->shape.rank == AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "a tensor has at most %d dimensions", AG_MAX_RANK);
    *y = *x;
    y->shape.rank++;
    for (int i = x->shape.rank; i > axis; i--) {
        y->shape.dim[i] = x->shape.dim[i - 1];
        y->stride[i] = x->stride[i - 1];
    }
    y->shape.dim[axis] = 1;
    y->stride[axis] = 1;
    return AG_OK;
}

static void unsqueeze_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const axis_params *p = ag_call_params(c);
    dx[0] = ag_squeeze(dy[0], p->axis);
}

static void unsqueeze_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const axis_params *p = ag_call_params(c);
    dy[0] = ag_unsqueeze(dx[0], p->axis);
}

/* clang-format off */
#define AXIS(axis, ...)                                                                                                \
    { .params = &(const axis_params){ axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(unsqueeze) = {
    .name = "unsqueeze",
    .formula = "x with an axis of extent 1 inserted",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(axis_params),
    .shape = unsqueeze_shape,
    .vjp = unsqueeze_vjp,
    .jvp = unsqueeze_jvp,
    .samples = (const ag_sample[]){ AXIS(0, AG_DIMS(2, 3)),
                                    AXIS(1, AG_DIMS(2, 3)),
                                    AXIS(-1, AG_DIMS(2, 3)),
                                    AXIS(-3, AG_DIMS(2, 3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_unsqueeze - x with an axis of extent 1 inserted, so that it becomes axis `axis` of the result. A view.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if the result can have no such axis. */
AG_API ag_tensor ag_unsqueeze(ag_tensor x, int axis)
{
    const axis_params p = { axis };
    return AG_APPLY(unsqueeze, AG_LIST(x), &p);
}

static ag_status squeeze_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const axis_params *p = ag_call_params(c);
    int axis = ag_call_axis(c, p->axis, x->shape.rank);
    if (axis < 0)
        return AG_ESHAPE;
    *y = x->shape.dim[axis] == 1 ? ag_without_axis(x, axis) : *x;
    return AG_OK;
}

static void squeeze_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_reshape(dy[0], ag_call_input_shape(c, 0));
}

static void squeeze_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const axis_params *p = ag_call_params(c);
    dy[0] = ag_squeeze(dx[0], p->axis);
}

AG_OP(squeeze) = {
    .name = "squeeze",
    .formula = "x without an axis of extent 1",
    .inputs = 1,
    .flags = AG_VIEW,
    .params_size = sizeof(axis_params),
    .shape = squeeze_shape,
    .vjp = squeeze_vjp,
    .jvp = squeeze_jvp,
    .samples = (const ag_sample[]){ AXIS(0, AG_DIMS(1, 3)),
                                    AXIS(-1, AG_DIMS(2, 3, 1)),
                                    AXIS(1, AG_DIMS(2, 1, 3)),
                                    AXIS(0, AG_DIMS(1)),
                                    AXIS(1, AG_DIMS(2, 3)),
                                    { 0 } },
};

/* ag_squeeze - x without the axis if its extent is 1, else x as it is. A view.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_squeeze(ag_tensor x, int axis)
{
    const axis_params p = { axis };
    return AG_APPLY(squeeze, AG_LIST(x), &p);
}
