/* The triangular root of a positive definite matrix. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

typedef struct failure { /* of one matrix; pivot -1: none */
    int64_t pivot;
    double value;
} failure;

typedef struct roots {
    ag_array x, y;
    failure *failed;
} roots;

/* Rows and columns j to j + count - 1, of which everything left of them is settled. */
static failure factor_block(int64_t n, double *a, int64_t j, int64_t count)
{
    for (int64_t i = j; i < j + count; i++) {
        double *row = a + i * n;
        for (int64_t l = j; l <= i; l++) {
            const double *other = a + l * n;
            double sum = row[l];
            for (int64_t k = j; k < l; k++)
                sum -= row[k] * other[k];
            if (l < i)
                row[l] = sum / other[l];
            else if (sum > 0 && sum <= __DBL_MAX__)
                row[l] = sqrt(sum);
            else
                return (failure){ i, sum };
        }
    }
    return (failure){ -1, 0 };
}

/* The lower triangle of a becomes l, l l' = a; room for AG_BLOCK rows. */
static failure factor(int64_t n, double *a, double *room, ag_work *w)
{
    failure f = { -1, 0 };
    for (int64_t j = 0; j < n; j += AG_BLOCK) {
        const int64_t count = n - j < AG_BLOCK ? n - j : AG_BLOCK, below = n - j - count;
        if (j > 0) { /* minus what is left of the block */
            if (!w->measuring)
                ag_negate(count, j, a + j * n, n, room);
            ag_work_product(w, (ag_product){ .m = n - j,
                                             .n = count,
                                             .k = j,
                                             .a = a + j * n,
                                             .a_row = n,
                                             .a_col = 1,
                                             .b = room,
                                             .b_row = 1,
                                             .b_col = j,
                                             .c = a + j * n + j,
                                             .c_row = n,
                                             .c_col = 1,
                                             .beta = 1 });
        }
        if (w->measuring)
            continue;
        f = factor_block(n, a, j, count);
        if (f.pivot >= 0)
            break;
        const ag_triangular rest = { .n = count,
                                     .k = below,
                                     .t = a + j * n + j,
                                     .t_row = n,
                                     .t_col = 1,
                                     .b = below ? a + (j + count) * n + j : NULL,
                                     .b_row = 1,
                                     .b_col = n };
        ag_triangular_run(&rest, w->threads);
    }
    return f;
}

static void take_symmetric_part(int64_t n, double *a)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            a[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
}

static void root_one(const void *context, int64_t i, ag_work *w)
{
    const roots *r = context;
    const int64_t n = r->x.shape.dim[r->x.shape.rank - 1];
    double *a = w->room;
    if (!w->measuring) {
        ag_matrix_load(&r->x, i, a);
        take_symmetric_part(n, a);
    }
    const failure f = factor(n, a, a + n * n, w);
    if (w->measuring)
        return;
    r->failed[i] = f;
    for (int64_t k = 0; k < n; k++)
        memset(a + k * n + k + 1, 0, (size_t)(n - k - 1) * sizeof *a);
    ag_matrix_store(&r->y, i, a);
}

static ag_status cholesky_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->shape = x->shape;
    y->dtype = x->dtype;
    return ag_call_matrices(c, x, true);
}

static ag_status cholesky_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (ag_array_size(y) == 0)
        return AG_OK;
    const int64_t n = x->shape.dim[x->shape.rank - 1], count = ag_matrix_count(x->shape);
    roots r = { *x, *y, ag_call_scratch(c, (size_t)count * sizeof(failure)) };
    if (!r.failed)
        return AG_ENOMEM;
    ag_status status =
        ag_each_matrix(c, count, (double)n * (double)n * (double)n / 12 + 64, n * n + AG_BLOCK * n, root_one, &r);
    for (int64_t i = 0; i < count && !status; i++)
        if (r.failed[i].pivot >= 0)
            status = ag_call_matrix_fail(c, x, i, "is not positive definite: pivot %lld is %.6g",
                                         (long long)r.failed[i].pivot, r.failed[i].value);
    return status;
}

/* da = the symmetric part of l'^-1 p l^-1, p the lower triangle of l' dl with half of its diagonal */
static void cholesky_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor l = ag_call_output(c, 0);
    const ag_tensor p = ag_triangle(ag_matmul(ag_transpose(l, -2, -1), dy[0]), 1, 0.5, 0);
    const ag_tensor s = ag_triangular_adjoint(l, ag_triangular_adjoint(l, p, AG_TRANSPOSED), AG_RIGHT);
    dx[0] = ag_mul_scalar(ag_add(s, ag_transpose(s, -2, -1)), 0.5);
}

/* clang-format off */
#define SAMPLE(...) { .low = { -0.5 }, .high = { 0.5 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(cholesky) = {
    .name = "cholesky",
    .formula = "lower triangular l with l l' = x",
    .inputs = 1,
    .flags = AG_STRIDED,
    .shape = cholesky_shape,
    .forward = cholesky_forward,
    .vjp = cholesky_vjp,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(1, 1)),
                                    SAMPLE(AG_DIMS(3, 3)),
                                    SAMPLE(AG_DIMS(2, 3, 3)),
                                    SAMPLE(AG_DIMS(1, 2, 4, 4)),
                                    { 0 } },
};

/* ag_cholesky - the lower triangular root of positive definite matrices x[..,n,n], with a positive diagonal; flags:
 * AG_UPPER, its transpose. Of an x that is not symmetric the symmetric part (x + x') / 2 is meant: so the gradient is
 * symmetric, and right for every element.
 *   l l' = x        dx = the symmetric part of l'^-1 p l^-1, p the lower triangle of l' dl with half of its diagonal (Murray
 *                   2016)
 * Errors: AG_EARG where a matrix is not positive definite, which is named with the pivot, and for unknown flags;
 * AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_cholesky(ag_tensor x, int flags)
{
    const ag_tensor l = AG_APPLY(cholesky, AG_LIST(x), NULL);
    if (flags & ~AG_UPPER)
        return ag_fail(l.tape, AG_EARG, "ag_cholesky: unknown flags %d", flags), ag_inert(l.tape);
    return flags & AG_UPPER ? ag_transpose(l, -2, -1) : l;
}
