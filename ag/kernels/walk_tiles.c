/* Walking arrays together of which some lie turned, or whose rows are short: what is read is copied a tile at a time, so that
 * its elements lie side by side. */
#include "ag/kernels/kernels.h"

enum { TALL = 16, WIDE = 512, TURNED = 16, SHORT = 128, ROOM = TALL * WIDE /* elements */, LARGE = 1 << 12 };

typedef struct tiles {
    ag_nest nest;
    const ag_array *const *arrays;
    void (*row)(const ag_walk_row *w, void *context);
    void *context;
    bool copied[AG_WALK_ARRAYS], flat; /* flat: a tile's rows are one range */
    int64_t tall, wide;
} tiles;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* m rows of n elements from where the cursor is, of array k: *step is their distance in bytes. */
static void *tile_of(const tiles *p, int k, void *data, int64_t m, int64_t n, void *block, int64_t *step)
{
    const int last = p->nest.rank - 1;
    const ag_dtype d = p->arrays[k]->dtype;
    const ag_array from = { .data = data,
                            .dtype = d,
                            .shape = { 2, { m, n } },
                            .stride = { p->nest.stride[k][last - 1], p->nest.stride[k][last] } };
    *step = from.stride[0] * (int64_t)ag_bytes_of(d);
    if (!p->copied[k])
        return data;
    const ag_array to = ag_dense_array(from.shape, d, block);
    ag_copy_array(&to, &from, false, 1);
    *step = n * (int64_t)ag_bytes_of(d);
    return block;
}

static void run_tile(const tiles *p, const ag_cursor *c, int64_t column, int64_t m, int64_t n)
{
    const int last = p->nest.rank - 1;
    _Alignas(64) char block[AG_WALK_ARRAYS][ROOM * 8];
    int64_t step[AG_WALK_ARRAYS];
    ag_walk_row w = { .n = p->flat ? m * n : n };
    for (int k = 0; k < p->nest.arrays; k++) {
        const int64_t at = c->offset[k] + column * p->nest.stride[k][last];
        w.dtype[k] = p->arrays[k]->dtype;
        w.stride[k] = p->copied[k] ? 1 : p->nest.stride[k][last];
        w.data[k] =
            tile_of(p, k, (char *)p->arrays[k]->data + at * (int64_t)ag_bytes_of(w.dtype[k]), m, n, block[k], &step[k]);
    }
    for (int64_t i = 0; i < (p->flat ? 1 : m); i++) {
        p->row(&w, p->context);
        for (int k = 0; k < p->nest.arrays; k++)
            w.data[k] = (char *)w.data[k] + step[k];
    }
}

/* Counted through all outer dimensions, down the rows first. */
static void run_tiles(const void *context, int64_t begin, int64_t end)
{
    const tiles *p = context;
    const int last = p->nest.rank - 1;
    const int64_t m = p->nest.dim[last - 1], n = p->nest.dim[last], down = ag_parts(m, p->tall);
    const int64_t across = ag_parts(n, p->wide);
    for (int64_t s = begin; s < end; s++) {
        const int64_t i = s % down * p->tall, j = s / down % across * p->wide;
        ag_cursor c;
        ag_cursor_set(&p->nest, s / across / down * m + i, &c);
        run_tile(p, &c, j, smaller(m - i, p->tall), smaller(n - j, p->wide));
    }
}

/* Are an array's rows short, and one range, or a number? */
static bool lies_flat(const ag_nest *w, int k)
{
    const int64_t row = w->stride[k][w->rank - 2], column = w->stride[k][w->rank - 1];
    return (column == 1 && row == w->dim[w->rank - 1]) || (column == 0 && row == 0);
}

static bool has_short_rows(tiles *p, int read)
{
    const ag_nest *w = &p->nest;
    bool all = w->rank > 1 && w->dim[w->rank - 1] < SHORT;
    for (int k = 0; k < w->arrays && all; k++)
        all = read >> k & 1 || lies_flat(w, k);
    return all;
}

static void plan(tiles *p, int read)
{
    const ag_nest *w = &p->nest;
    const int64_t column = p->flat ? w->dim[w->rank - 1] : WIDE;
    p->wide = column;
    p->tall = ROOM / column;
    for (int k = 0; k < w->arrays; k++) {
        const int64_t step = w->stride[k][w->rank - 1];
        p->copied[k] = read >> k & 1 && (p->flat ? !lies_flat(w, k) : step != 0 && step != 1);
    }
}

void ag_walk_tiles(ag_shape shape, int count, const ag_array *const *arrays, int read,
                   void (*row)(const ag_walk_row *w, void *context), void *context, int threads)
{
    tiles p = { .arrays = arrays, .row = row, .context = context };
    if (ag_shape_size(shape) >= LARGE) {
        ag_nest_take(&p.nest, shape, count, arrays);
        const bool turned = ag_nest_turn(&p.nest, read, 8, TURNED);
        p.flat = has_short_rows(&p, read);
        if (turned || p.flat) {
            plan(&p, read);
            const int64_t m = p.nest.dim[p.nest.rank - 2], n = p.nest.dim[p.nest.rank - 1];
            ag_for_ranges(ag_nest_rows(&p.nest) / m * ag_parts(m, p.tall) * ag_parts(n, p.wide),
                          (double)(smaller(m, p.tall) * smaller(n, p.wide)), threads, run_tiles, &p);
            return;
        }
    }
    ag_walk(shape, count, arrays, row, context, threads);
}
