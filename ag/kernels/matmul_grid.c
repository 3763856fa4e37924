#include "ag/kernels/matmul_grid.h"

#include "ag/kernels/libraries.h"

/* Measured; the choices they guide depend on the product alone. */
enum {
    WORTH_A_TILE = 1 << 18, /* multiplications: fewer are not divided further among threads */
    WORTH_A_GENERAL_TILE = 1 << 23,
    GENERAL_TILE_M = 1024,
    GENERAL_TILE_N = 4096,
    TILE = 128,            /* rows and columns of a tile for other kernels */
    DEPTH_BYTES = 4096,    /* of a row of a packed tile of a */
    CACHE_BYTES = 1 << 20, /* of b, read where it is */
    BLOCK = 4096,          /* rows and columns packed at once */
    OWN_COLUMNS = 48,      /* of a packed tile for kernels of our own, a panel of theirs or a few */
    OWN_BLOCK = 960,       /* columns packed at once for these, which takes half the time where there are few rows */
    SHORT = 256            /* with more terms columns of a lie on too many pages, and are packed as rows */
};

/* One step over the grid: a block of c, a piece of k. */
typedef struct step {
    const ag_plan *plan;
    int64_t i, j, l, m, n, k, tiles_m;
    bool accumulate;
    ag_product_tile tile[2][2]; /* whole or last, by rows and by columns */
} step;

/* ---- the plan */

/* Smaller tiles, down to 64 columns and 16 rows, where the grid would otherwise have too few for several threads and
 * each keeps work enough. */
static void divide_tiles(ag_plan *g, int64_t enough, double least)
{
    const ag_product *p = &g->p;
    while (divide_up(p->m, g->tile_m) * divide_up(p->n, g->tile_n) < enough) {
        int64_t m = smaller(g->tile_m, p->m), n = smaller(g->tile_n, p->n);
        if ((double)m * (double)n * (double)p->k < 2 * least)
            break;
        if (n > 64 && n >= m)
            g->tile_n = divide_up(n, 128) * 64;
        else if (m > 16)
            g->tile_m = divide_up(m, 32) * 16;
        else
            break;
    }
}

/* Packing pays where b does not stay in the cache while the rows of a pass by, or where many rows of c use it. */
static bool wants_packing(const ag_plan *g)
{
    const ag_product *p = &g->p;
    double bytes = (double)p->k * (double)p->n * (double)g->size;
    return p->m > 16 &&
           (bytes > CACHE_BYTES || p->k * (int64_t)g->size > 2 * DEPTH_BYTES || (p->m > 512 && p->n > 512));
}

static void plan_small(ag_plan *g)
{
    const ag_product *p = &g->p;
    bool packing = wants_packing(g);
    g->tile_m = TILE;
    g->tile_n = !packing ? TILE : g->own ? OWN_COLUMNS : TILE / 2;
    g->tile_k = p->k;
    if (packing) {
        g->pack_b = true;
        g->pack_a |= g->a_columns;
        g->a_columns &= !g->own || p->k < SHORT;
    }
    if (g->pack_a || g->pack_b)
        g->tile_k = divide_evenly(p->k, DEPTH_BYTES / (int64_t)g->size);
    if (g->pack_a && g->own)
        g->pad = 64 / (int64_t)g->size;
    divide_tiles(g, 8, WORTH_A_TILE);
}

/* The general library packs for itself and has a price per call, so its tiles are large and k is whole. */
static void plan_general(ag_plan *g)
{
    g->tile_m = GENERAL_TILE_M;
    g->tile_n = GENERAL_TILE_N;
    g->tile_k = g->pack_a || g->pack_b ? divide_evenly(g->p.k, DEPTH_BYTES / (int64_t)g->size) : g->p.k;
    divide_tiles(g, 4, WORTH_A_GENERAL_TILE);
}

static void choose_tiles(ag_plan *g)
{
    const ag_product *p = &g->p;
    if (g->general)
        plan_general(g);
    else
        plan_small(g);
    g->tile_m = smaller(g->tile_m, p->m);
    g->tile_n = smaller(g->tile_n, p->n);
    g->tile_k = smaller(g->tile_k, p->k);
    if (g->pack_a)
        g->block_m = smaller(p->m, divide_up(BLOCK, g->tile_m) * g->tile_m);
    if (g->pack_b)
        g->block_n = smaller(p->n, divide_up(g->own && !g->pack_a ? OWN_BLOCK : BLOCK, g->tile_n) * g->tile_n);
}

/* Small enough for a single tile; this path is kept short. */
static bool fits_one_tile(const ag_product *p)
{
    return p->m <= TILE && p->n <= TILE && p->k <= DEPTH_BYTES / 8 && p->m * p->n * p->k < 2 * WORTH_A_TILE;
}

/* Bytes of a packed tile of a. */
static size_t packed_tile(const ag_plan *g)
{
    const int64_t rows = g->a_columns ? g->tile_k : g->tile_m, cols = g->a_columns ? g->tile_m : g->tile_k;
    return aligned((size_t)(rows * (cols + g->pad)) * g->size);
}

size_t ag_grid_plan(ag_plan *g)
{
    const ag_product *p = &g->p;
    bool by_rows = dense(p->a_row, p->a_col, p->k);
    g->a_columns = !by_rows && dense(p->a_col, p->a_row, p->m);
    g->pack_a = !by_rows && !g->a_columns;
    g->pack_b = !dense(p->b_row, p->b_col, p->n);
    g->b_columns = g->pack_b && dense(p->b_col, p->b_row, p->k);
    g->general = ag_libraries_prefer_general(p->dtype, p->m, p->n, p->k, g->b_columns);
    g->own = !g->general && !ag_libraries_generate();
    g->b_columns &= g->general;
    g->pack_b &= !g->b_columns;
    g->one_tile = fits_one_tile(p);
    g->pad = 0;
    g->tile_m = g->block_m = p->m, g->tile_n = g->block_n = p->n, g->tile_k = p->k;
    if (!g->one_tile)
        choose_tiles(g);
    g->a_bytes = g->pack_a ? (size_t)divide_up(g->block_m, g->tile_m) * packed_tile(g) : 0;
    return g->a_bytes + (g->pack_b ? aligned((size_t)(g->block_n * g->tile_k) * g->size) : 0);
}

/* ---- a step */

static void pack_a_tile(const void *context, int64_t unit)
{
    const step *s = context;
    const ag_plan *g = s->plan;
    const ag_product *p = &g->p;
    int64_t i = unit * g->tile_m, m = smaller(g->tile_m, s->m - i);
    const void *from = element(g, p->a, (s->i + i) * p->a_row + s->l * p->a_col);
    void *to = g->packed_a + (size_t)unit * packed_tile(g);
    if (g->a_columns)
        g->loops->pack(s->k, m, (ag_matrix){ from, p->a_col, p->a_row }, to, m + g->pad);
    else
        g->loops->pack(m, s->k, (ag_matrix){ from, p->a_row, p->a_col }, to, s->k + g->pad);
}

static void pack_b_tile(const void *context, int64_t unit)
{
    const step *s = context;
    const ag_plan *g = s->plan;
    const ag_product *p = &g->p;
    int64_t j = unit * g->tile_n, n = smaller(g->tile_n, s->n - j);
    const void *from = element(g, p->b, s->l * p->b_row + (s->j + j) * p->b_col);
    g->loops->pack(s->k, n, (ag_matrix){ from, p->b_row, p->b_col }, g->packed_b + (size_t)(j * s->k) * g->size, n);
}

static void run_tile(const void *context, int64_t unit)
{
    const step *s = context;
    const ag_plan *g = s->plan;
    const ag_product *p = &g->p;
    int64_t i = unit % s->tiles_m * g->tile_m, j = unit / s->tiles_m * g->tile_n;
    const ag_product_tile *tile = &s->tile[i + g->tile_m > s->m][j + g->tile_n > s->n];
    const void *a = g->pack_a ? g->packed_a + (size_t)(unit % s->tiles_m) * packed_tile(g)
                              : element(g, p->a, (s->i + i) * p->a_row + s->l * p->a_col);
    const void *b =
        g->pack_b ? element(g, g->packed_b, j * s->k) : element(g, p->b, s->l * p->b_row + (s->j + j) * p->b_col);
    ag_tile_run(tile, a, b, (char *)p->c + ((s->i + i) * p->c_row + s->j + j) * (int64_t)g->size);
}

/* Set where it stays, entry by entry: a copy of what was just written in pieces would wait for them. */
static void prepare_tile(const ag_plan *g, int64_t m, int64_t n, int64_t k, bool accumulate, ag_product_tile *t)
{
    t->dtype = g->p.dtype;
    t->m = m, t->n = n, t->k = k;
    t->a_columns = g->a_columns, t->b_columns = g->b_columns, t->accumulate = accumulate;
    t->a_step = g->pack_a ? (g->a_columns ? m : k) + g->pad : g->a_columns ? g->p.a_col : g->p.a_row;
    t->b_step = g->pack_b ? n : g->b_columns ? g->p.b_col : g->p.b_row;
    t->c_row = g->p.c_row;
    t->generated = NULL, t->own = false;
    if (!g->general)
        ag_tile_prepare(t);
}

static void prepare_tiles(step *s)
{
    const ag_plan *g = s->plan;
    int64_t m[2] = { smaller(g->tile_m, s->m), s->m % g->tile_m },
            n[2] = { smaller(g->tile_n, s->n), s->n % g->tile_n };
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (m[i] > 0 && n[j] > 0)
                prepare_tile(g, m[i], n[j], s->k, s->accumulate, &s->tile[i][j]);
}

static void run_step(step *s, bool pack_b)
{
    const ag_plan *g = s->plan;
    int64_t tiles_n = divide_up(s->n, g->tile_n);
    s->tiles_m = divide_up(s->m, g->tile_m);
    double bytes = (double)s->k * (double)g->size;
    if (g->pack_a)
        ag_for_units(s->tiles_m, ag_byte_steps(bytes * (double)s->m), g->p.threads, pack_a_tile, s);
    if (pack_b)
        ag_for_units(tiles_n, ag_byte_steps(bytes * (double)s->n), g->p.threads, pack_b_tile, s);
    prepare_tiles(s);
    double steps = ag_multiplication_steps((double)s->m * (double)s->n * (double)s->k);
    ag_for_units(s->tiles_m * tiles_n, steps, g->p.threads, run_tile, s);
    for (int i = 0; i < 4; i++)
        ag_tile_release(&s->tile[i / 2][i % 2]);
}

static void run_one_tile(const ag_plan *g)
{
    const ag_product *p = &g->p;
    ag_product_tile tile;
    prepare_tile(g, p->m, p->n, p->k, p->beta != 0, &tile);
    if (g->pack_a)
        g->loops->pack(p->m, p->k, (ag_matrix){ p->a, p->a_row, p->a_col }, g->packed_a, p->k);
    if (g->pack_b)
        g->loops->pack(p->k, p->n, (ag_matrix){ p->b, p->b_row, p->b_col }, g->packed_b, p->n);
    ag_tile_run(&tile, g->pack_a ? g->packed_a : p->a, g->pack_b ? g->packed_b : p->b, p->c);
    ag_tile_release(&tile);
}

void ag_grid_run(ag_plan *g, char *workspace)
{
    const ag_product *p = &g->p;
    g->packed_a = workspace;
    g->packed_b = workspace ? workspace + g->a_bytes : NULL;
    if (g->one_tile) {
        run_one_tile(g);
        return;
    }
    step s = { .plan = g };
    for (s.j = 0; s.j < p->n; s.j += g->block_n)
        for (s.l = 0; s.l < p->k; s.l += g->tile_k)
            for (s.i = 0; s.i < p->m; s.i += g->block_m) {
                s.m = smaller(g->block_m, p->m - s.i);
                s.n = smaller(g->block_n, p->n - s.j);
                s.k = smaller(g->tile_k, p->k - s.l);
                s.accumulate = s.l > 0 || p->beta != 0;
                run_step(&s, g->pack_b && s.i == 0);
            }
}
