/* The steps of a chain, of which each works on a block. A place is a slot, first one for each value; when all steps are
 * there, those whose time is over are used again. */
#include "ag/record/record.h"

ag_chain_plan *ag_chain_begin(ag_tape *t, ag_chain_frame f, int nodes, int steps)
{
    const size_t all = (size_t)(4 * nodes + steps); /* a value may have to be spread for each of three readers */
    const size_t bytes = sizeof(ag_chain_plan) + all * sizeof(ag_chain_step) + (size_t)nodes * sizeof(ag_chain_node);
    ag_chain_plan *c = ag_pool_take(t, bytes);
    if (!c)
        return NULL;
    *c = (ag_chain_plan){ .t = t, .frame = f, .step = (ag_chain_step *)(c + 1), .bytes = bytes };
    c->node = (ag_chain_node *)(c->step + all);
    return c;
}

void ag_chain_end(ag_chain_plan *c)
{
    ag_pool_give(c->t, c->totals, c->total_bytes);
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

/* ---- places */

ag_chain_place ag_chain_slot(ag_chain_plan *c, int kind)
{
    return (ag_chain_place){ ++c->slots, kind, NULL };
}

ag_chain_place ag_chain_array(const ag_chain_plan *c, const ag_layout *l, void *data)
{
    ag_chain_frame f = c->frame;
    return (ag_chain_place){ 0, ag_chain_kind(&f, l), data };
}

ag_chain_place ag_chain_value(ag_chain_plan *c, uint32_t id)
{
    const ag_node *d = ag_node_at(c->t, id);
    if (ag_is_pending(d))
        return find(c, d->id)->value;
    return ag_chain_array(c, d->layout, d->data);
}

static bool same_place(const ag_chain_place *a, const ag_chain_place *b)
{
    return a->slot == b->slot && a->array == b->array;
}

/* What was spread already is not spread again. */
ag_chain_place ag_chain_operand(ag_chain_plan *c, uint32_t id, int kind)
{
    const ag_chain_place x = ag_chain_value(c, id);
    if (kind != AG_CHAIN_ALL || x.kind != AG_CHAIN_ROWS)
        return x;
    for (const ag_chain_step *s = c->step; s < c->step + c->steps; s++)
        if (s->work == AG_STEP_SPREAD && s->number && same_place(&s->from[0], &x))
            return s->to;
    const ag_chain_place to = ag_chain_slot(c, AG_CHAIN_ALL);
    ag_chain_spread(c, x, to, false);
    c->step[c->steps - 1].number = 1; /* nobody adds to it */
    return to;
}

/* ---- steps */

ag_chain_step *ag_chain_step_new(ag_chain_plan *c, int work)
{
    ag_chain_step *s = &c->step[c->steps++];
    *s = (ag_chain_step){ .work = work };
    return s;
}

void ag_chain_spread(ag_chain_plan *c, ag_chain_place from, ag_chain_place to, bool add)
{
    ag_chain_step *s = ag_chain_step_new(c, AG_STEP_SPREAD);
    s->from[0] = from;
    s->to = to;
    s->add = add;
}

void ag_chain_sum_rows(ag_chain_plan *c, ag_chain_place from, ag_chain_place to, double scale, bool add)
{
    ag_chain_step *s = ag_chain_step_new(c, AG_STEP_SUM_ROWS);
    s->from[0] = from;
    s->to = to;
    s->c = scale;
    s->add = add;
}

static int sum_of(ag_chain_plan *c, int work, ag_chain_place x, int *count)
{
    ag_chain_step *s = ag_chain_step_new(c, work);
    s->from[0] = x;
    s->number = (*count)++;
    return s->number;
}

int ag_chain_sum_of(ag_chain_plan *c, ag_chain_place x)
{
    return sum_of(c, AG_STEP_SUM, x, &c->sums);
}

int ag_chain_sum_columns_of(ag_chain_plan *c, ag_chain_place x)
{
    return sum_of(c, AG_STEP_SUM_COLUMNS, x, &c->column_sums);
}

int ag_chain_constant(const ag_tape *t, const ag_node *d)
{
    const int inputs = ag_recipe_of(d).inputs;
    if (inputs == 2 && !ag_layout_at(t, d->input[1])->rank)
        return AG_ROW_B_CONSTANT;
    return inputs == 2 && !ag_layout_at(t, d->input[0])->rank ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
}

static void compute_row(ag_chain_plan *c, const ag_row *row, const ag_node *d, ag_chain_place to)
{
    const ag_row_params q = ag_row_params_at(c->t, d->id);
    const int constant = ag_chain_constant(c->t, d);
    ag_chain_step s = { .work = AG_STEP_KERNEL,
                        .forward = row->forward[constant][d->layout->dtype == AG_F64],
                        .padded = row->flags & AG_ROW_VECTOR,
                        .c = q.c,
                        .d = q.d,
                        .to = to };
    if (constant != AG_ROW_A_CONSTANT)
        s.from[AG_CHAIN_A] = ag_chain_operand(c, d->input[0], to.kind);
    if (row->op.inputs == 2 && constant != AG_ROW_B_CONSTANT)
        s.from[AG_CHAIN_B] = ag_chain_operand(c, d->input[1], to.kind);
    *ag_chain_step_new(c, AG_STEP_KERNEL) = s;
}

void ag_chain_compute(ag_chain_plan *c)
{
    for (int i = 0; i < c->nodes; i++) {
        const ag_node *d = ag_node_at(c->t, c->node[i].id);
        const ag_op *op = ag_op_at(c->t, ag_recipe_of(d).op);
        ag_chain_place *to = &c->node[i].value;
        if (!c->node[i].stored)
            *to = ag_chain_slot(c, ag_chain_array(c, d->layout, NULL).kind);
        if (op->flags & AG_ROW)
            compute_row(c, (const ag_row *)op, d, *to);
        else
            ag_chain_sum_rows(c, ag_chain_value(c, d->input[0]), *to, ag_chain_scale(op, c->frame.columns), false);
    }
}
