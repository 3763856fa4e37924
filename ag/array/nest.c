#include "ag/array/nest.h"

/* A dimension along which nothing moves belongs outside. */
static int64_t magnitude(int64_t stride)
{
    return stride < 0 ? -stride : stride > 0 ? stride : INT64_MAX;
}

/* Should dimension d lie outside dimension e? */
static bool outside(const ag_nest *w, int d, int e)
{
    for (int k = 0; k < w->arrays; k++) {
        int64_t a = magnitude(w->stride[k][d]), b = magnitude(w->stride[k][e]);
        if (a != b)
            return a > b;
    }
    return false;
}

void ag_nest_swap(ag_nest *w, int d, int e)
{
    int64_t dim = w->dim[d];
    w->dim[d] = w->dim[e];
    w->dim[e] = dim;
    for (int k = 0; k < w->arrays; k++) {
        int64_t stride = w->stride[k][d];
        w->stride[k][d] = w->stride[k][e];
        w->stride[k][e] = stride;
    }
}

static void take_dimensions(ag_nest *w, const ag_array *const *a)
{
    for (int d = 0; d < a[0]->shape.rank; d++) {
        if (a[0]->shape.dim[d] == 1)
            continue;
        w->dim[w->rank] = a[0]->shape.dim[d];
        for (int k = 0; k < w->arrays; k++)
            w->stride[k][w->rank] = a[k]->stride[d];
        w->rank++;
    }
}

static bool mergeable(const ag_nest *w, int outer, int inner)
{
    for (int k = 0; k < w->arrays; k++)
        if (w->stride[k][outer] != w->stride[k][inner] * w->dim[inner])
            return false;
    return true;
}

static void merge(ag_nest *w)
{
    int last = 0;
    for (int d = 1; d < w->rank; d++) {
        if (mergeable(w, last, d)) {
            w->dim[last] *= w->dim[d];
        } else {
            w->dim[++last] = w->dim[d];
        }
        for (int k = 0; k < w->arrays; k++)
            w->stride[k][last] = w->stride[k][d];
    }
    w->rank = last + 1;
}

void ag_nest_order(ag_nest *w)
{
    for (int d = 1; d < w->rank; d++)
        for (int e = d; e > 0 && outside(w, e, e - 1); e--)
            ag_nest_swap(w, e, e - 1);
    if (w->rank == 0) {
        w->rank = 1;
        w->dim[0] = 1;
        for (int k = 0; k < w->arrays; k++)
            w->stride[k][0] = 1;
    }
    merge(w);
}

void ag_nest_init(ag_nest *w, int arrays, const ag_array *const *a)
{
    w->arrays = arrays;
    w->rank = 0;
    take_dimensions(w, a);
    ag_nest_order(w);
}

void ag_nest_raise(ag_nest *w, int d)
{
    for (; d < w->rank - 2; d++)
        ag_nest_swap(w, d, d + 1);
}

void ag_cursor_set(const ag_nest *w, int64_t row, ag_cursor *c)
{
    memset(c, 0, sizeof *c);
    for (int d = w->rank - 2; d >= 0; d--) {
        c->index[d] = row % w->dim[d];
        row /= w->dim[d];
        for (int k = 0; k < w->arrays; k++)
            c->offset[k] += c->index[d] * w->stride[k][d];
    }
}
