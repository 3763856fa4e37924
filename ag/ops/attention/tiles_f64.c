#define REAL double
#define REAL_EXP ag_exp_f64
#define KERNELS ag_attention_f64
#define OWN f64
#include "ag/ops/attention/tiles.inc"
