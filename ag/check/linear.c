/* What every derivative is, whatever f: linear in the adjoint dy, and the same each time. One that is neither may be right
 * where it is compared, with 0 and 1 for dy. */
#include "ag/check/check.h"
#include <float.h>

/* dy goes through them all times this: exact in every float type, and far from 1. */
static const double FACTOR = -1024;

static double allowed(const ag_evaluation *v, int64_t i)
{
    bool coarse = false;
    for (int k = 0; k < v->p->outputs; k++)
        coarse |= v->dtype[k] == AG_F32;
    return (coarse ? 1e-4 : 1e-9) * v->gradient_size[i] + 8 * DBL_EPSILON * v->size / ag_check_unit(v->p->x[i]);
}

/* The first element that is not FACTOR times the sum of the rows; n: none. */
static int64_t differs(ag_evaluation *v, const double *scaled, const double *gradient)
{
    double inside = -1;
    for (int64_t i = 0; i < v->n; i++) {
        double apart = fabs(scaled[i] / FACTOR - gradient[i]), room = allowed(v, i);
        if (apart <= room || !isfinite(scaled[i]) || !isfinite(gradient[i]))
            continue;
        if (inside < 0)
            inside = ag_evaluation_rounding(v, 1, AG_ALL_GROUPS);
        if (apart > room + 256 * inside / ag_check_unit(v->p->x[i]))
            return i;
    }
    return v->n;
}

static bool say(ag_evaluation *v, int64_t i, const char *what, const char *how, double a, double b)
{
    char place[160];
    int64_t element = i;
    v->result->report.order = 1;
    v->result->report.input = ag_check_input_of(v->p, &element);
    v->result->report.element = element;
    v->result->report.analytic = a;
    v->result->report.numeric = b;
    snprintf(v->result->cause, sizeof v->result->cause, "%s", what);
    return ag_evaluation_fail(v, AG_FAIL, "%s: the derivative by %s at %.9g is %.9g, and %.9g %s", what,
                              ag_check_input_place(v->p, i, place, sizeof place), v->p->x[i], a, b, how);
}

bool ag_evaluation_is_linear(ag_evaluation *v, int flags)
{
    ag_mark mark = ag_tape_mark(v->t);
    double *scaled = ag_check_doubles(v->t, v->n), *once = ag_check_doubles(v->t, v->n),
           *again = ag_check_doubles(v->t, v->n);
    if (!scaled || !once || !again)
        return ag_evaluation_fail_pending(v, "the check");
    const double *gradient = v->gradient;
    bool linear = ag_evaluation_gradient(v, FACTOR, flags, scaled);
    if (linear && flags) /* the rules may not agree with the kernels, and yet be linear */
        linear = ag_evaluation_gradient(v, 1, flags, once);
    int64_t i = linear ? differs(v, scaled, flags ? once : gradient) : v->n;
    if (i < v->n) {
        linear = ag_evaluation_gradient(v, 1, flags, once) && ag_evaluation_gradient(v, 1, flags, again);
        for (int64_t k = 0; k < v->n && linear; k++)
            if (once[k] != again[k] && isfinite(once[k]) && isfinite(again[k]))
                linear = say(v, k, "the derivative is not deterministic", "the next time", once[k], again[k]);
        if (linear)
            linear = say(v, i, "not linear in dy", "where dy is -1024 times that", gradient[i], scaled[i]);
    }
    ag_tape_rewind(v->t, mark);
    return linear;
}
