#define ELEMENT uint8_t
#define PART uint64_t
#define TOTAL uint64_t
#define MEMBER integer
#define SUMS ag_sums_u8
#include "ag/kernels/reduce_sums.inc"
