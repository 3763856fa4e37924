/* Elements repeated along axes. */
#include "ag/ops/shapes/views.h"

typedef struct expand_params {
    ag_shape shape;
} expand_params;

/* The shape asked for, with -1 replaced. */
static ag_status find_shape(const ag_call *c, const ag_array *x, ag_shape *s)
{
    char text[128];
    bool fits = s->rank >= x->shape.rank && s->rank <= AG_MAX_RANK;
    int missing = fits ? s->rank - x->shape.rank : 0;
    ag_shape asked = *s;
    for (int i = 0; fits && i < s->rank; i++) {
        int64_t extent = i < missing ? -1 : x->shape.dim[i - missing];
        if (s->dim[i] == -1)
            s->dim[i] = extent;
        fits = s->dim[i] >= 0 && (i < missing || extent == 1 || extent == s->dim[i]);
    }
    if (!fits)
        return ag_call_fail(c, AG_ESHAPE, "does not expand to %s", ag_shape_text(asked, text, sizeof text));
    if (ag_shape_size(*s) < 0 || ag_shape_size(*s) > INT64_MAX / 16)
        return ag_call_fail(c, AG_ELIMIT, "%s is too large", ag_shape_text(asked, text, sizeof text));
    return AG_OK;
}

static ag_status expand_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const expand_params *p = ag_call_params(c);
    ag_shape s = p->shape;
    ag_status status = find_shape(c, x, &s);
    if (!status)
        *y = ag_array_expand(x, s);
    return status;
}

/* The engine sums over the axes along which x was repeated. */
static void expand_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void expand_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const expand_params *p = ag_call_params(c);
    dy[0] = ag_expand(dx[0], p->shape);
}

static ag_status expand_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_reduce_to(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
    return AG_OK;
}

/* clang-format off */
#define EXPAND(to, ...)                                                                                                \
    { .params = &(const expand_params){ to }, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }

AG_OP(expand) = {
    .name = "expand",
    .formula = "x repeated along axes",
    .inputs = 1,
    .flags = AG_VIEW | AG_STRIDED,
    .params_size = sizeof(expand_params),
    .shape = expand_shape,
    .vjp = expand_vjp,
    .jvp = expand_jvp,
    .vjp_fused = expand_vjp_fused,
    .samples = (const ag_sample[]){ EXPAND(AG_DIMS(4, 3), AG_DIMS(3)),
                                    EXPAND(AG_DIMS(2, 4), AG_DIMS(2, 1)),
                                    EXPAND(AG_DIMS(2, -1, 3), AG_DIMS(4, 1)),
                                    EXPAND(AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    EXPAND(AG_DIMS(3, 2, 2), AG_DIMS(1, 2, 1)),
                                    { 0 } },
};
/* clang-format on */

/* ag_expand - x repeated along axes of extent 1, and along new leading axes, to the shape s, in which -1 keeps an
 * extent. A view: nothing is copied.
 *   y[i,..] = x[0 or i,..]        dx = dy summed over the axes along which x was repeated
 * Errors: AG_ESHAPE if x does not broadcast to s. */
AG_API ag_tensor ag_expand(ag_tensor x, ag_shape s)
{
    expand_params p;
    ag_shape_bytes(s, &p.shape); /* params are compared from step to step */
    return AG_APPLY(expand, AG_LIST(x), &p);
}

/* ag_expand_as - ag_expand to the shape of another tensor, which gets no gradient.
 * Errors: AG_ESHAPE if x does not broadcast to that. */
AG_API ag_tensor ag_expand_as(ag_tensor x, ag_tensor like)
{
    ag_shape s[2];
    return ag_shapes_for("ag_expand_as", AG_LIST(x, like), s) ? ag_expand(x, s[1])
                                                              : ag_inert(ag_list_tape(AG_LIST(x, like)));
}

/* ---- grids */

/* The shape of a grid over vectors; rank-0 tensors are vectors of one element. False: reported. */
static bool grid_shape(ag_tape *t, const ag_shape *shapes, int count, ag_shape *grid)
{
    char text[128];
    *grid = (ag_shape){ .rank = count };
    for (int i = 0; i < count; i++) {
        if (shapes[i].rank > 1)
            return ag_fail(t, AG_ESHAPE, "ag_meshgrid: operand %d is %s, but must be a vector", i + 1,
                           ag_shape_text(shapes[i], text, sizeof text)),
                   false;
        grid->dim[i] = shapes[i].rank ? shapes[i].dim[0] : 1;
    }
    return true;
}

/* ag_meshgrid - tensor number i of a grid over the vectors of the list: xs[i] along one axis, repeated along the others.
 * That is axis i; with AG_XY the first two are exchanged. A view.
 *   y[j0,j1,..] = xs[i][ji]        dxs[i] = dy summed over the other axes
 * Errors: AG_ESHAPE if one is no vector or there are too many; AG_EARG if there is no tensor i or no such indexing. */
AG_API ag_tensor ag_meshgrid(ag_list xs, int i, ag_indexing indexing)
{
    ag_tape *t = ag_list_tape(xs);
    ag_shape shapes[AG_MAX_RANK], grid, column = { 0 };
    const int count = (int)xs.count;
    if (xs.count > AG_MAX_RANK)
        return ag_fail(t, AG_ESHAPE, "ag_meshgrid: a tensor has at most %d dimensions, not %zu", AG_MAX_RANK, xs.count),
               ag_inert(t);
    if (i < 0 || i >= count)
        return ag_fail(t, AG_EARG, "ag_meshgrid: of %d tensors there is no number %d", count, i), ag_inert(t);
    if (indexing != AG_IJ && indexing != AG_XY)
        return ag_fail(t, AG_EARG, "ag_meshgrid: there is no indexing %d", (int)indexing), ag_inert(t);
    if (!ag_shapes_for("ag_meshgrid", xs, shapes) || !grid_shape(t, shapes, count, &grid))
        return ag_inert(t);
    column.rank = count - i;
    for (int d = 0; d < column.rank; d++)
        column.dim[d] = d ? 1 : grid.dim[i];
    const ag_tensor y = ag_expand(ag_reshape(xs.at[i], column), grid);
    return indexing == AG_XY && count > 1 ? ag_transpose(y, 0, 1) : y;
}
