/* What ops share whose results are values of x along an axis, output 0, and their places in it, output 1: their
 * derivative. */
#ifndef AG_OPS_PLACED_H
#define AG_OPS_PLACED_H

#include "ag/ops/reductions/lines.h"

/* Both results. */
static inline ag_placed ag_placed_of(const ag_op *op, ag_tensor x, const void *params)
{
    ag_tensor y[2];
    ag_apply_all(op, AG_LIST(x), params, y);
    return (ag_placed){ y[0], y[1] };
}

/* dx = dy added at the places, 0 elsewhere: as a rule and as a kernel. The results may lack the axis. */
ag_tensor ag_placed_vjp(const ag_call *c, int axis, ag_tensor dy);
ag_status ag_placed_vjp_fused(const ag_call *c, int axis, const ag_array *dy, const ag_array *dx, double beta);
/* What of dx is at the places. */
ag_tensor ag_placed_jvp(const ag_call *c, int axis, ag_tensor dx);

#endif
