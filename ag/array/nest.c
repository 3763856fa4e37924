#include "ag/array/array.h"

/* A dimension along which nothing moves belongs outside. */
static int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride > 0 ? stride : INT64_MAX;
}

/* Functions for a known number of arrays, two as a rule: loops over them are unrolled. */
#define INLINE static inline __attribute__((always_inline))

/* Should dimension d lie outside dimension e? */
INLINE bool outside(const ag_nest *w, int d, int e, int arrays)
{
    for (int k = 0; k < arrays; k++) {
        int64_t a = magnitude(w->stride[k][d]), b = magnitude(w->stride[k][e]);
        if (a != b)
            return a > b;
    }
    return false;
}

INLINE void swap(ag_nest *w, int d, int e, int arrays)
{
    int64_t dim = w->dim[d];
    w->dim[d] = w->dim[e];
    w->dim[e] = dim;
    for (int k = 0; k < arrays; k++) {
        int64_t stride = w->stride[k][d];
        w->stride[k][d] = w->stride[k][e];
        w->stride[k][e] = stride;
    }
}

INLINE void take_dimensions(ag_nest *w, ag_shape shape, int arrays, const ag_array *const *a)
{
    w->arrays = arrays;
    w->rank = 0;
    for (int d = 0; d < shape.rank; d++) {
        if (shape.dim[d] == 1)
            continue;
        w->dim[w->rank] = shape.dim[d];
        for (int k = 0; k < arrays; k++)
            w->stride[k][w->rank] = a[k]->data ? a[k]->stride[d] : 0;
        w->rank++;
    }
}

INLINE bool mergeable(const ag_nest *w, int outer, int inner, int arrays)
{
    for (int k = 0; k < arrays; k++)
        if (w->stride[k][outer] != w->stride[k][inner] * w->dim[inner])
            return false;
    return true;
}

INLINE void merge(ag_nest *w, int arrays)
{
    if (w->rank == 0) {
        w->rank = 1;
        w->dim[0] = 1;
        for (int k = 0; k < arrays; k++)
            w->stride[k][0] = 1;
    }
    int last = 0;
    for (int d = 1; d < w->rank; d++) {
        if (mergeable(w, last, d, arrays)) {
            w->dim[last] *= w->dim[d];
        } else {
            w->dim[++last] = w->dim[d];
        }
        for (int k = 0; k < arrays; k++)
            w->stride[k][last] = w->stride[k][d];
    }
    w->rank = last + 1;
}

INLINE void order(ag_nest *w, int arrays)
{
    for (int d = 1; d < w->rank; d++)
        for (int e = d; e > 0 && outside(w, e, e - 1, arrays); e--)
            swap(w, e, e - 1, arrays);
    merge(w, arrays);
}

void ag_nest_take(ag_nest *w, ag_shape shape, int arrays, const ag_array *const *a)
{
    take_dimensions(w, shape, arrays, a);
    merge(w, arrays);
}

void ag_nest_order(ag_nest *w)
{
    if (w->arrays == 2)
        order(w, 2);
    else
        order(w, w->arrays);
}

void ag_nest_init(ag_nest *w, const ag_array *a, const ag_array *b)
{
    const ag_array *const both[] = { a, b };
    take_dimensions(w, a->shape, 2, both);
    order(w, 2);
}

void ag_nest_swap(ag_nest *w, int d, int e)
{
    swap(w, d, e, w->arrays);
}

void ag_nest_raise(ag_nest *w, int d)
{
    for (; d < w->rank - 2; d++)
        ag_nest_swap(w, d, d + 1);
}

bool ag_nest_turn(ag_nest *w, int among, int64_t rows, int64_t least)
{
    const int last = w->rank - 1;
    for (int k = 0; k < w->arrays; k++)
        for (int d = 0; d < last && among >> k & 1 && w->stride[k][last] != 0 && w->stride[k][last] != 1; d++)
            if (w->stride[k][d] == 1 && w->dim[d] >= rows && w->dim[last] >= least) {
                ag_nest_raise(w, d);
                return true;
            }
    return false;
}

INLINE void set_cursor(const ag_nest *w, int64_t row, ag_cursor *c, int arrays)
{
    memset(c, 0, sizeof *c);
    for (int d = w->rank - 2; d >= 0; d--) {
        c->index[d] = row % w->dim[d];
        row /= w->dim[d];
        for (int k = 0; k < arrays; k++)
            c->offset[k] += c->index[d] * w->stride[k][d];
    }
}

void ag_cursor_set(const ag_nest *w, int64_t row, ag_cursor *c)
{
    if (w->arrays == 2)
        set_cursor(w, row, c, 2);
    else
        set_cursor(w, row, c, w->arrays);
}
