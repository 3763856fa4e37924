/* Parts of equal size, by their numbers. */
#include "ag/ops/shapes/views.h"

/* Part i of those of `size` elements, of which there are `parts`. */
static ag_tensor part_of(const char *who, ag_tensor x, int axis, int64_t size, int64_t parts, int64_t i)
{
    const int64_t at = i < 0 ? i + parts : i;
    int64_t start, stop;
    if (at < 0 || at >= parts) {
        ag_fail(x.tape, AG_ESHAPE, "%s: there is no part %lld of %lld", who, (long long)i, (long long)parts);
        return ag_inert(x.tape);
    }
    if (__builtin_mul_overflow(at, size, &start) || __builtin_add_overflow(start, size, &stop))
        start = stop = INT64_MAX; /* none of an axis without elements */
    return ag_slice(x, axis, start, stop, 1);
}

/* The extent of the axis; -1 and an error if there is none, or `least` is not at least 1. */
static int64_t extent_of(const char *who, ag_tensor x, int axis, int64_t least, const char *what)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for(who, AG_LIST(x), &s);
    const int a = t ? ag_axis_for(who, t, s, axis) : -1;
    if (a >= 0 && least >= 1)
        return s.dim[a];
    if (a >= 0)
        ag_fail(t, AG_EARG, "%s: %s %lld, but must be at least 1", who, what, (long long)least);
    return -1;
}

/* ag_split - part i of the parts of `size` elements into which an axis falls, of which the last may have fewer (-1: the
 * last). A view.
 *   y = x[i size : (i + 1) size] along the axis        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or part; AG_EARG if size < 1. */
AG_API ag_tensor ag_split(ag_tensor x, int axis, int64_t size, int64_t i)
{
    const int64_t extent = extent_of("ag_split", x, axis, size, "the size is");
    return extent < 0 ? ag_inert(x.tape)
                      : part_of("ag_split", x, axis, size, extent > 0 ? (extent - 1) / size + 1 : 1, i);
}

/* ag_chunk - part i of the `chunks` parts into which an axis falls, all of one size but the last ones, which may have
 * fewer elements, or none (-1: the last). A view.
 *   y = x[i size : (i + 1) size] along the axis, size = ceil(extent / chunks)        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or part; AG_EARG if chunks < 1. */
AG_API ag_tensor ag_chunk(ag_tensor x, int axis, int64_t chunks, int64_t i)
{
    const int64_t extent = extent_of("ag_chunk", x, axis, chunks, "the number of parts is");
    return extent < 0 ? ag_inert(x.tape)
                      : part_of("ag_chunk", x, axis, extent / chunks + (extent % chunks > 0), chunks, i);
}
