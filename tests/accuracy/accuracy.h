/* How far the elementwise ops are from the truth, in units of the last place.
 *
 *   accuracy.c    options, and the table
 *   measure.c     inputs over the whole range, and the error of one result
 *   references.c  the ops with many digits
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
    const char *why;                  /* the error may be larger than 1.5 */
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

#endif
