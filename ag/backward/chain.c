/* The way back through ops that waited. Those that a pass visits one after the other are run together, block by block:
 * values that are pending are computed in the block once more, or for the first time, and an adjoint that goes from one
 * of the ops to another never leaves it. What each operand receives is added in the order of a pass op by op. */
#include "ag/backward/chain.h"
#include "ag/ops/define.h"

enum { FAR = 256 }; /* how far below the first member the last one lies */

/* ---- which ops belong together */

static bool wanted(const ag_pass *s, uint32_t i)
{
    return s->targets ? s->targets->wanted[i] : s->t->headers[i].flags & AG_NEEDS;
}

static bool passes(const ag_pass *s, uint32_t i)
{
    return !s->targets || s->targets->wanted[i] & AG_PASSES;
}

/* How the adjoint of a sum over axes repeats in that of its operand. */
static int kind_of_sum(const ag_tape *t, ag_chain_frame *f, const ag_node *d)
{
    const ag_reduction *p = d->params;
    const ag_layout *x = ag_layout_at(t, d->input[0]);
    ag_shape kept = ag_layout_shape(x);
    bool reduced[AG_MAX_RANK];
    ag_layout l;
    ag_axes_mask(p->axes, x->rank, reduced);
    for (int i = 0; i < x->rank; i++)
        kept.dim[i] = reduced[i] ? 1 : kept.dim[i];
    return ag_chain_kind(f, x) == AG_CHAIN_ALL && ag_layout_set(&l, x->dtype, kept) ? ag_chain_kind(f, &l)
                                                                                    : AG_CHAIN_NONE;
}

/* Does a member read it as an operand that is no member? What it receives arrives after all of them have run. */
static bool waits_for_group(const ag_chain_group *g, const ag_node *d)
{
    for (int i = 0; i < g->members; i++)
        for (int k = 0; k < g->member[i].node->inputs; k++)
            if (AG_INDEX(g->member[i].node->input[k]) == d->id)
                return true;
    return false;
}

static bool operand_fits(const ag_chain_group *g, ag_chain_frame *f, int kind, uint32_t id)
{
    const ag_tape *t = g->s->t;
    const ag_layout *l = ag_layout_at(t, id);
    if (!l->rank)
        return kind == AG_CHAIN_ALL || !ag_pass_wants(g->s, id); /* sums over everything are summed on the way */
    return ag_chain_kind(f, l) && ag_chain_take(t, f, id);
}

/* Of which kind the node is as a member; AG_CHAIN_NONE: it cannot be one. */
static int fits(const ag_chain_group *g, const ag_node *d, ag_chain_frame *f)
{
    const ag_tape *t = g->s->t;
    if (ag_chain_is_sum(t, d)) {
        const int kind = d->layout->rank ? kind_of_sum(t, f, d) : AG_CHAIN_NONE;
        const bool kept = kind == AG_CHAIN_ROWS && ag_chain_kind(f, d->layout) == AG_CHAIN_ROWS;
        return ag_chain_take(t, f, d->input[0]) && (kept || !waits_for_group(g, d)) ? kind : AG_CHAIN_NONE;
    }
    const int kind = ag_chain_kind(f, d->layout);
    if (kind != AG_CHAIN_ALL && kind != AG_CHAIN_ROWS)
        return AG_CHAIN_NONE;
    for (int k = 0; k < d->inputs; k++)
        if (!operand_fits(g, f, kind, d->input[k]))
            return AG_CHAIN_NONE;
    return kind;
}

static bool join(ag_chain_group *g, ag_node *d)
{
    const ag_tape *t = g->s->t;
    ag_chain_frame f = g->frame;
    const int kind = fits(g, d, &f);
    if (!kind)
        return false;
    g->frame = f;
    g->member[g->members++] =
        (ag_chain_member){ .node = d,
                           .row = (const ag_row *)ag_op_at(t, t->headers[d->id].op),
                           .q = ag_row_params_at(t, d->id),
                           .constant = ag_chain_is_sum(t, d) ? AG_ROW_ARRAYS : ag_chain_constant(t, d),
                           .kind = kind };
    return true;
}

static bool can_join(const ag_pass *s, const ag_node *d)
{
    return d && d->flags & AG_NODE_CHAINED && passes(s, d->id) && !ag_pass_keeps(s, d);
}

/* From the index on downward, as long as what a pass visits is such an op, or passes nothing on. */
static void find_members(ag_chain_group *g, uint32_t from)
{
    const ag_pass *s = g->s;
    const uint32_t low = from > s->low + FAR ? from - FAR : s->low;
    for (uint32_t i = from; i >= low && g->members < AG_CHAIN_MEMBERS; i--) {
        const uint16_t op = s->t->headers[i].op;
        if (!wanted(s, i) || op == AG_OP_VARIABLE || op == AG_OP_PERSISTENT)
            continue;
        ag_node *d = ag_node_or_null(s->t, i);
        if (!can_join(s, d) || !join(g, d))
            return;
    }
}

ag_chain_member *ag_chain_member_at(ag_chain_group *g, uint32_t id)
{
    for (int i = 0; i < g->members; i++)
        if (g->member[i].node->id == AG_INDEX(id))
            return &g->member[i];
    return NULL;
}

/* ---- what is read */

/* Collects what the derivatives by wanted operands read. Members that would make it too much stay behind. */
static ag_status collect(ag_chain_group *g)
{
    ag_tape *t = g->s->t;
    for (int i = 0; i < g->members; i++) {
        ag_chain_member *m = &g->member[i];
        const ag_node *d = m->node;
        if (i && g->chain->nodes > AG_CHAIN_NODES - AG_CHAIN_WEIGHT) {
            g->members = i;
            return AG_OK;
        }
        m->arrived |= d->adjoint != NULL;
        for (int k = 0; m->arrived && k < d->inputs; k++) {
            if (!ag_pass_wants(g->s, d->input[k]))
                continue;
            ag_chain_member *x = ag_chain_member_at(g, d->input[k]);
            if (x)
                x->arrived = true;
            if (ag_chain_is_sum(t, d))
                continue;
            for (int j = 0; j < d->inputs; j++) {
                if (!(ag_chain_reads(m, k) & (j ? AG_READS_B : AG_READS_A)))
                    continue;
                ag_status status = ag_row_check_written(t, m->row, d->id, d->input[j], j);
                if (status)
                    return status;
                ag_chain_collect(g->chain, d->input[j], false);
            }
            if (ag_chain_reads(m, k) & AG_READS_Y)
                ag_chain_collect(g->chain, d->id, false);
        }
    }
    return AG_OK;
}

/* ---- all of it */

static bool deliver(ag_chain_group *g, const ag_chain_delivery *x)
{
    ag_array to;
    bool add;
    if (!x->columns)
        return ag_pass_deliver_number(g->s, x->id, g->sum[x->sum] * x->slope, NULL);
    if (!ag_pass_target(g->s, ag_node_at(g->s->t, x->id), &to, &add))
        return false;
    ag_chain_columns_arrive(g->chain, x->sum, &to, 1, add);
    return true;
}

/* Everything has run: numbers and columns receive their sums, and the adjoints of the members but the first, which is
 * consumed by who visits it, are consumed. */
static bool finish(ag_chain_group *g, const ag_node *first)
{
    for (int i = 0; i < g->deliveries; i++)
        if (!deliver(g, &g->delivery[i]))
            return false;
    for (int i = 0; i < g->members; i++)
        if (g->member[i].node != first)
            ag_pass_drop(g->s, g->member[i].node);
    return true;
}

static ag_status run_members(ag_chain_group *g, const ag_node *first)
{
    ag_tape *t = g->s->t;
    for (int i = 0; i < g->members; i++)
        if (g->member[i].arrived && !ag_chain_derive(g, &g->member[i]))
            return t->error.status;
    return ag_chain_run(g->chain, g->sum) && finish(g, first) ? AG_OK : t->error.status;
}

/* The adjoint of a sum's operand is a number everywhere. If the sum is pending it is computed too. */
static ag_status run_sum(ag_chain_group *g, ag_node *d, const double *scalar)
{
    ag_tape *t = g->s->t;
    const ag_op *op = ag_op_at(t, t->headers[d->id].op);
    ag_chain_member *x = &g->member[0];
    double share;
    const ag_array to = ag_layout_array(&ag_scalar_layouts[AG_F64], &share);
    const ag_array dy = ag_layout_array(d->layout, scalar ? (void *)(uintptr_t)scalar : d->adjoint);
    ag_sum_share(op, g->frame.layout->size, &dy, &to);
    const bool pending = ag_is_pending(d);
    if (pending)
        ag_chain_sum_of(g->chain, ag_chain_value(g->chain, x->node->id));
    const bool add = x->node->adjoint;
    if (!add)
        x->adjoint = ag_chain_slot(g->chain, AG_CHAIN_ALL);
    ag_chain_step *fill = ag_chain_step_new(g->chain, AG_STEP_FILL);
    fill->add = add;
    fill->to = add ? (ag_chain_place){ 0, AG_CHAIN_ALL, x->node->adjoint } : x->adjoint;
    fill->c = share;
    ag_status status = run_members(g, d);
    return status || !pending ? status : ag_chain_sum_arrives(t, d, g->sum[0]);
}

static ag_status run_group(ag_chain_group *g, ag_node *d, const double *scalar)
{
    const bool sum = !d->layout->rank;
    if (sum && ag_is_pending(d))
        ag_chain_collect(g->chain, d->input[0], false);
    const ag_status status = collect(g);
    if (status)
        return status;
    ag_chain_compute(g->chain);
    return sum ? run_sum(g, d, scalar) : run_members(g, d);
}

static ag_chain_plan *begin_plan(const ag_chain_group *g)
{
    int nodes = 0;
    for (int i = 0; i < g->members; i++)
        nodes += ag_recipe_of(g->member[i].node).weight;
    return ag_chain_begin(g->s->t, g->frame, nodes < AG_CHAIN_NODES ? nodes : AG_CHAIN_NODES, 8 * g->members + 2);
}

/* The node is done by itself, from values that are there. */
static ag_status leave(const ag_pass *s, const ag_node *d)
{
    for (int k = 0; k < d->inputs; k++)
        if (!ag_settle(s->t, d->input[k]))
            return s->t->error.status;
    return ag_settle(s->t, AG_INDEX(d->id)) ? AG_USE_RULE : s->t->error.status;
}

static ag_chain_frame frame_at(const ag_tape *t, const ag_node *d)
{
    if (ag_chain_is_sum(t, d))
        return (ag_chain_frame){ ag_layout_at(t, d->input[0]), 0 };
    const ag_layout *l = ag_chain_layout(t, d->layout, d->id);
    for (int k = 0; k < d->inputs; k++)
        l = ag_chain_layout(t, l, d->input[k]);
    return (ag_chain_frame){ l, 0 };
}

ag_status ag_pass_chain(ag_pass *s, ag_node *d, const double *scalar)
{
    const bool sum = !d->layout->rank;
    ag_chain_group g;
    g.s = s;
    g.members = g.deliveries = g.scalings = 0;
    g.frame = frame_at(s->t, d);
    if (!sum && !join(&g, d))
        return ag_chain_is_sum(s->t, d) ? AG_USE_RULE : leave(s, d);
    find_members(&g, d->id - 1);
    if (sum && (!g.members || g.member[0].node->id != AG_INDEX(d->input[0])))
        return AG_USE_RULE;
    g.member[0].arrived = true;
    g.chain = begin_plan(&g);
    if (!g.chain)
        return s->t->error.status;
    const ag_status status = run_group(&g, d, scalar);
    for (int i = 0; i < g.scalings; i++)
        ag_pool_give(s->t, g.scaled[i], (size_t)g.frame.columns * ag_bytes_of(g.frame.layout->dtype));
    ag_chain_end(g.chain);
    return status;
}
