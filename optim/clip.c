/* Norms and limits of the gradients. */
#include "optim/internal.h"
#include <math.h>

/* ---- norm */

/* Sums of squares side by side, added up in a fixed order: vectorised, and the same everywhere. */
#define SUM_SQUARES(name, type)                                 \
    static double name(const type *restrict g, int64_t count)   \
    {                                                           \
        enum { LANES = 16 };                                    \
        double sums[LANES] = { 0 }, total = 0;                  \
        int64_t whole = count - count % LANES;                  \
        for (int64_t i = 0; i < whole; i += LANES)              \
            for (int k = 0; k < LANES; k++)                     \
                sums[k] += (double)g[i + k] * (double)g[i + k]; \
        for (int64_t i = whole; i < count; i++)                 \
            sums[i - whole] += (double)g[i] * (double)g[i];     \
        for (int k = 0; k < LANES; k++)                         \
            total += sums[k];                                   \
        return total;                                           \
    }
SUM_SQUARES(sum_squares_f32, float)
SUM_SQUARES(sum_squares_f64, double)

static void sum_block(const optim *o, const optim_slot *s, int64_t from, int64_t to, int64_t block, void *user)
{
    double *partial = user;
    (void)o;
    if (s->at.dtype == AG_F32)
        partial[block] = sum_squares_f32((const float *)s->at.grad + from, to - from);
    else
        partial[block] = sum_squares_f64((const double *)s->at.grad + from, to - from);
}

/* Room for all parameters' blocks, also of those that have no gradient yet. */
static ag_status make_room(optim *o)
{
    int64_t blocks = 0;
    for (size_t i = 0; i < o->count; i++)
        blocks += optim_blocks(o->slots[i].at.count);
    if (o->partial && blocks <= o->partials)
        return AG_OK;
    double *partial = ag_tape_allocate(o->t, (size_t)blocks * sizeof *partial);
    if (!partial)
        return ag_error(o->t);
    o->partial = partial;
    o->partials = blocks;
    return AG_OK;
}

static ag_status measure(optim *o, double *norm)
{
    ag_status status = optim_look(o);
    status = status ? status : make_room(o);
    if (status)
        return status;
    double sum = 0;
    optim_run(o, sum_block, o->partial);
    for (int64_t b = 0; b < o->blocks; b++)
        sum += o->partial[b];
    *norm = sqrt(sum);
    return AG_OK;
}

double optim_grad_norm(optim *o)
{
    double norm;
    return o && !ag_error(o->t) && !measure(o, &norm) ? norm : NAN;
}

/* ---- limits */

static void scale_block(const optim *o, const optim_slot *s, int64_t from, int64_t to, int64_t block, void *user)
{
    const double *factor = user;
    (void)o;
    (void)block;
    if (s->at.dtype == AG_F32) {
        float *g = s->at.grad, f = (float)*factor;
        for (int64_t i = from; i < to; i++)
            g[i] *= f;
    } else {
        double *g = s->at.grad, f = *factor;
        for (int64_t i = from; i < to; i++)
            g[i] *= f;
    }
}

static void clamp_block(const optim *o, const optim_slot *s, int64_t from, int64_t to, int64_t block, void *user)
{
    const double *limit = user;
    (void)o;
    (void)block;
    if (s->at.dtype == AG_F32) {
        float *g = s->at.grad, max = (float)*limit;
        for (int64_t i = from; i < to; i++)
            g[i] = g[i] > max ? max : g[i] < -max ? -max : g[i];
    } else {
        double *g = s->at.grad, max = *limit;
        for (int64_t i = from; i < to; i++)
            g[i] = g[i] > max ? max : g[i] < -max ? -max : g[i];
    }
}

static ag_status change_grads(optim *o, optim_work *change, double *limit)
{
    optim_run(o, change, limit);
    for (size_t i = 0; i < o->count; i++)
        if (o->slots[i].at.grad)
            ag_grad_written(o->slots[i].param);
    return AG_OK;
}

/* The pending error, or what is wrong with the limit. */
static ag_status check_limit(const optim *o, double max, const char *who)
{
    if (ag_error(o->t) || (max > 0 && isfinite(max)))
        return ag_error(o->t);
    return ag_fail(o->t, AG_EARG, "%s: the limit is %g; it must be positive and finite", who, max);
}

/* The gradients are not finite, or their squares. */
static ag_status refuse_norm(const optim *o, double norm)
{
    ag_status status = optim_check_finite(o, "optim_clip_norm");
    if (status || !o->error_if_nonfinite)
        return status;
    return ag_fail(o->t, AG_EVALUE,
                   "optim_clip_norm: the norm of all gradients is %g, though each of them is finite; "
                   "nothing was changed",
                   norm);
}

ag_status optim_clip_norm(optim *o, double max)
{
    double norm;
    if (!o)
        return AG_ENULL;
    ag_status status = check_limit(o, max, "optim_clip_norm");
    status = status ? status : measure(o, &norm);
    if (!status && !isfinite(norm))
        status = refuse_norm(o, norm);
    if (status)
        return status;
    double factor = max / (norm + 1e-6);
    return factor >= 1 ? AG_OK : change_grads(o, scale_block, &factor); /* a norm of NaN shows */
}

ag_status optim_clip_value(optim *o, double max)
{
    if (!o)
        return AG_ENULL;
    ag_status status = check_limit(o, max, "optim_clip_value");
    status = status ? status : optim_look(o);
    if (status)
        return status;
    return change_grads(o, clamp_block, &max);
}
