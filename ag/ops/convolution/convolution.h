/* What the ops that convolve share: their parameters, and what follows from these and the operands' shapes.
 *
 * y, x and w are linear in each other, and so are the ops of a family: from x and w results y (ag_conv2d), from y and w
 * what has x's shape (ag_conv_transpose2d, the derivative by x), from x and y what has w's (the derivative by w). The
 * derivatives of each are the other two. */
#ifndef AG_OPS_CONVOLUTION_H
#define AG_OPS_CONVOLUTION_H

#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"
#include "ag/ops/convolution/pool.h"
#include "ag/ops/shapes/views.h"

typedef struct ag_conv_params {
    ag_conv_options options;
    int64_t spatial; /* 1, 2 or 3 */
    /* Of a rule's, which takes the options' padding for worked out: how much follows, and the extents of w. */
    int64_t of_rule, after[AG_SPATIAL], kernel[AG_SPATIAL];
} ag_conv_params;

/* ---- geometry.c */

/* What there is to compute, from the first two operands: x and w, y and w, or x and y. Errors are reported. */
ag_status ag_conv_settle(const ag_call *c, ag_conv_result result, const ag_array *operands, ag_conv *v);
/* The shape of the result, which has a batch if the first operand has one. */
ag_shape ag_conv_result_shape(const ag_call *c, ag_conv_result result, const ag_conv *v, bool batch);
/* The same with checks of all operands: the op's shape rule. */
ag_status ag_conv_shape(const ag_call *c, ag_conv_result result, const ag_array *x, ag_array *y);
/* Parameters that make the others of the family from v. */
ag_conv_params ag_conv_params_of(const ag_call *c, const ag_conv *v);
/* The sum of dy over all but its channels. */
ag_tensor ag_conv_bias_gradient(const ag_call *c, ag_tensor dy);
void ag_conv_bias_back(const ag_call *c, const ag_array *dy, const ag_array *db, double beta);

/* Every element of one of the three meets those of the weight that belong to a channel. */
static inline double ag_conv_flops(const ag_array *each, const ag_array *w)
{
    const double channels = (double)w->shape.dim[0];
    return channels > 0 ? 2 * (double)ag_array_size(each) * (double)ag_array_size(w) / channels : 0;
}

/* ---- conv.c */
ag_tensor ag_conv_y(ag_list operands, const ag_conv_params *p); /* in one to three dimensions */

/* ---- conv_transpose.c */
ag_tensor ag_conv_x(ag_list operands, const ag_conv_params *p);

/* ---- conv_weight.c */
ag_tensor ag_conv_w(ag_list operands, const ag_conv_params *p);

#endif
