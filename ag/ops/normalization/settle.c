/* What follows for a set from what its elements say. */
#include "ag/ops/normalization/channel_job.h"
#include <math.h>

static void settle_moments(const job *j, int64_t set)
{
    const bool grouped = j->n->groups;
    const int64_t rows = grouped ? 1 : j->rows, pieces = grouped ? j->parts : j->cuts;
    const ag_moments *of_set = j->moments + set * pieces;
    ag_moments all = { 0 };
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < pieces; i++)
            ag_join_moments(&all, of_set[row * j->width * pieces + i]);
    j->n->mean[set] = all.mean;
    j->n->variance[set] = all.squares / (double)all.n;
}

static double arrived(const ag_array *a, int64_t i)
{
    return a && a->data ? ag_array_get(a, i) : 0;
}

/* dx = k g + (x - mean) slope + shift, g = dy weight, k the inverse deviation: slope = -k^3 mean of g (x - mean), shift
 * = -k mean of g, and more where something arrived at the mean and the variance. */
static void settle_sums(const job *j, int64_t set)
{
    const ag_channel_norm *n = j->n;
    const double k = j->inverse[set], count = (double)(j->runs * n->inner);
    const int64_t first = n->groups ? set * j->width : set, runs = n->groups ? j->width : j->rows,
                  step = n->groups ? 1 : j->width, channel = n->groups ? ag_norm_first_channel(j, set) : set;
    double sum = 0, product = 0;
    for (int64_t run = 0; run < runs; run++) {
        const double w = j->weight[n->groups ? channel + run : channel];
        const ag_norm_sums *s = j->sums + (first + run * step) * j->cuts;
        for (int64_t i = 0; i < j->cuts; i++) {
            sum += w * s[i].sum;
            product += w * s[i].product;
        }
    }
    j->shift[set] = (arrived(n->dmean, set) - k * sum) / count;
    j->slope[set] = (2 * arrived(n->dvariance, set) - k * k * (k * product)) / count;
}

void ag_norm_settle(const void *context, int64_t set)
{
    const job *j = context;
    if (j->moments)
        settle_moments(j, set);
    if (j->forward)
        j->inverse[set] = 1 / sqrt(j->n->variance[set] + j->n->eps);
    else if (j->slope)
        settle_sums(j, set);
}
