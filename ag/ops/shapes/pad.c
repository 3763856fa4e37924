/* Tensors made larger, or smaller, at both ends of their axes. */
#include "ag/ops/shapes/pad.h"

typedef struct pad_params {
    ag_shape before, after; /* of the last axes */
    double value;
    int64_t mode;
} pad_params;

typedef struct padding { /* of an axis */
    int64_t extent, before, after;
} padding;

static padding padding_of(const pad_params *p, ag_shape x, int axis)
{
    const int i = axis - (x.rank - p->before.rank);
    return i < 0 ? (padding){ x.dim[axis], 0, 0 } : (padding){ x.dim[axis], p->before.dim[i], p->after.dim[i] };
}

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

/* How many elements an end loses. */
static int64_t lost(int64_t n)
{
    return n < -INT64_MAX ? INT64_MAX : positive(-n);
}

/* What of the result's axis is x's own, in front of that and behind it: that many pieces. */
static int pieces_of(ag_pad_mode mode, padding p, ag_pad_piece pieces[3])
{
    const int64_t low = lost(p.before), high = p.extent - lost(p.after); /* what is left of x */
    const int64_t front = positive(p.before), back = positive(p.after);
    int count = 0;
    pieces[count++] = (ag_pad_piece){ front, low, high - low, 1, false };
    ag_pad_piece in_front = { 0, 0, front, 0, mode == AG_CONSTANT },
                 behind = { front + high - low, 0, back, 0, in_front.value };
    if (mode == AG_REFLECT) {
        in_front.from = front;
        behind.from = p.extent - 2;
        in_front.step = behind.step = -1;
    } else if (mode == AG_REPLICATE) {
        behind.from = p.extent - 1;
    } else if (mode == AG_CIRCULAR) {
        in_front.from = high - front;
        behind.from = low;
        in_front.step = behind.step = 1;
    }
    if (front > 0)
        pieces[count++] = in_front;
    if (back > 0)
        pieces[count++] = behind;
    return count;
}

/* ---- shape */

/* How many elements may stand at one end of an axis? */
static int64_t most(ag_pad_mode mode, padding p)
{
    switch (mode) {
    case AG_REFLECT:
        return positive(p.extent - 1);
    case AG_REPLICATE:
        return p.extent > 0 ? INT64_MAX : 0;
    case AG_CIRCULAR:
        return p.extent - lost(p.before) - lost(p.after);
    default:
        return INT64_MAX;
    }
}

static ag_status pad_axis(const ag_call *c, ag_pad_mode mode, padding p, int axis, int64_t *extent)
{
    static const char *const names[] = { "AG_CONSTANT", "AG_REFLECT", "AG_REPLICATE", "AG_CIRCULAR" };
    const int64_t limit = INT64_MAX / 4;
    if (p.before > limit || p.after > limit)
        return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    if (lost(p.before) > p.extent || lost(p.after) > p.extent - lost(p.before))
        return ag_call_fail(c, AG_ESHAPE,
                            "axis %d, which has extent %lld, cannot lose %lld elements in front and %lld behind", axis,
                            (long long)p.extent, (long long)lost(p.before), (long long)lost(p.after));
    const int64_t more = p.before > p.after ? p.before : p.after, room = most(mode, p);
    if (more > 0 && more > room)
        return ag_call_fail(c, AG_ESHAPE,
                            "%s makes at most %lld elements at an end of axis %d, which has extent %lld, not %lld",
                            names[mode], (long long)room, axis, (long long)p.extent, (long long)more);
    if (__builtin_add_overflow(p.extent, p.before + p.after, extent))
        return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    return AG_OK;
}

static ag_status pad_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const pad_params *p = ag_call_params(c);
    const int rank = x->shape.rank;
    if (p->mode < AG_CONSTANT || p->mode > AG_CIRCULAR)
        return ag_call_fail(c, AG_EARG, "there is no mode %lld", (long long)p->mode);
    if (p->before.rank != p->after.rank || p->before.rank < 0 || p->before.rank > rank)
        return ag_call_fail(c, AG_ESHAPE, "%d counts in front and %d behind are given, but there are %d axes",
                            p->before.rank, p->after.rank, rank);
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    for (int i = 0; i < rank; i++) {
        const ag_status status = pad_axis(c, (ag_pad_mode)p->mode, padding_of(p, x->shape, i), i, &y->shape.dim[i]);
        if (status)
            return status;
    }
    return AG_OK;
}

/* ---- values and kernel: a piece of every axis makes a part of the result */

static ag_pad_parts parts_of(const ag_call *c, ag_shape x)
{
    const pad_params *p = ag_call_params(c);
    ag_pad_parts g = { .value = p->value, .threads = ag_call_threads(c) };
    for (int i = 0; i < x.rank; i++)
        g.count[i] = pieces_of((ag_pad_mode)p->mode, padding_of(p, x, i), g.axis[i]);
    return g;
}

enum { LONG = 64 /* bytes of a row that is worth loops of its own */ };

/* Can all pieces of the last axis, to which the others have been cut, go back together? */
static bool by_rows(const ag_pad_parts *g, const ag_array *x, const ag_array *y)
{
    const int last = y->shape.rank - 1;
    bool fits = x->stride[last] == 1 && y->stride[last] == 1 && ag_array_size(y) > 0 &&
                y->shape.dim[last] * (int64_t)ag_dtype_size(y->dtype) >= LONG;
    for (int d = 0; d < last; d++)
        fits = fits && x->shape.dim[d] == y->shape.dim[d];
    for (int i = 0; i < g->count[last]; i++) {
        const ag_pad_piece *p = &g->axis[last][i];
        fits = fits && (p->value || p->step != 0 || p->count == 1);
    }
    return fits;
}

/* All parts in which the axes before `axis` have the pieces to which x and y have been cut. */
static void run_parts(ag_pad_parts *g, const ag_array *x, const ag_array *y, int axis)
{
    if (axis == y->shape.rank) {
        if (g->back && !ag_shape_equal(x->shape, y->shape))
            ag_sum_array(x, y, 1, g->add, g->threads);
        else if (g->back)
            ag_copy_array(x, y, g->add, g->threads);
        else
            ag_copy_array(y, x, false, g->threads);
        g->add = true;
        return;
    }
    if (g->back && axis == y->shape.rank - 1 && by_rows(g, x, y)) {
        ag_pad_rows_back(g, x, y);
        g->add = true;
        return;
    }
    for (int i = 0; i < g->count[axis]; i++) {
        const ag_pad_piece *p = &g->axis[axis][i];
        const ag_array to = ag_region(y, axis, p->to, p->count, 1);
        if (!p->value) {
            /* of an element that is repeated the adjoint is a sum */
            const ag_array from = ag_region(x, axis, p->from, g->back && p->step == 0 ? 1 : p->count, p->step);
            run_parts(g, &from, &to, axis + 1);
        } else if (!g->back) {
            ag_fill_array(&to, g->value);
        }
    }
}

static ag_status pad_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_pad_parts g = parts_of(c, x->shape);
    const int last = y->shape.rank - 1;
    if (ag_array_size(y) == 0)
        return AG_OK;
    if (last >= 0 && x->stride[last] == 1 && y->shape.dim[last] * (int64_t)ag_dtype_size(y->dtype) >= LONG)
        return ag_pad_rows(c, &g, x, y);
    run_parts(&g, x, y, 0);
    return AG_OK;
}

static ag_status pad_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const pad_params *p = ag_call_params(c);
    bool lost = false;
    for (int i = 0; i < p->before.rank; i++)
        lost |= p->before.dim[i] < 0 || p->after.dim[i] < 0;
    if (lost && beta[0] == 0)
        ag_fill_array(&dx[0], 0);
    ag_pad_parts g = parts_of(c, dx[0].shape);
    g.back = true;
    g.add = lost || beta[0] != 0;
    run_parts(&g, &dx[0], dy, 0);
    return AG_OK;
}

/* ---- rule: one axis after the other */

/* What the piece of dy brings to x along the axis. */
static ag_tensor piece_back(ag_tensor dy, int axis, int64_t extent, const ag_pad_piece *p)
{
    ag_tensor part = ag_slice(dy, axis, p->to, p->to + p->count, 1);
    int64_t first = p->from;
    if (p->step == 0)
        part = ag_sum_over(part, AG_AXES(axis), AG_KEEPDIM);
    if (p->step < 0) {
        part = ag_flip(part, AG_AXES(axis));
        first -= p->count - 1;
    }
    return ag_embed(part, axis, extent, first, 1);
}

static void pad_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const pad_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    dx[0] = dy[0];
    for (int axis = x.rank - p->before.rank; axis < x.rank; axis++) {
        ag_pad_piece pieces[3];
        const ag_tensor padded = dx[0];
        const int count = pieces_of((ag_pad_mode)p->mode, padding_of(p, x, axis), pieces);
        dx[0] = piece_back(padded, axis, x.dim[axis], &pieces[0]);
        for (int i = 1; i < count; i++)
            if (!pieces[i].value)
                dx[0] = ag_add(dx[0], piece_back(padded, axis, x.dim[axis], &pieces[i]));
    }
}

static void pad_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const pad_params *p = ag_call_params(c);
    dy[0] = ag_pad(dx[0], p->before, p->after, (ag_pad_mode)p->mode, 0);
}

/* clang-format off */
#define COUNTS(...) AG_DIMS(__VA_ARGS__)
#define PAD(mode, before, after, ...)                                                                                  \
    { .params = &(const pad_params){ before, after, 0.5, mode }, .low = { -2 }, .high = { 2 },                         \
      .shape = { __VA_ARGS__ } }

AG_OP(pad) = {
    .name = "pad",
    .formula = "x with elements added at the ends of its axes",
    .inputs = 1,
    .flags = AG_STRIDED,
    .params_size = sizeof(pad_params),
    .shape = pad_shape,
    .forward = pad_forward,
    .vjp = pad_vjp,
    .jvp = pad_jvp,
    .vjp_fused = pad_vjp_fused,
    .samples = (const ag_sample[]){ PAD(AG_CONSTANT, COUNTS(1, 0), COUNTS(2, 1), AG_DIMS(2, 3)),
                                    PAD(AG_CONSTANT, COUNTS(-1), COUNTS(2), AG_DIMS(2, 3)),
                                    PAD(AG_CONSTANT, COUNTS(-1, 1), COUNTS(-1, 0), AG_DIMS(2, 2)),
                                    PAD(AG_REFLECT, COUNTS(2, 1), COUNTS(1, 3), AG_DIMS(2, 3, 4)),
                                    PAD(AG_REFLECT, COUNTS(2, -1), COUNTS(-1, 3), AG_DIMS(4, 4)),
                                    PAD(AG_REPLICATE, COUNTS(1, 4), COUNTS(3, 0), AG_DIMS(2, 3)),
                                    PAD(AG_REPLICATE, COUNTS(0, -2), COUNTS(0, 2), AG_DIMS(2, 3)),
                                    PAD(AG_CIRCULAR, COUNTS(1, 3), COUNTS(2, 1), AG_DIMS(2, 3)),
                                    PAD(AG_CIRCULAR, COUNTS(2, -1), COUNTS(-1, 2), AG_DIMS(4, 4)),
                                    PAD(AG_CONSTANT, COUNTS(1, 3), COUNTS(-1, 2), AG_DIMS(2, 2, 12)),
                                    PAD(AG_REFLECT, COUNTS(1, -2), COUNTS(1, 7), AG_DIMS(2, 12)),
                                    PAD(AG_REFLECT, COUNTS(1, 1, 2), COUNTS(0, 1, 1), AG_DIMS(2, 2, 9)),
                                    PAD(AG_CIRCULAR, COUNTS(1, 2, 1), COUNTS(1, 0, 3), AG_DIMS(2, 2, 9)),
                                    PAD(AG_REPLICATE, COUNTS(1, 2), COUNTS(0, 3), AG_DIMS(2, 12)),
                                    { 0 } },
};
/* clang-format on */

/* ag_pad - x with before[i] elements in front of axis i and after[i] behind it, where the lists belong to the last axes:
 * AG_SHAPE(1, 2) to the last two. Negative: so many fewer. What stands there: AG_CONSTANT, `value`; AG_REFLECT, x in
 * reverse order from its last element on, which is not repeated; AG_REPLICATE, the last element; AG_CIRCULAR, x from
 * its other end.
 *   y[..,i + before,..] = x[..,i,..]        dx = dy there, and what the same elements receive elsewhere
 * Errors: AG_ESHAPE if the lists differ in length or are too long, or an axis is too short; AG_EARG if there is no such
 * mode. */
AG_API ag_tensor ag_pad(ag_tensor x, ag_shape before, ag_shape after, ag_pad_mode mode, double value)
{
    const pad_params p = { before, after, value, mode };
    return AG_APPLY(pad, AG_LIST(x), &p);
}
