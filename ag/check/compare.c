/* Comparing outcomes of an op: to the bit, or to rounding. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

enum { SHAKES = 4 };

/* ---- scale */

static void widen(double *scale, const double *a, const double *b, int64_t count, double size)
{
    for (int64_t i = 0; i < count; i++) {
        double moved = fabs(a[i] - b[i]) / size;
        if (moved > scale[i])
            scale[i] = moved;
    }
}

/* A derivative has at least the scale of the largest value per unit of x: its terms may cancel. */
static void add_values_per_input(const ag_case *c, const double *y, int64_t count, double *g)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = isfinite(y[i]) ? fmax(largest, y[i]) : largest;
    for (int k = 0; k < c->count; k++)
        for (int64_t i = 0; ag_case_is_float(c, k) && i < ag_shape_size(c->shape[k]); i++)
            *g++ += largest / fmax(fabs(c->x[k][i]), 1);
}

bool ag_case_scale(const ag_case *c, ag_case_tapes *tapes, ag_scale *s)
{
    ag_tape *home = tapes->home;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_PLAIN };
    const double size = ldexp(1, -30);
    ag_outcome still, shaken;
    if (!ag_case_run(c, &r, tapes, &still))
        return false;
    double *y = ag_check_doubles(home, still.y_count), *g = ag_check_doubles(home, still.g_count);
    if (!y || !g)
        return false;
    for (int64_t i = 0; i < still.y_count; i++)
        y[i] = fabs(still.y[i]);
    for (int64_t i = 0; i < still.g_count; i++)
        g[i] = fabs(still.g[i]);
    if (still.applied)
        add_values_per_input(c, y, still.y_count, g);
    *s = (ag_scale){ y, g };
    for (int k = 0; k < SHAKES; k++) {
        ag_mark mark = ag_tape_mark(home);
        r.shaken = size;
        r.shake = (uint64_t)k + 1;
        if (!ag_case_run(c, &r, tapes, &shaken))
            return false;
        if (shaken.y_count == still.y_count && shaken.g_count == still.g_count) {
            widen(y, still.y, shaken.y, still.y_count, size);
            widen(g, still.g, shaken.g, still.g_count, size);
        }
        ag_tape_rewind(home, mark);
    }
    return true;
}

/* ---- places */

const char *ag_case_operand(const ag_case *c, int i)
{
    static const char *const names[AG_CASE_INPUTS] = { "x0", "x1", "x2",  "x3",  "x4",  "x5",  "x6",  "x7",
                                                       "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15" };
    return c->count == 1 ? "x" : names[i];
}

static const char *output_place(const ag_outcome *o, int64_t at, char *text, size_t bytes)
{
    char name[16] = "y";
    int k = 0;
    for (; k + 1 < o->of->outputs && at >= ag_shape_size(o->shape[k]); k++)
        at -= ag_shape_size(o->shape[k]);
    if (o->of->outputs > 1)
        snprintf(name, sizeof name, "y%d", k);
    return ag_place_text(name, o->shape[k], at, text, bytes);
}

static const char *gradient_place(const ag_case *c, int64_t at, char *text, size_t bytes)
{
    char place[160];
    int i = 0;
    for (; i + 1 < c->count; i++) {
        int64_t size = ag_case_is_float(c, i) ? ag_shape_size(c->shape[i]) : 0;
        if (at < size)
            break;
        at -= size;
    }
    ag_place_text(ag_case_operand(c, i), c->shape[i], at, place, sizeof place);
    snprintf(text, bytes, "the gradient by %s = %.9g", place, c->x[i][at]);
    return text;
}

/* ---- comparing */

void ag_outcome_round(ag_outcome *o)
{
    for (int64_t i = 0; i < o->y_count; i++)
        o->y[i] = (float)o->y[i];
    for (int64_t i = 0; i < o->g_count; i++)
        o->g[i] = (float)o->g[i];
}

typedef struct difference {
    bool any, gradient;
    int64_t at;
    double a, b, allowed, ratio;
} difference;

/* Rounding is relative to an element's own scale, and to a lesser part to the largest one's: of terms
 * that cancelled. */
static void compare(bool gradient, const double *a, const double *b, const double *scale, double epsilon, double share,
                    int64_t count, difference *worst)
{
    double largest = 0, tiny = epsilon > FLT_EPSILON ? 16 * FLT_MIN : 0; /* f32 ends there */
    for (int64_t i = 0; scale && i < count; i++)
        largest = isfinite(scale[i]) ? fmax(largest, scale[i]) : largest;
    for (int64_t i = 0; i < count; i++) {
        bool same = a[i] == b[i] || (isnan(a[i]) && isnan(b[i]));
        double allowed = scale ? epsilon * (scale[i] + share * largest) + tiny : 0, apart = fabs(a[i] - b[i]);
        if (same || apart <= allowed)
            continue;
        double ratio = allowed > 0 && isfinite(apart) ? apart / allowed : INFINITY;
        if (!worst->any || ratio > worst->ratio)
            *worst = (difference){ true, gradient, i, a[i], b[i], allowed, ratio };
    }
}

static bool same_kind(const ag_outcome *a, const ag_outcome *b, char *text, size_t bytes)
{
    if (a->applied && b->applied && !a->status == !b->status && a->y_count == b->y_count && a->g_count == b->g_count)
        return true;
    if (a->applied == b->applied && a->status && b->status)
        return true;
    const ag_outcome *wrong = a->status ? a : b;
    snprintf(text, bytes, "one of them failed: %s: %.500s", ag_status_name(wrong->status), wrong->text);
    return false;
}

bool ag_outcome_close(const ag_outcome *a, const ag_outcome *b, const ag_scale *s, double epsilon, char *text,
                      size_t bytes)
{
    difference worst = { 0 };
    if (!same_kind(a, b, text, bytes))
        return false;
    if (a->status)
        return true;
    char place[240];
    compare(false, a->y, b->y, s ? s->y : NULL, epsilon, 1.0 / 16, a->y_count, &worst);
    compare(true, a->g, b->g, s ? s->g : NULL, epsilon, 1, a->g_count, &worst);
    if (worst.any)
        snprintf(text, bytes, "%s is %.9g, not %.9g; allowed difference %.2g",
                 worst.gradient ? gradient_place(a->of, worst.at, place, sizeof place)
                                : output_place(a, worst.at, place, sizeof place),
                 worst.a, worst.b, worst.allowed);
    return !worst.any;
}

/* The first element of other bits; count: none. */
static int64_t first_other(const double *a, const double *b, int64_t count)
{
    int64_t i = 0;
    while (i < count && (memcmp(&a[i], &b[i], sizeof *a) == 0 || (isnan(a[i]) && isnan(b[i]))))
        i++;
    return i;
}

bool ag_outcome_same(const ag_outcome *a, const ag_outcome *b, char *text, size_t bytes)
{
    if (!same_kind(a, b, text, bytes))
        return false;
    if (a->status)
        return true;
    char place[240];
    int64_t y = first_other(a->y, b->y, a->y_count), g = first_other(a->g, b->g, a->g_count);
    if (y < a->y_count)
        snprintf(text, bytes, "%s is %.17g or %.17g", output_place(a, y, place, sizeof place), a->y[y], b->y[y]);
    else if (g < a->g_count)
        snprintf(text, bytes, "%s is %.17g or %.17g", gradient_place(a->of, g, place, sizeof place), a->g[g], b->g[g]);
    return y == a->y_count && g == a->g_count;
}
