/* Products of the Jacobian and of the second derivative with vectors, as ag_jvp, ag_vjps and ag_hvps make them, against
 * those of rows: ag_jvp is a derivative of the rule by dy, and ag_hvps one of the gradient's graph. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>

typedef struct vectors {
    ag_op_check *k;
    const ag_case *c;
    ag_evaluation v;
    double *u;          /* a direction of all inputs: n */
    double *sum, *size; /* by row: the row's product with it, and of what size its terms are */
    double *found;      /* what the function under test gives */
    ag_tensor *at, *by; /* the inputs; the direction, as tensors */
} vectors;

static void take_row(void *user, int64_t group, const double *row)
{
    const vectors *s = user;
    double size = 0;
    for (int64_t i = 0; i < s->v.n; i++)
        size += fabs(row[i] * s->u[i]);
    s->sum[group] = ag_check_product(row, s->u, s->v.n);
    s->size[group] = size;
}

/* Those of second order are rounded as the first derivative is, of whose terms no more is known than their size. */
static void compare(vectors *s, const char *function, int order, int64_t count)
{
    char place[160];
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = isfinite(s->size[i]) ? fmax(most, s->size[i]) : most;
    for (int64_t i = 0; i < count; i++) {
        double wanted = s->sum[i], found = s->found[i], apart = fabs(found - wanted);
        double allowed = 1e-9 * s->size[i] + (order == 2 ? 1e-11 * (most + s->v.size) : 0);
        ag_check_done(s->k, AG_CHECK_VECTORS, 1);
        if (apart <= allowed || (!isfinite(wanted) && !isfinite(found)))
            continue;
        ag_check_wrong(s->k, AG_CHECK_VECTORS, AG_FAIL, s->c,
                       "%s: at %s it is %.9g, %.9g by rows; allowed difference %.2g", function,
                       order == 2 ? ag_check_input_place(s->v.p, i, place, sizeof place)
                                  : ag_check_output_place(&s->v, i, place, sizeof place),
                       found, wanted, allowed);
    }
}

/* The inputs, the direction as tensors beside them, and the op's outputs. */
static bool apply(vectors *s)
{
    ag_tape *t = s->v.t;
    int64_t at = 0;
    if (!ag_evaluation_run(&s->v))
        return false;
    for (size_t i = 0; i < s->v.p->inputs; i++) {
        int64_t size = ag_shape_size(s->v.p->shape[i]);
        s->at[i] = s->v.leaf[i];
        s->by[i] = ag_from(t, AG_F64, s->v.p->shape[i], s->u + at, (size_t)size * sizeof *s->u);
        at += size;
    }
    return !ag_error(t);
}

static bool counts(const vectors *s, int k)
{
    return s->c->outputs == 1 || ag_is_float(s->v.dtype[k]);
}

static void read(ag_tensor from, double **to)
{
    int64_t size = ag_size_of(from);
    ag_copy_out(from, AG_F64, *to, (size_t)size * sizeof **to);
    *to += size;
}

static ag_list list(const ag_tensor *x, const vectors *s)
{
    return (ag_list){ x, s->v.p->inputs };
}

/* How the outputs move; then the adjoint test: <w, J u> = <J' w, u>. */
static void check_jvp(vectors *s)
{
    double *to = s->found, forward = 0, backward = 0;
    for (int k = 0; k < s->c->outputs; k++)
        if (counts(s, k))
            read(ag_jvp(s->v.y[k], list(s->at, s), list(s->by, s)), &to);
    if (ag_error(s->v.t))
        return;
    compare(s, "ag_jvp", 1, s->v.m);
    for (int64_t i = 0; i < s->v.m; i++)
        forward += s->v.weight[0][i] * s->v.group_weight[i] * s->found[i];
    backward = ag_check_product(s->v.gradient, s->u, s->v.n);
    double size = 0;
    for (int64_t i = 0; i < s->v.n; i++)
        size += fabs(s->v.gradient_size[i] * s->u[i]);
    ag_check_done(s->k, AG_CHECK_VECTORS, 1);
    if (!(fabs(forward - backward) <= 1e-9 * size) && isfinite(forward) && isfinite(backward))
        ag_check_wrong(s->k, AG_CHECK_VECTORS, AG_FAIL, s->c,
                       "<w, J u> by ag_jvp is %.9g, <J' w, u> %.9g; allowed difference %.2g", forward, backward,
                       1e-9 * size);
}

/* In one go, and as the way in which the gradient moves. */
static void check_hvp(vectors *s)
{
    ag_tape *t = s->v.t;
    size_t inputs = s->v.p->inputs;
    ag_tensor y = ag_evaluation_sum(&s->v, 1, AG_ALL_GROUPS), h[AG_CASE_INPUTS], g[AG_CASE_INPUTS];
    double *to = s->found;
    ag_hvps(y, list(s->at, s), list(s->by, s), h);
    for (size_t i = 0; i < inputs; i++)
        read(h[i], &to);
    if (!ag_error(t))
        compare(s, "ag_hvps", 2, s->v.n);
    to = s->found;
    ag_gradients(y, list(s->at, s), AG_CREATE_GRAPH, g);
    for (size_t i = 0; i < inputs; i++)
        read(ag_jvp(g[i], list(s->at, s), list(s->by, s)), &to);
    if (!ag_error(t))
        compare(s, "ag_jvp of the gradient", 2, s->v.n);
}

static void check_order(vectors *s, int order)
{
    ag_tape *t = s->v.t;
    if (!ag_evaluation_rows(&s->v, order, take_row, s))
        return;
    ag_mark mark = ag_tape_mark(t);
    if (apply(s)) {
        if (order == 1)
            check_jvp(s);
        else
            check_hvp(s);
    }
    if (ag_error(t))
        ag_check_wrong(s->k, AG_CHECK_VECTORS, AG_FAIL, s->c, "%s: %s: %s", order == 1 ? "ag_jvp" : "ag_hvps",
                       ag_status_name(ag_error(t)), ag_error_text(t));
    ag_error_clear(t);
    ag_tape_rewind(t, mark);
}

static void check(void *user, const ag_probe *p)
{
    vectors *s = user;
    ag_probe_result result;
    ag_tape *t = p->tape;
    if (!ag_evaluation_begin(&s->v, p, &result) || s->v.groups[0] < s->v.m || s->v.groups[1] < s->v.n) {
        ag_check_skip(s->k, AG_CHECK_VECTORS, "too many elements to look at row by row");
        return;
    }
    int64_t most = s->v.n > s->v.m ? s->v.n : s->v.m;
    s->u = ag_check_doubles(t, s->v.n);
    s->sum = ag_check_doubles(t, most);
    s->size = ag_check_doubles(t, most);
    s->found = ag_check_doubles(t, most);
    s->at = ag_scratch(t, p->inputs * sizeof *s->at);
    s->by = ag_scratch(t, p->inputs * sizeof *s->by);
    if (ag_check_memory(s->k, !ag_error(t))) {
        ag_random_normal(AG_F64, s->u, s->v.n, 17, AG_CHECK_RANDOM, 0, 1, 1);
        check_order(s, 1);
        check_order(s, 2);
    }
}

void ag_check_vectors(ag_op_check *k, const ag_case *c)
{
    if (!k->differentiable) {
        ag_check_skip(k, AG_CHECK_VECTORS, "there is no derivative");
        return;
    }
    vectors s = { .k = k, .c = c };
    ag_case_probed(k, c, 2, 0, check, &s);
}
