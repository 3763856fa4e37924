/* Numeric derivatives with error estimates. Three series per value (central, forward and backward differences) are
 * extrapolated while the step is halved. Where forward and backward limits differ there is a kink, where the values do
 * there is a jump. */
#include "ag/check/check.h"
#include <math.h>
#include <stdlib.h>

enum { COLUMNS = 7, ROWS = 30, UNDEFINED_ROWS = 40, LEAST_ROWS = 4, NOISE_POINTS = 16, LEAST_CHANGES = 10 };
/* By how much extrapolation amplifies the noise of a central and of a one-sided difference:
 * prod (r^k + 1) / (r^k - 1). */
static const double CENTRAL_NOISE = 2, SIDE_NOISE = 9;

typedef struct series {
    double entry[COLUMNS];  /* the last row of the extrapolation table */
    double last;            /* the best value of that row */
    double value, estimate; /* the best of all rows */
    double largest;         /* difference quotient of all rows */
    double floor;           /* the part of the estimate that is noise */
    int rows, worse;        /* rows since the best one with a much larger estimate */
} series;

typedef struct change { /* of the value across the point: a jump if it stays while the step shrinks */
    double last;
    int stable;
} change;

typedef struct tables {
    series central, up, down;
    change jump_up, jump_down;
} tables;

static const series EMPTY = { .estimate = INFINITY };

/* Adds the difference quotient d of the step 2^-rows to a series whose error runs in powers of step^power. */
static void extrapolate(series *s, double d, double noise, int power)
{
    if (!isfinite(d)) {
        *s = EMPTY; /* outside of the domain: larger steps prove nothing either */
        return;
    }
    double row[COLUMNS] = { d }, best = d, error = INFINITY, factor = 1;
    int columns = s->rows < COLUMNS - 1 ? s->rows : COLUMNS - 1;
    for (int j = 1; j <= columns; j++) {
        factor *= power == 1 ? 2 : 4;
        row[j] = row[j - 1] + (row[j - 1] - s->entry[j - 1]) / (factor - 1);
        double e = fmax(fabs(row[j] - row[j - 1]), fabs(row[j] - s->entry[j - 1]));
        if (e <= error) {
            error = e;
            best = row[j];
        }
    }
    memcpy(s->entry, row, sizeof row);
    s->largest = fmax(s->largest, fabs(d));
    if (s->rows)
        error = fmax(error, fabs(best - s->last)); /* two rows agree by chance more rarely than two entries */
    s->last = best;
    s->rows++;
    double estimate = error + noise;
    if (estimate < s->estimate) {
        s->value = best;
        s->estimate = estimate;
        s->floor = noise;
        s->worse = 0;
    } else if (estimate > 4 * s->estimate) {
        s->worse++;
    }
}

static bool only_noise(const series *s)
{
    return s->estimate <= 64 * s->floor;
}

static bool settled(const series *s, double precision)
{
    return s->rows >= LEAST_ROWS && (s->estimate <= precision * fabs(s->value) || (s->worse >= 2 && only_noise(s)));
}

static void watch(change *c, double difference, double noise)
{
    bool same =
        isfinite(difference) && fabs(difference) > 100 * noise && fabs(difference - c->last) <= 0.1 * fabs(difference);
    c->stable = same ? c->stable + 1 : 0;
    c->last = difference;
}

static void add_row(tables *v, double up, double center, double down, double h, double noise)
{
    extrapolate(&v->up, (up - center) / h, SIDE_NOISE * noise / h, 1);
    extrapolate(&v->down, (center - down) / h, SIDE_NOISE * noise / h, 1);
    extrapolate(&v->central, (up - down) / (2 * h), CENTRAL_NOISE * noise / h, 2);
    watch(&v->jump_up, up - center, noise);
    watch(&v->jump_down, center - down, noise);
}

static bool found(const series *s)
{
    return s->estimate < INFINITY;
}

/* Both sides in accord, or only one there is: no need for smaller steps. */
static bool finished(const tables *v, double precision)
{
    const double side_precision = fmax(precision, 1e-7);
    if (found(&v->central))
        return settled(&v->central, precision) && settled(&v->up, side_precision) && settled(&v->down, side_precision);
    return (settled(&v->up, precision) && !v->down.rows) || (settled(&v->down, precision) && !v->up.rows);
}

static bool is_jump(const tables *v)
{
    return v->jump_up.stable >= 4 || v->jump_down.stable >= 4;
}

/* Still moving, and neither because of noise nor toward 0, as x^1.5 does: the derivative may be infinite. */
static bool vague(const series *s, double size)
{
    return s->estimate > 1e-2 * size && !only_noise(s) && fabs(s->value) + s->estimate > 1e-9 * s->largest;
}

static ag_slope conclude_one_side(const tables *v)
{
    const series *side = v->up.estimate <= v->down.estimate ? &v->up : &v->down;
    if (!found(side))
        return (ag_slope){ NAN, INFINITY, is_jump(v) ? AG_SLOPE_KINK : AG_SLOPE_UNRESOLVED };
    return (ag_slope){ side->value, side->estimate,
                       vague(side, fabs(side->value)) ? AG_SLOPE_UNRESOLVED : AG_SLOPE_SMOOTH };
}

static ag_slope conclude(const tables *v)
{
    const series *c = &v->central;
    if (!found(c) || !found(&v->up) || !found(&v->down))
        return conclude_one_side(v);
    double up = v->up.value, down = v->down.value, apart = fabs(up - down);
    double size = fmax(fabs(c->value), fmax(fabs(up), fabs(down))), unsure = v->up.estimate + v->down.estimate;
    ag_slope middle = { c->value, c->estimate, AG_SLOPE_KINK };
    if (is_jump(v))
        return middle;
    middle.kind = AG_SLOPE_UNRESOLVED;
    if (vague(&v->up, size) || vague(&v->down, size))
        return middle;
    bool still_apart =
        fabs(v->up.last - v->down.last) > apart / 2; /* at the smallest steps too, where there is a kink */
    middle.kind = apart > 4 * unsure + 1e-5 * size && still_apart ? AG_SLOPE_KINK : AG_SLOPE_SMOOTH;
    if (middle.kind == AG_SLOPE_SMOOTH && (unsure + apart) / 2 < c->estimate) /* x|x| has no expansion in h^2 */
        return (ag_slope){ (up + down) / 2, (unsure + apart) / 2, AG_SLOPE_SMOOTH };
    return middle;
}

size_t ag_line_bytes(int64_t count)
{
    return (size_t)count * (sizeof(tables) + (NOISE_POINTS + 2) * sizeof(double));
}

/* The first step: a power of two, so that x + h and x - h are mostly exact, and well inside where there is little room.
 * A side with hardly any room counts as closed. */
static double first_step(const ag_line *l, bool *above, bool *below)
{
    const double least = ldexp(l->step, -20);
    double h = l->step;
    *above = l->above > least && h < INFINITY;
    *below = l->below > least && h < INFINITY;
    if (!*above && !*below)
        return 0;
    if (*above)
        h = fmin(h, 0.9 * l->above);
    if (*below)
        h = fmin(h, 0.9 * l->below);
    return ldexp(1, (int)floor(log2(h)));
}

static bool all_finite(const double *v, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

static bool all_finished(const tables *v, const ag_line *l)
{
    for (int64_t i = 0; i < l->count; i++)
        if (!finished(&v[i], l->precision))
            return false;
    return true;
}

static bool values_at(const ag_line *l, bool open, double s, double *values)
{
    if (open)
        return l->at(l->user, s, values);
    for (int64_t i = 0; i < l->count; i++)
        values[i] = NAN;
    return true;
}

bool ag_line_slopes(const ag_line *l, void *memory, ag_slope *slopes)
{
    tables *v = memory;
    double *up = (double *)(v + l->count), *down = up + l->count;
    bool above, below;
    double h = first_step(l, &above, &below);
    for (int64_t i = 0; i < l->count; i++)
        v[i] = (tables){ .central = EMPTY, .up = EMPTY, .down = EMPTY };
    for (int row = 0, undefined = 0; h > l->finest && row < ROWS && undefined < UNDEFINED_ROWS; h /= 2) {
        if (!values_at(l, above, h, up) || !values_at(l, below, -h, down))
            return false;
        for (int64_t i = 0; i < l->count; i++)
            add_row(&v[i], up[i], l->center[i], down[i], h, l->noise[i]);
        /* steps that leave the domain do not count: it may end nearby */
        if (all_finite(above ? up : down, l->count) && all_finite(below ? down : up, l->count))
            row++;
        else
            undefined++;
        if (all_finished(v, l))
            break;
    }
    for (int64_t i = 0; i < l->count; i++)
        slopes[i] = conclude(&v[i]);
    return true;
}

/* ---- noise */

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* What three fifths of the k-th differences do not exceed, scaled to the deviation of a single value. Those of a smooth
 * function vanish, and a kink or a jump disturbs a third of the fourth ones at most. */
static double difference_level(const double *difference, int count, int k)
{
    double sorted[NOISE_POINTS], scale = 1;
    for (int i = 1; i <= k; i++)
        scale *= (double)i / (k + i); /* (k!)^2 / (2k)! */
    memcpy(sorted, difference, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    return sqrt(scale) * fabs(sorted[count * 3 / 5]) / 0.88;
}

/* How often the sign changes from one to the next: nearly always in noise, hardly ever near singularities, where high
 * differences are large, too. */
static int sign_changes(const double *difference, int count)
{
    int changes = 0;
    for (int i = 1; i < count; i++)
        changes += difference[i - 1] * difference[i] < 0;
    return changes;
}

static double noise_of(double *v)
{
    double level = INFINITY, largest = 0;
    int changes = 0;
    for (int i = 0; i < NOISE_POINTS; i++)
        largest = fmax(largest, fabs(v[i]));
    for (int i = 0; i < NOISE_POINTS && largest > 0; i++)
        v[i] /= largest; /* so that squares do not underflow */
    for (int k = 1; k <= 6; k++) {
        int count = NOISE_POINTS - k;
        for (int i = 0; i < count; i++)
            v[i] = v[i + 1] - v[i];
        if (k < 4)
            continue;
        level = fmin(level, difference_level(v, count, k));
        changes += sign_changes(v, count);
    }
    return isfinite(level) && changes >= LEAST_CHANGES ? 4 * level * largest : 0;
}

/* The noise on one side of the point, which is left out: a jump there is not noise. */
static bool noise_on_side(const ag_line *l, double spacing, double *values, double *level)
{
    for (int k = 0; k < NOISE_POINTS; k++)
        if (!l->at(l->user, spacing * (k + 1), values + k * l->count))
            return false;
    for (int64_t i = 0; i < l->count; i++) {
        double v[NOISE_POINTS];
        for (int k = 0; k < NOISE_POINTS; k++)
            v[k] = values[k * l->count + i];
        level[i] = noise_of(v);
    }
    return true;
}

/* Where there seems to be some, the other side must show it as well: a pole or kinks may lie on the first. */
bool ag_line_noise(const ag_line *l, double spacing, void *memory, double *noise)
{
    double *level = memory, *other = level + l->count, *values = other + l->count;
    bool much = false;
    if (!noise_on_side(l, spacing, values, level))
        return false;
    for (int64_t i = 0; i < l->count; i++) {
        other[i] = level[i];
        much |= level[i] > 64 * noise[i];
    }
    if (much && l->below > spacing * (NOISE_POINTS + 1) && !noise_on_side(l, -spacing, values, other))
        return false;
    for (int64_t i = 0; i < l->count; i++)
        noise[i] = fmax(noise[i], fmin(level[i], other[i]));
    return true;
}
