/* What the machine can do: a product, and a sum of arrays that no cache holds. */
#include "ag/show/times.h"
#include "ag/ops.h"
#include <math.h>
#include <time.h>

enum { ROUNDS = 4, SIDE = 512, ELEMENTS = 1 << 23 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The shortest time of one call on two arrays of that shape, the first of which is warm-up; infinity: it failed. */
static double best_time(const ag_tape *like, ag_dtype d, ag_shape s, ag_tensor (*op)(ag_tensor a, ag_tensor b))
{
    ag_options o = like->options;
    o.on_error = ag_quiet;
    o.on_warning = NULL;
    o.check_finite = o.debug = o.keep_grads = false;
    o.memory_limit -= like->memory < o.memory_limit ? like->memory : o.memory_limit - 1;
    ag_tape *t = ag_tape_new(o);
    ag_tensor a = t ? ag_buffer(ag_full(t, d, s, 0.5), NULL) : (ag_tensor){ 0 };
    double best = INFINITY;
    if (t)
        ag_tape_reset(t);
    for (int i = 0; i < ROUNDS && t && !t->error.status; i++) {
        const double begin = seconds();
        if (ag_data(op(a, a), d)) /* it may wait until it is asked for */
            best = i ? fmin(best, seconds() - begin) : best;
        ag_tape_reset(t);
    }
    if (t)
        ag_tape_free(t);
    return best;
}

static bool measure(const ag_tape *t, ag_dtype d, double *peak, double work, ag_shape s,
                    ag_tensor (*op)(ag_tensor a, ag_tensor b))
{
    if (*peak == 0)
        *peak = work / best_time(t, d, s, op);
    return *peak > 0;
}

ag_status ag_measure_peaks(ag_tape *t, ag_profile_options *o)
{
    const double flops = 2.0 * SIDE * SIDE * SIDE, bytes = 2.0 * ELEMENTS * sizeof(float);
    bool measured = measure(t, AG_F32, &o->flops_f32, flops, AG_SHAPE(SIDE, SIDE), ag_matmul);
    measured = measured && measure(t, AG_F64, &o->flops_f64, flops, AG_SHAPE(SIDE, SIDE), ag_matmul);
    measured = measured && measure(t, AG_F32, &o->bytes, bytes, AG_SHAPE(ELEMENTS), ag_add);
    return measured ? AG_OK
                    : ag_fail(t, AG_ENOMEM,
                              "ag_profile_begin: no memory to measure the machine's peaks; give them as options");
}
