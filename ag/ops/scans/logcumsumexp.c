/* Logarithms of running sums of exponentials. */
#include "ag/ops/scans/scans.h"
#include <math.h>

enum { BLOCK = 256 /* elements of a line that are computed at a time */ };

/* y, and what is saved: what y lost when it was rounded, which is all that tells how many equal elements a large y is
 * the sum of */
static ag_status logcumsumexp_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_status status = ag_floats_along_shape(c, p->axis, x, &y[0]);
    y[1] = y[0];
    return status;
}

/* ---- y = m + log(s), m the largest x so far, s the sum of exp(x - m) */

typedef struct so_far {
    double most, sum;
} so_far;

static void exponentials(double *x)
{
    AG_VECTOR_LOOP
    for (int i = 0; i < BLOCK; i++)
        x[i] = ag_v_exp(x[i]);
}

/* x becomes log(s), and most m; what lies behind the first n counts for nothing. */
static void run_block(double *x, double *most, int64_t n, so_far *f)
{
    double fade[BLOCK], m = f->most;
    for (int i = 0; i < BLOCK; i++) {
        const double before = m;
        m = i < n && (x[i] > m || x[i] != x[i]) ? x[i] : m;
        most[i] = m;
        fade[i] = before == m ? 0 : before - m;
        x[i] = x[i] == m ? 0 : i < n ? x[i] - m : -INFINITY;
    }
    exponentials(x);
    if (m != f->most) /* else all are 1 */
        exponentials(fade);
    else
        for (int i = 0; i < BLOCK; i++)
            fade[i] = 1;
    for (int i = 0; i < BLOCK; i++)
        x[i] = f->sum = f->sum * fade[i] + x[i];
    f->most = m;
    AG_VECTOR_LOOP
    for (int i = 0; i < BLOCK; i++)
        x[i] = ag_v_log(x[i]);
}

/* x + most becomes y, and most what y lost: the sum is exact (Knuth's). */
static void add_block(double *x, double *most, bool f32)
{
    AG_VECTOR_LOOP
    for (int i = 0; i < BLOCK; i++) {
        const double sum = most[i] + x[i], part = sum - most[i], y = f32 ? (double)(float)sum : sum;
        const double lost = (most[i] - (sum - part)) + (x[i] - part) + (sum - y);
        most[i] = y - y == 0 ? lost : 0; /* else y is not finite */
        x[i] = y;
    }
}

typedef struct log_job {
    ag_scan s;
    const void *x;
    void *y, *lost;
} log_job;

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const log_job *j = context;
    const int64_t n = j->s.n, inner = j->s.inner, step = j->s.reverse ? -inner : inner;
    double block[BLOCK], most[BLOCK];
    for (int64_t line = begin; line < end; line++) {
        const int64_t at = line / inner * n * inner + line % inner + (j->s.reverse ? (n - 1) * inner : 0);
        so_far f = { -INFINITY, 0 };
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int64_t left = n - i < BLOCK ? n - i : BLOCK, first = at + i * step;
            for (int64_t k = 0; k < BLOCK; k++)
                block[k] = k >= left              ? 0
                           : j->s.dtype == AG_F32 ? (double)((const float *)j->x)[first + k * step]
                                                  : ((const double *)j->x)[first + k * step];
            run_block(block, most, left, &f);
            add_block(block, most, j->s.dtype == AG_F32);
            for (int64_t k = 0, to = first; k < left; k++, to += step)
                if (j->s.dtype == AG_F32) {
                    ((float *)j->y)[to] = (float)block[k];
                    ((float *)j->lost)[to] = (float)most[k];
                } else {
                    ((double *)j->y)[to] = block[k];
                    ((double *)j->lost)[to] = most[k];
                }
        }
    }
}

static ag_status logcumsumexp_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const log_job j = { ag_call_scan(c, x, false), x->data, y[0].data, y[1].data };
    if (ag_array_size(x) > 0)
        ag_for_ranges(j.s.outer * j.s.inner, (double)j.s.n * 8, j.s.threads, run_lines, &j);
    return AG_OK;
}

/* ---- the derivative: dx[j] = exp(x[j] - y[j]) r[j], r[j] = dy[j] + exp(y[j] - y[j+1]) r[j+1], where nothing overflows,
 * for y ascends */

/* exp(a - b - lost) of an a that is not above b, 1 where both are one infinity; and at most 1 where a means nothing */
static ag_tensor ratio(ag_tensor a, ag_tensor b, ag_tensor lost)
{
    const ag_tensor same = ag_logical_and(ag_equal(a, b), ag_isinf(a));
    return ag_exp(ag_minimum_scalar(ag_where_scalar(ag_logical_not(same), ag_sub(ag_sub(a, b), lost), 0), 0));
}

/* y lost a constant: with it y is what it is the derivative of. */
static ag_tensor lost_of(const ag_call *c)
{
    return ag_detach(ag_call_output(c, 1));
}

/* exp(x - y): the part that x is of y */
static ag_tensor part_of(const ag_call *c)
{
    return ratio(ag_call_input(c, 0), ag_call_output(c, 0), lost_of(c));
}

/* exp(y[i-1] - y[i]): what there was of y[i], 0 for the first */
static ag_tensor kept_of(const ag_call *c)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor y = ag_call_output(c, 0), lost = lost_of(c);
    return ratio(ag_one_further(y, p->axis, p->reverse), y, ag_sub(lost, ag_one_further(lost, p->axis, p->reverse)));
}

static void logcumsumexp_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor next = ag_one_further(kept_of(c), p->axis, !p->reverse);
    const ag_tensor r = ag_recurrence_along(next, dy[0], p->axis, !p->reverse);
    dx[0] = ag_mul(part_of(c), r);
}

static void logcumsumexp_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_scanning *p = ag_call_params(c);
    const ag_tensor b = ag_mul(part_of(c), dx[0]);
    dy[0] = ag_recurrence_along(kept_of(c), b, p->axis, p->reverse);
}

AG_OP(logcumsumexp) = {
    .name = "logcumsumexp",
    .formula = "log of running sums of exp(x) along an axis",
    .inputs = 1,
    .saved = 1,
    .params_size = sizeof(ag_scanning),
    .shape = logcumsumexp_shape,
    .forward = logcumsumexp_forward,
    .vjp = logcumsumexp_vjp,
    .jvp = logcumsumexp_jvp,
    .samples = (const ag_sample[]){ AG_SCAN_SAMPLES(-2, 2), { 0 } },
};

/* ag_logcumsumexp - logarithms of running sums of exponentials along an axis (-1: the last), safe from overflow.
 *   y[..,i,..] = log(exp(x[..,0,..]) + ... + exp(x[..,i,..]))
 *       dx[..,j,..] = sum over i >= j of dy[..,i,..] exp(x[..,j,..] - y[..,i,..])
 * Errors: AG_ESHAPE if there is no such axis; AG_EDTYPE for integers. */
AG_API ag_tensor ag_logcumsumexp(ag_tensor x, int axis)
{
    const ag_scanning p = { axis, false };
    return AG_APPLY(logcumsumexp, AG_LIST(x), &p);
}
