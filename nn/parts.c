/* Parts of a data set, for training and for testing, and what is measured on the first and applied to both. */
#include "nn/internal.h"
#include <math.h>

typedef struct parts {
    const char *who;
    ag_tape *t;
    int64_t samples, groups, train; /* train: how many samples are for training */
    int64_t *group;                 /* of each sample, from 0 */
    int64_t *order;                 /* groups as they are drawn */
    int64_t *size;                  /* of each group; then whether it is for testing */
    int64_t *index;                 /* samples for training, then those for testing */
} parts;

/* ---- groups */

/* Groups are numbered by their values, ascending. */
static bool number_groups(parts *p, ag_tensor groups)
{
    const ag_placed sorted = ag_sort(groups, 0, (ag_sort_options){ 0 });
    const ag_unique unique = ag_unique_consecutive(sorted.values);
    const int64_t *sample = sorted.indices.id && p->samples ? ag_data(sorted.indices, AG_I64) : NULL,
                  *number = sample && unique.inverse.id ? ag_data(unique.inverse, AG_I64) : NULL;
    for (int64_t i = 0; number && i < p->samples; i++)
        p->group[sample[i]] = number[i];
    p->groups = number ? ag_size_of(unique.counts) : 0;
    return number || (!p->samples && unique.counts.id);
}

static bool check_groups(const parts *p, ag_tensor groups)
{
    if (groups.tape != p->t)
        return ag_fail(p->t, AG_EUSE, "%s: the groups belong to another tape", p->who), false;
    const ag_dtype d = ag_dtype_of(groups);
    const ag_shape s = ag_shape_of(groups);
    if (s.rank < 0)
        return false;
    if (d == AG_F32 || d == AG_F64)
        return ag_fail(p->t, AG_EDTYPE, "%s: groups are integers, not %s", p->who, ag_dtype_name(d)), false;
    if (s.rank == 1 && s.dim[0] == p->samples)
        return true;
    ag_fail(p->t, AG_ESHAPE, "%s: the groups have rank %d and %lld elements, not one for each of %lld samples", p->who,
            s.rank, (long long)ag_shape_size(s), (long long)p->samples);
    return false;
}

static bool find_groups(parts *p, ag_tensor groups)
{
    p->groups = p->samples;
    for (int64_t i = 0; i < p->samples; i++)
        p->group[i] = i;
    if (!groups.tape)
        return true;
    if (!check_groups(p, groups))
        return false;
    const ag_mark mark = ag_tape_mark(p->t);
    const bool numbered = number_groups(p, groups);
    ag_tape_rewind(p->t, mark);
    return numbered;
}

static uint64_t next(uint64_t *state) /* SplitMix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Fisher and Yates's; that some remainders come once more in 2^64 is no matter. */
static void draw_order(parts *p, nn_split_config config)
{
    uint64_t state = config.seed;
    for (int64_t i = 0; i < p->groups; i++) {
        p->order[i] = i;
        p->size[i] = 0;
    }
    for (int64_t i = 0; i < p->samples; i++)
        p->size[p->group[i]]++;
    for (int64_t i = p->groups; i > 1 && !config.in_order; i--) {
        const int64_t k = (int64_t)(next(&state) % (uint64_t)i), last = p->order[i - 1];
        p->order[i - 1] = p->order[k];
        p->order[k] = last;
    }
}

/* ---- samples */

static bool check_samples(parts *p, ag_tensor x, const char *name, int64_t *samples)
{
    if (x.tape != p->t)
        return ag_fail(p->t, AG_EUSE, "%s: x and y belong to different tapes", p->who), false;
    const ag_shape s = ag_shape_of(x);
    if (s.rank == 0)
        ag_fail(p->t, AG_ESHAPE, "%s: %s has rank 0, no dimension of samples", p->who, name);
    *samples = s.dim[0];
    return s.rank > 0;
}

/* The memory of all lists in one block, which `group` begins. */
static bool open_parts(parts *p, nn_dataset data, nn_split_config config)
{
    int64_t labels;
    if (!p->t)
        return ag_fail(data.y.tape, AG_ENULL, "%s: x is absent", p->who), false;
    if (ag_error(p->t) || !check_samples(p, data.x, "x", &p->samples))
        return false;
    if (data.y.tape && !check_samples(p, data.y, "y", &labels))
        return false;
    if (data.y.tape && labels != p->samples)
        return ag_fail(p->t, AG_ESHAPE, "%s: x has %lld samples, y %lld", p->who, (long long)p->samples,
                       (long long)labels),
               false;
    if (p->samples > INT64_MAX / 64) /* where none has an element */
        return ag_fail(p->t, AG_ELIMIT, "%s: %lld samples are too many", p->who, (long long)p->samples), false;
    p->group = ag_tape_allocate(p->t, 4 * (size_t)p->samples * sizeof *p->group);
    if (!p->group)
        return false;
    p->order = p->group + p->samples;
    p->size = p->order + p->samples;
    p->index = p->size + p->samples;
    if (!find_groups(p, config.groups))
        return false;
    draw_order(p, config);
    return true;
}

/* Copies of samples; absent as they are. */
static ag_tensor copy_rows(ag_tensor x, ag_tensor index, const char *name)
{
    return x.tape ? ag_buffer(ag_index_select(x, 0, index), name) : x;
}

static bool copy_samples(const parts *p, nn_dataset data, int64_t from, int64_t to, nn_dataset *made)
{
    const ag_mark mark = ag_tape_mark(p->t);
    const size_t bytes = (size_t)(to - from) * sizeof *p->index;
    const ag_tensor index = ag_from(p->t, AG_I64, AG_SHAPE(to - from), p->index + from, bytes);
    made->x = copy_rows(data.x, index, "x");
    made->y = copy_rows(data.y, index, "y");
    ag_tape_rewind(p->t, mark);
    return made->x.id && (made->y.id || !data.y.tape);
}

static void release(nn_dataset d)
{
    if (d.x.id)
        ag_release(d.x);
    if (d.y.id)
        ag_release(d.y);
}

/* Samples for training, then those for testing, each in the data's order. */
static void list_samples(parts *p)
{
    p->train = 0;
    for (int64_t i = 0; i < p->samples; i++)
        p->train += !p->size[p->group[i]];
    int64_t train = 0, test = p->train;
    for (int64_t i = 0; i < p->samples; i++)
        p->index[p->size[p->group[i]] ? test++ : train++] = i;
}

static nn_parts close_parts(parts *p, nn_dataset data, bool chosen)
{
    const ag_tensor inert = nn_inert(p->t ? p->t : data.y.tape);
    const nn_dataset none = { inert, data.y.tape ? inert : data.y };
    nn_parts made = { none, none };
    if (chosen)
        list_samples(p);
    const bool copied = chosen && copy_samples(p, data, 0, p->train, &made.train) &&
                        copy_samples(p, data, p->train, p->samples, &made.test);
    ag_tape_deallocate(p->t, p->group);
    if (copied)
        return made;
    release(made.train);
    release(made.test);
    return (nn_parts){ none, none };
}

/* ---- choosing */

/* A group is for training if that brings their number nearer to what is wanted. */
static bool choose_fraction(parts *p, double fraction)
{
    const int64_t wanted = llround(fraction * (double)p->samples);
    int64_t train = 0;
    for (int64_t i = 0; i < p->groups; i++) {
        int64_t *size = &p->size[p->order[i]];
        const bool test = 2 * train + *size > 2 * wanted;
        train += test ? 0 : *size;
        *size = test;
    }
    if (train > 0 && train < p->samples)
        return true;
    ag_fail(p->t, AG_EARG, "%s: %g of %lld samples in %lld groups leaves none for %s", p->who, fraction,
            (long long)p->samples, (long long)p->groups, train ? "testing" : "training");
    return false;
}

nn_parts nn_split(nn_dataset data, double fraction, nn_split_config config)
{
    parts p = { .who = "nn_split", .t = data.x.tape };
    bool good = fraction > 0 && fraction < 1;
    if (!good)
        ag_fail(p.t ? p.t : data.y.tape, AG_EARG, "nn_split: a fraction is between 0 and 1, not %g", fraction);
    good = good && open_parts(&p, data, config);
    return close_parts(&p, data, good && choose_fraction(&p, fraction));
}

static bool choose_fold(parts *p, int64_t folds, int64_t fold)
{
    if (folds < 2 || folds > p->groups)
        ag_fail(p->t, AG_EARG, "%s: there are no %lld folds of %lld %s", p->who, (long long)folds, (long long)p->groups,
                p->groups < p->samples ? "groups" : "samples");
    else if (fold < 0 || fold >= folds)
        ag_fail(p->t, AG_EARG, "%s: there is no fold %lld of %lld, which count from 0", p->who, (long long)fold,
                (long long)folds);
    if (ag_error(p->t))
        return false;
    const int64_t size = p->groups / folds, larger = p->groups % folds; /* the first ones have one more */
    const int64_t from = fold * size + (fold < larger ? fold : larger), to = from + size + (fold < larger);
    for (int64_t i = 0; i < p->groups; i++)
        p->size[p->order[i]] = i >= from && i < to;
    return true;
}

nn_parts nn_kfold(nn_dataset data, int64_t folds, int64_t fold, nn_split_config config)
{
    parts p = { .who = "nn_kfold", .t = data.x.tape };
    const bool good = open_parts(&p, data, config);
    return close_parts(&p, data, good && choose_fold(&p, folds, fold));
}

/* ---- standardising */

typedef struct standardize {
    nn_module base;
    ag_tensor mean, deviation;
} standardize;

static ag_tensor standardize_forward(nn_module *base, ag_tensor x)
{
    const standardize *m = (const standardize *)base;
    return ag_div(ag_sub(ag_cast(x, AG_FLOAT), m->mean), m->deviation);
}

/* What rounding alone makes of equal numbers counts as no deviation. */
static bool measure(standardize *m, ag_tensor x)
{
    ag_tape *t = m->base.tape;
    const double rounding = ag_tape_dtype(t) == AG_F32 ? 1e-6 : 1e-15;
    x = ag_cast(ag_detach(x), AG_FLOAT);
    const ag_tensor mean = ag_mean_over(x, AG_AXES(0), 0),
                    deviation = ag_std_over(x, AG_AXES(0), 0, (ag_var_options){ .biased = true });
    const ag_tensor constant = ag_less_equal(deviation, ag_mul_scalar(ag_abs(mean), rounding));
    m->mean = nn_buffer(&m->base, mean, "mean");
    if (m->mean.id)
        m->deviation = nn_buffer(&m->base, ag_masked_fill(deviation, constant, 1), "deviation");
    return m->deviation.id;
}

nn_module *nn_standardize(ag_tensor x)
{
    ag_tape *t = x.tape;
    const ag_shape s = x.id ? ag_shape_of(x) : AG_SCALAR;
    if (!x.id || s.rank < 0)
        return NULL;
    if (s.rank == 0 || s.dim[0] == 0) {
        ag_fail(t, s.rank ? AG_EARG : AG_ESHAPE, "nn_standardize: x has %s",
                s.rank ? "no sample" : "rank 0, no dimension of samples");
        return NULL;
    }
    standardize *m = (standardize *)nn_new(t, sizeof *m, "standardize", standardize_forward);
    if (!m)
        return NULL;
    const ag_mark mark = ag_tape_mark(t);
    const bool measured = measure(m, x);
    ag_tape_rewind(t, mark);
    if (measured)
        return &m->base;
    nn_discard(&m->base);
    return NULL;
}
