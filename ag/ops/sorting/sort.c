/* Elements in order, and the first of them. */
#include "ag/ops/reductions/placed.h"

enum { DESCENDING = 1, FIRST = 2 /* k are wanted of each line, not all */ };
typedef struct sort_params {
    int64_t k;
    int axis, flags;
} sort_params;

static int64_t wanted(const sort_params *p, int64_t n)
{
    return p->flags & FIRST ? p->k : n;
}

static ag_status sort_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const sort_params *p = ag_call_params(c);
    if (ag_along_shape(c, p->axis, x, &y[0]))
        return AG_ESHAPE;
    const int axis = ag_line_axis(p->axis, x->shape.rank);
    const int64_t n = x->shape.rank > 0 ? x->shape.dim[axis] : 1;
    if (wanted(p, n) < 0 || wanted(p, n) > n)
        return ag_call_fail(c, AG_EARG, "%lld are wanted of the %lld elements along axis %d", (long long)p->k,
                            (long long)n, p->axis);
    if (x->shape.rank == 0 && wanted(p, n) == 0)
        return ag_call_fail(c, AG_EARG, "a number has one element to be wanted, not none");
    if (x->shape.rank > 0)
        y[0].shape.dim[axis] = wanted(p, n);
    y[1] = y[0];
    y[1].dtype = AG_I64;
    return AG_OK;
}

static ag_status sort(const ag_call *c, const ag_array *x, void *values, int64_t *places)
{
    const sort_params *p = ag_call_params(c);
    const ag_lines l = ag_lines_of(&x->shape, ag_line_axis(p->axis, x->shape.rank));
    const ag_sorting s = { x->dtype, l.outer, l.n, l.inner, wanted(p, l.n), p->flags & DESCENDING, ag_call_threads(c) };
    if (ag_array_size(x) == 0)
        return AG_OK;
    const size_t bytes = ag_sort_work(&s);
    void *work = bytes ? ag_call_scratch(c, bytes) : NULL;
    if (!bytes)
        return ag_call_fail(c, AG_ELIMIT, "too many elements to sort");
    if (!work)
        return AG_ENOMEM;
    ag_sort_lines(&s, x->data, values, places, work);
    return AG_OK;
}

static ag_status sort_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return sort(c, x, y[0].data, y[1].data);
}

static void sort_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const sort_params *p = ag_call_params(c);
    dx[0] = ag_placed_vjp(c, p->axis, dy[0]);
}

static void sort_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const sort_params *p = ag_call_params(c);
    dy[0] = ag_placed_jvp(c, p->axis, dx[0]);
}

static ag_status sort_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const sort_params *p = ag_call_params(c);
    return ag_placed_vjp_fused(c, p->axis, &dy[0], &dx[0], beta[0]);
}

/* clang-format off */
#define SORT(axis, flags, ...)                                                                                         \
    { .params = &(const sort_params){ 0, axis, flags }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define FIRST_OF(k, axis, flags, ...)                                                                                  \
    { .params = &(const sort_params){ k, axis, FIRST | (flags) }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define INTEGERS(axis, flags, type, ...)                                                                          \
    { .params = &(const sort_params){ 0, axis, flags }, .low = { 0 }, .high = { 9 }, .dtype = { type },          \
      .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(sort) = {
    .name = "sort",
    .formula = "x in order along an axis, and its places",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(sort_params),
    .shape = sort_shape,
    .forward = sort_forward,
    .vjp = sort_vjp,
    .jvp = sort_jvp,
    .vjp_fused = sort_vjp_fused,
    .samples = (const ag_sample[]){ SORT(-1, 0, AG_DIMS(2, 2, 3, 2)), /* more lines than elements of each */
                                    SORT(0, DESCENDING, AG_DIMS(2, 2, 3)),
                                    SORT(1, 0, AG_DIMS(2, 3, 2)),
                                    SORT(0, 0, AG_DIMS(5)),
                                    { 0 } },
};

/* ag_sort - the elements in order along an axis (-1: the last), and where in x they stand; under options.descending the
 * largest first. Equal elements, as -0 and 0, stay in their order; NaN counts as the largest.
 *   values[..,i,..] = x[..,j,..], j = indices[..,i,..]        dx[..,j,..] = dvalues[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_sort(ag_tensor x, int axis, ag_sort_options options)
{
    return ag_placed_of(&ag_op_sort, x, &(sort_params){ 0, axis, options.descending });
}

AG_OP(topk) = {
    .name = "topk",
    .formula = "largest or smallest k elements of x along an axis, and their places",
    .inputs = 1,
    .outputs = 2,
    .params_size = sizeof(sort_params),
    .shape = sort_shape,
    .forward = sort_forward,
    .vjp = sort_vjp,
    .jvp = sort_jvp,
    .vjp_fused = sort_vjp_fused,
    .samples = (const ag_sample[]){ FIRST_OF(2, -1, DESCENDING, AG_DIMS(3, 4)),
                                    FIRST_OF(1, 0, 0, AG_DIMS(3, 4)),
                                    FIRST_OF(3, 1, DESCENDING, AG_DIMS(2, 3, 2)),
                                    FIRST_OF(2, 0, DESCENDING, AG_DIMS(5)),
                                    { 0 } },
};

/* ag_topk - the k largest elements along an axis (-1: the last), the largest first, and where in x they stand; under
 * options.smallest the smallest ones, the smallest first. Of equal ones the first are taken; NaN counts as the largest.
 *   values[..,i,..] = x[..,j,..], j = indices[..,i,..]        dx[..,j,..] = dvalues[..,i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if k is negative or there are fewer elements. */
AG_API ag_placed ag_topk(ag_tensor x, int64_t k, int axis, ag_topk_options options)
{
    const sort_params p = { k, axis, FIRST | (options.smallest ? 0 : DESCENDING) };
    return ag_placed_of(&ag_op_topk, x, &p);
}

/* ---- places alone */

static ag_status argsort_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const sort_params *p = ag_call_params(c);
    const ag_status status = ag_along_shape(c, p->axis, x, y);
    y->dtype = AG_I64;
    return status;
}

static ag_status argsort_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    return sort(c, x, NULL, y->data);
}

AG_OP(argsort) = {
    .name = "argsort",
    .formula = "places of x's elements in order along an axis",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(sort_params),
    .shape = argsort_shape,
    .forward = argsort_forward,
    .samples = (const ag_sample[]){ SORT(-1, 0, AG_DIMS(3, 4)),
                                    SORT(0, DESCENDING, AG_DIMS(3, 4)),
                                    INTEGERS(1, 0, AG_I64, AG_DIMS(2, 7)),
                                    INTEGERS(0, DESCENDING, AG_I32, AG_DIMS(7, 2)),
                                    INTEGERS(0, DESCENDING, AG_U8, AG_DIMS(7)),
                                    { 0 } },
};

/* ag_argsort - where along an axis (-1: the last) the elements stand that ag_sort puts in order, i64.
 *   y = the indices of ag_sort        no gradient
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_argsort(ag_tensor x, int axis, ag_sort_options options)
{
    return AG_APPLY(argsort, AG_LIST(x), (&(sort_params){ 0, axis, options.descending }));
}
