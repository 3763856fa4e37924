/* One derivative against the numeric one, and what the report says of all. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>

/* An estimate is trusted to this factor. */
static const double SAFETY = 4;
/* What the numeric derivative must resolve, relative to the derivative. */
static const double RESOLUTION = 8e-4;
/* Last bits of the point, and of what is computed between it and the value; a step is no larger than one in so many. */
static const double SHIFT = 16, INSIDE = 256, FAR = 64;
/* Beside 1, an error of this size counts as none. */
static const double LOST = 1e-9;

static double unit_of(const ag_checker *c)
{
    return c->direction ? 1 : ag_check_unit(c->p->x[c->column]);
}

/* What f's own rounding does to a derivative that cancels: as a point that is off by some last bits would. */
static double shift_of(const ag_checker *c, int64_t row)
{
    double shift = SHIFT * DBL_EPSILON * unit_of(c) * c->slope[row].bend;
    return isfinite(shift) ? shift : 0;
}

/* Below the last bit of f per unit of x, and in the second order of its derivative, whose terms may cancel. */
static double zero_level(const ag_checker *c, int64_t row)
{
    double level = 2 * DBL_EPSILON * (c->size[row] + (c->order == 2 ? c->v.size : 0));
    return level / unit_of(c) + shift_of(c, row);
}

/* A difference that rounding inside f explains, over the larger steps. */
static bool is_rounding(ag_checker *c, int64_t row, double difference)
{
    return difference * unit_of(c) <= INSIDE * ag_checker_rounding(c, row);
}

/* Can the values not show the difference? They may be lost in rounding, or below the range of numbers, or one of them
 * does not move at all while the last bits of others are larger. */
static bool is_invisible(ag_checker *c, int64_t row, double analytic)
{
    const ag_slope *s = &c->slope[row];
    double difference = fabs(analytic - s->value);
    bool still = s->reach == 0 && s->bend == 0;
    return is_rounding(c, row, difference) || fmax(fabs(analytic), fabs(s->value)) <= DBL_MIN / DBL_EPSILON ||
           (still && difference * unit_of(c) <= DBL_EPSILON * c->largest);
}

/* A derivative of zero is resolved where what cannot be seen is little beside the function itself, or rounding inside f.
 */
static bool is_zero(ag_checker *c, int64_t row, double analytic, double sure)
{
    const ag_slope *s = &c->slope[row];
    double zero = zero_level(c, row), size = c->size[row] + (c->order == 2 ? c->v.size : 0);
    if (fabs(analytic) > zero || fabs(s->value) > sure + zero)
        return false;
    return sure <= fmax(zero, RESOLUTION * (size / unit_of(c) + s->reach)) || is_rounding(c, row, sure / FAR);
}

/* What agrees must also have been resolved: a zero is one where the analytic derivative is below the last bit of f. */
ag_verdict ag_checker_judge(ag_checker *c, int64_t row, double analytic, double *tolerance)
{
    const ag_slope *s = &c->slope[row];
    double given = c->p->options.tolerance, difference = fabs(analytic - s->value);
    double sure = SAFETY * s->estimate + shift_of(c, row);
    double scale = fmax(fabs(analytic), fabs(s->value));
    *tolerance = given > 0 ? given * scale : fmax(ag_checker_tolerance(c) * scale, sure);
    if (s->kind == AG_SLOPE_KINK)
        return AG_KINK;
    if (s->kind == AG_SLOPE_UNRESOLVED || !isfinite(s->estimate))
        return AG_INCONCLUSIVE;
    if (!isfinite(analytic))
        return AG_FAIL;
    bool off = difference > *tolerance + (given > 0 ? sure : 0);
    if (off && !is_invisible(c, row, analytic))
        return AG_FAIL;
    if (off && !(given <= 0 && c->direction && difference <= AG_CHECK_TOLERANCE * scale))
        return AG_INCONCLUSIVE; /* along a direction no element is blamed for what may be rounding */
    if (is_zero(c, row, analytic, sure))
        return AG_PASS;
    bool resolved = sure <= (given > 0 ? given : RESOLUTION) * scale;
    return resolved && (off || difference <= *tolerance) ? AG_PASS : AG_INCONCLUSIVE;
}

/* It agrees as far as can be seen, and what cannot is nothing beside the largest derivative, or, where the caller takes
 * that, beside the values. */
static bool is_lost(const ag_checker *c, int64_t row, double analytic)
{
    double sure = SAFETY * c->slope[row].estimate, scale = c->steepest;
    if (c->p->options.tolerance > 0)
        return false;
    if (c->p->forgiving)
        scale = fmax(scale, c->direction ? c->largest : c->largest / ag_check_unit(c->p->x[c->column]));
    double nothing = LOST * scale;
    return c->slope[row].kind == AG_SLOPE_SMOOTH && fabs(analytic - c->slope[row].value) <= sure && sure <= nothing;
}

static int severity(ag_verdict v)
{
    return v == AG_FAIL ? 3 : v == AG_KINK ? 2 : v == AG_INCONCLUSIVE ? 1 : 0;
}

void ag_checker_note(ag_checker *c, int64_t row, double analytic)
{
    ag_check_report *r = &c->result->report;
    double tolerance, numeric = c->slope[row].value;
    ag_verdict verdict = ag_checker_judge(c, row, analytic, &tolerance);
    if (verdict == AG_INCONCLUSIVE && is_lost(c, row, analytic)) {
        verdict = AG_PASS;
        c->lost++;
    } else if (verdict == AG_PASS && fabs(analytic) > zero_level(c, row)) {
        c->seen++;
    }
    r->checked++;
    c->result->checked[c->order - 1]++;
    r->kinks += verdict == AG_KINK;
    r->inconclusive += verdict == AG_INCONCLUSIVE;
    double ratio = analytic == numeric ? 0 : fabs(analytic - numeric) / tolerance;
    if (isnan(ratio))
        ratio = INFINITY;
    if (severity(verdict) < severity(r->verdict) || (severity(verdict) == severity(r->verdict) && ratio <= c->worst))
        return;
    c->worst = ratio;
    r->verdict = verdict;
    r->order = c->order;
    r->element = c->column;
    r->along = c->direction;
    r->input = c->direction ? 0 : ag_check_input_of(c->p, &r->element);
    r->output = row;
    r->analytic = analytic;
    r->numeric = numeric;
    r->estimate = c->slope[row].estimate;
    r->tolerance = tolerance;
}
