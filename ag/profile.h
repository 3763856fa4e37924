/* What a program's steps take. A part of ag.h, which includes it. */
#ifndef AG_PROFILE_H
#define AG_PROFILE_H

/* ---- memory */

typedef struct ag_memory {
    uint64_t live, peak; /* bytes now; at most */
} ag_memory;
typedef struct ag_stats {
    ag_memory held;            /* what the tape has of its allocator: the sum of the others and of `spare` */
    ag_memory values;          /* of the step's tensors, with what their ops keep */
    ag_memory adjoints;        /* of backward passes, with their tables */
    ag_memory work;            /* of ops' functions while they run */
    ag_memory persistent;      /* parameters and buffers with their gradients */
    ag_memory allocated;       /* by ag_tape_allocate: modules, optimizers' states, data that was read */
    ag_memory tables;          /* of nodes and the like, which do not become smaller */
    uint64_t spare;            /* kept for the next step, or between blocks */
    int64_t nodes, most_nodes; /* recorded since the last reset; at most in a step */
    uint64_t allocations;      /* requests to the allocator since the tape was made */
} ag_stats;
/* ag_tape_stats - what the tape holds, and the most that each part had at once since the tape was made; these need not
 * have been at one time, but `held` was held. Zeros for NULL.
 * ag_tape_stats_restart - peaks count from the last reset on. */
AG_API ag_stats ag_tape_stats(const ag_tape *t);
AG_API void ag_tape_stats_restart(ag_tape *t);
/* ag_print_memory - these as a table; the values that the step has by now, by op; persistent tensors by module, as far as
 * names such as "0.weight" tell. */
AG_API ag_status ag_print_memory(ag_tape *t, FILE *to);

#endif
