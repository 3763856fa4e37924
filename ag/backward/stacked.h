/* Stacks of adjoints: see stacked.c. */
#ifndef AG_BACKWARD_STACKED_H
#define AG_BACKWARD_STACKED_H

#include "ag/backward/backward.h"

struct ag_stacks {
    int64_t count, now; /* adjoints; the one that is visited */
    int64_t *filled; /* by index from `low` on: how many of the stack have arrived; all of them, when a visit is over */
    void **at;       /* likewise; NULL: none yet */
    bool *shown;     /* likewise: the tables of the pass have it */
    uint32_t low;
    bool uneven; /* of a visit's contributions some have arrived */
};

static inline size_t ag_slice_bytes(const ag_tape *t, uint32_t i) /* of one adjoint */
{
    const ag_node *d = ag_node_or_null(t, i);
    return ag_is_number(d) ? sizeof(double) : ag_layout_bytes(d->layout);
}

static inline size_t ag_stack_bytes(const ag_pass *s, uint32_t i)
{
    return (size_t)s->stacks->count * ag_slice_bytes(s->t, i);
}

static inline void *ag_stack_of(ag_pass *s, uint32_t i) /* NULL: no memory */
{
    void **at = &s->stacks->at[i - s->stacks->low];
    if (!*at)
        *at = ag_pool_take(s->t, ag_stack_bytes(s, i));
    return *at;
}

static inline bool ag_stack_is_full(const ag_pass *s, uint32_t i)
{
    return s->stacks->filled[i - s->stacks->low] == s->stacks->count;
}

static inline void ag_stack_fill(ag_pass *s, uint32_t i) /* it has been filled */
{
    s->stacks->filled[i - s->stacks->low] = s->stacks->count;
}

static inline int ag_outputs_of(const ag_tape *t, uint32_t i)
{
    return t->headers[i].flags & AG_HAS_NODE ? ag_op_results(ag_op_at(t, t->headers[i].op)) : 1;
}

/* ---- stacked.c */

/* The op at i passes on what has arrived at its results. */
ag_status ag_stacked_visit(ag_pass *s, uint32_t i);

#endif
