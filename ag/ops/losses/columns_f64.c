#define REAL double
#define REAL_EXP ag_exp_f64
#define REAL_UNSHIFTED 512
#define COLUMNS ag_columns_f64
#include "ag/ops/losses/columns.inc"
