/* An elementwise row in a plain backward pass. */
#include "ag/backward/backward.h"
#include <float.h>
#include <math.h>

static bool same_place(const ag_tape *t, const ag_node *d, const ag_node *x)
{
    return x && x->data && x->layout->dtype == d->layout->dtype && ag_layout_same_shape(x->layout, d->layout) &&
           (x->layout->dense || t->headers[x->id].op != AG_OP_PERSISTENT);
}

/* Through a block of the node's shape, which deliver sums and casts. */
static ag_status row_through_block(ag_pass *s, const ag_row_steps *r, ag_node *d, int k, const void *dy)
{
    ag_tape *t = s->t;
    double one;
    size_t bytes = ag_layout_bytes(d->layout);
    void *block = bytes <= sizeof one ? &one : ag_pool_take(t, bytes);
    if (!block)
        return t->error.status;
    ag_array a = ag_dense_array(ag_layout_shape(d->layout), d->layout->dtype, block);
    ag_status status = ag_row_step(r, k, block, dy, false);
    if (!status && !ag_pass_deliver(s, d->input[k], &a, 1))
        status = t->error.status;
    if (block != &one)
        ag_pool_give(t, block, bytes);
    return status;
}

/* The operand has another shape or dtype. */
static ag_status row_elsewhere(ag_pass *s, const ag_row_steps *r, ag_node *d, int k, const void *dy)
{
    ag_tape *t = s->t;
    double slope;
    const ag_node *x = ag_node_or_null(t, d->input[k]);
    bool number = !x || !x->data || !x->layout->rank;
    bool constant = ag_row_constant_slope(r->row, ag_row_params_at(t, d->id), k, &slope);
    if (!constant || !(fabs(slope) <= DBL_MAX) || (!number && slope != 1))
        return row_through_block(s, r, d, k, dy);
    ag_array a = {
        (void *)(uintptr_t)dy, d->layout->dtype, AG_SHAPE(d->layout->size), { 1 }
    }; /* all of it is summed */
    if (!number)
        a = ag_dense_array(ag_layout_shape(d->layout), d->layout->dtype, dy);
    return ag_pass_deliver(s, d->input[k], &a, slope) ? AG_OK : t->error.status;
}

/* May dy be overwritten by the contribution to x and become its adjoint? */
static bool takes_over(const ag_pass *s, const ag_node *d, const ag_node *x)
{
    return d->adjoint && !x->adjoint && same_place(s->t, d, x) && !ag_pass_keeps(s, d) && !ag_pass_direct(s, x);
}

static ag_status row_operand(ag_pass *s, const ag_row_steps *r, ag_node *d, int k, const void *dy)
{
    ag_node *x = ag_node_or_null(s->t, d->input[k]);
    if (!same_place(s->t, d, x))
        return row_elsewhere(s, r, d, k, dy);
    bool add;
    void *dx = ag_pass_place(s, x, &add);
    return dx ? ag_row_step(r, k, dx, dy, add) : s->t->error.status;
}

/* The last contribution, in place. */
static ag_status row_in_place(ag_pass *s, const ag_row_steps *r, ag_node *d, int k)
{
    double slope;
    ag_node *x = ag_node_at(s->t, d->input[k]);
    x->adjoint = d->adjoint;
    d->adjoint = NULL;
    if (ag_row_constant_slope(r->row, ag_row_params_at(s->t, d->id), k, &slope) && slope == 1)
        return AG_OK;
    return ag_row_step(r, k, x->adjoint, x->adjoint, false);
}

ag_status ag_pass_row(ag_pass *s, ag_node *d, const double *scalar)
{
    ag_row_steps r;
    ag_row_steps_begin(&r, s->t, (const ag_row *)ag_op_at(s->t, s->t->headers[d->id].op), d);
    const void *dy = scalar ? (const void *)scalar : d->adjoint;
    int in_place = -1;
    for (int k = 0; k < d->inputs; k++) {
        const ag_node *x = ag_needs(s->t, d->input[k]) ? ag_node_or_null(s->t, d->input[k]) : NULL;
        if (x && takes_over(s, d, x))
            in_place = k;
    }
    if (in_place >= 0 && d->inputs == 2 && AG_INDEX(d->input[0]) == AG_INDEX(d->input[1]))
        in_place = -1; /* the other contribution goes to the same adjoint */
    for (int k = 0; k < d->inputs; k++) {
        if (k == in_place || !ag_needs(s->t, d->input[k]))
            continue;
        ag_status status = row_operand(s, &r, d, k, dy);
        if (AG_UNLIKELY(status))
            return status;
    }
    return in_place >= 0 ? row_in_place(s, &r, d, in_place) : AG_OK;
}
