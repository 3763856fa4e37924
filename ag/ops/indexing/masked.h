/* Masks: which elements of a tensor are not 0. */
#ifndef AG_OPS_MASKED_H
#define AG_OPS_MASKED_H

#include "ag/ops/shapes/views.h"

/* ---- masked.c */

int64_t ag_nonzero_count(const ag_array *x);

#endif
