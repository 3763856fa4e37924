#define REAL double
#define REAL_MASK int64_t
#define KERNELS ag_norm_f64
#include "ag/ops/normalization/kernels.inc"
