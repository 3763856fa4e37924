/* Softmax and what is built on it. x is seen as [outer, n, inner] and reduced over n; rows have inner = 1. Every row or
 * column is computed alike whatever the number of threads. */
#ifndef AG_KERNELS_SOFTMAX_H
#define AG_KERNELS_SOFTMAX_H

#include "ag/array/array.h"

typedef enum ag_softmax_kind {
    AG_SOFTMAX,     /* exp(x) / s, s the sum of exp(x) */
    AG_LOG_SOFTMAX, /* x - log s */
    AG_LOGSUMEXP    /* log s */
} ag_softmax_kind;

/* Rows are handled in groups that fit a block in L1 together, or one by one: a function below gets at most
 * AG_SOFTMAX_GROUP rows, and more than one only if they have AG_SOFTMAX_BLOCK elements or fewer in all, but where it says
 * otherwise. */
enum { AG_SOFTMAX_BLOCK = 512, AG_SOFTMAX_GROUP = 64, AG_SOFTMAX_LONG = 8192 };
/* Columns that are gone down together backward, which goes through memory in its order; forward a block of them. */
enum { AG_SOFTMAX_COLUMNS = 2048 };

/* What AG_LOGSUMEXP keeps of each result for its derivative: what is subtracted in front of the exponential, of x's dtype,
 * and 1 / the sum of the exponentials. */
typedef struct ag_softmax_kept {
    void *shift;
    double *factor;
} ag_softmax_kept;

/* What the types provide. to = scale (...) + beta to, or without the last term if beta is 0. x of the derivatives is x for
 * AG_LOGSUMEXP, and y for the others. */
typedef struct ag_softmax_kernels {
    /* also of longer rows, AG_SOFTMAX_LONG elements in all */
    void (*rows)(ag_softmax_kind kind, int64_t rows, int64_t n, const void *x, void *y, ag_softmax_kept kept);
    /* `width` neighbouring columns, at most AG_SOFTMAX_BLOCK, backward AG_SOFTMAX_COLUMNS */
    void (*columns)(ag_softmax_kind kind, int64_t n, int64_t inner, int64_t width, const void *x, void *y,
                    ag_softmax_kept kept);
    void (*row_back)(ag_softmax_kind kind, int64_t n, const void *x, ag_softmax_kept kept, const void *dy, double beta,
                     void *dx);
    void (*columns_back)(ag_softmax_kind kind, int64_t n, int64_t inner, int64_t width, const void *x,
                         ag_softmax_kept kept, const void *dy, double beta, void *dx);
    /* cross entropy: target[rows] are classes, chances[rows,n] probabilities, scale[rows] what arrives at the losses:
     * where that is 0 nothing passes */
    void (*class_loss)(int64_t rows, int64_t n, const void *z, const int64_t *target, double *loss);
    void (*class_back)(int64_t rows, int64_t n, const void *z, const int64_t *target, const double *scale, double beta,
                       void *dz);
    void (*chances_loss)(int64_t rows, int64_t n, const void *z, const void *chances, double *loss);
    void (*chances_back)(int64_t rows, int64_t n, const void *z, const void *chances, const double *scale, double beta,
                         void *dz);
} ag_softmax_kernels;
extern const ag_softmax_kernels ag_softmax_f32, ag_softmax_f64;

typedef struct ag_softmax_job { /* on dense arrays */
    ag_softmax_kind kind;
    ag_dtype dtype;
    int64_t outer, n, inner;
    const void *x;
    ag_softmax_kept kept; /* of AG_LOGSUMEXP */
    int threads;
} ag_softmax_job;

void ag_softmax_run(const ag_softmax_job *j, void *y);
/* dx of dy (+ beta dx) */
void ag_softmax_back(const ag_softmax_job *j, const void *dy, double beta, void *dx);

/* Classes of an integer dtype. */
int64_t ag_class_at(const void *target, ag_dtype d, int64_t i);
/* the first of n classes that is negative or not below `classes`; -1: none */
int64_t ag_class_outside(const void *target, ag_dtype d, int64_t n, int64_t classes);

#endif
