/* What ops along one axis share, and those that reduce axes lying side by side: an array as lines. */
#ifndef AG_OPS_LINES_H
#define AG_OPS_LINES_H

#include "ag/ops/shapes/views.h"

/* A dense array as [outer, n, inner]: outer times inner lines of n elements each, inner apart. */
typedef struct ag_lines {
    int64_t outer, n, inner;
} ag_lines;

/* The parameters of an op along one axis that has no others. */
typedef struct ag_along {
    int axis;
} ag_along;

/* The axis counted from 0; a number has one, too. -1: out of range. */
static inline int ag_line_axis(int axis, int rank)
{
    return ag_axis(axis, rank > 0 ? rank : 1);
}

static inline ag_lines ag_lines_of(const ag_shape *s, int axis)
{
    ag_lines l = { 1, s->rank > 0 ? s->dim[axis] : 1, 1 };
    for (int i = 0; i < axis; i++)
        l.outer = ag_times(l.outer, s->dim[i]);
    for (int i = axis + 1; i < s->rank; i++)
        l.inner = ag_times(l.inner, s->dim[i]);
    return l;
}

/* The lines of a dense array of this shape along the axis of an op whose parameters are an ag_along. */
static inline ag_lines ag_call_lines(const ag_call *c, const ag_shape *s)
{
    const ag_along *p = ag_call_params(c);
    return ag_lines_of(s, ag_line_axis(p->axis, s->rank));
}

/* y is like x, or an error: there is no such axis. */
static inline ag_status ag_along_shape(const ag_call *c, int axis, const ag_array *x, ag_array *y)
{
    if (ag_line_axis(axis, x->shape.rank) < 0)
        return ag_call_fail(c, AG_ESHAPE, "there is no axis %d", axis);
    y->shape = x->shape;
    y->dtype = x->dtype;
    return AG_OK;
}

static inline ag_status ag_floats_along_shape(const ag_call *c, int axis, const ag_array *x, ag_array *y)
{
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "is defined for f32 and f64; see ag_cast");
    return ag_along_shape(c, axis, x, y);
}

/* ---- lines.c: axes that are reduced */

/* Do the reduced axes lie side by side, so that a dense array of this shape has them as lines? */
bool ag_side_by_side(const ag_shape *s, const bool *reduced, ag_lines *l);
/* The dense x, or a copy with the reduced axes last where they do not lie so. AG_ENOMEM: there was no memory. */
ag_status ag_reduced_lines(const ag_call *c, const ag_array *x, ag_axes axes, ag_array *lined, ag_lines *l);
/* What becomes of `count` results' totals, from result `first` on. */
typedef void ag_finish_function(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y);
/* The totals of what is reduced, one for each result, some at a time. */
ag_status ag_fold_axes(const ag_call *c, const ag_fold *f, const ag_array *x, ag_axes axes, ag_finish_function *finish,
                       ag_array *y);

#endif
