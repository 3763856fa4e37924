/* Ops that are no elementwise ones, in step with the last one (see tape/echo.c), and what calls that are repeated keep. */
#ifndef AG_RECORD_REPEAT_H
#define AG_RECORD_REPEAT_H

#include "ag/tape/tape.h"

/* The plans of a call's products, which hold as long as its arrays are where they are. */
typedef struct ag_products {
    int next, count; /* that will be asked for next; that there are */
    ag_batch plan[2];
} ag_products;

/* The plan of the next product of a call; `here` unless it is kept. */
static inline ag_batch *ag_products_next(ag_products *k, ag_batch *here, const ag_array *a, const ag_array *b,
                                         const ag_array *c, double beta, int threads)
{
    const bool keeps = k && k->next < (int)(sizeof k->plan / sizeof *k->plan);
    ag_batch *plan = keeps ? &k->plan[k->next++] : here;
    if (!keeps || k->next > k->count) {
        *plan = ag_batched_plan(a, b, c, beta, threads);
        if (keeps)
            k->count = k->next;
    }
    return plan;
}

/* ---- repeat.c */

enum { AG_REPEAT_INPUTS = 3 }; /* that an op has at most, to be repeated */
/* What is noted for the next place, if it is of this op on these operands, with these parameters; else NULL. */
const struct ag_repeat *ag_repeat_of(const ag_tape *t, uint32_t number, const uint32_t *ids, int count,
                                     const void *params);
/* Applies it. */
ag_status ag_repeat_run(ag_tape *t, const struct ag_repeat *r, ag_tensor *y);
/* Notes the call by which the node that was made last came about. begin: where its memory does. */
void ag_repeat_note(ag_tape *t, uint32_t number, const struct ag_call *c, const ag_array *y, const char *begin);

#endif
