/* Pools that take the largest element and say where it stands, and those of as many windows as are wanted. */
#include "ag/ops/convolution/max_pool.h"
#include "ag/ops/reductions/placed.h"

AG_OP(max_pool1d_with_indices) = {
    .name = "max_pool1d_with_indices",
    .formula = "largest elements of windows, and where they stand",
    .inputs = 1,
    .outputs = 2,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(1, WINDOW(2), 0, OPTIONS(0), AG_DIMS(2, 2, 5)),
                                    POOL(1, WINDOW(3), 0,
                                         OPTIONS(.stride = { 2 }, .padding = { 1 }, .dilation = { 2 },
                                                 .ceil_mode = true),
                                         AG_DIMS(2, 7)),
                                    { 0 } },
};

/* ag_max_pool1d_with_indices - ag_max_pool1d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool1d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 1 };
    return ag_placed_of(&ag_op_max_pool1d_with_indices, x, &p);
}

AG_OP(max_pool2d_with_indices) = {
    .name = "max_pool2d_with_indices",
    .formula = "largest elements of windows, and where they stand",
    .inputs = 1,
    .outputs = 2,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(2, WINDOW(2, 2), 0, OPTIONS(0), AG_DIMS(2, 1, 4, 5)),
                                    POOL(2, WINDOW(3, 2), 0, OPTIONS(.stride = { 1, 3 }, .padding = { 1, 1 }),
                                         AG_DIMS(2, 4, 5)),
                                    { 0 } },
};

/* ag_max_pool2d_with_indices - ag_max_pool2d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool2d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 2 };
    return ag_placed_of(&ag_op_max_pool2d_with_indices, x, &p);
}

AG_OP(max_pool3d_with_indices) = {
    .name = "max_pool3d_with_indices",
    .formula = "largest elements of windows, and where they stand",
    .inputs = 1,
    .outputs = 2,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(3, WINDOW(2, 1, 2), 0, OPTIONS(.stride = { 1, 2, 1 }, .ceil_mode = true),
                                         AG_DIMS(1, 3, 2, 3)),
                                    { 0 } },
};

/* ag_max_pool3d_with_indices - ag_max_pool3d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool3d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 3 };
    return ag_placed_of(&ag_op_max_pool3d_with_indices, x, &p);
}

AG_OP(adaptive_max_pool1d) = {
    .name = "adaptive_max_pool1d",
    .formula = "largest elements of equal parts",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(1, WINDOW(3), 1, OPTIONS(0), AG_DIMS(2, 2, 5)), { 0 } },
};

/* ag_adaptive_max_pool1d - the largest elements of size[..] parts, as equal as they can be, of the last dimension of
 * x[n,c,l] or x[c,l]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool1d(ag_tensor x, ag_shape size)
{
    const ag_pool_params p = { .window = size, .adaptive = 1, .spatial = 1 };
    return AG_APPLY(adaptive_max_pool1d, AG_LIST(x), &p);
}

AG_OP(adaptive_max_pool2d) = {
    .name = "adaptive_max_pool2d",
    .formula = "largest elements of equal parts",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(2, WINDOW(2, 3), 1, OPTIONS(0), AG_DIMS(1, 2, 3, 5)), { 0 } },
};

/* ag_adaptive_max_pool2d - the largest elements of size[..] parts, as equal as they can be, of the last two dimensions of
 * x[n,c,h,w] or x[c,h,w]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool2d(ag_tensor x, ag_shape size)
{
    const ag_pool_params p = { .window = size, .adaptive = 1, .spatial = 2 };
    return AG_APPLY(adaptive_max_pool2d, AG_LIST(x), &p);
}

AG_OP(adaptive_max_pool3d) = {
    .name = "adaptive_max_pool3d",
    .formula = "largest elements of equal parts",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(3, WINDOW(1, 2, 3), 1, OPTIONS(0), AG_DIMS(1, 2, 3, 2)), { 0 } },
};

/* ag_adaptive_max_pool3d - the largest elements of size[..] parts, as equal as they can be, of the last three dimensions of
 * x[n,c,d,h,w] or x[c,d,h,w]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool3d(ag_tensor x, ag_shape size)
{
    const ag_pool_params p = { .window = size, .adaptive = 1, .spatial = 3 };
    return AG_APPLY(adaptive_max_pool3d, AG_LIST(x), &p);
}
