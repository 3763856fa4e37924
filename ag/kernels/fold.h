/* Reductions that need more than one number on their way: what becomes of lines of elements, part by part. */
#ifndef AG_KERNELS_FOLD_H
#define AG_KERNELS_FOLD_H

#include "ag/array/array.h"

enum { AG_FOLD_COLUMNS = 64, AG_FOLD_LANES = 16 /* into which a line is dealt out */ };

typedef struct ag_total_of {
    double a, b;
    int64_t n;
} ag_total_of;

typedef struct ag_fold {
    /* total[k], for each of `count` lines side by side, at most AG_FOLD_COLUMNS, of n elements `step` apart; n > 0 */
    void (*columns)(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total);
    /* total becomes that of both, which are in this order */
    void (*join)(ag_total_of *total, const ag_total_of *more, const void *context);
    const void *context;
    ag_total_of none; /* of no elements */
} ag_fold;

/* x, dense, as [outer, n, inner]: total[outer, inner]. The order depends on the extents alone. work:
 * ag_fold_work bytes, NULL where it says 0. */
size_t ag_fold_work(int64_t outer, int64_t n, int64_t inner);
void ag_fold_lines(const ag_fold *f, const ag_array *x, int64_t outer, int64_t n, int64_t inner, ag_total_of *total,
                   void *work, int threads);

#endif
