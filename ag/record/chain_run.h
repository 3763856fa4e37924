/* What the two ways of running a chain share: chain_run.c, and chain_rows.c where it has rows. */
#ifndef AG_RECORD_CHAIN_RUN_H
#define AG_RECORD_CHAIN_RUN_H

#include "ag/record/record.h"

enum { AG_CHAIN_PART = 1 << 14 }; /* elements that are worth a part of their own */

/* n elements from element `at` on: whole rows where there are such. */
typedef struct ag_chain_block {
    const ag_chain_plan *c;
    char *slots;
    size_t size, slot_bytes; /* of an element, of a slot */
    int64_t at, n;
} ag_chain_block;

static inline size_t ag_chain_bytes(int64_t elements, size_t size) /* slots do not all begin at one place of a page */
{
    return ((size_t)elements * size + 63) / 64 * 64 + 64;
}

/* ---- chain_slots.c */

int ag_chain_share_slots(ag_chain_plan *c); /* how many are needed */

/* ---- chain_step.c */

/* Where the place's elements of the block begin. */
char *ag_chain_at(const ag_chain_block *b, const ag_chain_place *p);
/* Of all steps but sums over more than a block. */
void ag_chain_do(const ag_chain_block *b, const ag_chain_step *x);

/* ---- chain_rows.c */

bool ag_chain_run_rows(ag_chain_plan *c, double *sums);

#endif
