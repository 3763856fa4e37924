/* Convolutions in which a result has one plane of the source, as with as many groups as there are channels: a plane is copied
 * with zeros around it into the first cache, and results are made some rows at a time. */
#include "ag/kernels/kernels.h"
#include "ag/ops/convolution/kernels.h"

enum {
    SLAB = 24 << 10, /* bytes, about */
    OUTPUTS = 2,     /* of a plane, at most: for more of them blocks of outputs are quicker */
    SHORT = 8        /* elements of a row, at most, for which vectors are too long */
};

bool ag_conv_planes_make(const ag_conv *v, bool back, ag_conv_planes *q)
{
    const int64_t *from = back ? v->y : v->x, *to = back ? v->x : v->y, bytes = (int64_t)ag_dtype_size(v->dtype);
    *q = (ag_conv_planes){ .v = v, .back = back, .outputs = back ? v->c : v->o };
    if ((back ? v->o : v->c) != 1 || q->outputs > OUTPUTS || to[2] <= SHORT || from[1] == 0 || from[2] == 0)
        return false;
    if (!ag_conv_is_flat(v) || v->stride[1] != 1 || v->stride[2] != 1)
        return false;
    for (int d = 0; d < 2; d++) {
        const int64_t all = v->dilation[d + 1] * (v->k[d + 1] - 1);
        q->before[d] = back ? all - v->before[d + 1] : v->before[d + 1];
        if (q->before[d] < 0 || all > AG_CONV_TAIL)
            return false;
    }
    const int64_t wide = to[2] + v->dilation[2] * (v->k[2] - 1), around = AG_CONV_VECTORS;
    q->lag = v->dilation[1] * (v->k[1] - 1);
    q->margin = (q->before[1] + around - 1) / around * around;
    q->row = (q->margin + (wide > from[2] ? wide : from[2]) + 2 * around - 1) / around * around;
    const int64_t fitting = SLAB / (q->row * bytes) - q->lag,
                  most = fitting > AG_CONV_TAIL / 8 ? fitting : AG_CONV_TAIL / 8;
    q->bands = (to[1] + most - 1) / most;
    q->rows = (to[1] + q->bands - 1) / q->bands;
    q->worker = (size_t)((q->rows + q->lag) * q->row * bytes);
    return true;
}

typedef struct job {
    const ag_conv_planes *q;
    const ag_conv_loops *loops;
    const void *from, *w, *bias;
    char *workers, *to;
    bool add;
    size_t worker; /* bytes: a slab, and results of rows that are shorter than a vector */
    int64_t items, shares;
} job;

static void share_item(const void *context, int64_t share)
{
    const job *j = context;
    const ag_conv_planes *q = j->q;
    const int64_t extent = (q->back ? q->v->x : q->v->y)[1];
    char *worker = j->workers + (size_t)share * j->worker;
    memset(worker, 0, q->worker);
    for (int64_t i = share * j->items / j->shares; i < (share + 1) * j->items / j->shares; i++) {
        const int64_t first = i % q->bands * q->rows, end = first + q->rows < extent ? first + q->rows : extent;
        j->loops->plane(q, i / q->bands, first, end, j->from, j->w, j->bias, j->add, j->to, worker);
    }
}

ag_status ag_conv_run_planes(const ag_call *c, const ag_conv_planes *q, const void *from, const void *w,
                             const void *bias, bool add, void *to)
{
    const ag_conv *v = q->v;
    job j = { .q = q, .loops = ag_conv_loops_of(v->dtype), .from = from, .w = w, .bias = bias, .to = to, .add = add };
    const double steps = (double)(q->rows * q->row * q->outputs) * (double)(v->k[1] * v->k[2]) / 16 + 100;
    j.items = v->images * v->groups * q->bands;
    j.shares = ag_team(j.items, steps, v->threads);
    j.worker = q->worker + (size_t)((q->rows + 1) * AG_CONV_VECTORS) * ag_dtype_size(v->dtype);
    j.workers = ag_call_scratch(c, j.worker * (size_t)j.shares);
    if (!j.workers)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps * (double)j.items / (double)j.shares, v->threads, share_item, &j);
    return AG_OK;
}
