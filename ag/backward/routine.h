/* Passes that repeat themselves. A pass over a tape on which everything that it goes by has the bytes that it had in a
 * pass before (nodes, layouts, parameters of ops, what has arrived, where adjoints will lie) does the same again: then
 * the list of what was done is run, and nothing is decided anew. Values are not compared, they are read again.
 *
 * Whoever works on memory in a plain pass notes what it does while s->list is there, or that it can not be repeated. */
#ifndef AG_BACKWARD_ROUTINE_H
#define AG_BACKWARD_ROUTINE_H

#include "ag/backward/backward.h"

typedef enum ag_action_kind {
    AG_DO_ROW,
    AG_DO_RANGE,
    AG_DO_FUSED,
    AG_DO_SUM,
    AG_DO_NUMBER,
    AG_DO_REDUCE,
    AG_DO_RECORDS,
    AG_DO_SEED,
    AG_DO_FILL,
    AG_DO_CLEAR,
    AG_DO_END,
    AG_DO_COPY,
    AG_DO_ARRIVED,
    AG_DO_STORE
} ag_action_kind;

typedef struct ag_action {
    struct ag_action *next;
    ag_action_kind kind;
} ag_action;

/* A kernel of an elementwise op. number: the id of the operand that is the constant c; 0: c is what it says. */
typedef struct ag_row_action {
    ag_action head;
    uint32_t number;
    bool add;
    ag_row_backward *back;
    int64_t n;
    void *dx;
    const void *dy, *a, *b, *y;
    double c, d;
} ag_row_action;

typedef struct ag_range_action { /* the same by ag_range_run */
    ag_action head;
    uint32_t number;
    ag_range range;
    int64_t n;
} ag_range_action;

typedef struct ag_fused_action { /* arrays lie in the list's memory */
    ag_action head;
    uint32_t taken; /* the result's id where it is a number, whose adjoint becomes seed[0]; 0: it is none */
    ag_call call;
    uint32_t ids[3];
    ag_array *dy, *dx;
    double *number, *seed, *beta;
} ag_fused_action;

typedef struct ag_arrays_action { /* one to the other */
    ag_action head;
    bool add;
    ag_array to, from;
} ag_arrays_action;

typedef struct ag_sum_action { /* of n elements at `from`, times the factor */
    ag_action head;
    ag_dtype dtype;
    const void *from;
    int64_t n;
    double factor, *to;
} ag_sum_action;

typedef struct ag_number_action { /* a contribution, to a record's adjoint or to the element at `to` */
    ag_action head;
    uint32_t id;
    ag_dtype dtype;
    bool add;
    void *to;
    const double *from;
} ag_number_action;

typedef struct ag_index_action { /* of records, a slot */
    ag_action head;
    uint32_t low, high;
} ag_index_action;

/* ---- actions.c */

/* The next action, to be filled in; or NULL, where there is no memory and the list is given up. */
void *ag_note(ag_pass *s, ag_action_kind kind, size_t bytes);
void *ag_note_memory(ag_pass *s, size_t bytes); /* of the list; NULL: likewise */
void ag_note_row(ag_pass *s, const ag_row_action *row);
void ag_note_index(ag_pass *s, ag_action_kind kind, uint32_t low, uint32_t high);
void ag_note_arrays(ag_pass *s, ag_action_kind kind, const ag_array *to, const ag_array *from, bool add);
/* Of a sum of n floats times the factor: where it will be when the list is run; NULL: it is not noted. */
const double *ag_note_sum(ag_pass *s, ag_dtype d, const void *from, int64_t n, double factor);
/* That what will be at `from` goes to the number id, whose adjoint is a record's, or lies at `to`. */
void ag_note_number(ag_pass *s, uint32_t id, void *to, bool add, const double *from);
/* Runs the list. AG_USE_RULE: what it meets is not to be repeated; nothing has arrived. */
ag_status ag_routine_run(ag_tape *t, const ag_routine *r);

#endif
