/* Tiles of products, computed by what does them best. libraries.c is the only file that knows their names.
 *
 * A tile is c[m,n] = a[m,k] b[k,n] (+ c), with rows of b and c contiguous, and a contiguous along its rows or its
 * columns. */
#ifndef AG_KERNELS_LIBRARIES_H
#define AG_KERNELS_LIBRARIES_H

#include "ag/array/array.h"
#include "ag/kernels/triangular.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ag_product_tile {
    ag_dtype dtype; /* AG_F32 or AG_F64 */
    int64_t m, n, k;
    bool a_columns;  /* a[i,l] is at a[l * a_step + i], otherwise at a[i * a_step + l] */
    bool accumulate; /* c is added to; otherwise it is not read */
    int64_t a_step;  /* at least k, or m with a_columns */
    bool b_columns;  /* b[l,j] is at b[j * b_step + l], otherwise at b[l * b_step + j] */
    int64_t b_step;  /* at least n, or k with b_columns */
    int64_t c_row;   /* at least n */
    struct ag_code *generated;
    bool own; /* a kernel of our own runs it, where none is generated */
} ag_product_tile;

/* Idempotent, thread-safe; costs milliseconds the first time. The functions below call for it themselves. */
void ag_libraries_init(void);
const char *ag_libraries_describe(void);

/* Is there a generator of kernels? Do small tiles, of any shape, cost no more than their arithmetic, by its kernels or by
 * our own (matmul_tiles.h)? */
bool ag_libraries_generate(void);
bool ag_libraries_suit_small(void);

/* Is the general library, in large tiles, the faster one for a product of this size, or the only one? b_columns: those of
 * b are contiguous, so that smaller tiles of it would be packed. */
bool ag_libraries_prefer_general(ag_dtype dtype, int64_t m, int64_t n, int64_t k, bool b_columns);

/* Finds or makes the tile's kernel, for its shape and strides alone, or leaves it to the general library. All extents are
 * positive. The kernel is the tile's until its release. */
void ag_tile_prepare(ag_product_tile *tile);
void ag_tile_release(ag_product_tile *tile);
void ag_tile_run(const ag_product_tile *tile, const void *a, const void *b, void *c);

/* As ag_triangular_run, on the calling thread. */
void ag_libraries_triangular(const ag_triangular *s);

#endif
