/* The matrix product. Transposed and broadcast operands are read where they lie. */
#include "ag/ops/products/products.h"

/* Operand i as a matrix: a vector is a row on the left, a column on the right. */
static ag_array as_matrix(const ag_array *x, int i)
{
    return x->shape.rank == 1 ? ag_with_axis(x, i == 0 ? 0 : 1) : *x;
}

/* The result, or its adjoint, with the dimensions that vectors leave out. */
static ag_array as_result(const ag_array *y, const ag_array *a, const ag_array *b)
{
    ag_array full = *y;
    if (b->shape.rank == 1)
        full = ag_with_axis(&full, full.shape.rank);
    if (a->shape.rank == 1)
        full = ag_with_axis(&full, full.shape.rank - 1);
    return full;
}

/* What is there to do? Often the second operand stands as [out,in]. */
static ag_status inner_differs(const ag_call *c, const ag_array *x, int64_t inner, int64_t other)
{
    const ag_shape *a = &x[0].shape, *b = &x[1].shape;
    const char *hint = "";
    if (b->rank > 1 && b->dim[b->rank - 1] == inner)
        hint = "; ag_transpose(b, -2, -1) would fit, and ag_linear multiplies by a weight [out,in]";
    else if (a->rank > 1 && a->dim[a->rank - 2] == other)
        hint = "; ag_transpose(a, -2, -1) would fit";
    return ag_call_fail(c, AG_ESHAPE, "the shapes do not fit: inner %lld != %lld%s", (long long)inner, (long long)other,
                        hint);
}

static ag_status matmul_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_array *a = &x[0], *b = &x[1];
    if (a->dtype != b->dtype || !ag_is_float(a->dtype))
        return ag_call_fail(c, AG_EDTYPE, "both must be f32, or both f64; see ag_cast");
    if (a->shape.rank == 0 || b->shape.rank == 0)
        return ag_call_fail(c, AG_ESHAPE, "a rank-0 operand is no matrix; for multiples see ag_mul");
    if (a->shape.rank + (a->shape.rank == 1) > AG_MAX_RANK || b->shape.rank + (b->shape.rank == 1) > AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "too many dimensions");
    const ag_array p = as_matrix(a, 0), q = as_matrix(b, 1);
    const int ra = p.shape.rank, rb = q.shape.rank;
    const int64_t inner = p.shape.dim[ra - 1], other = q.shape.dim[rb - 2];
    if (inner != other)
        return inner_differs(c, x, inner, other);
    ag_shape left = p.shape, right = q.shape;
    left.rank -= 2;
    right.rank -= 2;
    if (!ag_shape_broadcast(left, right, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the leading dimensions do not broadcast");
    if (a->shape.rank > 1)
        y->shape.dim[y->shape.rank++] = p.shape.dim[ra - 2];
    if (b->shape.rank > 1)
        y->shape.dim[y->shape.rank++] = q.shape.dim[rb - 1];
    y->dtype = a->dtype;
    return AG_OK;
}

static ag_status matmul_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_array a = as_matrix(&x[0], 0), b = as_matrix(&x[1], 1), full = as_result(y, &x[0], &x[1]);
    return ag_call_product(c, &a, &b, &full, 0);
}

static ag_tensor matrix_of(ag_tensor x, int i)
{
    return ag_shape_of(x).rank == 1 ? ag_unsqueeze(x, i == 0 ? 0 : 1) : x;
}

static void matmul_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1);
    const bool column = ag_shape_of(b).rank == 1;
    ag_tensor full = column ? ag_unsqueeze(dy[0], -1) : dy[0];
    if (ag_shape_of(a).rank == 1)
        full = ag_unsqueeze(full, -2);
    if (ag_call_needs(c, 0))
        dx[0] = ag_matmul(full, ag_transpose(matrix_of(b, 1), -2, -1));
    if (ag_call_needs(c, 1)) {
        dx[1] = ag_matmul(ag_transpose(matrix_of(a, 0), -2, -1), full);
        if (column)
            dx[1] = ag_squeeze(dx[1], -1);
    }
}

static ag_status matmul_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x[2];
    const int stacked = ag_call_stacked(c, dy);
    ag_array m[2], d[2];
    for (int i = 0; i < 2; i++) {
        x[i] = ag_call_input_array(c, i);
        if (!x[i])
            return AG_EUSE;
        m[i] = as_matrix(x[i], i);
    }
    const ag_array full = as_result(dy, x[0], x[1]), b = ag_swapped(&m[1]), a = ag_swapped(&m[0]);
    for (int i = 0; i < 2; i++) {
        d[i] = x[i]->shape.rank == 1 && dx[i].data ? ag_with_axis(&dx[i], i + stacked) : dx[i];
        if (dx[i].data)
            d[i] = ag_stack_aligned(d[i], stacked, full.shape.rank);
    }
    ag_status status = AG_OK;
    if (dx[0].data)
        status = ag_call_product(c, &full, &b, &d[0], beta[0]);
    if (dx[1].data && !status)
        status = ag_call_product(c, &a, &full, &d[1], beta[1]);
    return status;
}

static double matmul_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    (void)c;
    return 2 * (double)ag_array_size(y) * (double)x[0].shape.dim[x[0].shape.rank - 1];
}

/* clang-format off */
#define SAMPLE(...) { .low = { -2, -2 }, .high = { 2, 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(matmul) = {
    .name = "matmul",
    .formula = "a b",
    .inputs = 2,
    .flags = AG_STRIDED | AG_STACKED | AG_REPEATS | AG_PRODUCTS,
    .shape = matmul_shape,
    .forward = matmul_forward,
    .vjp = matmul_vjp,
    .vjp_fused = matmul_vjp_fused,
    .flops = matmul_flops,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(3, 4), AG_DIMS(4, 2)),
                                    SAMPLE(AG_DIMS(5), AG_DIMS(5)),
                                    SAMPLE(AG_DIMS(5), AG_DIMS(5, 3)),
                                    SAMPLE(AG_DIMS(3, 5), AG_DIMS(5)),
                                    SAMPLE(AG_DIMS(3), AG_DIMS(2, 3, 2)),
                                    SAMPLE(AG_DIMS(2, 2, 3), AG_DIMS(3)),
                                    SAMPLE(AG_DIMS(2, 3, 4), AG_DIMS(4, 2)),
                                    SAMPLE(AG_DIMS(3, 4), AG_DIMS(2, 4, 2)),
                                    SAMPLE(AG_DIMS(2, 1, 2, 3), AG_DIMS(3, 3, 2)),
                                    SAMPLE(AG_DIMS(2, 2, 2, 3), AG_DIMS(1, 2, 3, 1)),
                                    { 0 } },
};

/* ---- products within another op */

static bool leading_fit(const ag_array *a, const ag_array *b, const ag_array *y)
{
    ag_shape p = a->shape, q = b->shape, r = y->shape, both;
    p.rank -= 2;
    q.rank -= 2;
    r.rank -= 2;
    return ag_shape_broadcast(p, q, &both) && ag_shape_broadcast(both, r, &both);
}

static ag_status check_product(const ag_call *c, const ag_array *a, const ag_array *b, const ag_array *y, double beta)
{
    const ag_array *const all[] = { a, b, y };
    static const char *const names[] = { "a", "b", "y" };
    char text[3][128];
    for (int i = 0; i < 3; i++) {
        if (!all[i] || (!all[i]->data && ag_shape_size(all[i]->shape)))
            return ag_call_fail(c, AG_ENULL, "ag_call_matmul: %s is NULL, or its data is", names[i]);
        if (all[i]->shape.rank < 2 || all[i]->shape.rank > AG_MAX_RANK || ag_shape_size(all[i]->shape) < 0)
            return ag_call_fail(c, AG_ESHAPE, "ag_call_matmul: %s is no matrix, nor several", names[i]);
        ag_shape_text(all[i]->shape, text[i], sizeof text[i]);
    }
    if (!ag_is_float(a->dtype) || b->dtype != a->dtype || y->dtype != a->dtype)
        return ag_call_fail(c, AG_EDTYPE, "ag_call_matmul: %s %s into %s: all must be f32, or all f64",
                            ag_dtype_name(a->dtype), ag_dtype_name(b->dtype), ag_dtype_name(y->dtype));
    const int64_t *p = &a->shape.dim[a->shape.rank - 2], *q = &b->shape.dim[b->shape.rank - 2],
                  *r = &y->shape.dim[y->shape.rank - 2];
    if (p[1] != q[0] || p[0] != r[0] || q[1] != r[1] || !leading_fit(a, b, y))
        return ag_call_fail(c, AG_ESHAPE, "ag_call_matmul: %s times %s does not fit into %s", text[0], text[1],
                            text[2]);
    if (beta != 0 && beta != 1)
        return ag_call_fail(c, AG_EARG, "ag_call_matmul: beta is %g, not 0 or 1", beta);
    return AG_OK;
}

ag_status ag_call_matmul(const ag_call *c, const ag_array *a, const ag_array *b, const ag_array *y, double beta)
{
    if (!c)
        return AG_ENULL;
    ag_status status = check_product(c, a, b, y, beta);
    return status ? status : ag_call_product(c, a, b, y, beta);
}

/* ag_matmul - matrix product, batched over leading dimensions, which broadcast. A vector a counts as a row, a vector b
 * as a column, and the result lacks that dimension.
 *   y[..,m,n] = a[..,m,k] b[..,k,n]        da = dy b'    db = a' dy
 * Errors: AG_ESHAPE if the k's differ, the leading dimensions do not broadcast, or an operand has rank 0. */
AG_API ag_tensor ag_matmul(ag_tensor a, ag_tensor b)
{
    return AG_APPLY(matmul, AG_LIST(a, b), NULL);
}
