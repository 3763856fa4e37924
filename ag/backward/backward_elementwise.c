/* An elementwise op in a plain backward pass: its kernels, run for each operand that wants a gradient. */
#include "ag/backward/routine.h"
#include "ag/backward/row_work.h"
#include <float.h>
#include <math.h>

/* ---- the step of one operand */

/* What the steps of one node have in common. */
typedef struct steps {
    ag_tape *t;
    ag_pass *pass; /* NULL: none of one pass */
    const ag_row *row;
    const ag_node *node, *x[2];
    int kind;   /* AG_ROW_ARRAYS ... */
    bool plain; /* dense operands of the node's shape, at most one a rank-0 f64 record, not many elements */
    double c;
} steps;

bool ag_row_constant_slope(const ag_row *row, ag_row_params q, int k, double *slope)
{
    if (row->reads >> k * AG_READS_SHIFT & (AG_READS_A | AG_READS_B | AG_READS_Y))
        return false;
    double out[3];
    row->scalar((const double[]){ 1, 1 }, q.c, q.d, out);
    *slope = out[1 + k];
    return true;
}

/* The operand whose value is the constant c of the kernel; 0: it has none. */
static uint32_t number_of(const ag_node *node, int kind)
{
    return kind == AG_ROW_ARRAYS ? 0 : node->input[kind == AG_ROW_B_CONSTANT];
}

static void note_work(ag_pass *s, const ag_node *node, const ag_row_work *w)
{
    const uint32_t number = number_of(node, w->p.constant);
    double c;
    const bool copied = w->r.a == w->number[0] || w->r.b == w->number[1];
    ag_range_action *a = NULL;
    if (w->p.dense && !copied && !ag_is_number(node) && (!number || ag_number_at(s->t, number, &c)))
        a = ag_note(s, AG_DO_RANGE, sizeof *a);
    if (!a) {
        ag_note_leave(s);
        return;
    }
    a->number = number;
    a->range = w->r;
    a->n = w->p.layout->size;
}

static ag_status back(const steps *s, uint32_t id, int k, void *dx, const void *dy, bool add)
{
    ag_tape *t = s->t;
    ag_row_work w; /* it is large, and not cleared first */
    w.r = (ag_range){ .to = dx, .dy = dy, .add = add };
    ag_status status = ag_row_work_prepare(t, s->row, ag_node_at(t, id), k, &w);
    if (AG_UNLIKELY(status))
        return status;
    if (s->pass && s->pass->list)
        note_work(s->pass, ag_node_at(t, id), &w);
    if (AG_LIKELY(w.p.dense)) {
        ag_range_run(&w.r, w.p.layout->size, t->options.threads);
        return AG_OK;
    }
    ag_row_work_arrays(&w);
    ag_range_walk(&w.r, w.p.dtype, w.arrays, t->options.threads);
    return AG_OK;
}

static bool is_plain(steps *s)
{
    const ag_tape *t = s->t;
    const ag_node *node = s->node;
    const ag_layout *l = node->layout;
    if (!node->data || l->rank == 0 || l->size >= 4 * AG_GRAIN || AG_BACK_CALLS(s->row->flags))
        return false;
    for (int i = 0; i < s->row->op.inputs; i++) {
        const ag_node *x = ag_node_or_null(t, node->input[i]);
        if (AG_UNLIKELY(ag_is_number(x) || !x->layout->rank)) {
            if (s->kind != AG_ROW_ARRAYS || !ag_number_at(t, node->input[i], &s->c))
                return false;
            s->kind = i ? AG_ROW_B_CONSTANT : AG_ROW_A_CONSTANT;
        } else if (x->layout != l &&
                   !(x->layout->dense && x->layout->dtype == l->dtype && ag_layout_same_shape(x->layout, l))) {
            return false;
        }
        s->x[i] = x;
    }
    return true;
}

static void begin_steps(steps *s, ag_tape *t, ag_pass *pass, const ag_row *row, const ag_node *node)
{
    *s = (steps){ t, pass, row, node, { NULL, NULL }, AG_ROW_ARRAYS, false, t->records[node->id].partial[0] };
    s->plain = is_plain(s);
}

/* Writes (or adds) the contribution to operand k into dx, which is dense, of the node's shape, as dy is; dx may be dy.
 * AG_EUSE: an operand was written since. */
static ag_status step(const steps *s, int k, void *dx, const void *dy, bool add)
{
    const ag_node *node = s->node;
    if (AG_UNLIKELY(!s->plain))
        return back(s, node->id, k, dx, dy, add);
    int reads = s->row->reads >> k * AG_READS_SHIFT;
    for (int i = 0; i < s->row->op.inputs; i++) {
        bool unread = !s->x[i] || !(reads & (i ? AG_READS_B : AG_READS_A));
        if (AG_UNLIKELY(!unread && s->t->nodes[s->x[i]->owner].written > node->id))
            return ag_row_check_written(s->t, s->row, node->id, node->input[i], i);
    }
    const ag_row_action a = { .number = number_of(node, s->kind),
                              .back = s->row->back[k][s->kind][node->layout->dtype == AG_F64],
                              .n = node->layout->size,
                              .dx = dx,
                              .dy = dy,
                              .a = s->x[0] ? s->x[0]->data : NULL,
                              .b = s->x[1] ? s->x[1]->data : NULL,
                              .y = node->data,
                              .c = s->c,
                              .d = s->t->records[node->id].partial[1],
                              .add = add };
    a.back(a.n, dx, dy, a.a, a.b, a.y, a.c, a.d, add);
    if (AG_UNLIKELY(s->pass && s->pass->list))
        ag_note_row(s->pass, &a);
    return AG_OK;
}

ag_status ag_row_contributions(ag_tape *t, const ag_node *d, int k, int64_t count, void *dx, const void *dy, bool add)
{
    steps r;
    const size_t bytes = ag_layout_bytes(d->layout);
    ag_status status = AG_OK;
    begin_steps(&r, t, NULL, (const ag_row *)ag_op_at(t, t->headers[d->id].op), d);
    for (int64_t i = 0; i < count && !status; i++)
        status = step(&r, k, (char *)dx + (size_t)i * bytes, (const char *)dy + (size_t)i * bytes, add);
    return status;
}

/* ---- where its contribution goes */

/* Through a block of the node's shape, which deliver sums and casts. */
static ag_status row_through_block(ag_pass *s, const steps *r, ag_node *d, int k, const void *dy)
{
    ag_tape *t = s->t;
    double one;
    size_t bytes = ag_layout_bytes(d->layout);
    void *block = bytes <= sizeof one ? &one : ag_pool_take(t, bytes);
    if (!block)
        return t->error.status;
    if (block == &one)
        ag_note_leave(s);
    ag_array a = ag_layout_dense(d->layout, block);
    ag_status status = step(r, k, block, dy, false);
    if (!status && !ag_pass_deliver(s, d->input[k], &a))
        status = t->error.status;
    if (block != &one)
        ag_pool_give(t, block, bytes);
    return status;
}

/* The operand was broadcast: its contribution is summed while it is computed. */
static ag_status row_summed(ag_pass *s, const steps *r, ag_node *d, int k, const void *dy)
{
    ag_tape *t = s->t;
    ag_node *x = ag_node_or_null(t, d->input[k]);
    double sum;
    const bool number = ag_is_number(x) || !x->layout->rank;
    ag_array to = ag_layout_array(number ? &ag_scalar_layouts[AG_F64] : x->layout, &sum);
    bool add = false;
    ag_row_work w;
    w.r = (ag_range){ .dy = dy };
    ag_status status = ag_row_work_prepare(t, r->row, d, k, &w);
    if (AG_UNLIKELY(status))
        return status;
    ag_row_work_arrays(&w);
    const size_t bytes = ag_reduce_work(&to, w.arrays[1]);
    void *room = bytes ? ag_pool_take(t, bytes) : NULL;
    if ((bytes && !room) || (!number && !ag_pass_target(s, x, &to, &add))) {
        ag_pool_give(t, room, bytes);
        return t->error.status;
    }
    ag_range_sum(&w.r, w.p.dtype, w.arrays, &to, add, room, t->options.threads);
    ag_pool_give(t, room, bytes);
    ag_note_leave(s);
    return !number || ag_pass_deliver_number(s, d->input[k], sum, NULL) ? AG_OK : t->error.status;
}

/* The operand has another shape or dtype. */
static ag_status row_elsewhere(ag_pass *s, const steps *r, ag_node *d, int k, const void *dy)
{
    ag_tape *t = s->t;
    double slope;
    const ag_node *x = ag_node_or_null(t, d->input[k]);
    bool number = ag_is_number(x) || !x->layout->rank;
    bool constant = ag_row_constant_slope(r->row, ag_row_params_at(t, d->id), k, &slope);
    if (!constant || !(fabs(slope) <= DBL_MAX) || (!number && slope != 1))
        return r->plain || (!number && ag_layout_same_shape(x->layout, d->layout)) ? row_through_block(s, r, d, k, dy)
                                                                                   : row_summed(s, r, d, k, dy);
    bool delivered;
    if (number) {
        double sum = ag_sum_floats(d->layout->dtype, dy, d->layout->size, t->options.threads);
        const double *noted = s->list ? ag_note_sum(s, d->layout->dtype, dy, d->layout->size, slope) : NULL;
        delivered = ag_pass_deliver_number(s, d->input[k], sum * slope, noted);
    } else {
        ag_array a = ag_layout_dense(d->layout, dy);
        delivered = ag_pass_deliver(s, d->input[k], &a);
    }
    return delivered ? AG_OK : t->error.status;
}

static bool takes_over(const ag_pass *s, const ag_node *d, const ag_node *x)
{
    return ag_pass_same_place(s->t, d, x) && ag_pass_hands_over(s, d, x);
}

static ag_status row_operand(ag_pass *s, const steps *r, ag_node *d, int k, const void *dy)
{
    ag_node *x = ag_node_or_null(s->t, d->input[k]);
    if (!ag_pass_same_place(s->t, d, x))
        return row_elsewhere(s, r, d, k, dy);
    bool add;
    void *dx = ag_pass_place(s, x, &add);
    return dx ? step(r, k, dx, dy, add) : s->t->error.status;
}

/* The last contribution, in place. */
static ag_status row_in_place(ag_pass *s, const steps *r, ag_node *d, int k)
{
    double slope;
    ag_node *x = ag_node_at(s->t, d->input[k]);
    x->adjoint = d->adjoint;
    d->adjoint = NULL;
    if (ag_row_constant_slope(r->row, ag_row_params_at(s->t, d->id), k, &slope) && slope == 1)
        return AG_OK;
    return step(r, k, x->adjoint, x->adjoint, false);
}

ag_status ag_pass_row(ag_pass *s, ag_node *d, const double *scalar)
{
    steps r;
    begin_steps(&r, s->t, s, (const ag_row *)ag_op_at(s->t, s->t->headers[d->id].op), d);
    if (scalar)
        ag_note_leave(s);
    const void *dy = scalar ? (const void *)scalar : d->adjoint;
    int in_place = -1;
    for (int k = 0; k < d->inputs; k++) {
        const ag_node *x = ag_pass_wants(s, d->input[k]) ? ag_node_or_null(s->t, d->input[k]) : NULL;
        if (x && takes_over(s, d, x))
            in_place = k;
    }
    if (in_place >= 0 && d->inputs == 2 && AG_INDEX(d->input[0]) == AG_INDEX(d->input[1]))
        in_place = -1; /* the other contribution goes to the same adjoint */
    const int repeated = scalar || r.plain ? -1 : ag_row_repeats(s, r.row, d);
    if (repeated >= 0)
        return ag_row_both(s, r.row, d, repeated, in_place >= 0);
    for (int k = 0; k < d->inputs; k++) {
        if (k == in_place || !ag_pass_wants(s, d->input[k]))
            continue;
        ag_status status = row_operand(s, &r, d, k, dy);
        if (AG_UNLIKELY(status))
            return status;
    }
    return in_place >= 0 ? row_in_place(s, &r, d, in_place) : AG_OK;
}
