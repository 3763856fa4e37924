/* Tensors and their elements so many times: a repeated view, copied along one axis after the other. */
#include "ag/ops/shapes/views.h"

static ag_tensor too_large(const char *who, ag_tape *t)
{
    ag_fail(t, AG_ELIMIT, "%s: the result would be too large", who);
    return ag_inert(t);
}

/* Axis `axis` of x, which has shape s, is made `count` times as long: all that follows from dimension `split` on stands
 * there so often. s becomes the result's shape. */
static ag_tensor repeat_axis(const char *who, ag_tensor x, ag_shape *s, int axis, int split, int64_t count)
{
    ag_shape one = { .rank = 3, .dim = { 1, 1, 1 } };
    bool fits = true;
    for (int i = 0; i < s->rank; i++) {
        int64_t *extent = &one.dim[i < split ? 0 : 2];
        fits = fits && !__builtin_mul_overflow(*extent, s->dim[i], extent);
    }
    fits = fits && !__builtin_mul_overflow(s->dim[axis], count, &s->dim[axis]);
    if (!fits) /* where there are no elements extents may be of any size */
        return too_large(who, x.tape);
    ag_shape many = one;
    many.dim[1] = count;
    return ag_reshape(ag_expand(ag_reshape(x, one), many), *s);
}

/* ag_tile - x so many times along each axis. The counts belong to the last axes; where there are more than x has axes it
 * gets new ones in front.
 *   y[i,..] = x[i mod n,..]        dx = sum of dy over the repetitions
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too many. */
AG_API ag_tensor ag_tile(ag_tensor x, ag_shape counts)
{
    char text[128];
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_tile", AG_LIST(x), &s);
    if (!t)
        return ag_inert(x.tape);
    bool fits = counts.rank >= 0 && counts.rank <= AG_MAX_RANK;
    for (int i = 0; fits && i < counts.rank; i++)
        fits = counts.dim[i] >= 0;
    if (!fits) {
        ag_fail(t, counts.rank < 0 || counts.rank > AG_MAX_RANK ? AG_ESHAPE : AG_EARG,
                "ag_tile: %s is no list of at most %d counts", ag_shape_text(counts, text, sizeof text), AG_MAX_RANK);
        return ag_inert(t);
    }
    const int added = counts.rank > s.rank ? counts.rank - s.rank : 0;
    ag_shape more = { .rank = s.rank + added };
    for (int i = 0; i < more.rank; i++)
        more.dim[i] = i < added ? 1 : s.dim[i - added];
    ag_tensor y = added ? ag_reshape(x, more) : x;
    for (int i = 1; i <= counts.rank && ag_ok(y); i++)
        if (counts.dim[counts.rank - i] != 1)
            y = repeat_axis("ag_tile", y, &more, more.rank - i, more.rank - i, counts.dim[counts.rank - i]);
    return y;
}

/* ag_repeat - ag_tile, which like PyTorch takes a count for every axis of x at least.
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too few or too many. */
AG_API ag_tensor ag_repeat(ag_tensor x, ag_shape counts)
{
    char text[128];
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_repeat", AG_LIST(x), &s);
    if (!t)
        return ag_inert(x.tape);
    if (counts.rank >= s.rank)
        return ag_tile(x, counts);
    ag_fail(t, AG_ESHAPE, "ag_repeat: %d counts are too few for %s; see ag_tile", counts.rank,
            ag_shape_text(s, text, sizeof text));
    return ag_inert(t);
}

/* ag_repeat_interleave - each element of an axis `count` times, one after the other.
 *   y[..,i,..] = x[..,floor(i / count),..]        dx = sum of dy over the repetitions
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if the count is negative. */
AG_API ag_tensor ag_repeat_interleave(ag_tensor x, int axis, int64_t count)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_repeat_interleave", AG_LIST(x), &s);
    const int a = t ? ag_axis_for("ag_repeat_interleave", t, s, axis) : -1;
    if (a < 0)
        return ag_inert(x.tape);
    if (count < 0) {
        ag_fail(t, AG_EARG, "ag_repeat_interleave: the count is %lld, but must not be negative", (long long)count);
        return ag_inert(t);
    }
    return repeat_axis("ag_repeat_interleave", x, &s, a, a + 1, count);
}
