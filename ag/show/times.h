/* Profiles: what was seen of ops, and how it is shown. */
#ifndef AG_SHOW_TIMES_H
#define AG_SHOW_TIMES_H

#include "ag/show/json.h"

enum { AG_PHASES = AG_PHASE_NONE + 1, AG_FRAMES = 64, AG_KEY = 1024 };
#define AG_NO_ENTRY UINT32_MAX

typedef struct ag_sums { /* of an entry in one phase; nanoseconds */
    int64_t calls;
    uint64_t own, total;
    double flops, bytes;
} ag_sums;

/* An op on operands of these shapes in this scope, or a region. */
typedef struct ag_entry {
    const ag_op *op; /* NULL: a region */
    const char *name, *scope, *shapes;
    const char *key; /* what makes it different from others */
    size_t key_bytes;
    uint64_t hash;
    ag_dtype dtype;          /* of what it computes in */
    uint64_t kept, kept_now; /* bytes of results at most in a step; in this step */
    int64_t step;            /* that this step is */
    ag_sums phase[AG_PHASES];
} ag_entry;

typedef struct ag_frame {                   /* an op or region that runs */
    const char *name;                       /* of a region */
    uint64_t entered, begin, end, children; /* begin: after what the profile did; children: the time of frames within */
    uint32_t entry;
    ag_phase phase;
    bool backward; /* it is a pass, or lies in one */
    double flops, bytes;
} ag_frame;

typedef struct ag_interval { /* of the trace */
    uint64_t begin, end;
    uint32_t entry;
    ag_phase phase;
} ag_interval;

struct ag_profile {
    ag_observer observer;
    ag_tape *t;
    ag_profile_options options;
    char *path;                        /* of the trace; NULL: none */
    bool running, lost;                /* lost: there was no memory for all */
    uint64_t begin, end, covered, own; /* covered: by frames; own: by the profile itself */
    int64_t steps;
    uint32_t reset_epoch; /* of the last step that was seen */
    ag_frame frames[AG_FRAMES];
    uint32_t depth;
    ag_entry *entries;
    uint32_t entry_count, entry_capacity;
    uint32_t *table; /* 1 + entry by hash; a power of two of places */
    uint32_t places;
    uint32_t *of; /* by index of a node: 1 + the entry of its op */
    uint32_t of_capacity;
    ag_interval *slices;
    uint32_t slice_count, slice_capacity;
    uint64_t dropped; /* slices beyond what the trace has at most */
    ag_profile_row *rows;
    uint32_t row_capacity;
};

/* ---- profile.c */
/* Makes room as ag_grow does, in memory that the tape's end gives back. False: no memory, reported. */
bool ag_profile_grow(ag_tape *t, void **array, uint32_t *capacity, size_t element, uint64_t wanted);

/* ---- profile_entries.c */

/* The entry of an op, which is made where it is new. `within`: whose scope it has, AG_NO_ENTRY: the open ones.
 * AG_NO_ENTRY: no memory. */
uint32_t ag_entry_of_call(ag_profile *p, const ag_call *c, uint32_t within);
uint32_t ag_entry_of_region(ag_profile *p, const char *name);

/* ---- profile_work.c: what an op has to do */

double ag_forward_flops(const ag_call *c);
double ag_forward_bytes(const ag_call *c);
double ag_backward_flops(const ag_call *c);
double ag_backward_bytes(const ag_call *c);
uint64_t ag_kept_bytes(const ag_call *c);

/* ---- profile_peak.c */

ag_status ag_measure_peaks(ag_tape *t, ag_profile_options *o); /* where they are zero */

/* ---- profile_trace.c */

ag_status ag_write_trace(const ag_profile *p);

#endif
