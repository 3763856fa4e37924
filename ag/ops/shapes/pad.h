/* What the files about padding share: pieces of axes, of which a part of the result is made, and rows. */
#ifndef AG_OPS_PAD_H
#define AG_OPS_PAD_H

#include "ag/ops/shapes/views.h"

/* Places to, to + 1, ... of the result's axis, `count` of them, show the places from, from + step, ... of x; in front of
 * and behind x's own elements none where a number is to stand there. */
typedef struct ag_pad_piece {
    int64_t to, from, count;
    int step;
    bool value;
} ag_pad_piece;

typedef struct ag_pad_parts {
    ag_pad_piece axis[AG_MAX_RANK][3];
    int count[AG_MAX_RANK];
    double value;
    int threads;
    bool back, add; /* back: from the result's adjoint to x's, where the first part to arrive may be there alone */
} ag_pad_parts;

/* ---- pad_rows.c */

/* All rows of y, which is dense, from one end to the other; the elements of x's rows lie side by side. */
ag_status ag_pad_rows(const ag_call *c, const ag_pad_parts *g, const ag_array *x, const ag_array *y);
/* What the rows of y, which all show rows of x, bring to these. Elements lie side by side; none is repeated. */
void ag_pad_rows_back(const ag_pad_parts *g, const ag_array *x, const ag_array *y);

#endif
