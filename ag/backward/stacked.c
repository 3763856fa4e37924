/* Plain passes side by side, one for each of several adjoints of one tensor: the ops of a pass.
 *
 * A node's adjoints lie one after the other in a stack, and an op is visited with all of them before the next op's turn
 * comes: what a pass costs beside its kernels is paid once. The general way shows one adjoint after the other to the
 * visit of a plain pass, so that every op has it and gives the same bits. Elementwise ops on arrays of one shape run their
 * kernels on one adjoint after the other, with the same bits; ops that are AG_STACKED take the whole stack, which makes
 * one larger product of matrices: equal but for rounding. Where passes would differ in more than numbers, since an
 * adjoint is not finite or a rule gives nothing for some of them, this one ends and they are made by themselves. */
#include "ag/backward/stacked.h"

void *ag_stack_place(ag_pass *s, const ag_node *d)
{
    char *stack = ag_stack_of(s, d->id);
    return stack ? stack + (size_t)s->stacks->now * ag_layout_bytes(d->layout) : NULL;
}

/* ---- one visit after the other */

/* The tables of a pass show what has arrived in the visited one. */
static void show(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, i);
    char *stack = ag_stack_is_full(s, i) ? s->stacks->at[i - s->stacks->low] : NULL;
    if (stack)
        stack += (size_t)s->stacks->now * ag_slice_bytes(t, i);
    if (!ag_is_number(d))
        d->adjoint = stack;
    else
        t->adjoints[i] = stack ? *(double *)(void *)stack : 0;
    s->stacks->shown[i - s->stacks->low] = true;
}

static void hide(ag_pass *s, uint32_t i)
{
    ag_node *d = ag_node_or_null(s->t, i);
    if (d)
        d->adjoint = NULL;
    s->t->adjoints[i] = 0;
    s->stacks->shown[i - s->stacks->low] = false;
}

/* What has arrived is of the stack: in all passes something, or in none. An operand that occurs twice comes once. */
static bool keep(ag_pass *s, uint32_t i)
{
    ag_stacks *k = s->stacks;
    const ag_node *d = ag_node_or_null(s->t, i);
    const bool ranked = !ag_is_number(d);
    int64_t *filled = &k->filled[i - k->low];
    if (!k->shown[i - k->low])
        return true;
    if (!ranked) {
        double *numbers = ag_stack_of(s, i);
        if (!numbers)
            return false;
        numbers[k->now] = s->t->adjoints[i];
    }
    if (*filled < k->count && (!ranked || d->adjoint))
        k->uneven |= (*filled)++ != k->now;
    hide(s, i);
    return true;
}

/* Operand k of the op at i; 0: no contribution to it is wanted. */
static uint32_t operand(const ag_pass *s, uint32_t i, int k)
{
    const uint32_t x = AG_INDEX(ag_node_inputs(ag_node_at(s->t, i))[k]);
    return s->targets->wanted[x] ? x : 0;
}

static ag_status visit_next(ag_pass *s, uint32_t i, int inputs, int outputs)
{
    for (int k = 0; k < outputs; k++)
        show(s, i + (uint32_t)k);
    for (int k = 0; k < inputs; k++)
        if (operand(s, i, k))
            show(s, operand(s, i, k));
    ag_status status = ag_pass_visit(s, i);
    for (int k = 0; k < inputs; k++)
        if (operand(s, i, k) && !keep(s, operand(s, i, k)))
            status = s->t->error.status;
    for (int k = 0; k < outputs; k++)
        hide(s, i + (uint32_t)k);
    return status;
}

static ag_status visit_each(ag_pass *s, uint32_t i)
{
    ag_stacks *stack = s->stacks;
    const int inputs = ag_node_at(s->t, i)->inputs, outputs = ag_outputs_of(s->t, i);
    ag_status status = AG_OK;
    for (stack->now = 0; stack->now < stack->count && !status && !s->restart; stack->now++)
        status = visit_next(s, i, inputs, outputs);
    for (int k = 0; k < inputs; k++) {
        const uint32_t x = operand(s, i, k);
        stack->uneven |= x && stack->filled[x - stack->low] && !ag_stack_is_full(s, x);
    }
    return status;
}

/* ---- numbers: their adjoints side by side */

/* Where contributions to a number are added; NULL: no memory. */
static double *numbers_of(ag_pass *s, uint32_t i)
{
    double *numbers = ag_stack_of(s, i);
    if (numbers && !ag_stack_is_full(s, i))
        memset(numbers, 0, ag_stack_bytes(s, i));
    ag_stack_fill(s, i);
    return numbers;
}

static void add_products(double *restrict to, const double *restrict g, double partial, int64_t count)
{
    for (int64_t n = 0; n < count; n++)
        to[n] += g[n] * partial;
}

static ag_status visit_record(ag_pass *s, uint32_t i)
{
    const ag_record r = s->t->records[i];
    const double *g = s->stacks->at[i - s->stacks->low];
    for (int k = 0; k < 2; k++) {
        const uint32_t p = r.parent[k];
        if (p == i || !s->targets->wanted[p])
            continue;
        double *to = numbers_of(s, p);
        if (!to)
            return s->t->error.status;
        add_products(to, g, r.partial[k], s->stacks->count);
    }
    return AG_OK;
}

/* ---- elementwise ops, one operand after the other */

static bool is_simple(const ag_pass *s, const ag_node *d)
{
    for (int k = 0; k < d->inputs; k++)
        if (s->targets->wanted[AG_INDEX(d->input[k])] &&
            !ag_pass_same_place(s->t, d, ag_node_or_null(s->t, d->input[k])))
            return false;
    return d->data;
}

static ag_status visit_elementwise(ag_pass *s, const ag_node *d)
{
    const void *dy = s->stacks->at[d->id - s->stacks->low];
    ag_status status = AG_OK;
    for (int k = 0; k < d->inputs && !status; k++) {
        const uint32_t x = AG_INDEX(d->input[k]);
        void *dx = s->targets->wanted[x] ? ag_stack_of(s, x) : NULL;
        if (!s->targets->wanted[x])
            continue;
        status = dx ? ag_row_contributions(s->t, d, k, s->stacks->count, dx, dy, ag_stack_is_full(s, x))
                    : s->t->error.status;
        ag_stack_fill(s, x);
    }
    return status;
}

/* ---- ops whose kernel takes the whole stack */

/* An array of the stack, with a leading dimension for it. */
static ag_array stacked(const ag_pass *s, uint32_t i, void *stack)
{
    const ag_layout *l = ag_layout_at(s->t, i);
    ag_array a = ag_dense_array(AG_SHAPE(s->stacks->count), l->dtype, stack);
    for (int d = 0; d < l->rank; d++)
        a.shape.dim[a.shape.rank++] = l->dim[d];
    ag_array_dense(&a);
    return a;
}

static bool repeats(const ag_node *d)
{
    for (int k = 1; k < d->inputs; k++)
        for (int before = 0; before < k; before++)
            if (AG_INDEX(d->input[k]) == AG_INDEX(d->input[before]))
                return true;
    return false;
}

static bool takes_stacks(const ag_pass *s, const ag_node *d)
{
    enum { ADDED = 3 }; /* dimensions: of the stack, and those that vectors leave out */
    const ag_tape *t = s->t;
    if (!(ag_op_at(t, t->headers[d->id].op)->flags & AG_STACKED) || ag_is_number(d) || d->inputs > 3 || repeats(d))
        return false;
    for (int k = 0; k < d->inputs; k++) {
        const ag_layout *x = ag_layout_at(t, d->input[k]);
        const bool as_stored = !x->dense && t->headers[AG_INDEX(d->input[k])].op == AG_OP_PERSISTENT;
        if (x->rank + ADDED > AG_MAX_RANK || (as_stored && s->targets->wanted[AG_INDEX(d->input[k])]))
            return false;
    }
    return d->layout->rank + ADDED <= AG_MAX_RANK;
}

static ag_status visit_whole(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    ag_call call;
    uint32_t ids[3];
    double constants[2], number[4], beta[3] = { 0 };
    ag_array operands[4], dx[3] = { { 0 } }, dy = stacked(s, i, s->stacks->at[i - s->stacks->low]);
    ag_call_of(t, i, &call, ids, constants);
    call.wanted = s->targets->wanted;
    call.operands = operands;
    for (int k = 0; k <= call.count; k++)
        ag_array_for_op(t, k < call.count ? call.inputs[k] : i, &number[k], &operands[k]);
    for (int k = 0; k < call.count; k++) {
        const uint32_t x = operand(s, i, k);
        if (!x)
            continue;
        dx[k] = stacked(s, x, ag_stack_of(s, x));
        beta[k] = ag_stack_is_full(s, x);
        if (!dx[k].data)
            return t->error.status;
    }
    const uint64_t work = ag_work_begin(t);
    const ag_kernel kernel = ag_kernel_begin(t, false);
    ag_status status = ag_kernel_end(t, kernel, call.op->vjp_fused(&call, &dy, dx, beta));
    ag_work_end(t, work);
    for (int k = 0; k < call.count && !status; k++)
        if (operand(s, i, k))
            s->stacks->filled[operand(s, i, k) - s->stacks->low] = s->stacks->count;
    return status == AG_USE_RULE ? visit_each(s, i) : status;
}

/* ---- a pass */

static bool any_arrived(const ag_pass *s, uint32_t i)
{
    for (int k = 0; k < ag_outputs_of(s->t, i); k++)
        if (ag_stack_is_full(s, i + (uint32_t)k))
            return true;
    return false;
}

ag_status ag_stacked_visit(ag_pass *s, uint32_t i)
{
    const ag_node *d = ag_node_or_null(s->t, i);
    if (!any_arrived(s, i))
        return AG_OK;
    if (!d)
        return visit_record(s, i);
    if (ag_op_at(s->t, s->t->headers[i].op)->flags & AG_ROW && is_simple(s, d))
        return visit_elementwise(s, d);
    return takes_stacks(s, d) ? visit_whole(s, i) : visit_each(s, i);
}
