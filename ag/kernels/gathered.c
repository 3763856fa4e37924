#include "ag/kernels/kernels.h"

#include <string.h>

ag_gathered ag_gathered_of(const ag_array *a, ag_dtype work)
{
    ag_gathered p = { .data = a->data, .dtype = a->dtype, .work = work };
    if (!p.data)
        return p;
    p.flat = a->dtype == work && ag_array_is_dense(a);
    if (ag_array_size(a)) /* else other extents may be giant, and nothing is read */
        ag_nest_take(&p.nest, a->shape, 1, &a);
    return p;
}

static const void *at(const void *p, int64_t i, ag_dtype d)
{
    return p ? (const char *)p + i * (int64_t)ag_bytes_of(d) : NULL;
}

/* Of n elements from place k of the row at the cursor on: those that one copy takes, a part of the outermost dimension of
 * which whole entries are wanted. */
static int64_t take(const ag_gathered *p, const ag_cursor *c, int64_t k, int64_t n, void *to)
{
    const ag_nest *w = &p->nest;
    const int64_t *dim = w->dim, *stride = w->stride[0];
    int d = w->rank - 1, rank = 1;
    int64_t at_dim = k, entry = 1; /* elements that follow each other in d's place */
    ag_array from = { .data = (void *)(uintptr_t)at(p->data, c->offset[0] + k * stride[d], p->dtype),
                      .dtype = p->dtype };
    while (d > 0 && at_dim == 0 && n >= entry * dim[d]) {
        entry *= dim[d--];
        at_dim = c->index[d];
        rank++;
    }
    memcpy(from.shape.dim, dim + d, (size_t)rank * sizeof *dim);
    memcpy(from.stride, stride + d, (size_t)rank * sizeof *stride);
    from.shape.rank = rank;
    from.shape.dim[0] = n / entry < dim[d] - at_dim ? n / entry : dim[d] - at_dim;
    const ag_array block = ag_dense_array(from.shape, p->work, to);
    ag_copy_array(&block, &from, false, 1);
    return ag_array_size(&from);
}

const void *ag_gathered_at(const ag_gathered *p, int64_t i, int64_t n, void *block)
{
    ag_cursor c;
    if (!p->data || p->flat)
        return at(p->data, i, p->work);
    const int last = p->nest.rank - 1;
    const int64_t dim = p->nest.dim[last], k = i % dim;
    ag_cursor_set(&p->nest, i / dim, &c);
    if (k + n <= dim && p->nest.stride[0][last] == 1 && p->dtype == p->work)
        return at(p->data, c.offset[0] + k, p->work);
    for (int64_t done = 0; done < n;) {
        done += take(p, &c, (i + done) % dim, n - done, (char *)block + done * (int64_t)ag_bytes_of(p->work));
        ag_cursor_set(&p->nest, (i + done) / dim, &c);
    }
    return block;
}
