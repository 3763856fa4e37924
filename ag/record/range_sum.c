/* Sums of what a row's backward kernel gives, for an operand that was broadcast: it is made in blocks that stay in the
 * cache, never as a whole. */
#include "ag/record/record.h"

/* An operand in the shape of the result, element by element in row-major order. */
typedef struct repeated {
    const char *data; /* NULL: not read */
    ag_dtype dtype;
    bool flat; /* they lie so */
    ag_nest nest;
} repeated;

typedef struct making {
    ag_range r;
    ag_dtype work;
    repeated operand[2];
} making;

static repeated repeated_of(const ag_array *a, ag_dtype work)
{
    repeated p = { .data = a->data, .dtype = a->dtype };
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

/* Of n elements from place k of the row at the cursor on: those that one copy takes, whole rows or a part of one. */
static int64_t take(const repeated *p, const ag_cursor *c, int64_t k, int64_t n, ag_dtype work, void *to)
{
    const ag_nest *w = &p->nest;
    const int last = w->rank - 1;
    const int64_t dim = w->dim[last], step = w->stride[0][last], rest = dim - k < n ? dim - k : n;
    ag_array from = { .data = (void *)(uintptr_t)at(p->data, c->offset[0] + k * step, p->dtype),
                      .dtype = p->dtype,
                      .shape = { 1, { rest } },
                      .stride = { step } };
    if (k == 0 && last > 0 && n >= dim) {
        const int64_t below = w->dim[last - 1] - c->index[last - 1];
        from.shape = AG_SHAPE(n / dim < below ? n / dim : below, dim);
        from.stride[0] = w->stride[0][last - 1];
        from.stride[1] = step;
    }
    const ag_array block = ag_dense_array(from.shape, work, to);
    ag_copy_array(&block, &from, false, 1);
    return ag_array_size(&from);
}

/* n elements from number i on: where they are, or gathered into the block. */
static const void *elements(const repeated *p, int64_t i, int64_t n, ag_dtype work, void *block)
{
    ag_cursor c;
    if (!p->data || p->flat)
        return at(p->data, i, work);
    const int last = p->nest.rank - 1;
    const int64_t dim = p->nest.dim[last], k = i % dim;
    ag_cursor_set(&p->nest, i / dim, &c);
    if (k + n <= dim && p->nest.stride[0][last] == 1 && p->dtype == work)
        return at(p->data, c.offset[0] + k, work);
    for (int64_t done = 0; done < n;) {
        done += take(p, &c, (i + done) % dim, n - done, work, (char *)block + done * (int64_t)ag_bytes_of(work));
        ag_cursor_set(&p->nest, (i + done) / dim, &c);
    }
    return block;
}

static void make(const void *context, int64_t i, int64_t n, void *to)
{
    const making *m = context;
    _Alignas(64) char block[2][AG_MADE_BYTES];
    ag_range r = m->r;
    r.to = to;
    r.dy = at(r.dy, i, m->work);
    r.y = at(r.y, i, m->work);
    r.a = elements(&m->operand[0], i, n, m->work, block[0]);
    r.b = elements(&m->operand[1], i, n, m->work, block[1]);
    ag_range_run(&r, n, 1);
}

void ag_range_sum(const ag_range *r, ag_dtype work, const ag_array *const *arrays, const ag_array *to, bool add,
                  void *room, int threads)
{
    making m = { .r = *r, .work = work };
    const ag_maker maker = { make, &m };
    m.r.dy = arrays[1]->data;
    m.r.y = arrays[4]->data;
    m.r.add = false;
    for (int i = 0; i < 2; i++)
        m.operand[i] = repeated_of(arrays[2 + i], work);
    ag_reduce_made(to, arrays[1], &maker, add, room, threads);
}
