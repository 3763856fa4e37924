/* Structural zeros of elementwise ops: where dy is 0 the gradient is 0, also where the derivative is infinite. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>
#include <stdio.h>

enum { PLACES = 8 };

typedef enum way { BY_KERNEL, BY_RULE, BY_KERNEL_F32, OF_NUMBERS, OF_NUMBERS_BY_RULE, WAYS } way;
static const char *const way_names[WAYS] = { "ag_backward", "ag_gradients with a graph", "ag_backward in f32", "rank 0",
                                             "rank 0 with a graph" };

static ag_tensor leaf(ag_tape *t, way w, double bad, double good)
{
    double x[2] = { bad, good };
    float y[2] = { (float)bad, (float)good };
    if (w == OF_NUMBERS || w == OF_NUMBERS_BY_RULE)
        return ag_variable(t, bad);
    if (w == BY_KERNEL_F32)
        return ag_require_grad(ag_from(t, AG_F32, AG_SHAPE(2), y, sizeof y));
    return ag_require_grad(ag_from(t, AG_F64, AG_SHAPE(2), x, sizeof x));
}

/* The adjoint of the bad element is `seed`, that of the good one 1. */
static ag_status differentiate(ag_tape *t, way w, double seed, ag_list x, ag_tensor y, ag_tensor *dx)
{
    double seeds[2] = { seed, 1 };
    float seeds_f32[2] = { (float)seed, 1 };
    bool graph = w == BY_RULE || w == OF_NUMBERS_BY_RULE;
    if (w == OF_NUMBERS || w == OF_NUMBERS_BY_RULE)
        return ag_gradients(ag_mul_scalar(y, seed), x, graph ? AG_CREATE_GRAPH : 0, dx);
    ag_tensor weight = w == BY_KERNEL_F32 ? ag_from(t, AG_F32, AG_SHAPE(2), seeds_f32, sizeof seeds_f32)
                                          : ag_from(t, AG_F64, AG_SHAPE(2), seeds, sizeof seeds);
    return ag_gradients(ag_sum(ag_mul(y, weight)), x, graph ? AG_CREATE_GRAPH : 0, dx);
}

/* The gradients at the bad element of each operand. False: the op does not work there. */
static bool gradients_at(const ag_case *c, way w, double seed, const double *bad, double *g)
{
    ag_tape *t = ag_case_tape(AG_F64, 1, 0);
    ag_tensor x[AG_CASE_INPUTS], dx[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS];
    if (!t)
        return false;
    for (int i = 0; i < c->count; i++)
        x[i] = leaf(t, w, bad[i], (c->low[i] + c->high[i]) / 2);
    bool ok = !ag_case_apply(c, x, y) && !differentiate(t, w, seed, (ag_list){ x, (size_t)c->count }, y[0], dx);
    for (int i = 0; ok && i < c->count; i++)
        g[i] = ag_item_at(dx[i], 0);
    ag_tape_free(t);
    return ok;
}

static void check_place(ag_op_check *k, const ag_case *c, const double *bad)
{
    double g[AG_CASE_INPUTS], zero[AG_CASE_INPUTS];
    bool in_double = false;
    for (way w = 0; w < WAYS; w++) {
        bool infinite = false;
        if (w == BY_KERNEL_F32 && !in_double)
            continue; /* out of the range of f32 */
        if (!gradients_at(c, w, 1, bad, g))
            continue;
        for (int i = 0; i < c->count; i++)
            infinite |= !isfinite(g[i]);
        in_double |= infinite && w == BY_KERNEL;
        if (!infinite || !gradients_at(c, w, 0, bad, zero))
            continue;
        ag_check_done(k, AG_CHECK_ZEROS, 1);
        for (int i = 0; i < c->count; i++)
            if (zero[i] != 0)
                ag_check_wrong(
                    k, AG_CHECK_ZEROS, AG_FAIL, c,
                    "at x = %g%s the derivative by operand %d is %g, and where dy is 0 the gradient is %g (%s); "
                    "see ag_chain",
                    bad[0], c->count > 1 ? " ..." : "", i + 1, g[i], zero[i], way_names[w]);
    }
}

/* Where to look: of built-in ops everywhere, of others inside of their samples' bounds, beyond which nothing is
 * promised. */
static int places(const ag_op_check *k, const ag_case *c, int i, double *to)
{
    const double all[] = { 0, 1, -1, c->low[i], c->high[i] };
    int count = 0;
    for (int j = 0; j < 5; j++)
        if (k->builtin || (all[j] > c->low[i] && all[j] < c->high[i]))
            to[count++] = all[j];
    return count;
}

void ag_check_zeros(ag_op_check *k, const ag_case *c)
{
    int64_t before = k->result[AG_CHECK_ZEROS].done;
    double at[2][PLACES], bad[AG_CASE_INPUTS];
    if (!c->op->map || !k->differentiable || c->count > 2) {
        ag_check_skip(k, AG_CHECK_ZEROS, c->op->map ? "no derivative, or more than two operands" : "not elementwise");
        return;
    }
    int first = places(k, c, 0, at[0]), second = c->count > 1 ? places(k, c, 1, at[1]) : 1;
    for (int i = 0; i < first; i++)
        for (int j = 0; j < second; j++) {
            bad[0] = at[0][i];
            bad[1] = at[1][j];
            check_place(k, c, bad);
        }
    if (k->result[AG_CHECK_ZEROS].done == before)
        ag_check_skip(k, AG_CHECK_ZEROS,
                      "the derivative is finite at -1, 0, 1 and the bounds, as far as they are allowed");
}
