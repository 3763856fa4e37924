/* The backward steps of elementwise ops that are table rows. */
#include "ag/range.h"

ag_row_params ag_row_params_at(const ag_tape *t, uint32_t id)
{
    const ag_record *r = &t->records[AG_INDEX(id)];
    ag_row_params q = { r->partial[1], 0 };
    if (t->headers[AG_INDEX(id)].flags & AG_HAS_NODE)
        memcpy(&q, r->partial, sizeof q);
    return q;
}

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
    const char *name = ag_named_at(t, d->id);
    return ag_fail(t, AG_EUSE, "ag_%s: operand %d%s%s%s was written after the op had been recorded, but its derivative needs the "
                               "old values", row->op.name, k + 1, *name ? " '" : "", name, *name ? "'" : "");
}

static ag_status back(ag_tape *t, const ag_row *row, uint32_t id, int k, void *dx, const void *dy, bool add)
{
    const ag_node *node = ag_node_at(t, id);
    int reads = row->reads >> k * AG_READS_SHIFT;
    ag_row_params q = ag_row_params_at(t, id);
    ag_pair p = { .count = row->op.inputs, .layout = node->layout, .dtype = node->layout->dtype };
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
    ag_range r = { .backward = row->back[k][p.constant][p.dtype == AG_F64], .to = dx, .dy = dy, .c = c, .d = q.d,
                .size = ag_bytes_of(p.dtype), .out_size = ag_bytes_of(p.dtype), .add = add,
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

typedef struct simple { /* dense operands of the node's shape, at most one a rank-0 f64 record */
    const ag_node *x[2];
    int kind; /* AG_ROW_ARRAYS ... */
    double c;
} simple;

static bool is_simple(const ag_tape *t, const ag_row *row, const ag_node *node, simple *o)
{
    *o = (simple){ { NULL, NULL }, AG_ROW_ARRAYS, t->records[node->id].partial[0] };
    if (!node->data || node->layout->rank == 0 || node->layout->size >= 4 * AG_GRAIN || row->flags & AG_ROW_VECTOR)
        return false;
    for (int i = 0; i < row->op.inputs; i++) {
        const ag_node *x = ag_node_or_null(t, node->input[i]);
        if (!x || !x->data) {
            if (o->kind != AG_ROW_ARRAYS)
                return false;
            o->kind = i ? AG_ROW_B_CONSTANT : AG_ROW_A_CONSTANT;
            o->c = t->records[AG_INDEX(node->input[i])].value;
        } else if (x->layout != node->layout && !(x->layout->dense && ag_layout_same_shape(x->layout, node->layout))) {
            return false;
        } else {
            o->x[i] = x;
        }
    }
    return true;
}

ag_status ag_row_back(ag_tape *t, const ag_row *row, uint32_t id, int k, void *dx, const void *dy, bool add)
{
    const ag_node *node = ag_node_at(t, id);
    simple o;
    if (!is_simple(t, row, node, &o))
        return back(t, row, id, k, dx, dy, add);
    int reads = row->reads >> k * AG_READS_SHIFT;
    for (int i = 0; i < row->op.inputs; i++) {
        bool unread = !o.x[i] || !(reads & (i ? AG_READS_B : AG_READS_A));
        if (AG_UNLIKELY(!unread && t->nodes[o.x[i]->owner].written > AG_INDEX(id)))
            return check_written(t, row, id, node->input[i], i);
    }
    row->back[k][o.kind][node->layout->dtype == AG_F64](node->layout->size, dx, dy, o.x[0] ? o.x[0]->data : NULL,
                                                       o.x[1] ? o.x[1]->data : NULL, node->data, o.c,
                                                       t->records[AG_INDEX(id)].partial[1], add);
    return AG_OK;
}
