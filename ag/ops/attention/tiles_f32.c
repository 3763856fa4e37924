#define REAL float
#define REAL_EXP ag_v_expf
#define KERNELS ag_attention_f32
#define OWN f32
#include "ag/ops/attention/tiles.inc"
