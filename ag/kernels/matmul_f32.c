#define REAL float
#define SIZE 4
#define MULTIPLY_ADD __builtin_fmaf
#define LOOPS ag_loops_f32
#include "ag/kernels/matmul_loops.inc"
