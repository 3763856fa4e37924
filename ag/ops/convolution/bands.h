/* Pools that average and interpolation: linear maps, one for each dimension. A band says of each result which
 * neighbouring elements of the source it is a sum of, with which weights; the derivative has the transposed bands. */
#ifndef AG_OPS_CONVOLUTION_BANDS_H
#define AG_OPS_CONVOLUTION_BANDS_H

#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/pool.h"

typedef enum ag_band_kind { AG_BAND_POOL, AG_BAND_ADAPTIVE, AG_BAND_INTERPOLATE } ag_band_kind;

typedef struct ag_band_params {
    ag_pool_params pool; /* for AG_BAND_ADAPTIVE the window is the result's extents */
    ag_interpolate_options interpolate;
    ag_shape source; /* of the derivative, for rules: the shape that it makes */
    int64_t kind;    /* an ag_band_kind */
} ag_band_params;

/* result[i] = sum of weight[at[i] + j] source[first[i] + j], j < at[i + 1] - at[i], divided by divisor[i] */
typedef struct ag_band {
    int64_t source, result;
    int64_t *first, *at;
    double *weight, *divisor;
    int few;              /* 1 or 2: at most so many elements each, at least one, and no divisor; else 0 */
    double *left, *right; /* of few, the weights of the first element and of the next, 0: there is none */
} ag_band;

/* ---- bands.c */

/* The extents of the result. Errors are reported. */
ag_status ag_band_extents(const ag_call *c, const ag_band_params *p, ag_shape x, int64_t *result);
int ag_band_spatial(const ag_band_params *p, ag_shape x); /* over how many dimensions */
ag_status ag_band_shape(const ag_call *c, const ag_array *x, ag_array *y);
/* In scratch memory of the call; false: there is none. */
bool ag_bands_make(const ag_call *c, const ag_band_params *p, ag_shape x, ag_band *b);
bool ag_band_transpose(const ag_call *c, const ag_band *b, ag_band *to);

/* ---- bands_run.c */

/* y = the map of x, or += that; dx from dy by the transposed bands. All are dense. */
ag_status ag_bands_map(const ag_call *c, const ag_band_params *p, const ag_array *x, const ag_array *y, bool add);
ag_status ag_bands_map_back(const ag_call *c, const ag_band_params *p, const ag_array *dy, const ag_array *dx,
                            bool add);

/* ---- avg_pool.c: what all these ops do */

ag_status ag_band_forward(const ag_call *c, const ag_array *x, ag_array *y);
void ag_band_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx);
ag_status ag_band_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta);
#define AG_BANDS                                                                                                   \
    .params_size = sizeof(ag_band_params), .shape = ag_band_shape, .forward = ag_band_forward, .vjp = ag_band_vjp, \
    .vjp_fused = ag_band_vjp_fused
ag_tensor ag_band_apply(ag_tensor x, const ag_band_params *p);

/* ---- bands_back.c: the derivative, a map as well */

ag_tensor ag_band_apply_back(ag_tensor dy, const ag_band_params *p);

#endif
