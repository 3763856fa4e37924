/* dw of planes by themselves, as in planes.c: a plane of dy with the same plane of x at every tap, in one pass. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    ITEMS = 8,  /* pieces of work that there are to be, about */
    GROUPS = 16 /* in one, about: planes that follow each other in memory */
};

bool ag_conv_planes_weight_make(const ag_conv *v, ag_conv_planes *q)
{
    const bool square = v->k[1] == v->k[2] && (v->k[1] == 3 || v->k[1] == 5);
    return square && v->dilation[1] == 1 && v->dilation[2] == 1 && v->images > 0 && ag_conv_planes_make(v, false, q);
}

typedef struct job {
    const ag_conv_planes *q;
    const ag_conv_loops *loops;
    const void *x, *dy;
    char *workers, *parts;                /* [parts][groups][outputs][taps] */
    size_t group, worker;                 /* bytes */
    int64_t count, blocks, items, shares; /* of parts, of groups; items: of both */
} job;

static void share_item(const void *context, int64_t share)
{
    const job *j = context;
    const ag_conv *v = j->q->v;
    char *worker = j->workers + (size_t)share * j->worker;
    memset(worker, 0, j->worker);
    for (int64_t i = share * j->items / j->shares; i < (share + 1) * j->items / j->shares; i++) {
        const int64_t part = i / j->blocks, block = i % j->blocks;
        ag_conv_share t = { .group = block * v->groups / j->blocks, .first = part * v->images / j->count };
        t.groups = (block + 1) * v->groups / j->blocks - t.group;
        t.end = (part + 1) * v->images / j->count;
        j->loops->plane_weight(j->q, &t, j->x, j->dy, j->parts + (size_t)(part * v->groups + t.group) * j->group,
                               worker);
    }
}

ag_status ag_conv_run_planes_weight(const ag_call *c, const ag_conv_planes *q, const void *x, const void *dy, bool add,
                                    void *dw)
{
    const ag_conv *v = q->v;
    const int64_t size = q->outputs * v->k[1] * v->k[2], vectors = q->rows + GROUPS * size;
    const double steps = (double)(v->images * v->groups * v->y[1] * v->y[2]) * (double)size / 16;
    job j = { .q = q, .loops = ag_conv_loops_of(v->dtype), .x = x, .dy = dy };
    j.blocks = ag_parts(v->groups, GROUPS);
    j.count = (ITEMS + j.blocks - 1) / j.blocks;
    j.count = j.count < v->images ? j.count : v->images;
    j.items = j.count * j.blocks;
    j.shares = ag_team(j.items, steps / (double)j.items, v->threads);
    j.group = (size_t)size * ag_dtype_size(v->dtype);
    j.worker = q->worker + (size_t)(vectors * AG_CONV_VECTORS) * ag_dtype_size(v->dtype);
    j.parts = ag_call_scratch(c, j.group * (size_t)(v->groups * j.count));
    j.workers = ag_call_scratch(c, j.worker * (size_t)j.shares);
    if (!j.parts || !j.workers)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps / (double)j.shares, v->threads, share_item, &j);
    const ag_array to = ag_dense_array(AG_SHAPE(v->groups * size), v->dtype, dw);
    ag_array part = ag_dense_array(to.shape, v->dtype, j.parts);
    for (int64_t i = 0; i < j.count; i++, part.data = (char *)part.data + j.group * (size_t)v->groups)
        ag_copy_array(&to, &part, add || i > 0, 1);
    return AG_OK;
}
