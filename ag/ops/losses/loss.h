/* What losses share: what becomes of the values of the elements, and the losses of pairs of elements. */
#ifndef AG_OPS_LOSS_H
#define AG_OPS_LOSS_H

#include "ag/ops/losses/pairs.h"
#include "ag/ops/shapes/views.h"

typedef struct ag_loss_params { /* of a loss of pairs */
    int64_t reduce, kind;
    double c;
} ag_loss_params;

/* ---- loss.c */

/* Refuses what is no ag_reduce. */
ag_status ag_loss_check_reduce(const ag_call *c, int64_t reduce);
/* What the sum over elements of the given shape is divided by. */
int64_t ag_loss_divisor(int64_t reduce, ag_shape s);
/* The elements' losses reduced, for losses that are composed of ops. */
ag_tensor ag_loss_reduced(ag_tensor each, ag_reduce reduce);

/* An op of pairs, whose params are an ag_loss_params: its functions, but the rule and what its shape is to refuse more. */
ag_status ag_loss_shape(const ag_call *c, const ag_array *x, ag_array *y);
ag_status ag_loss_forward(const ag_call *c, const ag_array *x, ag_array *y);
ag_status ag_loss_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta);
/* What arrives at each element's loss: it has the operands' shape, or broadcasts to it. */
ag_tensor ag_loss_share(const ag_call *c, ag_tensor dy);
static inline ag_pair_kind ag_loss_kind(const ag_call *c)
{
    return (ag_pair_kind)((const ag_loss_params *)ag_call_params(c))->kind;
}
static inline double ag_loss_constant(const ag_call *c)
{
    return ((const ag_loss_params *)ag_call_params(c))->c;
}

/* Samples of an op of pairs, for each reduction. */
/* clang-format off */
#define AG_LOSS_SAMPLE(reduce, kind, c, low_a, high_a, low_b, high_b, ...)                                           \
    { .params = &(const ag_loss_params){ reduce, kind, c }, .low = { low_a, low_b }, .high = { high_a, high_b },      \
      .shape = { __VA_ARGS__, __VA_ARGS__ } }
#define AG_LOSS_ROWS(kind, c, ...)                                                                                   \
    AG_LOSS_SAMPLE(AG_REDUCE_MEAN, kind, c, __VA_ARGS__, AG_DIMS(5)),                                                 \
    AG_LOSS_SAMPLE(AG_REDUCE_MEAN, kind, c, __VA_ARGS__, AG_DIMS(3, 7)),                                              \
    AG_LOSS_SAMPLE(AG_REDUCE_MEAN, kind, c, __VA_ARGS__, { 0, { 0 } }),                                               \
    AG_LOSS_SAMPLE(AG_REDUCE_SUM, kind, c, __VA_ARGS__, AG_DIMS(2, 3)),                                               \
    AG_LOSS_SAMPLE(AG_REDUCE_BATCH_MEAN, kind, c, __VA_ARGS__, AG_DIMS(2, 3)),                                        \
    AG_LOSS_SAMPLE(AG_REDUCE_NONE, kind, c, __VA_ARGS__, AG_DIMS(3, 7)),                                              \
    AG_LOSS_SAMPLE(AG_REDUCE_NONE, kind, c, __VA_ARGS__, { 0, { 0 } })
#define AG_LOSS_SAMPLES(kind, c, ...) (const ag_sample[]){ AG_LOSS_ROWS(kind, c, __VA_ARGS__), { 0 } }
/* clang-format on */

#endif
