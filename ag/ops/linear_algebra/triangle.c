/* The triangles of matrices, each times a number. */
#include "ag/ops/linear_algebra/matrices.h"

typedef struct triangle_params {
    double below, on, above;
} triangle_params;

static ag_status triangle_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = ag_call_matrices(c, x, false);
    y->shape = x->shape;
    y->dtype = x->dtype;
    return status;
}

static void scale_f64(int64_t n, const double *x, double factor, double *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = factor != 0 ? factor * x[i] : 0;
}

static void scale_f32(int64_t n, const float *x, float factor, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = factor != 0 ? factor * x[i] : 0;
}

typedef struct scaling {
    const ag_array *x, *y;
    const triangle_params *p;
    int64_t rows, columns;
} scaling;

/* n elements from `at` on */
static void scale(const scaling *s, int64_t at, int64_t n, double factor)
{
    if (s->x->dtype == AG_F32)
        scale_f32(n, (const float *)s->x->data + at, (float)factor, (float *)s->y->data + at);
    else
        scale_f64(n, (const double *)s->x->data + at, factor, (double *)s->y->data + at);
}

static void scale_rows(const void *context, int64_t begin, int64_t end)
{
    const scaling *s = context;
    for (int64_t r = begin; r < end; r++) {
        const int64_t i = r % s->rows, at = r * s->columns;
        scale(s, at, i < s->columns ? i : s->columns, s->p->below);
        if (i < s->columns) {
            scale(s, at + i, 1, s->p->on);
            scale(s, at + i + 1, s->columns - i - 1, s->p->above);
        }
    }
}

static ag_status triangle_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int rank = x->shape.rank;
    const scaling s = { x, y, ag_call_params(c), x->shape.dim[rank - 2], x->shape.dim[rank - 1] };
    if (ag_array_size(x) > 0)
        ag_for_ranges(ag_matrix_count(x->shape) * s.rows, (double)s.columns, ag_call_threads(c), scale_rows, &s);
    return AG_OK;
}

/* It is its own adjoint. */
static void triangle_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const triangle_params *p = ag_call_params(c);
    dx[0] = ag_triangle(dy[0], p->below, p->on, p->above);
}

/* clang-format off */
#define SAMPLE(below, on, above, ...) \
    { .params = &(const triangle_params){ below, on, above }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(triangle) = {
    .name = "triangle",
    .formula = "the triangles of x, each times a number",
    .inputs = 1,
    .flags = AG_INNER,
    .params_size = sizeof(triangle_params),
    .shape = triangle_shape,
    .forward = triangle_forward,
    .vjp = triangle_vjp,
    .jvp = triangle_vjp,
    .samples = (const ag_sample[]){ SAMPLE(1, 0.5, 0, AG_DIMS(3, 3)),
                                    SAMPLE(0, -1, 2, AG_DIMS(2, 3, 4)),
                                    SAMPLE(1, 1, 0, AG_DIMS(5, 2)),
                                    { 0 } },
};

ag_tensor ag_triangle(ag_tensor x, double below, double on, double above)
{
    return AG_APPLY(triangle, AG_LIST(x), (&(triangle_params){ below, on, above }));
}
