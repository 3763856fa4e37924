/* Numbers of a training that is watched: curves of bounded length, norms, distributions. */
#include "nn/watch_internal.h"
#include <math.h>

static void halve(nn_curve *c)
{
    c->count /= 2;
    for (int i = 0; i < c->count; i++) {
        c->x[i] = c->x[2 * i + 1];
        c->y[i] = (c->y[2 * i] + c->y[2 * i + 1]) / 2;
    }
    c->stride *= 2;
}

void nn_curve_add(nn_curve *c, double x, double y)
{
    c->sum += y;
    c->at = x;
    if (++c->held < c->stride)
        return;
    c->x[c->count] = x;
    c->y[c->count++] = c->sum / (double)c->held;
    c->sum = 0;
    c->held = 0;
    if (c->count == NN_WATCH_POINTS)
        halve(c);
}

/* ---- elements, block by block as doubles */

enum { BLOCK = 512, LANES = 8 };

static int64_t load(double *block, const void *memory, ag_dtype d, int64_t from, int64_t count)
{
    const float *narrow = memory;
    const double *wide = memory;
    const int64_t size = count - from < BLOCK ? count - from : BLOCK;
    for (int64_t i = 0; i < size; i++)
        block[i] = d == AG_F32 ? (double)narrow[from + i] : wide[from + i];
    for (int64_t i = size; i < BLOCK; i++)
        block[i] = 0;
    return size;
}

double nn_sum_of_squares(const void *memory, ag_dtype d, int64_t count)
{
    double block[BLOCK], sums[LANES] = { 0 }, total = 0;
    for (int64_t from = 0; from < count; from += BLOCK) {
        load(block, memory, d, from, count);
        for (int i = 0; i < BLOCK; i += LANES)
            for (int k = 0; k < LANES; k++)
                sums[k] += block[i + k] * block[i + k];
    }
    for (int k = 0; k < LANES; k++)
        total += sums[k];
    return total;
}

static void find_range(nn_bins *b, const void *memory, ag_dtype d, int64_t count)
{
    double block[BLOCK], sum = 0, squares = 0;
    *b = (nn_bins){ .low = INFINITY, .high = -INFINITY };
    for (int64_t from = 0; from < count; from += BLOCK) {
        const int64_t size = load(block, memory, d, from, count);
        for (int64_t i = 0; i < size; i++) {
            if (!isfinite(block[i])) {
                b->bad++;
                continue;
            }
            b->low = block[i] < b->low ? block[i] : b->low;
            b->high = block[i] > b->high ? block[i] : b->high;
            sum += block[i];
            squares += block[i] * block[i];
        }
    }
    b->finite = count - b->bad;
    b->mean = sum / (double)b->finite; /* of none: NaN */
    const double variance = squares / (double)b->finite - b->mean * b->mean;
    b->deviation = sqrt(variance < 0 ? 0 : variance);
}

void nn_bins_fill(nn_bins *b, const void *memory, ag_dtype d, int64_t count)
{
    double block[BLOCK];
    find_range(b, memory, d, count);
    const double half = 0.5 * b->high - 0.5 * b->low, scale = half > 0 ? 0.5 * NN_WATCH_BINS / half : 0;
    for (int64_t from = 0; from < count; from += BLOCK) {
        const int64_t size = load(block, memory, d, from, count);
        for (int64_t i = 0; i < size; i++) {
            const double at =
                2 * ((0.5 * block[i] - 0.5 * b->low) * scale); /* a difference may be beyond all numbers */
            if (isfinite(block[i]))
                b->count[at < NN_WATCH_BINS - 1 ? (int)at : NN_WATCH_BINS - 1]++;
        }
    }
}
