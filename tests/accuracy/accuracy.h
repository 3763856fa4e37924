/* How far the elementwise ops are from the truth, in units of the last place.
 *
 *   accuracy.c    options, and the table
 *   measure.c     inputs over the whole range, and the error of one result
 *   references.c  the ops with many digits
 *   rows.c        softmax and its like
 *   bounds.h      what is promised
 *   mp.h          arithmetic with many digits */
#ifndef TESTS_ACCURACY_ACCURACY_H
#define TESTS_ACCURACY_ACCURACY_H

#include "tests/accuracy/mp.h"
#include "tests/ops_called.h"

enum { MOST_CONSTANTS = 4 };

/* An op with many digits: v holds its operands, then its numbers, as they are in the op's own precision. */
typedef struct reference {
    const char *op;
    num (*value)(const num *v);
    double number[MOST_CONSTANTS][2]; /* the op's numbers in turn; up to one of zeros */
    num (*terms)(const num *v); /* what the value is the sum of, if it may be much larger: the error is measured in
                                       * its units then */
} reference;

extern const reference references[]; /* up to one without a name */

/* What was found of an op: of numbers (rank 0), and of arrays in f64 and f32. */
typedef enum way { NUMBERS, ARRAYS_F64, ARRAYS_F32, WAYS } way;
typedef struct finding {
    double ulp, x[2], c[2], got; /* the largest error, and where */
    long tried;
} finding;

/* Of `count` inputs, drawn in the same way each time. */
finding measure(const reference *r, const called_op *op, way how, long count);

/* Ops that reduce rows: one finding for each, of `count` results. */
typedef enum row_op { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, CROSS_ENTROPY, ROW_OPS } row_op;
extern const char *const row_op_names[ROW_OPS];
finding measure_rows(row_op op, bool single, long count);

uint64_t next_bits(uint64_t *state); /* random ones, always the same */
/* How far y is from the truth, in units of the last place of the larger of the truth and `terms` (NULL: of the truth). */
double error_beside(double y, num truth, num terms, bool single);

#endif
