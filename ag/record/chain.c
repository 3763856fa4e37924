/* Elementwise ops on large arrays wait. What is recorded has a shape and a dtype, and AG_PENDING in place of data. When a
 * value is asked for, it and those that it waits for are computed together, block by block: what lies between has no
 * memory, and is computed again should it be asked for later, then once and for all where it served another value
 * before. */
#include "ag/record/record.h"

/* ---- what can wait */

static bool waits(const ag_tape *t)
{
    return !(t->inner || t->waiting.eager || t->closed || t->observed);
}

/* May its memory, which a view has of another node, be written without notice? */
static bool is_steady(const ag_tape *t, const ag_node *d)
{
    return !(t->nodes[d->owner].flags & AG_NODE_READONLY);
}

/* AG_ROW_ARRAYS ... and the number where one operand is such; -1: it cannot wait. */
static int kind_of(const ag_tape *t, const ag_row *row, const uint32_t *ids, double *number)
{
    const bool binary = row->op.inputs == 2;
    if (row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS) || (binary && row->flags & AG_ROW_CONSTANT))
        return -1;
    const int array = binary && ag_number_at(t, ids[0], number);
    const ag_node *a = ag_node_or_null(t, ids[array]);
    if (ag_is_number(a) || !a->layout->dense || !a->layout->rank || !ag_is_float(a->layout->dtype) ||
        !is_steady(t, a) || a->layout->size < t->waiting.from)
        return -1;
    if (array || !binary)
        return array ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
    if (ag_number_at(t, ids[1], number))
        return AG_ROW_B_CONSTANT;
    const ag_node *b = ag_node_or_null(t, ids[1]);
    const bool same = !ag_is_number(b) && b->layout->dense && b->layout->dtype == a->layout->dtype && is_steady(t, b) &&
                      ag_layout_same_shape(a->layout, b->layout);
    return same ? AG_ROW_ARRAYS : -1;
}

/* ---- recording */

/* How many values are computed for this one, itself included, at most. */
static uint32_t weight_of(const ag_tape *t, const uint32_t *ids, int count)
{
    uint32_t weight = 1;
    for (int k = 0; k < count; k++) {
        const ag_node *d = ag_node_or_null(t, ids[k]);
        weight += ag_is_pending(d) ? ag_recipe_of(d).weight : 0;
    }
    return weight;
}

static bool settle_operands(ag_tape *t, const uint32_t *ids, int count)
{
    for (int k = 0; k < count; k++)
        if (!ag_settle(t, ids[k]))
            return false;
    return true;
}

static bool compute(ag_tape *t, uint32_t id);

static ag_tensor record(ag_tape *t, uint32_t number, const ag_op *op, const ag_layout *l, const uint32_t *ids)
{
    const ag_recipe recipe = { (uint16_t)number, (uint8_t)op->inputs, (uint8_t)weight_of(t, ids, op->inputs) };
    const bool recorded = !t->no_grad;
    bool needs = ag_needs(t, ids[0]) || (op->inputs == 2 && ag_needs(t, ids[1]));
    if (!ag_grow(t, (void **)&t->waiting.at, &t->waiting.capacity, sizeof *t->waiting.at,
                 (uint64_t)t->waiting.count + 1))
        return ag_inert(t);
    ag_tensor y =
        ag_node_new(t, recorded ? number : AG_OP_CONSTANT, l, AG_PENDING, ids, recipe.inputs, recorded && needs);
    if (!y.id)
        return y;
    t->waiting.compute = compute;
    t->waiting.at[t->waiting.count++] = AG_INDEX(y.id);
    t->waiting.pending++;
    ag_node *d = ag_node_at(t, y.id);
    d->flags = AG_NODE_CHAINED;
    d->inputs = recorded ? recipe.inputs : 0;
    memcpy(&d->input[2], &recipe, sizeof recipe);
    return y;
}

bool ag_chain_row(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y)
{
    const int count = row->op.inputs;
    *y = ag_inert(t);
    for (int k = 0; k < count; k++) /* a sum, which is a number here */
        if (!ag_layout_at(t, ids[k])->rank && !ag_settle(t, ids[k]))
            return true;
    const int kind = waits(t) ? kind_of(t, row, ids, &q.c) : -1;
    if (kind < 0 || weight_of(t, ids, count) > AG_CHAIN_WEIGHT) {
        if (!settle_operands(t, ids, count))
            return true;
        if (kind < 0)
            return false;
    }
    const ag_layout *l = ag_layout_at(t, ids[kind == AG_ROW_A_CONSTANT]);
    *y = record(t, number, &row->op, l, ids);
    if (!y->id)
        return true;
    if (row->flags & AG_NO_GRADIENT)
        t->headers[AG_INDEX(y->id)].flags &= (uint16_t)~AG_NEEDS;
    memcpy(t->records[AG_INDEX(y->id)].partial, &q, sizeof q);
    return true;
}

/* ---- computing */

/* The value is there. */
static void arrive(ag_tape *t, ag_node *d, void *data)
{
    d->data = data;
    d->flags |= AG_NODE_POOLED;
    t->waiting.pending--;
}

static bool take_memory(ag_chain_plan *c)
{
    for (int i = 0; i < c->nodes; i++) {
        ag_chain_node *n = &c->node[i];
        n->value.array = n->stored ? ag_pool_take(c->t, ag_layout_bytes(c->layout)) : NULL;
        if (n->stored && !n->value.array) {
            c->nodes = i;
            return false;
        }
    }
    return true;
}

static void give_memory(ag_chain_plan *c)
{
    for (int i = 0; i < c->nodes; i++)
        if (c->node[i].stored)
            ag_pool_give(c->t, c->node[i].value.array, ag_layout_bytes(c->layout));
}

/* Computes what was collected, and a sum of `x` if that is an id; what is stored is there then. */
static bool run(ag_chain_plan *c, uint32_t x, double *sum)
{
    ag_tape *t = c->t;
    bool done = take_memory(c);
    if (done) {
        ag_chain_compute(c);
        if (x)
            ag_chain_sum_of(c, ag_chain_value(c, x));
        done = ag_chain_run(c, sum);
    }
    if (!done)
        give_memory(c);
    for (int i = 0; done && i < c->nodes; i++) {
        ag_node *d = ag_node_at(t, c->node[i].id);
        if (c->node[i].stored)
            arrive(t, d, c->node[i].value.array);
        else
            d->flags |= AG_NODE_PASSED;
    }
    return done;
}

static bool sum_up(ag_tape *t, uint32_t x, double *sum)
{
    ag_chain_plan *c = ag_chain_begin(t, ag_layout_at(t, x), ag_recipe_of(ag_node_at(t, x)).weight, 1);
    if (!c)
        return false;
    ag_chain_collect(c, x, true);
    const bool done = run(c, x, sum);
    ag_chain_end(c);
    return done;
}

/* y = scale times the sum, rounded as ag_sum_array does. */
static void scale_sum(const ag_op *op, int64_t n, double sum, const ag_array *y)
{
    const ag_array from = ag_layout_array(&ag_scalar_layouts[AG_F64], &sum);
    ag_sum_array(y, &from, op->flags & AG_AVERAGES ? 1 / (double)n : 1, false, 1);
}

ag_status ag_chain_sum_arrives(ag_tape *t, ag_node *d, double sum)
{
    const ag_array y = ag_layout_array(d->layout, ag_pool_take(t, ag_layout_bytes(d->layout)));
    if (!y.data)
        return t->error.status;
    scale_sum(ag_op_at(t, ag_recipe_of(d).op), ag_layout_at(t, d->input[0])->size, sum, &y);
    arrive(t, d, y.data);
    return AG_OK;
}

static bool compute_sum(ag_tape *t, ag_node *d)
{
    double sum;
    return sum_up(t, d->input[0], &sum) && !ag_chain_sum_arrives(t, d, sum);
}

static bool compute(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_at(t, id);
    if (!d->layout->rank)
        return compute_sum(t, d);
    ag_chain_plan *c = ag_chain_begin(t, d->layout, ag_recipe_of(d).weight, 0);
    if (!c)
        return false;
    ag_chain_collect(c, id, true);
    c->node[c->nodes - 1].stored = true; /* the highest id */
    const bool done = run(c, 0, NULL);
    ag_chain_end(c);
    return done;
}

/* ---- sums */

/* An f32 waits in its turn, so that a backward pass can compute it on its way; an f64 is a number, which is read
 * without a look at where it is. */
bool ag_chain_sum(ag_tape *t, uint32_t number, const ag_op *op, ag_tensor x, ag_tensor *y)
{
    const uint32_t id = ag_quick_id(t, x);
    const ag_node *d = id ? ag_node_or_null(t, id) : NULL;
    if (!ag_is_pending(d) || !d->layout->rank || !waits(t))
        return false;
    const ag_layout *l = &ag_scalar_layouts[d->layout->dtype];
    const int64_t n = d->layout->size;
    *y = ag_inert(t);
    if (l->dtype == AG_F32) {
        *y = record(t, number, op, l, &id);
        return true;
    }
    double sum, value;
    if (!sum_up(t, id, &sum))
        return true;
    const ag_array to = ag_layout_array(l, &value);
    scale_sum(op, n, sum, &to);
    *y =
        t->no_grad ? ag_scalar_new(t, AG_OP_CONSTANT, value) : ag_node_new(t, number, l, NULL, &id, 1, ag_needs(t, id));
    if (!y->id)
        return true;
    t->records[AG_INDEX(y->id)].value = value;
    if (!t->no_grad)
        ag_node_at(t, y->id)->flags |= AG_NODE_CHAINED;
    return true;
}
