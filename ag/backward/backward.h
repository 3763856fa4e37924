/* The way back. A result's id is larger than its operands', so one loop from y down meets every op after all that used
 * its result:
 *
 *     adjoint[y] = 1
 *     for each op from y down to the first:
 *         for each operand x of the op:
 *             adjoint[x] += adjoint[op] * d op/d x
 *
 * recorded.c is that loop, with adjoints that are tensors and derivatives by the ops' rules, so that it can be
 * differentiated again. backward.c is the plain pass: the same with kernels, into memory (accumulate.c). */
#ifndef AG_BACKWARD_BACKWARD_H
#define AG_BACKWARD_BACKWARD_H

#include "ag/record/record.h"

/* ---- backward.c: the order of the plain pass */

typedef struct ag_targets ag_targets;
/* The place among the stops of the first one from the index on. */
uint32_t ag_stop_from(const ag_tape *t, uint32_t index);
/* Where a pass from y begins: at the last output of its op, which is visited even if y is not that. */
uint32_t ag_pass_top(const ag_tape *t, uint32_t y);
/* The pass from y, whose adjoint is dy; 0: ones. */
ag_status ag_sweep(ag_tape *t, uint32_t y, uint32_t dy, ag_targets *targets);

typedef struct ag_outer_adjoint ag_outer_adjoint;
typedef struct ag_stacks ag_stacks;
typedef struct ag_pass {
    ag_tape *t;
    uint32_t y, dy, top; /* the pass begins at y with the adjoint dy, 0: ones; top: the last output of y's op */
    uint32_t first, low; /* its own nodes begin there: see boundary.c; below `low` nothing is visited */
    ag_targets *targets; /* of ag_gradients; NULL: the leaves' gradients */
    uint8_t *reached;    /* by index; NULL until needed */
    double *kept;        /* adjoints of rank-0 records by index; NULL if nobody wants them */
    ag_suspects suspects;
    bool careful, restart;
    bool chains;                /* values of before may be pending: see chain.c */
    ag_outer_adjoint *boundary; /* what the pass that this one runs within has there */
    size_t boundary_count, boundary_bytes;
    ag_stacks *stacks; /* of stacked.c: this is several passes side by side */
    ag_routine *list;  /* what the pass does is noted there; NULL: no more, or not at all */
} ag_pass;

/* ---- targets.c: of ag_gradients */

typedef struct ag_target {
    uint32_t id, slot; /* slot + 1 for a persistent tensor: all its leaves count */
    size_t next;       /* 1 + the next one that is the same persistent tensor; 0: none */
    void *data;        /* dense, of the tensor's shape; NULL until something arrived */
} ag_target;
struct ag_targets {
    ag_target *at;
    size_t count;
    size_t *of_slot; /* by slot: 1 + the first target, 0: none; NULL: no target is persistent */
    uint32_t slot_count;
    uint8_t *wanted;   /* by index up to `top`: what a contribution to it is good for */
    uint32_t top, low; /* no op at or below `low` passes anything on */
};
/* a target or above one; its op is to be visited; it lies at the boundary; it is a target itself */
enum { AG_WANTED = 1, AG_PASSES = 2, AG_TOUCHED = 4, AG_TARGET = 8 };
bool ag_targets_begin(ag_tape *t, ag_targets *s, uint32_t y); /* of `at` and `count`; false: no memory */
void ag_targets_end(ag_tape *t, ag_targets *s);
/* 1 + the first target that the leaf at index i belongs to; 0: none */
size_t ag_targets_at_leaf(const ag_tape *t, const ag_targets *s, uint32_t i);
const ag_layout *ag_target_layout(const ag_tape *t, const ag_target *x);
bool ag_target_is_number(const ag_tape *t, const ag_target *x); /* whose adjoint no pass keeps unless asked to */
ag_status ag_pass_deliver_targets(ag_pass *s);
enum { AG_REACHED = 1, AG_REACHED_BESIDE = 2 }; /* y depends on it; on another output of its op */
/* By index, from the pool (y + 1 bytes): zero where y does not depend on it by way of nodes from `first` on. NULL: no
 * memory. */
uint8_t *ag_reachable(ag_tape *t, uint32_t y, uint32_t first);

/* ---- backward.c: the pass at work */

/* t->adjoints up to the index y. False: no memory. */
bool ag_make_adjoints(ag_tape *t, uint32_t y);
/* The op of the stop i, if it is one and its result has received something, passes that on. */
ag_status ag_pass_visit(ag_pass *s, uint32_t i);

/* Has the record i, whose adjoint is g, received anything? A zero may be a sum, or nothing. */
bool ag_pass_arrived(ag_pass *s, uint32_t i, double g);

/* Is a contribution to it of use? */
static inline bool ag_pass_wants(const ag_pass *s, uint32_t id)
{
    return s->targets ? s->targets->wanted[AG_INDEX(id)] : ag_needs(s->t, id);
}

/* ---- numbers.c */

/* Records low ... high, without a look at anything but their derivatives. */
void ag_pass_quickly(const ag_tape *t, int64_t low, int64_t high);

/* ---- boundary.c: a pass within a pass */

bool ag_boundary_begin(ag_pass *s);        /* false: no memory, nothing was changed */
void ag_boundary_clear(ag_pass *s);        /* forgets what has arrived there */
bool ag_boundary_finite(const ag_pass *s); /* the numbers that have arrived there */
void ag_boundary_end(ag_pass *s);
/* Of ag_backward in a rule: what would receive a gradient, but is not the inner graph's. 0: nothing. */
ag_status ag_boundary_check(ag_tape *t, uint32_t y, const char *who);

/* ---- routine.c: a pass that does what one before has done; see routine.h */

/* AG_USE_RULE: the pass is to be run, and where s->list is there, noted. */
ag_status ag_routine_begin(ag_pass *s);
void ag_routine_end(ag_pass *s, ag_routine *r,
                    ag_status status); /* of a pass that was noted in r, as far as it could be */

/* ---- actions.c */

void ag_note_leave(ag_pass *s); /* what the pass does now can not be repeated */

/* ---- backward_op.c: one op in a plain pass */

/* The node's op passes its adjoint on: d->adjoint, or *scalar for a node without data. The adjoint is
 * consumed. */
ag_status ag_pass_node(ag_pass *s, ag_node *d, const double *scalar);
/* A handle of the adjoint of the node with the id, of zeros where none arrived; *scalar: that of a number. */
ag_tensor ag_pass_adjoint_handle(ag_pass *s, uint32_t id, const double *scalar);
/* ag_pass_node by the op's rule; for an op with several outputs all their adjoints are consumed. */
ag_status ag_pass_rule(ag_pass *s, ag_node *d, const double *scalar);
/* ---- observe.c: around an op that passes its adjoint on while the tape is observed */

typedef struct ag_watch {
    ag_event event;
    ag_call call;
    uint32_t ids[3];
    double constants[2];
} ag_watch;
ag_status ag_watch_begin(ag_pass *s, uint32_t id, const double *scalar, ag_watch *w);
ag_status ag_watch_end(ag_watch *w, ag_status status); /* returns the status, or that of the observers */
/* At the end of a pass: are its results, as far as they are known by now, what may be shown? */
ag_status ag_watch_targets(ag_tape *t, const ag_targets *targets, const ag_suspects *suspects);

/* ---- unwanted.c: derivatives that are zeros for want of a history */

ag_status ag_fail_unwanted(ag_tensor x, const char *who); /* AG_EUSE */
/* Under debug: warns, outside of rules and the like, that the derivative by x, which is live, is zeros. */
void ag_watch_unwanted(ag_tensor x, const char *who);
ag_status ag_fail_constant(ag_tape *t, const char *who); /* AG_EUSE: that of a pass begins at no history */
/* Under debug: warns likewise that a derivative of y, which is live, by tensors that want a gradient is zeros. */
void ag_watch_constant(ag_tensor y, ag_list xs, const char *who);

/* ---- hook.c: functions of the caller's that see adjoints, and may replace them */

/* The hooks of the node at index i, whose adjoint is complete. */
ag_status ag_pass_hooks(ag_pass *s, uint32_t i);
/* The same in a pass that records: *adjoint is the id of the adjoint. */
ag_status ag_graph_hooks(ag_tape *t, uint32_t i, uint32_t *adjoint, ag_suspects *suspects);
/* The leaf next below i, but not below `low`, of the same persistent tensor, to which its adjoint is to be added: the
 * hooks are called at the lowest. 0: there is none. */
uint32_t ag_leaf_below(const ag_tape *t, uint32_t i, uint32_t low);

/* ---- accumulate.c: where contributions go in a plain pass */

/* A node's adjoint as an array. */
void ag_pass_adjoint(const ag_tape *t, const ag_node *d, ag_array *a);
/* Where a contribution to the ranked node d goes, and whether it is to be added to what is there. */
bool ag_pass_target(ag_pass *s, ag_node *d, ag_array *to, bool *add);
/* The same, as the place alone; NULL: no memory. */
void *ag_pass_place(ag_pass *s, ag_node *d, bool *add);
/* The slot whose gradient takes d's first contribution itself: d is a leaf of a parameter without a gradient yet. */
static inline ag_slot *ag_pass_direct(const ag_pass *s, const ag_node *d)
{
    ag_tape *t = s->t;
    if (s->targets || t->headers[d->id].op != AG_OP_PERSISTENT)
        return NULL;
    ag_slot *slot = &t->slots[d->input[0]];
    const ag_stored *g = &slot->grad;
    bool shown = g->alias_epoch && ag_live(t, AG_INDEX(g->alias_id), g->alias_epoch);
    return !shown && !g->arrived && !g->begun && ag_slot_taken(slot) ? slot : NULL;
}
/* Adds an array that has the input's shape, or a broadcast of it, to the input's adjoint, in the input's dtype. */
bool ag_pass_deliver(ag_pass *s, uint32_t id, const ag_array *contribution);
/* To an input of rank 0. noted: where the contribution will be when what was noted is run; NULL: it was not. */
bool ag_pass_deliver_number(ag_pass *s, uint32_t id, double contribution, const double *noted);
/* Gives a node's adjoint back. */
void ag_pass_drop(ag_pass *s, ag_node *d);
/* Does the node's adjoint outlive the visit? */
static inline bool ag_pass_keeps(const ag_pass *s, const ag_node *d)
{
    if (s->targets)
        return s->stacks || s->targets->wanted[d->id] & AG_TARGET; /* a stack stays where it is */
    return s->t->options.keep_grads || s->t->headers[d->id].flags & AG_RETAINED;
}

/* May d's adjoint be overwritten by the contribution to x and become its adjoint, if that has its place? Who looks at
 * values wants to see both. */
static inline bool ag_pass_hands_over(const ag_pass *s, const ag_node *d, const ag_node *x)
{
    return d->adjoint && !x->adjoint && !ag_pass_keeps(s, d) && !ag_pass_direct(s, x) && !s->t->examined;
}

/* ---- rule.c: one run of an op's rule */

typedef struct ag_rule {
    ag_call call;
    uint32_t ids[3];
    double constants[2];
    ag_tensor few[AG_FEW], *dy, *dx; /* adjoints of the outputs, which the caller fills in; what the rule gives */
} ag_rule;
/* Around a rule, a hook or a function under a checkpoint: what it records begins here. What ran around it comes back. */
typedef struct ag_inner_start {
    uint64_t arena;
    uint32_t first;
} ag_inner_start;
ag_inner_start ag_inner_enter(ag_tape *t);
void ag_inner_leave(ag_tape *t, ag_inner_start outer);
/* Around a rule or a hook blocks of no-grad that it leaves open are closed, too, as what others of the pass record does not
 * hang on it. */
typedef struct ag_inner_pass {
    ag_inner_start outer;
    uint32_t no_grad;
} ag_inner_pass;
ag_inner_pass ag_inner_begin(ag_tape *t);
void ag_inner_end(ag_tape *t, ag_inner_pass before);
bool ag_rule_begin(ag_tape *t, uint32_t id, const ag_targets *targets, ag_rule *r); /* false: reported */
ag_status ag_rule_run(ag_rule *r);
/* The id of what it gave for operand i, of a shape to which the operand's broadcasts; 0: nothing is given or wanted. */
ag_status ag_rule_result(const ag_rule *r, int i, uint32_t *id);

/* ---- backward_elementwise.c */

/* ag_pass_node for an elementwise op, which leaves the adjoint to be dropped, or has passed it on whole. */
ag_status ag_pass_row(ag_pass *s, ag_node *d, const double *scalar);

/* For `count` adjoints of the node one after the other: the contributions to operand k, which has its place as below. */
ag_status ag_row_contributions(ag_tape *t, const ag_node *d, int k, int64_t count, void *dx, const void *dy, bool add);
/* Have the adjoints of the node d and its operand x one shape, dtype and order of elements? */
static inline bool ag_pass_same_place(const ag_tape *t, const ag_node *d, const ag_node *x)
{
    if (ag_is_number(x))
        return false;
    bool alike =
        x->layout == d->layout || (x->layout->dtype == d->layout->dtype && ag_layout_same_shape(x->layout, d->layout));
    return alike && (x->layout->dense || t->headers[x->id].op != AG_OP_PERSISTENT);
}

/* The derivative by operand k if it is the same constant everywhere. */
bool ag_row_constant_slope(const ag_row *row, ag_row_params q, int k, double *slope);

/* ---- row_work.c: its operands */

/* May the operand k of the op at id, which its derivative reads, still be read? Else it was written: AG_EUSE. */
ag_status ag_row_check_written(ag_tape *t, const ag_row *row, uint32_t id, uint32_t operand, int k);

/* ---- chain.c: ops whose values may be pending */

/* ag_pass_node for such an op and those below it that can be run with it, block by block. AG_USE_RULE: it is done by
 * itself. */
ag_status ag_pass_chain(ag_pass *s, ag_node *d, const double *scalar);

/* ---- stacked.c: plain passes side by side */

/* Where the contribution to d of the visited one of them goes. NULL: no memory. */
void *ag_stack_place(ag_pass *s, const ag_node *d);

/* ---- stacked_rows.c */

/* How many rows of dy/dx are worth to be computed at once, x the one target. Less than 2: none. */
int64_t ag_stacked_rows_at_once(const ag_tape *t, uint32_t y, const ag_targets *targets);
/* `count` rows from row `first` on, dense. AG_USE_RULE: it must be done row by row. */
ag_status ag_stacked_rows(ag_tape *t, uint32_t y, ag_targets *targets, int64_t first, int64_t count, void *rows);

/* ---- store.c: the end of a plain pass */

/* Adjoints become gradients, or the targets' data. */
ag_status ag_pass_commit(ag_pass *s);

/* ---- custom.c */

/* Of an op whose value is its first input, which no derivative goes to; the result shares its memory. */
ag_status ag_shape_of_value(const ag_call *c, const ag_array *x, ag_array *y);

/* ---- recorded.c: the pass that records */

ag_status ag_graph_gradients(ag_tape *t, uint32_t y, uint32_t dy, const ag_targets *targets, ag_tensor *out);

/* ---- gradients.c */

/* May a pass from y begin here? `busy`: no. */
ag_status ag_check_place(ag_tape *t, uint32_t y, bool busy, const char *who);
/* ag_gradients with the adjoint that the pass begins with; {0}: ones. */
ag_status ag_find_gradients(ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *out, const char *who);
void ag_stored_changed(ag_tape *t, ag_stored *g); /* handles that ag_grad gave out show the old gradient */

#endif
