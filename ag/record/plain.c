/* The plain way of elementwise ops: dense floating operands of one shape and dtype, or one with a number, and not many
 * elements. Most ops of small models are of this kind, and it takes longer to find out what an op is than to run it. */
#include "ag/record/record.h"

static inline bool is_plain_layout(const ag_tape *t, const ag_layout *l)
{
    return l->dense && l->size < t->waiting.plain_below && ag_is_float(l->dtype);
}

static AG_ASIDE void run_padded(const ag_tape *t, ag_row_forward *forward, size_t size, ag_range r, int64_t n)
{
    r.forward = forward;
    r.size = r.out_size = size;
    r.padded = true;
    ag_range_run(&r, n, t->options.threads);
}

/* Where there is room for a node. a, b: the operands that are arrays; c: the op's constant, or the operand that is a
 * number. The node comes first: then nothing has to be kept over the kernel. */
static inline ag_tensor plain(ag_tape *t, uint32_t number, const ag_row *row, int kind, const ag_layout *l,
                              const void *a, const void *b, const uint32_t *ids, double c, ag_row_params q)
{
    const bool wide = l->dtype == AG_F64;
    const size_t size = wide ? 8 : 4;
    const int64_t n = l->size;
    void *to = ag_scratch(t, (size_t)n * size);
    if (AG_UNLIKELY(!to))
        return ag_inert(t);
    ag_row_forward *forward = row->forward[kind][wide];
    const ag_tensor y = ag_row_put(t, number, row, l, to, ids[0], ids[1], q);
    if (AG_LIKELY(!(row->flags & AG_ROW_VECTOR)))
        forward(n, to, a, b, c, q.d);
    else
        run_padded(t, forward, size, (ag_range){ .to = to, .a = a, .b = b, .c = c, .d = q.d }, n);
    return y;
}

bool ag_row_plainly(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y)
{
    const bool binary = row->op.inputs == 2;
    double value = q.c, ignored;
    if (t->waiting.pending || row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS) ||
        (AG_UNLIKELY(!ag_node_fits(t)) && !ag_make_room(t, 1)))
        return false;
    const int array = binary && ag_number_at(t, ids[0], &value);
    if (!(ids[array] & AG_TAG_RANKED) || (array && ag_number_at(t, ids[1], &ignored)))
        return false;
    const ag_node *d = ag_node_at(t, ids[array]), *e = NULL;
    const ag_layout *l = d->layout;
    int kind = array ? AG_ROW_A_CONSTANT : AG_ROW_ARRAYS;
    if (!is_plain_layout(t, l) || (binary && !l->rank))
        return false;
    if (binary && !array && ag_number_at(t, ids[1], &value)) {
        kind = AG_ROW_B_CONSTANT;
    } else if (binary && !array) {
        e = ag_node_at(t, ids[1]);
        const ag_layout *m = e->layout;
        if (l != m && (!m->dense || m->dtype != l->dtype || !ag_layout_same_shape(l, m)))
            return false;
    }
    *y = plain(t, number, row, kind, l, array ? NULL : d->data, array ? d->data : e ? e->data : NULL, ids, value, q);
    return true;
}

/* ---- what is found out in a few instructions: arrays of one layout */

static inline bool is_quick(const ag_tape *t, const ag_row *row)
{
    return t->span < t->limit && t->node_count < t->node_capacity && t->stop_count < t->stop_capacity &&
           !t->waiting.pending && !(row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS | AG_ROW_BOUNDS));
}

static AG_ASIDE ag_tensor unary_otherwise(uint32_t number, ag_tensor x, double c)
{
    return ag_row_apply(number, &x, (ag_row_params){ c, 0 });
}

ag_tensor ag_row_unary(uint32_t number, ag_tensor x, double c)
{
    const ag_row *row = (const ag_row *)ag_builtin[number - AG_OP_FIRST];
    ag_tape *t = x.tape;
    if (AG_UNLIKELY(!t || !is_quick(t, row)))
        return unary_otherwise(number, x, c);
    const uint32_t id = ag_quick_id(t, x);
    if (AG_UNLIKELY(!(id & AG_TAG_RANKED)))
        return unary_otherwise(number, x, c);
    const ag_node *d = ag_node_at(t, id);
    if (AG_UNLIKELY(!is_plain_layout(t, d->layout)))
        return unary_otherwise(number, x, c);
    const uint32_t ids[2] = { id, 0 };
    return plain(t, number, row, AG_ROW_ARRAYS, d->layout, d->data, NULL, ids, c, (ag_row_params){ c, 0 });
}

static AG_ASIDE ag_tensor binary_otherwise(uint32_t number, ag_tensor a, ag_tensor b)
{
    return ag_row_apply(number, (const ag_tensor[]){ a, b }, (ag_row_params){ 0, 0 });
}

ag_tensor ag_row_binary(uint32_t number, ag_tensor a, ag_tensor b)
{
    const ag_row *row = (const ag_row *)ag_builtin[number - AG_OP_FIRST];
    ag_tape *t = a.tape;
    if (AG_UNLIKELY(!t || b.tape != t || !is_quick(t, row)))
        return binary_otherwise(number, a, b);
    const uint32_t i = ag_quick_id(t, a), k = ag_quick_id(t, b);
    if (AG_UNLIKELY(!(i & k & AG_TAG_RANKED)))
        return binary_otherwise(number, a, b);
    const ag_node *d = ag_node_at(t, i), *e = ag_node_at(t, k);
    const ag_layout *l = d->layout;
    if (AG_UNLIKELY(e->layout != l || !l->rank || !is_plain_layout(t, l)))
        return binary_otherwise(number, a, b);
    const uint32_t ids[2] = { i, k };
    return plain(t, number, row, AG_ROW_ARRAYS, l, d->data, e->data, ids, 0, (ag_row_params){ 0, 0 });
}
