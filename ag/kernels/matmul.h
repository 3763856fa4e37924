/* Products of matrices: the tile grid, packing and threads. Results depend on shape, strides, dtype and processor,
 * never on the number of threads. */
#ifndef AG_KERNELS_MATMUL_H
#define AG_KERNELS_MATMUL_H

#include "ag/array/array.h"
#include "ag/kernels/matmul_loops.h"

#include <stddef.h>
#include <stdint.h>

/* c[m,n] = a[m,k] b[k,n] + beta c. Strides are counted in elements; those of a and b may be zero (expanded views) or
 * overlap. */
typedef struct ag_product {
    ag_dtype dtype;  /* AG_F32 or AG_F64 */
    int64_t m, n, k; /* may be zero; an empty k gives zeros */
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_col;
    void *c; /* overlaps neither a nor b */
    int64_t c_row, c_col;
    double beta; /* 0: c is not read; 1: c is added to */
    int threads;
} ag_product;

typedef enum ag_plan_kind { AG_PLAN_TRIVIAL, AG_PLAN_LOOPS, AG_PLAN_GRID, AG_PLAN_PARTS } ag_plan_kind;

/* A product as it will be run. Operands are read where they are, or packed tile by tile: block_m rows of a and block_n
 * columns of b at a time. */
typedef struct ag_plan {
    ag_product p;
    ag_plan_kind kind;
    const ag_loops *loops;
    size_t size; /* of an element */
    int64_t tile_m, tile_n, tile_k, block_m, block_n;
    int64_t pad; /* elements between rows, or columns, of packed a: they are not to share a place in the cache */
    bool a_columns, b_columns, pack_a, pack_b, one_tile, general, own; /* general, own: who runs the tiles */
    size_t a_bytes;                                                    /* of packed a; packed b follows */
    char *packed_a, *packed_b;
    int64_t parts;
} ag_plan;

/* ag_product_plan, ag_plan_run - the two halves of ag_product_run, for a product that is as it says. The first returns the
 * bytes of workspace; the second may follow it any number of times. */
size_t ag_product_plan(const ag_product *p, ag_plan *g);
void ag_plan_run(ag_plan *g, void *workspace);

/* ag_product_workspace - bytes of 64-byte-aligned scratch that ag_product_run wants; often 0. */
size_t ag_product_workspace(const ag_product *p);

/* ag_product_run - computes c.
 * Errors: AG_EARG if dtype, extents or beta are not as above; AG_ENOMEM if a workspace is wanted and NULL. c is then
 * untouched. */
ag_status ag_product_run(const ag_product *p, void *workspace);

/* ag_products_init - starts the libraries, once; the first product does it where it has not been called. */
void ag_products_init(void);

/* ag_products_describe - the libraries in use, with their versions and the kernels they chose. */
const char *ag_products_describe(void);

#endif
