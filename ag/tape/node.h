/* Appending a node. */
#ifndef AG_TAPE_NODE_H
#define AG_TAPE_NODE_H

#include "ag/tape/tape.h"

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
    return d;
}

#endif
