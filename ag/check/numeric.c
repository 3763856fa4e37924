/* Numeric derivatives with error estimates. Three series per value (central, forward and backward differences) are
 * extrapolated while the step is halved. Of estimates that contradict each other those of smaller steps count. Where
 * forward and backward limits differ there is a kink, where the values do there is a jump. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>

enum { COLUMNS = 7, ROWS = 30, UNDEFINED_ROWS = 40, LEAST_ROWS = 4, RIVALS = 3 };
/* By how much extrapolation amplifies the noise of a central and of a one-sided difference:
 * prod (r^k + 1) / (r^k - 1). */
static const double CENTRAL_NOISE = 2, SIDE_NOISE = 9;
/* Estimates contradict each other where they are apart by more than this many times both. */
static const double CONTRADICTION = 4;

typedef struct series {
    double entry[COLUMNS];  /* the last row of the extrapolation table */
    double last;            /* the best value of that row */
    double value, estimate; /* the best of all rows that those of smaller steps do not contradict */
    double rival, doubt;    /* the best of the last rows, which do; its estimate */
    double largest;         /* difference quotient of all rows */
    double floor, noise;    /* the part of the estimate that is noise, and of the last row's */
    int rows, worse;        /* rows since the best one with a much larger estimate */
    int rivals;             /* rows that contradict it and agree with each other */
} series;

typedef struct change { /* of the value across the point: a jump if it stays while the step shrinks */
    double last;
    int stable;
} change;

typedef struct tables {
    series central, up, down;
    change jump_up, jump_down;
    double bend, reach; /* of the largest step: second difference quotient, larger one-sided first one */
    bool done;          /* no need for smaller steps, whatever the others need */
} tables;

static const series EMPTY = { .estimate = INFINITY };

static bool contradict(double a, double of_a, double b, double of_b)
{
    return fabs(a - b) > CONTRADICTION * (of_a + of_b);
}

static void take(series *s, double value, double estimate, double noise)
{
    s->value = value;
    s->estimate = estimate;
    s->floor = noise;
    s->worse = s->rivals = 0;
}

/* The smallest estimate wins, but not against several smaller steps: a function that is flat, or oscillates, or is bent
 * farther away looks well there. */
static void weigh(series *s, double value, double estimate, double noise)
{
    if (estimate == INFINITY || !contradict(value, estimate, s->value, s->estimate)) {
        if (estimate < s->estimate)
            take(s, value, estimate, noise);
        else if (estimate > 4 * s->estimate)
            s->worse++;
        return;
    }
    bool agrees = s->rivals && !contradict(value, estimate, s->rival, s->doubt);
    s->rivals = agrees ? s->rivals + 1 : 1;
    if (!agrees || estimate < s->doubt) {
        s->rival = value;
        s->doubt = estimate;
    }
    if (s->rivals >= RIVALS)
        take(s, s->rival, s->doubt, noise);
}

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
    s->noise = noise;
    s->rows++;
    weigh(s, best, error + noise, noise);
}

static bool only_noise(const series *s)
{
    return s->estimate <= 64 * s->floor;
}

/* The last row, too, has to say the same: three steps that miss a kink agree perfectly. */
static bool settled(const series *s, double precision)
{
    double size = precision * fabs(s->value);
    bool same = !s->rivals && fabs(s->last - s->value) <= CONTRADICTION * (s->estimate + s->noise) + size;
    return s->rows >= LEAST_ROWS && same && (s->estimate <= size || (s->worse >= 2 && only_noise(s)));
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
    noise = fmax(noise, DBL_EPSILON * fmax(fabs(up), fabs(down))); /* NaN beyond the domain counts for nothing */
    if (!v->up.rows && !v->down.rows) {
        v->bend = fabs(up - center - (center - down)) / h / h;
        v->reach = fmax(fabs(up - center), fabs(center - down)) / h;
    }
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

/* The smallest steps contradict the rest, but are too few. */
static bool in_doubt(const tables *v)
{
    return v->central.rivals > 1 || v->up.rivals > 1 || v->down.rivals > 1;
}

/* Both sides in accord, or only one there is: no need for smaller steps, unless something speaks against them. */
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
        return (ag_slope){ NAN, INFINITY, 0, v->reach, 0, is_jump(v) ? AG_SLOPE_KINK : AG_SLOPE_UNRESOLVED };
    bool unresolved = vague(side, fabs(side->value)) || side->rivals > 1;
    return (
        ag_slope){ side->value, side->estimate, 0, v->reach, 0, unresolved ? AG_SLOPE_UNRESOLVED : AG_SLOPE_SMOOTH };
}

/* Limits of both sides: is there a derivative? */
static ag_slope_kind accord(const tables *v, double apart, double unsure, double size)
{
    if (vague(&v->up, size) || vague(&v->down, size))
        return AG_SLOPE_UNRESOLVED;
    if (apart <= CONTRADICTION * unsure + 1e-5 * size)
        return AG_SLOPE_SMOOTH;
    /* where there is a kink the smallest steps see it too; else it is too near for them to tell */
    return fabs(v->up.last - v->down.last) > apart / 2 ? AG_SLOPE_KINK : AG_SLOPE_UNRESOLVED;
}

static ag_slope conclude(const tables *v)
{
    const series *c = &v->central;
    if (!found(c) || !found(&v->up) || !found(&v->down))
        return conclude_one_side(v);
    double up = v->up.value, down = v->down.value, apart = fabs(up - down);
    double size = fmax(fabs(c->value), fmax(fabs(up), fabs(down))), unsure = v->up.estimate + v->down.estimate;
    ag_slope middle = { c->value, c->estimate, v->bend, v->reach, 0, AG_SLOPE_KINK };
    if (is_jump(v))
        return middle;
    middle.kind = accord(v, apart, unsure, size);
    if (middle.kind != AG_SLOPE_SMOOTH)
        return middle;
    ag_slope sides = { (up + down) / 2, (unsure + apart) / 2, v->bend, v->reach, 0, AG_SLOPE_SMOOTH };
    if (contradict(middle.value, middle.estimate, sides.value, sides.estimate) || in_doubt(v))
        middle.kind = AG_SLOPE_UNRESOLVED;
    return middle.kind == AG_SLOPE_SMOOTH && sides.estimate < c->estimate ? sides
                                                                          : middle; /* x|x| has no expansion in h^2 */
}

size_t ag_line_bytes(int64_t count)
{
    return (size_t)count * (sizeof(tables) + (AG_NOISE_POINTS + 2) * sizeof(double));
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

/* Smaller steps, which others may need, end in noise: what is certain is left as it is. */
static bool add_rows(tables *v, const ag_line *l, const double *up, const double *down, double h)
{
    bool all = true;
    for (int64_t i = 0; i < l->count; i++) {
        if (!v[i].done)
            add_row(&v[i], up[i], l->center[i], down[i], h, l->noise[i]);
        v[i].done = v[i].done || (!l->thorough && finished(&v[i], l->precision));
        all &= v[i].done;
    }
    return all;
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
        bool all = add_rows(v, l, up, down, h);
        /* steps that leave the domain do not count: it may end nearby */
        if (all_finite(above ? up : down, l->count) && all_finite(below ? down : up, l->count))
            row++;
        else
            undefined++;
        if (all)
            break;
    }
    for (int64_t i = 0; i < l->count; i++)
        slopes[i] = conclude(&v[i]);
    return true;
}
