#define REAL float
#define REAL_EXP ag_exp_f32
#define REAL_UNSHIFTED 64
#define COLUMNS ag_columns_f32
#include "ag/ops/losses/columns.inc"
