/* An elementwise op on arrays of which one repeats in every row of the other, such as a product with a vector or of a
 * column and a row: both contributions from one walk through memory. */
#include "ag/backward/routine.h"
#include "ag/backward/row_work.h"

int ag_row_repeats(const ag_pass *s, const ag_row *row, const ag_node *d)
{
    const ag_tape *t = s->t;
    const ag_node *x[2];
    double slope;
    if (d->inputs != 2 || !d->adjoint || d->layout->size < AG_TOGETHER)
        return -1;
    for (int k = 0; k < 2; k++) {
        x[k] = ag_pass_wants(s, d->input[k]) ? ag_node_or_null(t, d->input[k]) : NULL;
        if (!x[k] || ag_is_number(x[k]) || x[k]->layout->dtype != d->layout->dtype || !x[k]->layout->dense ||
            ag_row_constant_slope(row, ag_row_params_at(t, d->id), k, &slope))
            return -1;
    }
    const ag_shape y = ag_layout_shape(d->layout),
                   shape[2] = { ag_layout_shape(x[0]->layout), ag_layout_shape(x[1]->layout) };
    for (int k = 0; k < 2; k++)
        if (ag_range_goes_with(y, shape[k], shape[1 - k]))
            return k;
    return -1;
}

/* Operand k's contribution, and where it goes. False: reported. */
static bool set_part(ag_pass *s, const ag_row *row, const ag_node *d, int k, int column, bool in_place, ag_row_work *w,
                     ag_range_part *p)
{
    p->r = w->r;
    p->arrays = w->arrays;
    p->column = column;
    p->of_number = row->back[k][column ? AG_ROW_B_CONSTANT : AG_ROW_A_CONSTANT][d->layout->dtype == AG_F64];
    p->add = false;
    if (!in_place)
        return ag_pass_target(s, ag_node_at(s->t, d->input[k]), &p->to, &p->add);
    ag_pass_adjoint(s->t, d, &p->to);
    return true;
}

ag_status ag_row_both(ag_pass *s, const ag_row *row, ag_node *d, int k, bool in_place)
{
    ag_tape *t = s->t;
    ag_node *other = ag_node_at(t, d->input[1 - k]);
    ag_row_work w[2];
    ag_range_part part[2];
    for (int i = 0; i < 2; i++) {
        w[i].r = (ag_range){ .dy = d->adjoint };
        const ag_status status = ag_row_work_prepare(t, row, d, i, &w[i]);
        if (AG_UNLIKELY(status))
            return status;
        ag_row_work_arrays(&w[i]);
    }
    const ag_array to = ag_layout_array(ag_node_at(t, d->input[k])->layout, NULL);
    const size_t bytes = ag_reduce_work(&to, w[k].arrays[1]);
    void *room = ag_pool_take(t, bytes);
    ag_note_leave(s);
    if (!room || !set_part(s, row, d, k, 1 - k, false, &w[k], &part[k]) ||
        !set_part(s, row, d, 1 - k, 1 - k, in_place, &w[1 - k], &part[1 - k])) {
        ag_pool_give(t, room, bytes);
        return t->error.status;
    }
    ag_range_both(&part[k], &part[1 - k], d->layout->dtype, room, t->options.threads);
    ag_pool_give(t, room, bytes);
    if (in_place) {
        other->adjoint = d->adjoint;
        d->adjoint = NULL;
    }
    return AG_OK;
}
