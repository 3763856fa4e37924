#include <math.h>
#include <stdbool.h>
#include <string.h>

#define REAL double
#define REAL_SQRT sqrt
#define GRID ag_grid_f64
#include "ag/ops/losses/grid.inc"
