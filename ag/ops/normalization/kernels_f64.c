#define REAL double
#define KERNELS ag_norm_f64
#include "ag/ops/normalization/kernels.inc"
