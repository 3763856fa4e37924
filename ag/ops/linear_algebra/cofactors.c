/* The cofactors of square matrices, singular ones too: the derivative of the determinant. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

enum { Y, U, S, VT, PAIRS, RESULTS }; /* outputs: pairs[i,j], the product of all singular values but i and j, signed */

static ag_status cofactors_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = ag_call_matrices(c, x, true);
    for (int i = 0; i < RESULTS && !status; i++) {
        y[i].shape = x->shape;
        y[i].shape.rank -= i == S;
        y[i].dtype = x->dtype;
    }
    return status;
}

typedef struct matrices {
    ag_array x, y[RESULTS];
} matrices;

/* Of an orthogonal matrix: 1 or -1. */
static double determinant_of(int64_t n, const double *q, double *lu, double *room, ag_work *w)
{
    int64_t *pivots = (int64_t *)(void *)(lu + n * n);
    double sign = 1;
    if (!w->measuring)
        memcpy(lu, q, (size_t)(n * n) * sizeof *lu);
    ag_lu_factor(n, lu, pivots, room, w);
    for (int64_t i = 0; i < n && !w->measuring; i++)
        sign *= (lu[i * n + i] < 0) != (pivots[i] != i) ? -1 : 1;
    return sign;
}

static double product_without(int64_t n, const double *s, int64_t i, int64_t j)
{
    double product = 1;
    for (int64_t k = 0; k < n; k++)
        product *= k == i || k == j ? 1 : s[k];
    return product;
}

/* With x = u diag(s) vt: y = u diag(product of the others) vt, times the signs of u and vt. */
static void compute_one(const void *context, int64_t i, ag_work *w)
{
    const matrices *m = context;
    const int64_t n = m->x.shape.dim[m->x.shape.rank - 1], size = n * n;
    double *a = w->room, *u = a + 2 * size, *vt = u + size, *pairs = vt + size, *s = pairs + size, *room = s + n;
    bool right = true;
    if (!w->measuring) {
        ag_matrix_load(&m->x, i, a);
        right = ag_all_finite(size, a);
    }
    right = right && ag_singular_run(n, n, a, s, u, vt, room, w);
    for (int64_t k = 0; k < 3 * size + n && !right; k++)
        u[k] = NAN; /* and what lies behind it */
    const double sign = determinant_of(n, u, a, room, w) * determinant_of(n, vt, a, room, w);
    double *scaled = room, *y = room + size;
    for (int64_t k = 0; k < n && !w->measuring; k++) {
        const double others = sign * product_without(n, s, k, k);
        for (int64_t j = 0; j < n; j++) {
            scaled[j * n + k] = u[j * n + k] * others;
            pairs[k * n + j] = j == k ? 0 : sign * product_without(n, s, k, j);
        }
    }
    ag_work_product(w, (ag_product){ .m = n,
                                     .n = n,
                                     .k = n,
                                     .a = scaled,
                                     .a_row = n,
                                     .a_col = 1,
                                     .b = vt,
                                     .b_row = n,
                                     .b_col = 1,
                                     .c = y,
                                     .c_row = n,
                                     .c_col = 1 });
    if (w->measuring)
        return;
    const double *const results[] = { y, u, s, vt, pairs };
    for (int k = 0; k < RESULTS; k++)
        ag_matrix_store(&m->y[k], i, results[k]);
}

static ag_status cofactors_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = x->shape.dim[x->shape.rank - 1];
    matrices m = { .x = *x };
    if (ag_array_size(x) == 0)
        return AG_OK;
    for (int k = 0; k < RESULTS; k++)
        m.y[k] = k == S ? ag_with_axis(&y[k], y[k].shape.rank) : y[k];
    return ag_each_matrix(c, ag_matrix_count(x->shape), 4 * (double)n * (double)n * (double)n,
                          8 * n * n + 2 * n + AG_BLOCK * n + ag_singular_room(n, n), compute_one, &m);
}

/* Where y = det(x) x'^-1, of which every derivative follows. */
static ag_tensor regular_adjoint(ag_tensor x, ag_tensor dy)
{
    const ag_tensor inverse = ag_transpose(ag_inverse(x), -2, -1);
    const ag_tensor d = ag_unsqueeze(ag_unsqueeze(ag_det(x), -1), -1);
    const ag_tensor along = ag_sum_over(ag_mul(dy, inverse), AG_AXES(-2, -1), AG_KEEPDIM);
    const ag_tensor across = ag_matmul(ag_matmul(inverse, ag_transpose(dy, -2, -1)), inverse);
    return ag_mul(d, ag_sub(ag_mul(along, inverse), across));
}

/* Between singular vectors the determinant is a product of diagonal elements less those of pairs. */
static ag_tensor singular_adjoint(const ag_call *c, ag_tensor dy)
{
    const ag_tensor u = ag_call_output(c, U), vt = ag_call_output(c, VT), pairs = ag_call_output(c, PAIRS);
    const ag_tensor m = ag_matmul(ag_matmul(ag_transpose(u, -2, -1), dy), ag_transpose(vt, -2, -1));
    const ag_tensor diagonal = ag_sum_over(ag_triangle(m, 0, 1, 0), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor along =
        ag_mul(ag_eye(ag_call_tape(c), ag_dtype_of(dy), ag_shape_of(dy).dim[ag_shape_of(dy).rank - 1]),
               ag_matmul(pairs, diagonal));
    const ag_tensor across = ag_transpose(ag_mul(pairs, m), -2, -1);
    return ag_matmul(ag_matmul(u, ag_sub(along, across)), vt);
}

/* Is every smallest value above so much of the largest one? */
bool ag_all_above(ag_tensor smallest, ag_tensor largest, double factor)
{
    return ag_item(ag_min(ag_sub(smallest, ag_mul_scalar(largest, factor)))) > 0;
}

static void cofactors_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), s = ag_call_output(c, S);
    if (ag_size_of(x) <= 0 || ag_all_above(ag_select(s, -1, -1), ag_select(s, -1, 0), AG_REGULAR))
        dx[0] = regular_adjoint(x, dy[0]);
    else
        dx[0] = singular_adjoint(c, dy[0]);
    for (int k = U; k < RESULTS && ag_size_of(x) > 0; k++)
        if (ag_item(ag_max(ag_abs(dy[k]))) > 0)
            ag_call_fail(c, AG_EUSE, "determinants of singular matrices have two derivatives here, not three");
}

/* clang-format off */
#define SAMPLE(...) { .low = { -1 }, .high = { 1 }, .diagonal = 0.5, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(cofactors) = {
    .name = "cofactors",
    .formula = "det(x) x'^-1, for singular x too",
    .inputs = 1,
    .saved = RESULTS - 1,
    .flags = AG_INNER | AG_STRIDED,
    .shape = cofactors_shape,
    .forward = cofactors_forward,
    .vjp = cofactors_vjp,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(2, 3, 3)), { 0 } },
};

/* ---- singular vectors are known as well as the largest element is: first rows and columns are made of one size, and
 * where that was all that made a matrix look singular, they are not needed */

/* The exponents of the largest elements along an axis; 0 where there is none that is finite. */
static ag_tensor exponents_along(ag_tensor x, int axis)
{
    const ag_tensor e = ag_floor(ag_log2(ag_max_over(ag_abs(x), AG_AXES(axis), AG_KEEPDIM)));
    return ag_where_scalar(ag_isfinite(e), e, 0);
}

/* x 2^e, also where 2^e is no number */
static ag_tensor scaled(ag_tensor x, ag_tensor e)
{
    const ag_tensor half = ag_floor(ag_mul_scalar(e, 0.5));
    return ag_mul(ag_mul(x, ag_exp2(half)), ag_exp2(ag_sub(e, half)));
}

/* [a b; c d] has [d -c; -b a]. */
static ag_tensor of_two_rows(ag_tensor x)
{
    const ag_tensor twice = ag_mul_scalar(ag_eye(x.tape, ag_dtype_of(x), 2), 2);
    return ag_mul(ag_flip(x, AG_AXES(-2, -1)), ag_add_scalar(twice, -1));
}

ag_tensor ag_cofactors(ag_tensor x)
{
    const ag_shape shape = ag_shape_of(x);
    if (ag_size_of(x) <= 0)
        return AG_APPLY(cofactors, AG_LIST(x), NULL);
    if (shape.dim[shape.rank - 1] == 2)
        return of_two_rows(x);
    const ag_tensor sizes = ag_detach(x), rows = exponents_along(sizes, -1);
    const ag_tensor columns = exponents_along(scaled(sizes, ag_neg(rows)), -2), both = ag_add(rows, columns);
    const ag_tensor all =
        ag_add(ag_sum_over(rows, AG_AXES(-2), AG_KEEPDIM), ag_sum_over(columns, AG_AXES(-1), AG_KEEPDIM));
    const ag_tensor even = scaled(x, ag_neg(both)), s = ag_svdvals(ag_detach(even));
    ag_tensor y;
    if (ag_all_above(ag_select(s, -1, -1), ag_select(s, -1, 0), AG_REGULAR))
        y = ag_mul(ag_unsqueeze(ag_unsqueeze(ag_det(even), -1), -1), ag_transpose(ag_inverse(even), -2, -1));
    else
        y = AG_APPLY(cofactors, AG_LIST(even), NULL);
    return scaled(y, ag_sub(all, both));
}
