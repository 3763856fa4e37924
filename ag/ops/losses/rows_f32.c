#include <math.h>
#include <stdbool.h>

#define REAL float
#define REAL_ABS fabsf
#define REAL_POW powf
#define ROWS ag_rows_f32
#include "ag/ops/losses/rows.inc"
