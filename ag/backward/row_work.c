/* Operands of an elementwise op on the way back, as its kernels and the walks around them want them. */
#include "ag/backward/row_work.h"

ag_status ag_row_check_written(ag_tape *t, const ag_row *row, uint32_t id, uint32_t operand, int k)
{
    const ag_node *d = ag_node_or_null(t, operand);
    if (AG_LIKELY(!d || t->nodes[d->owner].written <= AG_INDEX(id)))
        return AG_OK;
    return ag_fail_written(t, &row->op, operand, "operand", k);
}

static ag_status check_operands(ag_tape *t, const ag_row *row, const ag_node *node, int reads, ag_operands *p)
{
    for (int i = 0; i < p->count; i++) {
        p->x[i] = ag_operand_at(t, node->input[i]);
        if (reads & (i ? AG_READS_B : AG_READS_A)) {
            ag_status s = ag_row_check_written(t, row, node->id, node->input[i], i);
            if (AG_UNLIKELY(s))
                return s;
        }
        p->dense &= p->x[i].scalar || (p->x[i].layout->dense && p->x[i].layout->dtype == p->dtype &&
                                       ag_layout_same_shape(p->x[i].layout, node->layout));
    }
    if (p->count == 2)
        p->constant = p->x[1].scalar ? AG_ROW_B_CONSTANT : p->x[0].scalar ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
    return AG_OK;
}

/* The values that are read, y too. */
static void set_values(ag_tape *t, const ag_node *node, int reads, ag_row_work *w)
{
    const ag_operands *p = &w->p;
    const bool read[2] = { reads & AG_READS_A && p->constant != AG_ROW_A_CONSTANT,
                           reads & AG_READS_B && p->constant != AG_ROW_B_CONSTANT };
    const void *data[2] = { NULL, NULL };
    for (int i = 0; i < p->count; i++) {
        if (!read[i])
            continue;
        data[i] = p->x[i].data;
        if (p->x[i].scalar && (!data[i] || p->x[i].layout->dtype != p->dtype)) {
            ag_array one = ag_dense_array(AG_SCALAR, p->dtype, w->number[i]);
            ag_fill_array(&one, p->x[i].value);
            data[i] = w->number[i];
        }
    }
    w->r.a = data[0];
    w->r.b = data[1];
    w->r.y = !(reads & AG_READS_Y) ? NULL : ag_is_number(node) ? &t->records[node->id].value : node->data;
}

void ag_row_work_arrays(ag_row_work *w)
{
    const ag_layout *l = w->p.layout;
    const void *data[2] = { w->r.a, w->r.b };
    w->array[0] = ag_layout_dense(l, w->r.to);
    w->array[1] = ag_layout_dense(l, w->r.dy);
    w->array[4] = ag_layout_dense(l, w->r.y);
    for (int i = 0; i < 2; i++) {
        w->array[2 + i].data = NULL;
        w->array[2 + i].dtype = w->p.dtype;
        if (data[i])
            ag_layout_expand(w->p.x[i].layout, data[i], l, &w->array[2 + i]);
        if (data[i] && w->p.x[i].scalar)
            w->array[2 + i].dtype = w->p.dtype;
    }
    for (int i = 0; i < 5; i++)
        w->arrays[i] = &w->array[i];
}

ag_status ag_row_work_prepare(ag_tape *t, const ag_row *row, const ag_node *node, int k, ag_row_work *w)
{
    const int reads = row->reads >> k * AG_READS_SHIFT;
    const ag_row_params q = ag_row_params_at(t, node->id);
    w->p =
        (ag_operands){ .count = row->op.inputs, .layout = node->layout, .dtype = node->layout->dtype, .dense = true };
    ag_status status = check_operands(t, row, node, reads, &w->p);
    if (AG_UNLIKELY(status))
        return status;
    const ag_operands *p = &w->p;
    w->r.backward = row->back[k][p->constant][p->dtype == AG_F64];
    w->r.c = p->constant == AG_ROW_B_CONSTANT ? p->x[1].value : p->constant == AG_ROW_A_CONSTANT ? p->x[0].value : q.c;
    w->r.d = q.d;
    w->r.size = w->r.out_size = ag_bytes_of(p->dtype);
    w->r.padded = AG_BACK_CALLS(row->flags);
    set_values(t, node, reads, w);
    return AG_OK;
}
