/* Pools that take the largest element. */
#ifndef AG_OPS_CONVOLUTION_MAX_POOL_H
#define AG_OPS_CONVOLUTION_MAX_POOL_H

#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/pool.h"

typedef struct ag_max_pool {
    ag_dtype dtype;
    bool adaptive;
    ag_pool_axis axis[AG_SPATIAL];
    int64_t planes, source, result; /* elements of a plane */
    int64_t whole, wide;            /* of a padded copy: results of a row in whole vectors, elements of one; or 0 */
    size_t work;                    /* bytes for a thread */
} ag_max_pool;

/* Results in whole vectors. */
static inline int64_t ag_whole(int64_t n)
{
    return (n + 15) / 16 * 16;
}

/* ---- max_pool_run.c */

/* y and where its elements stand in their plane of x */
ag_status ag_max_pool_run(const ag_call *c, const ag_max_pool *p, const void *x, void *y, int64_t *index);
/* dx = dy at those places, else 0, or dx += that */
void ag_max_pool_back(const ag_max_pool *p, const void *dy, const int64_t *index, bool add, void *dx, int threads);

/* ---- max_pool.c: what all these ops do */

ag_status ag_max_pool_shape(const ag_call *c, const ag_array *x, ag_array *y);
ag_status ag_max_pool_forward(const ag_call *c, const ag_array *x, ag_array *y);
void ag_max_pool_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx);
void ag_max_pool_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy);
ag_status ag_max_pool_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta);
#define AG_MAX_POOL                                                                                    \
    .params_size = sizeof(ag_pool_params), .shape = ag_max_pool_shape, .forward = ag_max_pool_forward, \
    .vjp = ag_max_pool_vjp, .jvp = ag_max_pool_jvp, .vjp_fused = ag_max_pool_vjp_fused

/* ---- their samples */

/* clang-format off */
#define POOL(d, size, adapts, options_, ...) \
    { .params = &(const ag_pool_params){ .window = size, .options = options_, .adaptive = adapts, .spatial = d }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define WINDOW(...) AG_DIMS(__VA_ARGS__)
#define OPTIONS(...) { __VA_ARGS__ }
/* clang-format on */

#endif
