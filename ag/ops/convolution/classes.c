/* Convolutions of small planes, whose edges are much of them: results that the same taps reach are of one class in each
 * dimension, and a piece of work is a class of rows and one of columns, of several images. Its slab has a row for each
 * channel and tap with just the elements that are read: no zeros are multiplied, and vectors are full. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    PLANE = 63,      /* results of a plane, at most, with a step those of every so many rows and columns */
    POSITIONS = 160, /* of a piece, about */
    OUTPUTS = 128,   /* at least, of all steps: for each of them a copied element is read */
    IMAGES = 4,      /* at least */
    STRIDE = 4,      /* at most */
    SHARES = 8,      /* of the work, at most */
    BLOCK = 8        /* outputs made at a time, at most */
};

/* The taps that reach result i, and where they read. */
static void find_taps(const ag_conv *v, bool back, int d, int64_t i, ag_conv_class *c)
{
    c->taps = 0;
    for (int64_t k = 0; k < v->k[d]; k++) {
        const int64_t step = back ? v->stride[d] : 1, extent = back ? v->y[d] : v->x[d];
        const int64_t at =
            back ? i + v->before[d] - k * v->dilation[d] : i * v->stride[d] - v->before[d] + k * v->dilation[d];
        if (at < 0 || at % step != 0 || at / step >= extent)
            continue;
        c->tap[c->taps] = k;
        c->from[c->taps++] = at / step;
    }
}

static bool same_taps(const ag_conv_class *a, const ag_conv_class *b)
{
    return a->taps == b->taps && memcmp(a->tap, b->tap, (size_t)a->taps * sizeof *a->tap) == 0;
}

/* False: there are too many. */
static bool find_classes(const ag_conv *v, bool back, int d, ag_conv_axis_classes *a)
{
    const int64_t extent = back ? v->x[d] : v->y[d];
    a->to_step = back ? v->stride[d] : 1;
    a->from_step = back ? 1 : v->stride[d];
    for (int64_t phase = 0; phase < a->to_step; phase++)
        for (int64_t i = phase; i < extent; i += a->to_step) {
            ag_conv_class next = { .first = i, .count = 1 };
            find_taps(v, back, d, i, &next);
            if (i > phase && same_taps(&next, &a->of[a->count - 1])) {
                a->of[a->count - 1].count++;
                continue;
            }
            if (a->count == AG_CONV_CLASSES)
                return false;
            a->of[a->count++] = next;
        }
    return true;
}

static int64_t images_of(const ag_conv *v, int64_t results)
{
    const int64_t fitting = results < POSITIONS ? POSITIONS / results : 1;
    const int64_t blocks = (v->images + fitting - 1) / fitting;
    return (v->images + blocks - 1) / blocks;
}

static int64_t row_of(int64_t positions)
{
    return (positions + AG_CONV_VECTORS - 1) / AG_CONV_VECTORS * AG_CONV_VECTORS;
}

/* The longest row of a slab. */
static int64_t longest_row(const ag_conv *v, const ag_conv_classes *q)
{
    int64_t most = 0;
    for (int64_t i = 0; i < q->axis[0].count; i++)
        for (int64_t j = 0; j < q->axis[1].count; j++) {
            const int64_t results = q->axis[0].of[i].count * q->axis[1].of[j].count;
            const int64_t row = row_of(results * images_of(v, results));
            most = row > most ? row : most;
        }
    return most;
}

bool ag_conv_find_classes(const ag_conv *v, bool back, ag_conv_classes *q)
{
    if (v->k[0] != 1 || v->x[0] != 1 || v->y[0] != 1 || v->before[0] != 0)
        return false;
    for (int d = 1; d < AG_SPATIAL; d++)
        if (v->k[d] > AG_CONV_CLASS_TAPS || v->stride[d] > STRIDE)
            return false;
    q->v = v;
    q->back = back;
    q->channels = back ? v->o : v->c;
    q->outputs = back ? v->c : v->o;
    q->taps = v->k[1] * v->k[2];
    return find_classes(v, back, 1, &q->axis[0]) && find_classes(v, back, 2, &q->axis[1]);
}

bool ag_conv_classes_make(const ag_conv *v, bool back, ag_conv_classes *q)
{
    const int64_t outputs = back ? v->c : v->o, *to = back ? v->x : v->y, step = back ? v->stride[1] : 1;
    if (v->images < IMAGES || to[1] > PLANE * STRIDE || to[2] > PLANE * STRIDE)
        return false;
    if (outputs < AG_CONV_MANY || outputs * step < OUTPUTS * (back ? 1 : v->stride[1]))
        return false;
    if (back && (v->k[1] < v->stride[1] || v->k[2] < v->stride[2])) /* places that no tap reaches are filled faster */
        return false;
    if (to[1] * to[2] > PLANE * (back ? v->stride[1] * v->stride[2] : 1))
        return false;
    *q = (ag_conv_classes){ 0 };
    if (!ag_conv_find_classes(v, back, q))
        return false;
    const size_t bytes = ag_dtype_size(v->dtype), row = (size_t)longest_row(v, q);
    q->rows = row_of(outputs);
    q->slab = AG_CONV_SLAB + AG_CONV_TAIL * bytes;
    q->results = ((size_t)q->rows + AG_CONV_BOXES) * row * bytes;
    q->worker = q->slab + q->results + (size_t)row_of(q->channels * q->taps * BLOCK) * bytes;
    q->group_weights = (size_t)q->rows * (size_t)(q->channels * q->taps) * bytes;
    return true;
}

/* ---- the work */

typedef struct job {
    const ag_conv_classes *q;
    const ag_conv_loops *loops;
    const void *from, *w, *bias;
    char *weights, *workers, *to;
    bool add;
    int64_t shares;
    double work; /* of all pieces */
} job;

static void pack_item(const void *context, int64_t i)
{
    const job *j = context;
    const ag_conv_classes *q = j->q;
    const int64_t block = j->loops->block, blocks = (q->outputs + block - 1) / block;
    const size_t bytes = (size_t)(block * q->channels * q->taps) * ag_dtype_size(q->v->dtype);
    j->loops->pack_in_order(q, j->w, i / blocks, i % blocks,
                            j->weights + (size_t)(i / blocks) * q->group_weights + (size_t)(i % blocks) * bytes);
}

static void run_piece(const job *j, char *worker, ag_conv_piece t, int64_t images)
{
    const ag_conv *v = j->q->v;
    t.images = t.image + images < v->images ? images : v->images - t.image;
    t.positions = t.images * t.high->count * t.wide->count;
    t.row = row_of(t.positions);
    for (t.group = 0; t.group < v->groups; t.group++)
        j->loops->piece(j->q, &t, j->from, j->weights + (size_t)t.group * j->q->group_weights, j->bias, j->add, j->to,
                        worker);
}

/* Every share goes through all pieces and does those that begin within its part of the work. */
static void share_item(const void *context, int64_t share)
{
    const job *j = context;
    const ag_conv_classes *q = j->q;
    double done = 0;
    for (int64_t a = 0; a < q->axis[0].count; a++)
        for (int64_t b = 0; b < q->axis[1].count; b++) {
            const ag_conv_class *high = &q->axis[0].of[a], *wide = &q->axis[1].of[b];
            const int64_t results = high->count * wide->count, images = images_of(q->v, results);
            for (int64_t image = 0; image < q->v->images; image += images) {
                if ((int64_t)(done * (double)j->shares / j->work) == share)
                    run_piece(j, j->workers + (size_t)share * q->worker,
                              (ag_conv_piece){ .high = high, .wide = wide, .image = image }, images);
                done += (double)(images * results) * (double)(high->taps * wide->taps + 1);
            }
        }
}

/* As share_item counts it, or a little more. */
static double work_of(const ag_conv_classes *q)
{
    double work = 1;
    for (int64_t a = 0; a < q->axis[0].count; a++)
        for (int64_t b = 0; b < q->axis[1].count; b++) {
            const ag_conv_class *high = &q->axis[0].of[a], *wide = &q->axis[1].of[b];
            const int64_t results = high->count * wide->count, images = images_of(q->v, results);
            const int64_t blocks = (q->v->images + images - 1) / images;
            work += (double)(blocks * images * results) * (double)(high->taps * wide->taps + 1);
        }
    return work;
}

ag_status ag_conv_run_classes(const ag_call *c, const ag_conv_classes *q, const void *from, const void *w,
                              const void *bias, bool add, void *to)
{
    const ag_conv *v = q->v;
    job j = { .q = q, .loops = ag_conv_loops_of(v->dtype), .from = from, .w = w, .bias = bias, .to = to, .add = add };
    const int64_t blocks = (q->outputs + j.loops->block - 1) / j.loops->block;
    j.work = work_of(q);
    const double steps = j.work * (double)(v->groups * q->outputs * q->channels) / 16;
    j.shares = ag_team(SHARES, steps / SHARES, v->threads);
    j.weights = ag_call_scratch(c, q->group_weights * (size_t)v->groups);
    j.workers = ag_call_scratch(c, q->worker * (size_t)j.shares);
    if (!j.weights || !j.workers)
        return AG_ENOMEM;
    ag_for_items(v->groups * blocks, (double)(q->channels * q->taps), v->threads, pack_item, &j);
    ag_for_items(j.shares, steps / (double)j.shares, v->threads, share_item, &j);
    return AG_OK;
}
