/* Rows of a table that are taken by number, or put or added there by number: what index_select, embedding and advanced
 * indexing come to. */
#ifndef AG_OPS_ROWS_OF_TABLES_H
#define AG_OPS_ROWS_OF_TABLES_H

#include "ag/ops/indexing/elements.h"

/* table[outer, extent, inner] and list[outer, n, inner], dense: row at[p] of the one is row p of the other. */
typedef struct ag_rows {
    int64_t outer, extent, inner, n;
    const int64_t *at;   /* in 0 ... extent - 1 */
    const int64_t *from; /* which row of the list is put, or added; NULL: p */
    int64_t skip;        /* where nothing is put; -1: nowhere */
    ag_dtype dtype;
} ag_rows;

/* ---- rows.c */

void ag_rows_take(const ag_rows *r, const void *table, void *list, int threads);
/* clear: the table holds anything before, and zeros where nothing is put. AG_ENOMEM, and nothing is written. */
ag_status ag_rows_put(const ag_call *c, const ag_rows *r, void *table, const void *list, ag_putting how, bool clear);

/* ---- lookup.c: the same for arrays of any strides, several axes at a time */

typedef struct ag_lookup {
    ag_elements e;  /* of arrays with the indexed axes as one, and with the indices' axes as one */
    ag_array table; /* as it was given */
} ag_lookup;

/* The list's shape: outer dimensions, those of the indices in place of the indexed ones, inner dimensions. */
ag_status ag_lookup_shape(const ag_call *c, ag_shape table, const ag_index_list *l, ag_shape *list);
/* The indices are checked: AG_EARG. A list that is not dense is copied. */
ag_status ag_lookup_of(const ag_call *c, const ag_array *table, const ag_array *list, ag_index_list *l, ag_lookup *u);
void ag_lookup_take(const ag_call *c, const ag_lookup *u);
/* clear: as in ag_rows_put; skip: a place where nothing is put, -1: none, and may be one in dense tables alone */
ag_status ag_lookup_put(const ag_call *c, const ag_lookup *u, ag_putting how, bool clear, int64_t skip);

/* Elements along an axis, the index as the op has it: by rows where one index is for all that lies beside an element, as
 * in one that was expanded. clear: the table holds anything before. */
ag_status ag_along_take(const ag_call *c, const ag_elements *e, const ag_array *index);
ag_status ag_along_put(const ag_call *c, const ag_elements *e, const ag_array *index, ag_putting how, bool clear);

#endif
