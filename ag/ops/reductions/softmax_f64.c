#include "ag/kernels/kernels.h"
#include <float.h>

#define REAL double
#define REAL_MOST DBL_MAX
#define REAL_EXP ag_exp_f64
#define REAL_MASK int64_t
#define REAL_UNSHIFTED 512
#define KERNELS ag_softmax_f64
#include "ag/ops/reductions/softmax_kernels.inc"
