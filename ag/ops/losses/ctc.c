/* Connectionist temporal classification (Graves et al. 2006): values, and the derivative as a kernel. */
#include "ag/ops/losses/ctc.h"
#include "ag/kernels/kernels.h"
#include <math.h>

static ag_status ctc_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_ctc_params *p = ag_call_params(c);
    const ag_shape *z = &x[0].shape, *labels = &x[1].shape;
    if (!ag_is_float(x[0].dtype))
        return ag_call_fail(c, AG_EDTYPE, "the log probabilities must be f32 or f64");
    for (int i = 1; i < 4; i++)
        if (ag_is_float(x[i].dtype))
            return ag_call_fail(c, AG_EDTYPE, "labels and lengths are integers; see ag_cast");
    if (z->rank != 3)
        return ag_call_fail(c, AG_ESHAPE, "the log probabilities must be [steps,n,classes]");
    if (labels->rank != 1 && (labels->rank != 2 || labels->dim[0] != z->dim[1]))
        return ag_call_fail(c, AG_ESHAPE,
                            "the labels must be [%lld,length], or those of all samples one after the other",
                            (long long)z->dim[1]);
    for (int i = 2; i < 4; i++)
        if (x[i].shape.rank != 1 || x[i].shape.dim[0] != z->dim[1])
            return ag_call_fail(c, AG_ESHAPE, "the lengths must be [%lld], one for each sample", (long long)z->dim[1]);
    if (p->blank < 0 || p->blank >= z->dim[2])
        return ag_call_fail(c, AG_EARG, "the blank is %lld, but there are %lld classes, 0 to %lld", (long long)p->blank,
                            (long long)z->dim[2], (long long)z->dim[2] - 1);
    if (p->reduce == AG_REDUCE_BATCH_MEAN)
        return ag_call_fail(c, AG_EARG, "AG_REDUCE_BATCH_MEAN is for losses of two tensors of one shape");
    y->dtype = x[0].dtype;
    y->shape = p->reduce == AG_REDUCE_NONE ? (ag_shape){ 1, { z->dim[1] } } : AG_SCALAR;
    return ag_loss_check_reduce(c, p->reduce);
}

/* ---- the sums over alignments, in logarithms
 *
 * alpha[t][s]: all ways to be in state s at step t, its emission included; beta[t][s]: all ways to go on from there.
 * Rows are `wide`, whole vectors, with a margin before or after them of what cannot be. */
enum { MARGIN = AG_LANES, STEPS = 60 /* of a state */ };

typedef struct lattice {
    int64_t wide, row;           /* row: with the margin */
    double *skip;                /* 0 where a state may be skipped to, else -infinity */
    double *emission, *alpha;    /* [steps][row] */
    double *beta, *next, *share; /* [row] */
} lattice;

static int64_t row_of(int64_t states)
{
    return ag_padded(states) + 2 * MARGIN;
}

static int64_t lattice_size(int64_t steps, int64_t states)
{
    return (2 * steps + 4) * row_of(states);
}

static lattice lattice_in(double *room, const ag_ctc_given *s, const ag_ctc_sample *a)
{
    lattice l = { .wide = ag_padded(a->states), .row = row_of(a->states), .skip = room };
    for (int64_t i = 0; i < lattice_size(a->steps, a->states); i++)
        room[i] = -INFINITY;
    l.beta = l.skip + l.row;
    l.next = l.beta + l.row;
    l.share = l.next + l.row;
    l.emission = l.share + l.row;
    l.alpha = l.emission + a->steps * l.row;
    for (int64_t i = 0; i < a->states; i++) {
        l.skip[MARGIN + i] = ag_ctc_skips(s, a, i) ? 0 : -INFINITY;
        const int64_t k = ag_ctc_class(s, a, i);
        for (int64_t t = 0; t < a->steps; t++)
            l.emission[t * l.row + MARGIN + i] = ag_ctc_at(s, t, a->number, k);
    }
    return l;
}

/* to = log(exp(stay) + exp(one) + exp(two + skip)) for n states, a multiple of AG_LANES */
static void add_ways(int64_t n, const double *stay, const double *one, const double *two, const double *skip,
                     double *to)
{
    const double least = -1e300; /* to subtract where none is finite */
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const double c = two[i] + skip[i], more = stay[i] > one[i] ? stay[i] : one[i];
        to[i] = more > c ? more : c;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = to[i] > least ? to[i] : least;
    AG_VECTOR_LOOP for (int64_t i = 0; i < n; i++)
    {
        const double c = two[i] + skip[i];
        to[i] += ag_v_log(ag_v_exp(stay[i] - to[i]) + ag_v_exp(one[i] - to[i]) + ag_v_exp(c - to[i]));
    }
}

/* The loss: -log of the sum over all alignments. */
static double run_forward(const lattice *l, const ag_ctc_sample *a)
{
    if (a->steps == 0)
        return a->labels == 0 ? 0 : INFINITY;
    for (int64_t i = 0; i < a->states && i < 2; i++)
        l->alpha[MARGIN + i] = l->emission[MARGIN + i];
    for (int64_t t = 1; t < a->steps; t++) {
        const double *before = l->alpha + (t - 1) * l->row + MARGIN, *e = l->emission + t * l->row + MARGIN;
        double *now = l->alpha + t * l->row + MARGIN;
        add_ways(l->wide, before, before - 1, before - 2, l->skip + MARGIN, now);
        for (int64_t i = 0; i < l->wide; i++)
            now[i] = i < a->states ? now[i] + e[i] : -INFINITY;
    }
    const double *end = l->alpha + (a->steps - 1) * l->row + MARGIN + a->states;
    const double last = end[-1], label = a->states > 1 ? end[-2] : -INFINITY, most = last > label ? last : label;
    if (isnan(last + label) && !isinf(last) && !isinf(label))
        return NAN;
    return isinf(most) ? -most : -(most + log(exp(last - most) + exp(label - most)));
}

/* share = the part of all alignments that is in state s at step t, from the last step to the first */
static void run_backward(const lattice *l, const ag_ctc_given *s, const ag_ctc_sample *a, double loss, double scale,
                         void *dz)
{
    double *beta = l->beta + MARGIN, *next = l->next + MARGIN, *share = l->share + MARGIN;
    for (int64_t t = a->steps - 1; t >= 0; t--) {
        const double *alpha = l->alpha + t * l->row + MARGIN;
        if (t == a->steps - 1)
            for (int64_t i = 0; i < l->wide; i++)
                beta[i] = i == a->states - 1 || i == a->states - 2 ? 0 : -INFINITY;
        else
            add_ways(l->wide, next, next + 1, next + 2, l->skip + MARGIN + 2, beta);
        AG_VECTOR_LOOP for (int64_t i = 0; i < l->wide; i++) share[i] = ag_v_exp(alpha[i] + beta[i] + loss);
        for (int64_t i = 0; i < a->states; i++) {
            const int64_t at = (t * s->batch + a->number) * s->classes + ag_ctc_class(s, a, i);
            if (s->z.dtype == AG_F32)
                ((float *)dz)[at] -= (float)(scale * share[i]);
            else
                ((double *)dz)[at] -= scale * share[i];
        }
        for (int64_t i = 0; i < l->wide; i++)
            next[i] = i < a->states ? beta[i] + l->emission[t * l->row + MARGIN + i] : -INFINITY;
    }
}

/* ---- samples over threads */

typedef struct work {
    const ag_ctc_given *s;
    const ag_ctc_sample *samples;
    double *rooms, *loss;
    const double *scale; /* forward: NULL */
    void *dz;
    int64_t room, parts;
} work;

static void run_part(const void *context, int64_t part)
{
    const work *w = context;
    const int64_t batch = w->s->batch;
    for (int64_t n = batch * part / w->parts; n < batch * (part + 1) / w->parts; n++) {
        const ag_ctc_sample *a = &w->samples[n];
        const lattice l = lattice_in(w->rooms + part * w->room, w->s, a);
        w->loss[n] = run_forward(&l, a);
        if (w->scale && w->scale[n] != 0 && w->loss[n] != INFINITY) /* else nothing depends on anything */
            run_backward(&l, w->s, a, w->loss[n], w->scale[n], w->dz);
    }
}

static ag_status run_all(const ag_call *c, work *w)
{
    int64_t steps = 0, states = 1;
    for (int64_t n = 0; n < w->s->batch; n++) {
        steps = w->samples[n].steps > steps ? w->samples[n].steps : steps;
        states = w->samples[n].states > states ? w->samples[n].states : states;
    }
    if (w->s->batch == 0)
        return AG_OK;
    const double cost = STEPS * (double)steps * (double)states;
    w->parts = ag_team(w->s->batch, cost, ag_call_threads(c));
    w->room = lattice_size(steps, states);
    w->rooms = ag_call_scratch(c, (size_t)(w->parts * w->room) * sizeof *w->rooms);
    if (!w->rooms)
        return AG_ENOMEM;
    ag_for_items(w->parts, cost * (double)w->s->batch / (double)w->parts, ag_call_threads(c), run_part, w);
    return AG_OK;
}

static ag_status ctc_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_ctc_given s = ag_ctc_of(c, &x[0], &x[1], &x[2], &x[3]);
    double sum = 0, *loss = ag_call_scratch(c, (size_t)(s.batch + 1) * sizeof *loss);
    const ag_ctc_sample *samples = loss ? ag_ctc_samples(c, &s) : NULL;
    if (!samples)
        return ag_error(ag_call_tape(c));
    work w = { .s = &s, .samples = samples, .loss = loss };
    if (run_all(c, &w))
        return AG_ENOMEM;
    for (int64_t n = 0; n < s.batch; n++) {
        if (s.p.zero_infinity && loss[n] == INFINITY)
            loss[n] = 0;
        sum += loss[n] * ag_ctc_share(&s, &samples[n]);
    }
    if (s.p.reduce == AG_REDUCE_NONE) {
        const ag_array each = ag_dense_array(y->shape, AG_F64, loss);
        ag_copy_array(y, &each, false, 1);
    } else {
        ag_fill_array(y, s.batch == 0 && s.p.reduce == AG_REDUCE_MEAN ? NAN : sum);
    }
    return AG_OK;
}

static ag_status ctc_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x[4];
    for (int i = 0; i < 4; i++)
        if (!(x[i] = ag_call_input_array(c, i)))
            return AG_EUSE;
    const ag_ctc_given s = ag_ctc_of(c, x[0], x[1], x[2], x[3]);
    double *scale = ag_call_scratch(c, (size_t)(2 * s.batch + 1) * sizeof *scale);
    const ag_ctc_sample *samples = scale ? ag_ctc_samples(c, &s) : NULL;
    if (!samples)
        return ag_error(ag_call_tape(c));
    for (int64_t n = 0; n < s.batch; n++)
        scale[n] = ag_array_get(dy, s.p.reduce == AG_REDUCE_NONE ? n : 0) * ag_ctc_share(&s, &samples[n]);
    if (beta[0] == 0)
        ag_fill_array(&dx[0], 0);
    work w = { .s = &s, .samples = samples, .loss = scale + s.batch, .scale = scale, .dz = dx[0].data };
    return run_all(c, &w);
}

/* clang-format off */
#define SAMPLE(reduce, ...) \
    { .params = &(const ag_ctc_params){ reduce, 0, 0 }, .low = { -3, 1, 3, 1 }, .high = { -0.5, 4, 5, 3 }, \
      .dtype = { AG_FLOAT, AG_I64, AG_I64, AG_I32 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(ctc) = {
    .name = "ctc",
    .formula = "-log of the probability of all alignments of the labels, reduced",
    .inputs = 4,
    .params_size = sizeof(ag_ctc_params),
    .shape = ctc_shape,
    .forward = ctc_forward,
    .vjp = ag_ctc_vjp,
    .vjp_fused = ctc_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(AG_REDUCE_MEAN, AG_DIMS(4, 2, 4), AG_DIMS(2, 2), AG_DIMS(2), AG_DIMS(2)),
                                    SAMPLE(AG_REDUCE_SUM, AG_DIMS(4, 1, 4), AG_DIMS(1, 2), AG_DIMS(1), AG_DIMS(1)),
                                    SAMPLE(AG_REDUCE_NONE, AG_DIMS(4, 2, 4), AG_DIMS(2, 2), AG_DIMS(2), AG_DIMS(2)),
                                    { 0 } },
};

/* ag_ctc - connectionist temporal classification: the negative log likelihood that n sequences of log probabilities
 * z[t,n,c] spell their labels when repeated labels and blanks are taken out. labels[n,length], padded with anything, or
 * of all samples one after the other; input_lengths[n] and target_lengths[n] say how much of each counts. A mean divides
 * each loss by its number of labels first. Labels that cannot be spelled in so few steps lose infinity, or 0 under
 * options.zero_infinity, and nothing passes.
 *   y = reduced -log sum_alignments prod_t exp z[t,n,class at t]
 *       dz[t,n,c] = -dy (the part of the alignments, by their probability, that are at class c at step t)
 * A pass that records goes step by step and takes correspondingly longer.
 * Errors: AG_EARG for a label out of range, one that is the blank, or a length that does not fit; AG_ESHAPE, AG_EDTYPE for
 * other arguments. */
AG_API ag_tensor ag_ctc(ag_tensor z, ag_tensor labels, ag_tensor input_lengths, ag_tensor target_lengths,
                        ag_ctc_options options)
{
    const ag_ctc_params p = { options.reduce, options.blank, options.zero_infinity };
    return AG_APPLY(ctc, AG_LIST(z, labels, input_lengths, target_lengths), &p);
}
