/* What a tape keeps of backward passes, so that one over the same tape repeats what the last one did: see
 * backward/routine.c. */
#ifndef AG_TAPE_ROUTINE_H
#define AG_TAPE_ROUTINE_H

#include "ag/array/array.h"

/* Memory that outlives the step and goes back all at once. There may be none, which is no error: then nothing is kept. */
typedef struct ag_kept {
    struct ag_kept_block *first, *last; /* last: that is being filled */
    size_t used;                        /* bytes of it */
    size_t all;
} ag_kept;

enum {
    AG_ROUTINES = 4,          /* passes that a tape keeps */
    AG_ROUTINE_MOST = 1 << 20 /* bytes for one; beside kernels that take longer than that nothing is gained */
};
typedef struct ag_routine {
    uint32_t y, stops, nodes; /* where the pass begins, and how many there are up to there: what tells passes apart */
    uint64_t values;          /* with how much memory the step's values take */
    uint32_t seen, vain;      /* how often since it was noted; how often it was noted in vain */
    bool ready;               /* it can be repeated */
    const char *pool;         /* where adjoints lie, from the begin of the pool on, and how far */
    size_t pool_bytes, pool_most;    /* most: that was taken at once */
    struct ag_sight *sight;          /* the tape that it was noted on */
    struct ag_action *first, **next; /* what it does; where the next action is to be put */
    ag_kept memory;
} ag_routine;

typedef struct ag_routines {
    ag_routine at[AG_ROUTINES];
    uint32_t turn;    /* whose place the next new one takes */
    ag_routine *used; /* it is noted or run now; NULL: none is */
    uint64_t passes;  /* that were repeated */
} ag_routines;

/* ---- routine.c */

void *ag_kept_take(ag_tape *t, ag_kept *k, size_t bytes); /* 16-byte aligned; NULL: there is none */
void ag_kept_empty(ag_kept *k);                           /* all that was taken is free */
void ag_kept_return(ag_kept *k, const ag_kept *before);   /* and all since then */
void ag_kept_free(ag_tape *t, ag_kept *k);
/* Their memory goes back, for what needs it more, but that of the one in use. False: there was none. */
bool ag_routines_drop(ag_tape *t);

#endif
