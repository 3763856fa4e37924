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

/* Notes the op whose node was made last, for steps that will be in step with this one: see tape/echo.c. A number that is
 * one operand is read again. */
static AG_ASIDE void note(ag_tape *t, uint32_t op, const ag_row *row, int kind, const void *a, const void *b)
{
    ag_echo *e = ag_echo_noted(t);
    const ag_node *d = &t->nodes[t->node_count - 1];
    const uint32_t number = kind == AG_ROW_ARRAYS ? 0 : d->input[kind == AG_ROW_B_CONSTANT];
    if (t->no_grad)
        return;
    e->node = *d;
    e->run = row->forward[kind][d->layout->dtype == AG_F64];
    e->a = a;
    e->b = b;
    e->number = number & AG_TAG_RANKED ? ag_node_at(t, number)->data : NULL;
    e->record = number & AG_TAG_RANKED ? 0 : number;
    e->needs = number && ag_needs(t, number);
    e->bytes = (uint32_t)(t->arena.at - (char *)d->data);
    e->padded = row->flags & AG_ROW_VECTOR;
    e->straight = !number && !e->padded;
    e->op = op;
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
    if (AG_UNLIKELY(ag_echo_noted(t) != NULL))
        note(t, number, row, kind, a, b);
    if (AG_LIKELY(!(row->flags & AG_ROW_VECTOR)))
        forward(n, to, a, b, c, q.d);
    else
        run_padded(t, forward, size, (ag_range){ .to = to, .a = a, .b = b, .c = c, .d = q.d }, n);
    return y;
}

/* ---- in step with the last one: see echo.c */

/* Is its memory what comes next, and recording on? Nodes alone are compared: whether a number wants a gradient may differ. */
static inline bool fits(const ag_tape *t, const ag_echo *e)
{
    return (AG_LIKELY(!e->record) || ag_needs(t, e->record) == e->needs) && e->node.data == t->arena.at &&
           e->bytes <= (size_t)(t->arena.end - t->arena.at) && t->span < t->limit;
}

/* What is noted for the next place, if it is of this op on these operands. */
static inline const ag_echo *echo_of(const ag_tape *t, uint32_t op, uint32_t a, uint32_t b)
{
    const ag_echo *e = ag_echo_next(t, op);
    const bool same = e && e->node.input[0] == a && e->node.input[1] == b && fits(t, e);
    return AG_LIKELY(same) ? e : NULL;
}

static AG_ASIDE void run_otherwise(const ag_tape *t, const ag_echo *e, void *to, ag_row_params q)
{
    const int64_t n = e->node.layout->size;
    if (e->number)
        q.c = (double)*e->number;
    else if (e->record)
        q.c = t->records[e->record].value;
    if (!e->padded)
        e->run(n, to, e->a, e->b, q.c, q.d);
    else
        run_padded(t, e->run, ag_bytes_of(e->node.layout->dtype),
                   (ag_range){ .to = to, .a = e->a, .b = e->b, .c = q.c, .d = q.d }, n);
}

static inline ag_tensor repeat(ag_tape *t, const ag_echo *e, ag_row_params q)
{
    void *to = t->arena.at;
    const ag_tensor y = { t, e->node.id | AG_TAG_RANKED, (uint32_t)(t->base >> 32) };
    ag_echo_put(t, &e->node, e->header, q.c, q.d);
    t->arena.at += e->bytes;
    t->echoes.ops++;
    AG_ALLOW(to, e->bytes);
    if (AG_LIKELY(e->straight))
        e->run(e->node.layout->size, to, e->a, e->b, q.c, q.d);
    else
        run_otherwise(t, e, to, q);
    return y;
}

bool ag_row_plainly(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y)
{
    const bool binary = row->op.inputs == 2;
    double value = q.c, ignored;
    const ag_echo *echo = echo_of(t, number, ids[0], ids[1]);
    if (echo) { /* an operand's leaf was not there yet */
        *y = repeat(t, echo, q);
        return true;
    }
    if (t->waiting.pending || row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS))
        return false;
    if (AG_UNLIKELY(!ag_node_fits(t)) && !ag_make_room(t, 1)) {
        *y = ag_inert(t);
        return true;
    }
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

/* ---- what is found out in a few instructions: ops in step with the last one, arrays of one layout */

static inline bool is_quick(const ag_tape *t, const ag_row *row)
{
    return t->span < t->limit && t->node_count < t->node_capacity && t->stop_count < t->stop_capacity &&
           !t->waiting.pending && !(row->flags & (AG_ROW_TRUTH | AG_ROW_INTEGERS | AG_ROW_BOUNDS));
}

/* The operand's id, perhaps of its first use in the step; 0: ag_row_apply must look. */
static uint32_t operand_in_step(ag_tape *t, ag_tensor x)
{
    const uint32_t id = x.tape == t ? ag_quick_id(t, x) : 0;
    return id || x.tape != t ? id : ag_leaf_again(t, x);
}

/* What is noted for the next place, where an operand's leaf was not there yet. b: NULL of an op with one operand. */
static AG_ASIDE const ag_echo *echo_of_leaves(ag_tape *t, uint32_t number, ag_tensor a, const ag_tensor *b)
{
    if (t->span >= t->limit)
        return NULL;
    const uint32_t i = operand_in_step(t, a), k = i && b ? operand_in_step(t, *b) : 0;
    return i && (!b || k) ? echo_of(t, number, i, k) : NULL;
}

static inline bool may_be_in_step(const ag_tape *t)
{
    return t && t->node_count < t->echoes.end;
}

/* Out of the way, since its operands must lie in memory. */
static AG_ASIDE ag_tensor unary_otherwise(ag_tensor x, double c, uint32_t number)
{
    return ag_row_apply(number, &x, (ag_row_params){ c, 0 });
}

static AG_ASIDE ag_tensor unary_anew(ag_tensor x, double c, uint32_t number)
{
    ag_tape *t = x.tape;
    const ag_echo *e = may_be_in_step(t) ? echo_of_leaves(t, number, x, NULL) : NULL;
    if (e)
        return repeat(t, e, (ag_row_params){ c, 0 });
    const ag_row *row = (const ag_row *)ag_builtin[number - AG_OP_FIRST];
    const uint32_t ids[2] = { t ? ag_quick_id(t, x) : 0, 0 };
    if (AG_UNLIKELY(!(ids[0] & AG_TAG_RANKED) || !is_quick(t, row)))
        return unary_otherwise(x, c, number);
    const ag_node *d = ag_node_at(t, ids[0]);
    if (AG_UNLIKELY(!is_plain_layout(t, d->layout)))
        return unary_otherwise(x, c, number);
    return plain(t, number, row, AG_ROW_ARRAYS, d->layout, d->data, NULL, ids, c, (ag_row_params){ c, 0 });
}

static AG_ASIDE ag_tensor binary_otherwise(ag_tensor a, ag_tensor b, uint32_t number)
{
    return ag_row_apply(number, (const ag_tensor[]){ a, b }, (ag_row_params){ 0, 0 });
}

static AG_ASIDE ag_tensor binary_anew(ag_tensor a, ag_tensor b, uint32_t number)
{
    ag_tape *t = a.tape;
    if (AG_UNLIKELY(!t || b.tape != t))
        return binary_otherwise(a, b, number);
    const ag_echo *known = may_be_in_step(t) ? echo_of_leaves(t, number, a, &b) : NULL;
    if (known)
        return repeat(t, known, (ag_row_params){ 0, 0 });
    const ag_row *row = (const ag_row *)ag_builtin[number - AG_OP_FIRST];
    const uint32_t ids[2] = { ag_quick_id(t, a), ag_quick_id(t, b) };
    if (AG_UNLIKELY(!ids[0] || !ids[1] || !is_quick(t, row)))
        return binary_otherwise(a, b, number);
    if (ids[0] & ids[1] & AG_TAG_RANKED) {
        const ag_node *d = ag_node_at(t, ids[0]), *e = ag_node_at(t, ids[1]);
        const ag_layout *l = d->layout;
        if (AG_LIKELY(e->layout == l && l->rank && is_plain_layout(t, l)))
            return plain(t, number, row, AG_ROW_ARRAYS, l, d->data, e->data, ids, 0, (ag_row_params){ 0, 0 });
    }
    ag_tensor y;
    if ((ids[0] | ids[1]) & AG_TAG_RANKED && ag_row_plainly(t, number, row, ids, (ag_row_params){ 0, 0 }, &y))
        return y;
    return binary_otherwise(a, b, number);
}

/* Is x the node of this word, or the tensor of which it is the leaf? */
static inline bool is_word(const ag_tape *t, ag_tensor x, uint64_t word)
{
    uint64_t own = ag_word(x);
    return !((x.id & AG_TAG_PERSISTENT) && !ag_leaf_word(t, &own)) && own == word;
}

/* What is noted for the next place, if it is of this op on these operands, which are of the newest epoch. b: NULL of an op
 * with one operand. */
static inline const ag_echo *echo_of_tensors(const ag_tape *t, uint32_t op, ag_tensor a, const ag_tensor *b)
{
    const ag_echo *e = ag_echo_next(t, op);
    if (AG_UNLIKELY(!e))
        return NULL;
    const uint64_t epoch = t->base >> 32 << 32;
    const bool same = is_word(t, a, epoch | e->node.input[0]) && (!b || is_word(t, *b, epoch | e->node.input[1]));
    return AG_LIKELY(same && fits(t, e)) ? e : NULL;
}

/* All but an op in step has its place elsewhere: what that keeps in registers would have to be saved here. */
ag_tensor ag_row_unary(ag_tensor x, double c, uint32_t number)
{
    const ag_echo *e = AG_LIKELY(x.tape != NULL) ? echo_of_tensors(x.tape, number, x, NULL) : NULL;
    return AG_LIKELY(e != NULL) ? repeat(x.tape, e, (ag_row_params){ c, 0 }) : unary_anew(x, c, number);
}

ag_tensor ag_row_binary(ag_tensor a, ag_tensor b, uint32_t number)
{
    ag_tape *t = a.tape;
    const ag_echo *e = AG_LIKELY(t && b.tape == t) ? echo_of_tensors(t, number, a, &b) : NULL;
    return AG_LIKELY(e != NULL) ? repeat(t, e, (ag_row_params){ 0, 0 }) : binary_anew(a, b, number);
}
