/* Systems with a triangular matrix. */
#include "ag/ops/linear_algebra/matrices.h"

typedef struct triangular_params {
    int flags, singular; /* singular: zeros on a diagonal are divided by */
} triangular_params;

static ag_status triangular_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const triangular_params *p = ag_call_params(c);
    const ag_array *a = &x[0], *b = &x[1];
    if (p->flags & ~(AG_UPPER | AG_TRANSPOSED | AG_UNIT | AG_RIGHT))
        return ag_call_fail(c, AG_EARG, "unknown flags %d", p->flags);
    ag_status status = ag_call_matrices(c, a, true);
    if (!status)
        status = ag_call_matrices(c, b, false);
    if (status)
        return status;
    if (a->dtype != b->dtype)
        return ag_call_fail(c, AG_EDTYPE, "both must be f32, or both f64; see ag_cast");
    const int ra = a->shape.rank, rb = b->shape.rank;
    const int64_t n = a->shape.dim[ra - 1], rows = b->shape.dim[p->flags & AG_RIGHT ? rb - 1 : rb - 2];
    if (rows != n)
        return ag_call_fail(c, AG_ESHAPE, "the shapes do not fit: %lld unknowns, but %lld %s of right sides",
                            (long long)n, (long long)rows, p->flags & AG_RIGHT ? "columns" : "rows");
    ag_shape left = a->shape, right = b->shape;
    left.rank -= 2;
    right.rank -= 2;
    if (!ag_shape_broadcast(left, right, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the leading dimensions do not broadcast");
    y->shape.dim[y->shape.rank++] = b->shape.dim[rb - 2];
    y->shape.dim[y->shape.rank++] = b->shape.dim[rb - 1];
    y->dtype = a->dtype;
    return AG_OK;
}

typedef struct systems {
    ag_array a, b, y; /* of the same leading dimensions */
    int flags;
} systems;

/* x a = b is a' x' = b'. */
static void solve_one(const void *context, int64_t i, ag_work *w)
{
    const systems *s = context;
    const bool right = s->flags & AG_RIGHT, turned = !(s->flags & AG_TRANSPOSED) == right;
    const int rank = s->y.shape.rank;
    const int64_t rows = s->y.shape.dim[rank - 2], columns = s->y.shape.dim[rank - 1];
    const int64_t n = right ? columns : rows;
    double *t = w->room, *x = w->room + n * n;
    if (w->measuring)
        return;
    ag_matrix_load(&s->a, i, t);
    ag_matrix_load(&s->b, i, x);
    const ag_triangular run = { .n = n,
                                .k = right ? rows : columns,
                                .upper = (s->flags & AG_UPPER) ? !turned : turned,
                                .unit = s->flags & AG_UNIT,
                                .t = t,
                                .t_row = turned ? 1 : n,
                                .t_col = turned ? n : 1,
                                .b = x,
                                .b_row = right ? 1 : columns,
                                .b_col = right ? columns : 1 };
    ag_triangular_run(&run, w->threads);
    ag_matrix_store(&s->y, i, x);
}

/* The first matrix with a zero on its diagonal, and where. */
static ag_status check_diagonals(const ag_call *c, const ag_array *a)
{
    const int64_t count = ag_matrix_count(a->shape), n = a->shape.dim[a->shape.rank - 1];
    for (int64_t i = 0; i < count && n; i++) {
        ag_array m = ag_matrix_at(a, i);
        m.shape = AG_SHAPE(n);
        m.stride[0] += m.stride[1];
        for (int64_t j = 0; j < n; j++)
            if (ag_array_get(&m, j) == 0)
                return ag_call_matrix_fail(c, a, i, "is singular: element [%lld,%lld] is 0", (long long)j,
                                           (long long)j);
    }
    return AG_OK;
}

static ag_status triangular_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const triangular_params *p = ag_call_params(c);
    if (ag_array_size(y) == 0)
        return AG_OK;
    if (!(p->flags & AG_UNIT) && !p->singular && check_diagonals(c, &x[0]))
        return AG_EARG;
    const int ra = x[0].shape.rank, ry = y->shape.rank;
    const int64_t n = x[0].shape.dim[ra - 1], size = y->shape.dim[ry - 2] * y->shape.dim[ry - 1];
    ag_shape a = y->shape;
    a.dim[ry - 2] = a.dim[ry - 1] = n;
    const systems s = { ag_array_expand(&x[0], a), ag_array_expand(&x[1], y->shape), *y, p->flags };
    return ag_each_matrix(c, ag_matrix_count(y->shape), (double)n * (double)size / 4 + 64, n * n + size, solve_one, &s);
}

ag_tensor ag_triangular_adjoint(ag_tensor a, ag_tensor b, int flags)
{
    return AG_APPLY(triangular_solve, AG_LIST(a, b), (&(triangular_params){ flags, 1 }));
}

/* With t x = b: db = t'^-1 dx, dt = -db x'. */
static void triangular_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const triangular_params *p = ag_call_params(c);
    const ag_tensor a = ag_call_input(c, 0), x = ag_call_output(c, 0);
    const ag_tensor db = ag_triangular_adjoint(a, dy[0], p->flags ^ AG_TRANSPOSED);
    if (ag_call_needs(c, 1))
        dx[1] = db;
    if (!ag_call_needs(c, 0))
        return;
    const bool turned = p->flags & AG_TRANSPOSED;
    ag_tensor left = turned ? x : db, right = turned ? db : x;
    if (p->flags & AG_RIGHT) {
        const ag_tensor swapped = left;
        left = ag_transpose(right, -2, -1);
        right = swapped;
    } else {
        right = ag_transpose(right, -2, -1);
    }
    const bool upper = p->flags & AG_UPPER;
    dx[0] = ag_triangle(ag_matmul(left, right), upper ? 0 : -1, p->flags & AG_UNIT ? 0 : -1, upper ? -1 : 0);
}

/* clang-format off */
#define SAMPLE(flags, ...) \
    { .params = &(const triangular_params){ flags, 0 }, .low = { -0.5, -2 }, .high = { 0.5, 2 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
#define UNIT(flags, ...) \
    { .params = &(const triangular_params){ flags, 0 }, .low = { -0.1, -2 }, .high = { 0.1, 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(triangular_solve) = {
    .name = "triangular_solve",
    .formula = "x with a x = b, a triangular",
    .inputs = 2,
    .flags = AG_STRIDED,
    .params_size = sizeof(triangular_params),
    .shape = triangular_shape,
    .forward = triangular_forward,
    .vjp = triangular_vjp,
    .samples = (const ag_sample[]){ SAMPLE(0, AG_DIMS(3, 3), AG_DIMS(3, 2)),
                                    SAMPLE(AG_UPPER, AG_DIMS(2, 3, 3), AG_DIMS(3, 1)),
                                    SAMPLE(AG_TRANSPOSED, AG_DIMS(3, 3), AG_DIMS(2, 3, 4)),
                                    SAMPLE(AG_RIGHT | AG_UPPER | AG_TRANSPOSED, AG_DIMS(3, 3), AG_DIMS(2, 1, 3)),
                                    UNIT(AG_UNIT | AG_UPPER | AG_RIGHT, AG_DIMS(3, 3), AG_DIMS(4, 3)),
                                    { 0 } },
};

/* ag_triangular_solve - x with a x = b for the lower triangle a[..,n,n], of which nothing above the diagonal is read, and
 * right sides b[..,n,k]; leading dimensions broadcast. Flags: AG_UPPER, the upper triangle; AG_TRANSPOSED, a' x = b;
 * AG_UNIT, a diagonal of ones, not read; AG_RIGHT, x a = b for b[..,k,n].
 *   x = a^-1 b        db = a'^-1 dx    da = the triangle of -db x' (Giles 2008)
 * Errors: AG_EARG where an element of a diagonal is 0, and for unknown flags; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_triangular_solve(ag_tensor a, ag_tensor b, int flags)
{
    return AG_APPLY(triangular_solve, AG_LIST(a, b), (&(triangular_params){ flags, 0 }));
}
