/* Shapes and axes. */
#include "ag/array/array.h"

const ag_shape AG_SCALAR = { 0 };
const ag_axes AG_ALL = { -1, { 0 } };

int64_t ag_shape_size(ag_shape s)
{
    if (s.rank < 0 || s.rank > AG_MAX_RANK)
        return -1;
    int64_t size = 1;
    bool empty = false;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] < 0)
            return -1;
        empty |= s.dim[i] == 0;
    }
    if (empty)
        return 0;
    for (int i = 0; i < s.rank; i++)
        if (__builtin_mul_overflow(size, s.dim[i], &size))
            return -1;
    return size;
}

/* Extents beyond the rank and what fills the struct up are whatever lay there. */
void ag_shape_bytes(ag_shape s, ag_shape *to)
{
    memset(to, 0, sizeof *to);
    to->rank = s.rank;
    if (s.rank > 0 && s.rank <= AG_MAX_RANK)
        memcpy(to->dim, s.dim, (size_t)s.rank * sizeof *s.dim);
}

bool ag_shape_equal(ag_shape a, ag_shape b)
{
    return a.rank == b.rank && (a.rank <= 0 || !memcmp(a.dim, b.dim, (size_t)a.rank * sizeof *a.dim));
}

bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *to)
{
    *to = a.rank >= b.rank ? a : b;
    for (int i = 1; i <= to->rank; i++) {
        int64_t x = i <= a.rank ? a.dim[a.rank - i] : 1, y = i <= b.rank ? b.dim[b.rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        to->dim[to->rank - i] = x == 1 ? y : x;
    }
    return true;
}

bool ag_broadcast_axes(ag_shape s, ag_shape to, ag_axes *axes)
{
    int missing = to.rank - s.rank;
    axes->count = 0;
    for (int i = 0; i < to.rank; i++) {
        int64_t extent = i < missing ? 1 : s.dim[i - missing];
        if (extent == to.dim[i])
            continue;
        if (extent != 1)
            return false;
        axes->axis[axes->count++] = i;
    }
    return missing >= 0;
}

int ag_axis(int axis, int rank)
{
    if (axis < -rank || axis >= rank)
        return -1;
    return axis < 0 ? axis + rank : axis;
}

bool ag_axes_mask(ag_axes axes, int rank, bool *reduced)
{
    for (int i = 0; i < rank; i++)
        reduced[i] = axes.count < 0;
    if (axes.count > AG_MAX_RANK)
        return false;
    for (int i = 0; i < axes.count; i++) {
        int a = ag_axis(axes.axis[i], rank);
        if (a < 0 || reduced[a])
            return false;
        reduced[a] = true;
    }
    return true;
}

const char *ag_shape_text(ag_shape s, char *text, size_t bytes)
{
    size_t used = 0;
    if (s.rank < 0 || s.rank > AG_MAX_RANK) {
        snprintf(text, bytes, "[invalid]");
        return text;
    }
    for (int i = 0; i < s.rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%lld", i ? "," : "[", (long long)s.dim[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, s.rank ? "]" : "[]");
    return text;
}
