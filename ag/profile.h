/* What a program's steps take: memory, and time by op and by module. A part of ag.h, which includes it. */
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
    uint64_t repeated;         /* backward passes that did what one before had done: see ag_options.repeat */
    uint64_t in_step;          /* ops that were recorded as in the step before */
} ag_stats;
/* ag_tape_stats - what the tape holds, and the most that each part had at once since the tape was made; these need not
 * have been at one time, but `held` was held. Zeros for NULL.
 * ag_tape_stats_restart - peaks count from the last reset on. */
AG_API ag_stats ag_tape_stats(const ag_tape *t);
AG_API void ag_tape_stats_restart(ag_tape *t);
/* ag_print_memory - these as a table; the values that the step has by now, by op; persistent tensors by module, as far as
 * names such as "0.weight" tell. Of values by module see ag_profile. */
AG_API ag_status ag_print_memory(ag_tape *t, FILE *to);

/* ---- time
 *
 *   ag_profile *p = ag_profile_begin(t, (ag_profile_options){ .trace = "trace.json" });
 *   ... some steps ...
 *   ag_profile_end(p);
 *   ag_profile_print(p, 0, stdout);
 *
 * Between begin and end every op is timed, forward and backward. The time of an op is its own, without ops that run
 * within it: those of a derivative rule have rows of their own. So all rows add up to the time from begin to end, with
 * "other" for what lies between ops: the program itself, and reading data. Looking at an op takes some 0.2 us, which is
 * told apart, as "profile"; programs of rank-0 numbers, whose ops take some nanoseconds, become a hundred times slower.
 * Rows of Jacobians, and elementwise ops that would run together block by block, are computed one by one. Results are
 * the same bits, and without a profile nothing is slower. Where memory fails the ops go on, and the profile's functions
 * say AG_ENOMEM. */

typedef struct ag_profile ag_profile;
typedef struct ag_profile_options {
    const char *trace; /* a file that ag_profile_end writes, for chrome://tracing or ui.perfetto.dev; NULL: none */
    uint32_t events;   /* that the file has at most: the first ones; zero: a million */
    /* What the machine can do, to compare with: floating-point operations and bytes a second. Zero: measured by
     * ag_profile_begin, once for a product 512^3 and once for a sum of large arrays, on the tape's threads, which takes
     * some 50 ms and 100 MB for a moment. Infinity: not compared. */
    double flops_f32, flops_f64, bytes;
} ag_profile_options;

/* ag_profile_begin - from now on the tape's ops are timed. It lives on the tape; several may run at once. NULL on
 * failure. Errors: AG_EUSE inside an op's functions, a hook or a handler; AG_EARG for a negative peak. */
AG_API ag_profile *ag_profile_begin(ag_tape *t, ag_profile_options options);
/* ag_profile_end - ends it and writes the trace. What it saw can be asked for until it is freed. Errors: AG_EFILE;
 * AG_EUSE where begin is, and for one that has ended. */
AG_API ag_status ag_profile_end(ag_profile *p);
/* ag_profile_free - gives its memory back, which else the tape's end does. NULL is ignored. */
AG_API void ag_profile_free(ag_profile *p);

typedef enum ag_phase {
    AG_PHASE_FORWARD,
    AG_PHASE_BACKWARD, /* the op's adjoint is passed on */
    AG_PHASE_RULE,     /* computed within a backward pass: by a derivative rule, a hook, or again by a checkpoint */
    AG_PHASE_NONE      /* no op: a region, "other", "profile" */
} ag_phase;
typedef struct ag_profile_row {
    const char *name;   /* of the op or region; "" where rows are not by op */
    const char *scope;  /* "mlp.0", see ag_scope_begin; on the way back too; "" outside of scopes, or where not asked */
    const char *shapes; /* of the operands, "[64,784] [128,784]" */
    ag_phase phase;
    int64_t calls;
    double seconds, total; /* its own time; with that of ops within it */
    double flops;          /* of products, convolutions and attention; of other ops one for each element */
    double bytes;  /* of operands and results, each read or written once; on the way back of their adjoints too */
    uint64_t kept; /* forward: bytes of results that lay in memory at the end of a step, at most */
    double peak; /* the larger share of the machine's peak, in flops or in bytes a second, which are more than it where
                  * they come from a cache; NaN: not known */
} ag_profile_row;

enum { AG_BY_OP = 1, AG_BY_SCOPE = 2, AG_BY_SHAPES = 4 }; /* what makes rows different, beside the phase */
/* ag_profile_rows - what was seen, sorted by time; valid until the next call, or until it is freed. `by` 0: by op.
 * NULL and no rows on failure. Errors: AG_EARG for other flags; AG_ENOMEM; AG_ENULL for no count. */
AG_API const ag_profile_row *ag_profile_rows(ag_profile *p, int by, size_t *count);
/* ag_profile_seconds - from begin to end, or to now: the sum of the rows. ag_profile_steps - steps in which an op was seen. */
AG_API double ag_profile_seconds(const ag_profile *p);
AG_API int64_t ag_profile_steps(const ag_profile *p);
/* ag_profile_tape - the tape that it looks at. */
AG_API ag_tape *ag_profile_tape(const ag_profile *p);
/* ag_profile_print - the rows as a table. `by` 0: a table by op, and one by scope where scopes were seen. */
AG_API ag_status ag_profile_print(ag_profile *p, int by, FILE *to);

/* ag_region_begin, ag_region_end - a part of the program that profiles name, as an optimizer's step. They nest; `name` must
 * live as long as the profiles. Nothing happens without one. */
AG_API void ag_region_begin(ag_tape *t, const char *name);
AG_API void ag_region_end(ag_tape *t);

#endif
