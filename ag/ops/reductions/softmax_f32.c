#define REAL float
#define REAL_EXP ag_v_expf
#define REAL_MASK int32_t
#define REAL_UNSHIFTED 64
#define KERNELS ag_softmax_f32
#include "ag/ops/reductions/softmax_kernels.inc"
