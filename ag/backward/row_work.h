/* What the kernel of an elementwise op works on in a plain backward pass. */
#ifndef AG_BACKWARD_ROW_WORK_H
#define AG_BACKWARD_ROW_WORK_H

#include "ag/backward/backward.h"

/* For one operand, whatever the operands' shapes and dtypes are. */
typedef struct ag_row_work {
    ag_range r;
    ag_operands p;
    _Alignas(8) char number[2][8]; /* rank-0 operands that are computed with as arrays of one element */
    ag_array array[5];
    const ag_array *arrays[5]; /* of ag_range_walk */
} ag_row_work;

/* ---- row_work.c: the rest of the work for operand k, of which r.to, r.dy and r.add are given */

/* AG_EUSE: an operand was written since. */
ag_status ag_row_work_prepare(ag_tape *t, const ag_row *row, const ag_node *node, int k, ag_row_work *w);
/* The same as arrays of the node's shape. */
void ag_row_work_arrays(ag_row_work *w);

/* ---- backward_both.c */

/* Where both operands of a large op are wanted, of which one repeats in every row: its number; -1: there is no such one. */
int ag_row_repeats(const ag_pass *s, const ag_row *row, const ag_node *d);
/* Both contributions in one walk through memory, operand k being that one. in_place: the other's takes over dy's memory. */
ag_status ag_row_both(ag_pass *s, const ag_row *row, ag_node *d, int k, bool in_place);

#endif
