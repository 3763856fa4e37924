#define REAL float
#define KERNELS ag_norm_f32
#include "ag/ops/normalization/kernels.inc"
