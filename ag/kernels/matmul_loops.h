/* Loops of our own, where a library's call costs more than the work: packing, matrix times vector, and small or thin
 * products. matmul_loops.inc defines them once; matmul_f32.c and matmul_f64.c instantiate them. */
#ifndef AG_KERNELS_MATMUL_LOOPS_H
#define AG_KERNELS_MATMUL_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ag_matrix {
    const void *at;
    int64_t row, col; /* strides in elements */
} ag_matrix;

typedef struct ag_matrix_out {
    void *at;
    int64_t row, col;
    bool accumulate; /* add to what is there; otherwise it is not read */
} ag_matrix_out;

typedef struct ag_loops {
    /* to[i * to_row + j] = from[i,j] */
    void (*pack)(int64_t rows, int64_t cols, ag_matrix from, void *to, int64_t to_row);
    /* c[m,n] = a[m,k] b[k,n] (+ c), k in ascending order */
    void (*product)(int64_t m, int64_t n, int64_t k, ag_matrix a, ag_matrix b, ag_matrix_out c);
    /* y[rows] = a[rows,cols] x[cols] (+ y); x and y have a row stride only */
    void (*matvec)(int64_t rows, int64_t cols, ag_matrix a, ag_matrix x, ag_matrix_out y);
    /* c[m,n] = parts[0] + ... + parts[count - 1] (+ c), in that order; each part is dense */
    void (*add)(int64_t m, int64_t n, int64_t count, const void *parts, ag_matrix_out c);
} ag_loops;

extern const ag_loops ag_loops_f32, ag_loops_f64;

#endif
