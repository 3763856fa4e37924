/* Rows of a table that are summed, averaged or compared in bags. */
#ifndef AG_OPS_INDEXING_BAGS_H
#define AG_OPS_INDEXING_BAGS_H

#include "ag/ops/indexing/rows.h"

typedef struct ag_bags {
    ag_bag mode;
    const void *weight, *factor; /* factor: of each index, or NULL */
    const int64_t *at, *bag;     /* of each index: its row; its bag */
    void *y;
    int64_t n, bags, width;
} ag_bags;

/* Of bags begin ... end - 1; a context is an ag_bags. */
void ag_bags_f32(const void *context, int64_t begin, int64_t end);
void ag_bags_f64(const void *context, int64_t begin, int64_t end);

#endif
