/* Running a row's kernel over contiguous ranges: in pieces on threads, the end of a vector function's range padded,
 * arrays of other strides gathered block by block. */
#include "ag/record/record.h"

enum { BLOCK = 512, PADDED = AG_LANES }; /* elements: gathered at a time, of the block for the last ones */

static const void *at(const void *p, int64_t i, size_t size)
{
    return p ? (const char *)p + (size_t)i * size : NULL;
}

static void run_exact(const ag_range *r, int64_t i, int64_t n)
{
    void *to = (char *)r->to + (size_t)i * r->out_size;
    if (r->forward)
        r->forward(n, to, at(r->a, i, r->size), at(r->b, i, r->size), r->c, r->d);
    else
        r->backward(n, to, at(r->dy, i, r->size), at(r->a, i, r->size), at(r->b, i, r->size), at(r->y, i, r->size),
                    r->c, r->d, r->add);
}

static const void *padded(const void *p, char *block, int64_t i, int64_t n, size_t size)
{
    return p ? memcpy(block, at(p, i, size), (size_t)n * size) : NULL;
}

/* The last elements through a block of a whole vector, so that an element's bits do not depend on where it stands. */
static void run_tail(const ag_range *r, int64_t i, int64_t n)
{
    char to[PADDED * 8] = { 0 }, dy[PADDED * 8] = { 0 }, a[PADDED * 8] = { 0 }, b[PADDED * 8] = { 0 },
                     y[PADDED * 8] = { 0 };
    ag_range t = *r;
    t.to = to;
    t.dy = padded(r->dy, dy, i, n, r->size);
    t.a = padded(r->a, a, i, n, r->size);
    t.b = padded(r->b, b, i, n, r->size);
    t.y = padded(r->y, y, i, n, r->size);
    char *out = (char *)r->to + (size_t)i * r->out_size;
    if (r->add)
        memcpy(to, out, (size_t)n * r->out_size);
    run_exact(&t, 0, PADDED);
    memcpy(out, to, (size_t)n * r->out_size);
}

void ag_range_piece(const ag_range *r, int64_t i, int64_t n)
{
    int64_t whole = r->padded ? n & ~(int64_t)(PADDED - 1) : n;
    if (whole)
        run_exact(r, i, whole);
    if (whole < n)
        run_tail(r, i + whole, n - whole);
}

typedef struct pieces { /* n elements, so many in a piece */
    const ag_range *range;
    int64_t n, grain;
    const struct repeated *repeated;
} pieces;

static void run_pieces(const void *context, int64_t begin, int64_t end)
{
    const pieces *p = context;
    const int64_t from = begin * p->grain, to = end * p->grain;
    ag_range_piece(p->range, from, (to < p->n ? to : p->n) - from);
}

void ag_range_run(const ag_range *r, int64_t n, int threads)
{
    if (AG_LIKELY(n <= AG_GRAIN || threads == 1))
        ag_range_piece(r, 0, n);
    else
        ag_for_ranges(ag_parts(n, AG_GRAIN), AG_GRAIN, threads, run_pieces, &(pieces){ r, n, AG_GRAIN, NULL });
}

typedef struct strided {
    ag_range r;
    ag_dtype dtype; /* that the kernel works on */
} strided;

/* ---- arrays of any strides: inner rows, gathered in blocks where they are not contiguous */

/* Contiguous elements of dtype d: where they are, or gathered into the block, where one that is repeated stays. */
static const void *gather(const ag_walk_row *w, int k, int64_t i, int64_t n, ag_dtype d, void *block)
{
    size_t size = ag_bytes_of(w->dtype[k]);
    if (!w->data[k])
        return NULL;
    if (i > 0 && w->stride[k] == 0)
        return block;
    char *p = (char *)w->data[k] + i * w->stride[k] * (int64_t)size;
    if ((w->stride[k] == 1 || n == 1) && w->dtype[k] == d)
        return p;
    ag_array from = { .data = p, .dtype = w->dtype[k], .shape = { 1, { n } }, .stride = { w->stride[k] } };
    ag_array to = { .data = block, .dtype = d, .shape = { 1, { n } }, .stride = { 1 } };
    ag_copy_array(&to, &from, false, 1);
    return block;
}

/* Are all where they are read? */
static bool lies_ready(const ag_walk_row *w, ag_dtype d)
{
    bool ready = true;
    for (int k = 1; k < 5; k++)
        ready &= !w->data[k] || (w->stride[k] == 1 && w->dtype[k] == d);
    return ready;
}

/* The walk's arrays: the result (contiguous within a row), dy, a, b, y. */
static void run_row(const ag_walk_row *w, void *context)
{
    const strided *s = context;
    _Alignas(64) char block[4][BLOCK * 8];
    const int64_t most = lies_ready(w, s->dtype) ? w->n : BLOCK;
    for (int64_t i = 0; i < w->n; i += most) {
        int64_t n = w->n - i < most ? w->n - i : most;
        ag_range r = s->r;
        r.to = (char *)w->data[0] + (size_t)i * r.out_size;
        r.dy = gather(w, 1, i, n, s->dtype, block[0]);
        r.a = gather(w, 2, i, n, s->dtype, block[1]);
        r.b = gather(w, 3, i, n, s->dtype, block[2]);
        r.y = gather(w, 4, i, n, s->dtype, block[3]);
        ag_range_piece(&r, 0, n);
    }
}

/* ---- operands that repeat along the leading dimensions, such as a bias: a block of whole periods serves all blocks */

typedef struct repeated {
    const void *data[5]; /* of the walk's arrays: flat ones, and the periodic ones' block */
    bool flat[5];
    int64_t block; /* elements */
} repeated;

/* 0: flat; else the number of elements after which the array repeats itself; -1: neither */
static int64_t period_of(const ag_array *a)
{
    int64_t stride = 1;
    int i = a->shape.rank - 1;
    for (; i >= 0 && (a->shape.dim[i] == 1 || a->stride[i] == stride); i--)
        stride *= a->shape.dim[i];
    if (i < 0)
        return 0;
    for (; i >= 0; i--)
        if (a->shape.dim[i] != 1 && a->stride[i] != 0)
            return -1;
    return stride;
}

static bool find_period(const ag_array *const *arrays, ag_dtype work, repeated *p)
{
    int64_t period = 0;
    for (int k = 0; k < 5; k++) {
        p->data[k] = arrays[k]->data;
        p->flat[k] = true;
        if (!arrays[k]->data || k == 0)
            continue;
        int64_t own = period_of(arrays[k]);
        if (own < 0 || arrays[k]->dtype != work || (own && period && own != period))
            return false;
        p->flat[k] = own == 0;
        period = own ? own : period;
    }
    if (!period || period > BLOCK / 2)
        return false;
    p->block = BLOCK / period * period;
    return true;
}

static void fill_block(char *block, const ag_array *a, int64_t elements)
{
    size_t size = ag_bytes_of(a->dtype), period = (size_t)period_of(a) * size, all = (size_t)elements * size;
    memcpy(block, a->data, period);
    for (size_t done = period; done < all; done *= 2)
        memcpy(block + done, block, done < all - done ? done : all - done);
}

static void run_repeated(const ag_range *r, const repeated *p, int64_t i, int64_t n)
{
    const void *now[5];
    for (; n > 0; i += p->block, n -= p->block) {
        for (int k = 1; k < 5; k++)
            now[k] = p->flat[k] ? at(p->data[k], i, r->size) : p->data[k];
        ag_range piece = *r;
        piece.to = (char *)r->to + (size_t)i * r->out_size;
        piece.dy = now[1];
        piece.a = now[2];
        piece.b = now[3];
        piece.y = now[4];
        ag_range_piece(&piece, 0, n < p->block ? n : p->block);
    }
}

static void run_repeated_pieces(const void *context, int64_t begin, int64_t end)
{
    const pieces *p = context;
    const int64_t from = begin * p->grain, to = end * p->grain;
    run_repeated(p->range, p->repeated, from, (to < p->n ? to : p->n) - from);
}

static bool try_repeated(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads)
{
    repeated p;
    _Alignas(64) char blocks[2][BLOCK * 8];
    if (!find_period(arrays, work, &p))
        return false;
    for (int k = 2; k < 4; k++) {
        if (p.flat[k])
            continue;
        fill_block(blocks[k - 2], arrays[k], p.block);
        p.data[k] = blocks[k - 2];
    }
    if (!p.flat[1] || !p.flat[4])
        return false;
    const int64_t n = ag_array_size(arrays[0]), grain = AG_GRAIN / p.block * p.block;
    ag_for_ranges(ag_parts(n, grain), AG_GRAIN, threads, run_repeated_pieces, &(pieces){ r, n, grain, &p });
    return true;
}

void ag_range_walk(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads)
{
    strided s = { *r, work };
    if (ag_array_size(arrays[0]) == 0 || try_repeated(r, work, arrays, threads) ||
        ag_range_turned(r, work, arrays, threads))
        return;
    ag_walk(arrays[0]->shape, 5, arrays, run_row, &s, threads);
}
