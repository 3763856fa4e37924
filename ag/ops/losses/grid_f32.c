#include <math.h>
#include <stdbool.h>
#include <string.h>

#define REAL float
#define REAL_SQRT sqrtf
#define GRID ag_grid_f32
#include "ag/ops/losses/grid.inc"
