/* Values that are recorded and not computed. */
#ifndef AG_TAPE_PENDING_H
#define AG_TAPE_PENDING_H

#include "ag/tape/tape.h"

/* ---- pending.c: values that are computed when they are asked for */

static inline bool ag_is_pending(const ag_node *d)
{
    return d && d->data == AG_PENDING;
}
/* How a pending value is computed, also where it was recorded under no-grad and is a constant to everybody else: by which
 * op, of how many operands; weight: how many values have to be computed for it, at most. */
typedef struct ag_recipe {
    uint16_t op;
    uint8_t inputs, weight;
} ag_recipe;
static inline ag_recipe ag_recipe_of(const ag_node *d) /* it has no third operand */
{
    ag_recipe r;
    memcpy(&r, &d->input[2], sizeof r);
    return r;
}
bool ag_settle_pending(ag_tape *t, uint32_t id); /* false: reported, as of the others */
bool ag_settle_all(ag_tape *t);
bool ag_settle_readers(ag_tape *t,
                       uint32_t owner); /* what is to be computed from the node's memory, which will change */
bool ag_settle_slot_readers(ag_tape *t, const ag_slot *s); /* the same of a persistent tensor's */
void ag_drop_chained(ag_tape *t, uint32_t index);          /* those from the index on */
static inline bool ag_settle(ag_tape *t, uint32_t id)      /* from now on the value of the live id is there */
{
    return AG_LIKELY(!t->waiting.pending) || !ag_is_pending(ag_node_or_null(t, id)) || ag_settle_pending(t, id);
}

#endif
