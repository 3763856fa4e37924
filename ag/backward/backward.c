/* The plain backward pass: one sweep over the nodes in decreasing order, with kernels instead of rules where an op has
 * them.
 *
 * Between the stops (nodes, and leaves that want a gradient) it runs over rank-0 records without a check. It is
 * optimistic: leaves take their adjoints only at the end, and an adjoint that is not finite, which may be the product
 * of a structural zero with an infinite derivative, starts it again with a mask of the nodes that y depends on. A pass
 * that fails leaves every gradient as it was. */
#include "ag/backward/routine.h"
#include <float.h>
#include <math.h>

/* ---- rank-0 records */

/* Does an op select operand k away? Then nothing reaches it, whatever the adjoint is. */
static bool deselected(const ag_tape *t, const ag_record *r, uint32_t op, int k)
{
    return r->partial[k] == 0 && ((const ag_row *)ag_op_at(t, op))->flags & AG_ROW_SELECTS_A << k;
}

/* What ag_pass_quickly does, with structural zeros, the mask, and kept adjoints. */
static void run_carefully(ag_pass *s, int64_t low, int64_t high)
{
    const ag_tape *t = s->t;
    const ag_record *r = t->records;
    double *a = s->t->adjoints;
    for (int64_t i = high; i >= low; i--) {
        double g = a[i];
        a[i] = 0;
        if (s->reached && !s->reached[i])
            continue;
        if (s->kept)
            s->kept[i] = g;
        if (g == 0 || !(t->headers[i].flags & AG_NEEDS))
            continue;
        for (int k = 0; k < 2; k++)
            if (r[i].parent[k] != (uint32_t)i && !deselected(t, &r[i], t->headers[i].op, k))
                a[r[i].parent[k]] += g * r[i].partial[k];
    }
}

/* The same, each record that passes something on shown to observers. */
static ag_status run_observed(ag_pass *s, int64_t low, int64_t high)
{
    ag_tape *t = s->t;
    ag_status status = AG_OK;
    for (int64_t i = high; i >= low && !status; i--) {
        ag_watch w;
        const double g = t->adjoints[i];
        const bool shown = g != 0 && t->headers[i].flags & AG_NEEDS && s->reached[i];
        if (shown)
            status = ag_watch_begin(s, (uint32_t)i, &g, &w);
        if (!status)
            run_carefully(s, i, i);
        if (shown)
            status = ag_watch_end(&w, status);
    }
    return status;
}

static inline ag_status pass_records(ag_pass *s, int64_t low, int64_t high)
{
    if (s->list)
        ag_note_index(s, AG_DO_RECORDS, (uint32_t)low, (uint32_t)high);
    if (AG_UNLIKELY(s->t->observed))
        return run_observed(s, low, high);
    if (s->careful || s->kept)
        run_carefully(s, low, high);
    else
        ag_pass_quickly(s->t, low, high);
    return AG_OK;
}

static bool finite_adjoint(double x)
{
    return fabs(x) <= DBL_MAX;
}

/* ---- what has arrived */

static bool find_reached(ag_pass *s)
{
    if (!s->reached)
        s->reached = ag_reachable(s->t, s->y, s->first);
    return s->reached;
}

bool ag_pass_arrived(ag_pass *s, uint32_t i, double g)
{
    return g != 0 || (i <= s->y && find_reached(s) && s->reached[i] & AG_REACHED);
}

/* ---- stops */

static ag_status visit_scalar_node(ag_pass *s, uint32_t i, ag_node *d)
{
    double *a = s->t->adjoints, g = a[i];
    a[i] = 0;
    if (s->kept)
        s->kept[i] = g;
    if (!s->careful && !finite_adjoint(g)) {
        s->restart = true;
        return AG_OK;
    }
    if (!ag_pass_arrived(s, i, g))
        return s->t->error.status;
    return ag_pass_node(s, d, &g);
}

/* The outputs of an op lie on consecutive ids; the op is visited at its first, when all adjoints are there. */
static ag_status visit_outputs(ag_pass *s, uint32_t i, int outputs)
{
    ag_tape *t = s->t;
    bool any = false;
    for (int k = 0; k < outputs; k++) {
        ag_node *d = ag_node_at(t, i + (uint32_t)k);
        if (ag_is_number(d) && k > 0)
            ag_note_leave(s);
        double g = t->adjoints[i + (uint32_t)k];
        if (ag_is_number(d) && !s->careful && !finite_adjoint(g)) {
            s->restart = true;
            return AG_OK;
        }
        if (s->kept && ag_is_number(d))
            s->kept[i + (uint32_t)k] = g;
        any |= ag_is_number(d) ? ag_pass_arrived(s, i + (uint32_t)k, g) : d->adjoint != NULL;
    }
    if (t->error.status) /* it could not be told whether one of them arrived */
        return t->error.status;
    ag_node *first = ag_node_at(t, i);
    const double g = t->adjoints[i]; /* of the only number, where the pass is noted */
    return any ? ag_pass_node(s, first, s->list && ag_is_number(first) && g != 0 ? &g : NULL) : AG_OK;
}

/* A leaf, or a target on which nothing below depends, keeps its adjoint to the end; a later output waits for the first. */
static ag_status visit_end(ag_pass *s, uint32_t i, const ag_node *d)
{
    double *a = s->t->adjoints;
    const bool leaf = s->t->headers[i].op < AG_OP_OUTPUT;
    s->restart |= ag_is_number(d) && !s->careful && !finite_adjoint(a[i]);
    if (s->list && ag_is_number(d))
        ag_note_index(s, AG_DO_END, i, 0);
    if (s->kept && !leaf && ag_is_number(d))
        s->kept[i] = a[i];
    return AG_OK;
}

/* Compiled into the loop: a call is 20 instructions more for each stop. */
static inline __attribute__((always_inline)) ag_status visit(ag_pass *s, uint32_t i)
{
    ag_tape *t = s->t;
    uint16_t number = t->headers[i].op;
    ag_node *d = ag_node_or_null(t, i);
    if (s->targets ? !s->targets->wanted[i] : !ag_op_needs(t, i)) {
        t->adjoints[i] = 0;
        if (s->list && ag_is_number(d))
            ag_note_index(s, AG_DO_CLEAR, i, 0);
        return AG_OK;
    }
    if (AG_UNLIKELY(t->headers[i].flags & AG_HOOKED)) {
        ag_status status = ag_pass_hooks(s, i);
        if (status)
            return status;
        d = ag_node_or_null(t, i); /* the table may have moved */
        if (!d && number >= AG_OP_FIRST)
            return pass_records(s, i, i);
    }
    if (number < AG_OP_FIRST || (s->targets && !(s->targets->wanted[i] & AG_PASSES)))
        return visit_end(s, i, d);
    const ag_op *op = ag_op_at(t, number);
    if (ag_op_results(op) > 1)
        return visit_outputs(s, i, ag_op_results(op));
    if (ag_is_number(d))
        return visit_scalar_node(s, i, d);
    return d->adjoint ? ag_pass_node(s, d, NULL) : AG_OK;
}

ag_status ag_pass_visit(ag_pass *s, uint32_t i)
{
    return visit(s, i);
}

uint32_t ag_stop_from(const ag_tape *t, uint32_t index)
{
    if (index <= 1) /* most passes go down to the first */
        return 0;
    return ag_first_from(t->stops, t->stop_count, sizeof *t->stops, 0, index);
}

/* One attempt. */
static ag_status run(ag_pass *s)
{
    ag_tape *t = s->t;
    int64_t k = (int64_t)ag_stop_from(t, s->top + 1) - 1, high = s->top;
    for (;;) {
        bool stop = k >= 0 && t->stops[k] >= s->low;
        int64_t low = stop ? (int64_t)t->stops[k] + 1 : s->low;
        ag_status status = high >= low ? pass_records(s, low, high) : AG_OK;
        if (!stop || status)
            return status;
        uint32_t i = t->stops[k--];
        status = visit(s, i);
        if (status || s->restart)
            return status;
        high = (int64_t)i - 1;
    }
}

/* ---- beginning and ending */

bool ag_make_adjoints(ag_tape *t, uint32_t y)
{
    uint32_t before = t->adjoint_capacity;
    if (y < before)
        return true;
    if (!ag_grow(t, (void **)&t->adjoints, &t->adjoint_capacity, sizeof *t->adjoints, t->capacity))
        return false;
    memset(t->adjoints + before, 0, (t->adjoint_capacity - before) * sizeof *t->adjoints);
    return true;
}

/* The adjoint is looked up for each attempt: a number lies in a table that moves when rules record. */
static ag_status seed(ag_pass *s)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, s->y);
    ag_array to, dy;
    bool add;
    if (s->dy)
        dy = ag_array_of(t, s->dy);
    if (ag_is_number(d)) {
        if (s->list)
            ag_note_index(s, AG_DO_SEED, s->y, 0);
        t->adjoints[s->y] = s->dy ? ag_array_get(&dy, 0) : 1;
        return AG_OK;
    }
    if (!ag_pass_target(s, d, &to, &add))
        return t->error.status;
    if (s->list)
        ag_note_arrays(s, AG_DO_FILL, &to, NULL, false);
    if (s->dy)
        ag_copy_array(&to, &dy, false, t->options.threads);
    else
        ag_fill_array(&to, 1);
    return AG_OK;
}

/* Forgets all adjoints of an attempt. */
static void abandon(ag_pass *s)
{
    ag_tape *t = s->t;
    memset(t->adjoints + s->first, 0, ((size_t)s->top + 1 - s->first) * sizeof *t->adjoints);
    for (uint32_t k = ag_stop_from(t, s->first); k < t->stop_count && t->stops[k] <= s->top; k++) {
        ag_node *d = ag_node_or_null(t, t->stops[k]);
        if (d && d->adjoint)
            ag_pass_drop(s, d);
    }
    ag_boundary_clear(s);
}

static ag_status attempts(ag_pass *s)
{
    const ag_tape *t = s->t; /* observers and hooks see what is meant, and once */
    s->careful = t->observed || t->hook_count || t->slot_hooks || t->hooked_again;
    s->chains = t->waiting.count && !t->inner && !s->careful;
    if (s->careful && (!find_reached(s) || !ag_settle_all(s->t)))
        return s->t->error.status;
    ag_status status = seed(s);
    if (!status)
        status = run(s);
    s->restart |= !s->careful && !ag_boundary_finite(s);
    if (status || !s->restart)
        return status;
    abandon(s);
    ag_note_leave(s);
    s->restart = false;
    s->careful = true;
    s->chains = false;
    if (!find_reached(s) || !ag_settle_all(s->t))
        return s->t->error.status;
    status = seed(s);
    return status ? status : run(s);
}

/* Adjoints of rank-0 intermediates are kept where an option or a target asks for them. */
static bool wants_kept(const ag_pass *s)
{
    if (!s->targets)
        return s->t->options.keep_grads || s->t->any_retained;
    for (size_t k = 0; k < s->targets->count; k++)
        if (AG_INDEX(s->targets->at[k].id) >= s->first && ag_target_is_number(s->t, &s->targets->at[k]))
            return true;
    return false;
}

static ag_status keep_numbers(ag_pass *s)
{
    const size_t bytes = ((size_t)s->top + 1) * sizeof *s->kept;
    if (!wants_kept(s))
        return AG_OK;
    s->kept = ag_pool_take(s->t, bytes);
    if (!s->kept)
        return s->t->error.status;
    memset(s->kept, 0, bytes);
    return AG_OK;
}

uint32_t ag_pass_top(const ag_tape *t, uint32_t y)
{
    uint32_t i = t->headers[y].op == AG_OP_OUTPUT ? y - ag_node_at(t, y)->output : y;
    const ag_op *op = t->headers[i].op >= AG_OP_FIRST ? ag_op_at(t, t->headers[i].op) : NULL;
    return op && ag_op_results(op) > 1 ? i + (uint32_t)ag_op_results(op) - 1 : y;
}

static ag_status sweep(ag_tape *t, uint32_t y, uint32_t dy, ag_targets *targets)
{
    ag_pass s = { .t = t, .y = AG_INDEX(y), .dy = dy, .targets = targets, .first = t->inner ? t->inner : 1 };
    s.top = ag_pass_top(t, s.y);
    s.low = targets && targets->low > s.first ? targets->low : s.first;
    s.suspects.count = (size_t)s.top + 1;
    if (!ag_make_adjoints(t, s.top) || !ag_boundary_begin(&s))
        return t->error.status;
    ag_status status = ag_routine_begin(&s);
    if (status != AG_USE_RULE)
        return status;
    ag_routine *noted = s.list;
    status = keep_numbers(&s);
    t->busy++;
    if (!status)
        status = attempts(&s);
    if (!status && targets)
        status = ag_watch_targets(t, targets, &s.suspects);
    if (!status)
        status = targets ? ag_pass_deliver_targets(&s) : ag_pass_commit(&s);
    if (status || targets)
        abandon(&s);
    if (AG_UNLIKELY(noted))
        ag_routine_end(&s, noted, status);
    t->busy--;
    ag_boundary_end(&s);
    ag_suspects_end(t, &s.suspects);
    ag_pool_give(t, s.reached, (size_t)s.y + 1);
    ag_pool_give(t, s.kept, ((size_t)s.top + 1) * sizeof *s.kept);
    return status;
}

ag_status ag_sweep(ag_tape *t, uint32_t y, uint32_t dy, ag_targets *targets)
{
    if (AG_LIKELY(!t->observed))
        return sweep(t, y, dy, targets);
    static const char name[] = AG_BACKWARD_PASS;
    ag_observe_enter(t, name);
    ag_status status = sweep(t, y, dy, targets);
    ag_observe_leave(t, name);
    return status;
}
