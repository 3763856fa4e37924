#define REAL float
#define REAL_MASK int32_t
#define KERNELS ag_norm_f32
#include "ag/ops/normalization/kernels.inc"
