#define REAL double
#define REAL_EXP ag_v_exp
#define KERNELS ag_softmax_f64
#include "ag/ops/reductions/softmax_kernels.inc"
