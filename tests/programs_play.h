/* Plays a program of tests/programs.h: records it, and differentiates it by every way there is. */
#ifndef TESTS_PROGRAMS_PLAY_H
#define TESTS_PROGRAMS_PLAY_H

#include "programs_record.h"

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

/* The highest derivative by this tensor that is known: of intermediate results the first. */
static int order_of(const player *g, const statement *gradient)
{
    return gradient->expectations / g->p->steps;
}

static void find_wanted(player *g)
{
    g->count = g->leaves = 0;
    for (int leaves = 1; leaves >= 0; leaves--) {
        for (int i = 0; i < g->p->count; i++) {
            const statement *s = &g->p->s[i];
            if (s->kind == GRADIENT && (order_of(g, s) > 1) == leaves) {
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
        const double *expected = &s->expected[g->step * order_of(g, s)];
        int r = keep(g, what, s->operand[0], dx[i], absent, known ? g->first[i] : -1, expected);
        if (!known)
            g->first[i] = r;
    }
}

static void keep_higher(player *g, int order, const char *what, const ag_tensor *dx, int *like)
{
    for (size_t i = 0; i < g->leaves; i++) {
        const statement *s = g->gradient[i];
        const double *expected = &s->expected[g->step * order_of(g, s) + order - 1];
        int r = keep(g, what, s->operand[0], dx ? dx[i] : absent, g->wanted[i], like[i], expected);
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

/* The gradient of the weighted sum of dx, which is of the order before and has its graph. */
static void higher_order(player *g, int order, const ag_tensor *dx)
{
    static const char *const names[][3] = {
        { "second: gradients", "second: gradients with a graph", "second: backward" },
        { "third: gradients", "third: gradients with a graph", "third: backward" },
    };
    const char *const *name = names[order - 2];
    ag_tensor s = ag_constant(g->t, 0), h[MOST_STATEMENTS], again[MOST_STATEMENTS];
    ag_list leaves = { g->wanted, g->leaves };
    int like[MOST_STATEMENTS];
    for (size_t i = 0; i < g->leaves; i++) {
        like[i] = -1;
        s = ag_add(s, ag_sum(ag_mul(dx[i], weights(g, dx[i]))));
    }
    if (!ag_needs_grad(s)) { /* it is constant */
        keep_higher(g, order, name[0], NULL, like);
        return;
    }
    ag_gradients(s, leaves, 0, h);
    keep_higher(g, order, name[0], h, like);
    ag_gradients(s, leaves, AG_CREATE_GRAPH, h);
    keep_higher(g, order, name[1], h, like);
    ag_backward(s);
    for (size_t i = 0; i < g->leaves; i++)
        again[i] = ag_grad(g->wanted[i]);
    keep_higher(g, order, name[2], again, like);
    for (size_t i = 0; i < g->count; i++)
        ag_zero_grad(g->wanted[i]);
    if (g->leaves && order < MOST_ORDER && order < order_of(g, g->gradient[0]))
        higher_order(g, order + 1, h);
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

/* ---- Jacobians, whose rows may be computed together, beside passes by themselves */

enum { MOST_ROWS = 40, MOST_ELEMENTS = 4000 };

static ag_tensor single_rows(player *g, ag_tensor y, ag_tensor x)
{
    ag_tensor rows[MOST_ROWS], flat = ag_eye(g->t, ag_dtype_of(y), ag_size_of(y));
    const int count = (int)ag_size_of(y);
    for (int i = 0; i < count; i++)
        rows[i] = ag_vjp(y, ag_reshape(ag_select(flat, 0, i), ag_shape_of(y)), x);
    return ag_stack((ag_list){ rows, (size_t)count }, 0);
}

static void jacobian(player *g, int of, size_t by)
{
    ag_tensor y = g->x[of], x = g->wanted[by], w = weights(g, x);
    const int64_t rows = ag_size_of(y), size = ag_size_of(x);
    const int tensor = g->gradient[by]->operand[0];
    if (rows < 1 || rows > MOST_ROWS || size < 1 || rows * size > MOST_ELEMENTS ||
        ag_shape_of(x).rank + ag_shape_of(y).rank > AG_MAX_RANK || ag_shape_of(x).rank == AG_MAX_RANK)
        return;
    ag_tensor j = ag_jacobian(y, x), flat = ag_reshape(ag_cast(j, AG_F64), AG_SHAPE(rows, size));
    int r = keep(g, "row by row", tensor, single_rows(g, y, x), absent, -1, NULL);
    keep(g, "ag_jacobian", tensor, j, absent, r, NULL);
    r = keep(g, "the Jacobian times a vector", tensor, ag_matmul(flat, ag_reshape(ag_cast(w, AG_F64), AG_SHAPE(size))),
             absent, -1, NULL);
    keep(g, "ag_jvp", tensor, ag_jvp(y, AG_LIST(x), AG_LIST(w)), absent, r, NULL);
}

static void jacobians(player *g, ag_tensor total)
{
    for (size_t i = 0; i < g->leaves && i < 2; i++) {
        ag_tensor x = g->wanted[i], w = weights(g, x);
        const int64_t size = ag_size_of(x);
        jacobian(g, g->loss->operand[0], i);
        if (g->set.dtype != AG_F64 || size < 1 || size > MOST_ROWS || 2 * ag_shape_of(x).rank > AG_MAX_RANK)
            continue;
        int r = keep(g, "ag_hvp", g->gradient[i]->operand[0], ag_hvp(total, x, w), absent, -1, NULL);
        ag_tensor h = ag_reshape(ag_cast(ag_hessian(total, x), AG_F64), AG_SHAPE(size, size));
        h = ag_matmul(h, ag_reshape(ag_cast(w, AG_F64), AG_SHAPE(size)));
        keep(g, "ag_hessian times a vector", g->gradient[i]->operand[0], h, absent, r, NULL);
    }
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
    higher_order(g, 2, dx);
    hessian_vector(g, total, dx);
    jacobians(g, total);
    backward(g, "first: backward once more");
    keep_values(g, true);
}

static UNUSED void play(const program *p, setting set, outcome *out)
{
    static player g;
    *out = (outcome){ 0 };
    g = (player){ .p = p, .set = set, .out = out };
    g.t = ag_tape_new((ag_options){ .dtype = set.dtype,
                                    .threads = set.threads,
                                    .keep_grads = set.keep_grads,
                                    .on_error = ag_quiet,
                                    .fuse = set.fuse });
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
