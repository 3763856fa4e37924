/* The noise of a function's values, and its slope close to the point, from points on a line. */
#include "ag/check/check.h"
#include <math.h>
#include <stdlib.h>

enum { LEAST_CHANGES = 10 };

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* What three fifths of the k-th differences do not exceed, scaled to the deviation of a single value. Those of a smooth
 * function vanish, and a kink or a jump disturbs a third of the fourth ones at most. */
static double difference_level(const double *difference, int count, int k)
{
    double sorted[AG_NOISE_POINTS], scale = 1;
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
    for (int i = 0; i < AG_NOISE_POINTS; i++)
        largest = fmax(largest, fabs(v[i]));
    for (int i = 0; i < AG_NOISE_POINTS && largest > 0; i++)
        v[i] /= largest; /* so that squares do not underflow */
    for (int k = 1; k <= 6; k++) {
        int count = AG_NOISE_POINTS - k;
        for (int i = 0; i < count; i++)
            v[i] = v[i + 1] - v[i];
        if (k < 4)
            continue;
        level = fmin(level, difference_level(v, count, k));
        changes += sign_changes(v, count);
    }
    return isfinite(level) && changes >= LEAST_CHANGES ? 4 * level * largest : 0;
}

/* The slope of the straight line that fits best, and how far it is bent: by the slopes of both halves. */
static void fit(const double *v, double spacing, double *slope, double *bent)
{
    const int half = AG_NOISE_POINTS / 2;
    double sum[3] = { 0 };
    for (int k = 0; k < AG_NOISE_POINTS; k++) {
        sum[0] += (k - (AG_NOISE_POINTS - 1) / 2.0) * v[k];
        sum[1 + k / half] += (k % half - (half - 1) / 2.0) * v[k];
    }
    const double n = AG_NOISE_POINTS, m = half;
    *slope = sum[0] * 12 / (n * (n * n - 1)) / spacing;
    *bent = fabs(sum[1] - sum[2]) * 12 / (m * (m * m - 1)) / spacing;
}

/* The noise on one side of the point, which is left out: a jump there is not noise. */
static bool noise_on_side(const ag_line *l, double spacing, double *values, double *level, ag_slope *slopes)
{
    for (int k = 0; k < AG_NOISE_POINTS; k++)
        if (!l->at(l->user, spacing * (k + 1), values + k * l->count))
            return false;
    for (int64_t i = 0; i < l->count; i++) {
        double v[AG_NOISE_POINTS];
        for (int k = 0; k < AG_NOISE_POINTS; k++)
            v[k] = values[k * l->count + i];
        if (slopes)
            fit(v, spacing, &slopes[i].value, &slopes[i].bend);
        level[i] = noise_of(v);
        if (slopes)
            slopes[i].level = level[i];
    }
    return true;
}

/* Where there seems to be some, the other side must show it as well: a pole or kinks may lie on the first. */
bool ag_line_noise(const ag_line *l, double spacing, void *memory, double *noise, ag_slope *slopes)
{
    double *level = memory, *other = level + l->count, *values = other + l->count;
    bool much = false;
    if (!noise_on_side(l, spacing, values, level, slopes))
        return false;
    for (int64_t i = 0; i < l->count; i++) {
        other[i] = level[i];
        much |= level[i] > 64 * noise[i];
    }
    if (much && l->below > spacing * (AG_NOISE_POINTS + 1) && !noise_on_side(l, -spacing, values, other, NULL))
        return false;
    for (int64_t i = 0; i < l->count; i++)
        noise[i] = fmax(noise[i], fmin(level[i], other[i]));
    return true;
}
