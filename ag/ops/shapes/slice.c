/* Parts of a tensor along an axis, and their counterpart: a part among zeros. */
#include "ag/ops/shapes/views.h"

/* ---- slice */

typedef struct slice_params {
    int64_t start, stop, step;
    int64_t axis; /* like all here, so that there is no padding */
} slice_params;

/* As Python does: negative positions count from the end, and those outside are moved to the nearest end. */
static int64_t position(int64_t at, int64_t extent)
{
    if (at < 0)
        at += extent;
    return at < 0 ? 0 : at > extent ? extent : at;
}

typedef struct part {
    int axis;
    int64_t start, count, step;
} part;

static part slice_part(const slice_params *p, ag_shape x)
{
    part r = { .axis = ag_axis((int)p->axis, x.rank), .step = p->step };
    int64_t extent = x.dim[r.axis], stop = position(p->stop, extent);
    r.start = position(p->start, extent);
    r.count = stop > r.start ? (stop - r.start - 1) / p->step + 1 : 0;
    return r;
}

static ag_status slice_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const slice_params *p = ag_call_params(c);
    if (ag_call_axis(c, (int)p->axis, x->shape.rank) < 0)
        return AG_ESHAPE;
    if (p->step < 1)
        return ag_call_fail(c, AG_EARG, "the step is %lld, but must be at least 1", (long long)p->step);
    part r = slice_part(p, x->shape);
    *y = ag_region(x, r.axis, r.start, r.count, r.step);
    return AG_OK;
}

static void slice_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_shape x = ag_call_input_shape(c, 0);
    part r = slice_part(ag_call_params(c), x);
    dx[0] = ag_embed(dy[0], r.axis, x.dim[r.axis], r.start, r.step);
}

static void slice_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const slice_params *p = ag_call_params(c);
    dy[0] = ag_slice(dx[0], (int)p->axis, p->start, p->stop, p->step);
}

static ag_status slice_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    part r = slice_part(ag_call_params(c), dx[0].shape);
    ag_array to = ag_region(&dx[0], r.axis, r.start, r.count, r.step);
    if (beta[0] == 0)
        ag_place_part(&dx[0], dy, r.axis, r.start, r.step, ag_call_threads(c));
    else
        ag_copy_array(&to, dy, true, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define SLICE(axis, start, stop, step, ...)                                                                            \
    { .params = &(const slice_params){ start, stop, step, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(slice) = {
    .name = "slice",
    .formula = "x[start : stop : step] along an axis",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(slice_params),
    .shape = slice_shape,
    .vjp = slice_vjp,
    .jvp = slice_jvp,
    .vjp_fused = slice_vjp_fused,
    .samples = (const ag_sample[]){ SLICE(0, 1, 3, 1, AG_DIMS(4, 2)),
                                    SLICE(-1, 0, INT64_MAX, 2, AG_DIMS(2, 5)),
                                    SLICE(1, -3, -1, 1, AG_DIMS(2, 4, 2)),
                                    SLICE(0, 1, 100, 3, AG_DIMS(6)),
                                    SLICE(0, 2, 1, 1, AG_DIMS(3, 2)),
                                    SLICE(0, -100, 2, 5, AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_slice - the elements start, start + step, ... below stop of an axis, as x[start:stop:step] in Python: negative
 * positions count from the end, those beyond an end mean that end (stop = INT64_MAX: to the end). A view.
 *   y[..,i,..] = x[..,start + i step,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if step < 1. */
AG_API ag_tensor ag_slice(ag_tensor x, int axis, int64_t start, int64_t stop, int64_t step)
{
    const slice_params p = { start, stop, step, axis };
    return AG_APPLY(slice, AG_LIST(x), &p);
}

/* ---- select */

typedef struct select_params {
    int64_t index;
    int64_t axis;
} select_params;

/* The index counted from 0, for an x whose axis has the given extent. */
static int64_t select_index(const select_params *p, int64_t extent)
{
    return p->index < 0 ? p->index + extent : p->index;
}

static ag_status select_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const select_params *p = ag_call_params(c);
    int axis = ag_call_axis(c, (int)p->axis, x->shape.rank);
    if (axis < 0)
        return AG_ESHAPE;
    int64_t extent = x->shape.dim[axis], i = select_index(p, extent);
    if (i < 0 || i >= extent)
        return ag_call_fail(c, AG_ESHAPE, "index %lld is outside axis %d, which has extent %lld", (long long)p->index,
                            (int)p->axis, (long long)extent);
    ag_array one = ag_region(x, axis, i, 1, 1);
    *y = ag_without_axis(&one, axis);
    return AG_OK;
}

static void select_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const select_params *p = ag_call_params(c);
    ag_shape x = ag_call_input_shape(c, 0);
    int axis = ag_axis((int)p->axis, x.rank);
    dx[0] = ag_embed(ag_unsqueeze(dy[0], axis), axis, x.dim[axis], select_index(p, x.dim[axis]), 1);
}

static void select_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const select_params *p = ag_call_params(c);
    dy[0] = ag_select(dx[0], (int)p->axis, p->index);
}

static ag_status select_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const select_params *p = ag_call_params(c);
    int axis = ag_axis((int)p->axis, dx[0].shape.rank);
    ag_array one = ag_region(&dx[0], axis, select_index(p, dx[0].shape.dim[axis]), 1, 1);
    ag_array to = ag_without_axis(&one, axis);
    ag_add_to_part(c, &dx[0], &to, dy, beta[0]);
    return AG_OK;
}

/* clang-format off */
#define SELECT(axis, index, ...)                                                                                       \
    { .params = &(const select_params){ index, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(select) = {
    .name = "select",
    .formula = "x[i] along an axis, which is dropped",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(select_params),
    .shape = select_shape,
    .vjp = select_vjp,
    .jvp = select_jvp,
    .vjp_fused = select_vjp_fused,
    .samples = (const ag_sample[]){ SELECT(0, 1, AG_DIMS(3, 2)),
                                    SELECT(-1, -1, AG_DIMS(3, 2)),
                                    SELECT(1, 0, AG_DIMS(2, 3, 2)),
                                    SELECT(0, -2, AG_DIMS(4)),
                                    { 0 } },
};
/* clang-format on */

/* ag_select - element i of an axis (-1: the last), which the result lacks. A view.
 *   y[..,..] = x[..,i,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or index. */
AG_API ag_tensor ag_select(ag_tensor x, int axis, int64_t i)
{
    const select_params p = { i, axis };
    return AG_APPLY(select, AG_LIST(x), &p);
}

/* ---- embed */

typedef struct embed_params {
    int64_t extent, start, step;
    int64_t axis;
} embed_params;

static ag_status embed_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const embed_params *p = ag_call_params(c);
    int axis = ag_call_axis(c, (int)p->axis, x->shape.rank);
    if (axis < 0)
        return AG_ESHAPE;
    bool positive = p->extent >= 0 && p->start >= 0;
    int64_t count = x->shape.dim[axis], room = positive ? p->extent - p->start : -1;
    if (p->step < 1)
        return ag_call_fail(c, AG_EARG, "the step is %lld, but must be at least 1", (long long)p->step);
    if (room < 0 || (count > 0 && (room < 1 || count - 1 > (room - 1) / p->step)))
        return ag_call_fail(c, AG_ESHAPE, "from %lld in steps of %lld does not fit into an axis of extent %lld",
                            (long long)p->start, (long long)p->step, (long long)p->extent);
    y->dtype = x->dtype;
    y->shape = x->shape;
    y->shape.dim[axis] = p->extent;
    return AG_OK;
}

static ag_status embed_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const embed_params *p = ag_call_params(c);
    ag_place_part(y, x, ag_axis((int)p->axis, x->shape.rank), p->start, p->step, ag_call_threads(c));
    return AG_OK;
}

static void embed_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const embed_params *p = ag_call_params(c);
    ag_shape x = ag_call_input_shape(c, 0);
    int64_t count = x.dim[ag_axis((int)p->axis, x.rank)];
    int64_t stop = count > 0 ? p->start + (count - 1) * p->step + 1 : p->start;
    dx[0] = ag_slice(dy[0], (int)p->axis, p->start, stop, p->step);
}

static void embed_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const embed_params *p = ag_call_params(c);
    dy[0] = ag_embed(dx[0], (int)p->axis, p->extent, p->start, p->step);
}

static ag_status embed_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const embed_params *p = ag_call_params(c);
    const int axis = ag_axis((int)p->axis, dx[0].shape.rank);
    ag_array from = ag_region(dy, axis, p->start, dx[0].shape.dim[axis], p->step);
    ag_copy_array(&dx[0], &from, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define EMBED(axis, extent, start, step, ...)                                                                          \
    { .params = &(const embed_params){ extent, start, step, axis }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(embed) = {
    .name = "embed",
    .formula = "zeros with x in places start, start + step, ... along an axis",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(embed_params),
    .shape = embed_shape,
    .forward = embed_forward,
    .vjp = embed_vjp,
    .jvp = embed_jvp,
    .vjp_fused = embed_vjp_fused,
    .samples = (const ag_sample[]){ EMBED(0, 5, 1, 1, AG_DIMS(3, 2)),
                                    EMBED(-1, 6, 0, 2, AG_DIMS(2, 3)),
                                    EMBED(1, 4, 3, 7, AG_DIMS(2, 1, 2)),
                                    EMBED(0, 3, 0, 1, AG_DIMS(3)),
                                    { 0 } },
};
/* clang-format on */

/* ag_embed - zeros of the given extent along an axis, with x in the places start, start + step, ...: padding, and the
 * adjoint of ag_slice.
 *   y[..,start + i step,..] = x[..,i,..], 0 elsewhere        dx = dy[start : .. : step]
 * Errors: AG_ESHAPE if there is no such axis or x does not fit; AG_EARG if step < 1. */
AG_API ag_tensor ag_embed(ag_tensor x, int axis, int64_t extent, int64_t start, int64_t step)
{
    const embed_params p = { extent, start, step, axis };
    return AG_APPLY(embed, AG_LIST(x), &p);
}
