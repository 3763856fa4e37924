/* What runs together on the way back through ops that waited. */
#ifndef AG_BACKWARD_CHAIN_H
#define AG_BACKWARD_CHAIN_H

#include "ag/backward/backward.h"

enum { AG_CHAIN_MEMBERS = 48 };

typedef struct ag_chain_member {
    ag_node *node;
    const ag_row *row;
    ag_row_params q;
    int constant;           /* AG_ROW_ARRAYS ... */
    int kind;               /* of its result: AG_CHAIN_ALL ... */
    ag_chain_place adjoint; /* of its result */
    bool arrived;
} ag_chain_member;

/* A number that receives a sum, or an array that repeats in each row, which receives sums of columns. */
typedef struct ag_chain_delivery {
    uint32_t id;
    double slope;
    int sum;
    bool columns;
} ag_chain_delivery;

typedef struct ag_chain_group {
    ag_pass *s;
    ag_chain_frame frame;
    ag_chain_plan *chain;
    ag_chain_member member[AG_CHAIN_MEMBERS];
    ag_chain_delivery delivery[2 * AG_CHAIN_MEMBERS];
    double sum[2 * AG_CHAIN_MEMBERS + 1];
    void *scaled[AG_CHAIN_MEMBERS];
    int members, deliveries, scalings;
} ag_chain_group;

/* An op with AG_SUMS? Else an elementwise one. */
static inline bool ag_chain_is_sum(const ag_tape *t, const ag_node *d)
{
    return ag_op_at(t, t->headers[d->id].op)->flags & AG_SUMS;
}

/* What the derivative by operand k reads. */
static inline int ag_chain_reads(const ag_chain_member *m, int k)
{
    return m->row->reads >> k * AG_READS_SHIFT;
}

/* ---- chain.c */

ag_chain_member *ag_chain_member_at(ag_chain_group *g, uint32_t id); /* NULL: it is none */

/* ---- chain_steps.c */

/* The steps by which the member passes its adjoint on. False: reported. */
bool ag_chain_derive(ag_chain_group *g, ag_chain_member *m);

#endif
