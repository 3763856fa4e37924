/* Loops over sets of channels. A set is measured in pieces, settled, and its pieces are written while they are in the
 * cache; where there are fewer sets than the threads want, the pieces of all are measured first. */
#include "ag/ops/normalization/channel_run.h"
#include <math.h>

enum {
    PIECE = 1 << 14, /* elements, at most */
    SHORT = 64,      /* runs of a batch that are shorter are columns */
    STEPS = 4        /* of an element */
};

typedef struct job {
    const ag_channel_norm *n;
    const ag_norm_kernels *k;
    bool forward;
    int64_t sets, runs, cuts, pieces; /* runs of a set, pieces of a run, pieces of a set, which are written */
    int64_t parts;                    /* of a set, which are measured: its pieces, or those of all its runs as one */
    int64_t at_once;                  /* channels, as columns; 0: there are runs */
    ag_moments *moments;              /* of each part, or NULL */
    ag_norm_sums *sums;               /* of each part, or NULL */
    double *inverse, *slope, *shift;  /* of each set; the last two, or NULL */
} job;

static double number(const ag_array *a, int64_t i, double absent)
{
    return !a || !a->data       ? absent
           : a->dtype == AG_F32 ? (double)((const float *)a->data)[i]
                                : ((const double *)a->data)[i];
}

/* Where the runs of a set lie: the first one's first element, from one to the next, the first one's channel. */
typedef struct place {
    int64_t start, step, channel;
} place;

static place place_of(const job *j, int64_t set)
{
    const ag_channel_norm *n = j->n;
    if (n->groups)
        return (place){ set * j->runs * n->inner, n->inner, set % n->groups * j->runs };
    return (place){ set * n->inner, n->channels * n->inner, set };
}

/* A piece as a channel's elements from `at` on. */
typedef struct piece {
    int64_t channel, at, length;
} piece;

static piece piece_at(const job *j, place set, int64_t i)
{
    const ag_channel_norm *n = j->n;
    const int64_t run = j->cuts == 1 ? i : i / j->cuts, start = (i - run * j->cuts) * PIECE, left = n->inner - start;
    return (piece){ set.channel + (n->groups ? run : 0), set.start + run * set.step + start,
                    left < PIECE ? left : PIECE };
}

static void *element(const ag_array *a, int64_t at)
{
    return (char *)a->data + (size_t)at * ag_dtype_size(a->dtype);
}

/* ---- of one set: what its elements say, and what follows from it */

static void measure(const job *j, int64_t set, int64_t i)
{
    const ag_channel_norm *n = j->n;
    const place where = place_of(j, set);
    const int64_t part = set * j->parts + i, left = j->runs * n->inner - i * PIECE;
    if (j->moments && n->groups) {
        const void *x = element(&n->x, where.start + i * PIECE);
        j->moments[part] = j->k->moments(left < PIECE ? left : PIECE, x, true);
        return;
    }
    const piece p = piece_at(j, where, i);
    const void *x = element(&n->x, p.at);
    if (j->moments)
        j->moments[part] = j->k->moments(p.length, x, true);
    else
        j->sums[part] = j->k->sums(p.length, x, element(&n->dy, p.at), NULL, n->mean[set]);
}

static void settle_moments(const job *j, int64_t set)
{
    ag_moments all = { 0 };
    for (int64_t i = 0; i < j->parts; i++)
        ag_join_moments(&all, j->moments[set * j->parts + i]);
    j->n->mean[set] = all.mean;
    j->n->variance[set] = all.squares / (double)all.n;
}

/* dx = k g + (x - mean) slope + shift, g = dy weight, k the inverse deviation: slope = -k^3 mean of g (x - mean), shift
 * = -k mean of g, and more where something arrived at the mean and the variance. */
static void settle_sums(const job *j, int64_t set)
{
    const ag_channel_norm *n = j->n;
    const double k = j->inverse[set], count = (double)(j->runs * n->inner);
    const place where = place_of(j, set);
    double sum = 0, product = 0;
    for (int64_t i = 0; i < j->parts; i++) {
        const ag_norm_sums s = j->sums[set * j->parts + i];
        const double w = number(n->weight, piece_at(j, where, i).channel, 1);
        sum += w * s.sum;
        product += w * s.product;
    }
    j->shift[set] = (number(n->dmean, set, 0) - k * sum) / count;
    j->slope[set] = (2 * number(n->dvariance, set, 0) - k * k * (k * product)) / count;
}

static void settle(const job *j, int64_t set)
{
    if (j->moments)
        settle_moments(j, set);
    j->inverse[set] = 1 / sqrt(j->n->variance[set] + j->n->eps);
    if (j->slope)
        settle_sums(j, set);
}

static ag_norm_line channel_of(const job *j, int64_t set, int64_t channel)
{
    const ag_channel_norm *n = j->n;
    ag_norm_line c = { n->mean[set], j->inverse[set] * number(n->weight, channel, 1), 0, 0 };
    if (j->forward)
        c.shift = number(n->bias, channel, 0);
    if (j->slope) {
        c.slope = j->slope[set];
        c.shift = j->shift[set];
    }
    return c;
}

static void write(const job *j, int64_t set, int64_t i)
{
    const ag_channel_norm *n = j->n;
    const piece p = piece_at(j, place_of(j, set), i);
    const ag_norm_line c = channel_of(j, set, p.channel);
    const void *x = element(&n->x, p.at);
    if (j->forward)
        j->k->apply(p.length, x, NULL, NULL, element(&n->y, p.at), &c);
    else if (n->dx.data)
        j->k->back(p.length, n->given ? NULL : x, element(&n->dy, p.at), NULL, element(&n->dx, p.at), &c, n->add);
}

static void run_set(const void *context, int64_t set)
{
    const job *j = context;
    for (int64_t i = 0; i < j->parts && (j->moments || j->sums); i++)
        measure(j, set, i);
    settle(j, set);
    for (int64_t i = 0; i < j->pieces; i++)
        write(j, set, i);
}

/* ---- the same of neighbouring channels of short runs, as columns */

static void measure_columns(const job *j, int64_t first, ag_columns k, const ag_norm_line *c)
{
    const ag_channel_norm *n = j->n;
    const void *x = element(&n->x, first * n->inner);
    ag_moments m[AG_NORM_COLUMNS];
    ag_norm_sums s[AG_NORM_COLUMNS];
    if (j->moments)
        j->k->columns_moments(k, x, m);
    else
        j->k->columns_sums(k, x, element(&n->dy, first * n->inner), c, s);
    for (int i = 0; i < k.count; i++) {
        const int64_t channel = first + i / n->inner;
        if (j->moments) {
            ag_join_moments(&j->moments[channel], m[i]);
        } else {
            j->sums[channel].sum += s[i].sum;
            j->sums[channel].product += s[i].product;
        }
    }
}

static void run_columns(const void *context, int64_t part)
{
    const job *j = context;
    const ag_channel_norm *n = j->n;
    const int64_t first = part * j->at_once, left = n->channels - first,
                  channels = left < j->at_once ? left : j->at_once, at = first * n->inner;
    const ag_columns k = { n->outer, n->channels * n->inner, (int)(channels * n->inner) };
    ag_norm_line c[AG_NORM_COLUMNS];
    for (int i = 0; i < k.count; i++)
        c[i] = (ag_norm_line){ n->mean[first + i / n->inner], 0, 0, 0 };
    if (j->moments || j->sums)
        measure_columns(j, first, k, c);
    for (int64_t channel = first; channel < first + channels; channel++)
        settle(j, channel);
    for (int i = 0; i < k.count; i++)
        c[i] = channel_of(j, first + i / n->inner, first + i / n->inner);
    if (j->forward)
        j->k->columns_apply(k, element(&n->x, at), element(&n->y, at), c);
    else if (n->dx.data)
        j->k->columns_back(k, n->given ? NULL : element(&n->x, at), element(&n->dy, at), element(&n->dx, at), c,
                           n->add);
}

/* ---- all sets */

static job job_of(const ag_channel_norm *n, bool forward)
{
    job j = { .n = n, .k = n->x.dtype == AG_F32 ? &ag_norm_f32 : &ag_norm_f64, .forward = forward };
    j.sets = ag_channel_sets(n);
    j.runs = n->groups ? n->channels / n->groups : n->outer;
    j.at_once = n->groups || n->inner >= SHORT || n->inner < 1 ? 0 : AG_NORM_COLUMNS / n->inner;
    j.cuts = (n->inner + PIECE - 1) / PIECE;
    j.pieces = j.at_once ? 1 : j.runs * j.cuts;
    j.parts = n->groups && forward ? (j.runs * n->inner + PIECE - 1) / PIECE : j.pieces;
    return j;
}

/* Zeros. NULL: no memory. */
static void *zeros(const ag_call *c, int64_t count, size_t size)
{
    void *all = ag_call_scratch(c, (size_t)count * size);
    if (all)
        memset(all, 0, (size_t)count * size);
    return all;
}

static void measure_part(const void *context, int64_t i)
{
    const job *j = context;
    measure(j, i / j->parts, i % j->parts);
}

static void write_piece(const void *context, int64_t i)
{
    const job *j = context;
    write(j, i / j->pieces, i % j->pieces);
}

/* Whole rows as far as possible: parts of them come from memory half as fast. What a column gets does not depend on the
 * others. */
static void run_all_columns(job j, double steps, int threads)
{
    const int64_t channels = j.n->channels, team = ag_team(channels, steps, threads),
                  share = (channels + team - 1) / team;
    if (j.at_once > share)
        j.at_once = share > 0 ? share : 1;
    ag_for_items((channels + j.at_once - 1) / j.at_once, steps * (double)j.at_once, threads, run_columns, &j);
}

static void run(const job *j, int threads)
{
    const double steps = STEPS * (double)(j->runs * j->n->inner), of_part = steps / (double)j->parts;
    if (j->at_once) {
        run_all_columns(*j, steps, threads);
    } else if (j->sets >= 2 * ag_team(j->sets * j->parts, of_part, threads)) {
        ag_for_items(j->sets, steps, threads, run_set, j);
    } else {
        if (j->moments || j->sums)
            ag_for_items(j->sets * j->parts, of_part, threads, measure_part, j);
        for (int64_t set = 0; set < j->sets; set++)
            settle(j, set);
        ag_for_items(j->sets * j->pieces, steps / (double)j->pieces, threads, write_piece, j);
    }
}

/* Without elements other extents may be giant. */
static ag_status norm_nothing(const ag_channel_norm *n)
{
    for (int64_t set = 0; !n->given && set < ag_channel_sets(n); set++)
        n->mean[set] = n->variance[set] = 0;
    return AG_OK;
}

ag_status ag_channel_norm_forward(const ag_call *c, const ag_channel_norm *n)
{
    if (ag_array_size(&n->x) == 0)
        return norm_nothing(n);
    job j = job_of(n, true);
    if (!(j.inverse = zeros(c, j.sets, sizeof *j.inverse)) ||
        (!n->given && !(j.moments = zeros(c, j.sets * j.parts, sizeof *j.moments))))
        return AG_ENOMEM;
    run(&j, ag_call_threads(c));
    return AG_OK;
}

/* Of each channel, from the sums of all its pieces. */
static void sum_channels(const job *j)
{
    const ag_channel_norm *n = j->n;
    for (int64_t set = 0; set < j->sets; set++) {
        const place where = place_of(j, set);
        for (int64_t i = 0; i < j->parts; i++) {
            const int64_t channel = piece_at(j, where, i).channel;
            if (n->dweight)
                n->dweight[channel] += j->inverse[set] * j->sums[set * j->parts + i].product;
            if (n->dbias)
                n->dbias[channel] += j->sums[set * j->parts + i].sum;
        }
    }
}

ag_status ag_channel_norm_back(const ag_call *c, const ag_channel_norm *n)
{
    if (ag_array_size(&n->x) == 0)
        return AG_OK;
    job j = job_of(n, false);
    const bool by_x = n->dx.data && !n->given, by_channel = n->dweight || n->dbias;
    if (!(j.inverse = zeros(c, j.sets, sizeof *j.inverse)) ||
        ((by_x || by_channel) && !(j.sums = zeros(c, j.sets * j.parts, sizeof *j.sums))) ||
        (by_x && (!(j.slope = zeros(c, j.sets, sizeof *j.slope)) || !(j.shift = zeros(c, j.sets, sizeof *j.shift)))))
        return AG_ENOMEM;
    run(&j, ag_call_threads(c));
    if (by_channel)
        sum_channels(&j);
    return AG_OK;
}

void ag_norm_put(int64_t n, const double *sums, const ag_array *to, double beta)
{
    for (int64_t i = 0; i < n; i++)
        if (to->dtype == AG_F32)
            ((float *)to->data)[i] = (float)(sums[i] + (beta != 0 ? (double)((float *)to->data)[i] : 0));
        else
            ((double *)to->data)[i] = sums[i] + (beta != 0 ? ((double *)to->data)[i] : 0);
}
