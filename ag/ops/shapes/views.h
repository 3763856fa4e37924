/* What ops that rearrange, take or join parts of tensors share. */
#ifndef AG_OPS_VIEWS_H
#define AG_OPS_VIEWS_H

#include "ag/ops/define.h"

/* A tensor that an optional argument is not. */
static inline bool ag_absent(ag_tensor x)
{
    return !x.tape && !x.id && !x.epoch;
}

/* The shape of input i, in a rule. Its values are not read, so that they may have been written since. */
static inline ag_shape ag_call_input_shape(const ag_call *c, int i)
{
    return ag_layout_shape(ag_layout_at(c->tape, c->inputs[i]));
}

/* The tape and the shapes of a public function's operands, for functions that call others. NULL: not all can be used,
 * and who calls returns ag_inert(ag_list_tape(xs)). */
static inline ag_tape *ag_shapes_for(const char *who, ag_list xs, ag_shape *shapes)
{
    ag_tape *t = xs.count ? ag_common_tape(xs.at, xs.count, who) : NULL;
    for (size_t i = 0; t && i < xs.count; i++) {
        const uint32_t id = ag_resolve(t, xs.at[i], who, xs.count == 1 ? 0 : (int)i + 1);
        if (!id)
            return NULL;
        shapes[i] = ag_layout_shape(ag_layout_at(t, id));
    }
    return t;
}

/* The axis of such an operand counted from 0, or -1 and an error. */
static inline int ag_axis_for(const char *who, ag_tape *t, ag_shape s, int axis)
{
    char text[128];
    const int a = ag_axis(axis, s.rank);
    if (a < 0)
        ag_fail(t, AG_ESHAPE, "%s: %s has no axis %d", who, ag_shape_text(s, text, sizeof text), axis);
    return a;
}

/* The tangent of input i, zeros where it has none. */
static inline ag_tensor ag_call_tangent(const ag_call *c, const ag_tensor *dx, int i)
{
    const ag_layout *l = ag_layout_at(c->tape, c->inputs[i]);
    return dx[i].tape ? dx[i] : ag_zeros(c->tape, l->dtype, ag_layout_shape(l));
}

/* axis counted from 0, or -1 and an error */
static inline int ag_call_axis(const ag_call *c, int axis, int rank)
{
    int a = ag_axis(axis, rank);
    if (a < 0)
        ag_call_fail(c, AG_ESHAPE, "there is no axis %d", axis);
    return a;
}

static inline ag_status ag_call_axes_fail(const ag_call *c, ag_axes axes)
{
    char text[128];
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < axes.count && i < AG_MAX_RANK && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, i ? ", %d" : "%d", axes.axis[i]);
    return ag_call_fail(c, AG_ESHAPE, "of the axes %s one does not exist or is named twice", text);
}

/* Elements start, start + step, ... of an axis, `count` of them. */
static inline ag_array ag_region(const ag_array *a, int axis, int64_t start, int64_t count, int64_t step)
{
    ag_array r = *a;
    r.shape.dim[axis] = count;
    if (ag_array_size(a) == 0) /* nothing to point to, and steps that may overflow */
        return r;
    if (count > 0)
        r.data = (char *)a->data + start * a->stride[axis] * (int64_t)ag_dtype_size(a->dtype);
    if (count > 1)
        r.stride[axis] = step * a->stride[axis];
    return r;
}

/* A part of a gradient: the first contribution makes zeros of all else, later ones touch their own part alone. */
static inline void ag_add_to_part(const ag_call *c, const ag_array *dx, const ag_array *part, const ag_array *dy,
                                  double beta)
{
    if (beta == 0)
        ag_fill_array(dx, 0);
    ag_copy_array(part, dy, beta != 0, ag_call_threads(c));
}

/* ---- part.c */

/* to = zeros with x in the places start, start + step, ... of the axis. */
void ag_place_part(const ag_array *to, const ag_array *x, int axis, int64_t start, int64_t step, int threads);

/* a without an axis of extent 1 */
static inline ag_array ag_without_axis(const ag_array *a, int axis)
{
    ag_array r = *a;
    r.shape.rank--;
    for (int i = axis; i < r.shape.rank; i++) {
        r.shape.dim[i] = r.shape.dim[i + 1];
        r.stride[i] = r.stride[i + 1];
    }
    return r;
}

#endif
