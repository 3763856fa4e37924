/* Lines of a table of which all have the same indices, gone through side by side: each index is then about a whole line
 * of the cache, an element of every line. */
#ifndef AG_OPS_INDEXING_LINES_H
#define AG_OPS_INDEXING_LINES_H

#include "ag/ops/indexing/indices.h"

typedef struct ag_alike {
    ag_dtype dtype, index_dtype;
    char *table, *list;
    const void *index;
    int64_t extent, n;                         /* elements of a line of the table, and of the list */
    int64_t table_step, list_step, index_step; /* from line to line; from index to index */
} ag_alike;

/* How many lines are gone through together; 0: one by one is better. */
int64_t ag_alike_lines(ag_dtype d, int64_t extent, int64_t n, bool add);
/* The list becomes what the indices name. False: one is no place. */
bool ag_alike_take(const ag_alike *a);
/* The table becomes the sums of what is added at each place, in the indices' order. False: one is no place. */
bool ag_alike_add(const ag_alike *a);

#endif
