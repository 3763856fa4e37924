/* Connectionist temporal classification (Graves et al. 2006): what is given to a loss of sequences. */
#ifndef AG_OPS_CTC_H
#define AG_OPS_CTC_H

#include "ag/ops/losses/loss.h"
#include "ag/ops/reductions/softmax_kernels.h"

typedef struct ag_ctc_params {
    int64_t reduce, blank, zero_infinity;
} ag_ctc_params;

/* Log probabilities [steps,batch,classes], labels [batch,most] or one after the other, and the lengths of the inputs and
 * of the labels. */
typedef struct ag_ctc_given {
    ag_array z, labels, lengths[2];
    int64_t steps, batch, classes;
    ag_ctc_params p;
} ag_ctc_given;

/* A sample's states are its labels with blanks between and around them. */
typedef struct ag_ctc_sample {
    int64_t number, steps, labels, first, states; /* first: of its labels among all */
} ag_ctc_sample;

static inline double ag_ctc_at(const ag_ctc_given *s, int64_t step, int64_t number, int64_t class)
{
    const int64_t i = (step * s->batch + number) * s->classes + class;
    return s->z.dtype == AG_F32 ? (double)((const float *)s->z.data)[i] : ((const double *)s->z.data)[i];
}

/* ---- ctc_samples.c */

/* of dense arrays: the log probabilities, labels, lengths */
ag_ctc_given ag_ctc_of(const ag_call *c, const ag_array *z, const ag_array *labels, const ag_array *inputs,
                       const ag_array *targets);
/* All samples in scratch memory, checked; NULL: reported. */
ag_ctc_sample *ag_ctc_samples(const ag_call *c, const ag_ctc_given *s);
int64_t ag_ctc_class(const ag_ctc_given *s, const ag_ctc_sample *a, int64_t state);
/* May a state be reached from the one two before it? A label, if it differs from the label before. */
bool ag_ctc_skips(const ag_ctc_given *s, const ag_ctc_sample *a, int64_t state);
/* What a sample's loss is multiplied by in the result. */
double ag_ctc_share(const ag_ctc_given *s, const ag_ctc_sample *a);

/* ---- ctc_rule.c */

void ag_ctc_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx);

#endif
