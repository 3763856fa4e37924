/* Norms of sets of channels, over arrays. */
#ifndef AG_OPS_NORM_CHANNEL_RUN_H
#define AG_OPS_NORM_CHANNEL_RUN_H

#include "ag/ops/normalization/kernels.h"
#include "ag/record/record.h"

/* Of the ops. */
typedef struct ag_channel_norm_params {
    int64_t groups; /* 0: channels of a batch */
    double eps;
    bool given, weight, bias; /* which operands follow x: a mean and a variance, a weight, a bias */
} ag_channel_norm_params;

/* Elements of a channel of an example. */
static inline int64_t ag_norm_inner(const ag_shape *x)
{
    int64_t inner = 1;
    for (int i = 2; i < x->rank; i++)
        inner = ag_times(inner, x->dim[i]);
    return inner;
}

/* x[outer,channels,inner]. A set is a group of an example's channels, `groups` of which an example has; or, where that is
 * 0, a channel of all examples. Of each set there are a mean and a variance, of each channel a weight and a bias. */
typedef struct ag_channel_norm {
    int64_t outer, channels, inner, groups;
    double eps;
    bool given;                        /* mean and variance are not x's own */
    ag_array x, y, dy, dx;             /* y: forward; dy and dx: backward, dx.data NULL where it is not wanted */
    bool add;                          /* to what dx holds */
    const ag_array *weight, *bias;     /* NULL: ones, zeros */
    double *mean, *variance;           /* of each set */
    const ag_array *dmean, *dvariance; /* what arrived at these, or NULL */
    double *dweight, *dbias;           /* of each channel, or NULL */
} ag_channel_norm;

static inline int64_t ag_channel_sets(const ag_channel_norm *n)
{
    return n->groups ? n->outer * n->groups : n->channels;
}

/* ---- channel_run.c; AG_ENOMEM, and nothing is written. */

ag_status ag_channel_norm_forward(const ag_call *c, const ag_channel_norm *n);
ag_status ag_channel_norm_back(const ag_call *c, const ag_channel_norm *n);

/* ---- channel_norm.c */

/* to = beta to + sums, of n elements */
void ag_norm_put(int64_t n, const double *sums, const ag_array *to, double beta);

#endif
