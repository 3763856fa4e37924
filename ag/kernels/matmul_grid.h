/* The tile grid of a product, and what it shares with matmul.c: a product as planned, and units of work spread over
 * threads. */
#ifndef AG_KERNELS_MATMUL_GRID_H
#define AG_KERNELS_MATMUL_GRID_H

#include "ag/kernels/matmul.h"
#include "ag/kernels/matmul_loops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measured bounds; the choices they guide must depend on the product alone. */
enum {
    AG_WORTH_THREADS = 1 << 19,      /* multiplications: fewer are done by the caller alone */
    AG_WORTH_THREADS_BYTES = 1 << 20 /* the same for packing and vectors, which memory limits */
};

/* Operands are read where they are, or packed tile by tile: block_m rows of a and block_n columns of b at a time. */
typedef struct ag_plan {
    ag_product p;
    const ag_loops *loops;
    size_t size; /* of an element */
    int64_t tile_m, tile_n, tile_k, block_m, block_n;
    bool a_columns, b_columns, pack_a, pack_b, one_tile, general; /* general: tiles are for the general library */
    size_t a_bytes;                                               /* of packed a; packed b follows */
    char *packed_a, *packed_b;
} ag_plan;

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

/* Threads for work on so many bytes. */
static inline int ag_threads_for(const ag_plan *g, double bytes)
{
    return bytes < AG_WORTH_THREADS_BYTES ? 1 : g->p.threads;
}

typedef void ag_unit(const void *context, int64_t unit);

/* Runs units 0 to count - 1, in any order; no parallel region is entered for one thread or one unit. */
void ag_for_each_unit(int64_t count, int threads, ag_unit *run, const void *context);

/* Chooses tiles for plan->p, whose extents are at least 2 and whose rows of c are contiguous; returns the bytes of
 * workspace. */
size_t ag_grid_plan(ag_plan *plan);
void ag_grid_run(ag_plan *plan, char *workspace);

#endif
