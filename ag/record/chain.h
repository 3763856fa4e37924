/* Chains: elementwise ops on large arrays, and sums, that wait to be computed block by block. */
#ifndef AG_RECORD_CHAIN_H
#define AG_RECORD_CHAIN_H

#include "ag/record/record.h"

/* ---- chain_frame.c: how the arrays of a chain lie in its largest */

enum {
    AG_CHAIN_NONE,
    AG_CHAIN_ALL,    /* an element for each of its elements */
    AG_CHAIN_ROWS,   /* for each of its rows: extent 1 in their place */
    AG_CHAIN_COLUMNS /* one row, that repeats */
};
typedef struct ag_chain_frame {
    const ag_layout *layout;
    int64_t columns; /* of a row; 0: there are no rows */
} ag_chain_frame;
/* AG_CHAIN_NONE: the array lies otherwise, or has other rows; these are set if there were none. */
int ag_chain_kind(ag_chain_frame *f, const ag_layout *l);
/* Can the value, and what it waits for, be computed in it? True of one that does not wait. */
bool ag_chain_take(const ag_tape *t, ag_chain_frame *f, uint32_t id);
/* The largest layout of l and of what the value waits for. */
const ag_layout *ag_chain_layout(const ag_tape *t, const ag_layout *l, uint32_t id);
ag_chain_frame ag_chain_frame_of(const ag_tape *t, uint32_t id); /* of a pending value */

/* ---- chain.c: elementwise ops on large arrays, and sums of them, which wait */

typedef struct ag_chain_plan ag_chain_plan;

/* May ops wait now? */
static inline bool ag_chain_waits(const ag_tape *t)
{
    return !(t->inner || t->waiting.eager || t->closed || t->observed);
}
/* May the node's memory, which a view has of another node, not be written without notice? */
static inline bool ag_chain_steady(const ag_tape *t, const ag_node *d)
{
    return !(t->nodes[d->owner].flags & AG_NODE_READONLY);
}
/* A pending value of the op. `weight`: how many are computed for it, at most. */
ag_tensor ag_chain_record(ag_tape *t, uint32_t number, const ag_op *op, const ag_layout *l, const uint32_t *ids);
/* The node was computed block by block, or will be. */
void ag_chain_mark(ag_tape *t, ag_tensor y, uint32_t number, int inputs);
uint32_t ag_chain_weight(const ag_tape *t, const uint32_t *ids, int count);
/* Memory for what is stored of what was collected, and the steps; then, when others were added, all that runs. False:
 * reported, and the memory was given back. */
bool ag_chain_prepare(ag_chain_plan *c);
bool ag_chain_finish(ag_chain_plan *c, double *sums);
void ag_chain_arrive(ag_tape *t, ag_node *d, void *data); /* the value, in a block of the pool */

/* ---- chain_sum.c */

bool ag_chain_sum_compute(ag_tape *t, ag_node *d);                  /* a pending one over everything */
ag_status ag_chain_sum_arrives(ag_tape *t, ag_node *d, double sum); /* it has been computed */
/* With what a sum, or a mean, of n elements is multiplied. */
static inline double ag_chain_scale(const ag_op *op, int64_t n)
{
    return op->flags & AG_AVERAGES ? 1 / (double)n : 1;
}

/* ---- chain_plan.c: what is done with each block of a chain */

typedef struct ag_chain_place { /* of a value or an adjoint: in a slot, which holds a block, or in an array */
    int slot;                   /* from 1 on; 0: the array, which may be NULL: it is not read */
    int kind;                   /* AG_CHAIN_ALL ... */
    char *array;
} ag_chain_place;

enum { AG_CHAIN_DY, AG_CHAIN_A, AG_CHAIN_B, AG_CHAIN_Y };

enum {                   /* what a step does */
       AG_STEP_KERNEL,   /* an elementwise kernel runs, forward or backward */
       AG_STEP_FILL,     /* `to` is filled with c */
       AG_STEP_SPREAD,   /* from[0], of the rows or columns, is copied to all */
       AG_STEP_SUM_ROWS, /* from[0] is summed in each row, times c */
       AG_STEP_SUM,      /* over everything */
       AG_STEP_SUM_COLUMNS
};

typedef struct ag_chain_step {
    ag_row_forward *forward;
    ag_row_backward *backward;
    ag_chain_place to, from[4]; /* AG_CHAIN_DY ... */
    double c, d;
    int work, number; /* AG_STEP_KERNEL ...; of a sum */
    bool add, padded;
} ag_chain_step;

enum {
    AG_CHAIN_WEIGHT = 32, /* ops that wait for each other, at most */
    AG_CHAIN_NODES = 64,  /* values of a chain that are computed */
    AG_CHAIN_STEPS = 768
};

typedef struct ag_chain_node {
    uint32_t id;
    bool stored; /* it is to be kept */
    ag_chain_place value;
} ag_chain_node;

struct ag_chain_plan {
    ag_tape *t;
    ag_chain_frame frame;
    ag_chain_step *step;
    ag_chain_node *node; /* pending values that are computed, by ascending ids */
    double *totals;      /* of sums of columns, in blocks */
    size_t bytes, total_bytes;
    int nodes, steps, slots, sums, column_sums;
};

/* At most so many pending values, and steps beside those that compute them. NULL: no memory. */
ag_chain_plan *ag_chain_begin(ag_tape *t, ag_chain_frame f, int nodes, int steps);
void ag_chain_end(ag_chain_plan *c);
/* The value of the id will be read: it is computed if it is pending. `again`: what was passed by before is stored now. */
void ag_chain_collect(ag_chain_plan *c, uint32_t id, bool again);
void ag_chain_compute(ag_chain_plan *c);                      /* the steps of what was collected */
ag_chain_place ag_chain_value(ag_chain_plan *c, uint32_t id); /* of an array */
ag_chain_place ag_chain_slot(ag_chain_plan *c, int kind);
ag_chain_place ag_chain_array(const ag_chain_plan *c, const ag_layout *l, void *data);
/* The same for an operand of a kernel whose result is of that kind: spread where it has fewer elements. */
ag_chain_place ag_chain_operand(ag_chain_plan *c, uint32_t id, int kind);
ag_chain_step *ag_chain_step_new(ag_chain_plan *c, int work);
void ag_chain_spread(ag_chain_plan *c, ag_chain_place from, ag_chain_place to, bool add);
void ag_chain_sum_rows(ag_chain_plan *c, ag_chain_place from, ag_chain_place to, double scale, bool add);
int ag_chain_sum_of(ag_chain_plan *c, ag_chain_place x);         /* the number of a new sum */
int ag_chain_sum_columns_of(ag_chain_plan *c, ag_chain_place x); /* of a new sum of columns */
/* Which of a row's operands is a number, AG_ROW_ARRAYS ...: that number is the parameter c of its node. */
int ag_chain_constant(const ag_tape *t, const ag_node *d);

/* ---- chain_run.c */

/* Runs the steps over all blocks; `sums`, in the order in which ag_sum_floats adds. False: no memory. */
bool ag_chain_run(ag_chain_plan *c, double *sums);

/* ---- chain_rows.c */

/* When it has run: to = scale times the sum, or += it. */
void ag_chain_columns_arrive(const ag_chain_plan *c, int number, const ag_array *to, double scale, bool add);

#endif
