/* Eigenvalues and eigenvectors of symmetric matrices. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

static ag_status eigen_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = ag_call_matrices(c, x, true);
    if (status)
        return status;
    y[0].shape = y[1].shape = x->shape;
    y[0].dtype = y[1].dtype = x->dtype;
    y[0].shape.rank--;
    return AG_OK;
}

typedef struct matrices {
    ag_array x, values, vectors;
    bool *failed;
    bool wanted; /* the vectors */
} matrices;

static void decompose_one(const void *context, int64_t i, ag_work *w)
{
    const matrices *s = context;
    const int64_t n = s->x.shape.dim[s->x.shape.rank - 1];
    double *a = w->room, *z = a + n * n, *values = z + n * n;
    bool finite = true;
    if (!w->measuring) {
        ag_matrix_load(&s->x, i, a);
        for (int64_t k = 0; k < n; k++)
            for (int64_t j = 0; j < k; j++)
                a[k * n + j] = a[j * n + k] = (a[k * n + j] + a[j * n + k]) / 2;
        finite = ag_all_finite(n * n, a);
    }
    if (finite)
        s->failed[i] = !ag_eigen_run(n, a, values, s->wanted ? z : NULL, values + n, w);
    if (w->measuring)
        return;
    for (int64_t k = 0; k < n && !finite; k++)
        values[k] = NAN;
    ag_matrix_store(&s->values, i, values);
    for (int64_t k = 0; k < n * n && !finite; k++)
        z[k] = NAN;
    if (s->wanted)
        ag_matrix_store(&s->vectors, i, z);
}

static ag_status decompose(const ag_call *c, const ag_array *x, ag_array *y, bool wanted)
{
    if (ag_array_size(x) == 0)
        return AG_OK;
    const int64_t n = x->shape.dim[x->shape.rank - 1], count = ag_matrix_count(x->shape);
    matrices s = { *x, ag_with_axis(&y[0], y[0].shape.rank), ag_swapped(&y[1]), ag_call_scratch(c, (size_t)count),
                   wanted };
    if (!s.failed)
        return AG_ENOMEM;
    memset(s.failed, 0, (size_t)count);
    ag_status status = ag_each_matrix(c, count, (double)n * (double)n * (double)n + 256,
                                      2 * n * n + n + ag_eigen_room(n), decompose_one, &s);
    for (int64_t i = 0; i < count && !status; i++)
        if (s.failed[i])
            status = ag_call_matrix_fail(c, x, i, "has eigenvalues that are not found");
    return status;
}

static ag_status eigh_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return decompose(c, x, y, true);
}

static ag_status eigvalsh_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return decompose(c, x, y, !ag_call_tape(c)->no_grad);
}

/* dx = v (diag(dw) + k) v', k[i,j] = s[i,j] / (w[j] - w[i]), s the antisymmetric part of v' dv: 0 where s is, even where
 * eigenvalues are equal */
static void eigen_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor w = ag_call_output(c, 0), v = ag_call_output(c, 1), turned = ag_transpose(v, -2, -1);
    const ag_tensor m = ag_matmul(turned, dy[1]);
    const ag_tensor s = ag_mul_scalar(ag_sub(m, ag_transpose(m, -2, -1)), 0.5);
    const ag_tensor gaps = ag_sub(ag_unsqueeze(w, -2), ag_unsqueeze(w, -1));
    const ag_tensor k = ag_chain(s, ag_scalar_div(1, gaps));
    const ag_tensor left = ag_add(ag_mul(v, ag_unsqueeze(dy[0], -2)), ag_matmul(v, k));
    dx[0] = ag_matmul(left, turned);
}

/* clang-format off */
#define SAMPLE(...) { .low = { -0.3 }, .high = { 0.3 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */
static const ag_sample samples[] = { SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 3, 3)), { 0 } };

AG_OP(eigh) = {
    .name = "eigh",
    .formula = "ascending w and orthogonal v with x = v diag(w) v', x symmetric",
    .inputs = 1,
    .outputs = 2,
    .flags = AG_STRIDED,
    .shape = eigen_shape,
    .forward = eigh_forward,
    .vjp = eigen_vjp,
    .samples = samples,
};

/* ag_eigh - the eigenvalues w[..,n] of symmetric matrices x[..,n,n], ascending, and their eigenvectors, the columns of
 * v[..,n,n], of length 1; the first of the largest elements of each is positive (what is within a thousandth of the
 * largest counts). Of an x that is not symmetric the symmetric part (x + x') / 2 is meant: so the gradient is symmetric,
 * and right for every element. NaN where a matrix is not finite.
 *   x = v diag(w) v'        dx = v (diag(dw) + k) v', k[i,j] = s[i,j] / (w[j] - w[i]), s the antisymmetric part of v' dv
 *                           (Giles 2008): what does not move vectors of equal eigenvalues has a gradient, what does has none
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_eigen ag_eigh(ag_tensor x)
{
    ag_tensor y[2];
    ag_apply_all(&ag_op_eigh, AG_LIST(x), NULL, y);
    return (ag_eigen){ y[0], y[1] };
}

AG_OP(eigvalsh) = {
    .name = "eigvalsh",
    .formula = "the eigenvalues of symmetric x, ascending",
    .inputs = 1,
    .saved = 1,
    .flags = AG_STRIDED,
    .shape = eigen_shape,
    .forward = eigvalsh_forward,
    .vjp = eigen_vjp,
    .samples = samples,
};

/* ag_eigvalsh - the eigenvalues of ag_eigh; where no gradient is recorded no vectors are computed. Of equal eigenvalues
 * the gradient is that of one choice of vectors: sums over them, and what else does not tell them apart, have the right
 * one.
 *   w: x = v diag(w) v'        dx = v diag(dw) v'
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_eigvalsh(ag_tensor x)
{
    return AG_APPLY(eigvalsh, AG_LIST(x), NULL);
}
