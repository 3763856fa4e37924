/* Convolutions, tile by tile. Scratch: the weights once, or those of a block of outputs for each thread, and for each a slab
 * of 256 KB, or of one channel where that is more, with 64 rows of results; of images side by side at most 896 KB, with 2 MB
 * of results or 256 KB of dy; for dw at most 16 parts of it, of 8 MB together, or 4 where that is more. */
#include "ag/ops/convolution/kernels.h"
#include "ag/kernels/kernels.h"

static void *tables_of(const ag_call *c, const ag_conv *v)
{
    return ag_call_scratch(c, ag_conv_tables(v));
}

typedef struct job {
    const ag_conv_plan *p;
    const ag_conv_loops *loops;
    const void *from, *bias, *dy;
    char *weights, *workers, *to;
    size_t group_bytes; /* of weights */
    bool add;
    int64_t shares, parts; /* of threads; of dw */
} job;

static void pack_item(const void *context, int64_t i)
{
    const job *j = context;
    const int64_t block = j->loops->block, blocks = (j->p->outputs + block - 1) / block;
    const size_t bytes = (size_t)(block * j->p->channels * j->p->taps) * ag_dtype_size(j->p->v->dtype);
    j->loops->pack_weights(j->p, j->from, i / blocks, i % blocks,
                           j->weights + (size_t)(i / blocks) * j->group_bytes + (size_t)(i % blocks) * bytes);
}

static void tiles_item(const void *context, int64_t i)
{
    const job *j = context;
    const int64_t end = (i + 1) * j->p->tiles / j->shares;
    for (int64_t k = i * j->p->tiles / j->shares; k < end; k++) {
        const ag_conv_tile t = ag_conv_tile_at(j->p, k);
        j->loops->tile(j->p, &t, j->from, j->weights + (size_t)t.group * j->group_bytes, j->bias, j->add, j->to,
                       j->workers + (size_t)i * j->p->worker);
    }
}

/* Elements to which no tap leads get the bias, or nothing. */
static void fill(const ag_conv_plan *p, const void *bias, void *to)
{
    const int64_t channels = p->v->groups * p->outputs;
    ag_array y = ag_dense_array(
        AG_SHAPE(p->v->images, channels, p->axis[0].to_extent, p->axis[1].to_extent, p->axis[2].to_extent), p->v->dtype,
        to);
    if (!bias) {
        ag_fill_array(&y, 0);
        return;
    }
    const ag_array b = ag_dense_array(AG_SHAPE(1, channels, 1, 1, 1), p->v->dtype, bias),
                   all = ag_array_expand(&b, y.shape);
    ag_copy_array(&y, &all, false, p->v->threads);
}

/* Is there an element to which no tap leads? Not for lack of depth: tiles see to that. */
static bool has_gaps(const ag_conv_plan *p)
{
    return p->axis[1].to_slots * p->axis[2].to_slots < p->axis[1].to_step * p->axis[2].to_step;
}

/* What a tile costs, in the steps of ag_team. */
static double steps_of(const ag_conv_plan *p)
{
    return (double)p->positions * (double)p->outputs * (double)p->channels * (double)p->taps / 16 + 1000;
}

static ag_status run_tiles(const ag_call *c, const ag_conv_plan *p, job *j, const void *w)
{
    const int64_t blocks = p->v->groups * ((p->outputs + j->loops->block - 1) / j->loops->block);
    j->shares = ag_team(p->tiles, steps_of(p), p->v->threads);
    j->group_bytes = p->weights / (size_t)p->v->groups;
    j->weights = ag_call_scratch(c, p->weights);
    j->workers = ag_call_scratch(c, p->worker * (size_t)j->shares);
    if (!j->weights || !j->workers)
        return AG_ENOMEM;
    const void *from = j->from;
    j->from = w;
    ag_for_items(blocks, (double)(p->channels * p->taps), p->v->threads, pack_item, j);
    j->from = from;
    if (has_gaps(p) && !j->add) {
        fill(p, j->bias, j->to);
        j->bias = NULL;
        j->add = true;
    }
    ag_for_items(j->shares, steps_of(p) * (double)p->tiles, p->v->threads, tiles_item, j);
    return AG_OK;
}

/* Other extents of an array without elements may be too large to count with. */
static bool is_empty(const ag_conv *v, int64_t channels, const int64_t *extents)
{
    return v->images == 0 || channels == 0 || extents[0] == 0 || extents[1] == 0 || extents[2] == 0;
}

static ag_status run_rest(const ag_call *c, const ag_conv *v, bool back, const void *from, const void *w,
                          const void *bias, bool add, void *to)
{
    ag_conv_classes q;
    if (ag_conv_classes_of_small(v, back, &q) && q.channels > 0)
        return ag_conv_run_classes(c, &q, from, w, bias, add, to);
    void *tables = tables_of(c, v);
    if (!tables)
        return AG_ENOMEM;
    const ag_conv_plan p = ag_conv_plan_make(v, back ? AG_CONV_X : AG_CONV_Y, tables);
    if (p.channels == 0) {
        if (!add)
            fill(&p, bias, to);
        return AG_OK;
    }
    if (!add && ag_conv_classes_of_plan(&p, &q))
        return ag_conv_run_classes(c, &q, from, w, bias, false, to);
    job j = { .p = &p, .loops = ag_conv_loops_of(v->dtype), .from = from, .bias = bias, .add = add, .to = to };
    return run_tiles(c, &p, &j, w);
}

static size_t image_bytes(const ag_conv *v, int64_t channels, const int64_t *extents)
{
    return (size_t)(v->groups * channels * extents[0] * extents[1] * extents[2]) * ag_dtype_size(v->dtype);
}

/* As many images as can be are made side by side. */
static ag_status run_either(const ag_call *c, const ag_conv *v, bool back, const void *from, const void *w,
                            const void *bias, bool add, void *to)
{
    const int64_t *x = back ? v->y : v->x, *y = back ? v->x : v->y;
    if (is_empty(v, back ? v->c : v->o, y))
        return AG_OK;
    ag_conv_planes q;
    if (ag_conv_planes_make(v, back, &q))
        return ag_conv_run_planes(c, &q, from, w, bias, add, to);
    ag_conv_batch b;
    if (!ag_conv_batch_make(v, back, &b))
        return run_rest(c, v, back, from, w, bias, add, to);
    const ag_status s = ag_conv_run_batch(c, &b, from, w, bias, add, to);
    const int64_t done = v->images / AG_CONV_IMAGES * AG_CONV_IMAGES;
    ag_conv rest = *v;
    rest.images -= done;
    if (s || rest.images == 0)
        return s;
    return run_rest(c, &rest, back, (const char *)from + (size_t)done * image_bytes(v, b.q.channels, x), w, bias, add,
                    (char *)to + (size_t)done * image_bytes(v, b.q.outputs, y));
}

ag_status ag_conv_run(const ag_call *c, const ag_conv *v, const void *x, const void *w, const void *bias, double beta,
                      void *y)
{
    return run_either(c, v, false, x, w, bias, beta != 0, y);
}

ag_status ag_conv_run_back(const ag_call *c, const ag_conv *v, const void *dy, const void *w, const void *bias,
                           double beta, void *dx)
{
    return run_either(c, v, true, dy, w, bias, beta != 0, dx);
}

/* ---- the derivative by w */

static void make_part(const job *j, int64_t i, char *worker)
{
    const ag_conv_plan *p = j->p;
    const size_t bytes = (size_t)(p->v->groups * p->outputs * p->channels * p->taps) * ag_dtype_size(p->v->dtype);
    char *part = j->to + (size_t)i * bytes;
    memset(part, 0, bytes);
    for (int64_t k = i * p->tiles / j->parts; k < (i + 1) * p->tiles / j->parts; k++) {
        const ag_conv_tile t = ag_conv_tile_at(p, k);
        (p->products ? j->loops->product_tile : j->loops->weight_tile)(p, &t, j->from, j->dy, part, worker);
    }
}

static void parts_item(const void *context, int64_t i)
{
    const job *j = context;
    memset(j->workers + (size_t)i * j->p->worker, 0, j->p->slab); /* what lies behind the last row is multiplied by 0 */
    for (int64_t k = i * j->parts / j->shares; k < (i + 1) * j->parts / j->shares; k++)
        make_part(j, k, j->workers + (size_t)i * j->p->worker);
}

/* How many: of the extents alone. */
static int64_t parts_of(const ag_conv_plan *p, double bytes)
{
    const double fitting = AG_CONV_PARTS_BYTES / (bytes + 1);
    const int64_t parts = fitting < 4 ? 4 : fitting < AG_CONV_PARTS ? (int64_t)fitting : AG_CONV_PARTS;
    return p->tiles < parts ? p->tiles > 1 ? p->tiles : 1 : parts;
}

void ag_conv_add_parts(const ag_conv *v, void *parts, int64_t count, const int64_t *step, bool add, void *dw)
{
    const ag_shape s = AG_SHAPE(v->groups, v->o, v->c, v->k[0] * v->k[1] * v->k[2]);
    const ag_array to = ag_dense_array(s, v->dtype, dw);
    ag_array sum = ag_dense_array(s, v->dtype, parts), part = sum;
    for (int64_t i = 1; i < count; i++) {
        part.data = (char *)part.data + (size_t)ag_array_size(&to) * ag_dtype_size(v->dtype);
        ag_copy_array(&sum, &part, true, v->threads);
    }
    if (step)
        memcpy(sum.stride + 1, step, 3 * sizeof *step);
    ag_copy_array(&to, &sum, add, v->threads);
}

/* The parts, which are turned where they were made by products. */
static void add_parts(const job *j, bool add, void *dw)
{
    const ag_conv_plan *p = j->p;
    const int64_t patches[] = { 1, p->outputs * p->taps, p->outputs },
                  plain[] = { 1, p->outputs, p->outputs * p->channels };
    ag_conv_add_parts(p->v, j->to, j->parts, !p->products ? NULL : p->patches ? patches : plain, add, dw);
}

static int64_t size_of_weight(const ag_conv *v)
{
    return v->groups * v->o * v->c * v->k[0] * v->k[1] * v->k[2];
}

static ag_status run_weight_rest(const ag_call *c, const ag_conv *v, const void *x, const void *dy, bool add, void *dw)
{
    const int64_t size = size_of_weight(v);
    void *tables = tables_of(c, v);
    if (!tables)
        return AG_ENOMEM;
    const ag_conv_plan p = ag_conv_plan_make(v, AG_CONV_W, tables);
    const size_t bytes = (size_t)size * ag_dtype_size(v->dtype);
    job j = { .p = &p, .loops = ag_conv_loops_of(v->dtype), .from = x, .dy = dy };
    j.parts = parts_of(&p, (double)bytes);
    const double steps = steps_of(&p) * (double)p.tiles;
    j.shares = ag_team(j.parts, steps / (double)j.parts, v->threads);
    j.to = ag_call_scratch(c, bytes * (size_t)j.parts);
    j.workers = ag_call_scratch(c, p.worker * (size_t)j.shares);
    if (!j.to || !j.workers)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps, v->threads, parts_item, &j);
    add_parts(&j, add, dw);
    return AG_OK;
}

ag_status ag_conv_run_weight(const ag_call *c, const ag_conv *v, const void *x, const void *dy, double beta, void *dw)
{
    if (v->o == 0 || v->c == 0)
        return AG_OK;
    if (is_empty(v, v->o, v->y)) {
        const ag_array to = ag_dense_array(AG_SHAPE(size_of_weight(v)), v->dtype, dw);
        if (beta == 0)
            ag_fill_array(&to, 0);
        return AG_OK;
    }
    ag_conv_planes q;
    if (ag_conv_planes_weight_make(v, &q))
        return ag_conv_run_planes_weight(c, &q, x, dy, beta != 0, dw);
    ag_conv_batch_weight b;
    if (!ag_conv_batch_weight_make(v, &b))
        return run_weight_rest(c, v, x, dy, beta != 0, dw);
    const ag_status s = ag_conv_run_batch_weight(c, &b, x, dy, beta != 0, dw);
    const int64_t done = v->images / AG_CONV_IMAGES * AG_CONV_IMAGES;
    ag_conv rest = *v;
    rest.images -= done;
    if (s || rest.images == 0)
        return s;
    return run_weight_rest(c, &rest, (const char *)x + (size_t)done * image_bytes(v, v->c, v->x),
                           (const char *)dy + (size_t)done * image_bytes(v, v->o, v->y), true, dw);
}
