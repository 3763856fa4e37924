#define ELEMENT float
#define PART float
#define TOTAL double
#define MEMBER real
#define SUMS ag_sums_f32
#define WIDER AG_DOUBLES
#include "ag/kernels/reduce_sums.inc"
