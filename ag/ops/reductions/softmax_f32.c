#define REAL float
#define REAL_EXP ag_v_expf
#define KERNELS ag_softmax_f32
#include "ag/ops/reductions/softmax_kernels.inc"
