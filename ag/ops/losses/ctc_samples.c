#include "ag/ops/losses/ctc.h"

ag_ctc_given ag_ctc_of(const ag_call *c, const ag_array *z, const ag_array *labels, const ag_array *inputs,
                       const ag_array *targets)
{
    return (ag_ctc_given){ .z = *z,
                           .labels = *labels,
                           .lengths = { *inputs, *targets },
                           .steps = z->shape.dim[0],
                           .batch = z->shape.dim[1],
                           .classes = z->shape.dim[2],
                           .p = *(const ag_ctc_params *)ag_call_params(c) };
}

static int64_t integer_at(const ag_array *x, int64_t i)
{
    return ag_class_at(x->data, x->dtype, i);
}

int64_t ag_ctc_class(const ag_ctc_given *s, const ag_ctc_sample *a, int64_t state)
{
    return state % 2 ? integer_at(&s->labels, a->first + state / 2) : s->p.blank;
}

bool ag_ctc_skips(const ag_ctc_given *s, const ag_ctc_sample *a, int64_t state)
{
    return state % 2 && state > 2 && ag_ctc_class(s, a, state) != ag_ctc_class(s, a, state - 2);
}

double ag_ctc_share(const ag_ctc_given *s, const ag_ctc_sample *a)
{
    return s->p.reduce == AG_REDUCE_MEAN ? 1 / (double)((a->labels > 0 ? a->labels : 1) * s->batch) : 1;
}

static ag_status check_length(const ag_call *c, const char *which, const ag_ctc_sample *a, int64_t length, int64_t most)
{
    if (length >= 0 && length <= most)
        return AG_OK;
    return ag_call_fail(c, AG_EARG, "%s_lengths[%lld] is %lld, but there are %lld", which, (long long)a->number,
                        (long long)length, (long long)most);
}

static ag_status check_labels(const ag_call *c, const ag_ctc_given *s, const ag_ctc_sample *a)
{
    for (int64_t i = 0; i < a->labels; i++) {
        const int64_t k = integer_at(&s->labels, a->first + i);
        if (k < 0 || k >= s->classes)
            return ag_call_fail(c, AG_EARG, "label %lld of sample %lld is %lld, but there are %lld classes, 0 to %lld",
                                (long long)i, (long long)a->number, (long long)k, (long long)s->classes,
                                (long long)s->classes - 1);
        if (k == s->p.blank)
            return ag_call_fail(c, AG_EARG, "label %lld of sample %lld is %lld, the blank", (long long)i,
                                (long long)a->number, (long long)k);
    }
    return AG_OK;
}

ag_ctc_sample *ag_ctc_samples(const ag_call *c, const ag_ctc_given *s)
{
    const bool padded = s->labels.shape.rank == 2;
    const int64_t count = s->labels.shape.dim[padded]; /* of a sample, or of all */
    ag_ctc_sample *all = ag_call_scratch(c, (size_t)(s->batch + 1) * sizeof *all);
    int64_t first = 0;
    for (int64_t n = 0; all && n < s->batch; n++) {
        ag_ctc_sample *a = &all[n];
        *a = (ag_ctc_sample){ .number = n, .first = padded ? n * count : first };
        a->steps = integer_at(&s->lengths[0], n);
        a->labels = integer_at(&s->lengths[1], n);
        if (check_length(c, "input", a, a->steps, s->steps) ||
            check_length(c, "target", a, a->labels, padded ? count : count - first) || check_labels(c, s, a))
            return NULL;
        a->states = 2 * a->labels + 1;
        first += a->labels;
    }
    if (all && !padded && first != count) {
        ag_call_fail(c, AG_EARG, "the target_lengths are %lld labels in all, but there are %lld", (long long)first,
                     (long long)count);
        return NULL;
    }
    return all;
}
