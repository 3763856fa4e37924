/* Pairs of elements: f(a_i, b_i) one by one or summed, and the derivatives: the dot product and the losses. */
#ifndef AG_KERNELS_PAIRS_H
#define AG_KERNELS_PAIRS_H

#include "ag/array/array.h"

typedef enum ag_pair_kind {
    AG_PAIR_PRODUCT,      /* a b */
    AG_PAIR_SQUARE,       /* (a - b)^2 */
    AG_PAIR_BCE,          /* -(b log a + (1 - b) log(1 - a)), the logarithms at least -100 */
    AG_PAIR_BCE_LOGITS,   /* max(a, 0) - a b + log(1 + exp(-|a|)) */
    AG_PAIR_ABSOLUTE,     /* |a - b| */
    AG_PAIR_HUBER,        /* d = |a - b|: d^2 / 2 up to c, c (d - c/2) above */
    AG_PAIR_SMOOTH,       /* the same divided by c */
    AG_PAIR_HINGE,        /* max(c - a b, 0) */
    AG_PAIR_EMBEDDING,    /* a where b is 1, max(c - a, 0) where it is -1, else both */
    AG_PAIR_SOFT_MARGIN,  /* log(1 + exp(-a b)) */
    AG_PAIR_POISSON,      /* exp(a) - a b */
    AG_PAIR_POISSON_RATE, /* a - b log(a + c) */
    AG_PAIR_KL,           /* b (log b - a) */
    AG_PAIR_KL_LOG,       /* exp(b) (b - a) */
    AG_PAIR_KINDS
} ag_pair_kind;

/* What the types provide, for n up to AG_PAIR_CHUNK. sum: may leave df/da in `slope`, unless that is NULL, for
 * back. back: to[side][i] = g df/d(side 0: a_i, 1: b_i), g being `scale`, or dy[i] unless dy is NULL (+ beta[side]
 * to[side][i], unless beta is 0); one of both may be NULL. */
enum { AG_PAIR_CHUNK = 8192 };
typedef struct ag_pair_kernels {
    double (*sum)(ag_pair_kind kind, int64_t n, const void *a, const void *b, double c, void *slope);
    void (*each)(ag_pair_kind kind, int64_t n, const void *a, const void *b, double c, void *y);
    void (*back)(ag_pair_kind kind, int64_t n, const void *a, const void *b, double c, const void *slope,
                 const void *dy, double scale, const double *beta, void *const *to);
} ag_pair_kernels;
extern const ag_pair_kernels ag_pairs_f32, ag_pairs_f64;

/* bce is flat in a where log a is below -100: at a <= exp(-100), and likewise for 1 - a. */
#define AG_PAIR_LOG_FLOOR (-100)
#define AG_PAIR_FLOOR 3.720075976020836e-44

/* max(z, 0) - z y, as |z| times what y denies of z's sign: 0 where that is nothing, be z infinite. */
#define AG_PAIR_DENIED(z, y, size) (AG_PAIR_PART(z, y) == 0 ? 0 : AG_PAIR_PART(z, y) * size(z))
#define AG_PAIR_PART(z, y) ((z) > 0 ? 1 - (y) : (y))

typedef struct ag_pairs { /* n pairs of dense arrays */
    ag_pair_kind kind;
    ag_dtype dtype;
    int64_t n;
    const void *a, *b;
    double c;
    void *slope; /* n numbers between ag_pair_sum and ag_pair_back, or NULL */
    int threads;
} ag_pairs;

/* ag_pair_sum - the sum over all pairs. It depends on n and the values alone. `partials` has room for
 * ag_pair_partials(n) numbers. */
int64_t ag_pair_partials(int64_t n);
double ag_pair_sum(const ag_pairs *p, double *partials);
/* ag_pair_each - y[i] = f(a_i, b_i); ag_pair_back - the derivatives of both sides, as above, but of one without data. */
void ag_pair_each(const ag_pairs *p, void *y);
void ag_pair_back(const ag_pairs *p, const void *dy, double scale, const double *beta, const ag_array *dx);

#endif
