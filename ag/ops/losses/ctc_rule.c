/* The derivative of ctc in ag's ops, a sample and a step at a time. */
#include "ag/ops/losses/ctc.h"
#include <math.h>

#define NEVER (-1e30) /* a logarithm that is as good as -infinity, of which no NaN comes */

typedef struct states {
    ag_tensor skip, index; /* 0 where a state may be skipped to, else NEVER; its class */
    int64_t count;
} states;

static states states_of(const ag_call *c, const ag_ctc_given *s, const ag_ctc_sample *a)
{
    double *skip = ag_call_scratch(c, (size_t)a->states * sizeof *skip);
    int64_t *index = ag_call_scratch(c, (size_t)a->states * sizeof *index);
    ag_tape *t = ag_call_tape(c);
    if (!skip || !index)
        return (states){ .count = 0 };
    for (int64_t i = 0; i < a->states; i++) {
        skip[i] = ag_ctc_skips(s, a, i) ? 0 : NEVER;
        index[i] = ag_ctc_class(s, a, i);
    }
    const ag_shape shape = AG_SHAPE(a->states);
    return (states){ ag_cast(ag_from(t, AG_F64, shape, skip, (size_t)a->states * sizeof *skip), s->z.dtype),
                     ag_from(t, AG_I64, shape, index, (size_t)a->states * sizeof *index), a->states };
}

/* x moved by k places towards its end, or by -k towards its start; what comes in is NEVER */
static ag_tensor moved(ag_tensor x, int64_t k, int64_t count)
{
    const int64_t by = k < 0 ? -k : k, in = by < count ? by : count;
    const ag_tensor fill = ag_full(x.tape, ag_dtype_of(x), AG_SHAPE(in), NEVER);
    const ag_tensor kept = ag_slice(x, 0, k < 0 ? in : 0, k < 0 ? count : count - in, 1);
    return ag_concat(k < 0 ? AG_LIST(kept, fill) : AG_LIST(fill, kept), 0);
}

/* The logarithm of the sum over the ways to a state, or with `back` from it, of x for the states on their other end. */
static ag_tensor ways(const states *s, ag_tensor x, bool back)
{
    const int64_t k = back ? -1 : 1;
    const ag_tensor far = back ? moved(ag_add(x, s->skip), -2, s->count) : ag_add(moved(x, 2, s->count), s->skip);
    return ag_logsumexp(ag_stack(AG_LIST(x, moved(x, k, s->count), far), 0), AG_AXES(0), 0);
}

/* 0 for the states from `first` on and before `end`, else NEVER */
static ag_tensor only(ag_tape *t, const states *s, ag_dtype d, int64_t first, int64_t end)
{
    first = first > 0 ? first : 0;
    end = end < s->count ? end : s->count;
    return ag_concat(AG_LIST(ag_full(t, d, AG_SHAPE(first), NEVER), ag_zeros(t, d, AG_SHAPE(end - first)),
                             ag_full(t, d, AG_SHAPE(s->count - end), NEVER)),
                     0);
}

/* dz[steps,classes] of one sample whose loss arrives with weight g. */
static ag_tensor sample_vjp(const ag_call *c, const ag_ctc_given *s, const ag_ctc_sample *a, ag_tensor z, ag_tensor g)
{
    ag_tape *tape = ag_call_tape(c);
    const ag_dtype d = s->z.dtype;
    const states st = states_of(c, s, a);
    const ag_tensor nothing = ag_zeros(tape, d, AG_SHAPE(s->steps, s->classes));
    ag_tensor *alpha = ag_call_scratch(c, (size_t)(a->steps + 1) * sizeof *alpha);
    if (!alpha || st.count == 0 || a->steps == 0)
        return nothing;
    /* what has no probability counts as NEVER, and nothing passes there */
    const ag_tensor low = ag_constant(tape, NEVER), given = ag_index_select(z, 1, st.index);
    const ag_tensor emission = ag_where(ag_less(given, low), low, given);
    alpha[0] = ag_add(ag_select(emission, 0, 0), only(tape, &st, d, 0, 2));
    for (int64_t t = 1; t < a->steps; t++)
        alpha[t] = ag_add(ways(&st, alpha[t - 1], false), ag_select(emission, 0, t));
    ag_tensor beta = only(tape, &st, d, st.count - 2, st.count);
    const ag_tensor total = ag_logsumexp(ag_add(alpha[a->steps - 1], beta), AG_ALL, 0);
    if (!(ag_item(total) > NEVER / 2)) /* it cannot be spelled */
        return nothing;
    for (int64_t t = a->steps - 1; t >= 0; t--) {
        const ag_tensor here = beta;
        if (t > 0)
            beta = ways(&st, ag_add(beta, ag_select(emission, 0, t)), true);
        alpha[t] = ag_mul(ag_exp(ag_sub(ag_add(alpha[t], here), total)), ag_neg(g));
    }
    const ag_tensor parts = ag_stack((ag_list){ alpha, (size_t)a->steps }, 0);
    const ag_tensor summed = ag_index_add(ag_zeros(tape, d, AG_SHAPE(a->steps, s->classes)), 1, st.index, parts);
    return ag_embed(summed, 0, s->steps, 0, 1);
}

static ag_array array_of(ag_tensor x)
{
    return ag_dense_array(ag_shape_of(x), ag_dtype_of(x), ag_data(x, ag_dtype_of(x)));
}

void ag_ctc_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0);
    ag_array x[4];
    for (int i = 0; i < 4; i++) {
        if (!ag_ok(ag_call_input(c, i)))
            return;
        x[i] = i ? array_of(ag_call_input(c, i)) : (ag_array){ .dtype = ag_dtype_of(z), .shape = ag_shape_of(z) };
    }
    const ag_ctc_given s = ag_ctc_of(c, &x[0], &x[1], &x[2], &x[3]);
    const ag_ctc_sample *samples = ag_ctc_samples(c, &s);
    ag_tensor *each = ag_call_scratch(c, (size_t)(s.batch + 1) * sizeof *each);
    if (!samples || !each)
        return;
    for (int64_t n = 0; n < s.batch; n++) {
        const ag_tensor g = s.p.reduce == AG_REDUCE_NONE ? ag_select(dy[0], 0, n) : dy[0];
        const ag_ctc_sample *a = &samples[n];
        const ag_tensor own = ag_select(ag_slice(z, 0, 0, a->steps, 1), 1, n);
        each[n] = sample_vjp(c, &s, a, own, ag_mul_scalar(g, ag_ctc_share(&s, a)));
    }
    dx[0] = s.batch > 0 ? ag_stack((ag_list){ each, (size_t)s.batch }, 1) : ag_mul_scalar(z, 0);
}
