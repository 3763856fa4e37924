/* Running a row's kernel over operands that lie turned, such as a transposed matrix, so that each line of the cache is used
 * as a whole, and over many short rows at once. */
#include "ag/record/record.h"

enum {
    TALL = 64 /* rows of a tile */,
    FLAT = 32 /* of one that needs room of its own, or in which others are read */,
    NARROW = 512 /* and their elements: lines of the result are soon whole */,
    WIDE = 2048 /* and where others are read: whole rows, or long parts of them, are streams */,
    BESIDE = 512 /* rows of columns that are computed side by side */,
    TURNED = 16 /* elements of a row, where an operand lies turned */,
    SHORT = 128 /* elements of a row, */,
    LONG = 64 /* and of those that are computed together at least */,
    MANY = 2048 /* and at most */,
    LINE = 64 /* bytes */,
    PAGE = 4096,
    AHEAD = 8 /* rows */,
    LARGE = 1 << 12
};

typedef struct turned {
    ag_range r;
    ag_dtype dtype; /* that the kernel works on */
    ag_nest nest;
    const ag_array *const *arrays;
    bool copied[5], again[5]; /* again: one copy serves all steps of dimension `at` */
    int within;               /* the one that is copied to the result; 0: none */
    bool columns;
    int64_t tall, wide; /* of the tiles */
    int at;             /* a dimension, several steps of which are computed at once, */
    int64_t inner;      /* and the elements of one */
} turned;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- tiles of them are copied; the kernel overwrites one that is copied to the result's place */

/* m rows of n elements of array k: where they are, or copied, to what is `*step` bytes from row to row or else into the
 * block; *step: of the rows. */
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
    const int64_t within = p->nest.stride[0][last - 1];
    if (!p->copied[k]) {
        *step = row * size;
        return from.data;
    }
    ag_array to = ag_dense_array(from.shape, p->dtype, block);
    if (k == p->within)
        to.stride[0] = within;
    ag_copy_array(&to, &from, false, 1);
    *step = to.stride[0] * (int64_t)ag_bytes_of(p->dtype);
    return block;
}

/* For row i of so many bytes, of this tile or the next: they are too short for the processor to see which come next. */
static void ask(const turned *p, const char *const *x, const int64_t *step, int64_t i, int64_t bytes)
{
    for (int k = 1; k < 5; k++)
        for (int64_t at = 0; at < bytes && x[k] && !p->copied[k]; at += LINE)
            __builtin_prefetch(x[k] + i * step[k] + at);
}

/* Are the tile's rows short, and one range? */
static bool flat(const turned *p, const int64_t *step, int64_t n)
{
    bool all = n < SHORT && p->nest.stride[0][p->nest.rank - 2] == n;
    for (int k = 1; k < 5; k++)
        all &= !p->arrays[k]->data || step[k] == n * (int64_t)p->r.size;
    return all;
}

static void run_tile(const turned *p, const ag_cursor *c, int64_t column, int64_t m, int64_t n)
{
    const int last = p->nest.rank - 1;
    _Alignas(64) char block[2][FLAT * NARROW * 8];
    const char *x[5];
    int64_t step[5] = { 0 };
    const size_t size = p->r.out_size;
    char *to = (char *)p->arrays[0]->data + (c->offset[0] + column) * (int64_t)size;
    for (int k = 1; k < 5; k++)
        x[k] = tile_of(p, k, c->offset[k] + column * p->nest.stride[k][last], m, n,
                       k == p->within ? (void *)to : block[k == 3], &step[k]);
    if (flat(p, step, n)) {
        n *= m;
        m = 1;
    }
    for (int64_t i = 0; i < m; i++) {
        ask(p, x, step, i + AHEAD, n * (int64_t)p->r.size);
        ag_range r = p->r;
        r.to = to + i * p->nest.stride[0][last - 1] * (int64_t)size;
        r.dy = x[1] ? x[1] + i * step[1] : NULL;
        r.a = x[2] ? x[2] + i * step[2] : NULL;
        r.b = x[3] ? x[3] + i * step[3] : NULL;
        r.y = x[4] ? x[4] + i * step[4] : NULL;
        ag_range_piece(&r, 0, n);
    }
}

/* ---- two of them lie turned alike: it is the result that is turned. Of one a copy is sooner made. */

/* Lines of `to`, from the block's columns of m elements. What the next block is made of is asked for meanwhile: nothing else
 * would, since the rows of `next` are far apart. */
static void turn(char *to, int64_t row, const char *block, int64_t m, int64_t size, const char *const *next,
                 const int64_t *step)
{
    const int64_t side = LINE / size;
    for (int64_t i = 0; i < m; i += side) {
        for (int k = 0; k < 2; k++)
            for (int64_t j = 0; j < side; j++)
                __builtin_prefetch(next[k] + j * step[k] + i * size, 0, 2);
        (size == 4 ? ag_transpose_lines_32 : ag_transpose_block_64)(to + i * row * size, row, block + i * size, m);
    }
}

/* n columns of m elements, which are computed where the operands' elements lie side by side. */
static void run_columns(const turned *p, const ag_cursor *c, int64_t column, int64_t m, int64_t n)
{
    _Alignas(LINE) char block[BESIDE * LINE];
    const int last = p->nest.rank - 1;
    const int64_t size = (int64_t)p->r.size, row = p->nest.stride[0][last - 1];
    const char *x[2];
    int64_t step[2];
    for (int k = 0; k < 2; k++) {
        step[k] = p->nest.stride[2 + k][last] * size;
        x[k] = (char *)p->arrays[2 + k]->data + c->offset[2 + k] * size + column * step[k];
    }
    for (int64_t i = 0; i < n; i++) {
        ag_range r = p->r;
        r.to = block + i * m * size;
        r.a = x[0];
        r.b = x[1];
        ag_range_piece(&r, 0, m);
        for (int k = 0; k < 2; k++)
            x[k] += step[k];
    }
    char *at = (char *)p->arrays[0]->data + (c->offset[0] + column) * size;
    if (m % (LINE / size) == 0 && n == LINE / size) {
        turn(at, row, block, m, size, x, step);
        return;
    }
    const ag_array from = { .data = block, .dtype = p->dtype, .shape = { 2, { m, n } }, .stride = { 1, m } };
    const ag_array to = { .data = at, .dtype = p->dtype, .shape = { 2, { m, n } }, .stride = { row, 1 } };
    ag_copy_array(&to, &from, false, 1);
}

static bool alike(const turned *p)
{
    const ag_nest *w = &p->nest;
    bool all = p->r.forward && p->r.out_size == p->r.size && p->r.size >= 4;
    for (int k = 2; k < 4; k++)
        all &= p->arrays[k]->data && w->stride[k][w->rank - 2] == 1 && p->arrays[k]->dtype == p->dtype;
    return all;
}

/* ---- both */

/* Counted through all outer dimensions. Those that are copied follow each other down the rows, since copying asks for the
 * next lines of what lies turned. */
static void run_tiles(const void *context, int64_t begin, int64_t end)
{
    const turned *p = context;
    const int last = p->nest.rank - 1;
    const int64_t m = p->nest.dim[last - 1], n = p->nest.dim[last], down = ag_parts(m, p->tall);
    const int64_t across = ag_parts(n, p->wide);
    for (int64_t s = begin; s < end; s++) {
        const int64_t i = (p->columns ? s / across % down : s % down) * p->tall;
        const int64_t j = (p->columns ? s % across : s / down % across) * p->wide;
        ag_cursor c;
        ag_cursor_set(&p->nest, s / across / down * m + i, &c);
        (p->columns ? run_columns : run_tile)(p, &c, j, smaller(m - i, p->tall), smaller(n - j, p->wide));
    }
}

/* ---- rows of few elements: many of them are copied, and computed with, at once */

/* Array k's elements of so many steps of dimension `at` and all within it: where they are, or copied to the block. */
static const char *part_of(const turned *p, int k, int64_t offset, int64_t steps, void *block)
{
    const ag_nest *w = &p->nest;
    const ag_dtype d = p->arrays[k]->dtype;
    ag_array from = { .data = (char *)p->arrays[k]->data + offset * (int64_t)ag_bytes_of(d), .dtype = d };
    if (!p->copied[k])
        return p->arrays[k]->data ? from.data : NULL;
    for (int i = p->at; i < w->rank; i++) {
        from.shape.dim[from.shape.rank] = i == p->at ? steps : w->dim[i];
        from.stride[from.shape.rank++] = w->stride[k][i];
    }
    const ag_array to = ag_dense_array(from.shape, p->dtype, block);
    ag_copy_array(&to, &from, false, 1);
    return block;
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const turned *p = context;
    _Alignas(LINE) char block[4][MANY * 8];
    const ag_nest *w = &p->nest;
    const int64_t m = w->dim[p->at], parts = ag_parts(m, p->tall), rows = p->inner / w->dim[w->rank - 1];
    const char *x[5] = { NULL };
    int64_t held[5] = { 0 }; /* where what was copied last begins */
    for (int64_t s = begin; s < end; s++) {
        const int64_t i = s % parts * p->tall, steps = smaller(m - i, p->tall);
        ag_cursor c;
        ag_cursor_set(w, (s / parts * m + i) * rows, &c);
        for (int k = 1; k < 5; k++)
            if (!p->again[k])
                x[k] = part_of(p, k, c.offset[k], steps, block[k - 1]);
            else if (s == begin || c.offset[k] != held[k])
                x[k] = part_of(p, k, held[k] = c.offset[k], smaller(m, p->tall), block[k - 1]);
        ag_range r = p->r;
        r.to = (char *)r.to + c.offset[0] * (int64_t)r.out_size;
        r.dy = x[1];
        r.a = x[2];
        r.b = x[3];
        r.y = x[4];
        ag_range_piece(&r, 0, steps * p->inner);
    }
}

/* Are the array's elements one range, from dimension `at` on? */
static bool one_range(const ag_nest *w, int k, int at)
{
    int64_t next = 1;
    for (int i = w->rank - 1; i >= at; i--) {
        if (w->stride[k][i] != next)
            return false;
        next *= w->dim[i];
    }
    return true;
}

/* The outermost dimension of which several steps, with all within it, are computed at once. */
static void choose_dimension(turned *p)
{
    const ag_nest *w = &p->nest;
    p->at = w->rank - 2;
    p->inner = w->dim[w->rank - 1];
    while (p->at > 0 && p->inner * w->dim[p->at] <= MANY / 2)
        p->inner *= w->dim[p->at--];
    p->tall = MANY / p->inner;
}

/* The result is one range; operands that are none are copied. False: rows are not short, or too few. */
static bool run_short_rows(turned *p, int threads)
{
    const ag_nest *w = &p->nest;
    if (w->rank < 2 || w->dim[w->rank - 1] >= SHORT)
        return false;
    choose_dimension(p);
    const int64_t m = w->dim[p->at];
    if (m * p->inner < LONG || !one_range(w, 0, p->at))
        return false;
    for (int k = 1; k < 5; k++) {
        p->copied[k] = p->arrays[k]->data && (p->arrays[k]->dtype != p->dtype || !one_range(w, k, p->at));
        p->again[k] = p->copied[k] && w->stride[k][p->at] == 0;
    }
    ag_for_ranges(ag_array_size(p->arrays[0]) / (m * p->inner) * ag_parts(m, p->tall),
                  (double)(smaller(m, p->tall) * p->inner), threads, run_parts, p);
    return true;
}

/* ---- which way */

/* Which of the arrays are copied, and which one of them to the result, if no other value waits in its place. */
static void plan_copies(turned *p)
{
    const ag_range *r = &p->r;
    const bool free = !r->add && r->out_size == r->size && r->to != r->dy;
    bool reads = p->arrays[1]->data || p->arrays[4]->data;
    int copies = 0;
    for (int k = 2; k < 4; k++) {
        if (!p->arrays[k]->data)
            continue;
        if (p->nest.stride[k][p->nest.rank - 1] == 1 && p->arrays[k]->dtype == p->dtype) {
            reads = true;
            continue;
        }
        p->copied[k] = true;
        p->within = free ? k : 0;
        copies++;
    }
    const bool roomy = p->within && copies == 1;
    p->tall = roomy && !reads ? TALL : FLAT;
    p->wide = roomy && reads ? WIDE : NARROW;
    const int64_t n = p->nest.dim[p->nest.rank - 1];
    if (n < SHORT)
        p->tall = p->tall * p->wide / n & -16;
}

/* Do rows that are shorter than a page lie apart, or their elements? */
static bool lie_apart(const turned *p)
{
    const ag_nest *w = &p->nest;
    const int last = w->rank - 1;
    bool any = false;
    for (int k = 2; k < 4 && last > 0; k++) {
        const int64_t row = w->stride[k][last - 1], element = w->stride[k][last];
        any |= p->arrays[k]->data && element != 0 && (element != 1 || (row != 0 && row != w->dim[last]));
    }
    return any && w->dim[last] * (int64_t)p->r.size < PAGE;
}

bool ag_range_turned(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads)
{
    turned p = { .r = *r, .dtype = work, .arrays = arrays };
    if (ag_array_size(arrays[0]) < LARGE)
        return false;
    ag_nest_take(&p.nest, arrays[0]->shape, 5, arrays);
    const int last = p.nest.rank - 1;
    if (p.nest.stride[0][last] != 1)
        return false;
    if (ag_nest_turn(&p.nest, 1 << 2 | 1 << 3, 2, TURNED))
        p.columns = alike(&p);
    else if (run_short_rows(&p, threads))
        return true;
    else if (!lie_apart(&p))
        return false;
    if (p.columns) {
        p.tall = BESIDE;
        p.wide = LINE / (int64_t)r->size;
    } else {
        plan_copies(&p);
    }
    const int64_t m = p.nest.dim[last - 1], n = p.nest.dim[last], matrices = ag_nest_rows(&p.nest) / m;
    ag_for_ranges(matrices * ag_parts(m, p.tall) * ag_parts(n, p.wide),
                  (double)(smaller(m, p.tall) * smaller(n, p.wide)), threads, run_tiles, &p);
    return true;
}
