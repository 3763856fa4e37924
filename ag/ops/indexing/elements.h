/* Elements that are taken from places along an axis of an array, or put there, each index saying one: the array may be
 * of any strides, and so may the indices. */
#ifndef AG_OPS_ELEMENTS_H
#define AG_OPS_ELEMENTS_H

#include "ag/ops/indexing/indices.h"

typedef struct ag_along_params {
    int axis;
} ag_along_params;
static inline int ag_along_axis(const ag_call *c)
{
    const ag_along_params *p = ag_call_params(c);
    return p->axis;
}

/* ---- elements.c */

/* table[.., index[p], ..] for every p, the coordinates but the axis' own being those of p. list and index have one
 * shape, which broadcasts along the other axes to the table's or has fewer elements there. */
typedef struct ag_elements {
    ag_array table, list, index;
    int axis;
    const ag_array *before; /* of what is put: what the table holds before, to be copied to it; NULL: it is there */
} ag_elements;

/* Of those at one place the last is put, or all are added, in their order; or the table's are moved to the list, the last
 * index first, and zeros are left. */
typedef enum ag_putting { AG_PUT, AG_ADD, AG_MOVE } ag_putting;

/* `index` has, once it has broadcast, the list's shape; rank 0 counts as one element. */
ag_elements ag_elements_of(const ag_call *c, const ag_array *table, const ag_array *index, const ag_array *list);
/* AG_EARG: which index is no place. */
ag_status ag_elements_outside(const ag_call *c, const ag_elements *e, const ag_array *index);
/* The operands, x and an index, and the axis counted from 0, are checked. */
ag_status ag_elements_check(const ag_call *c, const ag_array *x, int *axis);
/* What is to be in the table before. */
void ag_elements_begin(const ag_elements *e, int threads);
/* False: an index is no place, and of what is written nothing is to be used. clear: the whole array of which the table is,
 * in which there is anything before, and zeros are where nothing is put; NULL: what is there stays. */
bool ag_elements_take(const ag_elements *e, int threads);
bool ag_elements_put(const ag_elements *e, ag_putting how, const ag_array *clear, int threads);

/* ---- lines.c: the same where the elements of the table's lines lie side by side, and those of the list; `table` is e's in
 * the indices' shape, staying where it is along the axis. False: they do not, and nothing was done. */

bool ag_lines_take(const ag_elements *e, const ag_array *table, int threads, bool *wrong);
bool ag_lines_put(const ag_elements *e, const ag_array *table, ag_putting how, const ag_array *clear, int threads,
                  bool *wrong);

#endif
