#include "ag/ops/reductions/extrema_short.h"

#define ELEMENT double
#define INTEGER int64_t
#define NAME ag_extremum_short_f64
#include "ag/ops/reductions/extrema_short.inc"
