/* Recording elementwise ops that are table rows: on rank-0 f64 records, on dense arrays, and block by block
 * on others. */
#include "ag/record/record.h"

/* ---- operands */

ag_operand ag_operand_at(const ag_tape *t, uint32_t id)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (ag_is_number(d))
        return (ag_operand){ id, &ag_scalar_layouts[AG_F64], NULL, t->records[AG_INDEX(id)].value, true };
    ag_operand o = { id, d->layout, d->data, 0, d->layout->rank == 0 };
    if (AG_UNLIKELY(o.scalar)) {
        ag_array a = ag_layout_array(d->layout, d->data);
        o.value = ag_array_get(&a, 0);
    }
    return o;
}

/* Of integers the wider type; the float's, where one is; of floats the one that both have. Those of rank 0 take the other
 * one's. */
static bool dtype_of_pair(ag_operands *p)
{
    const ag_operand *a = &p->x[0], *b = &p->x[p->count - 1];
    const ag_dtype d = a->layout->dtype, e = b->layout->dtype;
    const bool real = ag_is_float(d);
    p->dtype = d;
    if (d == e)
        return true;
    if (real != ag_is_float(e))
        p->dtype = real ? d : e;
    else if (!real)
        p->dtype = ag_bytes_of(d) > ag_bytes_of(e) ? d : e;
    else
        p->dtype = a->scalar && b->scalar ? AG_F64 : a->scalar ? e : d;
    return !real || !ag_is_float(e) || a->scalar || b->scalar;
}

static AG_COLD void describe(ag_tape *t, const ag_operands *p, char *text, size_t bytes)
{
    ag_array x[2];
    for (int k = 0; k < p->count; k++)
        x[k] = ag_array_of(t, p->x[k].id);
    uint32_t ids[2] = { p->x[0].id, p->x[1].id };
    ag_call c = { .tape = t, .inputs = ids, .count = p->count };
    ag_operand_text(&c, x, text, bytes);
}

void ag_row_complain(ag_tape *t, const ag_row *row, const ag_operands *p, ag_status s, const char *what)
{
    char text[512];
    describe(t, p, text, sizeof text);
    ag_fail(t, s, "ag_%s: %s%s", row->op.name, text, what);
}

/* [n,1] and [n], which broadcast to [n,n]: as a rule a target that lacks, or a prediction that has, a dimension. */
static AG_COLD void watch_shapes(ag_tape *t, const ag_row *row, const ag_operands *p)
{
    const ag_layout *a = p->x[0].layout, *b = p->x[1].layout;
    char text[512], shape[128];
    if (a->size != b->size || a->rank == b->rank || !a->rank || !b->rank || p->layout->size <= a->size ||
        !ag_warn_first(t, AG_WARN_PAIRS))
        return;
    describe(t, p, text, sizeof text);
    ag_warn(t,
            "ag_%s: %s broadcast to %s, each element with every other; where they belong together one by one, "
            "ag_squeeze or ag_reshape makes their shapes equal",
            row->op.name, text, ag_shape_text(ag_layout_shape(p->layout), shape, sizeof shape));
}

/* Says which extents do not meet, and where one operand lacks a last dimension, what gives it one. */
static AG_COLD void refuse_shapes(ag_tape *t, const ag_row *row, const ag_operands *p)
{
    const ag_layout *a = p->x[0].layout, *b = p->x[1].layout;
    char what[192];
    int64_t x = 1, y = 1;
    for (int i = 1; x == y || x == 1 || y == 1; i++) { /* they do not broadcast: there is such a pair */
        x = a->dim[a->rank - i];
        y = b->dim[b->rank - i];
    }
    const ag_layout *shorter = a->rank < b->rank ? a : b, *longer = shorter == a ? b : a;
    bool lacks = shorter->rank == longer->rank - 1;
    for (int i = 0; i < shorter->rank; i++)
        lacks &= shorter->dim[i] == longer->dim[i];
    snprintf(what, sizeof what, " do not broadcast: extent %lld meets %lld, counted from the last dimension%s",
             (long long)x, (long long)y,
             !lacks         ? ""
             : shorter == a ? "; ag_unsqueeze(a, -1) would fit"
                            : "; ag_unsqueeze(b, -1) would fit");
    ag_row_complain(t, row, p, AG_ESHAPE, what);
}

/* Is the operand as it lies what a kernel takes for an array? A floating number is made one. */
static bool fits(const ag_operand *x, ag_dtype d)
{
    return x->layout->dense && (x->layout->dtype == d || (x->scalar && ag_is_float(d)));
}

/* Fills in what follows from the operands; false: reported. */
static bool match(ag_tape *t, const ag_row *row, ag_operands *p)
{
    if (!dtype_of_pair(p)) {
        ag_row_complain(t, row, p, AG_EDTYPE, " differ in dtype; see ag_cast");
        return false;
    }
    const char *lack;
    if (!ag_row_defined(row, p->dtype, &lack)) {
        ag_row_complain(t, row, p, AG_EDTYPE, lack);
        return false;
    }
    const ag_operand *a = &p->x[0], *b = &p->x[1];
    p->constant = AG_ROW_ARRAYS;
    if (p->count == 2 && ag_is_float(p->dtype)) /* a double does not hold every integer */
        p->constant = b->scalar ? AG_ROW_B_CONSTANT : a->scalar ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
    const ag_operand *only = p->count == 1 || p->constant == AG_ROW_B_CONSTANT ? a : p->constant ? b : NULL;
    bool same = only || ag_layout_same_shape(a->layout, b->layout);
    p->dense = same && (only ? fits(only, p->dtype) : fits(a, p->dtype) && fits(b, p->dtype));
    const ag_layout *model = only ? only->layout : a->layout;
    ag_dtype result = row->flags & AG_ROW_TRUTH ? AG_U8 : p->dtype;
    if (AG_LIKELY(p->dense && model->dtype == result)) {
        p->layout = model;
        return true;
    }
    ag_shape shape = ag_layout_shape(model);
    if (!same && !ag_shape_broadcast(shape, ag_layout_shape(b->layout), &shape)) {
        refuse_shapes(t, row, p);
        return false;
    }
    p->layout = ag_layout_new(t, result, shape);
    if (AG_UNLIKELY(t->options.debug && !same && p->layout))
        watch_shapes(t, row, p);
    return p->layout;
}

/* ---- forward */

static void forward_strided(ag_tape *t, const ag_operands *p, ag_range r, ag_dtype work, void *to)
{
    ag_array out = ag_layout_dense(p->layout, to), in[2], none = { 0 };
    const ag_array *arrays[5] = { &out, &none, &none, &none, &none };
    for (int k = 0; k < p->count; k++) {
        if (p->constant == (k ? AG_ROW_B_CONSTANT : AG_ROW_A_CONSTANT))
            continue;
        ag_layout_expand(p->x[k].layout, p->x[k].data, p->layout, &in[k]);
        arrays[2 + k] = &in[k];
    }
    ag_range_walk(&r, work, arrays, t->options.threads);
}

static void forward(ag_tape *t, const ag_row *row, const ag_operands *p, ag_row_params q, void *to)
{
    const ag_dtype work = p->dtype;
    double c = p->constant == AG_ROW_B_CONSTANT   ? p->x[1].value
               : p->constant == AG_ROW_A_CONSTANT ? p->x[0].value
                                                  : q.c;
    ag_range r = { .forward =
                       ag_is_float(work) ? row->forward[p->constant][work == AG_F64] : row->integers[work - AG_I32],
                   .to = to,
                   .c = c,
                   .d = q.d,
                   .size = ag_bytes_of(work),
                   .out_size = ag_bytes_of(p->layout->dtype),
                   .padded = row->flags & AG_ROW_VECTOR };
    _Alignas(8) char number[8] = { 0 }; /* the array of one element where both operands are rank 0 */
    const void *data[2] = { p->x[0].data, p->count == 2 ? p->x[1].data : NULL };
    int array = p->constant == AG_ROW_A_CONSTANT ? 1 : 0;
    if (ag_is_float(work) && p->x[array].scalar && (!data[array] || p->x[array].layout->dtype != work)) {
        ag_array one = ag_dense_array(AG_SCALAR, work, number);
        ag_fill_array(&one, p->x[array].value);
        data[array] = number;
    } else if (!p->dense) {
        forward_strided(t, p, r, work, to);
        return;
    }
    r.a = p->constant == AG_ROW_A_CONSTANT ? NULL : data[0];
    r.b = p->constant == AG_ROW_B_CONSTANT ? NULL : data[1];
    ag_range_run(&r, p->layout->size, t->options.threads);
}

/* all operands are rank-0 f64: a record, or a node that holds the second constant, or under no-grad a constant */
static ag_tensor record(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q)
{
    bool binary = row->op.inputs == 2;
    double x[2] = { t->records[ids[0]].value, binary ? t->records[ids[1]].value : 0 }, out[3];
    row->scalar(x, q.c, q.d, out);
    if (t->no_grad)
        return ag_scalar_new(t, AG_OP_CONSTANT, out[0]);
    bool needs = ag_needs(t, ids[0]) || (binary && ag_needs(t, ids[1]));
    needs &= !(row->flags & AG_NO_GRADIENT);
    if (row->flags & AG_ROW_TWO) {
        ag_tensor y = ag_node_new(t, number, &ag_scalar_layouts[AG_F64], NULL, ids, 1, needs);
        if (y.id) {
            t->records[y.id].value = out[0];
            memcpy(t->records[y.id].partial, &q, sizeof q);
        }
        return y;
    }
    if (AG_UNLIKELY(t->span >= t->room) && !ag_make_room(t, 1))
        return ag_inert(t);
    uint32_t self = ag_next(t);
    t->records[self] = binary ? (ag_record){ { ids[0], ids[1] }, { out[1], out[2] }, out[0] }
                              : (ag_record){ { ids[0], self }, { out[1], q.c }, out[0] };
    t->headers[self] = (ag_header){ (uint16_t)number, needs ? AG_NEEDS : 0 };
    t->span++;
    return (ag_tensor){ t, self, (uint32_t)(t->base >> 32) };
}

/* Is there an operand that may be pending, or a result that may wait? */
static bool is_large(const ag_tape *t, const uint32_t *ids, int count)
{
    return t->waiting.pending || ag_layout_at(t, ids[0])->size >= t->waiting.from ||
           (count == 2 && ag_layout_at(t, ids[1])->size >= t->waiting.from);
}

/* Aside: what it keeps on the stack would cost the ops that need none of it. */
static AG_ASIDE ag_tensor ranked(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q)
{
    ag_operands p;
    ag_tensor later;
    p.count = row->op.inputs;
    if (AG_UNLIKELY(!ag_node_fits(t)) && !ag_make_room(t, 1))
        return ag_inert(t);
    if (AG_UNLIKELY(is_large(t, ids, p.count)) && ag_chain_row(t, number, row, ids, q, &later))
        return later;
    for (int k = 0; k < p.count; k++)
        p.x[k] = ag_operand_at(t, ids[k]);
    ag_row_params settled = q;
    if (!match(t, row, &p) || (!ag_is_float(p.dtype) && !ag_row_integers(t, row, &p, &settled)))
        return ag_inert(t);
    bool scalar = p.layout == &ag_scalar_layouts[AG_F64]; /* of rank-0 operands of other dtypes */
    double value;
    void *to = scalar ? &value : ag_scratch(t, ag_layout_bytes(p.layout));
    if (AG_UNLIKELY(!to))
        return ag_inert(t);
    forward(t, row, &p, settled, to);
    const ag_tensor y = ag_row_put(t, number, row, p.layout, scalar ? NULL : to, ids[0], ids[1], q);
    if (scalar)
        t->records[y.id].value = value;
    return y;
}

/* An op, shown to observers from its begin to its end. */
static AG_COLD ag_tensor observed(ag_tape *t, uint32_t number, const ag_tensor *operands, ag_row_params q)
{
    const ag_row *row = (const ag_row *)ag_op_at(NULL, number);
    uint32_t ids[2] = { 0, 0 };
    ag_observe_enter(t, NULL);
    ag_observe_aside(t);
    ag_tensor y = ag_row_apply(number, operands, q);
    ag_observe_again(t);
    for (int k = 0; k < row->op.inputs && y.id; k++)
        ids[k] = ag_resolve(t, operands[k], row->function, k + 1);
    const ag_call c = { .tape = t,
                        .op = &row->op,
                        .params = &q,
                        .inputs = ids,
                        .id = AG_INDEX(y.id),
                        .count = row->op.inputs,
                        .outputs = 1 };
    if (y.id && ag_observe_computed(&c))
        y = ag_inert(t);
    ag_observe_leave(t, NULL);
    return y;
}

ag_tensor ag_row_apply(uint32_t number, const ag_tensor *operands, ag_row_params q)
{
    const ag_row *row = (const ag_row *)ag_op_at(NULL, number);
    const int count = row->op.inputs;
    ag_tape *t = operands[0].tape;
    ag_tensor y;
    if (AG_UNLIKELY(!t || (count == 2 && operands[1].tape != t))) {
        t = ag_common_tape(operands, (size_t)count, row->function);
        if (!t)
            return ag_inert(operands[0].tape);
    }
    if (AG_UNLIKELY(t->observed))
        return observed(t, number, operands, q);
    uint32_t ids[2] = { 0, 0 };
    for (int k = 0; k < count; k++) {
        if (AG_LIKELY(operands[k].tape == t))
            ids[k] = ag_quick_id(t, operands[k]);
        if (AG_UNLIKELY(!ids[k]))
            ids[k] = ag_resolve(t, operands[k], row->function, count == 1 ? 0 : k + 1);
        if (!ids[k])
            return ag_inert(t);
    }
    if (AG_UNLIKELY(row->flags & AG_ROW_BOUNDS && !(q.c <= q.d))) {
        ag_fail(t, AG_EARG, "ag_%s: the bounds %g and %g are not in order", row->op.name, q.c, q.d);
        return ag_inert(t);
    }
    if (!((ids[0] | ids[1]) & AG_TAG_RANKED) && !(row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS)))
        return record(t, number, row, ids, q);
    return AG_LIKELY(ag_row_plainly(t, number, row, ids, q, &y)) ? y : ranked(t, number, row, ids, q);
}
