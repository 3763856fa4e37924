/* Runs of elements about a mean and in units of a deviation: what all norms are made of. A run is a row, or neighbouring
 * elements of a channel. Where those are few, columns: neighbouring elements, each of a channel of its own, in many rows. */
#ifndef AG_OPS_NORM_KERNELS_H
#define AG_OPS_NORM_KERNELS_H

#include "ag/array/array.h"

enum {
    AG_NORM_COLUMNS = 512, /* at a time, at most */
    AG_NORM_ROWS = 8,      /* are added in their own type, at most */
    AG_NORM_TOGETHER = 2   /* rows that are read again at once, at most */
};

typedef struct ag_moments {
    double mean, squares; /* the sum of squares about the mean */
    int64_t n;            /* of how many; 0: of none yet */
} ag_moments;

/* As by Chan, Golub and LeVeque (1979). */
static inline void ag_join_moments(ag_moments *m, ag_moments more)
{
    if (m->n == 0) {
        *m = more;
        return;
    }
    const double n = (double)(m->n + more.n), d = more.mean - m->mean, part = (double)more.n / n;
    m->squares += more.squares + d * d * (double)m->n * part;
    m->mean += d * part;
    m->n += more.n;
}

/* y = (x - mean) scale + shift, or dx = dy scale + (x - mean) slope + shift. next: what is read after it lies so many
 * elements on, and is asked for meanwhile; 0: that is not known. */
typedef struct ag_norm_line {
    double mean, scale, slope, shift;
    int64_t next;
} ag_norm_line;

typedef struct ag_norm_sums { /* of what arrives, and of that times x - mean */
    double sum, product;
} ag_norm_sums;

typedef struct ag_columns {
    int64_t rows, step; /* elements from one row to the next */
    int count;
} ag_columns;

/* Of rows whose derivatives are wanted by x and by a weight or a bias: their contributions to sums of the type. */
typedef struct ag_norm_row {
    const double *inverse; /* of each row's deviation */
    void *dweight, *dbias;
} ag_norm_row;

/* What the types provide. weight, bias: n elements, by which y is multiplied, and which are added to it; dy is multiplied
 * by the weight before all else. NULL: none. add: to what dx holds. back of x NULL: what dy and the
 * scale give alone. */
typedef struct ag_norm_kernels {
    ag_moments (*moments)(int64_t n, const void *x, bool centered); /* not centered: about 0 */
    void (*apply)(int64_t n, const void *x, const void *weight, const void *bias, void *y, const ag_norm_line *c);
    ag_norm_sums (*sums)(int64_t n, const void *x, const void *dy, const void *weight, double mean);
    void (*back)(int64_t n, const void *x, const void *dy, const void *weight, void *dx, const ag_norm_line *c,
                 bool add);
    /* Both of so many rows, AG_NORM_TOGETHER or one: their dx, and what they add. Or that of a row alone, and those sums
     * to others, after which they are 0. */
    void (*back_and_add)(int rows, int64_t n, const void *x, const void *dy, const void *weight, void *dx,
                         const ag_norm_line *c, bool add, const ag_norm_row *r);
    void (*add)(int64_t n, const void *x, const void *dy, double mean, const ag_norm_row *r);
    void (*join)(int64_t n, void *part, double *total);
    /* of each of so many neighbouring runs of n */
    void (*runs_moments)(int64_t runs, int64_t n, const void *x, ag_moments *m);
    void (*runs_apply)(int64_t runs, int64_t n, const void *x, void *y, const ag_norm_line *c);
    void (*runs_sums)(int64_t runs, int64_t n, const void *x, const void *dy, const ag_norm_line *c, ag_norm_sums *s);
    void (*runs_back)(int64_t runs, int64_t n, const void *x, const void *dy, void *dx, const ag_norm_line *c,
                      bool add);
    /* of each column */
    void (*columns_moments)(ag_columns k, const void *x, ag_moments *m);
    void (*columns_apply)(ag_columns k, const void *x, void *y, const ag_norm_line *c);
    void (*columns_sums)(ag_columns k, const void *x, const void *dy, const ag_norm_line *c, ag_norm_sums *s);
    void (*columns_back)(ag_columns k, const void *x, const void *dy, void *dx, const ag_norm_line *c, bool add);
} ag_norm_kernels;
extern const ag_norm_kernels ag_norm_f32, ag_norm_f64;

#endif
