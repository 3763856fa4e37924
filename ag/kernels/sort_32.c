#include <stdint.h>
#define ELEMENT uint64_t
#define KEY uint32_t
#define INDEX_BITS 32
#define INDEX_MASK UINT32_MAX
#define SORT_LINE ag_sort_line_32
#include "ag/kernels/sort.inc"
