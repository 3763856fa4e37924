/* Sums of what waits: over everything, over rows, which may wait in their turn, and over columns. */
#include "ag/record/record.h"

/* ---- over everything */

static ag_chain_plan *begin(ag_tape *t, ag_chain_frame f, uint32_t x)
{
    const ag_node *d = ag_node_at(t, x);
    ag_chain_plan *c = ag_chain_begin(t, f, ag_is_pending(d) ? ag_recipe_of(d).weight : 0, 1);
    if (!c)
        return NULL;
    ag_chain_collect(c, x, true);
    if (ag_chain_prepare(c))
        return c;
    ag_chain_end(c);
    return NULL;
}

static bool sum_up(ag_tape *t, uint32_t x, double *sum)
{
    ag_chain_plan *c = begin(t, ag_chain_frame_of(t, x), x);
    if (!c)
        return false;
    ag_chain_sum_of(c, ag_chain_value(c, x));
    const bool done = ag_chain_finish(c, sum);
    ag_chain_end(c);
    return done;
}

/* y = scale times the sum, rounded as ag_sum_array does. */
static void scale_sum(const ag_op *op, int64_t n, double sum, const ag_array *y)
{
    const ag_array from = ag_layout_array(&ag_scalar_layouts[AG_F64], &sum);
    ag_sum_array(y, &from, ag_chain_scale(op, n), false, 1);
}

ag_status ag_chain_sum_arrives(ag_tape *t, ag_node *d, double sum)
{
    const ag_array y = ag_layout_array(d->layout, ag_pool_take(t, ag_layout_bytes(d->layout)));
    if (!y.data)
        return t->error.status;
    scale_sum(ag_op_at(t, ag_recipe_of(d).op), ag_layout_at(t, d->input[0])->size, sum, &y);
    ag_chain_arrive(t, d, y.data);
    return AG_OK;
}

bool ag_chain_sum_compute(ag_tape *t, ag_node *d)
{
    double sum;
    return sum_up(t, d->input[0], &sum) && !ag_chain_sum_arrives(t, d, sum);
}

/* An f32 waits in its turn, so that a backward pass can compute it on its way; an f64 is a number, which is read
 * without a look at where it is. */
static bool sum_all(ag_tape *t, uint32_t number, const ag_op *op, uint32_t id, ag_tensor *y)
{
    const ag_node *d = ag_node_at(t, id);
    const ag_layout *l = &ag_scalar_layouts[d->layout->dtype];
    const int64_t n = d->layout->size;
    if (ag_chain_frame_of(t, id).layout->size != n) /* a value for each row */
        return false;
    *y = ag_inert(t);
    if (l->dtype == AG_F32) {
        *y = ag_chain_record(t, number, op, l, &id);
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

/* ---- over axes */

typedef struct reduction {
    ag_chain_frame frame;
    ag_shape kept, result; /* with and without the axes */
    int kind;              /* AG_CHAIN_ROWS: over each row; AG_CHAIN_COLUMNS */
} reduction;

static bool find_reduction(const ag_tape *t, uint32_t id, const ag_reduction *p, reduction *r)
{
    const ag_layout *l = ag_layout_at(t, id);
    bool reduced[AG_MAX_RANK] = { false };
    ag_layout kept;
    if (p->flags & ~AG_KEEPDIM || !ag_axes_mask(p->axes, l->rank, reduced))
        return false;
    r->kept = ag_layout_shape(l);
    r->result = AG_SCALAR;
    for (int i = 0; i < l->rank; i++) {
        r->kept.dim[i] = reduced[i] ? 1 : l->dim[i];
        if (!reduced[i] || p->flags & AG_KEEPDIM)
            r->result.dim[r->result.rank++] = r->kept.dim[i];
    }
    r->frame = (ag_chain_frame){ l, 0 };
    r->kind = ag_layout_set(&kept, l->dtype, r->kept) ? ag_chain_kind(&r->frame, &kept) : AG_CHAIN_NONE;
    return (r->kind == AG_CHAIN_ROWS || r->kind == AG_CHAIN_COLUMNS) && ag_chain_take(t, &r->frame, id);
}

/* Before the node is there, of which everybody else takes for granted that it has them. False: no memory. */
static bool copy_params(ag_tape *t, const ag_reduction *p, ag_reduction **copy)
{
    *copy = t->no_grad ? NULL : ag_scratch(t, sizeof **copy);
    if (*copy)
        **copy = *p;
    return *copy || t->no_grad;
}

/* The sum of a pending value that need not be in memory for it. */
static bool sum_now(ag_tape *t, const reduction *r, const ag_op *op, uint32_t id, const ag_layout *l, void *data)
{
    const int64_t columns = r->frame.columns, n = r->kind == AG_CHAIN_ROWS ? columns : r->frame.layout->size / columns;
    const double scale = ag_chain_scale(op, n);
    ag_chain_plan *c = begin(t, r->frame, id);
    if (!c)
        return false;
    const ag_chain_place x = ag_chain_value(c, id);
    if (r->kind == AG_CHAIN_ROWS)
        ag_chain_sum_rows(c, x, (ag_chain_place){ 0, AG_CHAIN_ROWS, data }, scale, false);
    else
        ag_chain_sum_columns_of(c, x);
    const bool done = ag_chain_finish(c, NULL);
    const ag_array y = ag_layout_array(l, data);
    if (done && r->kind == AG_CHAIN_COLUMNS)
        ag_chain_columns_arrive(c, 0, &y, scale, false);
    ag_chain_end(c);
    return done;
}

/* A sum over rows that keeps its axes waits; others, of what waits, are computed. */
static bool sum_over(ag_tape *t, uint32_t number, const ag_op *op, uint32_t id, const ag_reduction *p, ag_tensor *y)
{
    const bool pending = ag_is_pending(ag_node_at(t, id));
    reduction r;
    if (!find_reduction(t, id, p, &r))
        return false;
    const bool later = r.kind == AG_CHAIN_ROWS && p->flags & AG_KEEPDIM;
    if (later ? ag_chain_weight(t, &id, 1) > AG_CHAIN_WEIGHT : !pending)
        return false;
    *y = ag_inert(t);
    const ag_layout *l = ag_layout_new(t, r.frame.layout->dtype, r.result);
    ag_reduction *params;
    void *data = !l ? NULL : later ? AG_PENDING : ag_scratch(t, ag_layout_bytes(l));
    if (!data || !copy_params(t, p, &params) || (!later && !sum_now(t, &r, op, id, l, data)))
        return true;
    if (later)
        *y = ag_chain_record(t, number, op, l, &id);
    else if (t->no_grad)
        *y = ag_node_new(t, AG_OP_CONSTANT, l, data, NULL, 0, false);
    else
        *y = ag_node_new(t, number, l, data, &id, 1, ag_needs(t, id));
    if (!y->id || t->no_grad)
        return true;
    ag_node_at(t, y->id)->params = params;
    if (!later)
        ag_chain_mark(t, *y, number, 1);
    return true;
}

static bool can_wait(const ag_node *d)
{
    return !ag_is_number(d) && d->layout->rank && ag_is_float(d->layout->dtype) && d->layout->dense;
}

bool ag_chain_sum(ag_tape *t, uint32_t number, const ag_op *op, ag_tensor x, const void *params, ag_tensor *y)
{
    if (x.tape != t || !ag_chain_waits(t))
        return false;
    uint32_t id = ag_quick_id(t, x);
    if (!id && ag_is_persistent(x) && op->params_size) { /* its first use in this step */
        *y = ag_inert(t);
        id = ag_resolve(t, x, op->name, 0);
        if (!id)
            return true;
    }
    const ag_node *d = id ? ag_node_or_null(t, id) : NULL;
    if (!can_wait(d) || (!ag_is_pending(d) && d->layout->size < t->waiting.from))
        return false;
    if (op->params_size)
        return ag_chain_steady(t, d) && sum_over(t, number, op, id, params, y);
    return ag_is_pending(d) && sum_all(t, number, op, id, y);
}
