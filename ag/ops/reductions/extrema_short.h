/* The derivative of extremes among few elements. */
#ifndef AG_OPS_EXTREMA_SHORT_H
#define AG_OPS_EXTREMA_SHORT_H

#include "ag/ops/reductions/reduction.h"

/* Dense x[outer, n, inner], dx like it; y[outer, inner], dy like it. */
typedef struct ag_short_box {
    int64_t outer, n, inner;
    void *dx;
    const void *x, *y, *dy;
} ag_short_box;

/* dx of the outer indices begin .. end of a box. */
void ag_extremum_short_f32(const void *box, int64_t begin, int64_t end);
void ag_extremum_short_f64(const void *box, int64_t begin, int64_t end);

/* dx, where that is what it takes: of dense arrays, of few elements for each outer index. y and dy are dense and have the
 * reduced axes kept. */
bool ag_extremum_short(const ag_array *dx, const ag_array *x, const ag_array *y, const ag_array *dy, int threads);

#endif
