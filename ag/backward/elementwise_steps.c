/* The backward steps of elementwise ops that are table rows. */
#include "ag/backward/backward.h"

bool ag_row_constant_slope(const ag_row *row, ag_row_params q, int k, double *slope)
{
    if (row->reads >> k * AG_READS_SHIFT & (AG_READS_A | AG_READS_B | AG_READS_Y))
        return false;
    double out[3];
    row->scalar((const double[]){ 1, 1 }, q.c, q.d, out);
    *slope = out[1 + k];
    return true;
}

static ag_status check_written(ag_tape *t, const ag_row *row, uint32_t id, uint32_t operand, int k)
{
    const ag_node *d = ag_node_or_null(t, operand);
    if (AG_LIKELY(!d || t->nodes[d->owner].written <= AG_INDEX(id)))
        return AG_OK;
    return ag_fail_written(t, &row->op, operand, "operand", k);
}

static ag_status back(ag_tape *t, const ag_row *row, uint32_t id, int k, void *dx, const void *dy, bool add)
{
    const ag_node *node = ag_node_at(t, id);
    int reads = row->reads >> k * AG_READS_SHIFT;
    ag_row_params q = ag_row_params_at(t, id);
    ag_operands p = { .count = row->op.inputs, .layout = node->layout, .dtype = node->layout->dtype };
    p.dense = true;
    for (int i = 0; i < p.count; i++) {
        p.x[i] = ag_operand_at(t, node->input[i]);
        if (reads & (i ? AG_READS_B : AG_READS_A)) {
            ag_status s = check_written(t, row, id, node->input[i], i);
            if (AG_UNLIKELY(s))
                return s;
        }
        p.dense &= p.x[i].scalar || (p.x[i].layout->dense && ag_layout_same_shape(p.x[i].layout, node->layout));
    }
    if (p.count == 2)
        p.constant = p.x[1].scalar ? AG_ROW_B_CONSTANT : p.x[0].scalar ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
    double c = p.constant == AG_ROW_B_CONSTANT ? p.x[1].value : p.constant == AG_ROW_A_CONSTANT ? p.x[0].value : q.c;
    ag_range r = { .backward = row->back[k][p.constant][p.dtype == AG_F64],
                   .to = dx,
                   .dy = dy,
                   .c = c,
                   .d = q.d,
                   .size = ag_bytes_of(p.dtype),
                   .out_size = ag_bytes_of(p.dtype),
                   .add = add,
                   .padded = row->flags & AG_ROW_VECTOR };
    const void *y = node->data ? node->data : &t->records[AG_INDEX(id)].value;
    bool a_read = reads & AG_READS_A && p.constant != AG_ROW_A_CONSTANT;
    bool b_read = reads & AG_READS_B && p.constant != AG_ROW_B_CONSTANT;
    const void *data[2];
    _Alignas(8) char number[2][8];
    for (int i = 0; i < p.count; i++) { /* rank-0 operands that are computed with as arrays of one element */
        data[i] = p.x[i].data;
        if (p.x[i].scalar && (!data[i] || p.x[i].layout->dtype != p.dtype)) {
            ag_array one = ag_dense_array(AG_SCALAR, p.dtype, number[i]);
            ag_fill_array(&one, p.x[i].value);
            data[i] = number[i];
        }
    }
    if (AG_LIKELY(p.dense)) {
        r.a = a_read ? data[0] : NULL;
        r.b = b_read ? data[1] : NULL;
        r.y = reads & AG_READS_Y ? y : NULL;
        ag_range_run(&r, p.layout->size, t->options.threads);
        return AG_OK;
    }
    ag_shape shape = ag_layout_shape(p.layout);
    ag_array out = ag_dense_array(shape, p.dtype, dx), from = ag_dense_array(shape, p.dtype, dy), in[2], none = { 0 };
    ag_array result = ag_dense_array(shape, p.dtype, y);
    const ag_array *arrays[5] = { &out, &from, &none, &none, reads & AG_READS_Y ? &result : &none };
    for (int i = 0; i < p.count; i++) {
        if (!(i ? b_read : a_read))
            continue;
        in[i] = ag_layout_array(p.x[i].layout, (void *)(uintptr_t)data[i]);
        in[i] = ag_array_expand(&in[i], shape);
        arrays[2 + i] = &in[i];
    }
    ag_range_walk(&r, p.dtype, shape, arrays, t->options.threads);
    return AG_OK;
}

static bool is_plain(ag_row_steps *s)
{
    const ag_tape *t = s->t;
    const ag_node *node = s->node;
    const ag_layout *l = node->layout;
    if (!node->data || l->rank == 0 || l->size >= 4 * AG_GRAIN || s->row->flags & AG_ROW_VECTOR)
        return false;
    for (int i = 0; i < s->row->op.inputs; i++) {
        const ag_node *x = ag_node_or_null(t, node->input[i]);
        if (AG_UNLIKELY(!x || !x->data || !x->layout->rank)) {
            if (s->kind != AG_ROW_ARRAYS || !ag_number_at(t, node->input[i], &s->c))
                return false;
            s->kind = i ? AG_ROW_B_CONSTANT : AG_ROW_A_CONSTANT;
        } else if (x->layout != l && !(x->layout->dense && ag_layout_same_shape(x->layout, l))) {
            return false;
        }
        s->x[i] = x;
    }
    return true;
}

void ag_row_steps_begin(ag_row_steps *s, ag_tape *t, const ag_row *row, const ag_node *node)
{
    *s = (ag_row_steps){ t, row, node, { NULL, NULL }, AG_ROW_ARRAYS, false, t->records[node->id].partial[0] };
    s->plain = is_plain(s);
}

ag_status ag_row_step(const ag_row_steps *s, int k, void *dx, const void *dy, bool add)
{
    const ag_node *node = s->node;
    if (AG_UNLIKELY(!s->plain))
        return back(s->t, s->row, node->id, k, dx, dy, add);
    int reads = s->row->reads >> k * AG_READS_SHIFT;
    for (int i = 0; i < s->row->op.inputs; i++) {
        bool unread = !s->x[i] || !(reads & (i ? AG_READS_B : AG_READS_A));
        if (AG_UNLIKELY(!unread && s->t->nodes[s->x[i]->owner].written > node->id))
            return check_written(s->t, s->row, node->id, node->input[i], i);
    }
    s->row->back[k][s->kind][node->layout->dtype == AG_F64](node->layout->size, dx, dy, s->x[0] ? s->x[0]->data : NULL,
                                                            s->x[1] ? s->x[1]->data : NULL, node->data, s->c,
                                                            s->t->records[node->id].partial[1], add);
    return AG_OK;
}
