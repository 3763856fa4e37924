/* Values that are recorded and not computed. The data of their nodes is AG_PENDING; whoever reads a value settles it
 * first, and whoever is about to write to memory, what would be computed from that. What is computed late lies in the
 * pool: a mark, or a rule's interlude, may have begun since the node was recorded. */
#include "ag/tape/tape.h"

bool ag_settle_pending(ag_tape *t, uint32_t id)
{
    return t->waiting.compute(t, id);
}

bool ag_settle_all(ag_tape *t)
{
    for (uint32_t i = 0; t->waiting.pending && i < t->waiting.count; i++)
        if (!ag_settle(t, t->waiting.at[i]))
            return false;
    return true;
}

static bool reads(const ag_tape *t, const ag_node *d, uint32_t owner)
{
    for (int k = 0; k < ag_recipe_of(d).inputs; k++) {
        const ag_node *x = ag_node_or_null(t, d->input[k]);
        if (x && x->owner == owner && x->layout->rank) /* a number is read while recording */
            return true;
    }
    return false;
}

bool ag_settle_readers(ag_tape *t, uint32_t owner)
{
    if (!(t->nodes[owner].flags & AG_NODE_READ)) /* most parameters: there may be many, as there may be of what waits */
        return true;
    for (uint32_t i = 0; t->waiting.pending && i < t->waiting.count; i++) {
        const ag_node *d = ag_node_at(t, t->waiting.at[i]);
        if (ag_is_pending(d) && reads(t, d, owner) && !ag_settle_pending(t, t->waiting.at[i]))
            return false;
    }
    t->nodes[owner].flags &= (uint8_t)~AG_NODE_READ;
    return true;
}

bool ag_settle_slot_readers(ag_tape *t, const ag_slot *s)
{
    if (AG_LIKELY(!t->waiting.pending) || !s->first_epoch || !ag_live(t, AG_INDEX(s->first_id), s->first_epoch))
        return true;
    const ag_node *leaf = ag_node_or_null(t, s->first_id);
    return !leaf || ag_settle_readers(t, leaf->owner);
}

void ag_drop_chained(ag_tape *t, uint32_t index)
{
    while (t->waiting.count && t->waiting.at[t->waiting.count - 1] >= index) {
        const ag_node *d = ag_node_at(t, t->waiting.at[--t->waiting.count]);
        t->waiting.pending -= ag_is_pending(d);
        if (!(d->flags & AG_NODE_POOLED))
            continue;
        ag_pool_give(t, d->data, ag_layout_bytes(d->layout));
        t->waiting.late -= ag_layout_bytes(d->layout);
    }
}
