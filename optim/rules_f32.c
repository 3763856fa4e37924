#define REAL float
#define SQRT sqrtf
#define NAME(function) function##_f32
#include "optim/rules.inc"
