/* Appending a node, and what is noted of it for the next step. */
#ifndef AG_TAPE_NODE_H
#define AG_TAPE_NODE_H

#include "ag/tape/tape.h"

/* What is kept to run an op that is no elementwise one: see record/repeat.c. */
typedef struct ag_echo_call {
    ag_kept before; /* what was taken before it */
} ag_echo_call;

/* A node as it was made in the last step, and where it is of an op, what made its value. */
typedef struct ag_echo {
    ag_node node;
    void (*run)(int64_t n, void *y, const void *a, const void *b, double c, double d);
    const void *a, *b;   /* the operands' data; NULL: no array */
    ag_echo_call *call;  /* NULL: it is of an elementwise op, or a leaf */
    const float *number; /* the operand that is the constant c, where it has an address */
    uint32_t record;     /* the operand that is, where it has none; 0 like NULL: c is what the call says */
    uint32_t bytes;      /* of memory that it takes */
    uint32_t op;         /* 0: it is none of these */
    ag_header header;
    uint16_t layout; /* among those noted */
    bool padded;     /* run by ag_range_run */
    bool straight;   /* by a call, on these two operands alone */
    bool needs;      /* does a gradient flow through the record? */
} ag_echo;

/* ---- echo.c */

void ag_echo_node(ag_tape *t, const ag_node *d); /* d is the node that was made last */
void ag_echo_end_step(ag_tape *t);
ag_echo_aside ag_echo_begin_aside(ag_tape *t);
void ag_echo_end_aside(ag_tape *t, ag_echo_aside a);
bool ag_echo_drop(ag_tape *t); /* its memory goes back; false: there was none */

/* The note of the node that was made last, where it was made just now, to be filled in; else NULL. */
static inline ag_echo *ag_echo_noted(const ag_tape *t)
{
    const ag_echoes *e = &t->echoes;
    return AG_UNLIKELY(e->noting && e->on && e->count == t->node_count) ? &e->at[e->count - 1] : NULL;
}

/* ---- */

/* Is there room for one node more? */
static inline bool ag_node_fits(const ag_tape *t)
{
    return AG_LIKELY(t->span < t->room && t->node_count < t->node_capacity && t->stop_count < t->stop_capacity);
}

/* Where there is. flags: of its header. Places without an input are 0, so that nodes that are alike have the same bytes. */
static inline ag_node *ag_node_put(ag_tape *t, uint32_t op, uint32_t flags, const ag_layout *layout, void *data)
{
    const uint32_t index = ag_next(t), place = t->node_count;
    ag_node *d = &t->nodes[place];
    *d = (ag_node){ .data = data, .layout = layout, .owner = place, .id = index };
    t->records[index] = (ag_record){ .parent = { index, place } };
    t->headers[index] = (ag_header){ (uint16_t)op, (uint16_t)(AG_HAS_NODE | flags) };
    t->stops[t->stop_count++] = index;
    t->node_count = place + 1;
    t->span++;
    if (AG_UNLIKELY(t->echoes.on))
        ag_echo_node(t, d);
    return d;
}

#endif
