/* Diagonals of matrices, and matrices with given diagonals. */
#include "ag/ops/shapes/views.h"

typedef struct diagonal_params {
    int64_t offset;
    int64_t axis1, axis2;
} diagonal_params;

/* The two axes of a matrix, in a tensor of so many dimensions. */
static ag_status find_axes(const ag_call *c, int rank, int axes[2])
{
    const diagonal_params *p = ag_call_params(c);
    axes[0] = ag_call_axis(c, (int)p->axis1, rank);
    axes[1] = axes[0] < 0 ? -1 : ag_call_axis(c, (int)p->axis2, rank);
    if (axes[1] < 0)
        return AG_ESHAPE;
    return axes[0] == axes[1] ? ag_call_fail(c, AG_ESHAPE, "the axes %lld and %lld are the same", (long long)p->axis1,
                                             (long long)p->axis2)
                              : AG_OK;
}

/* How long the diagonal is that begins at column offset, or at row -offset. */
static int64_t length(int64_t rows, int64_t columns, int64_t offset)
{
    if (offset > 0)
        columns = columns > offset ? columns - offset : 0;
    else
        rows = rows + offset > 0 ? rows + offset : 0;
    return rows < columns ? rows : columns;
}

/* The diagonal of a as its last dimension. */
static ag_array diagonal_of(const ag_array *a, int64_t offset, const int axes[2])
{
    ag_array d = { .data = a->data, .dtype = a->dtype };
    const int64_t count = length(a->shape.dim[axes[0]], a->shape.dim[axes[1]], offset);
    for (int i = 0; i < a->shape.rank; i++) {
        if (i == axes[0] || i == axes[1])
            continue;
        d.shape.dim[d.shape.rank] = a->shape.dim[i];
        d.stride[d.shape.rank++] = a->stride[i];
    }
    d.shape.dim[d.shape.rank] = count;
    d.stride[d.shape.rank++] = a->stride[axes[0]] + a->stride[axes[1]];
    if (ag_array_size(&d) > 0)
        d.data = (char *)a->data + (offset > 0 ? offset * a->stride[axes[1]] : -offset * a->stride[axes[0]]) *
                                       (int64_t)ag_dtype_size(a->dtype);
    return d;
}

/* ---- diagonal */

static ag_status diagonal_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const diagonal_params *p = ag_call_params(c);
    int axes[2];
    if (x->shape.rank < 2)
        return ag_call_fail(c, AG_ESHAPE, "the operand is no matrix, nor several; see ag_diag_embed");
    const ag_status status = find_axes(c, x->shape.rank, axes);
    if (!status)
        *y = diagonal_of(x, p->offset, axes);
    return status;
}

/* A square matrix with the diagonal, cut and filled up to x's extents. */
static void diagonal_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const diagonal_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    int axes[2];
    if (find_axes(c, x.rank, axes))
        return;
    const int64_t rows = x.dim[axes[0]], columns = x.dim[axes[1]], count = length(rows, columns, p->offset);
    if (count == 0) /* nothing depends on x */
        return;
    ag_tensor square = ag_diag_embed(dy[0], p->offset, axes[0], axes[1]);
    const int longer = p->offset > 0; /* the axis along which the square is no longer than x */
    square = ag_slice(square, axes[!longer], 0, count, 1);
    square = ag_embed(square, axes[0], rows, 0, 1);
    dx[0] = ag_embed(square, axes[1], columns, 0, 1);
}

static void diagonal_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const diagonal_params *p = ag_call_params(c);
    dy[0] = ag_diagonal(dx[0], p->offset, (int)p->axis1, (int)p->axis2);
}

static ag_status diagonal_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const diagonal_params *p = ag_call_params(c);
    int axes[2];
    const ag_status status = find_axes(c, dx[0].shape.rank, axes);
    if (status)
        return status;
    const ag_array to = diagonal_of(&dx[0], p->offset, axes);
    ag_add_to_part(c, &dx[0], &to, dy, beta[0]);
    return AG_OK;
}

/* clang-format off */
#define DIAGONAL(offset, axis1, axis2, ...)                                                                            \
    { .params = &(const diagonal_params){ offset, axis1, axis2 }, .low = { -2 }, .high = { 2 },                        \
      .shape = { __VA_ARGS__ } }

AG_OP(diagonal) = {
    .name = "diagonal",
    .formula = "the diagonal of matrices",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(diagonal_params),
    .shape = diagonal_shape,
    .vjp = diagonal_vjp,
    .jvp = diagonal_jvp,
    .vjp_fused = diagonal_vjp_fused,
    .samples = (const ag_sample[]){ DIAGONAL(0, 0, 1, AG_DIMS(3, 3)),
                                    DIAGONAL(1, 0, 1, AG_DIMS(3, 5)),
                                    DIAGONAL(-1, 0, 1, AG_DIMS(3, 5)),
                                    DIAGONAL(-2, -2, -1, AG_DIMS(2, 4, 3)),
                                    DIAGONAL(1, 2, 0, AG_DIMS(4, 2, 3)),
                                    DIAGONAL(3, 0, 1, AG_DIMS(4, 2)),
                                    DIAGONAL(INT64_MIN, 0, 1, AG_DIMS(2, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_diagonal - the diagonal of the matrices along axis1 (rows) and axis2 (columns), as the last dimension in their place;
 * offset 0: the main diagonal, 1: the one above it, -1: the one below. A view.
 *   y[..,k] = x[..,k,..,k + offset,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there are no such two axes. */
AG_API ag_tensor ag_diagonal(ag_tensor x, int64_t offset, int axis1, int axis2)
{
    const diagonal_params p = { offset, axis1, axis2 };
    return AG_APPLY(diagonal, AG_LIST(x), &p);
}

/* ---- diag_embed */

static ag_status diag_embed_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const diagonal_params *p = ag_call_params(c);
    int64_t extent;
    int axes[2];
    if (x->shape.rank == 0)
        return ag_call_fail(c, AG_ESHAPE, "a rank-0 operand is no diagonal");
    if (x->shape.rank == AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "a tensor has at most %d dimensions", AG_MAX_RANK);
    const ag_status status = find_axes(c, x->shape.rank + 1, axes);
    if (status)
        return status;
    const int64_t count = x->shape.dim[x->shape.rank - 1], minus = p->offset < 0 ? p->offset : -p->offset;
    if (__builtin_sub_overflow(count, minus, &extent))
        return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    *y = (ag_array){ .dtype = x->dtype, .shape = { .rank = x->shape.rank + 1 } };
    for (int i = 0, from = 0; i < y->shape.rank; i++)
        y->shape.dim[i] = i == axes[0] || i == axes[1] ? extent : x->shape.dim[from++];
    return AG_OK;
}

static ag_status diag_embed_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const diagonal_params *p = ag_call_params(c);
    int axes[2];
    const ag_status status = find_axes(c, y->shape.rank, axes);
    if (status)
        return status;
    const ag_array to = diagonal_of(y, p->offset, axes);
    ag_add_to_part(c, y, &to, x, 0);
    return AG_OK;
}

static void diag_embed_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const diagonal_params *p = ag_call_params(c);
    dx[0] = ag_diagonal(dy[0], p->offset, (int)p->axis1, (int)p->axis2);
}

static void diag_embed_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const diagonal_params *p = ag_call_params(c);
    dy[0] = ag_diag_embed(dx[0], p->offset, (int)p->axis1, (int)p->axis2);
}

/* clang-format off */
AG_OP(diag_embed) = {
    .name = "diag_embed",
    .formula = "matrices of zeros with x on a diagonal",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(diagonal_params),
    .shape = diag_embed_shape,
    .forward = diag_embed_forward,
    .vjp = diag_embed_vjp,
    .jvp = diag_embed_jvp,
    .samples = (const ag_sample[]){ DIAGONAL(0, 0, 1, AG_DIMS(3)),
                                    DIAGONAL(1, -2, -1, AG_DIMS(2, 3)),
                                    DIAGONAL(-2, 0, 2, AG_DIMS(2, 2)),
                                    DIAGONAL(1, 2, 0, AG_DIMS(3, 2)),
                                    { 0 } },
};
/* clang-format on */

/* ag_diag_embed - square matrices of zeros with x's last dimension on a diagonal, along axis1 (rows) and axis2 (columns)
 * of the result; offset as in ag_diagonal.
 *   y[..,k,..,k + offset,..] = x[..,k], 0 elsewhere        dx = the diagonal of dy
 * Errors: AG_ESHAPE if x has rank 0 or the result can have no such two axes. */
AG_API ag_tensor ag_diag_embed(ag_tensor x, int64_t offset, int axis1, int axis2)
{
    const diagonal_params p = { offset, axis1, axis2 };
    return AG_APPLY(diag_embed, AG_LIST(x), &p);
}

/* ---- what vectors and matrices have of these */

/* The rank of x, if that is at least `least` and at most 2; else -1, and an error. */
static int matrix_rank(ag_tensor x, int least, const char *who)
{
    char text[128];
    ag_shape s;
    if (!ag_shapes_for(who, AG_LIST(x), &s))
        return -1;
    if (s.rank >= least && s.rank <= 2)
        return s.rank;
    ag_fail(x.tape, AG_ESHAPE, "%s: %s is no matrix%s", who, ag_shape_text(s, text, sizeof text),
            least < 2 ? ", nor a vector" : "; see ag_diagonal");
    return -1;
}

/* ag_diag - of a vector: the matrix of zeros with it on a diagonal; of a matrix: that diagonal, a view. offset as in
 * ag_diagonal.
 * Errors: AG_ESHAPE for tensors of other ranks; see ag_diagonal and ag_diag_embed. */
AG_API ag_tensor ag_diag(ag_tensor x, int64_t offset)
{
    const int rank = matrix_rank(x, 1, "ag_diag");
    if (rank < 0)
        return ag_inert(x.tape);
    return rank == 1 ? ag_diag_embed(x, offset, 0, 1) : ag_diagonal(x, offset, 0, 1);
}

/* ag_trace - the sum of a matrix's main diagonal, 0 if there is none; of integers as i64.
 *   y = sum_k x[k,k]        dx = dy on the diagonal, else 0
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_trace(ag_tensor x)
{
    return matrix_rank(x, 2, "ag_trace") < 0 ? ag_inert(x.tape) : ag_sum(ag_diagonal(x, 0, 0, 1));
}
