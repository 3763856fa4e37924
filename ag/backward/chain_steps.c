/* The steps by which one op that waited passes its adjoint on, block by block. */
#include "ag/backward/chain.h"
#include <float.h>
#include <math.h>

static void derive(ag_chain_group *g, const ag_chain_member *m, int k, ag_chain_place to, bool add)
{
    const int reads = ag_chain_reads(m, k);
    const ag_node *d = m->node;
    ag_chain_step x = { .work = AG_STEP_KERNEL,
                        .backward = m->row->back[k][m->constant][d->layout->dtype == AG_F64],
                        .to = to,
                        .add = add,
                        .padded = AG_BACK_CALLS(m->row->flags),
                        .c = m->q.c,
                        .d = m->q.d };
    x.from[AG_CHAIN_DY] = m->adjoint;
    if (reads & AG_READS_A && m->constant != AG_ROW_A_CONSTANT)
        x.from[AG_CHAIN_A] = ag_chain_operand(g->chain, d->input[0], m->kind);
    if (reads & AG_READS_B && m->constant != AG_ROW_B_CONSTANT)
        x.from[AG_CHAIN_B] = ag_chain_operand(g->chain, d->input[1], m->kind);
    if (reads & AG_READS_Y)
        x.from[AG_CHAIN_Y] = ag_chain_value(g->chain, d->id);
    *ag_chain_step_new(g->chain, AG_STEP_KERNEL) = x;
}

/* The contribution to operand k before it is summed: the adjoint itself where the derivative is 1. */
static ag_chain_place contribution(ag_chain_group *g, const ag_chain_member *m, int k)
{
    double slope;
    if (ag_row_constant_slope(m->row, m->q, k, &slope) && slope == 1)
        return m->adjoint;
    const ag_chain_place dx = ag_chain_slot(g->chain, m->kind);
    derive(g, m, k, dx, false);
    return dx;
}

static void derive_number(ag_chain_group *g, const ag_chain_member *m, int k)
{
    ag_chain_delivery *to = &g->delivery[g->deliveries++];
    *to = (ag_chain_delivery){ .id = m->node->input[k], .slope = 1 };
    ag_chain_place dx = m->adjoint;
    double slope;
    if (ag_row_constant_slope(m->row, m->q, k, &slope) && fabs(slope) <= DBL_MAX)
        to->slope = slope;
    else
        derive(g, m, k, dx = ag_chain_slot(g->chain, m->kind), false);
    to->sum = ag_chain_sum_of(g->chain, dx);
}

static void derive_columns(ag_chain_group *g, const ag_chain_member *m, int k)
{
    ag_chain_delivery *to = &g->delivery[g->deliveries++];
    *to = (ag_chain_delivery){ .id = m->node->input[k], .columns = true };
    to->sum = ag_chain_sum_columns_of(g->chain, contribution(g, m, k));
}

/* An adjoint that nobody else reads passes on as it is. */
static bool hands_over(const ag_chain_group *g, const ag_chain_member *m, int k)
{
    double slope;
    for (int j = 0; j < m->node->inputs; j++)
        if (j > k && ag_pass_wants(g->s, m->node->input[j]))
            return false;
    return m->adjoint.slot && ag_row_constant_slope(m->row, m->q, k, &slope) && slope == 1;
}

/* Where what the operand receives goes: into a member's slot, or into memory; without either: there is none. */
static ag_chain_place place_for(ag_chain_group *g, ag_node *d, int kind, bool *add)
{
    ag_chain_member *x = ag_chain_member_at(g, d->id);
    if (!x || d->adjoint)
        return (ag_chain_place){ 0, kind, ag_pass_place(g->s, d, add) };
    *add = x->adjoint.slot;
    if (!*add)
        x->adjoint = ag_chain_slot(g->chain, kind);
    return x->adjoint;
}

static bool derive_array(ag_chain_group *g, const ag_chain_member *m, int k)
{
    ag_node *d = ag_node_at(g->s->t, m->node->input[k]);
    const int kind = ag_chain_array(g->chain, d->layout, NULL).kind;
    ag_chain_member *x = ag_chain_member_at(g, d->id);
    bool add;
    if (kind == AG_CHAIN_COLUMNS) {
        derive_columns(g, m, k);
        return true;
    }
    if (x && !d->adjoint && !x->adjoint.slot && kind == m->kind && hands_over(g, m, k)) {
        x->adjoint = m->adjoint;
        return true;
    }
    const ag_chain_place to = place_for(g, d, kind, &add);
    if (!to.slot && !to.array)
        return false;
    if (kind == m->kind)
        derive(g, m, k, to, add);
    else
        ag_chain_sum_rows(g->chain, contribution(g, m, k), to, 1, add);
    return true;
}

/* Each element receives the sum's adjoint, scaled, that of its row or of its column. */
static bool derive_sum(ag_chain_group *g, const ag_chain_member *m)
{
    const ag_tape *t = g->s->t;
    const int64_t columns = g->frame.columns, n = m->kind == AG_CHAIN_ROWS ? columns : g->frame.layout->size / columns;
    const double scale = ag_chain_scale(&m->row->op, n);
    ag_node *x = ag_node_at(t, m->node->input[0]);
    ag_chain_place dy = m->adjoint;
    bool add;
    const ag_chain_place to = place_for(g, x, AG_CHAIN_ALL, &add);
    if (scale != 1 && m->kind == AG_CHAIN_ROWS)
        ag_chain_sum_rows(g->chain, m->adjoint, dy = ag_chain_slot(g->chain, AG_CHAIN_ROWS), scale, false);
    ag_chain_spread(g->chain, dy, to, add);
    return to.slot || to.array;
}

/* A mean over columns passes on its adjoint, scaled, from memory of its own. */
static bool scale_columns(ag_chain_group *g, ag_chain_member *m)
{
    const ag_node *d = m->node;
    const double scale = ag_chain_scale(&m->row->op, g->frame.layout->size / g->frame.columns);
    if (scale == 1)
        return true;
    const ag_array dy = ag_layout_array(d->layout, d->adjoint);
    ag_array scaled = dy;
    scaled.data = ag_pool_take(g->s->t, ag_layout_bytes(d->layout));
    if (!scaled.data)
        return false;
    g->scaled[g->scalings++] = scaled.data;
    ag_sum_array(&scaled, &dy, scale, false, g->s->t->options.threads);
    m->adjoint.array = scaled.data;
    return true;
}

bool ag_chain_derive(ag_chain_group *g, ag_chain_member *m)
{
    const ag_node *d = m->node;
    if (d->adjoint)
        m->adjoint = (ag_chain_place){ 0, m->kind, d->adjoint };
    if (ag_chain_is_sum(g->s->t, d))
        return !ag_pass_wants(g->s, d->input[0]) ||
               ((m->kind == AG_CHAIN_ROWS || scale_columns(g, m)) && derive_sum(g, m));
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
