/* Sums over pairs of elements, sum_i f(a_i, b_i), and their derivatives: the dot product and the losses. */
#ifndef AG_KERNELS_PAIRS_H
#define AG_KERNELS_PAIRS_H

#include "ag/array/array.h"

typedef enum ag_pair_kind {
    AG_PAIR_PRODUCT,    /* a b */
    AG_PAIR_SQUARE,     /* (a - b)^2 */
    AG_PAIR_BCE,        /* -(b log a + (1 - b) log(1 - a)), the logarithms at least -100 */
    AG_PAIR_BCE_LOGITS, /* max(a, 0) - a b + log(1 + exp(-|a|)) */
    AG_PAIR_KINDS
} ag_pair_kind;

/* What the types provide; n is at most AG_PAIR_CHUNK. to[i] = scale df/da or df/db (+ beta to[i], unless beta is 0). */
enum { AG_PAIR_CHUNK = 8192 };
typedef struct ag_pair {
    double (*sum)(int64_t n, const void *a, const void *b);
    void (*da)(int64_t n, const void *a, const void *b, double scale, double beta, void *to);
    void (*db)(int64_t n, const void *a, const void *b, double scale, double beta, void *to);
} ag_pair;
extern const ag_pair ag_pairs_f32[AG_PAIR_KINDS], ag_pairs_f64[AG_PAIR_KINDS];

/* bce is flat in a where log a is below -100: at a <= exp(-100), and likewise for 1 - a. */
#define AG_PAIR_LOG_FLOOR (-100)
#define AG_PAIR_FLOOR 3.720075976020836e-44

/* ag_pair_sum - the sum over n pairs of dense arrays of type d. It depends on n and the values alone.
 * `partials` has room for ag_pair_partials(n) numbers. */
int64_t ag_pair_partials(int64_t n);
double ag_pair_sum(ag_pair_kind kind, ag_dtype d, int64_t n, const void *a, const void *b, double *partials,
                   int threads);

/* ag_pair_gradient - to[i] = scale df/d(side 0: a_i, 1: b_i) (+ beta to[i], unless beta is 0). */
void ag_pair_gradient(ag_pair_kind kind, ag_dtype d, int side, int64_t n, const void *a, const void *b, double scale,
                      double beta, void *to, int threads);

#endif
