/* Does an input matter to a checked function at all? One that it does not read would pass every check. */
#include "ag/check/check.h"
#include <math.h>

enum { ATTEMPTS = 4 };

static double clamp(double x, const ag_check_options *o, size_t input)
{
    if (o->low)
        x = fmax(x, o->low[input]);
    return o->high ? fmin(x, o->high[input]) : x;
}

/* Nearby, at the other side of zero, and ever farther away: what f only compares with something may not change sooner.
 */
static void move(ag_evaluation *v, size_t input, int64_t first, int attempt)
{
    const double *x = v->p->x;
    int64_t end = first + ag_shape_size(v->p->shape[input]);
    ag_random_uniform(AG_F64, v->point + first, end - first, v->p->options.seed, AG_CHECK_RANDOM + (uint64_t)attempt,
                      -1, 1, 1);
    for (int64_t i = first; i < end; i++) {
        double far = x[i] + v->point[i] * attempt * attempt * fmax(fabs(x[i]), 1) / 2;
        v->point[i] = clamp(attempt == 1 ? -x[i] : far, &v->p->options, input);
    }
}

/* Where f fails, it has read the input, too. */
static bool changes(ag_evaluation *v, const double *center, double *values)
{
    const ag_probe_result before = *v->result;
    ag_status *error = &v->t->error.status;
    if (ag_evaluation_at(v, 1, values, NULL))
        return memcmp(values, center, (size_t)v->groups[0] * sizeof *values);
    if (*error != AG_ENOMEM && *error != AG_ELIMIT) {
        *v->result = before;
        *error = AG_OK;
    }
    return true;
}

bool ag_evaluation_uses(ag_evaluation *v, size_t input, const double *center, double *values)
{
    int64_t first = 0, size = ag_shape_size(v->p->shape[input]);
    bool uses = v->reached[input] || !size;
    for (size_t i = 0; i < input; i++)
        first += ag_shape_size(v->p->shape[i]);
    for (int attempt = 1; attempt <= ATTEMPTS && !uses; attempt++) {
        move(v, input, first, attempt);
        uses = changes(v, center, values);
        memcpy(v->point + first, v->p->x + first, (size_t)size * sizeof *v->point);
    }
    return uses;
}
