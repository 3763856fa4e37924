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

/* The vjp along the edges from x alone, with an adjoint of ones, summed into `to`, which has x's shape. */
static ag_status run_rule(ag_tape *t, uint32_t y, ag_tensor x, uint32_t id, const ag_array *to)
{
    ag_rule r;
    bool add = false;
    if (!ag_rule_begin(t, y, NULL, &r))
        return t->error.status;
    const ag_layout *l = ag_layout_at(t, y);
    r.call.all_needed = true;
    r.dy[0] = ag_ones(t, l->dtype, ag_layout_shape(l));
    for (int k = 1; k < r.call.outputs; k++) { /* saved ones */
        l = ag_layout_at(t, y + (uint32_t)k);
        r.dy[k] = ag_zeros(t, l->dtype, ag_layout_shape(l));
    }
    ag_status status = t->error.status ? t->error.status : ag_rule_run(&r);
    for (int k = 0; k < r.call.count && !status; k++) {
        uint32_t dx;
        if (!same_tensor(t, r.call.inputs[k], x, id))
            continue;
        status = ag_rule_result(&r, k, &dx);
        if (status || !dx)
            continue;
        ag_array a = ag_array_of(t, dx);
        ag_reduce_to(to, &a, add, t->options.threads);
        add = true;
    }
    if (!add)
        ag_fill_array(to, 0);
    return status;
}

static bool has_edge(ag_tape *t, uint32_t y, ag_tensor x, uint32_t id)
{
    const ag_node *d = ag_node_at(t, y);
    const uint32_t *inputs = ag_node_inputs(d);
    for (int k = 0; k < d->inputs; k++)
        if (same_tensor(t, inputs[k], x, id))
            return true;
    return false;
}

/* By the rule of the op of y, of which nothing is left but the result. */
static ag_tensor local_by_rule(ag_tape *t, uint32_t y, ag_tensor x, uint32_t id)
{
    const ag_layout *l = ag_layout_at(t, id);
    ag_array to = ag_layout_dense(l, NULL);
    ag_interlude rule;
    if (ag_op_at(t, t->headers[y].op)->outputs > 1) {
        ag_fail(t, AG_EUSE, "ag_local takes ops of one output");
        return ag_inert(t);
    }
    if (!has_edge(t, y, x, id) || !ag_op_at(t, t->headers[y].op)->vjp)
        return ag_zeros(t, l->dtype, to.shape);
    to.data = ag_scratch(t, ag_layout_bytes(l));
    if (!to.data || !ag_interlude_begin(t, &rule))
        return ag_inert(t);
    ag_no_grad_begin(t);
    t->busy++;
    ag_status status = run_rule(t, y, x, id, &to);
    t->busy--;
    ag_interlude_end(t, &rule);
    ag_suspects_end(t, &(ag_suspects){ 0 }); /* of a pass within the rule: there is none around it */
    return status ? ag_inert(t) : ag_constant_of(t, &to);
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
    if (t->headers[i].flags & AG_HAS_NODE) /* whose rule, on its own op, would call itself for ever */
        return ag_check_place(t, to, false, "ag_local") ? ag_inert(t) : local_by_rule(t, i, x, id);
    const ag_record *r = &t->records[i];
    double d = 0;
    for (int k = 0; k < ag_op_at(t, t->headers[i].op)->inputs; k++)
        if (same_tensor(t, r->parent[k], x, id))
            d += r->partial[k];
    return ag_scalar_new(t, AG_OP_CONSTANT, d);
}
