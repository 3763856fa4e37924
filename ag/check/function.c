/* The derivatives of a function, element by element or along random directions, against numeric ones. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* An estimate is trusted to this factor. */
static const double SAFETY = 4;
/* What a difference may amount to, and what the numeric derivative must resolve, relative to the derivative. */
static const double TOLERANCE = 1e-6, RESOLUTION = 5e-3;
static const double STEP = 0.02, FINEST = 0x1p-48;
/* Beside 1, an error of this size counts as none. */
static const double LOST = 1e-9;

typedef struct checker {
    ag_evaluation v;
    const ag_probe *p;
    ag_probe_result *result;
    int order;
    int64_t columns, rows; /* derivatives of `rows` values by `columns` elements, or along as many directions */
    double *analytic;      /* rows by columns */
    double *direction;     /* columns by n; NULL: the elements themselves */
    double *probing;       /* the direction in which noise is measured: n */
    double *center, *again, *size, *noise; /* per row: the value, evaluated twice; its scale; how far it is off */
    ag_slope *slope;
    void *memory;
    double largest, steepest; /* of all values, of all analytic derivatives */
    int64_t seen, lost;       /* derivatives that were resolved; those that rounding hides, but for nothing */
    bool hidden;              /* too many of the latter in an order */
    size_t unused;            /* the first input that f does not read; as many as there are: none */
    int64_t column;           /* that is being looked at */
    const double *direct;     /* its direction, or that of the noise */
    double worst;             /* the worst disagreement so far, relative to what was allowed */
} checker;

/* ---- along a line */

static bool value_on_line(void *user, double s, double *values)
{
    checker *c = user;
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
static size_t input_of(const ag_probe *p, int64_t *i)
{
    size_t k = 0;
    for (; k < p->inputs && *i >= ag_shape_size(p->shape[k]); k++)
        *i -= ag_shape_size(p->shape[k]);
    return k;
}

static double unit(double x)
{
    return fmax(fabs(x), 1);
}

typedef struct room {
    double below, above;
} room;

static room room_of(const checker *c, int64_t i)
{
    int64_t element = i;
    size_t k = input_of(c->p, &element);
    const ag_check_options *o = &c->p->options;
    return (room){ o->low ? c->p->x[i] - o->low[k] : INFINITY, o->high ? o->high[k] - c->p->x[i] : INFINITY };
}

/* Steps along a direction are relative to the point. */
static double finest_step(const checker *c)
{
    if (c->direct)
        return FINEST;
    double x = fabs(c->p->x[c->column]);
    return 4 * (nextafter(x, INFINITY) - x);
}

static ag_line line_of(checker *c)
{
    double step = c->p->options.step > 0 ? c->p->options.step : STEP;
    double tolerance = c->p->options.tolerance > 0 ? c->p->options.tolerance : TOLERANCE;
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
        l.step = step * unit(c->p->x[c->column]);
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
static void aim(checker *c, double farthest)
{
    ag_random_uniform(AG_F64, c->probing, c->v.n, c->p->options.seed, AG_CHECK_RANDOM + 3, -1, 1, 1);
    for (int64_t i = 0; i < c->v.n; i++) {
        room r = room_of(c, i);
        double size = (0.5 + 0.5 * fabs(c->probing[i])) * unit(c->p->x[i]);
        bool up = r.above == r.below ? c->probing[i] > 0 : r.above > r.below;
        c->probing[i] = fmin(size, (up ? r.above : r.below) / farthest);
        c->probing[i] *= up ? 1 : -1;
    }
}

static bool measure_noise(checker *c)
{
    double rounding = c->order == 2 ? c->v.largest : 0; /* of f, which its derivative may be small beside */
    for (int64_t g = 0; g < c->rows; g++)
        c->noise[g] = DBL_EPSILON * (c->size[g] + rounding);
    const double coarse = 1.1e-6, fine = 1.3e-9; /* what single precision resolves, and double */
    aim(c, 16 * coarse);
    c->direct = c->probing;
    ag_line l = line_of(c);
    return ag_line_noise(&l, coarse, c->memory, c->noise) && ag_line_noise(&l, fine, c->memory, c->noise);
}

/* ---- judging a derivative */

/* Below the last bit of f per unit of x, and in the second order of its derivative, whose terms may cancel. */
static double zero_level(const checker *c, int64_t row)
{
    double level = 2 * DBL_EPSILON * (c->size[row] + (c->order == 2 ? c->v.size : 0));
    return c->direction ? level : level / unit(c->p->x[c->column]);
}

/* What agrees must also have been resolved: a zero is one where the analytic derivative is below the last bit of f. */
static ag_verdict judge(const checker *c, int64_t row, double analytic, double *tolerance)
{
    const ag_slope *s = &c->slope[row];
    double given = c->p->options.tolerance, difference = fabs(analytic - s->value), sure = SAFETY * s->estimate;
    double scale = fmax(fabs(analytic), fabs(s->value)), zero = zero_level(c, row);
    *tolerance = given > 0 ? given * scale : fmax(TOLERANCE * scale, sure);
    if (s->kind == AG_SLOPE_KINK)
        return AG_KINK;
    if (s->kind == AG_SLOPE_UNRESOLVED || !isfinite(s->estimate))
        return AG_INCONCLUSIVE;
    if (!isfinite(analytic) || difference > *tolerance + (given > 0 ? sure : 0))
        return AG_FAIL;
    if (fabs(analytic) <= zero && fabs(s->value) <= sure + zero)
        return AG_PASS;
    bool resolved = sure <= (given > 0 ? given : RESOLUTION) * scale;
    return resolved && difference <= *tolerance ? AG_PASS : AG_INCONCLUSIVE;
}

/* It agrees as far as can be seen, and what cannot is nothing beside the largest derivative, or, where the caller takes
 * that, beside the values. */
static bool is_lost(const checker *c, int64_t row, double analytic)
{
    double sure = SAFETY * c->slope[row].estimate, scale = c->steepest;
    if (c->p->options.tolerance > 0)
        return false;
    if (c->p->forgiving)
        scale = fmax(scale, c->direction ? c->largest : c->largest / unit(c->p->x[c->column]));
    double nothing = LOST * scale;
    return c->slope[row].kind == AG_SLOPE_SMOOTH && fabs(analytic - c->slope[row].value) <= sure && sure <= nothing;
}

static int severity(ag_verdict v)
{
    return v == AG_FAIL ? 3 : v == AG_KINK ? 2 : v == AG_INCONCLUSIVE ? 1 : 0;
}

static void note(checker *c, int64_t row, double analytic)
{
    ag_check_report *r = &c->result->report;
    double tolerance, numeric = c->slope[row].value;
    ag_verdict verdict = judge(c, row, analytic, &tolerance);
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
    r->input = c->direction ? 0 : input_of(c->p, &r->element);
    r->output = row;
    r->analytic = analytic;
    r->numeric = numeric;
    r->estimate = c->slope[row].estimate;
    r->tolerance = tolerance;
}

/* ---- one order */

static double product(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void take_row(void *user, int64_t group, const double *row)
{
    checker *c = user;
    double size = 0;
    for (int64_t i = 0; i < c->v.n; i++)
        size += fabs(row[i] * c->p->x[i]);
    c->size[group] = isfinite(size) ? size : 0;
    double *to = c->analytic + group * c->columns;
    for (int64_t k = 0; k < c->columns; k++) {
        to[k] = c->direction ? product(row, c->direction + k * c->v.n, c->v.n) : row[k];
        if (isfinite(to[k]))
            c->steepest = fmax(c->steepest, fabs(to[k]));
    }
}

static bool fail(checker *c, ag_verdict verdict, const char *text)
{
    snprintf(c->result->text, sizeof c->result->text, "%s", text);
    c->result->report.verdict = verdict;
    return false;
}

/* The values at the point itself: twice, since nothing can be said of a function that is never the same. */
static bool take_center(checker *c)
{
    double *size = c->again;
    if (!ag_evaluation_at(&c->v, c->order, c->center, size))
        return false;
    c->largest = 0;
    for (int64_t g = 0; g < c->rows; g++) {
        double finite = isfinite(size[g]) ? size[g] : 0;
        c->size[g] += finite;
        c->largest = fmax(c->largest, finite);
    }
    if (!ag_evaluation_at(&c->v, c->order, c->again, NULL))
        return false;
    if (memcmp(c->center, c->again, (size_t)c->rows * sizeof *c->again))
        return fail(c, AG_INCONCLUSIVE, "f is not deterministic: two evaluations at one point differ");
    return true;
}

static bool find_unused(checker *c)
{
    for (c->unused = 0; c->unused < c->p->inputs; c->unused++)
        if (!ag_evaluation_uses(&c->v, c->unused, c->center, c->again))
            break;
    return !c->p->tape->error.status;
}

static bool check_order(checker *c, int order)
{
    c->order = order;
    c->steepest = 0;
    c->seen = c->lost = 0;
    c->rows = c->v.groups[order - 1];
    if (!ag_evaluation_rows(&c->v, order, take_row, c) || !take_center(c) || !measure_noise(c))
        return false;
    if (order == 1 && !find_unused(c))
        return false;
    for (c->column = 0; c->column < c->columns; c->column++) {
        c->direct = c->direction ? c->direction + c->column * c->v.n : NULL;
        ag_line l = line_of(c);
        if (!ag_line_slopes(&l, c->memory, c->slope))
            return false;
        for (int64_t g = 0; g < c->rows; g++)
            note(c, g, c->analytic[g * c->columns + c->column]);
    }
    c->hidden |= c->lost > c->seen / 3;
    return true;
}

/* ---- the whole */

static bool prepare(checker *c)
{
    int64_t n = c->v.n, directions = c->p->options.directions;
    int64_t rows = c->v.groups[0] > c->v.groups[1] ? c->v.groups[0] : c->v.groups[1];
    ag_tape *t = c->p->tape;
    c->columns = directions ? directions : n;
    c->analytic = ag_check_doubles(t, rows * c->columns);
    c->direction = directions ? ag_check_doubles(t, n * directions) : NULL;
    c->probing = ag_check_doubles(t, n);
    c->center = ag_check_doubles(t, rows * 4);
    c->slope = ag_scratch(t, (size_t)rows * sizeof *c->slope);
    c->memory = ag_scratch(t, ag_line_bytes(rows));
    if (t->error.status)
        return fail(c, AG_INCONCLUSIVE, t->error.text);
    c->again = c->center + rows;
    c->size = c->again + rows;
    c->noise = c->size + rows;
    for (int64_t k = 0; k < directions; k++) {
        double *d = c->direction + k * n;
        ag_random_normal(AG_F64, d, n, c->p->options.seed, AG_CHECK_RANDOM + 4 + (uint64_t)k, 0, 1, 1);
        for (int64_t i = 0; i < n; i++)
            d[i] *= unit(c->p->x[i]);
    }
    return true;
}

/* Derivatives may be lost in rounding where three times as many are not. */
static void conclude(checker *c)
{
    if (c->result->report.verdict == AG_PASS && c->hidden)
        fail(c, AG_INCONCLUSIVE, "more than a quarter of the derivatives are so small that rounding hides them");
    if (c->result->report.verdict == AG_PASS && c->unused < c->p->inputs)
        ag_check_describe_unused(&c->v, c->unused, c->result);
}

static void check(checker *c)
{
    int order = c->p->options.order ? c->p->options.order : 2;
    if (!ag_evaluation_begin(&c->v, c->p, c->result) || !prepare(c))
        return;
    c->worst = -1;
    c->result->report.verdict = AG_PASS;
    for (int k = 1; k <= order; k++)
        if (!check_order(c, k))
            return;
    conclude(c);
}

void ag_check_function(const ag_probe *p, ag_probe_result *result)
{
    ag_tape *t = p->tape;
    *result = (ag_probe_result){ .report = { .verdict = AG_INCONCLUSIVE } };
    if (ag_error_push(t)) {
        snprintf(result->text, sizeof result->text, "%s", t->error.text);
        return;
    }
    ag_mark mark = ag_tape_mark(t);
    uint64_t random_calls = t->random_calls;
    uint32_t no_grad = t->no_grad;
    t->no_grad = 0;
    ag_set_recording(t);
    checker c = { .p = p, .result = result };
    check(&c);
    if (result->report.verdict != AG_PASS && !result->text[0])
        ag_check_describe(&c.v, result);
    ag_evaluation_end(&c.v);
    ag_tape_rewind(t, mark);
    t->random_calls = random_calls;
    t->no_grad = no_grad;
    ag_set_recording(t);
    ag_status s = ag_error_pop(t);
    if (s == AG_ENOMEM || s == AG_ELIMIT)
        ag_fail(t, s, "the check of derivatives: %s", result->text);
}
