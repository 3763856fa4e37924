/* What a tape keeps of the nodes of the last step, so that one that is in step with it is recorded with less: see
 * echo.c. */
#ifndef AG_TAPE_ECHO_H
#define AG_TAPE_ECHO_H

#include "ag/tape/routine.h"

typedef struct ag_echoes {
    struct ag_echo *at;             /* by the node's place */
    struct ag_echo_layout *layouts; /* that these have */
    uint32_t capacity, count, layout_count;
    uint32_t end;         /* nodes at lower places may be what they were; 0: this step is known to be another one */
    bool on;              /* all nodes that there are, are those that are noted */
    bool noting;          /* and those that come after them are noted */
    bool differed;        /* than what was noted: in this step */
    uint32_t vain;        /* how often steps did, one after the other; the more often, the later notes are made again */
    uint32_t wait;        /* steps until then */
    uint32_t next, nodes; /* how the last step ended: one that ends otherwise is none that it is worth to note */
    uint64_t values;
    uint64_t ops;   /* that were recorded in step */
    ag_kept memory; /* of notes of calls */
    bool held;      /* one of them runs: it does not go back */
} ag_echoes;

/* What an interlude, in which nothing is noted nor compared, leaves aside. */
typedef struct ag_echo_aside {
    uint32_t count, end;
    bool on;
} ag_echo_aside;

#endif
