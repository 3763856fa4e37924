/* What the engine knows of an elementwise op that is a table row; the rows are made by ag/ops/rows.h. */
#ifndef AG_ROWS_H
#define AG_ROWS_H

#include "ag/internal.h"

typedef struct ag_row_params {
    double c, d;
} ag_row_params;

enum {                            /* flags of a row, beside AG_NO_GRADIENT */
       AG_ROW_CONSTANT = 1 << 17, /* it has a constant c */
       AG_ROW_TWO = 1 << 18,      /* and d */
       AG_ROW_POLES = 1 << 19,    /* the derivative may not be finite: structural zeros are selected */
       AG_ROW_VECTOR =
           1 << 20, /* calls vector functions: the last elements go through a padded block, to get the same bits */
       AG_ROW_COMPARE = 1 << 21 /* the result is u8, integers are compared as i64 */
};
enum { AG_ROW = 1 << 16 }; /* flag of an ag_op: it is the first member of an ag_row */

enum { /* what a derivative reads; the second operand's bits are shifted */
       AG_READS_NOTHING = 0,
       AG_READS_A = 1,
       AG_READS_B = 2,
       AG_READS_Y = 4,
       AG_READS_SHIFT = 3
};

/* On contiguous ranges of n elements. y may be a or b, dx may be dy. */
typedef void ag_row_forward(int64_t n, void *y, const void *a, const void *b, double c, double d);
typedef void ag_row_backward(int64_t n, void *dx, const void *dy, const void *a, const void *b, const void *y, double c,
                             double d, bool add);

enum { AG_ROW_ARRAYS, AG_ROW_B_CONSTANT, AG_ROW_A_CONSTANT }; /* which operand is the constant c */

struct ag_row {
    ag_op op;
    const char *function; /* the public one's name */
    int reads, flags;
    void (*scalar)(const double *x, double c, double d, double *out); /* y, dy/da, dy/db */
    ag_row_forward *forward[3][3];                                    /* by constant operand; f32, f64, i64 */
    ag_row_backward *back[2][3][2];                                   /* by operand, constant operand; f32, f64 */
};

ag_tensor ag_row_apply(uint32_t number, const ag_tensor *operands, ag_row_params p);
ag_tensor ag_row_jvp(const ag_tensor *dx, ag_tensor from_a, ag_tensor from_b);

/* The backward steps of one row node: what they have in common, then one for each operand. dy is dense, of the node's
 * shape. A step writes (or adds) the contribution to operand k into dx, which is dense, of the node's shape; dx may be
 * dy. AG_EUSE: an operand was written since. */
typedef struct ag_row_steps {
    ag_tape *t;
    const ag_row *row;
    const ag_node *node, *x[2];
    int kind;   /* AG_ROW_ARRAYS ... */
    bool plain; /* dense operands of the node's shape, at most one a rank-0 f64 record, not many elements */
    double c;
} ag_row_steps;
void ag_row_steps_begin(ag_row_steps *s, ag_tape *t, const ag_row *row, const ag_node *node);
ag_status ag_row_step(const ag_row_steps *s, int k, void *dx, const void *dy, bool add);
/* the derivative by operand k if it is the same constant everywhere */
bool ag_row_constant_slope(const ag_row *row, ag_row_params p, int k, double *slope);
ag_row_params ag_row_params_at(const ag_tape *t, uint32_t id);

#endif
