/* The forward derivative: an op's jvp rule against the Jacobian of its vjp rule, output by output, which includes the
 * adjoint test <v, J u> = <J' v, u>; and numeric derivatives along random directions. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>

enum { DIRECTIONS = 2 };

/* ---- J u by the vjp rule */

typedef struct products { /* of the rows of J with directions */
    const double *u;      /* a direction per input, one after the other, zero elsewhere: count of n each */
    int64_t n, count;
    double *sum, *size; /* by row and direction */
} products;

static void take_row(void *user, int64_t row, const double *g)
{
    products *p = user;
    for (int64_t k = 0; k < p->count; k++) {
        double *sum = &p->sum[row * p->count + k], *size = &p->size[row * p->count + k];
        *sum = *size = 0;
        for (int64_t i = 0; i < p->n; i++) {
            *sum += g[i] * p->u[k * p->n + i];
            *size += fabs(g[i] * p->u[k * p->n + i]);
        }
    }
}

/* ---- J u by the jvp rule */

static void run_jvp(const ag_probe *p, const ag_tensor *x, const double *u, ag_tensor *dy)
{
    const ag_case *c = p->user;
    ag_tape *t = p->tape;
    ag_tensor inputs[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS], dx[AG_CASE_INPUTS] = { 0 };
    for (int i = 0; i < c->count; i++) {
        if (!ag_case_is_float(c, i)) {
            inputs[i] = ag_case_constant(c, t, i);
            continue;
        }
        int64_t size = ag_shape_size(c->shape[i]);
        bool moves = false;
        inputs[i] = *x++;
        for (int64_t j = 0; j < size; j++)
            moves |= u[j] != 0;
        if (moves)
            dx[i] = ag_from(t, AG_F64, c->shape[i], u, (size_t)size * sizeof *u);
        u += size;
    }
    if (ag_case_apply(c, inputs, y))
        return;
    ag_call call;
    uint32_t ids[3];
    double constants[2];
    ag_call_of(t, y[0].id, &call, ids, constants);
    ag_tensor all[AG_MAX_OUTPUTS] = { 0 }; /* with those of saved outputs, which nobody reads */
    c->op->jvp(&call, dx, all);
    for (int k = 0; k < c->outputs; k++) {
        dy[k] = all[k];
        if (!dy[k].tape)
            dy[k] = ag_zeros(t, ag_dtype_of(y[k]), ag_shape_of(y[k]));
        else if (!ag_shape_equal(ag_shape_of(dy[k]), ag_shape_of(y[k])))
            dy[k] = ag_expand(dy[k], ag_shape_of(y[k]));
    }
}

/* ---- comparing */

typedef struct forward { /* what both rules are asked for */
    ag_op_check *k;
    const ag_case *c;
    ag_evaluation v;
    products rows;
} forward;

/* A direction in each input by itself, then in all together. */
static bool draw_directions(forward *f)
{
    const ag_probe *p = f->v.p;
    products *r = &f->rows;
    r->n = f->v.n;
    r->count = (int64_t)p->inputs + 1;
    double *u = ag_check_doubles(f->v.t, r->n * r->count);
    r->u = u;
    r->sum = ag_check_doubles(f->v.t, f->v.m * r->count);
    r->size = ag_check_doubles(f->v.t, f->v.m * r->count);
    if (!u || !r->sum || !r->size)
        return false;
    memset(u, 0, (size_t)(r->n * r->count) * sizeof *u);
    double *all = u + r->n * (r->count - 1);
    ag_random_normal(AG_F64, all, r->n, 5, AG_CHECK_RANDOM, 0, 1, 1);
    int64_t at = 0;
    for (size_t i = 0; i < p->inputs; i++) {
        int64_t size = ag_shape_size(p->shape[i]);
        memcpy(u + (int64_t)i * r->n + at, all + at, (size_t)size * sizeof *u);
        at += size;
    }
    return true;
}

/* One direction's dy, element by element; the floating outputs one after the other, as in the rows. */
static void compare_direction(forward *f, int64_t direction, const ag_tensor *dy)
{
    char place[160];
    int64_t row = 0;
    for (int k = 0; k < f->c->outputs; k++) {
        int64_t size = ag_size_of(dy[k]);
        for (int64_t j = 0; j < size && (f->c->outputs == 1 || ag_is_float(ag_dtype_of(dy[k]))); j++, row++) {
            int64_t at = row * f->rows.count + direction;
            double forward = ag_item_at(dy[k], j), backward = f->rows.sum[at], allowed = 1e-9 * f->rows.size[at];
            if (!(fabs(forward - backward) <= allowed) && !(isnan(forward) && isnan(backward)))
                ag_check_wrong(f->k, AG_CHECK_JVP, AG_FAIL, f->c,
                               "%s moves by %.9g by the jvp rule, by %.9g by the vjp rule; allowed difference %.2g",
                               ag_check_output_place(&f->v, row, place, sizeof place), forward, backward, allowed);
            ag_check_done(f->k, AG_CHECK_JVP, 1);
        }
    }
}

static bool make_leaves(const ag_probe *p, ag_tensor *x)
{
    const double *values = p->x;
    for (size_t i = 0; i < p->inputs; i++) {
        int64_t size = ag_shape_size(p->shape[i]);
        x[i] = p->shape[i].rank == 0
                   ? ag_variable(p->tape, *values)
                   : ag_require_grad(ag_from(p->tape, AG_F64, p->shape[i], values, (size_t)size * sizeof *values));
        values += size;
    }
    return !ag_error(p->tape);
}

static void compare_rules(void *user, const ag_probe *p)
{
    forward *f = user;
    ag_probe_result result;
    ag_tensor x[AG_CASE_INPUTS], dy[AG_CASE_OUTPUTS];
    if (!ag_evaluation_begin(&f->v, p, &result) || f->v.groups[0] < f->v.m)
        return;
    if (!draw_directions(f) || !ag_evaluation_rows(&f->v, 1, take_row, &f->rows))
        return;
    for (int64_t d = 0; d < f->rows.count; d++) {
        ag_mark mark = ag_tape_mark(p->tape);
        p->tape->random_calls = f->v.random_calls;
        if (make_leaves(p, x))
            run_jvp(p, x, f->rows.u + d * f->rows.n, dy);
        if (!ag_error(p->tape))
            compare_direction(f, d, dy);
        if (ag_error(p->tape))
            ag_check_wrong(f->k, AG_CHECK_JVP, AG_FAIL, f->c, "the jvp rule: %s: %s", ag_status_name(ag_error(p->tape)),
                           ag_error_text(p->tape));
        ag_error_clear(p->tape);
        ag_tape_rewind(p->tape, mark);
    }
}

void ag_check_jvp(ag_op_check *k, const ag_case *c)
{
    if (!k->differentiable) {
        ag_check_skip(k, AG_CHECK_JVP, "there is no derivative");
        return;
    }
    ag_check_numeric(k, AG_CHECK_JVP, c, 1, DIRECTIONS);
    if (!c->op->jvp) {
        ag_check_skip(k, AG_CHECK_JVP, "no jvp rule: numeric derivatives along directions only");
        return;
    }
    forward f = { .k = k, .c = c };
    ag_case_probed(k, c, 1, 0, compare_rules, &f);
}
