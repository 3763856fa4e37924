/* The derivative along the direct edges between two nodes. */
#include "ag/backward/backward.h"

static bool same_tensor(ag_tape *t, uint32_t input, ag_tensor x, uint32_t id)
{
    if (!(x.id & AG_TAG_PERSISTENT))
        return AG_INDEX(input) == AG_INDEX(id);
    if (t->headers[AG_INDEX(input)].op != AG_OP_PERSISTENT)
        return false;
    return ag_leaf_slot(t, input) == AG_INDEX(x.id);
}

static ag_tensor local_by_rule(ag_tape *t, uint32_t y, ag_tensor x, uint32_t id)
{
    ag_call c;
    uint32_t ids[3];
    double constants[2];
    ag_tensor few[AG_FEW] = { 0 }, *dy = few, sum = { 0 };
    ag_call_of(t, y, &c, ids, constants);
    const ag_layout *l = ag_layout_at(t, id), *ly = ag_layout_at(t, y);
    size_t wanted = (size_t)c.count + 1;
    if (c.outputs > 1) {
        ag_call_fail(&c, AG_EUSE, "ag_local takes ops of one output");
        return ag_inert(t);
    }
    if (wanted > AG_FEW)
        dy = ag_scratch(t, wanted * sizeof *dy);
    if (!dy)
        return ag_inert(t);
    memset(dy, 0, wanted * sizeof *dy);
    bool edge = false;
    for (int k = 0; k < c.count; k++)
        edge |= same_tensor(t, c.inputs[k], x, id);
    if (edge && c.op->vjp) {
        c.all_needed = true;
        dy[0] = ag_ones(t, ly->dtype, ag_layout_shape(ly));
        c.op->vjp(&c, dy, dy + 1);
    }
    for (int k = 0; k < c.count; k++)
        if (edge && same_tensor(t, c.inputs[k], x, id) && dy[1 + k].tape)
            sum = sum.tape ? ag_add(sum, dy[1 + k]) : dy[1 + k];
    if (!sum.tape)
        return ag_zeros(t, l->dtype, ag_layout_shape(l));
    ag_array a, to = ag_layout_array(l, NULL);
    uint32_t got = ag_resolve(t, sum, "ag_local", 0);
    if (!got)
        return ag_inert(t);
    a = ag_array_of(t, got);
    if (ag_shape_equal(a.shape, to.shape) && a.dtype == to.dtype)
        return sum;
    ag_tensor reduced = ag_zeros(t, l->dtype, ag_layout_shape(l));
    if (!reduced.id)
        return reduced;
    a = ag_array_of(t, got);
    to = ag_array_of(t, reduced.id);
    ag_reduce_to(&to, &a, false, t->options.threads);
    return reduced;
}

ag_tensor ag_local(ag_tensor y, ag_tensor x)
{
    ag_tape *t = y.tape;
    if (!t)
        return ag_inert(x.tape);
    uint32_t id = ag_resolve(t, x, "ag_local", 2), to = id ? ag_resolve(t, y, "ag_local", 1) : 0;
    if (!to)
        return ag_inert(t);
    uint32_t i = AG_INDEX(to);
    if (t->headers[i].op == AG_OP_OUTPUT) {
        ag_fail(t, AG_EUSE, "ag_local takes ops of one output");
        return ag_inert(t);
    }
    if (t->headers[i].op < AG_OP_FIRST) {
        const ag_layout *l = ag_layout_at(t, id);
        return ag_zeros(t, l->dtype, ag_layout_shape(l));
    }
    if (t->headers[i].flags & AG_HAS_NODE) {
        if (t->in_pass) {
            ag_fail(t, AG_EUSE, "ag_local: not inside an op's rule");
            return ag_inert(t);
        }
        ag_no_grad_begin(t);
        t->busy++;
        t->in_pass = true;
        ag_tensor d = local_by_rule(t, to, x, id);
        t->in_pass = false;
        t->busy--;
        ag_no_grad_end(t);
        return d;
    }
    const ag_record *r = &t->records[i];
    double d = 0;
    for (int k = 0; k < ag_op_at(t, t->headers[i].op)->inputs; k++)
        if (same_tensor(t, r->parent[k], x, id))
            d += r->partial[k];
    return ag_scalar_new(t, AG_OP_CONSTANT, d);
}
