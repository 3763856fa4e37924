/* One op in a plain backward pass: by its row's kernels, by its fused kernel, or by its rule with recording off. */
#include "ag/backward/routine.h"

/* ---- fused kernels */

typedef struct fused {
    ag_call call;
    uint32_t ids[3];
    double constants[2];
    ag_array few[AG_FEW], few_dy[AG_FEW], few_dx[AG_FEW];
    double few_number[AG_FEW], few_seed[AG_FEW], few_beta[AG_FEW], few_sum[AG_FEW];
    void *few_block[AG_FEW];
    ag_array *operands, *dy, *dx;       /* inputs and outputs; the outputs' adjoints; what the kernel writes */
    double *number, *seed, *beta, *sum; /* values and adjoints of numbers; contributions to numbers */
    void **block;                       /* of the pool, where dx is neither the adjoint nor sum */
} fused;

/* Where the list is to find the arrays again they lie in its memory. */
static bool reserve_noted(ag_pass *s, fused *f)
{
    const size_t all = (size_t)f->call.count + (size_t)f->call.outputs, numbers = all * sizeof(double);
    char *at = ag_note_memory(s, all * (3 * sizeof(ag_array) + sizeof(void *)) + 4 * numbers);
    if (!at)
        return false;
    f->operands = (ag_array *)(void *)at;
    f->dy = f->operands + all;
    f->dx = f->dy + all;
    f->block = (void **)(f->dx + all);
    f->number = (double *)(f->block + all);
    f->seed = f->number + all;
    f->beta = f->seed + all;
    f->sum = f->beta + all;
    return true;
}

static bool reserve(ag_pass *s, fused *f)
{
    ag_tape *t = s->t;
    size_t all = (size_t)f->call.count + (size_t)f->call.outputs;
    bool small = all <= AG_FEW;
    if (AG_UNLIKELY(s->list) && reserve_noted(s, f))
        return true;
    f->operands = small ? f->few : ag_arena_take(t, &t->work, all * sizeof *f->operands);
    f->number = small ? f->few_number : ag_arena_take(t, &t->work, all * sizeof *f->number);
    f->dy = small ? f->few_dy : ag_arena_take(t, &t->work, all * sizeof *f->dy);
    f->seed = small ? f->few_seed : ag_arena_take(t, &t->work, all * sizeof *f->seed);
    f->dx = small ? f->few_dx : ag_arena_take(t, &t->work, all * sizeof *f->dx);
    f->beta = small ? f->few_beta : ag_arena_take(t, &t->work, all * sizeof *f->beta);
    f->sum = small ? f->few_sum : ag_arena_take(t, &t->work, all * sizeof *f->sum);
    f->block = small ? f->few_block : ag_arena_take(t, &t->work, all * sizeof *f->block);
    return f->operands && f->number && f->dy && f->seed && f->dx && f->beta && f->sum && f->block;
}

static bool set_operands(ag_tape *t, fused *f)
{
    int all = f->call.count + f->call.outputs;
    for (int i = 0; i < all; i++) {
        uint32_t id = i < f->call.count ? f->call.inputs[i] : f->call.id + (uint32_t)(i - f->call.count);
        ag_array_for_op(t, id, &f->number[i], &f->operands[i]);
    }
    return f->call.op->flags & AG_STRIDED || ag_make_acceptable(t, f->call.op, f->operands, all);
}

/* The adjoints of the outputs, without data where none arrived. False: no memory. */
static bool set_adjoints(ag_pass *s, fused *f, const double *scalar)
{
    ag_tape *t = s->t;
    for (int k = 0; k < f->call.outputs; k++) {
        uint32_t id = f->call.id + (uint32_t)k;
        const ag_node *y = ag_node_at(t, id);
        if (!ag_is_number(y)) {
            ag_pass_adjoint(t, y, &f->dy[k]);
            continue;
        }
        f->seed[k] = scalar ? *scalar : t->adjoints[id];
        bool any = scalar || ag_pass_arrived(s, id, f->seed[k]);
        if (!any && id <= s->y && !s->reached)
            return false;
        f->dy[k] = ag_layout_array(&ag_scalar_layouts[AG_F64], any ? &f->seed[k] : NULL);
    }
    return true;
}

static bool occurs_before(const fused *f, int i)
{
    for (int k = 0; k < i; k++)
        if (AG_INDEX(f->call.inputs[k]) == AG_INDEX(f->call.inputs[i]))
            return true;
    return false;
}

/* Does the kernel write an adjoint of x where it lies? A parameter's lies as the parameter does, any other is dense. */
static bool writes_straight(const ag_tape *t, const ag_op *op, const ag_node *x)
{
    if (op->flags & AG_STRIDED || x->layout->dense || t->headers[x->id].op != AG_OP_PERSISTENT)
        return true;
    ag_array a = ag_layout_array(x->layout, NULL);
    return ag_op_accepts(op, &a);
}

/* Where the kernel writes the contribution to input i. */
static bool set_target(ag_pass *s, fused *f, int i)
{
    ag_tape *t = s->t;
    uint32_t id = f->call.inputs[i];
    f->dx[i] = (ag_array){ 0 };
    f->beta[i] = 0;
    f->block[i] = NULL;
    if (!ag_pass_wants(s, id))
        return true;
    ag_node *x = ag_node_or_null(t, id);
    if (ag_is_number(x)) {
        f->dx[i] = ag_layout_array(&ag_scalar_layouts[AG_F64], &f->sum[i]);
        return true;
    }
    if (writes_straight(t, f->call.op, x) && !occurs_before(f, i)) {
        bool add;
        if (!ag_pass_target(s, x, &f->dx[i], &add))
            return false;
        f->beta[i] = add;
        return true;
    }
    f->dx[i] = ag_layout_array(x->layout, NULL);
    ag_array_dense(&f->dx[i]);
    f->block[i] = f->dx[i].data = ag_pool_take(t, ag_layout_bytes(x->layout));
    return f->block[i];
}

/* After the kernel: contributions that were not written in place. `used`: it has written. */
static ag_status settle(ag_pass *s, fused *f, bool used)
{
    ag_tape *t = s->t;
    bool delivered = true;
    for (int i = 0; i < f->call.count; i++) {
        uint32_t id = f->call.inputs[i];
        ag_node *x = ag_node_or_null(t, id);
        if (!f->dx[i].data)
            continue;
        const bool number = f->dx[i].data == &f->sum[i];
        if (used && number)
            delivered &= ag_pass_deliver_number(s, id, f->sum[i], &f->sum[i]);
        else if (used && f->block[i])
            delivered &= ag_pass_deliver(s, id, &f->dx[i]);
        else if (!used && !f->block[i] && !number && f->beta[i] == 0)
            ag_pass_drop(s, x);
        if (f->block[i])
            ag_pool_give(t, f->block[i], ag_layout_bytes(x->layout));
    }
    return delivered ? AG_OK : t->error.status;
}

static void note_fused(ag_pass *s, const fused *f, bool scalar)
{
    ag_fused_action *a = ag_note(s, AG_DO_FUSED, sizeof *a);
    if (!a)
        return;
    a->taken = scalar ? f->call.id : 0;
    a->call = f->call;
    memcpy(a->ids, f->ids, sizeof a->ids);
    if (f->call.inputs == f->ids)
        a->call.inputs = a->ids;
    a->dy = f->dy;
    a->dx = f->dx;
    a->number = f->number;
    a->seed = f->seed;
    a->beta = f->beta;
    if (f->call.op->flags & AG_PRODUCTS) {
        a->call.products = ag_note_memory(s, sizeof *a->call.products);
        if (a->call.products)
            a->call.products->count = 0;
    }
}

static ag_status visit_fused(ag_pass *s, ag_node *d, const double *scalar)
{
    ag_tape *t = s->t;
    fused f;
    const uint64_t work = ag_work_begin(t);
    ag_call_of(t, d->id, &f.call, f.ids, f.constants);
    f.call.wanted = s->targets ? s->targets->wanted : NULL;
    ag_status status = AG_OK;
    bool ready = reserve(s, &f) && set_operands(t, &f);
    if (ag_arena_position(&t->work) != work) /* a copy of an operand, which is made anew each time */
        ag_note_leave(s);
    ready = ready && set_adjoints(s, &f, scalar);
    int targets = 0;
    for (; ready && targets < f.call.count; targets++)
        ready = set_target(s, &f, targets);
    if (!ready) { /* what was taken so far goes back */
        f.call.count = targets;
        settle(s, &f, false);
        ag_work_end(t, work);
        return t->error.status;
    }
    f.call.operands = f.operands;
    if (AG_UNLIKELY(s->list))
        note_fused(s, &f, scalar);
    ag_kernel k = ag_kernel_begin(t, t->headers[d->id].op >= ag_op_count);
    status = ag_kernel_end(t, k, f.call.op->vjp_fused(&f.call, f.dy, f.dx, f.beta));
    if (status && status != AG_USE_RULE && !t->error.status)
        ag_call_fail(&f.call, status, "its backward kernel failed");
    ag_status settled = settle(s, &f, !status);
    ag_work_end(t, work);
    return status ? status : settled;
}

/* The adjoints of an op's outputs were passed on. */
static inline void consume_one(ag_pass *s, ag_node *y)
{
    if (ag_is_number(y))
        s->t->adjoints[y->id] = 0;
    else if (y->adjoint && !ag_pass_keeps(s, y))
        ag_pass_drop(s, y);
}

static void consume(ag_pass *s, uint32_t id, int outputs)
{
    consume_one(s, ag_node_at(s->t, id));
    for (int k = 1; k < outputs; k++)
        consume_one(s, ag_node_at(s->t, id + (uint32_t)k));
}

/* ---- rules */

ag_tensor ag_pass_adjoint_handle(ag_pass *s, uint32_t id, const double *scalar)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, id);
    if (ag_is_number(d))
        return ag_scalar_new(t, AG_OP_CONSTANT, scalar ? *scalar : t->adjoints[id]);
    if (!d->adjoint)
        return ag_zeros(t, d->layout->dtype, ag_layout_shape(d->layout));
    ag_array a;
    ag_pass_adjoint(t, d, &a);
    const ag_layout *l = d->layout->dense ? d->layout : ag_layout_of_array(t, &a);
    ag_tensor dy = l ? ag_node_new(t, AG_OP_CONSTANT, l, a.data, NULL, 0, false) : ag_inert(t);
    if (dy.id)
        ag_node_at(t, dy.id)->flags |= AG_NODE_READONLY;
    return dy;
}

/* What a rule gives for its one operand is the adjoint itself under another shape: that need not be copied. */
static bool give_adjoint(ag_pass *s, const ag_call *c, const ag_array *dx)
{
    ag_node *d = ag_node_at(s->t, c->id), *x = ag_node_or_null(s->t, c->inputs[0]);
    if (c->count != 1 || c->outputs != 1 || ag_is_number(x) || !x->layout->rank || dx->data != d->adjoint)
        return false;
    if (!ag_array_is_dense(dx) || dx->dtype != x->layout->dtype || ag_array_size(dx) != x->layout->size ||
        (!x->layout->dense && s->t->headers[x->id].op == AG_OP_PERSISTENT) || !ag_pass_hands_over(s, d, x))
        return false;
    x->adjoint = d->adjoint;
    d->adjoint = NULL;
    return true;
}

static ag_status run_rule(ag_pass *s, uint32_t id, const double *scalar)
{
    ag_tape *t = s->t;
    ag_rule r;
    if (!ag_rule_begin(t, id, s->targets, &r))
        return t->error.status;
    for (int k = 0; k < r.call.outputs; k++)
        r.dy[k] = ag_pass_adjoint_handle(s, id + (uint32_t)k, scalar);
    ag_status status = t->error.status ? t->error.status : ag_rule_run(&r);
    for (int i = 0; i < r.call.count && !status; i++) {
        uint32_t dx;
        status = ag_rule_result(&r, i, &dx);
        if (status || !dx)
            continue;
        ag_array a = ag_array_of(t, dx);
        if (give_adjoint(s, &r.call, &a))
            continue;
        ag_note_leave(s);
        if (!ag_pass_deliver(s, r.call.inputs[i], &a))
            status = t->error.status;
    }
    return status;
}

ag_status ag_pass_rule(ag_pass *s, ag_node *d, const double *scalar)
{
    ag_tape *t = s->t;
    const uint32_t id = d->id;
    ag_interlude rule;
    /* a user's rule is to be called each time; a kernel may have declined for its values; a number's adjoint is cleared
     * even if nothing is made of it */
    if (scalar || t->headers[id].op >= ag_op_count || ag_op_at(t, t->headers[id].op)->vjp_fused)
        ag_note_leave(s);
    if (!ag_interlude_begin(t, &rule))
        return t->error.status;
    ag_no_grad_begin(t);
    ag_status status = run_rule(s, id, scalar);
    ag_interlude_end(t, &rule);
    return status;
}

/* ---- any node */

static inline ag_status pass_on(ag_pass *s, ag_node *d, const ag_op *op, const double *scalar)
{
    const uint32_t id = d->id;
    ag_status status = AG_USE_RULE;
    if (AG_UNLIKELY(s->chains) && d->flags & AG_NODE_CHAINED)
        status = ag_pass_chain(s, d, scalar);
    if (status == AG_USE_RULE)
        status = op->flags & AG_ROW ? ag_pass_row(s, d, scalar)
                 : op->vjp_fused    ? visit_fused(s, d, scalar)
                                    : AG_USE_RULE;
    return AG_LIKELY(status != AG_USE_RULE) ? status : ag_pass_rule(s, ag_node_at(s->t, id), scalar);
}

static AG_COLD ag_status pass_on_observed(ag_pass *s, ag_node *d, const ag_op *op, const double *scalar)
{
    ag_watch w;
    ag_status status = ag_watch_begin(s, d->id, scalar, &w);
    if (!status)
        status = pass_on(s, d, op, scalar);
    return ag_watch_end(&w, status);
}

ag_status ag_pass_node(ag_pass *s, ag_node *d, const double *scalar)
{
    ag_tape *t = s->t;
    const ag_op *op = ag_op_at(t, t->headers[d->id].op);
    const uint32_t id = d->id;
    ag_status status = AG_UNLIKELY(t->observed) ? pass_on_observed(s, d, op, scalar) : pass_on(s, d, op, scalar);
    if (AG_LIKELY(!status))
        consume(s, id, ag_op_results(op));
    return status;
}
