/* Singular values and vectors of matrices. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

/* The vectors of the smaller side are as many as the values. */
static ag_status singular_shape(const ag_call *c, const ag_array *x, ag_array *u, ag_array *s, ag_array *vt)
{
    const ag_status status = ag_call_matrices(c, x, false);
    if (status)
        return status;
    const int rank = x->shape.rank;
    const int64_t m = x->shape.dim[rank - 2], n = x->shape.dim[rank - 1], k = m < n ? m : n;
    u->dtype = s->dtype = vt->dtype = x->dtype;
    u->shape = s->shape = vt->shape = x->shape;
    u->shape.dim[rank - 1] = k;
    vt->shape.dim[rank - 2] = k;
    s->shape.rank--;
    s->shape.dim[rank - 2] = k;
    return AG_OK;
}

typedef struct matrices { /* of x as it is, or of x' where it is wide */
    ag_array x, u, s, vt;
    bool *failed;
    bool wanted; /* the vectors */
} matrices;

static void fill_nan(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = NAN;
}

static void decompose_one(const void *context, int64_t i, ag_work *w)
{
    const matrices *s = context;
    const int rank = s->x.shape.rank;
    const int64_t m = s->x.shape.dim[rank - 2], n = s->x.shape.dim[rank - 1];
    double *a = w->room, *u = a + m * n, *vt = u + m * n, *values = vt + n * n;
    bool finite = true;
    if (!w->measuring) {
        ag_matrix_load(&s->x, i, a);
        finite = ag_all_finite(m * n, a);
    }
    if (finite)
        s->failed[i] = !ag_singular_run(m, n, a, values, s->wanted ? u : NULL, s->wanted ? vt : NULL, values + n, w);
    else
        fill_nan(u, m * n + n * n + n);
    if (w->measuring)
        return;
    ag_matrix_store(&s->s, i, values);
    if (!s->wanted)
        return;
    ag_matrix_store(&s->u, i, u);
    ag_matrix_store(&s->vt, i, vt);
}

static ag_status decompose(const ag_call *c, const ag_array *x, const ag_array *u, const ag_array *s,
                           const ag_array *vt, bool wanted)
{
    const int rank = x->shape.rank;
    const bool wide = x->shape.dim[rank - 2] < x->shape.dim[rank - 1];
    const int64_t m = x->shape.dim[wide ? rank - 1 : rank - 2], n = x->shape.dim[wide ? rank - 2 : rank - 1];
    if (ag_array_size(x) == 0)
        return AG_OK;
    const int64_t count = ag_matrix_count(x->shape);
    matrices all = { wide ? ag_swapped(x) : *x,  wide ? ag_swapped(vt) : *u,        ag_with_axis(s, s->shape.rank),
                     wide ? ag_swapped(u) : *vt, ag_call_scratch(c, (size_t)count), wanted };
    if (!all.failed)
        return AG_ENOMEM;
    memset(all.failed, 0, (size_t)count);
    ag_status status = ag_each_matrix(c, count, 2 * (double)m * (double)n * (double)n + 256,
                                      2 * m * n + n * n + n + ag_singular_room(m, n), decompose_one, &all);
    for (int64_t i = 0; i < count && !status; i++)
        if (all.failed[i])
            status = ag_call_matrix_fail(c, x, i, "has singular values that are not found");
    return status;
}

/* ---- the derivative */

typedef struct parts {
    ag_tensor u, s, vt;
} parts;

static ag_tensor turned(ag_tensor x)
{
    return ag_transpose(x, -2, -1);
}

static ag_tensor skew(ag_tensor x)
{
    return ag_sub(x, turned(x));
}

/* What of dy lies outside the space of u's columns, over s. */
static ag_tensor outside(ag_tensor u, ag_tensor du, ag_tensor s)
{
    const ag_tensor rest = ag_sub(du, ag_matmul(u, ag_matmul(turned(u), du)));
    return ag_chain(rest, ag_scalar_div(1, ag_unsqueeze(s, -2)));
}

/* 0 where the adjoint of the vectors is, even where values are equal or 0. */
static ag_tensor singular_adjoint(parts y, parts dy)
{
    const ag_shape su = ag_shape_of(y.u), sv = ag_shape_of(y.vt);
    if (su.rank < 2 || sv.rank < 2)
        return dy.s;
    const int64_t m = su.dim[su.rank - 2], k = su.dim[su.rank - 1], n = sv.dim[sv.rank - 1];
    const ag_tensor row = ag_unsqueeze(y.s, -2), column = ag_unsqueeze(y.s, -1);
    const ag_tensor v = turned(y.vt), dv = turned(dy.vt);
    const ag_tensor over = ag_scalar_div(1, ag_mul(ag_sub(row, column), ag_add(row, column)));
    const ag_tensor left = ag_mul(ag_chain(skew(ag_matmul(turned(y.u), dy.u)), over), row);
    const ag_tensor right = ag_mul(column, ag_chain(skew(ag_matmul(y.vt, dv)), over));
    ag_tensor by_u = ag_add(ag_matmul(y.u, ag_add(left, right)), ag_mul(y.u, ag_unsqueeze(dy.s, -2)));
    if (m > k)
        by_u = ag_add(by_u, outside(y.u, dy.u, y.s));
    const ag_tensor dx = ag_matmul(by_u, y.vt);
    return n > k ? ag_add(dx, ag_matmul(y.u, turned(outside(v, dv, y.s)))) : dx;
}

/* ---- the ops */

static ag_status svd_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return singular_shape(c, x, &y[0], &y[1], &y[2]);
}

static ag_status svd_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return decompose(c, x, &y[0], &y[1], &y[2], true);
}

static void svd_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const parts y = { ag_call_output(c, 0), ag_call_output(c, 1), ag_call_output(c, 2) };
    dx[0] = singular_adjoint(y, (parts){ dy[0], dy[1], dy[2] });
}

/* clang-format off */
#define SAMPLE(...) { .low = { -0.3 }, .high = { 0.3 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */
static const ag_sample samples[] = { SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 4, 2)), SAMPLE(AG_DIMS(2, 4)), { 0 } };

AG_OP(svd) = {
    .name = "svd",
    .formula = "u, descending s and vh with x = u diag(s) vh",
    .inputs = 1,
    .outputs = 3,
    .flags = AG_STRIDED,
    .shape = svd_shape,
    .forward = svd_forward,
    .vjp = svd_vjp,
    .samples = samples,
};

/* ag_svd - matrices x[..,m,n] as u[..,m,k] diag(s[..,k]) vh[..,k,n], k the smaller of m and n: the singular values s,
 * descending, and their vectors, the columns of u and the rows of vh, of length 1. The first of the largest elements of
 * the longer of both, of u's where they are as long, is positive (what is within a thousandth of the largest counts). NaN
 * where a matrix is not finite.
 *   x = u diag(s) vh        dx = u (f s + s g + diag(ds)) vh + (1 - u u') du s^-1 vh + u s^-1 dvh (1 - vh' vh), f[i,j] =
 *       (u' du - du' u)[i,j] / (s[j]^2 - s[i]^2), g the same of vh' (Giles 2008): what does not move vectors of equal values
 *       has a gradient, what does has none
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_singular ag_svd(ag_tensor x)
{
    ag_tensor y[3];
    ag_apply_all(&ag_op_svd, AG_LIST(x), NULL, y);
    return (ag_singular){ y[0], y[1], y[2] };
}

static ag_status svdvals_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return singular_shape(c, x, &y[1], &y[0], &y[2]);
}

static ag_status svdvals_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return decompose(c, x, &y[1], &y[0], &y[2], !ag_call_tape(c)->no_grad);
}

static void svdvals_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const parts y = { ag_call_output(c, 1), ag_call_output(c, 0), ag_call_output(c, 2) };
    dx[0] = singular_adjoint(y, (parts){ dy[1], dy[0], dy[2] });
}

AG_OP(svdvals) = {
    .name = "svdvals",
    .formula = "the singular values of x, descending",
    .inputs = 1,
    .saved = 2,
    .flags = AG_STRIDED,
    .shape = svdvals_shape,
    .forward = svdvals_forward,
    .vjp = svdvals_vjp,
    .samples = samples,
};

/* ag_svdvals - the singular values s[..,k] of ag_svd; where no gradient is recorded no vectors are computed. Of equal
 * values, and of those that are 0, the gradient is that of one choice of vectors.
 *   s: x = u diag(s) vh        dx = u diag(ds) vh
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_svdvals(ag_tensor x)
{
    return AG_APPLY(svdvals, AG_LIST(x), NULL);
}
