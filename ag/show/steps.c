/* The backward pass as a reader does it: one contribution after the other. Values of adjoints are those of ag_backward;
 * hooks are not called, and no gradient of the tape changes. */
#include "ag/show/show.h"

typedef struct adjoint {
    void *data; /* dense; NULL: nothing has arrived */
    double number;
} adjoint;

struct ag_steps {
    const ag_look *g;
    ag_tape *t;
    adjoint *at; /* by index */
    ag_step_see *see;
    void *user;
};

static ag_array array_at(const ag_steps *p, uint32_t i)
{
    return ag_layout_dense(ag_layout_at(p->t, i), p->at[i].data);
}

/* Is the node a rank-0 f64, whose adjoint lies in the table? */
static bool in_table(const ag_steps *p, uint32_t i)
{
    const ag_layout *l = ag_layout_at(p->t, i);
    return !l->rank && l->dtype == AG_F64;
}

/* Adds what arrives, which stays where it is, to the operand's adjoint. */
static void accumulate(ag_steps *p, ag_step *s, const ag_array *arrives)
{
    adjoint *to = &p->at[s->to];
    if (!to->data && in_table(p, s->to)) {
        to->data = &to->number;
        to->number = 0;
    }
    s->contribution = ag_look_measure(arrives);
    if (!to->data) { /* its own memory, which lasts as long as the pass */
        to->data = arrives->data;
        s->before = 0;
    } else {
        ag_array sum = array_at(p, s->to);
        s->before = ag_look_measure(&sum);
        ag_reduce_to(&sum, arrives, true, p->t->options.threads);
    }
    ag_array after = array_at(p, s->to);
    s->after = ag_look_measure(&after);
    p->see(p->user, s, 0, NULL);
}

static void visit_record(ag_steps *p, uint32_t i)
{
    const ag_record *r = &p->t->records[i];
    const double g = p->at[i].number;
    const int inputs = ag_op_at(p->t, p->t->headers[i].op)->inputs;
    for (int k = 0; k < inputs; k++) {
        ag_step s = { .from = i, .to = AG_INDEX(r->parent[k]), .operand = k, .numbers = true };
        if (!ag_needs(p->t, s.to))
            continue;
        double arrives = ag_push_number(p->t, i, k, g);
        s.upstream = g;
        s.local = r->partial[k];
        accumulate(p, &s, &(ag_array){ .data = &arrives, .dtype = AG_F64 });
    }
}

/* Derivatives of a number by numbers, where the op is no record; without data else. */
static ag_status local_numbers(ag_steps *p, uint32_t i, int outputs, int count, const uint32_t *inputs, ag_array *local)
{
    bool any = false;
    memset(local, 0, (size_t)count * sizeof *local);
    for (int k = 0; k < count; k++)
        any |= ag_needs(p->t, inputs[k]) && ag_look_single(p->t, inputs[k]);
    return outputs == 1 && any && ag_look_single(p->t, i) ? ag_push_one(p->t, i, 0, 0, local) : AG_OK;
}

/* The output of the op from which the steps begin: the first in which something arrived. */
static uint32_t arrived_at(const ag_steps *p, uint32_t i, int outputs)
{
    for (int k = 0; k < outputs; k++)
        if (p->at[i + (uint32_t)k].data)
            return i + (uint32_t)k;
    return 0;
}

static ag_status visit_node(ag_steps *p, uint32_t i)
{
    ag_tape *t = p->t;
    const uint32_t *inputs;
    const int outputs = ag_op_results(ag_op_at(t, t->headers[i].op)), count = ag_look_inputs(t, i, &inputs);
    const size_t room = (size_t)outputs + 2 * (size_t)count;
    const uint32_t from = arrived_at(p, i, outputs);
    ag_array *dy = ag_scratch(t, room * sizeof *dy), *dx = dy + outputs, *local = dx + count, upstream;
    if (!dy)
        return t->error.status;
    for (int k = 0; k < outputs; k++)
        dy[k] = array_at(p, i + (uint32_t)k);
    ag_status status = ag_push(t, i, dy, dx);
    ag_look_inputs(t, i, &inputs); /* the table may have moved */
    if (!status)
        status = local_numbers(p, i, outputs, count, inputs, local);
    for (int k = 0; k < count && !status; k++) {
        ag_look_inputs(t, i, &inputs);
        ag_step s = { .from = from, .to = AG_INDEX(inputs[k]), .operand = k };
        if (!dx[k].data)
            continue;
        upstream = array_at(p, from);
        s.upstream = ag_look_measure(&upstream);
        s.numbers = local[k].data && ag_look_single(t, s.to);
        if (s.numbers)
            s.local = ag_array_get(&local[k], 0);
        accumulate(p, &s, &dx[k]);
    }
    return status;
}

static ag_status visit(ag_steps *p, uint32_t i)
{
    ag_tape *t = p->t;
    const uint16_t op = t->headers[i].op;
    const int outputs = op >= AG_OP_FIRST ? ag_op_results(ag_op_at(t, op)) : 1;
    if (op == AG_OP_OUTPUT || !arrived_at(p, i, outputs)) /* outputs are met at their op */
        return AG_OK;
    for (int k = outputs - 1; k >= 0; k--)
        if (p->at[i + (uint32_t)k].data) {
            ag_array a = array_at(p, i + (uint32_t)k);
            p->see(p->user, NULL, i + (uint32_t)k, &a);
        }
    if (op < AG_OP_FIRST || !ag_op_needs(t, i))
        return AG_OK;
    if (t->headers[i].flags & AG_HAS_NODE)
        return visit_node(p, i);
    visit_record(p, i);
    return AG_OK;
}

static ag_status seed(ag_steps *p, int64_t element)
{
    const ag_layout *l = ag_layout_at(p->t, p->g->y);
    adjoint *y = &p->at[p->g->y];
    y->data = in_table(p, p->g->y) ? &y->number : ag_scratch(p->t, ag_layout_bytes(l));
    if (!y->data)
        return p->t->error.status;
    ag_array one = array_at(p, p->g->y);
    ag_fill_array(&one, 0);
    one.data = (char *)one.data + (size_t)element * ag_bytes_of(l->dtype);
    one.shape = AG_SCALAR;
    ag_fill_array(&one, 1);
    return AG_OK;
}

ag_status ag_steps_run(const ag_look *g, int64_t element, ag_step_see *see, void *user)
{
    ag_tape *t = g->t;
    ag_steps p = { .g = g, .t = t, .see = see, .user = user };
    const size_t bytes = ((size_t)g->top + 1) * sizeof *p.at;
    ag_aside aside;
    if (!ag_needs(t, g->y))
        return AG_OK;
    p.at = ag_pool_take(t, bytes);
    if (!p.at)
        return t->error.status;
    memset(p.at, 0, bytes);
    ag_status status = ag_aside_begin(t, &aside) ? AG_OK : t->error.status;
    if (!status) {
        status = seed(&p, element);
        for (uint32_t i = g->top; i && !status; i--)
            status = visit(&p, i);
        ag_aside_end(t, &aside);
    }
    ag_pool_give(t, p.at, bytes);
    return status;
}
