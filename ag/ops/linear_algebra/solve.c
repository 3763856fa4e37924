/* Systems of linear equations. */
#include "ag/ops/linear_algebra/matrices.h"

typedef struct solve_params {
    int transposed;
} solve_params;

enum { A, B, LU, PIVOTS, WITH_FACTORS }; /* operands: of a that a rule has factors of, those too */

/* Are the right sides vectors? */
static bool are_vectors(const ag_shape *a, const ag_shape *b)
{
    ag_shape vectors = *a;
    vectors.rank--;
    return b->rank == 1 || (b->rank == a->rank - 1 && ag_shape_equal(vectors, *b));
}

static ag_status check_operands(const ag_call *c, const ag_array *x)
{
    const ag_array *a = &x[A], *b = &x[B];
    if (ag_call_inputs(c) != 2 && ag_call_inputs(c) != WITH_FACTORS)
        return ag_call_fail(c, AG_EARG, "takes a matrix and right sides");
    if (ag_call_matrices(c, a, true))
        return ag_call_tape(c)->error.status;
    if (a->dtype != b->dtype)
        return ag_call_fail(c, AG_EDTYPE, "both must be f32, or both f64; see ag_cast");
    if (b->shape.rank == 0)
        return ag_call_fail(c, AG_ESHAPE, "a rank-0 operand is no right side");
    if (ag_call_inputs(c) == WITH_FACTORS) {
        ag_array lu = *a, pivots = *a;
        ag_lu_outputs(a, &lu, &pivots);
        if (!ag_shape_equal(lu.shape, x[LU].shape) || !ag_shape_equal(pivots.shape, x[PIVOTS].shape) ||
            x[LU].dtype != AG_F64 || x[PIVOTS].dtype != AG_I64)
            return ag_call_fail(c, AG_ESHAPE, "the factors are not those of the matrix");
    }
    return AG_OK;
}

static ag_status solve_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = check_operands(c, x);
    if (status)
        return status;
    const ag_shape *a = &x[A].shape, *b = &x[B].shape;
    const bool vectors = are_vectors(a, b);
    const int64_t n = a->dim[a->rank - 1], rows = b->dim[b->rank - (vectors ? 1 : 2)];
    if (rows != n)
        return ag_call_fail(c, AG_ESHAPE, "the shapes do not fit: %lld unknowns, but right sides of %lld", (long long)n,
                            (long long)rows);
    ag_shape left = *a, right = *b;
    left.rank -= 2;
    right.rank -= vectors ? 1 : 2;
    if (!ag_shape_broadcast(left, right, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the leading dimensions do not broadcast");
    y->shape.dim[y->shape.rank++] = n;
    if (!vectors)
        y->shape.dim[y->shape.rank++] = b->dim[b->rank - 1];
    y->dtype = x[A].dtype;
    y[1] = y[2] = (ag_array){ .dtype = AG_I64, .shape = AG_SHAPE(0) };
    if (ag_call_inputs(c) == 2)
        ag_lu_outputs(&x[A], &y[1], &y[2]);
    return AG_OK;
}

typedef struct systems {
    ag_array lu, pivots, b, y; /* of the same leading dimensions */
    bool transposed;
} systems;

static void solve_one(const void *context, int64_t i, ag_work *w)
{
    const systems *s = context;
    const int64_t n = s->lu.shape.dim[s->lu.shape.rank - 1], k = s->y.shape.dim[s->y.shape.rank - 1];
    if (w->measuring)
        return;
    ag_matrix_load(&s->b, i, w->room);
    const ag_array lu = ag_matrix_at(&s->lu, i), pivots = ag_matrix_at(&s->pivots, i);
    ag_lu_solve(n, lu.data, pivots.data, s->transposed, k, w->room, w);
    ag_matrix_store(&s->y, i, w->room);
}

/* The factors are dense, that of one matrix beside that of the next. */
static ag_status solve_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const solve_params *p = ag_call_params(c);
    const bool given = ag_call_inputs(c) == WITH_FACTORS, vectors = are_vectors(&x[A].shape, &x[B].shape);
    const ag_array *lu = given ? &x[LU] : &y[1], *pivots = given ? &x[PIVOTS] : &y[2];
    const ag_status status = given ? AG_OK : ag_lu_all(c, &x[A], lu->data, pivots->data, true);
    if (status || ag_array_size(&y[0]) == 0)
        return status;
    systems s = { *lu, *pivots, x[B], y[0], p->transposed };
    if (vectors) {
        s.b = ag_with_axis(&s.b, s.b.shape.rank);
        s.y = ag_with_axis(&s.y, s.y.shape.rank);
    }
    const int rank = s.y.shape.rank;
    const int64_t n = s.y.shape.dim[rank - 2], k = s.y.shape.dim[rank - 1];
    ag_shape shape = s.y.shape;
    s.b = ag_array_expand(&s.b, shape);
    shape.dim[rank - 1] = n;
    s.lu = ag_array_expand(&s.lu, shape);
    shape.dim[rank - 1] = 1;
    s.pivots = ag_with_axis(&s.pivots, s.pivots.shape.rank);
    s.pivots = ag_array_expand(&s.pivots, shape);
    return ag_each_matrix(c, ag_matrix_count(shape), (double)n * (double)n * (double)k / 4 + 64, n * k, solve_one, &s);
}

ag_tensor ag_solve_factored(ag_tensor a, ag_tensor b, ag_tensor lu, ag_tensor pivots, bool transposed)
{
    return AG_APPLY(solve, AG_LIST(a, b, lu, pivots), (&(solve_params){ transposed }));
}

/* With a x = b: db = a'^-1 dx, da = -db x'. The factors are what is known of a, and have no derivative of their own. */
static void solve_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const solve_params *p = ag_call_params(c);
    const bool given = ag_call_inputs(c) == WITH_FACTORS;
    const ag_tensor a = ag_call_input(c, A), b = ag_call_input(c, B);
    const ag_tensor lu = given ? ag_call_input(c, LU) : ag_call_output(c, 1);
    const ag_tensor pivots = given ? ag_call_input(c, PIVOTS) : ag_call_output(c, 2);
    const ag_shape sa = ag_shape_of(a), sb = ag_shape_of(b);
    if (sa.rank < 0 || sb.rank < 0)
        return;
    const bool vectors = are_vectors(&sa, &sb);
    const ag_tensor adjoint = vectors ? ag_unsqueeze(dy[0], -1) : dy[0];
    const ag_tensor db = ag_solve_factored(a, adjoint, lu, pivots, !p->transposed);
    if (ag_call_needs(c, B))
        dx[B] = vectors ? ag_squeeze(db, -1) : db;
    if (!ag_call_needs(c, A))
        return;
    const ag_tensor x = vectors ? ag_unsqueeze(ag_call_output(c, 0), -1) : ag_call_output(c, 0);
    const ag_tensor left = p->transposed ? x : db, right = p->transposed ? db : x;
    dx[A] = ag_neg(ag_matmul(left, ag_transpose(right, -2, -1)));
}

/* clang-format off */
#define SAMPLE(transposed, ...) \
    { .params = &(const solve_params){ transposed }, .low = { -1, -2 }, .high = { 1, 2 }, .diagonal = 1, .inputs = 2, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(solve) = {
    .name = "solve",
    .formula = "x with a x = b",
    .saved = 2,
    .flags = AG_STRIDED | AG_VARIADIC,
    .params_size = sizeof(solve_params),
    .shape = solve_shape,
    .forward = solve_forward,
    .vjp = solve_vjp,
    .samples = (const ag_sample[]){ SAMPLE(0, AG_DIMS(3, 3), AG_DIMS(3)),
                                    SAMPLE(0, AG_DIMS(2, 3, 3), AG_DIMS(3, 1)),
                                    SAMPLE(0, AG_DIMS(2, 3, 3), AG_DIMS(2, 3)),
                                    SAMPLE(1, AG_DIMS(3, 3), AG_DIMS(2, 3, 4)),
                                    { 0 } },
};

/* ag_solve - x with a x = b for matrices a[..,n,n] and right sides b[..,n,k], by elimination with partial pivoting;
 * leading dimensions broadcast. A vector b[n] is one right side, and so is each of b[..,n] where that is a's shape but
 * for its last dimension. The gradient is solved for with the factors that are there.
 *   x = a^-1 b        db = a'^-1 dx    da = -db x' (Giles 2008)
 * Errors: AG_EARG where a matrix is singular, which is named with the pivot that is 0; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_solve(ag_tensor a, ag_tensor b)
{
    return AG_APPLY(solve, AG_LIST(a, b), (&(solve_params){ 0 }));
}
