/* Making a node again that is what it was in the last step: see echo.c. */
#ifndef AG_TAPE_AGAIN_H
#define AG_TAPE_AGAIN_H

#include "ag/tape/node.h"

/* The node that is noted for the next place, where it is of this op and comes next, there is a place for its stop, and
 * those before it are what they were; else NULL. The caller compares the span with the room, or with the limit. */
static inline const ag_echo *ag_echo_next(const ag_tape *t, uint32_t op)
{
    if (t->node_count >= t->echoes.end)
        return NULL;
    const ag_echo *e = &t->echoes.at[t->node_count];
    const bool next = e->op == op && e->node.id == ag_next(t) && t->stop_count < t->stop_capacity;
    return AG_LIKELY(next) ? e : NULL;
}

/* Makes the node again. What was compared before is read again, to which the empty statement holds the compiler: kept, it
 * would take registers that have to be saved. */
static inline void ag_echo_put(ag_tape *t, const ag_node *node, ag_header header, double c, double d)
{
    __asm__ volatile("" : : : "memory");
    const uint32_t index = node->id, place = t->node_count;
    ag_record *r = &t->records[index];
    t->nodes[place] = *node;
    *r = (ag_record){ .parent = { index, place }, .partial = { c, d } };
    t->headers[index] = header;
    t->stops[t->stop_count++] = index;
    t->node_count = place + 1;
    t->span++;
}

/* The nodes are no longer what they were when they were made. */
static inline void ag_echo_stop(ag_tape *t)
{
    t->echoes.on = false;
    t->echoes.end = 0;
}

#endif
