/* The way back through the tiles. The sums over queries and over keys are taken in ascending order, whichever of the two
 * a thread goes along: with fewer batches than threads, keys and queries are two passes. */
#include "ag/ops/attention/attention.h"

typedef struct back {
    const ag_attention *a;
    const ag_attention_gradients *g;
    bool keys, queries; /* which gradients this pass is for: by keys and values, by queries */
} back;

/* ---- a tile: with p the weights, dv += p' dy, ds = p (dy v' - dot), dk += ds' q, dq += ds k */

static void turn_queries(const back *b, ag_attention_tile t, ag_attention_room *w)
{
    if (w->measuring)
        return;
    ag_attention_turn(b->a, t, &b->a->q, b->a->scale, w->q);
    ag_attention_turn(b->a, t, &b->g->dy, 1, w->dy);
}

/* The gradient by the scores, times the scale, in the place of w->more. */
static void scores_back(const back *b, ag_attention_tile t, ag_attention_room *w)
{
    const ag_attention *a = b->a;
    const ag_array v = ag_attention_rows(&a->v, t.batch, t.j, t.columns);
    ag_attention_product(w, v, ag_attention_block(a, w->dy, a->e, t.width),
                         ag_attention_block(a, w->more, t.columns, t.width), 0);
    if (!w->measuring)
        ag_attention_kernels_of(a->dtype)->back(t.columns, t.width, t.rows, w->scores, w->more,
                                                b->g->dots + t.batch * a->n + t.i, a->scale);
}

static void run_tile(const back *b, ag_attention_tile t, ag_attention_room *w)
{
    const ag_attention *a = b->a;
    const ag_attention_gradients *g = b->g;
    ag_array p = ag_attention_block(a, w->scores, t.columns, t.width);
    ag_array ds = ag_attention_block(a, w->more, t.columns, t.width);
    p.shape.dim[1] = ds.shape.dim[1] = t.rows;
    ag_attention_scores(a, t, w);
    if (!w->measuring)
        ag_attention_kernels_of(a->dtype)->weigh(t.columns, t.width, t.rows, w->scores, a->sums + t.batch * a->n + t.i);
    if (b->keys && g->dv.data)
        ag_attention_product(w, p, ag_attention_rows(&g->dy, t.batch, t.i, t.rows),
                             ag_attention_rows(&g->dv, t.batch, t.j, t.columns), 1);
    const bool by_k = b->keys && g->dk.data, by_q = b->queries && g->dq.data;
    if (by_k || by_q)
        scores_back(b, t, w);
    if (by_k)
        ag_attention_product(w, ds, ag_attention_rows(&a->q, t.batch, t.i, t.rows),
                             ag_attention_rows(&g->dk, t.batch, t.j, t.columns), 1);
    if (by_q)
        ag_attention_product(w, ag_swapped(&ds), ag_attention_rows(&a->k, t.batch, t.j, t.columns),
                             ag_attention_rows(&g->dq, t.batch, t.i, t.rows), 1);
}

/* ---- passes */

static void run_queries(const back *b, int64_t batch, int64_t i, ag_attention_room *w)
{
    turn_queries(b, ag_attention_tile_at(b->a, batch, i, 0), w);
    for (int64_t j = 0; j < b->a->m; j += AG_KEYS) {
        const ag_attention_tile t = ag_attention_tile_at(b->a, batch, i, j);
        if (w->measuring || !ag_attention_unseen(b->a, t))
            run_tile(b, t, w);
    }
}

static void run_query_block(const void *context, int64_t item, ag_attention_room *w)
{
    const back *b = context;
    const int64_t blocks = ag_parts(b->a->n, AG_QUERIES);
    run_queries(b, item / blocks, item % blocks * AG_QUERIES, w);
}

static void run_key_block(const void *context, int64_t item, ag_attention_room *w)
{
    const back *b = context;
    const int64_t blocks = ag_parts(b->a->m, AG_KEYS), batch = item / blocks, j = item % blocks * AG_KEYS;
    for (int64_t i = 0; i < b->a->n; i += AG_QUERIES) {
        const ag_attention_tile t = ag_attention_tile_at(b->a, batch, i, j);
        if (!w->measuring && ag_attention_unseen(b->a, t))
            continue;
        turn_queries(b, t, w);
        run_tile(b, t, w);
    }
}

static void run_batch(const void *context, int64_t batch, ag_attention_room *w)
{
    const back *b = context;
    for (int64_t i = 0; i < b->a->n; i += AG_QUERIES)
        run_queries(b, batch, i, w);
}

/* The dots of dy and y in a batch's rows from i on, a block of them. */
static void make_dots(const void *context, int64_t item)
{
    const ag_attention *a = ((const back *)context)->a;
    const ag_attention_gradients *g = ((const back *)context)->g;
    const int64_t blocks = ag_parts(a->n, AG_QUERIES), batch = item / blocks, i = item % blocks * AG_QUERIES;
    const ag_attention_tile t = ag_attention_tile_at(a, batch, i, 0);
    const ag_array y = ag_attention_rows(&a->y, batch, i, t.rows), dy = ag_attention_rows(&g->dy, batch, i, t.rows);
    for (int64_t r = 0; r < t.rows; r++)
        g->dots[batch * a->n + i + r] =
            ag_attention_kernels_of(a->dtype)->dot(a->e, (const char *)y.data + (size_t)(r * y.stride[0]) * a->size,
                                                   (const char *)dy.data + (size_t)(r * dy.stride[0]) * a->size);
}

ag_status ag_attention_back(const ag_call *c, const ag_attention *a, const ag_attention_gradients *g)
{
    const int64_t queries = a->batches * ag_parts(a->n, AG_QUERIES), keys = a->batches * ag_parts(a->m, AG_KEYS);
    const double work = (double)a->n * (double)a->m * (double)(3 * a->d + 2 * a->e + 32) / 16 * (double)a->batches;
    ag_for_items(queries, (double)AG_QUERIES * (double)a->e, a->threads, make_dots, &(back){ a, g, false, false });
    if (a->threads == 1 || a->batches >= a->threads)
        return ag_attention_each(c, a, a->batches, work / (double)a->batches, run_batch, &(back){ a, g, true, true });
    ag_status s = AG_OK;
    if (g->dk.data || g->dv.data)
        s = ag_attention_each(c, a, keys, work / (double)keys, run_key_block, &(back){ a, g, true, false });
    if (g->dq.data && !s)
        s = ag_attention_each(c, a, queries, work / (double)queries, run_query_block, &(back){ a, g, false, true });
    return s;
}
