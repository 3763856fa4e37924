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

static void run_piece(const ag_range *r, int64_t i, int64_t n)
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
    run_piece(p->range, from, (to < p->n ? to : p->n) - from);
}

void ag_range_run(const ag_range *r, int64_t n, int threads)
{
    if (AG_LIKELY(n <= AG_GRAIN || threads == 1))
        run_piece(r, 0, n);
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

/* The walk's arrays: the result (contiguous within a row), dy, a, b, y. */
static void run_row(const ag_walk_row *w, void *context)
{
    const strided *s = context;
    _Alignas(64) char block[4][BLOCK * 8];
    for (int64_t i = 0; i < w->n; i += BLOCK) {
        int64_t n = w->n - i < BLOCK ? w->n - i : BLOCK;
        ag_range r = s->r;
        r.to = (char *)w->data[0] + (size_t)i * r.out_size;
        r.dy = gather(w, 1, i, n, s->dtype, block[0]);
        r.a = gather(w, 2, i, n, s->dtype, block[1]);
        r.b = gather(w, 3, i, n, s->dtype, block[2]);
        r.y = gather(w, 4, i, n, s->dtype, block[3]);
        run_piece(&r, 0, n);
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
        run_piece(&piece, 0, n < p->block ? n : p->block);
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

/* ---- operands that lie turned, such as a transposed matrix: tiles of them are copied, so that each line of the cache is
 * used as a whole */

enum { TALL = 32, WIDE = 64, LARGE = 1 << 12 /* elements that are worth it */ };

typedef struct turned {
    strided s;
    ag_nest nest;
    const ag_array *const *arrays;
} turned;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* m rows of n elements of array k: where they are, or copied into the block; *step: from one row to the next, in bytes. */
static const char *tile_of(const turned *p, int k, int64_t offset, int64_t m, int64_t n, void *block, int64_t *step)
{
    const int last = p->nest.rank - 1;
    const ag_dtype d = p->arrays[k]->dtype;
    const int64_t size = (int64_t)ag_bytes_of(d), row = p->nest.stride[k][last - 1], column = p->nest.stride[k][last];
    if (!p->arrays[k]->data)
        return NULL;
    const ag_array from = { .data = (char *)p->arrays[k]->data + offset * size,
                            .dtype = d,
                            .shape = { 2, { m, n } },
                            .stride = { row, column } };
    *step = row * size;
    if (column == 1 && d == p->s.dtype)
        return from.data;
    const ag_array to = ag_dense_array(from.shape, p->s.dtype, block);
    ag_copy_array(&to, &from, false, 1);
    *step = n * (int64_t)ag_bytes_of(p->s.dtype);
    return block;
}

static void run_tile(const turned *p, const ag_cursor *c, int64_t column, int64_t m, int64_t n)
{
    const int last = p->nest.rank - 1;
    _Alignas(64) char block[2][TALL * WIDE * 8];
    const char *x[5];
    int64_t step[5] = { 0 };
    const size_t size = p->s.r.out_size;
    char *to = (char *)p->arrays[0]->data + (c->offset[0] + column) * (int64_t)size;
    for (int k = 1; k < 5; k++)
        x[k] = tile_of(p, k, c->offset[k] + column * p->nest.stride[k][last], m, n, block[k == 3], &step[k]);
    for (int64_t i = 0; i < m; i++) {
        ag_range r = p->s.r;
        r.to = to + i * p->nest.stride[0][last - 1] * (int64_t)size;
        r.dy = x[1] ? x[1] + i * step[1] : NULL;
        r.a = x[2] ? x[2] + i * step[2] : NULL;
        r.b = x[3] ? x[3] + i * step[3] : NULL;
        r.y = x[4] ? x[4] + i * step[4] : NULL;
        run_piece(&r, 0, n);
    }
}

/* Strips of TALL rows, counted through all outer dimensions. */
static void run_strips(const void *context, int64_t begin, int64_t end)
{
    const turned *p = context;
    const int last = p->nest.rank - 1;
    const int64_t m = p->nest.dim[last - 1], n = p->nest.dim[last], strips = ag_parts(m, TALL);
    for (int64_t s = begin; s < end; s++) {
        const int64_t i = s % strips * TALL;
        ag_cursor c;
        ag_cursor_set(&p->nest, s / strips * m + i, &c);
        for (int64_t j = 0; j < n; j += WIDE)
            run_tile(p, &c, j, smaller(m - i, TALL), smaller(n - j, WIDE));
    }
}

/* Does an operand lie contiguous along another dimension than the last? That one becomes the rows'. */
static bool turns(ag_nest *w)
{
    const int last = w->rank - 1;
    for (int k = 2; k < 4; k++)
        for (int d = 0; d < last && w->stride[k][last] != 0 && w->stride[k][last] != 1; d++)
            if (w->stride[k][d] == 1 && w->dim[d] >= 8 && w->dim[last] >= 8) {
                ag_nest_raise(w, d);
                return true;
            }
    return false;
}

static bool try_turned(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads)
{
    turned p = { .s = { *r, work }, .arrays = arrays };
    if (ag_array_size(arrays[0]) < LARGE)
        return false;
    ag_nest_take(&p.nest, arrays[0]->shape, 5, arrays);
    const int last = p.nest.rank - 1;
    if (p.nest.stride[0][last] != 1 || !turns(&p.nest))
        return false;
    const int64_t m = p.nest.dim[last - 1], outer = ag_nest_rows(&p.nest) / m;
    ag_for_ranges(outer * ag_parts(m, TALL), (double)(TALL * p.nest.dim[last]), threads, run_strips, &p);
    return true;
}

void ag_range_walk(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads)
{
    strided s = { *r, work };
    if (ag_array_size(arrays[0]) == 0 || try_repeated(r, work, arrays, threads) || try_turned(r, work, arrays, threads))
        return;
    ag_walk(arrays[0]->shape, 5, arrays, run_row, &s, threads);
}
