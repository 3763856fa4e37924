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

/* ---- lu.c */

/* a[n,n] becomes l, below the diagonal, and u of p a = l u with partial pivoting: row i was exchanged with row pivots[i],
 * i = 0, 1, ... in turn. The room holds AG_BLOCK n numbers. */
void ag_lu_factor(int64_t n, double *a, int64_t *pivots, double *room, ag_work *w);
int64_t ag_lu_zero(int64_t n, const double *lu); /* the first pivot that is 0, or -1 */
/* b[n,k] becomes the solution x of a x = b, or of a' x = b. */
void ag_lu_solve(int64_t n, const double *lu, const int64_t *pivots, bool transposed, int64_t k, double *b, ag_work *w);
/* Factors every matrix of a. Errors: AG_ENOMEM; AG_EARG where one is singular and that is refused. */
ag_status ag_lu_all(const ag_call *c, const ag_array *a, double *lu, int64_t *pivots, bool refuse);
/* What ag_lu_all makes of a[..,n,n], as saved outputs. */
void ag_lu_outputs(const ag_array *a, ag_array *lu, ag_array *pivots);

/* ---- reflectors.c */

/* A Householder reflector 1 - tau v v' with v[0] = 1 that makes x[0..n-1] a multiple of the first unit vector: x[0]
 * becomes that multiple, of the sign that x[0] has not, and the rest of x the rest of v. Returns tau; 0 where the rest
 * is 0 already, and x stays. */
double ag_reflector(int64_t n, double *x, int64_t step);
/* c[rows,columns] becomes h c, or h' c, for the product h of `count` reflectors, the columns of v[rows,count], and their
 * taus; the room holds ag_reflect_room numbers. */
typedef struct ag_target {
    double *at;
    int64_t columns, row, col;
} ag_target;
void ag_reflect(ag_work *w, int64_t rows, int64_t count, const double *v, const double *tau, bool transposed,
                ag_target c, double *room);
static inline int64_t ag_reflect_room(int64_t rows, int64_t columns)
{
    return AG_BLOCK * (rows + 2 * columns + AG_BLOCK);
}

/* ---- qr_factors.c */

/* a[m,n] becomes r, on and above the diagonal, and below it the reflectors of q. */
void ag_qr_factor(int64_t m, int64_t n, double *a, double *tau, double *room, ag_work *w);
/* The first k columns of q, by the a of ag_qr_factor. Both want the same room: */
void ag_qr_form(int64_t m, int64_t n, int64_t k, const double *a, const double *tau, double *q, double *room,
                ag_work *w);
static inline int64_t ag_qr_room(int64_t m, int64_t n)
{
    return AG_BLOCK * m + ag_reflect_room(m, n);
}

/* ---- eigen_values.c */

/* Of the symmetric a[n,n]: its eigenvalues, ascending, and as the rows of z the eigenvectors, if there is a z. a is
 * overwritten. False: no convergence. */
bool ag_eigen_run(int64_t n, double *a, double *values, double *z, double *room, ag_work *w);
static inline int64_t ag_eigen_room(int64_t n)
{
    return 3 * n + AG_BLOCK * n + ag_reflect_room(n, n);
}

/* ---- singular_values.c */

/* Of a[m,n], m >= n: the singular values, descending, and their vectors as columns of u[m,n] and rows of vt[n,n], if
 * there are these. a is overwritten. False: no convergence. */
bool ag_singular_run(int64_t m, int64_t n, double *a, double *values, double *u, double *vt, double *room, ag_work *w);
static inline int64_t ag_singular_room(int64_t m, int64_t n)
{
    return n * n + 4 * n + AG_BLOCK * m + ag_reflect_room(m, n);
}

/* ---- rotations.c */

/* (x, y) becomes (c x + s y, c y - s x), n elements each. */
void ag_rotate(int64_t n, double *x, double *y, double c, double s);
/* 1, or -1 where the first of the largest elements is negative; what is nearly as large counts. */
double ag_sign_of(int64_t n, const double *x, int64_t step);
bool ag_all_finite(int64_t n, const double *x);

/* ---- solve.c */

/* a^-1 b, or a'^-1 b, by the factors that an op has saved of a; the derivative is by a. */
ag_tensor ag_solve_factored(ag_tensor a, ag_tensor b, ag_tensor lu, ag_tensor pivots, bool transposed);

/* ---- triangular_solve.c */

/* ag_triangular_solve where a 0 on a diagonal gives what dividing by it gives, so that a backward pass goes on. */
ag_tensor ag_triangular_adjoint(ag_tensor a, ag_tensor b, int flags);

/* ---- cofactors.c */

/* det(x) x'^-1, for singular matrices too. For rules alone. */
ag_tensor ag_cofactors(ag_tensor x);
#define AG_REGULAR 0x1p-20 /* a matrix whose pivots differ by no more than this factor is far from singular */
bool ag_all_above(ag_tensor smallest, ag_tensor largest, double factor); /* each above the factor times the other */

/* ---- triangle.c */

/* The elements of matrices below, on and above the diagonal, times numbers; where one is 0 the elements are 0. For
 * rules alone. */
ag_tensor ag_triangle(ag_tensor x, double below, double on, double above);

#endif
