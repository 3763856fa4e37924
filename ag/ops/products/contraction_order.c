/* In which order several tensors are multiplied. */
#include "ag/ops/products/contraction.h"

#include <math.h>

typedef struct search {
    const int64_t *extent;
    uint64_t all[1 << AG_PLAN_MAX];    /* labels of the factors of a mask */
    uint64_t result[1 << AG_PLAN_MAX]; /* of their product: those that are kept, or that others have */
    double cost[1 << AG_PLAN_MAX];
} search;

/* The cheapest way to divide the factors of a mask into two operands. The lowest factor is in the left one: its mirror
 * image is no other way. */
static uint8_t divide(search *s, unsigned mask)
{
    unsigned best = 0;
    s->cost[mask] = INFINITY;
    for (unsigned left = (mask - 1) & mask; left; left = (left - 1) & mask) {
        const unsigned right = mask ^ left;
        if (left < right)
            continue;
        const double cost =
            s->cost[left] + s->cost[right] + ag_labels_size(s->result[left] | s->result[right], s->extent);
        if (cost < s->cost[mask]) {
            s->cost[mask] = cost;
            best = left;
        }
    }
    if (__builtin_popcountll(s->result[mask]) > AG_MAX_RANK)
        s->cost[mask] = INFINITY;
    return (uint8_t)best;
}

/* Dynamic programming over subsets, as database systems order their joins (Selinger et al., Access path selection in a
 * relational database management system, 1979); for tensors: Pfeifer, Haegeman and Verstraete, Faster identification of
 * optimal contraction sequences for tensor networks, 2014. */
bool ag_plan_products(const ag_factor *f, int count, uint64_t kept, const int64_t *extent, ag_contraction_plan *plan)
{
    search s = { .extent = extent };
    const unsigned every = (1u << count) - 1;
    for (unsigned mask = 1; mask <= every; mask++)
        s.all[mask] = s.all[mask & (mask - 1)] | f[__builtin_ctz(mask)].labels;
    for (unsigned mask = 1; mask <= every; mask++) {
        s.result[mask] = s.all[mask] & (kept | s.all[every ^ mask]);
        if (mask & (mask - 1))
            plan->left[mask] = divide(&s, mask);
    }
    return isfinite(s.cost[every]);
}
