/* The way back through ops that waited. Those that a pass visits one after the other are run together, block by block:
 * values that are pending are computed in the block once more, or for the first time, and an adjoint that goes from one
 * of the ops to another never leaves it. What each operand receives is added in the order of a pass op by op. */
#include "ag/backward/backward.h"
#include "ag/ops/define.h"
#include <float.h>
#include <math.h>

enum { MEMBERS = 48, FAR = 256 /* how far below the first the last one lies */ };

typedef struct member {
    ag_node *node;
    const ag_row *row;
    ag_row_params q;
    int constant;           /* AG_ROW_ARRAYS ... */
    ag_chain_place adjoint; /* of its result */
    bool arrived;
} member;

/* A number that receives a sum. */
typedef struct delivery {
    uint32_t id;
    double slope;
    int sum;
} delivery;

typedef struct group {
    ag_pass *s;
    ag_chain_plan *chain;
    member member[MEMBERS];
    delivery delivery[2 * MEMBERS];
    double sum[2 * MEMBERS + 1];
    int members, deliveries;
} group;

/* ---- which ops belong together */

static bool wanted(const ag_pass *s, uint32_t i)
{
    return s->targets ? s->targets->wanted[i] : s->t->headers[i].flags & AG_NEEDS;
}

static bool passes(const ag_pass *s, uint32_t i)
{
    return !s->targets || s->targets->wanted[i] & AG_PASSES;
}

static bool can_join(const ag_pass *s, const ag_node *d, const ag_layout *l)
{
    return d && d->flags & AG_NODE_CHAINED && d->layout->dtype == l->dtype && ag_layout_same_shape(d->layout, l) &&
           passes(s, d->id) && !ag_pass_keeps(s, d);
}

static void join(group *g, ag_node *d)
{
    const ag_tape *t = g->s->t;
    g->member[g->members++] = (member){ .node = d,
                                        .row = (const ag_row *)ag_op_at(t, t->headers[d->id].op),
                                        .q = ag_row_params_at(t, d->id),
                                        .constant = ag_chain_constant(t, d) };
}

/* From the index on downward, as long as what a pass visits is such an op, or passes nothing on. */
static void find_members(group *g, uint32_t from, const ag_layout *l)
{
    const ag_pass *s = g->s;
    const uint32_t low = from > s->low + FAR ? from - FAR : s->low;
    for (uint32_t i = from; i >= low && g->members < MEMBERS; i--) {
        const uint16_t op = s->t->headers[i].op;
        if (!wanted(s, i) || op == AG_OP_VARIABLE || op == AG_OP_PERSISTENT)
            continue;
        ag_node *d = ag_node_or_null(s->t, i);
        if (!can_join(s, d, l))
            return;
        join(g, d);
    }
}

static member *member_at(group *g, uint32_t id)
{
    for (int i = 0; i < g->members; i++)
        if (g->member[i].node->id == AG_INDEX(id))
            return &g->member[i];
    return NULL;
}

/* ---- what is read */

static int reads_of(const member *m, int k)
{
    return m->row->reads >> k * AG_READS_SHIFT;
}

/* Collects what the derivatives by wanted operands read. Members that would make it too much stay behind. */
static ag_status collect(group *g)
{
    ag_tape *t = g->s->t;
    for (int i = 0; i < g->members; i++) {
        member *m = &g->member[i];
        const ag_node *d = m->node;
        if (i && g->chain->nodes > AG_CHAIN_NODES - AG_CHAIN_WEIGHT) {
            g->members = i;
            return AG_OK;
        }
        m->arrived |= d->adjoint != NULL;
        for (int k = 0; m->arrived && k < d->inputs; k++) {
            if (!ag_pass_wants(g->s, d->input[k]))
                continue;
            member *x = member_at(g, d->input[k]);
            if (x)
                x->arrived = true;
            for (int j = 0; j < d->inputs; j++) {
                if (!(reads_of(m, k) & (j ? AG_READS_B : AG_READS_A)))
                    continue;
                ag_status status = ag_row_check_written(t, m->row, d->id, d->input[j], j);
                if (status)
                    return status;
                ag_chain_collect(g->chain, d->input[j], false);
            }
            if (reads_of(m, k) & AG_READS_Y)
                ag_chain_collect(g->chain, d->id, false);
        }
    }
    return AG_OK;
}

/* ---- the steps of one op */

static void derive(group *g, const member *m, int k, ag_chain_place to, bool add)
{
    const int reads = reads_of(m, k);
    const ag_node *d = m->node;
    ag_chain_step *x = ag_chain_step_new(g->chain);
    x->backward = m->row->back[k][m->constant][d->layout->dtype == AG_F64];
    x->to = to;
    x->add = add;
    x->padded = m->row->flags & AG_ROW_VECTOR;
    x->c = m->q.c;
    x->d = m->q.d;
    x->from[AG_CHAIN_DY] = m->adjoint;
    if (reads & AG_READS_A && m->constant != AG_ROW_A_CONSTANT)
        x->from[AG_CHAIN_A] = ag_chain_value(g->chain, d->input[0]);
    if (reads & AG_READS_B && m->constant != AG_ROW_B_CONSTANT)
        x->from[AG_CHAIN_B] = ag_chain_value(g->chain, d->input[1]);
    if (reads & AG_READS_Y)
        x->from[AG_CHAIN_Y] = ag_chain_value(g->chain, d->id);
}

static void derive_number(group *g, const member *m, int k)
{
    delivery *to = &g->delivery[g->deliveries++];
    *to = (delivery){ .id = m->node->input[k], .slope = 1 };
    ag_chain_place dx = m->adjoint;
    double slope;
    if (ag_row_constant_slope(m->row, m->q, k, &slope) && fabs(slope) <= DBL_MAX) {
        to->slope = slope;
    } else {
        dx = ag_chain_slot(g->chain);
        derive(g, m, k, dx, false);
    }
    to->sum = ag_chain_sum_of(g->chain, dx);
}

/* An adjoint that nobody else reads passes on as it is. */
static bool hands_over(const group *g, const member *m, int k)
{
    double slope;
    for (int j = 0; j < m->node->inputs; j++)
        if (j > k && ag_pass_wants(g->s, m->node->input[j]))
            return false;
    return m->adjoint.slot && ag_row_constant_slope(m->row, m->q, k, &slope) && slope == 1;
}

static bool derive_array(group *g, const member *m, int k)
{
    ag_node *d = ag_node_at(g->s->t, m->node->input[k]);
    member *x = member_at(g, d->id);
    bool add;
    if (!x || d->adjoint) {
        const ag_chain_place to = { 0, ag_pass_place(g->s, d, &add) };
        if (to.array)
            derive(g, m, k, to, add);
        return to.array;
    }
    if (!x->adjoint.slot && hands_over(g, m, k)) {
        x->adjoint = m->adjoint;
        return true;
    }
    add = x->adjoint.slot;
    if (!add)
        x->adjoint = ag_chain_slot(g->chain);
    derive(g, m, k, x->adjoint, add);
    return true;
}

static bool derive_member(group *g, member *m)
{
    const ag_node *d = m->node;
    if (d->adjoint)
        m->adjoint = (ag_chain_place){ 0, d->adjoint };
    for (int k = 0; k < d->inputs; k++) {
        if (!ag_pass_wants(g->s, d->input[k]))
            continue;
        if (!ag_layout_at(g->s->t, d->input[k])->rank)
            derive_number(g, m, k);
        else if (!derive_array(g, m, k))
            return false;
    }
    return true;
}

/* ---- all of it */

/* Everything has run: numbers receive their sums, and the adjoints of the members but the first, which is consumed by who
 * visits it, are consumed. */
static bool finish(group *g, const ag_node *first)
{
    for (int i = 0; i < g->deliveries; i++) {
        const delivery *x = &g->delivery[i];
        if (!ag_pass_deliver_number(g->s, x->id, g->sum[x->sum] * x->slope, NULL))
            return false;
    }
    for (int i = 0; i < g->members; i++)
        if (g->member[i].node != first)
            ag_pass_drop(g->s, g->member[i].node);
    return true;
}

static ag_status run_members(group *g, const ag_node *first)
{
    ag_tape *t = g->s->t;
    for (int i = 0; i < g->members; i++)
        if (g->member[i].arrived && !derive_member(g, &g->member[i]))
            return t->error.status;
    return ag_chain_run(g->chain, g->sum) && finish(g, first) ? AG_OK : t->error.status;
}

/* The adjoint of a sum's operand is a number everywhere. If the sum is pending it is computed too. */
static ag_status run_sum(group *g, ag_node *d, const double *scalar)
{
    ag_tape *t = g->s->t;
    const ag_op *op = ag_op_at(t, t->headers[d->id].op);
    const int64_t n = g->chain->layout->size;
    member *x = &g->member[0];
    double share;
    const ag_array to = ag_layout_array(&ag_scalar_layouts[AG_F64], &share);
    const ag_array dy = ag_layout_array(d->layout, scalar ? (void *)(uintptr_t)scalar : d->adjoint);
    ag_sum_share(op, n, &dy, &to);
    const bool pending = ag_is_pending(d);
    if (pending)
        ag_chain_sum_of(g->chain, ag_chain_value(g->chain, x->node->id));
    ag_chain_step *fill = ag_chain_step_new(g->chain);
    fill->add = x->node->adjoint != NULL;
    if (!fill->add)
        x->adjoint = ag_chain_slot(g->chain);
    fill->to = fill->add ? (ag_chain_place){ 0, x->node->adjoint } : x->adjoint;
    fill->c = share;
    ag_status status = run_members(g, d);
    return status || !pending ? status : ag_chain_sum_arrives(t, d, g->sum[0]);
}

static ag_status run_group(group *g, ag_node *d, const double *scalar)
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

static ag_chain_plan *begin_plan(const group *g, const ag_layout *l)
{
    int nodes = 0;
    for (int i = 0; i < g->members; i++)
        nodes += ag_recipe_of(g->member[i].node).weight;
    return ag_chain_begin(g->s->t, l, nodes < AG_CHAIN_NODES ? nodes : AG_CHAIN_NODES, 4 * g->members + 2);
}

ag_status ag_pass_chain(ag_pass *s, ag_node *d, const double *scalar)
{
    const bool sum = !d->layout->rank;
    const ag_layout *l = ag_layout_at(s->t, sum ? d->input[0] : d->id);
    group g;
    g.s = s;
    g.members = g.deliveries = 0;
    if (!sum)
        join(&g, d);
    find_members(&g, d->id - 1, l);
    if (sum && (!g.members || g.member[0].node->id != AG_INDEX(d->input[0])))
        return AG_USE_RULE;
    g.member[0].arrived = true;
    g.chain = begin_plan(&g, l);
    if (!g.chain)
        return s->t->error.status;
    const ag_status status = run_group(&g, d, scalar);
    ag_chain_end(g.chain);
    return status;
}
