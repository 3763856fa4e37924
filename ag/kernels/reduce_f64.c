#define ELEMENT double
#define PART double
#define TOTAL double
#define MEMBER real
#define SUMS ag_sums_f64
#include "ag/kernels/reduce_sums.inc"
