/* The tile grid of a product, and what it shares with matmul.c: units of work spread over threads. */
#ifndef AG_KERNELS_MATMUL_GRID_H
#define AG_KERNELS_MATMUL_GRID_H

#include "ag/kernels/matmul.h"
#include "ag/kernels/matmul_loops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The length of equal pieces no longer than `most`, in whole vectors. */
static inline int64_t divide_evenly(int64_t length, int64_t most)
{
    return divide_up(divide_up(length, divide_up(length, most)), 16) * 16;
}

static inline size_t aligned(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static inline const char *element(const ag_plan *g, const void *base, int64_t index)
{
    return (const char *)base + index * (int64_t)g->size;
}

/* Is a row's next element beside it, and do rows not overlap? */
static inline bool dense(int64_t row, int64_t col, int64_t cols)
{
    return col == 1 && row >= cols;
}

/* What parallel.h counts in: multiplications, and bytes where memory limits, as in packing and vectors. */
static inline double ag_multiplication_steps(double multiplications)
{
    return multiplications / 8;
}

static inline double ag_byte_steps(double bytes)
{
    return bytes / 16;
}

/* Units 0 to count - 1, in any order, of so many steps together. */
static inline void ag_for_units(int64_t count, double steps, int threads, ag_item_function *run, const void *context)
{
    ag_for_items(count, steps / (double)count, threads, run, context);
}

/* Chooses tiles for plan->p, whose extents are at least 2 and whose rows of c are contiguous; returns the bytes of
 * workspace. */
size_t ag_grid_plan(ag_plan *plan);
void ag_grid_run(ag_plan *plan, char *workspace);

#endif
