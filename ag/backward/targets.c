/* The tensors by which ag_gradients differentiates, however many: found by their place, not by a search. */
#include "ag/backward/backward.h"

static bool any_slot(const ag_targets *s)
{
    for (size_t k = 0; k < s->count; k++)
        if (s->at[k].slot)
            return true;
    return false;
}

/* ---- what has to be computed at all: an op whose result depends on a target */

static void want(ag_tape *t, ag_targets *s, uint32_t i)
{
    if (i > s->top || !ag_needs(t, i))
        return;
    s->wanted[i] = AG_WANTED | AG_TARGET;
    if (i < s->low)
        s->low = i;
}

static bool depends(const ag_tape *t, const ag_targets *s, uint32_t i)
{
    const ag_node *d = ag_node_or_null(t, i);
    const uint32_t *inputs = d ? ag_node_inputs(d) : t->records[i].parent;
    for (int k = 0; k < (d ? d->inputs : 2); k++)
        if (AG_INDEX(inputs[k]) != i && s->wanted[AG_INDEX(inputs[k])])
            return true;
    return false;
}

static void find_wanted(ag_tape *t, ag_targets *s)
{
    memset(s->wanted, 0, (size_t)s->top + 1);
    s->low = s->top;
    for (size_t k = 0; k < s->count; k++)
        if (!s->at[k].slot)
            want(t, s, AG_INDEX(s->at[k].id));
    for (uint32_t n = 0; s->of_slot && n < t->stop_count && t->stops[n] <= s->top; n++)
        if (ag_targets_at_leaf(t, s, t->stops[n]))
            want(t, s, t->stops[n]);
    for (uint32_t i = s->low < t->inner ? t->inner : s->low + 1; i <= s->top; i++) { /* its own nodes: see boundary.c */
        const uint16_t op = t->headers[i].op;
        if (op == AG_OP_OUTPUT && s->wanted[i - ag_node_at(t, i)->output] & AG_PASSES && ag_needs(t, i))
            s->wanted[i] |= AG_WANTED;
        else if (op >= AG_OP_FIRST && ag_op_needs(t, i) && depends(t, s, i))
            s->wanted[i] |= AG_WANTED | AG_PASSES;
    }
}

bool ag_targets_begin(ag_tape *t, ag_targets *s, uint32_t y)
{
    s->slot_count = any_slot(s) ? t->slot_count : 0;
    s->top = ag_pass_top(t, AG_INDEX(y));
    s->wanted = ag_pool_take(t, (size_t)s->top + 1);
    s->of_slot = s->slot_count ? ag_pool_take(t, s->slot_count * sizeof *s->of_slot) : NULL;
    if (!s->wanted || (s->slot_count && !s->of_slot)) {
        ag_targets_end(t, s);
        return false;
    }
    if (s->of_slot)
        memset(s->of_slot, 0, s->slot_count * sizeof *s->of_slot);
    for (size_t k = 0; k < s->count; k++) {
        ag_target *x = &s->at[k];
        if (!x->slot)
            continue;
        x->next = s->of_slot[x->slot - 1];
        s->of_slot[x->slot - 1] = k + 1;
    }
    find_wanted(t, s);
    return true;
}

void ag_targets_end(ag_tape *t, ag_targets *s)
{
    ag_pool_give(t, s->wanted, (size_t)s->top + 1);
    ag_pool_give(t, s->of_slot, s->slot_count * sizeof *s->of_slot);
}

size_t ag_targets_at_leaf(const ag_tape *t, const ag_targets *s, uint32_t i)
{
    return s->of_slot && t->headers[i].op == AG_OP_PERSISTENT ? s->of_slot[ag_leaf_slot(t, i)] : 0;
}

const ag_layout *ag_target_layout(const ag_tape *t, const ag_target *x)
{
    return x->slot ? t->slots[x->slot - 1].layout : ag_layout_at(t, x->id);
}

bool ag_target_is_number(const ag_tape *t, const ag_target *x)
{
    return !x->slot && !(x->id & AG_TAG_RANKED) && t->headers[AG_INDEX(x->id)].op >= AG_OP_OUTPUT;
}

/* ---- at the end of a plain pass */

static bool take_number(ag_pass *s, ag_target *target, double g)
{
    bool add = target->data;
    if (!add)
        target->data = ag_scratch(s->t, sizeof(double));
    if (target->data)
        *(double *)target->data = add ? *(double *)target->data + g : g;
    return target->data;
}

static bool take(ag_pass *s, ag_target *target, uint32_t i)
{
    ag_tape *t = s->t;
    const ag_node *d = ag_node_or_null(t, i);
    if (ag_is_number(d))
        return take_number(s, target, i >= s->first && ag_target_is_number(t, target) ? s->kept[i] : t->adjoints[i]);
    if (!d->adjoint)
        return true;
    bool add = target->data;
    if (!add)
        target->data = ag_scratch(t, ag_layout_bytes(d->layout));
    if (!target->data)
        return false;
    ag_array to = {
        .data = target->data, .dtype = d->layout->dtype, .shape = AG_SHAPE(d->layout->size), .stride = { 1 }
    };
    ag_array from = to;
    from.data = d->adjoint;
    ag_copy_array(&to, &from, add, t->options.threads);
    return true;
}

/* Beyond the boundary lie adjoints of another pass, but for those that were put aside. */
static bool arrived_here(const ag_pass *s, uint32_t i)
{
    return i <= s->top && (i >= s->first || s->targets->wanted[i] & AG_TOUCHED);
}

ag_status ag_pass_deliver_targets(ag_pass *s)
{
    ag_tape *t = s->t;
    ag_targets *all = s->targets;
    for (size_t k = 0; k < all->count; k++) {
        uint32_t i = AG_INDEX(all->at[k].id);
        if (!all->at[k].slot && arrived_here(s, i) && !take(s, &all->at[k], i))
            return t->error.status;
    }
    for (uint32_t n = 0; all->of_slot && n < t->stop_count && t->stops[n] <= s->top; n++)
        for (size_t k = arrived_here(s, t->stops[n]) ? ag_targets_at_leaf(t, all, t->stops[n]) : 0; k;
             k = all->at[k - 1].next)
            if (!take(s, &all->at[k - 1], t->stops[n]))
                return t->error.status;
    return AG_OK;
}

/* ---- what a tensor depends on */

static void reach_inputs(const ag_tape *t, uint8_t *mask, uint32_t i)
{
    const ag_node *d = ag_node_or_null(t, i);
    if (!d) {
        if (t->headers[i].op >= AG_OP_FIRST)
            mask[t->records[i].parent[0]] = mask[t->records[i].parent[1]] = AG_REACHED;
        return;
    }
    const uint32_t *inputs = ag_node_inputs(d);
    for (int k = 0; k < d->inputs; k++)
        mask[AG_INDEX(inputs[k])] = AG_REACHED;
}

uint8_t *ag_reachable(ag_tape *t, uint32_t y, uint32_t first)
{
    uint8_t *mask = ag_pool_take(t, (size_t)y + 1);
    if (!mask)
        return NULL;
    memset(mask, 0, (size_t)y + 1);
    mask[y] = AG_REACHED;
    for (uint32_t i = y; i >= first; i--) {
        if (t->headers[i].op == AG_OP_OUTPUT && mask[i])
            mask[i - ag_node_at(t, i)->output] |= AG_REACHED_BESIDE;
        else if (mask[i])
            reach_inputs(t, mask, i);
    }
    return mask;
}
