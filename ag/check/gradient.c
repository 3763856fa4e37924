/* Checks of an op's derivatives: against numeric ones, the fused kernels against the rule, each gradient by itself, and
 * the forward derivative. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>
#include <stdio.h>

bool ag_case_differentiable(const ag_case *c)
{
    bool floating = false;
    for (int i = 0; i < c->count; i++)
        floating |= ag_case_is_float(c, i);
    return floating && !(c->op->flags & AG_NO_GRADIENT);
}

/* ---- numeric derivatives */

/* The floating inputs are x; the others are constants. */
static void run_case(const ag_probe *p, const ag_tensor *x, ag_tensor *y)
{
    const ag_case *c = p->user;
    ag_tensor inputs[AG_CASE_INPUTS];
    for (int i = 0; i < c->count; i++) {
        if (!ag_case_is_float(c, i))
            inputs[i] = ag_case_constant(c, p->tape, i);
        else
            inputs[i] = c->dtype[i] == AG_F32 ? ag_cast(*x++, AG_F32) : *x++;
    }
    ag_case_apply(c, inputs, y);
}

typedef struct case_probe {
    ag_probe probe;
    ag_shape shape[AG_CASE_INPUTS];
    double low[AG_CASE_INPUTS], high[AG_CASE_INPUTS];
    const char *names[AG_CASE_INPUTS];
} case_probe;

/* Its values lie in the tape's memory. */
static bool make_probe(const ag_case *c, ag_tape *t, int order, int directions, case_probe *p)
{
    int64_t size = ag_case_size(c);
    double *x = ag_check_doubles(t, size);
    size_t n = 0;
    p->probe = (ag_probe){
        .tape = t, .run = run_case, .user = c, .outputs = c->outputs, .coarse = true, .forgiving = true, .x = x
    };
    for (int i = 0; x && i < c->count; i++) {
        int64_t count = ag_shape_size(c->shape[i]);
        if (!ag_case_is_float(c, i))
            continue;
        memcpy(x, c->x[i], (size_t)count * sizeof *x);
        x += count;
        p->shape[n] = c->shape[i];
        p->names[n] = ag_case_operand(c, i);
        const bool shifted = i == 0 && c->diagonal != 0;
        p->low[n] = shifted ? -INFINITY : c->low[i];
        p->high[n++] = shifted ? INFINITY : c->high[i];
    }
    p->probe.inputs = n;
    p->probe.shape = p->shape;
    p->probe.names = p->names;
    p->probe.options = (ag_check_options){
        .order = order, .tolerance = c->tolerance, .directions = directions, .low = p->low, .high = p->high
    };
    return x;
}

static void note_numeric(ag_op_check *k, ag_check_id id, const ag_case *c, const ag_probe_result *r)
{
    if (r->report.verdict == AG_INCONCLUSIVE && *r->cause && !*k->cause) /* behind what else that makes wrong */
        snprintf(k->cause, sizeof k->cause, "%s", r->cause);
    if (r->report.verdict != AG_PASS)
        ag_check_wrong(k, id, r->report.verdict, c, "%s", r->text);
}

bool ag_case_probed(ag_op_check *k, const ag_case *c, int order, int directions, ag_case_look *look, void *user)
{
    case_probe p;
    ag_tape *t = ag_case_tape(AG_F64, 1, 0);
    bool made = t && make_probe(c, t, order, directions, &p);
    if (made)
        look(user, &p.probe);
    ag_tape_free(t);
    return ag_check_memory(k, made);
}

static void compare_numeric(void *result, const ag_probe *p)
{
    ag_check_function(p, result);
}

void ag_check_numeric(ag_op_check *k, ag_check_id id, const ag_case *c, int order, int directions)
{
    ag_probe_result r;
    if (!ag_case_probed(k, c, order, directions, compare_numeric, &r))
        return;
    note_numeric(k, id, c, &r);
    ag_check_done(k, id, r.report.checked);
}

static void check_orders(ag_op_check *k, const ag_case *c, bool second)
{
    ag_probe_result r;
    if (!ag_case_probed(k, c, second ? 2 : 1, 0, compare_numeric, &r))
        return;
    note_numeric(k, r.report.order == 2 ? AG_CHECK_SECOND : AG_CHECK_FIRST, c, &r);
    if (r.report.verdict == AG_FAIL)
        ag_check_ignored(k, c);
    ag_check_done(k, AG_CHECK_FIRST, r.checked[0]);
    ag_check_done(k, AG_CHECK_SECOND, r.checked[1]);
}

const char *ag_case_obstacle(const ag_case *c, const ag_outcome *o)
{
    bool input = false, output = false;
    for (int i = 0; i < c->count; i++)
        input |= ag_case_is_float(c, i) && ag_shape_size(c->shape[i]);
    for (int i = 0; i < c->outputs; i++)
        output |= ag_is_float(o->dtype[i]) && ag_shape_size(o->shape[i]);
    return !input ? "no floating input element" : !output ? "no floating result element" : NULL;
}

bool ag_check_gradient(ag_op_check *k, const ag_case *c)
{
    ag_outcome o;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_FORWARD };
    k->differentiable = false;
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &o)))
        return false;
    if (o.status) {
        ag_check_wrong(k, AG_CHECK_FIRST, AG_FAIL, c, "the op refuses its sample: %s: %s", ag_status_name(o.status),
                       o.text);
        return false;
    }
    const char *why = ag_case_obstacle(c, &o);
    if (why) {
        ag_check_skip(k, AG_CHECK_FIRST, "%s", why);
        ag_check_skip(k, AG_CHECK_SECOND, "%s", why);
        return true;
    }
    bool second = k->differentiable = !(c->op->flags & AG_NO_GRADIENT);
    if (!second) /* the first derivative is still checked: it must be zero */
        ag_check_skip(k, AG_CHECK_SECOND, "the op has no gradient");
    check_orders(k, c, second);
    return true;
}

/* ---- the ways to a gradient */

static bool run(ag_op_check *k, const ag_case *c, ag_case_pass pass, int adjoint, bool persistent, ag_outcome *o)
{
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = pass, .adjoint = adjoint, .persistent = persistent };
    return ag_check_memory(k, ag_case_run(c, &r, &k->tapes, o));
}

void ag_check_close(ag_op_check *k, ag_check_id id, const ag_case *c, const ag_outcome *a, const ag_outcome *b,
                    const ag_scale *s, double epsilon, const char *what)
{
    char text[600];
    if (a->status)
        ag_check_wrong(k, id, AG_FAIL, c, "%s: %s: %s", what, ag_status_name(a->status), a->text);
    else if (!ag_outcome_close(a, b, s, epsilon, text, sizeof text))
        ag_check_wrong(k, id, AG_FAIL, c, "%s: %s", what, text);
    ag_check_done(k, id, 1);
}

/* Two applications in one pass add up: what a kernel adds to, and what it must not read, is seen here. */
static void check_adding(ag_op_check *k, const ag_case *c, const ag_outcome *first, const ag_scale *s)
{
    ag_outcome second, both;
    ag_scale doubled = *s;
    double *sum = ag_check_doubles(k->tapes.home, first->g_count);
    double *scale = ag_check_doubles(k->tapes.home, first->g_count);
    if (!ag_check_memory(k, sum && scale) || !run(k, c, AG_CASE_BACKWARD, 1, false, &second) || second.status)
        return;
    for (int64_t i = 0; i < first->g_count; i++) {
        sum[i] = first->g[i] + second.g[i];
        scale[i] = 2 * s->g[i] + fabs(first->g[i]) + fabs(second.g[i]);
    }
    doubled.g = scale;
    second.g = sum;
    if (run(k, c, AG_CASE_TWICE, 0, false, &both))
        ag_check_close(k, AG_CHECK_PASSES, c, &both, &second, &doubled, AG_CLOSE_F64,
                       "two applications in one backward pass");
    if (run(k, c, AG_CASE_TWICE, 0, true, &both))
        ag_check_close(k, AG_CHECK_PASSES, c, &both, &second, &doubled, AG_CLOSE_F64, "two applications to parameters");
}

/* One output alone: the others' adjoints are absent. */
static void check_output(ag_op_check *k, const ag_case *c, int output)
{
    ag_outcome plain, graph;
    ag_scale s;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_BACKWARD, .only = output + 1 };
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &plain)) || plain.status ||
        !ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    r.pass = AG_CASE_GRAPH;
    if (ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &graph)))
        ag_check_close(k, AG_CHECK_PASSES, c, &graph, &plain, &s, AG_CLOSE_F64,
                       "of one output alone, ag_gradients with a graph against ag_backward");
}

void ag_check_passes(ag_op_check *k, const ag_case *c)
{
    ag_outcome plain, other;
    ag_scale s;
    if (!ag_case_differentiable(c)) {
        ag_check_skip(k, AG_CHECK_PASSES, "the op has no gradient");
        return;
    }
    if (!run(k, c, AG_CASE_BACKWARD, 0, false, &plain) || !ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    if (plain.status) {
        ag_check_wrong(k, AG_CHECK_PASSES, AG_FAIL, c, "ag_backward: %s: %s", ag_status_name(plain.status), plain.text);
        return;
    }
    if (run(k, c, AG_CASE_GRAPH, 0, false, &other))
        ag_check_close(k, AG_CHECK_PASSES, c, &other, &plain, &s, AG_CLOSE_F64,
                       "ag_gradients with a graph against ag_backward");
    if (run(k, c, AG_CASE_PLAIN, 0, false, &other))
        ag_check_close(k, AG_CHECK_PASSES, c, &other, &plain, &s, AG_CLOSE_F64, "ag_gradients against ag_backward");
    if (run(k, c, AG_CASE_BACKWARD, 0, true, &other))
        ag_check_close(k, AG_CHECK_PASSES, c, &other, &plain, &s, AG_CLOSE_F64,
                       "ag_backward to parameters against variables");
    check_adding(k, c, &plain, &s);
    for (int i = 0; c->outputs > 1 && i < c->outputs; i++)
        check_output(k, c, i);
}

/* ---- results must not depend on what the memory held before */

void ag_check_unwritten(ag_op_check *k, const ag_case *c)
{
    ag_outcome dirty, clean;
    char text[600];
    for (int graph = 0; graph < 2; graph++) {
        ag_run r = { .dtype = AG_F64, .threads = 1, .pass = graph ? AG_CASE_GRAPH : AG_CASE_BACKWARD };
        if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &dirty)))
            return;
        r.clean = true;
        if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &clean)))
            return;
        if (!ag_outcome_same(&dirty, &clean, text, sizeof text))
            ag_check_wrong(k, AG_CHECK_MEMORY, AG_FAIL, c, "the result depends on what the memory held before: %s",
                           text);
        ag_check_done(k, AG_CHECK_MEMORY, 1);
    }
}

/* ---- one gradient at a time */

/* Zeros in the gradients of all inputs but one. */
static bool only(ag_op_check *k, const ag_case *c, const ag_outcome *all, int input, ag_outcome *one)
{
    double *g = ag_check_doubles(k->tapes.home, all->g_count);
    if (!g)
        return false;
    int64_t at = 0;
    memset(g, 0, (size_t)all->g_count * sizeof *g);
    for (int i = 0; i < c->count; i++) {
        int64_t size = ag_case_is_float(c, i) ? ag_shape_size(c->shape[i]) : 0;
        if (i == input)
            memcpy(g + at, all->g + at, (size_t)size * sizeof *g);
        at += size;
    }
    *one = *all;
    one->g = g;
    return true;
}

void ag_check_needs(ag_op_check *k, const ag_case *c)
{
    ag_outcome all, expected, one;
    ag_scale s;
    int floats = 0;
    for (int i = 0; i < c->count; i++)
        floats += ag_case_is_float(c, i);
    if (floats < 2 || !ag_case_differentiable(c)) {
        ag_check_skip(k, AG_CHECK_NEEDS, "fewer than two gradients");
        return;
    }
    if (!run(k, c, AG_CASE_BACKWARD, 0, false, &all) || all.status ||
        !ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    for (int i = 0; i < c->count; i++) {
        ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_BACKWARD, .constant = ~((uint32_t)1 << i) };
        for (int graph = 0; ag_case_is_float(c, i) && graph < 2; graph++) {
            r.pass = graph ? AG_CASE_GRAPH : AG_CASE_BACKWARD;
            if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &one) && only(k, c, &all, i, &expected)))
                return;
            ag_check_close(k, AG_CHECK_NEEDS, c, &one, &expected, &s, AG_CLOSE_F64,
                           "one operand's gradient without the others'");
        }
    }
}
