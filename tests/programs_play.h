/* Plays a program of tests/programs.h on a tape and keeps every number that comes out. */
#ifndef TESTS_PROGRAMS_PLAY_H
#define TESTS_PROGRAMS_PLAY_H

#include "programs.h"

typedef enum leaf_kinds { AS_WRITTEN, ALL_TRANSIENT, ALL_PERSISTENT } leaf_kinds;

typedef struct setting {
    ag_dtype dtype;
    int threads;
    leaf_kinds leaves;
    bool keep_grads;
    bool early;    /* each loss is differentiated as soon as it is there */
    bool rehearse; /* everything is recorded and differentiated before, and rewound */
} setting;

typedef struct result {
    const char *what;
    int tensor, step, like; /* like: the result that this one repeats, or -1 */
    int64_t count;
    double *v;
    const double *expected; /* NULL: not known */
} result;

typedef struct outcome {
    result *results;
    int count, room;
    char error[400];
} outcome;

typedef struct player {
    const program *p;
    setting set;
    outcome *out;
    ag_tape *t;
    int step;
    ag_tensor x[MOST_STATEMENTS], wanted[MOST_STATEMENTS];
    const statement *gradient[MOST_STATEMENTS], *loss;
    int first[MOST_STATEMENTS], value[MOST_STATEMENTS]; /* numbers of results, for those that repeat them */
    size_t count, leaves;                               /* wanted: leaves first */
    bool early_done, persistent[MOST_STATEMENTS];
} player;

static UNUSED void forget(outcome *o)
{
    for (int i = 0; i < o->count; i++)
        free(o->results[i].v);
    free(o->results);
    *o = (outcome){ 0 };
}

/* Returns the number of the result. x without a tape: zeros like y. */
static int keep(player *g, const char *what, int tensor, ag_tensor x, ag_tensor like_y, int like,
                const double *expected)
{
    outcome *o = g->out;
    if (o->count == o->room) {
        o->room = o->room ? 2 * o->room : 64;
        o->results = realloc(o->results, (size_t)o->room * sizeof *o->results);
        assert_non_null(o->results);
    }
    int64_t count = ag_size_of(x.tape ? x : like_y);
    result r = { what, tensor, g->step, like, count < 0 ? 0 : count, NULL, expected };
    r.v = calloc((size_t)r.count + 1, sizeof *r.v);
    assert_non_null(r.v);
    if (x.tape && count > 0)
        ag_copy_out(x, AG_F64, r.v, (size_t)count * sizeof *r.v);
    o->results[o->count] = r;
    return o->count++;
}

/* ---- leaves and ops */

static ag_tensor weights(player *g, ag_tensor x)
{
    ag_tensor w = ag_full(g->t, ag_dtype_of(x), ag_shape_of(x), 1);
    int64_t count = ag_size_of(x);
    if (count < 2)
        return w;
    double *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < count; i++)
        v[i] = weight(i);
    ag_copy_in(w, AG_F64, v, (size_t)count * sizeof *v);
    free(v);
    return w;
}

static ag_tensor leaf_values(player *g, const statement *s)
{
    ag_dtype d = s->dtype == AG_FLOAT ? g->set.dtype : s->dtype;
    int64_t count = ag_shape_size(s->shape);
    if (s->shape.rank == 0)
        return ag_full(g->t, d, AG_SCALAR, leaf_value(s, g->step, 0));
    double *v = malloc((size_t)(count + 1) * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < count; i++)
        v[i] = leaf_value(s, g->step, i);
    ag_tensor x = ag_empty(g->t, d, s->shape);
    ag_copy_in(x, AG_F64, v, (size_t)count * sizeof *v);
    free(v);
    return x;
}

static char kind_of_leaf(const player *g, const statement *s)
{
    if (g->set.leaves == ALL_TRANSIENT)
        return s->leaf == 'b' ? 'c' : s->leaf == 'c' ? 'c' : 'v';
    if (g->set.leaves == ALL_PERSISTENT)
        return s->leaf == 'c' ? 'b' : s->leaf == 'v' ? 'p' : s->leaf;
    return s->leaf;
}

/* Persistent ones are made the first time and assigned later. */
static ag_tensor make_leaf(player *g, const statement *s, int tensor)
{
    ag_tensor before = g->x[tensor];
    ag_tensor x = leaf_values(g, s);
    ag_axes order = { .count = s->shape.rank };
    for (int i = 0; i < order.count; i++)
        order.axis[i] = order.count - 1 - i;
    char kind = kind_of_leaf(g, s);
    if (kind == 'c')
        return x;
    if (kind == 'v')
        return s->shape.rank || ag_dtype_of(x) != AG_F64 ? ag_require_grad(x) : ag_variable(g->t, ag_item(x));
    g->persistent[tensor] = true;
    if (!before.tape)
        return kind == 'b' ? ag_buffer(x, "b") : kind == 'p' ? ag_param(x, "p") : ag_param_as(x, order, "q");
    ag_assign(before, x);
    return before;
}

/* The seed shows which values it gets. */
static void assign(player *g, const statement *s, int tensor)
{
    int made = 0;
    for (int i = 0; i < g->p->count; made += makes_tensor(&g->p->s[i++])) {
        if (made == tensor && makes_tensor(&g->p->s[i])) {
            statement other = g->p->s[i];
            other.seed = (uint64_t)s->parameter[0];
            ag_assign(g->x[tensor], leaf_values(g, &other));
        }
    }
}

static void differentiate(player *g, int tensor)
{
    for (int i = 0; i < g->loss->operands; i++) {
        ag_tensor l = g->x[tensor];
        if (g->loss->operand[i] != tensor)
            continue;
        if (ag_size_of(l) == 1)
            ag_backward(l);
        else
            ag_backward_from(l, weights(g, l));
    }
}

static void record(player *g)
{
    ag_tensor operand[MOST_OPERANDS];
    int made = 0;
    for (int i = 0; i < g->p->count; i++) {
        const statement *s = &g->p->s[i];
        for (int k = 0; k < s->operands && k < MOST_OPERANDS; k++)
            operand[k] = g->x[s->operand[k]];
        arguments a = { operand, (size_t)s->operands, s->parameter, s->parameters };
        if (s->kind == LEAF)
            g->x[made] = make_leaf(g, s, made);
        else if (s->kind == OP)
            g->x[made] = s->op->call(&a);
        else if (s->kind == DETACH)
            g->x[made] = ag_detach(operand[0]);
        else if (s->kind == REQUIRE_GRAD)
            g->x[made] = ag_require_grad(operand[0]);
        else if (s->kind == ASSIGN)
            assign(g, s, s->operand[0]);
        else if (s->kind == RETAIN)
            ag_retain_grad(operand[0]);
        else if (s->kind == NO_GRAD)
            ag_no_grad_begin(g->t);
        else if (s->kind == GRAD)
            ag_no_grad_end(g->t);
        if (g->set.early && makes_tensor(s))
            differentiate(g, made);
        made += makes_tensor(s);
    }
}

/* ---- what is read */

static void keep_values(player *g, bool again)
{
    int made = 0;
    for (int i = 0; i < g->p->count; i++) {
        const statement *s = &g->p->s[i];
        if (s->kind == OP) {
            const double *expected = g->step < s->expectations ? &s->expected[g->step] : NULL;
            int r = keep(g, again ? "value, after the passes" : "value", made, g->x[made], absent,
                         again ? g->value[made] : -1, expected);
            if (!again)
                g->value[made] = r;
        }
        made += makes_tensor(s);
    }
}

static bool by_leaves(const statement *gradient, int steps)
{
    return gradient->expectations == 2 * steps;
}

static void find_wanted(player *g)
{
    g->count = g->leaves = 0;
    for (int leaves = 1; leaves >= 0; leaves--) {
        for (int i = 0; i < g->p->count; i++) {
            const statement *s = &g->p->s[i];
            if (s->kind == GRADIENT && by_leaves(s, g->p->steps) == leaves) {
                g->gradient[g->count] = s;
                g->wanted[g->count++] = g->x[s->operand[0]];
                g->leaves += (size_t)leaves;
            }
        }
    }
}

static void keep_first(player *g, const char *what, const ag_tensor *dx)
{
    bool known = strcmp(what, "first: backward");
    for (size_t i = 0; i < g->count; i++) {
        const statement *s = g->gradient[i];
        const double *expected = &s->expected[g->step * (i < g->leaves ? 2 : 1)];
        int r = keep(g, what, s->operand[0], dx[i], absent, known ? g->first[i] : -1, expected);
        if (!known)
            g->first[i] = r;
    }
}

static void keep_second(player *g, const char *what, const ag_tensor *dx, int *like)
{
    for (size_t i = 0; i < g->leaves; i++) {
        const statement *s = g->gradient[i];
        int r = keep(g, what, s->operand[0], dx ? dx[i] : absent, g->wanted[i], like[i], &s->expected[g->step * 2 + 1]);
        if (like[i] < 0)
            like[i] = r;
    }
}

/* ---- passes */

static void backward(player *g, const char *what)
{
    ag_tensor dx[MOST_STATEMENTS];
    int losses = g->early_done ? 0 : g->loss->operands;
    for (int i = 0; i < losses; i++)
        differentiate(g, g->loss->operand[i]);
    g->early_done = false;
    for (size_t i = 0; i < g->count; i++)
        dx[i] = ag_grad(g->wanted[i]);
    keep_first(g, what, dx);
    for (size_t i = 0; i < g->count; i++)
        ag_zero_grad(g->wanted[i]);
}

static ag_tensor total_loss(player *g)
{
    ag_tensor total = ag_constant(g->t, 0);
    for (int i = 0; i < g->loss->operands; i++) {
        ag_tensor l = g->x[g->loss->operand[i]];
        total = ag_add(total, ag_sum(ag_mul(l, weights(g, l))));
    }
    return total;
}

/* dx: the first gradient, with its graph. */
static void second_order(player *g, const ag_tensor *dx)
{
    ag_tensor s = ag_constant(g->t, 0), h[MOST_STATEMENTS];
    ag_list leaves = { g->wanted, g->leaves };
    int like[MOST_STATEMENTS];
    for (size_t i = 0; i < g->leaves; i++) {
        like[i] = -1;
        s = ag_add(s, ag_sum(ag_mul(dx[i], weights(g, dx[i]))));
    }
    if (!ag_needs_grad(s)) {
        keep_second(g, "second: constant", NULL, like);
        return;
    }
    ag_gradients(s, leaves, 0, h);
    keep_second(g, "second: gradients", h, like);
    ag_gradients(s, leaves, AG_CREATE_GRAPH, h);
    keep_second(g, "second: gradients with a graph", h, like);
    ag_backward(s);
    for (size_t i = 0; i < g->leaves; i++)
        h[i] = ag_grad(g->wanted[i]);
    keep_second(g, "second: backward", h, like);
    for (size_t i = 0; i < g->count; i++)
        ag_zero_grad(g->wanted[i]);
}

static void hessian_vector(player *g, ag_tensor total, const ag_tensor *dx)
{
    for (size_t i = 0; i < g->leaves && i < 2; i++) {
        ag_tensor x = g->wanted[i], w = weights(g, x), s = ag_sum(ag_mul(dx[i], w)), h = absent;
        if (ag_needs_grad(s))
            ag_gradients(s, AG_LIST(x), 0, &h);
        int r = keep(g, "second by one leaf", g->gradient[i]->operand[0], h, x, -1, NULL);
        keep(g, "ag_hvp", g->gradient[i]->operand[0], ag_hvp(total, x, w), absent, r, NULL);
    }
}

/* A parameter's gradient is set to zero before the rewind or after it. */
static void rehearse(player *g)
{
    ag_mark mark = ag_tape_mark(g->t);
    record(g);
    find_wanted(g);
    for (int i = 0; i < g->loss->operands && !g->set.early; i++)
        differentiate(g, g->loss->operand[i]);
    if (g->p->number % 2)
        ag_tape_rewind(g->t, mark);
    for (size_t i = 0; i < g->count; i++)
        if (g->p->number % 2 == 0 || g->persistent[g->gradient[i]->operand[0]])
            ag_zero_grad(g->wanted[i]);
    if (g->p->number % 2 == 0)
        ag_tape_rewind(g->t, mark);
}

/* By one of the leaves alone: nothing else need be computed. */
static void one_by_one(player *g, ag_tensor total)
{
    size_t i = (size_t)g->p->number % (g->leaves ? g->leaves : 1);
    ag_tensor dx = inert(g->t);
    if (!g->leaves)
        return;
    ag_gradients(total, AG_LIST(g->wanted[i]), 0, &dx);
    keep(g, "first: by one leaf", g->gradient[i]->operand[0], dx, absent, g->first[i], NULL);
    dx = ag_vjp(total, ag_ones(g->t, ag_dtype_of(total), AG_SCALAR), g->wanted[i]);
    keep(g, "ag_vjp", g->gradient[i]->operand[0], dx, absent, g->first[i], NULL);
}

static void play_step(player *g)
{
    ag_tensor dx[MOST_STATEMENTS];
    for (int i = 0; i < g->p->count; i++)
        if (g->p->s[i].kind == LOSS)
            g->loss = &g->p->s[i];
    if (g->set.rehearse)
        rehearse(g);
    record(g);
    g->early_done = g->set.early;
    keep_values(g, false);
    find_wanted(g);
    backward(g, "first: backward");
    ag_tensor total = total_loss(g);
    ag_list wanted = { g->wanted, g->count };
    ag_gradients(total, wanted, 0, dx);
    keep_first(g, "first: gradients", dx);
    ag_gradients(total, wanted, AG_CREATE_GRAPH, dx);
    keep_first(g, "first: gradients with a graph", dx);
    one_by_one(g, total);
    second_order(g, dx);
    hessian_vector(g, total, dx);
    backward(g, "first: backward once more");
    keep_values(g, true);
}

static UNUSED void play(const program *p, setting set, outcome *out)
{
    static player g;
    *out = (outcome){ 0 };
    g = (player){ .p = p, .set = set, .out = out };
    g.t = ag_tape_new(
        (ag_options){ .dtype = set.dtype, .threads = set.threads, .keep_grads = set.keep_grads, .on_error = ag_quiet });
    assert_non_null(g.t);
    for (g.step = 0; g.step < p->steps && !ag_error(g.t); g.step++) {
        play_step(&g);
        if (!ag_error(g.t))
            ag_tape_reset(g.t);
    }
    if (ag_error(g.t))
        snprintf(out->error, sizeof out->error, "step %d: %s: %s", g.step, ag_status_name(ag_error(g.t)),
                 ag_error_text(g.t));
    ag_tape_free(g.t);
}

#endif
