/* Convolutions whose edges are much of their planes: results that the same taps reach are of one class in each dimension,
 * and a piece of work is rows of a class in height and one in width, of several images where these are few. No zeros are
 * multiplied, and nothing of the source is copied. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    PLANE = 63,      /* results of a small plane, at most, with a step those of every so many rows and columns */
    POSITIONS = 160, /* of a piece, about, where it has several images */
    TOGETHER = 4096, /* results of images of which all classes are made before the next ones, of an output */
    ROWS = 1024,     /* positions of rows of one image */
    OUTPUTS = 128,   /* of a small plane, at least, of all steps */
    IMAGES = 4,      /* at least */
    STRIDE = 4,      /* at most */
    SHARES = 8,      /* of the work, at most */
    AHEAD = 4,       /* channels */
    LINE = 64        /* bytes */
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

/* Of a class, in a piece. */
static int64_t rows_of(const ag_conv_class *high, const ag_conv_class *wide)
{
    const int64_t most = ROWS / wide->count, blocks = (high->count + most - 1) / most;
    return (high->count + blocks - 1) / blocks;
}

bool ag_conv_find_classes(const ag_conv *v, bool back, ag_conv_classes *q)
{
    if (!ag_conv_is_flat(v))
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

static bool measure(const ag_conv *v, bool back, ag_conv_classes *q)
{
    const size_t bytes = ag_dtype_size(v->dtype);
    *q = (ag_conv_classes){ 0 };
    if ((back ? v->x : v->y)[2] > ROWS || !ag_conv_find_classes(v, back, q))
        return false;
    q->block = ag_conv_loops_of(v->dtype)->class_block;
    for (int64_t i = 0; i < q->axis[0].count; i++)
        for (int64_t j = 0; j < q->axis[1].count; j++) {
            const ag_conv_class *high = &q->axis[0].of[i], *wide = &q->axis[1].of[j];
            const int64_t results = high->count * wide->count;
            const int64_t most = images_of(v, results) * rows_of(high, wide) * wide->count;
            q->longest = most > q->longest ? most : q->longest;
        }
    q->together = v->images;
    q->longest = (q->longest + AG_CONV_VECTORS - 1) / AG_CONV_VECTORS * AG_CONV_VECTORS;
    q->spots = ((size_t)q->longest + AG_CONV_SPOTS) * 2 * 2 * sizeof(void *);
    q->results = 2 * (size_t)(q->longest * q->block) * bytes;
    q->weights = (size_t)(q->block * q->channels * q->taps) * bytes;
    q->worker = (q->weights + q->spots + q->results + 63) / 64 * 64;
    return true;
}

bool ag_conv_classes_of_small(const ag_conv *v, bool back, ag_conv_classes *q)
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
    return measure(v, back, q);
}

double ag_conv_met(const ag_conv_classes *q)
{
    double met = 1;
    for (int d = 0; d < 2; d++) {
        int64_t products = 0, all = 0;
        for (int64_t i = 0; i < q->axis[d].count; i++) {
            products += q->axis[d].of[i].count * q->axis[d].of[i].taps;
            all += q->axis[d].of[i].count * q->v->k[d + 1];
        }
        met *= (double)products / (double)all;
    }
    return met;
}

/* Are more products with zeros saved than it takes? A result is read and written twice more; outputs that fill half a block
 * at most take longer, as do all where registers hold few sums. */
static bool saves_enough(const ag_conv_classes *q)
{
    const int64_t left = q->outputs % q->block;
    const double narrow = 2 * left <= q->block ? (double)left / (double)q->outputs : 0;
    const double few = q->block < 4 * ag_conv_loops_of(q->v->dtype)->class_lanes ? 0.04 : 0;
    return 1 - ag_conv_met(q) > 0.045 + 12.0 / (double)(q->channels * q->taps) + narrow / 4 + few;
}

bool ag_conv_classes_of_plan(const ag_conv_plan *p, ag_conv_classes *q)
{
    const ag_conv *v = p->v;
    const ag_conv_axis *h = &p->axis[1], *w = &p->axis[2];
    if (v->stride[1] != 1 || v->stride[2] != 1 || p->outputs % AG_CONV_MANY != 0 || w->blocks != 1 ||
        !measure(v, p->back, q) || !saves_enough(q))
        return false;
    q->channel_block = p->channel_block;
    q->tile_rows = h->block;
    q->together = TOGETHER / (h->to_extent * w->to_extent);
    q->together = q->together > 1 ? q->together : 1;
    q->by_turns = p->wide == w->to_extent;
    return true;
}

/* ---- the work */

typedef struct job {
    const ag_conv_classes *q;
    const ag_conv_loops *loops;
    const void *from, *w, *bias;
    char *workers, *to;
    bool add;
    int64_t shares;
    double work; /* of all pieces */
} job;

/* Some rows at a time, while the next ones, which begin too far apart to be foreseen, are asked for. */
static void copy_ahead(ag_array *to, ag_array *from, int64_t some)
{
    const int64_t rows = to->shape.dim[0], bytes = (int64_t)ag_dtype_size(to->dtype);
    const int64_t length = from->shape.dim[1] * from->shape.dim[2] * bytes, row = from->stride[0] * bytes;
    for (int64_t i = 0; i < rows; i += some) {
        from->shape.dim[0] = to->shape.dim[0] = rows - i < some ? rows - i : some;
        for (int64_t r = some; r < 2 * some && i + r < rows; r++)
            for (int64_t at = 0; at < length; at += LINE)
                __builtin_prefetch((const char *)from->data + r * row + at, 0, 2);
        ag_copy_array(to, from, false, 1);
        from->data = (char *)from->data + some * row;
        to->data = (char *)to->data + some * to->stride[0] * bytes;
    }
}

/* The weights of a block of outputs, which lie side by side, with zeros for those that there are not. */
static void pack(const job *j, const ag_conv_piece *t, char *weights)
{
    const ag_conv_classes *q = j->q;
    const int64_t lanes = j->loops->class_lanes, block = (t->outputs + lanes - 1) / lanes * lanes;
    const int64_t by_output = q->back ? q->taps : q->channels * q->taps;
    const size_t bytes = ag_dtype_size(q->v->dtype);
    ag_array from = { .dtype = q->v->dtype, .shape = AG_SHAPE(q->channels, q->taps, t->outputs) }, to = from;
    from.data = (char *)(uintptr_t)j->w +
                (size_t)(t->group * q->channels * q->outputs * q->taps + t->output * by_output) * bytes;
    from.stride[0] = q->back ? q->outputs * q->taps : q->taps;
    from.stride[1] = 1;
    from.stride[2] = by_output;
    to.data = weights;
    to.stride[0] = q->taps * block;
    to.stride[1] = block;
    to.stride[2] = 1;
    if (t->outputs < block)
        memset(weights, 0, (size_t)(q->channels * q->taps * block) * bytes);
    copy_ahead(&to, &from, q->back ? AHEAD : q->channels);
}

/* The results of images first ... end - 1 that are of the classes of t, as far as they are the share's. */
static void run_class(const job *j, int64_t share, ag_conv_piece t, int64_t first, int64_t end, double *done,
                      bool *packed)
{
    const int64_t images = images_of(j->q->v, t.high->count * t.wide->count), rows = rows_of(t.high, t.wide);
    char *worker = share < 0 ? NULL : j->workers + (size_t)share * j->q->worker;
    for (t.image = first; t.image < end; t.image += images)
        for (t.row = 0; t.row < t.high->count; t.row += rows) {
            const bool own = (int64_t)(*done * (double)j->shares / j->work) == share;
            *done += (double)(images * rows * t.wide->count) * (double)(t.high->taps * t.wide->taps + 1);
            if (!own)
                continue;
            if (!*packed)
                pack(j, &t, worker);
            *packed = true;
            t.images = t.image + images < end ? images : end - t.image;
            t.rows = t.row + rows < t.high->count ? rows : t.high->count - t.row;
            t.positions = t.images * t.rows * t.wide->count;
            j->loops->piece(j->q, &t, j->from, worker, j->bias, j->add, j->to, worker + j->q->weights);
        }
}

/* Every share goes through all pieces and does those that begin within its part of the work: of one block of outputs after
 * the other, whose weights stay near. Returns the work of all. */
static double go_through(const job *j, int64_t share)
{
    const ag_conv_classes *q = j->q;
    const int64_t high = q->axis[0].count, wide = q->axis[1].count;
    double done = 0;
    ag_conv_piece t;
    for (t.group = 0; t.group < q->v->groups; t.group++)
        for (t.output = 0; t.output < q->outputs; t.output += t.outputs) {
            bool packed = false;
            t.outputs = j->loops->class_outputs(q->outputs - t.output);
            for (int64_t image = 0; image < q->v->images; image += q->together)
                for (int64_t i = 0; i < high * wide; i++) { /* the middle first, which is the most */
                    t.high = &q->axis[0].of[(i / wide + high / 2) % high];
                    t.wide = &q->axis[1].of[(i % wide + wide / 2) % wide];
                    run_class(j, share, t, image,
                              image + q->together < q->v->images ? image + q->together : q->v->images, &done, &packed);
                }
        }
    return done;
}

static void share_item(const void *context, int64_t share)
{
    go_through(context, share);
}

ag_status ag_conv_run_classes(const ag_call *c, const ag_conv_classes *q, const void *from, const void *w,
                              const void *bias, bool add, void *to)
{
    job j = {
        .q = q, .loops = ag_conv_loops_of(q->v->dtype), .from = from, .w = w, .bias = bias, .to = to, .add = add
    };
    j.shares = j.work = 1;
    j.work = go_through(&j, -1) + 1;
    const double steps = j.work * (double)(q->block * q->channels) / 16;
    j.shares = ag_team(SHARES, steps / SHARES, q->v->threads);
    j.workers = ag_call_scratch(c, q->worker * (size_t)j.shares);
    if (!j.workers)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps / (double)j.shares, q->v->threads, share_item, &j);
    return AG_OK;
}
