#include "ag/array/array.h"

typedef struct plan {
    ag_nest nest;                  /* in bytes */
    int64_t inner[AG_WALK_ARRAYS]; /* strides within a row, in elements */
    const ag_array *const *arrays;
    void (*row)(const ag_walk_row *w, void *context);
    void *context;
} plan;

static void visit(const void *context, int64_t first, int64_t end)
{
    const plan *p = context;
    const ag_nest *n = &p->nest;
    const int arrays = n->arrays;
    uintptr_t base[AG_WALK_ARRAYS]; /* 0, and not moved, for an array without data */
    ag_cursor c;
    ag_walk_row w;
    w.n = n->dim[n->rank - 1];
    for (int k = 0; k < arrays; k++) {
        base[k] = (uintptr_t)p->arrays[k]->data;
        w.dtype[k] = p->arrays[k]->dtype;
        w.stride[k] = p->inner[k];
    }
    ag_cursor_set(n, first, &c);
    for (int64_t row = first; row < end; row++) {
        for (int k = 0; k < arrays; k++)
            w.data[k] = (void *)(base[k] + (uintptr_t)c.offset[k]);
        p->row(&w, p->context);
        ag_cursor_next(n, &c, arrays);
    }
}

void ag_walk(ag_shape shape, int count, const ag_array *const *arrays, void (*row)(const ag_walk_row *w, void *context),
             void *context, int threads)
{
    plan p;
    p.arrays = arrays;
    p.row = row;
    p.context = context;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 0)
            return;
    ag_nest_take(&p.nest, shape, count, arrays);
    for (int k = 0; k < count; k++) {
        p.inner[k] = p.nest.stride[k][p.nest.rank - 1];
        for (int d = 0; d < p.nest.rank; d++)
            p.nest.stride[k][d] *= (int64_t)ag_bytes_of(arrays[k]->dtype);
    }
    ag_for_ranges(ag_nest_rows(&p.nest), (double)p.nest.dim[p.nest.rank - 1], threads, visit, &p);
}
