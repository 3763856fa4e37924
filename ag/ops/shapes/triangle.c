/* The triangles of matrices that lie below and above a diagonal. */
#include "ag/ops/shapes/views.h"

typedef struct triangle_params {
    int64_t diagonal;
} triangle_params;

/* The rows of all matrices, one after the other. */
typedef struct triangle {
    const char *from;
    char *to;
    int64_t rows, columns, diagonal; /* of a matrix */
    size_t size;                     /* of an element */
    bool lower, add;
} triangle;

/* n elements at even places, += */
static void add_elements(char *to, const char *from, int64_t n, size_t size)
{
    if (size == sizeof(float)) {
        float *restrict t = (float *)(void *)to;
        const float *f = (const float *)(const void *)from;
        for (int64_t i = 0; i < n; i++)
            t[i] += f[i];
    } else {
        double *restrict t = (double *)(void *)to;
        const double *f = (const double *)(const void *)from;
        for (int64_t i = 0; i < n; i++)
            t[i] += f[i];
    }
}

static int64_t within(int64_t i, int64_t high)
{
    return i < 0 ? 0 : i > high ? high : i;
}

/* What does not belong to the triangle becomes 0, whatever it was. */
static void triangle_rows(const void *context, int64_t begin, int64_t end)
{
    const triangle *g = context;
    for (int64_t r = begin; r < end; r++) {
        const int64_t i = r % g->rows;
        const int64_t first = g->lower ? 0 : within(i + g->diagonal, g->columns);
        const int64_t stop = g->lower ? within(i + g->diagonal + 1, g->columns) : g->columns;
        const size_t row = (size_t)(r * g->columns) * g->size, before = (size_t)first * g->size;
        const size_t kept = (size_t)(stop - first) * g->size, after = (size_t)(g->columns - stop) * g->size;
        char *to = g->to + row;
        if (g->add) {
            add_elements(to + before, g->from + row + before, stop - first, g->size);
            continue;
        }
        memset(to, 0, before);
        memcpy(to + before, g->from + row + before, kept);
        memset(to + before + kept, 0, after);
    }
}

static void copy_triangle(const ag_call *c, const ag_array *to, const ag_array *from, bool lower, bool add)
{
    const triangle_params *p = ag_call_params(c);
    const int64_t *dim = &to->shape.dim[to->shape.rank - 2];
    triangle g = { from->data, to->data, dim[0], dim[1], 0, ag_dtype_size(to->dtype), lower, add };
    if (ag_array_size(to) == 0)
        return;
    g.diagonal = p->diagonal < -g.rows ? -g.rows : p->diagonal > g.columns ? g.columns : p->diagonal;
    ag_for_ranges(ag_array_size(to) / g.columns, (double)g.columns / 2, ag_call_threads(c), triangle_rows, &g);
}

static ag_status triangle_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->shape.rank < 2)
        return ag_call_fail(c, AG_ESHAPE, "the operand is no matrix, nor several");
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    return AG_OK;
}

static int64_t diagonal_of(const ag_call *c)
{
    const triangle_params *p = ag_call_params(c);
    return p->diagonal;
}

static ag_status tril_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    copy_triangle(c, y, x, true, false);
    return AG_OK;
}

static void tril_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_tril(dy[0], diagonal_of(c));
}

static void tril_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_tril(dx[0], diagonal_of(c));
}

static ag_status tril_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    copy_triangle(c, &dx[0], dy, true, beta[0] != 0);
    return AG_OK;
}

static ag_status triu_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    copy_triangle(c, y, x, false, false);
    return AG_OK;
}

static void triu_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_triu(dy[0], diagonal_of(c));
}

static void triu_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = ag_triu(dx[0], diagonal_of(c));
}

static ag_status triu_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    copy_triangle(c, &dx[0], dy, false, beta[0] != 0);
    return AG_OK;
}

/* clang-format off */
#define TRIANGLE(diagonal, ...)                                                                                        \
    { .params = &(const triangle_params){ diagonal }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

static const ag_sample samples[] = { TRIANGLE(0, AG_DIMS(3, 3)),
                                     TRIANGLE(1, AG_DIMS(4, 3)),
                                     TRIANGLE(-1, AG_DIMS(2, 3, 4)),
                                     TRIANGLE(2, AG_DIMS(2, 2, 2, 5)),
                                     TRIANGLE(INT64_MAX, AG_DIMS(2, 3)),
                                     TRIANGLE(INT64_MIN, AG_DIMS(2, 3)),
                                     { 0 } };
/* clang-format on */

AG_OP(tril) = {
    .name = "tril",
    .formula = "x on and below a diagonal, else 0",
    .inputs = 1,
    .params_size = sizeof(triangle_params),
    .shape = triangle_shape,
    .forward = tril_forward,
    .vjp = tril_vjp,
    .jvp = tril_jvp,
    .vjp_fused = tril_vjp_fused,
    .samples = samples,
};

/* ag_tril - the lower triangle of matrices, in the last two dimensions; diagonal 0: the main one and what lies below,
 * 1: one diagonal more, -1: one less.
 *   y[..,i,j] = x[..,i,j] where j <= i + diagonal, else 0        dx = dy there, else 0
 * What is left out contributes 0 even if its derivative is not finite.
 * Errors: AG_ESHAPE if x has fewer than two dimensions. */
AG_API ag_tensor ag_tril(ag_tensor x, int64_t diagonal)
{
    const triangle_params p = { diagonal };
    return AG_APPLY(tril, AG_LIST(x), &p);
}

AG_OP(triu) = {
    .name = "triu",
    .formula = "x on and above a diagonal, else 0",
    .inputs = 1,
    .params_size = sizeof(triangle_params),
    .shape = triangle_shape,
    .forward = triu_forward,
    .vjp = triu_vjp,
    .jvp = triu_jvp,
    .vjp_fused = triu_vjp_fused,
    .samples = samples,
};

/* ag_triu - the upper triangle of matrices, in the last two dimensions; diagonal 0: the main one and what lies above,
 * 1: one diagonal less, -1: one more.
 *   y[..,i,j] = x[..,i,j] where j >= i + diagonal, else 0        dx = dy there, else 0
 * What is left out contributes 0 even if its derivative is not finite.
 * Errors: AG_ESHAPE if x has fewer than two dimensions. */
AG_API ag_tensor ag_triu(ag_tensor x, int64_t diagonal)
{
    const triangle_params p = { diagonal };
    return AG_APPLY(triu, AG_LIST(x), &p);
}
