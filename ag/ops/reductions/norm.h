/* The totals of which norms are made, p being any number but 0. */
#ifndef AG_OPS_NORM_H
#define AG_OPS_NORM_H

#include "ag/ops/reductions/lines.h"

/* What becomes of lines; of infinite p a total's n is how many elements are the extreme one. *p must last. */
ag_fold ag_norm_fold(const double *p, ag_dtype d);
double ag_norm_of(const ag_total_of *total, double p);

#endif
