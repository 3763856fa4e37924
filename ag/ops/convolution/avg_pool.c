/* Pools that average. */
#include "ag/ops/convolution/bands.h"

ag_status ag_band_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_bands_map(c, ag_call_params(c), x, y, false);
}

void ag_band_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_band_params p = *(const ag_band_params *)ag_call_params(c);
    p.source = ag_call_input_shape(c, 0);
    dx[0] = ag_band_apply_back(dy[0], &p);
}

ag_status ag_band_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    return ag_bands_map_back(c, ag_call_params(c), dy, dx, beta[0] != 0);
}

/* clang-format off */
#define AVERAGE(d, size, options_, ...) \
    { .params = &(const ag_band_params){ .pool = { .window = AG_DIMS size, .options = options_, .spatial = d } }, \
      .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define ADAPTIVE(d, size, ...) \
    { .params = &(const ag_band_params){ .kind = AG_BAND_ADAPTIVE, .pool = { .window = AG_DIMS size, .adaptive = 1, .spatial = d } }, \
      .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OPTIONS(...) { __VA_ARGS__ }
/* clang-format on */

AG_OP(avg_pool1d) = {
    .name = "avg_pool1d",
    .formula = "means of windows",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ AVERAGE(1, (2), OPTIONS(.padding = { 1 }), AG_DIMS(2, 2, 5)),
                                    AVERAGE(1, (3),
                                            OPTIONS(.stride = { 2 }, .padding = { 1 }, .ceil_mode = true,
                                                    .exclude_padding = true),
                                            AG_DIMS(2, 6)),
                                    { 0 } },
};

/* ag_avg_pool1d - the means of windows over the last dimension of x[n,c,l] or x[c,l]; see ag_avg_pool2d.
 *   y = sum of x over a window / elements of the window        dx = sum of dy / elements, of all windows with the element
 * Errors: as ag_avg_pool2d. */
AG_API ag_tensor ag_avg_pool1d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_band_params p = { .pool = { .window = window, .options = options, .spatial = 1 }, .kind = AG_BAND_POOL };
    return AG_APPLY(avg_pool1d, AG_LIST(x), &p);
}

AG_OP(avg_pool2d) = {
    .name = "avg_pool2d",
    .formula = "means of windows",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ AVERAGE(2, (2, 2), OPTIONS(.divisor = 0), AG_DIMS(2, 1, 4, 5)),
                                    AVERAGE(2, (3, 2), OPTIONS(.stride = { 1, 3 }, .padding = { 1, 1 }, .divisor = 5),
                                            AG_DIMS(2, 4, 5)),
                                    AVERAGE(2, (1, 2), OPTIONS(.stride = { 2, 3 }), AG_DIMS(1, 3, 5)),
                                    { 0 } },
};

/* ag_avg_pool2d - the means of windows over the last two dimensions of x[n,c,h,w] or x[c,h,w]. The windows begin so far
 * apart as they are long, or as options.stride says; what is padded counts as zeros, or with exclude_padding not at all;
 * with a divisor the sums are divided by that.
 *   y[n,c,i,j] = sum of x[n,c, i stride + k - padding, ..] over the window / elements of the window
 *       dx = sum of dy / elements, of all windows with the element
 * An extent of y is (x + 2 padding - window) / stride + 1, rounded down, or up with ceil_mode, where windows that begin in
 * the padding behind are left out. Errors: AG_ESHAPE if a window is longer than the padded input; AG_EARG for options that
 * are negative or a padding of more than half a window. */
AG_API ag_tensor ag_avg_pool2d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_band_params p = { .pool = { .window = window, .options = options, .spatial = 2 }, .kind = AG_BAND_POOL };
    return AG_APPLY(avg_pool2d, AG_LIST(x), &p);
}

AG_OP(avg_pool3d) = {
    .name = "avg_pool3d",
    .formula = "means of windows",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ AVERAGE(3, (2, 1, 2), OPTIONS(.stride = { 1, 2, 1 }, .ceil_mode = true),
                                            AG_DIMS(1, 3, 2, 3)),
                                    { 0 } },
};

/* ag_avg_pool3d - the means of windows over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w]; see ag_avg_pool2d.
 *   y = sum of x over a window / elements of the window        dx = sum of dy / elements, of all windows with the element
 * Errors: as ag_avg_pool2d. */
AG_API ag_tensor ag_avg_pool3d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_band_params p = { .pool = { .window = window, .options = options, .spatial = 3 }, .kind = AG_BAND_POOL };
    return AG_APPLY(avg_pool3d, AG_LIST(x), &p);
}

AG_OP(adaptive_avg_pool1d) = {
    .name = "adaptive_avg_pool1d",
    .formula = "means of equal parts",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ ADAPTIVE(1, (3), AG_DIMS(2, 2, 5)), { 0 } },
};

/* ag_adaptive_avg_pool1d - the means of size[..] parts, as equal as they can be, of the last dimension of
 * x[n,c,l] or x[c,l]; see ag_adaptive_max_pool1d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool1d(ag_tensor x, ag_shape size)
{
    const ag_band_params p = { .pool = { .window = size, .adaptive = 1, .spatial = 1 }, .kind = AG_BAND_ADAPTIVE };
    return AG_APPLY(adaptive_avg_pool1d, AG_LIST(x), &p);
}

AG_OP(adaptive_avg_pool2d) = {
    .name = "adaptive_avg_pool2d",
    .formula = "means of equal parts",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ ADAPTIVE(2, (2, 3), AG_DIMS(1, 2, 3, 5)),
                                    ADAPTIVE(2, (1, 4), AG_DIMS(1, 3, 2)),
                                    { 0 } },
};

/* ag_adaptive_avg_pool2d - the means of size[..] parts, as equal as they can be, of the last two dimensions of
 * x[n,c,h,w] or x[c,h,w]; see ag_adaptive_max_pool2d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool2d(ag_tensor x, ag_shape size)
{
    const ag_band_params p = { .pool = { .window = size, .adaptive = 1, .spatial = 2 }, .kind = AG_BAND_ADAPTIVE };
    return AG_APPLY(adaptive_avg_pool2d, AG_LIST(x), &p);
}

AG_OP(adaptive_avg_pool3d) = {
    .name = "adaptive_avg_pool3d",
    .formula = "means of equal parts",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ ADAPTIVE(3, (1, 2, 3), AG_DIMS(1, 2, 3, 2)), { 0 } },
};

/* ag_adaptive_avg_pool3d - the means of size[..] parts, as equal as they can be, of the last three dimensions of
 * x[n,c,d,h,w] or x[c,d,h,w]; see ag_adaptive_max_pool3d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool3d(ag_tensor x, ag_shape size)
{
    const ag_band_params p = { .pool = { .window = size, .adaptive = 1, .spatial = 3 }, .kind = AG_BAND_ADAPTIVE };
    return AG_APPLY(adaptive_avg_pool3d, AG_LIST(x), &p);
}

ag_tensor ag_band_apply(ag_tensor x, const ag_band_params *p)
{
    const int64_t d = p->pool.spatial;
    if (p->kind == AG_BAND_INTERPOLATE)
        return AG_APPLY(interpolate, AG_LIST(x), p);
    if (p->kind == AG_BAND_ADAPTIVE)
        return ag_apply_op(d == 1   ? AG_OP_adaptive_avg_pool1d
                           : d == 2 ? AG_OP_adaptive_avg_pool2d
                                    : AG_OP_adaptive_avg_pool3d,
                           AG_LIST(x), p);
    return ag_apply_op(d == 1 ? AG_OP_avg_pool1d : d == 2 ? AG_OP_avg_pool2d : AG_OP_avg_pool3d, AG_LIST(x), p);
}
