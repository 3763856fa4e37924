/* What pools share: windows. */
#ifndef AG_OPS_CONVOLUTION_POOL_H
#define AG_OPS_CONVOLUTION_POOL_H

#include "ag/ops/convolution/kernels.h"
#include "ag/ops/shapes/views.h"

typedef struct ag_pool_params {
    ag_shape window;
    ag_pool_options options;
    int64_t adaptive; /* the window is the result's extents */
    int64_t spatial;
} ag_pool_params;

/* One dimension: result i has the elements i stride - before + k dilation, k < window, that are there. */
typedef struct ag_pool_axis {
    int64_t source, result, window, stride, before, dilation;
} ag_pool_axis;

/* Where an adaptive window begins; that before it ends above where the next one begins, rounded up. */
static inline int64_t ag_adaptive_first(int64_t i, int64_t source, int64_t result)
{
    return i / result * source + i % result * source / result;
}
static inline int64_t ag_adaptive_end(int64_t i, int64_t source, int64_t result)
{
    return (i + 1) / result * source + ((i + 1) % result * source + result - 1) / result;
}

/* ---- pool.c */

/* The axes of a pool over the last dimensions of x, those that are missing of extent 1. Errors are reported. */
ag_status ag_pool_settle(const ag_call *c, const ag_pool_params *p, ag_shape x, ag_pool_axis *axis);
/* Options of that name, one for each dimension and none beyond: all from 0 on, or (least 1) all zero or none. */
ag_status ag_check_spatial(const ag_call *c, const char *name, const int64_t *list, int64_t least, int64_t spatial);
/* Under debug: warns of a square window padded along its first dimension alone, as { 1 } says it. */
void ag_watch_padding(const ag_call *c, const int64_t *padding, const int64_t *window, int64_t spatial);
ag_status ag_pool_check_rank(const ag_call *c, ag_shape x, int64_t spatial);

#endif
