/* The inverse of matrices. */
#include "ag/ops/linear_algebra/matrices.h"

static ag_status inverse_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->shape = x->shape;
    y->dtype = x->dtype;
    return ag_call_matrices(c, x, true);
}

typedef struct inverses {
    ag_array y;
    const double *lu;
    const int64_t *pivots;
} inverses;

static void invert_one(const void *context, int64_t i, ag_work *w)
{
    const inverses *v = context;
    const int64_t n = v->y.shape.dim[v->y.shape.rank - 1];
    if (w->measuring)
        return;
    memset(w->room, 0, (size_t)(n * n) * sizeof *w->room);
    for (int64_t k = 0; k < n; k++)
        w->room[k * n + k] = 1;
    ag_lu_solve(n, v->lu + i * n * n, v->pivots + i * n, false, n, w->room, w);
    ag_matrix_store(&v->y, i, w->room);
}

static ag_status inverse_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t size = ag_array_size(x), n = x->shape.dim[x->shape.rank - 1];
    if (size == 0)
        return AG_OK;
    double *lu = ag_call_scratch(c, (size_t)size * sizeof *lu);
    int64_t *pivots = ag_call_scratch(c, (size_t)(size / n) * sizeof *pivots);
    if (!lu || !pivots)
        return AG_ENOMEM;
    const ag_status status = ag_lu_all(c, x, lu, pivots, true);
    const inverses v = { *y, lu, pivots };
    if (status)
        return status;
    return ag_each_matrix(c, ag_matrix_count(x->shape), (double)n * (double)n * (double)n / 4 + 64, n * n, invert_one,
                          &v);
}

static void inverse_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor turned = ag_transpose(ag_call_output(c, 0), -2, -1);
    dx[0] = ag_neg(ag_matmul(ag_matmul(turned, dy[0]), turned));
}

/* clang-format off */
#define SAMPLE(...) { .low = { -1 }, .high = { 1 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(inverse) = {
    .name = "inverse",
    .formula = "x^-1",
    .inputs = 1,
    .flags = AG_STRIDED,
    .shape = inverse_shape,
    .forward = inverse_forward,
    .vjp = inverse_vjp,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 3, 3)), { 0 } },
};

/* ag_inverse - the inverses of matrices x[..,n,n]; ag_solve is faster and more accurate where the inverse multiplies
 * something.
 *   y = x^-1        dx = -y' dy y'
 * Errors: AG_EARG where a matrix is singular, which is named with the pivot that is 0; AG_ESHAPE if the matrices are not
 * square. */
AG_API ag_tensor ag_inverse(ag_tensor x)
{
    return AG_APPLY(inverse, AG_LIST(x), NULL);
}
