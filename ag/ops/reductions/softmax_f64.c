#define REAL double
#define REAL_EXP ag_v_exp
#define REAL_MASK int64_t
#define REAL_UNSHIFTED 512
#define KERNELS ag_softmax_f64
#include "ag/ops/reductions/softmax_kernels.inc"
