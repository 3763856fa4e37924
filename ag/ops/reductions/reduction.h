/* What reductions over axes share: their parameters and shapes. */
#ifndef AG_OPS_REDUCTION_H
#define AG_OPS_REDUCTION_H

#include "ag/ops/shapes/views.h"

/* Of the ops that reduce over everything there are none. */
static inline ag_reduction ag_reduction_of(const ag_call *c)
{
    return c->op->params_size ? *(const ag_reduction *)ag_call_params(c) : (ag_reduction){ AG_ALL, 0 };
}

/* The shape s with extent 1 for what is reduced. */
static inline ag_shape ag_reduction_kept(const ag_call *c, ag_shape s)
{
    bool reduced[AG_MAX_RANK] = { false };
    ag_axes_mask(ag_reduction_of(c).axes, s.rank, reduced);
    for (int i = 0; i < s.rank; i++)
        if (reduced[i])
            s.dim[i] = 1;
    return s;
}

static inline ag_status ag_reduction_shape(const ag_call *c, ag_shape x, ag_shape *y)
{
    ag_reduction p = ag_reduction_of(c);
    bool reduced[AG_MAX_RANK];
    if (p.flags & ~AG_KEEPDIM)
        return ag_call_fail(c, AG_EARG, "the flags %d are unknown; see AG_KEEPDIM", p.flags);
    if (!ag_axes_mask(p.axes, x.rank, reduced))
        return ag_call_axes_fail(c, p.axes);
    *y = AG_SCALAR;
    for (int i = 0; i < x.rank; i++)
        if (!reduced[i] || p.flags & AG_KEEPDIM)
            y->dim[y->rank++] = reduced[i] ? 1 : x.dim[i];
    return AG_OK;
}

/* A dense result, or its adjoint, with the reduced axes of x kept. */
static inline ag_array ag_reduction_array(const ag_call *c, const ag_array *y, ag_shape x)
{
    ag_array kept = { .data = y->data, .dtype = y->dtype, .shape = ag_reduction_kept(c, x) };
    ag_array_dense(&kept);
    return kept;
}

/* An adjoint of the result as a view that has x's shape. */
static inline ag_tensor ag_reduction_spread(const ag_call *c, ag_tensor dy, ag_shape x)
{
    ag_reduction p = ag_reduction_of(c);
    bool kept = p.flags & AG_KEEPDIM || p.axes.count < 0 || x.rank == 0; /* it broadcasts as it is */
    return ag_expand(kept ? dy : ag_reshape(dy, ag_reduction_kept(c, x)), x);
}

#endif
