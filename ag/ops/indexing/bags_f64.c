#define REAL double
#define BAGS ag_bags_f64
#include "ag/ops/indexing/bags.inc"
