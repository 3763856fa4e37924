/* Least squares, and what follows from singular values: the pseudoinverse, the rank, the condition. */
#include "ag/ops/linear_algebra/matrices.h"
#include <float.h>
#include <math.h>

static ag_tensor turned(ag_tensor x)
{
    return ag_transpose(x, -2, -1);
}

/* ag_lstsq - the x for which the sum of squares of a x - b is least, for matrices a[..,m,n] of full rank and right sides
 * b[..,m,k]; where m < n that of the x with a x = b whose own sum of squares is least. Leading dimensions broadcast; a
 * vector b[m] is one right side. By ag_qr, whose derivatives it has.
 *   x = r^-1 q' b, q r = a; where m < n: x = q r'^-1 b, q r = a'
 * Errors: AG_EARG where r has a 0 on its diagonal; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_lstsq(ag_tensor a, ag_tensor b)
{
    const ag_shape sa = ag_shape_of(a), sb = ag_shape_of(b);
    const bool wide = sa.rank >= 2 && sa.dim[sa.rank - 2] < sa.dim[sa.rank - 1], vector = sb.rank == 1;
    const ag_qr_factors f = ag_qr(wide ? turned(a) : a);
    const ag_tensor right = vector ? ag_unsqueeze(b, -1) : b;
    const ag_tensor x = wide ? ag_matmul(f.q, ag_triangular_solve(f.r, right, AG_UPPER | AG_TRANSPOSED))
                             : ag_triangular_solve(f.r, ag_matmul(turned(f.q), right), AG_UPPER);
    return vector ? ag_squeeze(x, -1) : x;
}

/* ---- the pseudoinverse */

typedef struct pinv_params {
    double rcond;
} pinv_params;

static ag_status pinv_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const pinv_params *p = ag_call_params(c);
    const ag_status status = ag_call_matrices(c, x, false);
    if (status)
        return status;
    if (!(p->rcond >= 0))
        return ag_call_fail(c, AG_EARG, "rcond is %g, but must not be negative", p->rcond);
    const ag_array shape = ag_swapped(x);
    y->shape = shape.shape;
    y->dtype = x->dtype;
    return AG_OK;
}

typedef struct inverses {
    ag_array x, y;
    double least; /* of the singular values that count, relative to the largest */
} inverses;

/* The sum of v u' / s over the values that count. */
static void invert_one(const void *context, int64_t i, ag_work *w)
{
    const inverses *p = context;
    const int rank = p->x.shape.rank;
    const int64_t m = p->x.shape.dim[rank - 2], n = p->x.shape.dim[rank - 1];
    double *a = w->room, *u = a + m * n, *vt = u + m * n, *s = vt + n * n;
    const ag_product together = { .m = n,
                                  .n = m,
                                  .k = n,
                                  .a = vt,
                                  .a_row = 1,
                                  .a_col = n,
                                  .b = u,
                                  .b_row = 1,
                                  .b_col = n,
                                  .c = a,
                                  .c_row = m,
                                  .c_col = 1 };
    bool right = true;
    if (!w->measuring) {
        ag_matrix_load(&p->x, i, a);
        right = ag_all_finite(m * n, a);
    }
    right = right && ag_singular_run(m, n, a, s, u, vt, s + n, w);
    for (int64_t k = 0; k < n && !w->measuring; k++) {
        const double factor = !right ? NAN : s[k] > p->least * s[0] ? 1 / s[k] : 0;
        for (int64_t j = 0; j < n; j++)
            vt[k * n + j] = right ? vt[k * n + j] * factor : NAN;
    }
    for (int64_t k = 0; k < m * n && !right; k++)
        u[k] = NAN;
    ag_work_product(w, together);
    if (!w->measuring)
        ag_matrix_store(&p->y, i, a);
}

static ag_status pinv_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const pinv_params *p = ag_call_params(c);
    const int rank = x->shape.rank;
    const bool wide = x->shape.dim[rank - 2] < x->shape.dim[rank - 1];
    const int64_t m = x->shape.dim[wide ? rank - 1 : rank - 2], n = x->shape.dim[wide ? rank - 2 : rank - 1];
    const double epsilon = x->dtype == AG_F32 ? FLT_EPSILON : DBL_EPSILON;
    const inverses all = { wide ? ag_swapped(x) : *x, wide ? ag_swapped(y) : *y,
                           p->rcond > 0 ? p->rcond : epsilon * (double)m };
    if (ag_array_size(x) == 0)
        return AG_OK;
    return ag_each_matrix(c, ag_matrix_count(x->shape), 2 * (double)m * (double)n * (double)n + 256,
                          2 * m * n + n * n + n + ag_singular_room(m, n), invert_one, &all);
}

/* x - a (b x), or x - (x a) b */
static ag_tensor without(ag_tensor x, ag_tensor a, ag_tensor b, bool left)
{
    return ag_sub(x, left ? ag_matmul(a, ag_matmul(b, x)) : ag_matmul(ag_matmul(x, a), b));
}

/* Golub and Pereyra 1973; as long as the rank stays. */
static void pinv_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), y = ag_call_output(c, 0), yt = turned(y), d = turned(dy[0]);
    if (ag_size_of(x) <= 0) { /* whatever its extents */
        dx[0] = d;
        return;
    }
    const ag_tensor change = ag_neg(ag_matmul(ag_matmul(yt, dy[0]), yt));
    const ag_tensor below = ag_matmul(ag_matmul(without(d, x, y, true), y), yt);
    const ag_tensor beside = ag_matmul(yt, ag_matmul(y, without(d, y, x, false)));
    dx[0] = ag_add(change, ag_add(below, beside));
}

/* clang-format off */
#define SAMPLE(...) \
    { .params = &(const pinv_params){ 0 }, .low = { -0.5 }, .high = { 0.5 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(pinv) = {
    .name = "pinv",
    .formula = "the pseudoinverse of x",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(pinv_params),
    .shape = pinv_shape,
    .forward = pinv_forward,
    .vjp = pinv_vjp,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 4, 2)), SAMPLE(AG_DIMS(2, 3)), { 0 } },
};

/* ag_pinv - the pseudoinverses y[..,n,m] of matrices x[..,m,n] (Moore, Penrose), by ag_svd: singular values of at most
 * rcond times the largest count as 0; rcond 0: the larger of m and n times the dtype's epsilon.
 *   y = x^+        dx = -y' dy y' + (1 - x y) dy' y y' + y' y dy' (1 - y x), where the rank stays (Golub and Pereyra 1973)
 * Errors: AG_EARG for a negative rcond; AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_pinv(ag_tensor x, double rcond)
{
    return AG_APPLY(pinv, AG_LIST(x), (&(pinv_params){ rcond }));
}

/* ---- rank and condition */

/* ag_matrix_rank - how many singular values of matrices x[..,m,n] are above rcond times the largest, i64; rcond 0: the
 * larger of m and n times the dtype's epsilon. No gradient.
 * Errors: AG_EARG for a negative rcond; AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_matrix_rank(ag_tensor x, double rcond)
{
    const ag_shape s = ag_shape_of(x);
    const ag_tensor values = ag_svdvals(ag_detach(x));
    if (!ag_ok(values))
        return values;
    if (!(rcond >= 0))
        return ag_fail(x.tape, AG_EARG, "ag_matrix_rank: rcond is %g, but must not be negative", rcond),
               ag_inert(x.tape);
    const int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1];
    const double epsilon = ag_dtype_of(x) == AG_F32 ? FLT_EPSILON : DBL_EPSILON;
    const double factor = rcond > 0 ? rcond : epsilon * (double)(m > n ? m : n);
    const ag_tensor most = ag_slice(values, -1, 0, 1, 1);
    return ag_sum_over(ag_greater(values, ag_mul_scalar(most, factor)), AG_AXES(-1), 0);
}

/* ag_cond - the condition numbers y[..] of matrices x[..,m,n]: their largest singular value over the smallest, infinite
 * where that is 0. That of a matrix without elements is 0.
 *   y = s[0] / s[k-1]        dx: by ag_svdvals
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_cond(ag_tensor x)
{
    const ag_tensor s = ag_svdvals(x);
    const ag_shape values = ag_shape_of(s);
    if (ag_ok(s) && values.dim[values.rank - 1] == 0)
        return ag_sum_over(s, AG_AXES(-1), 0);
    return ag_div(ag_select(s, -1, 0), ag_select(s, -1, -1));
}
