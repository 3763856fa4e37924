#include "ag/ops/attention/attention.h"

/* ---- tiles */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

ag_attention_tile ag_attention_tile_at(const ag_attention *a, int64_t batch, int64_t i, int64_t j)
{
    const int64_t rows = smaller(AG_QUERIES, a->n - i), columns = smaller(AG_KEYS, a->m - j);
    return (ag_attention_tile){ batch, i, rows, ag_padded(rows), j, columns };
}

bool ag_attention_unseen(const ag_attention *a, ag_attention_tile t)
{
    return a->causal && t.j > t.i + t.rows - 1;
}

ag_array ag_attention_rows(const ag_array *x, int64_t batch, int64_t from, int64_t count)
{
    const int leading = x->shape.rank - 2;
    int64_t at = from * x->stride[leading];
    for (int d = leading - 1; d >= 0; d--) {
        at += batch % x->shape.dim[d] * x->stride[d];
        batch /= x->shape.dim[d];
    }
    return (ag_array){ .data = (char *)x->data + at * (int64_t)ag_dtype_size(x->dtype),
                       .dtype = x->dtype,
                       .shape = { 2, { count, x->shape.dim[leading + 1] } },
                       .stride = { x->stride[leading], x->stride[leading + 1] } };
}

ag_array ag_attention_block(const ag_attention *a, char *data, int64_t rows, int64_t width)
{
    return (ag_array){ .data = data, .dtype = a->dtype, .shape = { 2, { rows, width } }, .stride = { width, 1 } };
}

void ag_attention_product(ag_attention_room *w, ag_array x, ag_array y, ag_array to, double beta)
{
    const ag_product p = { .dtype = to.dtype,
                           .m = to.shape.dim[0],
                           .n = to.shape.dim[1],
                           .k = x.shape.dim[1],
                           .a = x.data,
                           .a_row = x.stride[0],
                           .a_col = x.stride[1],
                           .b = y.data,
                           .b_row = y.stride[0],
                           .b_col = y.stride[1],
                           .c = to.data,
                           .c_row = to.stride[0],
                           .c_col = to.stride[1],
                           .beta = beta,
                           .threads = 1 };
    if (w->measuring) {
        const size_t bytes = (ag_product_workspace(&p) + 63) / 64 * 64;
        w->bytes = bytes > w->bytes ? bytes : w->bytes;
    } else {
        ag_product_run(&p, w->bytes ? w->products : NULL);
    }
}

void ag_attention_turn(const ag_attention *a, ag_attention_tile t, const ag_array *x, double scale, char *to)
{
    const ag_array from = ag_attention_rows(x, t.batch, t.i, t.rows), turned = ag_swapped(&from);
    ag_array block = ag_attention_block(a, to, from.shape.dim[1], t.width);
    const int64_t count = block.shape.dim[0] * t.width;
    if (t.rows < t.width)
        memset(to, 0, (size_t)count * a->size);
    block.shape.dim[1] = t.rows;
    ag_copy_array(&block, &turned, false, 1);
    for (int64_t i = 0; scale != 1 && i < count; i++) {
        if (a->dtype == AG_F32)
            ((float *)(void *)to)[i] *= (float)scale;
        else
            ((double *)(void *)to)[i] *= scale;
    }
}

static void apply_mask(const ag_attention *a, ag_attention_tile t, ag_attention_room *w)
{
    const ag_attention_kernels *k = ag_attention_kernels_of(a->dtype);
    ag_array from = ag_attention_rows(&a->mask, t.batch, t.i, t.rows);
    from.data = (char *)from.data + t.j * from.stride[1] * (int64_t)ag_dtype_size(from.dtype);
    from.shape.dim[1] = t.columns;
    const ag_array turned = ag_swapped(&from);
    ag_array block = ag_attention_block(a, w->mask, t.columns, t.width);
    if (t.rows < t.width)
        memset(w->mask, 0, (size_t)(t.columns * t.width) * a->size);
    block.shape.dim[1] = t.rows;
    ag_copy_array(&block, &turned, false, 1);
    (a->mask.dtype == AG_U8 ? k->select : k->add)(t.columns * t.width, w->scores, w->mask);
}

void ag_attention_scores(const ag_attention *a, ag_attention_tile t, ag_attention_room *w)
{
    const ag_array k = ag_attention_rows(&a->k, t.batch, t.j, t.columns);
    ag_attention_product(w, k, ag_attention_block(a, w->q, a->d, t.width),
                         ag_attention_block(a, w->scores, t.columns, t.width), 0);
    if (w->measuring)
        return;
    if (a->mask.data)
        apply_mask(a, t, w);
    if (a->causal && t.j + t.columns - 1 > t.i)
        ag_attention_kernels_of(a->dtype)->hide(t.columns, t.width, t.j - t.i, w->scores);
}

/* ---- rooms */

static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Blocks one after the other; returns their bytes. */
static size_t set_room(const ag_attention *a, char *at, ag_attention_room *w)
{
    const size_t width = (size_t)ag_padded(smaller(a->n, AG_QUERIES)) * a->size;
    const size_t tile = aligned((size_t)smaller(a->m, AG_KEYS) * width);
    const size_t bytes[] = { aligned((size_t)a->d * width), aligned((size_t)a->e * width), tile, tile,
                             a->mask.data ? tile : 0 };
    char **blocks[] = { &w->q, &w->dy, &w->scores, &w->more, &w->mask };
    size_t used = 0;
    for (int i = 0; i < 5; i++) {
        *blocks[i] = at ? at + used : NULL;
        used += bytes[i];
    }
    return used;
}

typedef struct shares { /* of the items, each with room of its own */
    const ag_attention *a;
    int64_t items, count;
    char *rooms, *products;
    size_t room, bytes;
    ag_attention_function *run;
    const void *context;
} shares;

static void run_share(const void *context, int64_t k)
{
    const shares *s = context;
    ag_attention_room w = { .bytes = s->bytes };
    set_room(s->a, s->rooms + (size_t)k * s->room, &w);
    w.products = s->products ? s->products + (size_t)k * s->bytes : NULL;
    for (int64_t i = k; i < s->items; i += s->count) /* causal ones differ in length */
        s->run(s->context, i, &w);
}

ag_status ag_attention_each(const ag_call *c, const ag_attention *a, int64_t count, double steps,
                            ag_attention_function *run, const void *context)
{
    const int parts = ag_team(count, steps, a->threads);
    ag_attention_room first = { .measuring = true };
    const size_t share = set_room(a, NULL, &first);
    char *rooms = ag_call_scratch(c, (size_t)parts * share);
    if (!rooms)
        return AG_ENOMEM;
    set_room(a, rooms, &first);
    run(context, 0, &first);
    run(context, count - 1, &first);
    char *products = first.bytes ? ag_call_scratch(c, (size_t)parts * first.bytes) : NULL;
    if (first.bytes && !products)
        return AG_ENOMEM;
    ag_for_items(parts, steps * (double)count / parts, a->threads, run_share,
                 &(shares){ a, count, parts, rooms, products, share, first.bytes, run, context });
    return AG_OK;
}

/* ---- forward */

static void run_queries(const void *context, int64_t item, ag_attention_room *w)
{
    const ag_attention *a = context;
    const ag_attention_kernels *kernels = ag_attention_kernels_of(a->dtype);
    const int64_t blocks = ag_parts(a->n, AG_QUERIES), batch = item / blocks, i = item % blocks * AG_QUERIES;
    ag_attention_tile t = ag_attention_tile_at(a, batch, i, 0);
    const ag_array y = ag_attention_rows(&a->y, batch, i, t.rows);
    ag_attention_rows_known known;
    if (!w->measuring) {
        kernels->start(&known);
        ag_attention_turn(a, t, &a->q, a->scale, w->q);
    }
    for (int64_t j = 0; j < a->m; j += AG_KEYS) {
        t = ag_attention_tile_at(a, batch, i, j);
        if (!w->measuring && ag_attention_unseen(a, t))
            break;
        const ag_array v = ag_attention_rows(&a->v, batch, j, t.columns);
        ag_array weights = ag_attention_block(a, w->scores, t.columns, t.width);
        weights.shape.dim[1] = t.rows;
        ag_attention_scores(a, t, w);
        if (!w->measuring && kernels->carry(t.columns, t.width, w->scores, &known) && j > 0)
            kernels->multiply(t.rows, &y, &known);
        ag_attention_product(w, ag_swapped(&weights), v, y, j > 0);
    }
    if (!w->measuring)
        kernels->finish(t.rows, &y, &known, a->sums + batch * a->n + i);
}

ag_status ag_attention_run(const ag_call *c, const ag_attention *a)
{
    const int64_t blocks = ag_parts(a->n, AG_QUERIES);
    const double work = (double)smaller(a->n, AG_QUERIES) * (double)a->m * (double)(a->d + a->e + 32);
    return ag_attention_each(c, a, a->batches * blocks, work / 16, run_queries, a);
}
