#include "ag/kernels/kernels.h"
#include <float.h>

#define REAL float
#define REAL_MOST FLT_MAX
#define REAL_EXP ag_exp_f32
#define REAL_MASK int32_t
#define REAL_UNSHIFTED 64
#define KERNELS ag_softmax_f32
#include "ag/ops/reductions/softmax_kernels.inc"
