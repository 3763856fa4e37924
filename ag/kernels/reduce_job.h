/* A sum over dimensions as reduce.c plans it and reduce_parts.c may run it. */
#ifndef AG_KERNELS_REDUCE_JOB_H
#define AG_KERNELS_REDUCE_JOB_H

#include "ag/kernels/reduce_sums.h"

typedef struct ag_sum_job {
    const ag_sums *sums;
    ag_nest kept; /* 0: from, 1: to */
    ag_box box;
    const char *from;
    char *to;
    int64_t from_size, to_size; /* of an element */
    int64_t chunk, chunks;      /* results of a unit; units along the innermost kept dimension */
    ag_sum_ending end;
    bool across, wide; /* wide: a unit is a block */
    const ag_maker *maker;
    int64_t parts; /* of each result's sum, whose totals wait in `work` for each other; 0: none */
    ag_total *work;
} ag_sum_job;

/* Sets `parts`. */
void ag_sum_choose(ag_sum_job *j);
void ag_sum_parts(const ag_sum_job *j, int threads);

#endif
