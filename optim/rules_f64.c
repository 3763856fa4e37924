#define REAL double
#define SQRT sqrt
#define NAME(function) function##_f64
#include "optim/rules.inc"
