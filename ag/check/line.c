/* The lines along which a function is looked at, and what is known of it close to the point. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>

static const double STEP = 0.02, FINEST = 0x1p-48;
static const double COARSE = 1.1e-6, FINE = 1.3e-9; /* what single precision resolves, and double */
static const double CLOSE = 1e-12;
/* An estimate is trusted to this factor, and slopes are compared to this relative accuracy. */
static const double SAFETY = 4, NEAR = 1e-5;

/* ---- along a line */

static bool value_on_line(void *user, double s, double *values)
{
    ag_checker *c = user;
    const double *x = c->p->x;
    double *point = c->v.point;
    if (c->direct)
        for (int64_t i = 0; i < c->v.n; i++)
            point[i] = x[i] + s * c->direct[i];
    else
        point[c->column] = x[c->column] + s;
    bool ok = ag_evaluation_at(&c->v, c->order, values, NULL);
    if (c->direct)
        memcpy(point, x, (size_t)c->v.n * sizeof *x);
    else
        point[c->column] = x[c->column];
    return ok;
}

/* Which input element i belongs to; the rest is the index in it. */
size_t ag_check_input_of(const ag_probe *p, int64_t *i)
{
    size_t k = 0;
    for (; k < p->inputs && *i >= ag_shape_size(p->shape[k]); k++)
        *i -= ag_shape_size(p->shape[k]);
    return k;
}

typedef struct room {
    double below, above;
} room;

static room room_of(const ag_checker *c, int64_t i)
{
    int64_t element = i;
    size_t k = ag_check_input_of(c->p, &element);
    const ag_check_options *o = &c->p->options;
    return (room){ o->low ? c->p->x[i] - o->low[k] : INFINITY, o->high ? o->high[k] - c->p->x[i] : INFINITY };
}

/* Steps along a direction are relative to the point. */
static double finest_step(const ag_checker *c)
{
    if (c->direct)
        return FINEST;
    double x = fabs(c->p->x[c->column]);
    return 4 * (nextafter(x, INFINITY) - x);
}

ag_line ag_checker_line(ag_checker *c)
{
    double step = c->p->options.step > 0 ? c->p->options.step : STEP;
    double tolerance = c->p->options.tolerance > 0 ? c->p->options.tolerance : AG_CHECK_TOLERANCE;
    ag_line l = { .at = value_on_line,
                  .user = c,
                  .count = c->rows,
                  .step = step,
                  .finest = finest_step(c),
                  .below = INFINITY,
                  .above = INFINITY,
                  .precision = tolerance / 40,
                  .center = c->center,
                  .noise = c->noise };
    if (!c->direct) {
        room r = room_of(c, c->column);
        l.step = step * ag_check_unit(c->p->x[c->column]);
        l.below = r.below;
        l.above = r.above;
        return l;
    }
    for (int64_t i = 0; i < c->v.n; i++) {
        double d = c->direct[i];
        room r = room_of(c, i);
        if (d == 0)
            continue;
        l.above = fmin(l.above, (d > 0 ? r.above : r.below) / fabs(d));
        l.below = fmin(l.below, (d > 0 ? r.below : r.above) / fabs(d));
    }
    return l;
}

/* ---- the noise of the values */

/* Away from the nearer bound, and not over the farther one. */
void ag_checker_aim(ag_checker *c)
{
    const double farthest = 16 * COARSE;
    ag_random_uniform(AG_F64, c->probing, c->v.n, c->p->options.seed, AG_CHECK_RANDOM + 3, -1, 1, 1);
    for (int64_t i = 0; i < c->v.n; i++) {
        room r = room_of(c, i);
        double size = (0.5 + 0.5 * fabs(c->probing[i])) * ag_check_unit(c->p->x[i]);
        bool up = r.above == r.below ? c->probing[i] > 0 : r.above > r.below;
        c->probing[i] = fmin(size, (up ? r.above : r.below) / farthest);
        c->probing[i] *= up ? 1 : -1;
    }
}

/* Does a value move steadily between points that near to each other? Noise does not. */
static bool is_smooth(const ag_checker *c, int64_t row, double spacing)
{
    const ag_slope *s = &c->near[row];
    return fabs(s->bend) <= 0.1 * fabs(s->value) && s->level <= 0.01 * fabs(s->value) * spacing;
}

/* What looks like noise is an oscillation if the values move steadily close to the point; closer still, if need be. */
static bool doubt_noise(ag_checker *c, const double *fine, double spacing)
{
    for (int64_t g = 0; g < c->rows; g++)
        if (is_smooth(c, g, spacing))
            c->noise[g] = fine[g];
    return memcmp(c->noise, fine, (size_t)c->rows * sizeof *fine);
}

bool ag_checker_noise(ag_checker *c)
{
    double rounding = c->order == 2 ? c->v.largest : 0; /* of f, which its derivative may be small beside */
    double *fine = c->again;
    for (int64_t g = 0; g < c->rows; g++)
        c->noise[g] = DBL_EPSILON * (c->size[g] + rounding);
    c->direct = c->probing;
    c->spacing = FINE;
    ag_line l = ag_checker_line(c);
    if (!ag_line_noise(&l, FINE, c->memory, c->noise, c->near))
        return false;
    memcpy(fine, c->noise, (size_t)c->rows * sizeof *fine);
    if (!ag_line_noise(&l, COARSE, c->memory, c->noise, NULL))
        return false;
    if (!doubt_noise(c, fine, FINE))
        return true;
    c->spacing = CLOSE;
    if (!ag_line_noise(&l, CLOSE, c->memory, fine, c->near))
        return false;
    doubt_noise(c, fine, CLOSE);
    return true;
}

/* Close to the point, too: at the point itself what is rounded may have no influence, as where it is squared. */
double ag_checker_rounding(ag_checker *c, int64_t row)
{
    const double at[] = { 0, COARSE, 16 * COARSE };
    if (c->rounding[row] >= 0)
        return c->rounding[row];
    c->rounding[row] = 0;
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        for (int64_t i = 0; i < c->v.n; i++)
            c->v.point[i] = c->p->x[i] + at[k] * c->probing[i];
        c->rounding[row] = fmax(c->rounding[row], ag_evaluation_rounding(&c->v, c->order, row));
        if (c->order == 2) /* what the first derivative is made of */
            c->rounding[row] = fmax(c->rounding[row], ag_evaluation_rounding(&c->v, 1, AG_ALL_GROUPS));
    }
    memcpy(c->v.point, c->p->x, (size_t)c->v.n * sizeof *c->p->x);
    return c->rounding[row];
}

/* What is rounded inside f may stay the same from point to point: values that do not move show no noise. */
void ag_checker_expect_rounding(ag_checker *c, int64_t row)
{
    c->noise[row] = fmax(c->noise[row], ag_checker_rounding(c, row));
}

static bool differs(const ag_checker *c, int64_t row)
{
    const ag_slope *s = &c->near[row];
    double analytic = c->along[row], scale = fmax(fabs(analytic), fabs(s->value));
    double unsure = c->noise[row] / (c->spacing * AG_NOISE_POINTS) + s->bend;
    return !(fabs(analytic - s->value) <= SAFETY * unsure + NEAR * scale);
}

/* Is the analytic derivative another one than values close to the point show? Farther away the function may be flat, or
 * oscillate, without that anything else betrays it. */
bool ag_checker_is_contradicted(ag_checker *c)
{
    bool any = false;
    for (int64_t g = 0; g < c->rows; g++) {
        if (!differs(c, g))
            continue;
        ag_checker_expect_rounding(c, g);
        any |= differs(c, g);
    }
    return any;
}
