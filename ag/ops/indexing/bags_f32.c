#define REAL float
#define BAGS ag_bags_f32
#include "ag/ops/indexing/bags.inc"
