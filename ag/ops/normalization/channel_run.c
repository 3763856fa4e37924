/* Loops over sets of channels. A set is measured, settled, and written while it is in the cache; where its runs are short,
 * or it does not fit, or there are fewer sets than the threads want, all are measured first and then written, in the
 * order of memory. */
#include "ag/ops/normalization/channel_job.h"
#include <math.h>

enum {
    PIECE = 1 << 14,  /* elements, at most */
    SHORT = 64,       /* runs of a batch that are shorter are columns */
    LONG = 1 << 12,   /* bytes: runs of a batch that are as long are taken set by set */
    CACHED = 3 << 18, /* bytes: if the set is no larger */
    AT_ONCE = 64,     /* runs, at most */
    SMALL = 1 << 11,  /* elements of groups that are measured together */
    STEPS = 4         /* of an element */
};

static void *element(const ag_array *a, int64_t at)
{
    return (char *)a->data + (size_t)at * ag_dtype_size(a->dtype);
}

/* Neighbouring runs of one group, or of neighbouring channels. next: elements to what is measured after it is written, where
 * that has to be asked for: groups follow each other in memory, which the processor sees by itself. */
typedef struct stretch {
    int64_t run, count, set, channel, next;
} stretch;

/* The i-th one in the order of memory. */
static stretch stretch_at(const job *j, int64_t i)
{
    const int64_t row = i / j->blocks, first = (i - row * j->blocks) * j->stretch, left = j->width - first;
    return (stretch){ row * j->width + first, left < j->stretch ? left : j->stretch, j->n->groups ? row : first,
                      ag_norm_first_channel(j, row) + first, 0 };
}

/* The i-th one of a set, after which the next set follows. */
static stretch stretch_of(const job *j, int64_t set, int64_t i)
{
    const ag_channel_norm *n = j->n;
    stretch s = n->groups ? stretch_at(j, set * j->blocks + i) : (stretch){ i * n->channels + set, 1, set, set, 0 };
    if (set + 1 < j->sets && !n->groups)
        s.next = n->inner;
    return s;
}

/* Elements of a run's piece. */
static int64_t length_of(const job *j, int64_t cut)
{
    const int64_t left = j->n->inner - cut * PIECE;
    return left < PIECE ? left : PIECE;
}

/* ---- what elements say */

static ag_norm_line line_of(const job *j, int64_t set, int64_t channel, int64_t next)
{
    return (ag_norm_line){ j->n->mean[set], j->inverse[set] * j->weight[channel], j->slope ? j->slope[set] : 0,
                           j->slope ? j->shift[set] : j->bias[channel], next };
}

static void lines_of(const job *j, const stretch *s, ag_norm_line *c)
{
    for (int64_t i = 0; i < s->count; i++)
        c[i] = line_of(j, j->n->groups ? s->set : s->set + i, s->channel + i, s->next);
}

static void measure(const job *j, const stretch *s)
{
    const ag_channel_norm *n = j->n;
    ag_norm_line c[AT_ONCE];
    for (int64_t i = 0; j->sums && i < s->count; i++)
        c[i].mean = n->mean[n->groups ? s->set : s->set + i];
    for (int64_t cut = 0; cut < j->cuts; cut++) {
        const int64_t at = s->run * n->inner + cut * PIECE, piece = s->run * j->cuts + cut;
        if (j->moments)
            j->k->runs_moments(s->count, length_of(j, cut), element(&n->x, at), &j->moments[piece]);
        else
            j->k->runs_sums(s->count, length_of(j, cut), element(&n->x, at), element(&n->dy, at), c, &j->sums[piece]);
    }
}

/* Of a group. */
static void measure_part(const void *context, int64_t part)
{
    const job *j = context;
    const int64_t size = j->runs * j->n->inner, set = part / j->parts, start = (part - set * j->parts) * PIECE,
                  left = size - start;
    j->moments[part] = j->k->moments(left < PIECE ? left : PIECE, element(&j->n->x, set * size + start), true);
}

static void write(const job *j, const stretch *s)
{
    const ag_channel_norm *n = j->n;
    ag_norm_line c[AT_ONCE];
    lines_of(j, s, c);
    for (int64_t cut = 0; cut < j->cuts; cut++) {
        const int64_t at = s->run * n->inner + cut * PIECE, length = length_of(j, cut);
        const void *x = element(&n->x, at);
        if (j->forward)
            j->k->runs_apply(s->count, length, x, element(&n->y, at), c);
        else if (n->dx.data)
            j->k->runs_back(s->count, length, n->given ? NULL : x, element(&n->dy, at), element(&n->dx, at), c, n->add);
    }
}

static void run_set(const void *context, int64_t set)
{
    const job *j = context;
    const bool whole = j->moments && j->n->groups;
    const int64_t stretches = j->n->groups ? j->blocks : j->rows;
    for (int64_t i = 0; i < j->parts && whole; i++)
        measure_part(j, set * j->parts + i);
    for (int64_t i = 0; i < stretches && !whole && (j->moments || j->sums); i++) {
        const stretch s = stretch_of(j, set, i);
        measure(j, &s);
    }
    ag_norm_settle(j, set);
    for (int64_t i = 0; i < stretches; i++) {
        const stretch s = stretch_of(j, set, i);
        write(j, &s);
    }
}

/* The derivative of a group of a few whole runs. */
static void run_group(const void *context, int64_t set)
{
    const job *j = context;
    const ag_channel_norm *n = j->n;
    const int64_t at = set * j->width * n->inner, channel = ag_norm_first_channel(j, set);
    const void *x = element(&n->x, at), *dy = element(&n->dy, at);
    ag_norm_line c[AT_ONCE];
    for (int64_t i = 0; i < j->width; i++)
        c[i].mean = n->mean[set];
    j->k->runs_sums(j->width, n->inner, x, dy, c, j->sums + set * j->width);
    ag_norm_settle(j, set);
    for (int64_t i = 0; i < j->width; i++)
        c[i] = line_of(j, set, channel + i, 0);
    j->k->runs_back(j->width, n->inner, x, dy, element(&n->dx, at), c, n->add);
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
    for (int64_t channel = first; channel < first + k.count / n->inner; channel++) {
        if (j->moments)
            j->moments[channel] = (ag_moments){ 0 };
        else
            j->sums[channel] = (ag_norm_sums){ 0 };
    }
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
        c[i] = (ag_norm_line){ n->mean[first + i / n->inner], 0, 0, 0, 0 };
    if (j->moments || j->sums)
        measure_columns(j, first, k, c);
    for (int64_t channel = first; channel < first + channels; channel++)
        ag_norm_settle(j, channel);
    for (int i = 0; i < k.count; i++)
        c[i] = line_of(j, first + i / n->inner, first + i / n->inner, 0);
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
    const int64_t at_once = PIECE / n->inner;
    j.sets = ag_channel_sets(n);
    j.runs = n->groups ? n->channels / n->groups : n->outer;
    j.at_once = n->groups || n->inner >= SHORT ? 0 : AG_NORM_COLUMNS / n->inner;
    j.small = n->groups ? SMALL / (j.runs * n->inner) : 0;
    j.cuts = ag_parts(n->inner, PIECE);
    j.parts = ag_parts(j.runs * n->inner, PIECE);
    j.rows = n->groups ? j.sets : j.at_once ? 1 : n->outer;
    j.width = n->groups ? j.runs : n->channels;
    j.stretch = at_once < 1 ? 1 : at_once < AT_ONCE ? at_once : AT_ONCE;
    j.blocks = (j.width + j.stretch - 1) / j.stretch;
    return j;
}

/* Doubles of an operand, or what is absent. False: no memory. */
static bool numbers(const ag_call *c, const ag_array *a, int64_t count, double absent, double **to)
{
    if (!(*to = ag_call_scratch(c, (size_t)count * sizeof **to)))
        return false;
    for (int64_t i = 0; i < count; i++)
        (*to)[i] = a ? ag_array_get(a, i) : absent;
    return true;
}

static void measure_item(const void *context, int64_t i)
{
    const stretch s = stretch_at(context, i);
    measure(context, &s);
}

static void write_item(const void *context, int64_t i)
{
    const stretch s = stretch_at(context, i);
    write(context, &s);
}

/* Small groups: what follows from one's sums, a root and quotients, is waited for while those of the others are made. */
static void run_small(const void *context, int64_t part)
{
    const job *j = context;
    const int64_t first = part * j->small, left = j->sets - first, end = first + (left < j->small ? left : j->small),
                  size = j->runs * j->n->inner;
    j->k->runs_moments(end - first, size, element(&j->n->x, first * size), &j->moments[first]);
    for (int64_t set = first; set < end; set++)
        ag_norm_settle(j, set);
    for (int64_t i = first * j->blocks; i < end * j->blocks; i++)
        write_item(j, i);
}

/* Where nothing has to be settled between. */
static void run_item(const void *context, int64_t i)
{
    const job *j = context;
    if (j->sums)
        measure_item(j, i);
    write_item(j, i);
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

static void run_by_memory(const job *j, double steps, int threads)
{
    const int64_t items = j->rows * j->blocks;
    const double of_item = steps * (double)j->sets / (double)items;
    if (j->n->given) {
        for (int64_t set = 0; set < j->sets; set++)
            ag_norm_settle(j, set);
        ag_for_items(items, of_item, threads, run_item, j);
        return;
    }
    if (j->moments && j->n->groups)
        ag_for_items(j->sets * j->parts, steps / (double)j->parts, threads, measure_part, j);
    else
        ag_for_items(items, of_item, threads, measure_item, j);
    ag_for_items(j->sets, STEPS * (double)(j->rows * j->width * j->cuts / j->sets), threads, ag_norm_settle, j);
    ag_for_items(items, of_item, threads, write_item, j);
}

static void run(const job *j, int threads)
{
    const ag_channel_norm *n = j->n;
    const double steps = STEPS * (double)(j->runs * n->inner);
    const int64_t bytes = n->inner * (int64_t)ag_dtype_size(n->x.dtype);
    const bool cached = n->groups || (bytes >= LONG && bytes * j->runs * (j->forward ? 1 : 2) <= CACHED);
    if (j->at_once)
        run_all_columns(*j, steps, threads);
    else if (j->forward && j->small > 1)
        ag_for_items((j->sets + j->small - 1) / j->small, steps * (double)j->small, threads, run_small, j);
    else if (cached && !n->given && j->sets >= 2 * ag_team(j->sets * j->parts, steps / (double)j->parts, threads))
        ag_for_items(j->sets, steps, threads,
                     !j->forward && n->groups && n->dx.data && j->blocks * j->cuts == 1 ? run_group : run_set, j);
    else
        run_by_memory(j, steps, threads);
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
    const int64_t measured = n->groups ? j.sets * j.parts : j.rows * j.width * j.cuts;
    if (!(j.inverse = ag_call_scratch(c, (size_t)j.sets * sizeof *j.inverse)) ||
        !numbers(c, n->weight, n->channels, 1, &j.weight) || !numbers(c, n->bias, n->channels, 0, &j.bias) ||
        (!n->given && !(j.moments = ag_call_scratch(c, (size_t)measured * sizeof *j.moments))))
        return AG_ENOMEM;
    run(&j, ag_call_threads(c));
    return AG_OK;
}

/* Of each channel, from the sums of all its pieces. */
static void sum_channels(const job *j)
{
    const ag_norm_sums *s = j->sums;
    double *dweight = j->n->dweight, *dbias = j->n->dbias;
    for (int64_t row = 0; row < j->rows; row++) {
        const int64_t first = ag_norm_first_channel(j, row);
        for (int64_t i = first; i < first + j->width; i++) {
            const double inverse = j->inverse[j->n->groups ? row : i];
            for (int64_t cut = 0; cut < j->cuts; cut++, s++) {
                if (dweight)
                    dweight[i] += inverse * s->product;
                if (dbias)
                    dbias[i] += s->sum;
            }
        }
    }
}

ag_status ag_channel_norm_back(const ag_call *c, const ag_channel_norm *n)
{
    if (ag_array_size(&n->x) == 0)
        return AG_OK;
    job j = job_of(n, false);
    const bool by_x = n->dx.data && !n->given, by_channel = n->dweight || n->dbias;
    if (!(j.inverse = ag_call_scratch(c, (size_t)j.sets * sizeof *j.inverse)) ||
        !numbers(c, n->weight, n->channels, 1, &j.weight) || !numbers(c, NULL, n->channels, 0, &j.bias) ||
        ((by_x || by_channel) &&
         !(j.sums = ag_call_scratch(c, (size_t)(j.rows * j.width * j.cuts) * sizeof *j.sums))) ||
        (by_x && (!(j.slope = ag_call_scratch(c, (size_t)j.sets * sizeof *j.slope)) ||
                  !(j.shift = ag_call_scratch(c, (size_t)j.sets * sizeof *j.shift)))))
        return AG_ENOMEM;
    for (int64_t set = 0; set < j.sets; set++)
        j.inverse[set] = 1 / sqrt(n->variance[set] + n->eps);
    run(&j, ag_call_threads(c));
    if (by_channel)
        sum_channels(&j);
    return AG_OK;
}
