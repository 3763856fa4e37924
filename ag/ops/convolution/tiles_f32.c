/* The loops of convolutions, kernels.h, on f32. */
#define REAL float
#include "ag/ops/convolution/slab.inc"

#include "ag/ops/convolution/tiles.inc"

#include "ag/ops/convolution/class_tiles.inc"

#include "ag/ops/convolution/batch_tiles.inc"

#include "ag/ops/convolution/batch_weight_tiles.inc"

#include "ag/ops/convolution/plane_tiles.inc"

#include "ag/ops/convolution/weight_tiles.inc"

#include "ag/ops/convolution/product_tiles.inc"

#include "ag/ops/convolution/plane_weight_tiles.inc"

const ag_conv_loops ag_conv_f32 = {
    BLOCK, pack_weights,  tile,  weight_tile, product_tile, pack_in_order, CLASS_BLOCK,
    LANES, class_outputs, piece, band,        weight_band,  plane,         plane_weight
};
