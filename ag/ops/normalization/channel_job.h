/* What the loops of channel_run.c over sets of channels know. */
#ifndef AG_OPS_NORM_CHANNEL_JOB_H
#define AG_OPS_NORM_CHANNEL_JOB_H

#include "ag/ops/normalization/channel_run.h"

typedef struct job {
    const ag_channel_norm *n;
    const ag_norm_kernels *k;
    bool forward;
    int64_t sets, runs, cuts;        /* runs of a set, pieces of a run */
    int64_t parts;                   /* of a group, whose runs count as one */
    int64_t rows, width;             /* groups and their runs, or examples and theirs; columns: one */
    int64_t stretch, blocks;         /* runs at once, and how often in a row */
    int64_t at_once;                 /* channels, as columns; 0: there are runs */
    int64_t small;                   /* groups that are measured together */
    ag_moments *moments;             /* of each part of a group, or of each piece in the order of memory, or NULL */
    ag_norm_sums *sums;              /* of each piece, or NULL */
    double *inverse, *slope, *shift; /* of each set; the last two, or NULL */
    double *weight, *bias;           /* of each channel */
} job;

static inline int64_t ag_norm_first_channel(const job *j, int64_t row)
{
    return j->n->groups ? row % j->n->groups * j->width : 0;
}

/* Of the job: from moments the mean, the variance and the inverse deviation, or from sums slope and shift. */
void ag_norm_settle(const void *context, int64_t set);

#endif
