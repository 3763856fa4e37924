/* dw of many images, side by side as in batch.c: what a tap reads for a row of results, of all images, is a row of a matrix
 * for each channel, without zeros, and dy, turned, the other one. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    SLAB = 448 << 10,   /* bytes, about, of x */
    TURNED = 256 << 10, /* and of dy */
    CHANNELS = 64,      /* at a time, at most */
    ITEMS = 8,          /* pieces of work that there are to be, about */
    PARTS = 4           /* at most, where dw is large */
};

ag_conv_reach ag_conv_reach_of(const ag_conv *v, int d, int64_t tap)
{
    const int64_t before = v->before[d] - tap * v->dilation[d];
    ag_conv_reach r = { .first = ag_conv_ceil(before, v->stride[d]),
                        .end = ag_conv_ceil(v->x[d] + before, v->stride[d]) };
    r.first = r.first > 0 ? r.first : 0;
    r.end = r.end < v->y[d] ? r.end : v->y[d];
    r.at = r.first * v->stride[d] - before;
    return r;
}

static void find_rows(const ag_conv *v, ag_conv_weight_band *t)
{
    const int64_t first = t->row * v->stride[1] - v->before[1];
    const int64_t end = first + (t->rows - 1) * v->stride[1] + (v->k[1] - 1) * v->dilation[1] + 1;
    t->from_row = first > 0 ? first : 0;
    t->from_rows = (end < v->x[1] ? end : v->x[1]) - t->from_row;
    t->from_rows = t->from_rows > 0 ? t->from_rows : 0;
}

static int64_t evenly(int64_t n, int64_t most, int64_t *blocks)
{
    most = most > 1 ? most : 1;
    *blocks = (n + most - 1) / most;
    return (n + *blocks - 1) / *blocks;
}

bool ag_conv_batch_weight_make(const ag_conv *v, ag_conv_batch_weight *b)
{
    if (!ag_conv_is_flat(v) || v->images < AG_CONV_IMAGES)
        return false;
    if (v->o < AG_CONV_MANY || v->c < AG_CONV_MANY || v->k[1] * v->k[2] == 1 || !ag_libraries_suit_small())
        return false;
    if (v->x[1] == 0) /* there are no rows, however long these would be */
        return false;
    const int64_t bytes = (int64_t)ag_dtype_size(v->dtype), outputs = v->o < AG_CONV_ROWS ? v->o : AG_CONV_ROWS;
    const int64_t line = AG_CONV_IMAGES * bytes;
    *b = (ag_conv_batch_weight){ .v = v, .places = (v->x[2] + v->stride[2] - 1) / v->stride[2] };
    b->rows = evenly(v->y[1], TURNED / (v->y[2] * outputs * line + 1), &b->bands);
    const int64_t lag = (v->k[1] - 1) * v->dilation[1], most = (b->rows - 1) * v->stride[1] + lag + 1;
    const int64_t row = b->places * v->stride[2] * AG_CONV_IMAGES;
    b->channel = (most < v->x[1] ? most : v->x[1]) * row + AG_CONV_IMAGES; /* not a power of two */
    const int64_t fitting = SLAB / (b->channel * bytes);
    b->channel_block = evenly(v->c, fitting < CHANNELS ? fitting : CHANNELS, &b->channel_blocks);
    const int64_t items = v->groups * b->channel_blocks, tiles = v->images / AG_CONV_IMAGES * b->bands;
    const double dw = (double)bytes * (double)(v->groups * v->c * v->o * v->k[1] * v->k[2]);
    b->parts = (ITEMS + items - 1) / items;
    if (b->parts > PARTS && (double)b->parts * dw > AG_CONV_PARTS_BYTES)
        b->parts = PARTS;
    b->parts = b->parts < tiles ? b->parts : tiles;
    b->slab = (size_t)(b->channel_block * b->channel * bytes);
    b->turned = (size_t)(b->rows * v->y[2] * outputs * line);
    b->worker = b->slab + b->turned + (size_t)(v->x[2] * line);
    return b->slab <= 2 * SLAB && b->turned <= TURNED;
}

/* ---- the work */

typedef struct job {
    const ag_conv_batch_weight *b;
    const ag_conv_loops *loops;
    const void *x, *dy;
    char *workers, *parts; /* [parts][groups][taps][channels][outputs] */
    int64_t items, shares;
} job;

static int64_t size_of_group(const ag_conv *v)
{
    return v->k[1] * v->k[2] * v->c * v->o;
}

/* A part of the tiles, some channels of a group. */
static void run_item(const job *j, int64_t i, char *worker)
{
    const ag_conv_batch_weight *b = j->b;
    const ag_conv *v = b->v;
    const int64_t tiles = v->images / AG_CONV_IMAGES * b->bands, part = i % b->parts,
                  block = i / b->parts % b->channel_blocks;
    const size_t bytes = ag_dtype_size(v->dtype);
    ag_conv_weight_band t = { .group = i / b->parts / b->channel_blocks, .channel = block * b->channel_block };
    t.channels = v->c - t.channel < b->channel_block ? v->c - t.channel : b->channel_block;
    char *to = j->parts + (size_t)((part * v->groups + t.group) * size_of_group(v)) * bytes;
    for (int64_t k = 0; k < v->k[1] * v->k[2] && t.channels > 0; k++)
        memset(to + (size_t)((k * v->c + t.channel) * v->o) * bytes, 0, (size_t)(t.channels * v->o) * bytes);
    for (int64_t k = part * tiles / b->parts; k < (part + 1) * tiles / b->parts && t.channels > 0; k++) {
        t.image = k / b->bands * AG_CONV_IMAGES;
        t.row = k % b->bands * b->rows;
        t.rows = v->y[1] - t.row < b->rows ? v->y[1] - t.row : b->rows;
        find_rows(v, &t);
        if (t.rows > 0)
            j->loops->weight_band(b, &t, j->x, j->dy, to, worker);
    }
}

static void share_item(const void *context, int64_t share)
{
    const job *j = context;
    for (int64_t i = share * j->items / j->shares; i < (share + 1) * j->items / j->shares; i++)
        run_item(j, i, j->workers + (size_t)share * j->b->worker);
}

ag_status ag_conv_run_batch_weight(const ag_call *c, const ag_conv_batch_weight *b, const void *x, const void *dy,
                                   bool add, void *dw)
{
    const ag_conv *v = b->v;
    job j = { .b = b, .loops = ag_conv_loops_of(v->dtype), .x = x, .dy = dy };
    const size_t bytes = (size_t)(v->groups * size_of_group(v)) * ag_dtype_size(v->dtype);
    j.items = v->groups * b->channel_blocks * b->parts;
    const double steps = (double)(v->images * v->groups * v->y[1] * v->y[2]) * (double)size_of_group(v) / 16;
    j.shares = ag_team(j.items, steps / (double)j.items, v->threads);
    j.parts = ag_call_scratch(c, bytes * (size_t)b->parts);
    j.workers = ag_call_scratch(c, b->worker * (size_t)j.shares);
    if (!j.parts || !j.workers)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps / (double)j.shares, v->threads, share_item, &j);
    ag_conv_add_parts(v, j.parts, b->parts, (const int64_t[]){ 1, v->o, v->c * v->o }, add, dw);
    return AG_OK;
}
