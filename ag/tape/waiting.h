/* What a tape knows of values that are recorded and not computed. */
#ifndef AG_TAPE_WAITING_H
#define AG_TAPE_WAITING_H

#include "ag/array/array.h"

#define AG_PENDING ((void *)(uintptr_t)64) /* an address where nothing lies: data that is not computed yet */

enum { AG_PLAIN_BELOW = 1 << 16 };
#ifndef AG_FUSE_FROM /* tests set it, to have all arrays wait */
#define AG_FUSE_FROM (1 << 15)
#endif

enum {                      /* more flags of a node */
       AG_NODE_CHAINED = 4, /* it waits, or has waited, to be computed block by block: see record/chain.c */
       AG_NODE_PASSED = 8,  /* other values were computed from it, while it stayed pending itself */
       AG_NODE_POOLED = 16, /* its data is a block of the pool */
       AG_NODE_READ = 32    /* of an owner of memory: from that, values may wait to be computed */
};

typedef struct ag_waiting {
    int64_t from;                             /* elementwise ops on so many elements or more wait */
    int64_t plain_below;                      /* those on fewer may take the plain way */
    uint32_t *at;                             /* indices of those that wait or waited, ascending */
    uint32_t count, capacity, pending;        /* pending: how many wait */
    size_t late, most_late;                   /* bytes of values that were computed late, which lie in the pool */
    uint32_t eager;                           /* nesting of what waits for nothing */
    bool (*compute)(ag_tape *t, uint32_t id); /* gives a pending value its memory; false: reported */
} ag_waiting;

#endif
