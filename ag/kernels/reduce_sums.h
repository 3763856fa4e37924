/* Sums over boxes of elements, for one dtype each. reduce_sums.inc defines them once.
 *
 * f32 and f64 are summed in vector lanes within short blocks, the blocks in double and pairwise: the order depends on
 * the extents and strides alone, and the rounding error grows with the logarithm of their number. Integers are summed
 * modulo 2^64. */
#ifndef AG_KERNELS_REDUCE_SUMS_H
#define AG_KERNELS_REDUCE_SUMS_H

#include "ag/kernels/kernels.h"

enum {
    AG_SUM_CHUNK = 128,
    AG_SUM_BLOCK = 1024, /* elements of a result that are added in lanes */
    AG_SUM_ROWS = 32,    /* that are added in lanes */
    AG_SUM_WIDE = 4096,  /* of results that are more than AG_SUM_CHUNK side by side */
    AG_SUM_DEPTH = 5,
    AG_SUM_SLACK = 16 /* the widest vector's totals */
};

/* The dimensions that are summed over, from the outermost on, all extents positive. */
typedef struct ag_box {
    int rank;
    int64_t dim[AG_MAX_RANK], stride[AG_MAX_RANK];
} ag_box;

/* Do results `step` apart have lines side by side in each row of the box, several of which fit into a block? */
static inline bool ag_sum_lines(const ag_box *b, bool across, int64_t step)
{
    return !across && b->rank == 2 && b->stride[1] == 1 && b->dim[1] == step && step <= AG_SUM_BLOCK / 2;
}

/* Neighbouring results: `count` of them, at most AG_SUM_CHUNK, `step` elements apart in what is summed. */
typedef struct ag_sum_unit {
    const ag_box *box;
    const void *from; /* first element of the first result's box */
    int64_t count, step;
    bool across; /* results are closer together than the elements of a box: rows are added up */
    const ag_maker
        *maker; /* NULL: the elements are in memory; else they lie side by side in the array that begins here: */
    const void *first;
} ag_sum_unit;

typedef union ag_total {
    double real;
    uint64_t integer;
} ag_total;

/* What becomes of a total. */
typedef struct ag_sum_ending {
    double scale, divisor; /* divisor 0: multiplied by the scale */
    uint64_t times;        /* each element stands for so many */
    bool add;
    ag_dtype from, to; /* of the elements, of the results */
} ag_sum_ending;
/* Of `count` totals, which it may change, to results `step` apart. */
void ag_sum_finish(const ag_sum_ending *e, void *to, int64_t step, ag_total *total, int64_t count);

typedef struct ag_sums {
    /* total[i] = the sum over the box of result i; with depth > 0 over part `part` of 2^depth of it alone. */
    void (*unit)(const ag_sum_unit *u, int depth, int part, ag_total *total);
    /* total[i] = the sum of result i over the first `rows` rows, at most AG_SUM_ROWS, which are added up one after the
     * other, of up to AG_SUM_WIDE results. */
    void (*block)(const ag_sum_unit *u, int64_t rows, ag_total *total);
    /* total[i] += more[i]. Parts joined as a binary tree give the bits of the whole. */
    void (*join)(ag_total *total, const ag_total *more, int64_t count);
    /* Can `few` sum units like this one, each `step` elements after the last one? */
    bool (*fits_few)(const ag_sum_unit *u, int64_t step);
    /* The totals of `boxes` of them in a row; room for AG_SUM_SLACK more. */
    void (*few)(const ag_sum_unit *u, int64_t boxes, int64_t step, ag_total *total);
} ag_sums;

extern const ag_sums ag_sums_f32, ag_sums_f64, ag_sums_i32, ag_sums_i64, ag_sums_u8;

#endif
