#define REAL double
#define SIZE 8
#define MULTIPLY_ADD __builtin_fma
#define LOOPS ag_loops_f64
#include "ag/kernels/matmul_loops.inc"
