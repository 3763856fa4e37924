/* The derivative of averages and interpolations, for rules: the transposed bands. */
#define AG_OPS_INNER
#include "ag/ops/convolution/bands.h"

static ag_status back_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_band_params *p = ag_call_params(c);
    int64_t result[AG_SPATIAL];
    const ag_status s = ag_band_extents(c, p, p->source, result);
    if (s)
        return s;
    const int spatial = ag_band_spatial(p, p->source);
    bool fits = ag_is_float(x->dtype) && x->shape.rank == p->source.rank;
    for (int d = 0; d < x->shape.rank && fits; d++) {
        const int i = d - (x->shape.rank - spatial);
        fits = x->shape.dim[d] == (i < 0 ? p->source.dim[d] : result[AG_SPATIAL - spatial + i]);
    }
    if (!fits)
        return ag_call_fail(c, AG_ESHAPE, "the shape does not fit");
    y->shape = p->source;
    y->dtype = x->dtype;
    return AG_OK;
}

static ag_status back_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_bands_map_back(c, ag_call_params(c), x, y, false);
}

static void back_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_band_apply(dy[0], ag_call_params(c));
}

static ag_status back_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return ag_bands_map(c, ag_call_params(c), dy, dx, beta[0] != 0);
}

/* clang-format off */
#define SAMPLE(source_, size, ...) \
    { .params = &(const ag_band_params){ .source = source_, .kind = AG_BAND_ADAPTIVE, .pool = { .window = size, .adaptive = 1, .spatial = 2 } }, \
      .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(bands_back) = {
    .name = "bands_back",
    .formula = "the derivative of an average or interpolation",
    .inputs = 1,
    .flags = AG_INNER,
    .params_size = sizeof(ag_band_params),
    .shape = back_shape,
    .forward = back_forward,
    .vjp = back_vjp,
    .vjp_fused = back_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(2, 3, 5), AG_DIMS(2, 3), AG_DIMS(2, 2, 3)),
                                    SAMPLE(AG_DIMS(1, 2, 2, 3), AG_DIMS(3, 2), AG_DIMS(1, 2, 3, 2)),
                                    { 0 } },
};

ag_tensor ag_band_apply_back(ag_tensor dy, const ag_band_params *p)
{
    return AG_APPLY(bands_back, AG_LIST(dy), p);
}
