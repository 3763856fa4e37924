/* Scans, places, padding, pools and convolutions of more shapes, for ops.c, beside PyTorch. */
OP(cumprod_last, ag_cumprod(x[0], -1))
OP(cummax_last, ag_cummax(x[0], -1).values)
OP(logcumsumexp_last, ag_logcumsumexp(x[0], -1))
OP(pad_replicate, ag_pad(x[0], AG_SHAPE(0, 0, 1, 1), AG_SHAPE(0, 0, 1, 1), AG_REPLICATE, 0))
OP(pad_reflect_3, ag_pad(x[0], AG_SHAPE(0, 0, 3, 3), AG_SHAPE(0, 0, 3, 3), AG_REFLECT, 0))
OP(adaptive_max, ag_adaptive_max_pool2d(x[0], AG_SHAPE(7, 7)))
OP(global_avg, ag_adaptive_avg_pool2d(x[0], AG_SHAPE(1, 1)))
OP(conv_stride_2, ag_conv2d(x[0], x[1], x[2], (ag_conv_options){ .stride = { 2, 2 }, .padding = { 1, 1 } }))
OP(conv_transpose_4,
   ag_conv_transpose2d(x[0], x[1], x[2], (ag_conv_options){ .stride = { 2, 2 }, .padding = { 1, 1 } }))

/* clang-format off */
#define BESIDE_IMAGES                                                                                                   \
    { "cumsum_long", cumsum_last, .shape = { AG_DIMS(64, 32768) } },                                                    \
    { "cumsum_short", cumsum_last, .shape = { AG_DIMS(4096, 64) } },                                                    \
    { "cumprod_last", cumprod_last, .shape = { MATRIX } },                                                              \
    { "cummax_last", cummax_last, .shape = { MATRIX } },                                                                \
    { "logcumsumexp_last", logcumsumexp_last, .shape = { MATRIX } },                                                    \
    { "scatter_add_few", scatter_add_last, .shape = { MATRIX, MATRIX, MATRIX }, .below = { 0, 8 } },                    \
    { "gather_short", gather_last, .shape = { AG_DIMS(4096, 64), AG_DIMS(4096, 16) }, .below = { 0, 64 } },             \
    { "pad_zeros_wide", pad_zeros, .shape = { WIDE } },                                                                 \
    { "pad_replicate", pad_replicate, .shape = { IMAGES } },                                                            \
    { "pad_reflect_3", pad_reflect_3, .shape = { WIDE } },                                                              \
    { "max_pool_3_wide", max_pool_3, .shape = { WIDE } },                                                               \
    { "adaptive_max", adaptive_max, .shape = { IMAGES } },                                                              \
    { "global_avg", global_avg, .shape = { WIDE } },                                                                    \
    { "global_avg_7x7", global_avg, .shape = { AG_DIMS(64, 2048, 7, 7) } },                                             \
    { "conv_stride_2", conv_stride_2, .shape = { AG_DIMS(16, 64, 32, 32), AG_DIMS(64, 64, 3, 3), AG_DIMS(64) } },       \
    { "conv_3x3_28x28", conv_3x3, .shape = { AG_DIMS(16, 128, 28, 28), AG_DIMS(128, 128, 3, 3), AG_DIMS(128) } },       \
    { "conv_3x3_14x14", conv_3x3, .shape = { AG_DIMS(16, 256, 14, 14), AG_DIMS(256, 256, 3, 3), AG_DIMS(256) } },     \
    { "conv_3x3_7x7", conv_3x3, .shape = { AG_DIMS(16, 512, 7, 7), AG_DIMS(512, 512, 3, 3), AG_DIMS(512) } },           \
    { "conv_5x5_gray", conv_1x1, .shape = { AG_DIMS(64, 1, 28, 28), AG_DIMS(32, 1, 5, 5), AG_DIMS(32) } },              \
    { "conv_5x5_12x12", conv_1x1, .shape = { AG_DIMS(64, 6, 12, 12), AG_DIMS(16, 6, 5, 5), AG_DIMS(16) } },             \
    { "conv_transpose_7x7", conv_transpose_4, .shape = { AG_DIMS(64, 128, 7, 7), AG_DIMS(128, 64, 4, 4), AG_DIMS(64) } }, \
    { "max_pool_2_12x12", max_pool, .shape = { AG_DIMS(64, 16, 12, 12) } },                                             \
    { "max_pool_3_14x14", max_pool_3, .shape = { AG_DIMS(64, 32, 14, 14) } }
/* clang-format on */
