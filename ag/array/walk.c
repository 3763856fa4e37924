#include "ag/array/walk.h"

typedef struct plan {
    int rank, count;
    int64_t dim[AG_MAX_RANK], stride[AG_WALK_ARRAYS][AG_MAX_RANK], rows;
    const ag_array *const *arrays;
    void (*row)(const ag_walk_row *w, void *context);
    void *context;
} plan;

/* Collects the dimensions from the outermost on, merging each into the one before it where strides allow. */
static void collect(plan *p, ag_shape shape)
{
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] == 1)
            continue;
        int64_t stride[AG_WALK_ARRAYS];
        for (int k = 0; k < p->count; k++)
            stride[k] = p->arrays[k]->data ? p->arrays[k]->stride[i] : 0;
        bool merge = p->rank > 0;
        for (int k = 0; merge && k < p->count; k++)
            merge = p->stride[k][p->rank - 1] == stride[k] * shape.dim[i];
        if (!merge)
            p->rank++;
        p->dim[p->rank - 1] = (merge ? p->dim[p->rank - 1] : 1) * shape.dim[i];
        for (int k = 0; k < p->count; k++)
            p->stride[k][p->rank - 1] = stride[k];
    }
    if (!p->rank) {
        p->rank = 1;
        p->dim[0] = 1;
    }
}

static void visit(const void *context, int64_t first, int64_t end)
{
    const plan *p = context;
    int inner = p->rank - 1;
    int64_t index[AG_MAX_RANK] = { 0 }, rest = first;
    ag_walk_row w = { .n = p->dim[inner] };
    for (int i = inner - 1; i >= 0; i--) {
        index[i] = rest % p->dim[i];
        rest /= p->dim[i];
    }
    for (int k = 0; k < p->count; k++) {
        const ag_array *a = p->arrays[k];
        int64_t offset = 0;
        for (int i = 0; i < inner; i++)
            offset += index[i] * p->stride[k][i];
        w.dtype[k] = a->dtype;
        w.stride[k] = p->stride[k][inner];
        w.data[k] = a->data ? (char *)a->data + offset * (int64_t)ag_dtype_size(a->dtype) : NULL;
    }
    for (int64_t rows = end - first; rows > 0; rows--) {
        p->row(&w, p->context);
        for (int i = inner - 1; i >= 0; i--) {
            bool carry = ++index[i] == p->dim[i];
            int64_t steps = carry ? 1 - p->dim[i] : 1;
            for (int k = 0; k < p->count; k++)
                if (w.data[k])
                    w.data[k] = (char *)w.data[k] + steps * p->stride[k][i] * (int64_t)ag_dtype_size(w.dtype[k]);
            if (!carry)
                break;
            index[i] = 0;
        }
    }
}

void ag_walk(ag_shape shape, int count, const ag_array *const *arrays, void (*row)(const ag_walk_row *w, void *context),
             void *context, int threads)
{
    plan p = { .count = count, .arrays = arrays, .row = row, .context = context, .rows = 1 };
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 0)
            return;
    collect(&p, shape);
    for (int i = 0; i + 1 < p.rank; i++)
        p.rows *= p.dim[i];
    ag_for_ranges(p.rows, (double)p.dim[p.rank - 1], threads, visit, &p);
}
