/* What ops on matrices share: the matrices in the last two dimensions of arrays, a batch of them over threads, and
 * algorithms on a single one. These compute in f64, also for f32, on row-major matrices without gaps. Blocks and batches
 * are split by extents alone: the bits do not depend on the number of threads. */
#ifndef AG_OPS_MATRICES_H
#define AG_OPS_MATRICES_H

#include "ag/ops/products/products.h"

enum { AG_BLOCK = 32 }; /* columns that are eliminated one by one, before a product applies them to the rest */

/* ---- matrices.c */

/* What a function works with on one matrix. Where it is measuring it computes nothing, and goes through its products
 * alone, whose memory is found out that way. */
typedef struct ag_work {
    bool measuring;
    int threads;
    double *room;   /* as many numbers as were asked for */
    void *products; /* memory for products */
    size_t bytes;   /* how much of it */
} ag_work;
void ag_work_product(ag_work *w, ag_product p); /* of f64; dtype and threads are filled in */

/* Runs it for the matrices 0 to count - 1, each worth so many steps. Errors are reported. */
typedef void ag_matrix_function(const void *context, int64_t i, ag_work *w);
ag_status ag_each_matrix(const ag_call *c, int64_t count, double steps, int64_t room, ag_matrix_function *run,
                         const void *context);

int64_t ag_matrix_count(ag_shape s);
ag_array ag_matrix_at(const ag_array *a, int64_t i); /* matrix i of the array */
void ag_matrix_load(const ag_array *a, int64_t i, double *to);
void ag_matrix_store(const ag_array *y, int64_t i, const double *from);
void ag_negate(int64_t rows, int64_t columns, const double *from, int64_t row, double *to); /* to: without gaps */

/* Floating, of rank 2 or more, and square where that is asked for; else an error. */
ag_status ag_call_matrices(const ag_call *c, const ag_array *x, bool square);
/* Refuses matrix i of operand x: "matrix [1,0] of the batch " or "the matrix ", and the text. */
ag_status ag_call_matrix_fail(const ag_call *c, const ag_array *x, int64_t i, const char *format, ...) AG_PRINTF(4, 5);

/* ---- triangle.c */

/* The elements of matrices below, on and above the diagonal, times numbers; where one is 0 the elements are 0. For
 * rules alone. */
ag_tensor ag_triangle(ag_tensor x, double below, double on, double above);

#endif
