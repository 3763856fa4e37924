/* The steps of a chain, of which each works on a block. A place is a slot, first one for each value; when all steps are
 * there, those whose time is over are used again. */
#include "ag/record/record.h"

ag_chain_plan *ag_chain_begin(ag_tape *t, const ag_layout *l, int nodes, int steps)
{
    const size_t all = (size_t)(nodes + steps);
    const size_t bytes = sizeof(ag_chain_plan) + all * sizeof(ag_chain_step) + (size_t)nodes * sizeof(ag_chain_node);
    ag_chain_plan *c = ag_pool_take(t, bytes);
    if (!c)
        return NULL;
    *c = (ag_chain_plan){ .t = t, .layout = l, .step = (ag_chain_step *)(c + 1), .bytes = bytes };
    c->node = (ag_chain_node *)(c->step + all);
    return c;
}

void ag_chain_end(ag_chain_plan *c)
{
    ag_pool_give(c->t, c, c->bytes);
}

/* ---- what has to be computed */

/* The place of the first node that is not below the id. */
static int place_of(const ag_chain_plan *c, uint32_t id)
{
    return (int)ag_first_from(c->node, (uint32_t)c->nodes, sizeof *c->node, offsetof(ag_chain_node, id), id);
}

static ag_chain_node *find(ag_chain_plan *c, uint32_t id)
{
    const int i = place_of(c, id);
    return i < c->nodes && c->node[i].id == id ? &c->node[i] : NULL;
}

static ag_chain_node *insert(ag_chain_plan *c, uint32_t id)
{
    const int i = place_of(c, id);
    memmove(&c->node[i + 1], &c->node[i], (size_t)(c->nodes - i) * sizeof *c->node);
    c->nodes++;
    c->node[i] = (ag_chain_node){ .id = id };
    return &c->node[i];
}

/* No deeper than AG_CHAIN_WEIGHT. */
void ag_chain_collect(ag_chain_plan *c, uint32_t id, bool again)
{
    const ag_node *d = ag_node_or_null(c->t, id);
    if (!ag_is_pending(d))
        return;
    const bool stored = again && d->flags & AG_NODE_PASSED;
    ag_chain_node *n = find(c, d->id);
    if (n) {
        n->stored |= stored;
        return;
    }
    insert(c, d->id)->stored = stored;
    for (int k = 0; k < ag_recipe_of(d).inputs; k++)
        ag_chain_collect(c, d->input[k], again && !stored);
}

/* ---- steps */

ag_chain_step *ag_chain_step_new(ag_chain_plan *c)
{
    ag_chain_step *s = &c->step[c->steps++];
    *s = (ag_chain_step){ 0 };
    return s;
}

ag_chain_place ag_chain_slot(ag_chain_plan *c)
{
    return (ag_chain_place){ ++c->slots, NULL };
}

ag_chain_place ag_chain_value(ag_chain_plan *c, uint32_t id)
{
    const ag_node *d = ag_node_at(c->t, id);
    if (ag_is_pending(d))
        return find(c, d->id)->value;
    return (ag_chain_place){ 0, d->data };
}

int ag_chain_sum_of(ag_chain_plan *c, ag_chain_place x)
{
    ag_chain_step *s = ag_chain_step_new(c);
    s->from[0] = x;
    s->sum = ++c->sums;
    return s->sum - 1;
}

int ag_chain_constant(const ag_tape *t, const ag_node *d)
{
    const int inputs = ag_recipe_of(d).inputs;
    if (inputs == 2 && !ag_layout_at(t, d->input[1])->rank)
        return AG_ROW_B_CONSTANT;
    return inputs == 2 && !ag_layout_at(t, d->input[0])->rank ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
}

void ag_chain_compute(ag_chain_plan *c)
{
    const ag_tape *t = c->t;
    for (int i = 0; i < c->nodes; i++) {
        const ag_node *d = ag_node_at(t, c->node[i].id);
        const ag_row *row = (const ag_row *)ag_op_at(t, ag_recipe_of(d).op);
        const ag_row_params q = ag_row_params_at(t, d->id);
        const int constant = ag_chain_constant(t, d);
        ag_chain_step *s = ag_chain_step_new(c);
        s->forward = row->forward[constant][c->layout->dtype == AG_F64];
        s->padded = row->flags & AG_ROW_VECTOR;
        s->c = q.c;
        s->d = q.d;
        if (constant != AG_ROW_A_CONSTANT)
            s->from[AG_CHAIN_A] = ag_chain_value(c, d->input[0]);
        if (row->op.inputs == 2 && constant != AG_ROW_B_CONSTANT)
            s->from[AG_CHAIN_B] = ag_chain_value(c, d->input[1]);
        if (!c->node[i].stored)
            c->node[i].value = ag_chain_slot(c);
        s->to = c->node[i].value;
    }
}
