#define REAL double
#define REAL_EXP ag_v_exp
#define COLUMNS ag_columns_f64
#include "ag/ops/losses/columns.inc"
