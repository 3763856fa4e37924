#define REAL float
#define REAL_EXP ag_exp_f32
#define KERNELS ag_attention_f32
#define OWN f32
#include "ag/ops/attention/tiles.inc"
