/* Elementwise ops on large arrays wait. What is recorded has a shape and a dtype, and AG_PENDING in place of data. When a
 * value is asked for, it and those that it waits for are computed together, block by block: what lies between has no
 * memory, and is computed again should it be asked for later, then once and for all where it served another value
 * before. */
#include "ag/record/record.h"

/* ---- what can wait */

static const ag_node *array_at(const ag_tape *t, uint32_t id)
{
    const ag_node *d = ag_node_or_null(t, id);
    const bool fits = !ag_is_number(d) && d->layout->dense && d->layout->rank && ag_is_float(d->layout->dtype);
    return fits && ag_chain_steady(t, d) ? d : NULL;
}

/* AG_ROW_ARRAYS ..., the number where one operand is such, and the result's layout, which one of them has; -1: it cannot
 * wait. */
static int kind_of(const ag_tape *t, const ag_row *row, const uint32_t *ids, double *number, const ag_layout **l)
{
    const bool binary = row->op.inputs == 2;
    if (row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS) || (binary && row->flags & AG_ROW_CONSTANT))
        return -1;
    const int array = binary && ag_number_at(t, ids[0], number);
    const ag_node *a = array_at(t, ids[array]), *b = a;
    const bool two = binary && !array && !ag_number_at(t, ids[1], number);
    if (two)
        b = array_at(t, ids[1]);
    if (!a || !b)
        return -1;
    *l = a->layout;
    if (two && !ag_chain_kind(&(ag_chain_frame){ a->layout, 0 }, b->layout)) {
        *l = b->layout;
        if (!ag_chain_kind(&(ag_chain_frame){ b->layout, 0 }, a->layout))
            return -1;
    }
    if ((*l)->size < t->waiting.from && !ag_is_pending(a) && !ag_is_pending(b))
        return -1;
    return two || !binary ? AG_ROW_ARRAYS : array ? AG_ROW_A_CONSTANT : AG_ROW_B_CONSTANT;
}

uint32_t ag_chain_weight(const ag_tape *t, const uint32_t *ids, int count)
{
    uint32_t weight = 1;
    for (int k = 0; k < count; k++) {
        const ag_node *d = ag_node_or_null(t, ids[k]);
        weight += ag_is_pending(d) ? ag_recipe_of(d).weight : 0;
    }
    return weight;
}

/* Can a value of the layout be computed together with all that it waits for? */
static bool belong_together(const ag_tape *t, const uint32_t *ids, int count, const ag_layout *l)
{
    ag_chain_frame f = { l, 0 };
    if (ag_chain_weight(t, ids, count) > AG_CHAIN_WEIGHT)
        return false;
    for (int k = 0; k < count; k++)
        f.layout = ag_chain_layout(t, f.layout, ids[k]);
    for (int k = 0; k < count; k++) {
        const ag_layout *x = ag_layout_at(t, ids[k]);
        if (x->rank && (!ag_chain_kind(&f, x) || !ag_chain_take(t, &f, ids[k])))
            return false;
    }
    const int kind = ag_chain_kind(&f, l);
    return kind == AG_CHAIN_ALL || kind == AG_CHAIN_ROWS;
}

/* ---- recording */

static bool settle_operands(ag_tape *t, const uint32_t *ids, int count)
{
    for (int k = 0; k < count; k++)
        if (!ag_settle(t, ids[k]))
            return false;
    return true;
}

static bool compute(ag_tape *t, uint32_t id);

void ag_chain_mark(ag_tape *t, ag_tensor y, uint32_t number, int inputs)
{
    ag_node *d = ag_node_at(t, y.id);
    const ag_recipe recipe = { (uint16_t)number, (uint8_t)inputs, (uint8_t)ag_chain_weight(t, d->input, inputs) };
    d->flags |= AG_NODE_CHAINED;
    for (int k = 0; k < inputs; k++) {
        const ag_node *x = ag_node_or_null(t, d->input[k]);
        if (x)
            t->nodes[x->owner].flags |= AG_NODE_READ;
    }
    memcpy(&d->input[2], &recipe, sizeof recipe);
}

ag_tensor ag_chain_record(ag_tape *t, uint32_t number, const ag_op *op, const ag_layout *l, const uint32_t *ids)
{
    const bool recorded = !t->no_grad;
    bool needs = ag_needs(t, ids[0]) || (op->inputs == 2 && ag_needs(t, ids[1]));
    if (!ag_grow(t, (void **)&t->waiting.at, &t->waiting.capacity, sizeof *t->waiting.at,
                 (uint64_t)t->waiting.count + 1))
        return ag_inert(t);
    ag_tensor y =
        ag_node_new(t, recorded ? number : AG_OP_CONSTANT, l, AG_PENDING, ids, (size_t)op->inputs, recorded && needs);
    if (!y.id)
        return y;
    t->waiting.compute = compute;
    t->waiting.at[t->waiting.count++] = AG_INDEX(y.id);
    t->waiting.pending++;
    ag_chain_mark(t, y, number, op->inputs);
    if (!recorded)
        ag_node_at(t, y.id)->inputs = 0;
    return y;
}

bool ag_chain_row(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y)
{
    const int count = row->op.inputs;
    const ag_layout *l;
    *y = ag_inert(t);
    for (int k = 0; k < count; k++) /* a sum, which is a number here */
        if (!ag_layout_at(t, ids[k])->rank && !ag_settle(t, ids[k]))
            return true;
    int kind = ag_chain_waits(t) ? kind_of(t, row, ids, &q.c, &l) : -1;
    if (kind < 0 || !belong_together(t, ids, count, l)) {
        if (!settle_operands(t, ids, count))
            return true;
        kind = kind < 0 ? -1 : kind_of(t, row, ids, &q.c, &l); /* a few elements wait for others alone */
        if (kind < 0)
            return false;
    }
    *y = ag_chain_record(t, number, &row->op, l, ids);
    if (!y->id)
        return true;
    if (row->flags & AG_NO_GRADIENT)
        t->headers[AG_INDEX(y->id)].flags &= (uint16_t)~AG_NEEDS;
    memcpy(t->records[AG_INDEX(y->id)].partial, &q, sizeof q);
    return true;
}

/* ---- computing */

void ag_chain_arrive(ag_tape *t, ag_node *d, void *data)
{
    d->data = data;
    d->flags |= AG_NODE_POOLED;
    t->waiting.pending--;
    t->waiting.late += ag_layout_bytes(d->layout);
    if (t->waiting.late > t->waiting.most_late)
        t->waiting.most_late = t->waiting.late;
}

static size_t bytes_of(const ag_chain_plan *c, int i)
{
    return ag_layout_bytes(ag_layout_at(c->t, c->node[i].id));
}

static void give_memory(ag_chain_plan *c)
{
    for (int i = 0; i < c->nodes; i++)
        if (c->node[i].stored)
            ag_pool_give(c->t, c->node[i].value.array, bytes_of(c, i));
}

bool ag_chain_prepare(ag_chain_plan *c)
{
    for (int i = 0; i < c->nodes; i++) {
        ag_chain_node *n = &c->node[i];
        void *to = n->stored ? ag_pool_take(c->t, bytes_of(c, i)) : NULL;
        n->value = ag_chain_array(c, ag_layout_at(c->t, n->id), to);
        if (n->stored && !to) {
            c->nodes = i;
            give_memory(c);
            return false;
        }
    }
    ag_chain_compute(c);
    return true;
}

bool ag_chain_finish(ag_chain_plan *c, double *sums)
{
    ag_tape *t = c->t;
    if (!ag_chain_run(c, sums)) {
        give_memory(c);
        return false;
    }
    for (int i = 0; i < c->nodes; i++) {
        ag_node *d = ag_node_at(t, c->node[i].id);
        if (c->node[i].stored)
            ag_chain_arrive(t, d, c->node[i].value.array);
        else
            d->flags |= AG_NODE_PASSED;
    }
    return true;
}

static bool compute(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_at(t, id);
    if (!d->layout->rank)
        return ag_chain_sum_compute(t, d);
    ag_chain_plan *c = ag_chain_begin(t, ag_chain_frame_of(t, id), ag_recipe_of(d).weight, 0);
    if (!c)
        return false;
    ag_chain_collect(c, id, true);
    c->node[c->nodes - 1].stored = true; /* the highest id */
    const bool done = ag_chain_prepare(c) && ag_chain_finish(c, NULL);
    ag_chain_end(c);
    return done;
}
