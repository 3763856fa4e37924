/* Records a program of tests/programs.h on a tape, and keeps numbers that come out. */
#ifndef TESTS_PROGRAMS_RECORD_H
#define TESTS_PROGRAMS_RECORD_H

#include "programs.h"

typedef enum leaf_kinds { AS_WRITTEN, ALL_TRANSIENT, ALL_PERSISTENT } leaf_kinds;

typedef struct setting {
    ag_dtype dtype;
    int threads;
    leaf_kinds leaves;
    bool keep_grads;
    bool early;    /* each loss is differentiated as soon as it is there */
    bool rehearse; /* everything is recorded and differentiated before, and rewound */
    int64_t fuse;  /* as in ag_options */
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
        const arguments a = { operand, (size_t)s->operands, s->parameter, s->parameters, "" };
        if (s->kind == LEAF)
            g->x[made] = make_leaf(g, s, made);
        else if (s->kind == OP)
            s->op->call(&a, &g->x[made]);
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

#endif
