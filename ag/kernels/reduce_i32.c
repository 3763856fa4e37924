#define ELEMENT int32_t
#define PART uint64_t
#define TOTAL uint64_t
#define MEMBER integer
#define SUMS ag_sums_i32
#include "ag/kernels/reduce_sums.inc"
