/* Images and the like, larger or smaller. */
#include "ag/ops/convolution/bands.h"

/* clang-format off */
#define SAMPLE(options, ...) \
    { .params = &(const ag_band_params){ .kind = AG_BAND_INTERPOLATE, .interpolate = options }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OPTIONS(...) { __VA_ARGS__ }
/* clang-format on */

AG_OP(interpolate) = {
    .name = "interpolate",
    .formula = "x at other places between its elements",
    .inputs = 1,
    AG_BANDS,
    .samples = (const ag_sample[]){ SAMPLE(OPTIONS(.size = { 5 }), AG_DIMS(1, 2, 3)),
                                    SAMPLE(OPTIONS(.scale = { 2, 1.5 }, .mode = AG_LINEAR), AG_DIMS(1, 2, 2, 3)),
                                    SAMPLE(OPTIONS(.size = { 4, 2 }, .mode = AG_LINEAR, .align_corners = true),
                                           AG_DIMS(1, 1, 3, 4)),
                                    SAMPLE(OPTIONS(.size = { 2, 1, 3 }, .mode = AG_AREA), AG_DIMS(1, 1, 3, 2, 2)),
                                    SAMPLE(OPTIONS(.size = { 5, 3 }, .mode = AG_CUBIC), AG_DIMS(1, 1, 4, 2)),
                                    { 0 } },
};

/* ag_interpolate - x[n,c,l], x[n,c,h,w] or x[n,c,d,h,w] in other extents: options.size of them, or x's times
 * options.scale, rounded down. By options.mode the nearest element, neighbouring ones weighted linearly (in each
 * dimension), the means of parts (as ag_adaptive_avg_pool2d), or four elements weighted by a cubic polynomial (Keys 1981
 * with a = -0.75). Element i has its place at (i + 0.5) / scale - 0.5 of x, with align_corners at i (s - 1) / (r - 1) for
 * extents s of x and r of y; the nearest one is at i / scale, rounded down. Beyond the edges x goes on as there.
 *   y = sum of weights times x        dx = sum of weights times dy
 * Errors: AG_ESHAPE for another rank; AG_EARG for a size or scale that is not positive, both or neither. */
AG_API ag_tensor ag_interpolate(ag_tensor x, ag_interpolate_options options)
{
    const ag_band_params p = { .interpolate = options, .kind = AG_BAND_INTERPOLATE };
    return AG_APPLY(interpolate, AG_LIST(x), &p);
}
