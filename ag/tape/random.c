/* Tensors of random numbers: each call has a number of its own, so that no result depends on what was drawn before. */
#include "ag/tape/tape.h"
#include <math.h>

typedef enum distribution { UNIFORM, NORMAL, TRUNCATED, GUMBEL } distribution;

typedef struct drawn {
    distribution kind;
    const char *who;
    double p, q, low, high; /* the bounds; mean and deviation; location and scale */
} drawn;

static bool is_defined(ag_tape *t, const drawn *r)
{
    const bool numbers = isfinite(r->p) && isfinite(r->q);
    if (r->kind == UNIFORM && !(numbers && r->p <= r->q && isfinite(r->q - r->p)))
        ag_fail(t, AG_EARG, "%s: no interval [%g, %g)", r->who, r->p, r->q);
    else if (r->kind == NORMAL && !(numbers && r->q >= 0))
        ag_fail(t, AG_EARG, "%s: no normal distribution has mean %g and deviation %g", r->who, r->p, r->q);
    else if (r->kind == TRUNCATED && !(numbers && r->q > 0))
        ag_fail(t, AG_EARG, "%s: mean %g and deviation %g leave nothing to truncate", r->who, r->p, r->q);
    else if (r->kind == TRUNCATED && !(r->low < r->high))
        ag_fail(t, AG_EARG, "%s: no interval [%g, %g]", r->who, r->low, r->high);
    else if (r->kind == GUMBEL && !(numbers && r->q >= 0))
        ag_fail(t, AG_EARG, "%s: no Gumbel distribution has location %g and scale %g", r->who, r->p, r->q);
    else
        return true;
    return false;
}

static bool draw(ag_tape *t, const drawn *r, const ag_array *a)
{
    const uint64_t seed = t->options.seed, call = t->random_calls++;
    const int threads = t->options.threads;
    const int64_t n = ag_array_size(a);
    if (r->kind == UNIFORM)
        ag_random_uniform(a->dtype, a->data, n, seed, call, r->p, r->q, threads);
    else if (r->kind == NORMAL)
        ag_random_normal(a->dtype, a->data, n, seed, call, r->p, r->q, threads);
    else if (r->kind == GUMBEL)
        ag_random_gumbel(a->dtype, a->data, n, seed, call, r->p, r->q, threads);
    else
        return ag_random_truncated(a->dtype, a->data, n, seed, call, r->p, r->q, r->low, r->high, threads);
    return true;
}

static ag_tensor random_floats(ag_tape *t, ag_dtype d, ag_shape s, drawn r)
{
    ag_array a;
    if (!t)
        return ag_inert(NULL);
    if (!ag_is_float(ag_real_dtype(t, d))) {
        ag_fail(t, AG_EDTYPE, "%s: random numbers are f32 or f64, not %s", r.who, ag_dtype_name(d));
        return ag_inert(t);
    }
    if (!is_defined(t, &r))
        return ag_inert(t);
    const ag_tensor x = ag_fresh(t, d, s, &a, r.who);
    if (!x.id)
        return x;
    if (!draw(t, &r, &a)) {
        ag_fail(t, AG_EARG, "%s: nothing of mean %g and deviation %g lies in [%g, %g]", r.who, r.p, r.q, r.low, r.high);
        return ag_inert(t);
    }
    return ag_settled(x, &a);
}

ag_tensor ag_rand(ag_tape *t, ag_dtype d, ag_shape s, double low, double high)
{
    return random_floats(t, d, s, (drawn){ .kind = UNIFORM, .who = "ag_rand", .p = low, .q = high });
}

ag_tensor ag_randn(ag_tape *t, ag_dtype d, ag_shape s, double mean, double deviation)
{
    return random_floats(t, d, s, (drawn){ .kind = NORMAL, .who = "ag_randn", .p = mean, .q = deviation });
}

ag_tensor ag_truncated_normal(ag_tape *t, ag_dtype d, ag_shape s, double mean, double deviation, double low,
                              double high)
{
    return random_floats(t, d, s, (drawn){ TRUNCATED, "ag_truncated_normal", mean, deviation, low, high });
}

ag_tensor ag_gumbel(ag_tape *t, ag_dtype d, ag_shape s, double location, double scale)
{
    return random_floats(t, d, s, (drawn){ .kind = GUMBEL, .who = "ag_gumbel", .p = location, .q = scale });
}

/* Fisher and Yates; the high half of a 128-bit product maps 64 random bits to [0, i]. */
ag_tensor ag_randperm(ag_tape *t, int64_t n)
{
    ag_array a;
    ag_tensor x = ag_fresh(t, AG_I64, AG_SHAPE(n), &a, "ag_randperm");
    if (!x.id)
        return x;
    uint64_t call = t->random_calls++;
    int64_t *p = a.data;
    for (int64_t i = 0; i < n; i++)
        p[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        uint64_t bits = ag_random_bits(t->options.seed, call, (uint64_t)i);
        __extension__ typedef unsigned __int128 wide;
        int64_t k = (int64_t)(((wide)bits * (uint64_t)(i + 1)) >> 64), swap = p[i];
        p[i] = p[k];
        p[k] = swap;
    }
    return x;
}
