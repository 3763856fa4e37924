#include <math.h>
#include <stdbool.h>

#define REAL double
#define REAL_ABS fabs
#define REAL_POW pow
#define ROWS ag_rows_f64
#include "ag/ops/losses/rows.inc"
