/* Tiles of products by kernels of our own: blocks of rows and vectors of c that stay in registers while k passes. One
 * source for all widths of vectors, matmul_tiles.inc; matmul_tiles_f32.c and matmul_tiles_f64.c instantiate it. */
#ifndef AG_KERNELS_MATMUL_TILES_H
#define AG_KERNELS_MATMUL_TILES_H

#include "ag/kernels/libraries.h"

/* Are there vectors that multiply and add in one instruction? Without them the libraries' kernels, which are chosen at
 * run time, are ahead. */
#if (defined(__AVX2__) && defined(__FMA__)) || defined(__ARM_FEATURE_FMA)
#define AG_TILES 1
#else
#define AG_TILES 0
#endif
#if defined(__AVX512F__)
#define AG_TILES_WIDE 1 /* vectors of 64 bytes */
#else
#define AG_TILES_WIDE 0
#endif

/* The tile, whose columns of b are not contiguous. Nothing beyond the operands is read. In what order terms are added
 * depends on the tile's extents alone: where few sums are made at once, each is made in parts. */
void ag_tile_f32(const ag_product_tile *t, const void *a, const void *b, void *c);
void ag_tile_f64(const ag_product_tile *t, const void *a, const void *b, void *c);

#endif
