#define REAL double
#define REAL_EXP ag_v_exp
#define KERNELS ag_attention_f64
#define OWN f64
#include "ag/ops/attention/tiles.inc"
