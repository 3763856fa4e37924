#include "ag/ops/reductions/extrema_short.h"

#define ELEMENT float
#define INTEGER int32_t
#define NAME ag_extremum_short_f32
#include "ag/ops/reductions/extrema_short.inc"
