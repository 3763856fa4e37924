/* Convolutions of many images, side by side: an element of the slab is that of so many images, in whole vectors. Then the
 * results that the same taps reach, classes.c, may lie anywhere in a plane, whatever the stride: no zeros are multiplied, and
 * nothing is copied more than once but the rows that two bands read. What it takes is to turn the source and the results. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    SLAB = 440 << 10,  /* bytes, about: it is to stay in the second cache, which results need not */
    RESULTS = 2 << 20, /* bytes that are kept while channels are added, or an eighth that are not */
    CHANNELS = 12,     /* at a time, at least, or all */
    BLOCK = 8,         /* outputs made at a time, at most */
    PRODUCTS = 32,     /* of a result, at least, but of few outputs: turning takes as long as some */
    FEW = 4,
    ITEMS = 2 /* for each thread, at least */
};

static const double MEETING = 0.97;

ag_conv_class ag_conv_class_within(const ag_conv_axis_classes *a, int64_t i, int64_t row, int64_t rows,
                                   int64_t from_row)
{
    ag_conv_class c = a->of[i];
    const int64_t before = row > c.first ? (row - c.first + a->to_step - 1) / a->to_step : 0;
    const int64_t end = row + rows > c.first ? (row + rows - c.first + a->to_step - 1) / a->to_step : 0;
    c.first += before * a->to_step - row;
    c.count = (end < c.count ? end : c.count) - before;
    for (int64_t k = 0; k < c.taps; k++)
        c.from[k] += before * a->from_step - from_row;
    return c;
}

/* The rows of the source that rows of results read. */
static void find_rows(const ag_conv_classes *q, ag_conv_band *t)
{
    const ag_conv_axis_classes *a = &q->axis[0];
    int64_t first = INT64_MAX, end = 0;
    for (int64_t i = 0; i < a->count; i++) {
        const ag_conv_class c = ag_conv_class_within(a, i, t->row, t->rows, 0);
        for (int64_t k = 0; k < c.taps && c.count > 0; k++) {
            const int64_t last = c.from[k] + (c.count - 1) * a->from_step;
            first = c.from[k] < first ? c.from[k] : first;
            end = last >= end ? last + 1 : end;
        }
    }
    t->from_row = end > 0 ? first : 0;
    t->from_rows = end - t->from_row;
}

/* At most so many, of any place in the plane. */
static int64_t most_rows(const ag_conv_classes *q, int64_t rows)
{
    const ag_conv *v = q->v;
    const int64_t extent = (q->back ? v->y : v->x)[1], lag = (v->k[1] - 1) * v->dilation[1];
    const int64_t most = q->back ? (rows - 1 + lag) / v->stride[1] + 1 : (rows - 1) * v->stride[1] + lag + 1;
    return most < extent ? most : extent;
}

/* So many rows of results at a time; false: that takes too much memory. */
static bool cut(ag_conv_batch *b, int64_t bands)
{
    const ag_conv_classes *q = &b->q;
    const int64_t *from = q->back ? q->v->y : q->v->x, *to = q->back ? q->v->x : q->v->y;
    const int64_t bytes = (int64_t)ag_dtype_size(q->v->dtype);
    b->rows = (to[1] + bands - 1) / bands;
    b->bands = (to[1] + b->rows - 1) / b->rows;
    b->channel = most_rows(q, b->rows) * from[2] * AG_CONV_IMAGES;
    const int64_t fitting = SLAB / (b->channel * bytes + 1) + 1, blocks = (q->channels + fitting - 1) / fitting;
    b->channel_block = (q->channels + blocks - 1) / blocks;
    b->result = b->rows * to[2] * AG_CONV_IMAGES;
    b->kept = q->outputs <= FEW ? FEW : blocks == 1 ? BLOCK : (q->outputs + BLOCK - 1) / BLOCK * BLOCK;
    b->slab = (size_t)(b->channel_block * b->channel * bytes);
    b->worker = b->slab + (size_t)(b->kept * b->result * bytes);
    if (blocks == 1)
        return b->channel * bytes <= SLAB && b->kept * b->result * bytes <= RESULTS / 8;
    return b->channel_block >= CHANNELS && b->kept * b->result * bytes <= RESULTS;
}

/* Without a stride little is gained but the products with zeros. */
static bool pays(const ag_conv_classes *q)
{
    const ag_conv *v = q->v;
    return v->stride[1] > 1 || v->stride[2] > 1 || ag_conv_met(q) < MEETING;
}

bool ag_conv_batch_make(const ag_conv *v, bool back, ag_conv_batch *b)
{
    const int64_t channels = back ? v->o : v->c, outputs = back ? v->c : v->o, taps = v->k[1] * v->k[2];
    const int64_t extent = (back ? v->x : v->y)[1], step = back ? v->stride[1] * v->stride[2] : 1;
    if (v->images < AG_CONV_IMAGES || channels == 0 || taps == 1)
        return false;
    if (channels * taps < PRODUCTS * step && outputs > FEW)
        return false;
    *b = (ag_conv_batch){ 0 };
    if (!ag_conv_find_classes(v, back, &b->q) || !pays(&b->q))
        return false;
    for (int64_t bands = 1; bands <= extent; bands++)
        if (cut(b, bands))
            return true;
    return false;
}

/* ---- the work */

typedef struct job {
    const ag_conv_batch *b;
    const ag_conv_loops *loops;
    const void *from, *w, *bias;
    char *weights, *workers, *to;
    size_t group_weights;
    bool add;
    int64_t blocks, parts, items, shares; /* parts: of the blocks of outputs; items: bands and parts */
} job;

static void pack_item(const void *context, int64_t i)
{
    const job *j = context;
    const ag_conv_classes *q = &j->b->q;
    const size_t bytes = (size_t)(j->loops->block * q->channels * q->taps) * ag_dtype_size(q->v->dtype);
    j->loops->pack_in_order(q, j->w, i / j->blocks, i % j->blocks,
                            j->weights + (size_t)(i / j->blocks) * j->group_weights + (size_t)(i % j->blocks) * bytes);
}

static ag_conv_band band_at(const job *j, int64_t i)
{
    const ag_conv_batch *b = j->b;
    const int64_t extent = (b->q.back ? b->q.v->x : b->q.v->y)[1], part = i % j->parts;
    ag_conv_band t = { .first = part * j->blocks / j->parts * j->loops->block,
                       .end = (part + 1) * j->blocks / j->parts * j->loops->block };
    if (t.end > b->q.outputs)
        t.end = b->q.outputs;
    i /= j->parts;
    t.row = i % b->bands * b->rows;
    t.rows = t.row + b->rows < extent ? b->rows : extent - t.row;
    i /= b->bands;
    t.group = i % b->q.v->groups;
    t.image = i / b->q.v->groups * AG_CONV_IMAGES;
    find_rows(&b->q, &t);
    return t;
}

static void share_item(const void *context, int64_t share)
{
    const job *j = context;
    for (int64_t i = share * j->items / j->shares; i < (share + 1) * j->items / j->shares; i++) {
        const ag_conv_band t = band_at(j, i);
        j->loops->band(j->b, &t, j->from, j->weights + (size_t)t.group * j->group_weights, j->bias, j->add, j->to,
                       j->workers + (size_t)share * j->b->worker);
    }
}

/* Where there are fewer bands than threads can do, each is made in parts, which turn the source again. */
static void divide(job *j, double steps, int threads)
{
    const int64_t bands = j->items,
                  wanted = (int64_t)ag_team(bands * j->blocks, steps / (double)j->blocks, threads) * ITEMS;
    if (wanted > ITEMS && bands < wanted)
        j->parts = (wanted + bands - 1) / bands;
    j->parts = j->parts < j->blocks ? j->parts : j->blocks;
    j->items = bands * j->parts;
    j->shares = ag_team(j->items, steps / (double)j->parts, threads);
}

ag_status ag_conv_run_batch(const ag_call *c, const ag_conv_batch *b, const void *from, const void *w, const void *bias,
                            bool add, void *to)
{
    const ag_conv_classes *q = &b->q;
    const ag_conv *v = q->v;
    job j = { .b = b, .loops = ag_conv_loops_of(v->dtype), .from = from, .w = w, .bias = bias, .to = to, .add = add };
    const double steps = (double)(b->result * q->outputs) * (double)(q->channels * q->taps) / 16 + 1000;
    j.blocks = (q->outputs + j.loops->block - 1) / j.loops->block;
    j.parts = 1;
    j.items = v->images / AG_CONV_IMAGES * v->groups * b->bands;
    divide(&j, steps, v->threads);
    j.group_weights = (size_t)(j.blocks * j.loops->block * q->channels * q->taps) * ag_dtype_size(v->dtype);
    j.weights = ag_call_scratch(c, j.group_weights * (size_t)v->groups);
    j.workers = ag_call_scratch(c, b->worker * (size_t)j.shares);
    if (!j.weights || !j.workers)
        return AG_ENOMEM;
    ag_for_items(v->groups * j.blocks, (double)(q->channels * q->taps), v->threads, pack_item, &j);
    ag_for_items(j.shares, steps * (double)j.items / (double)(j.parts * j.shares), v->threads, share_item, &j);
    return AG_OK;
}
