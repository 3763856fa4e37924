#include <stdint.h>
__extension__ typedef unsigned __int128 pair;
#define ELEMENT pair
#define KEY uint64_t
#define INDEX_BITS 64
#define INDEX_MASK UINT64_MAX
#define SORT_LINE ag_sort_line_64
#include "ag/kernels/sort.inc"
