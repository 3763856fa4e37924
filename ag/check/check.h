/* The insides of gradient checking: the numeric derivative (numeric.c), the comparison of a function's derivatives with
 * it (gradcheck.c, function.c), and the checks of an op (the other files). */
#ifndef AG_CHECK_CHECK_H
#define AG_CHECK_CHECK_H

#include "ag/backward/backward.h"
#include <math.h>

/* The checks' own random calls are far from those that f makes on the tape. */
#define AG_CHECK_RANDOM ((uint64_t)1 << 62)

/* Memory for numbers, never NULL because there are none of them. */
static inline double *ag_check_doubles(ag_tape *t, int64_t count)
{
    return ag_scratch(t, ((size_t)count + 1) * sizeof(double));
}

/* ---- numeric.c: derivatives along a line, of several values at once */

typedef struct ag_line {
    bool (*at)(void *user, double s, double *values); /* the values at distance s; false: give up */
    void *user;
    int64_t count;        /* of values */
    double step;          /* the first one */
    double finest;        /* no step is smaller: it would not move the point, or hardly */
    double below, above;  /* room on either side, which no step may leave */
    double precision;     /* relative, at which to stop */
    bool thorough;        /* not to stop before the smallest step */
    const double *center; /* the values at 0 */
    const double *noise;  /* how far they are off, absolute */
} ag_line;

typedef enum ag_slope_kind { AG_SLOPE_UNRESOLVED, AG_SLOPE_SMOOTH, AG_SLOPE_KINK } ag_slope_kind;
typedef struct ag_slope {
    double value, estimate; /* of the error; infinite where nothing was found */
    double bend, reach;     /* within the first step: the second derivative, how steep it is; roughly */
    double level;           /* of the noise; set by ag_line_noise */
    ag_slope_kind kind;
} ag_slope;

/* Central differences over halved steps, extrapolated to step 0 (Ridders 1982), next to the one-sided ones, which show
 * kinks. `memory`: ag_line_bytes(count). False: `at` gave up. */
size_t ag_line_bytes(int64_t count);
bool ag_line_slopes(const ag_line *l, void *memory, ag_slope *slopes);

/* ---- noise.c */

enum { AG_NOISE_POINTS = 16 };
/* The noise of the values, from high differences of points `spacing` apart (Hamming; More and Wild 2011): noise[i] is
 * raised to it. slopes, if given: of the straight lines through the points; bend: by how much their halves differ. */
bool ag_line_noise(const ag_line *l, double spacing, void *memory, double *noise, ag_slope *slopes);

/* ---- function.c: the derivatives of a function against numeric ones */

/* A function of f64 tensors, and the point at which its derivatives are checked. */
typedef struct ag_probe {
    ag_tape *tape;
    /* makes y[0 .. outputs) from x on the tape; an error is pending, or an output unusable, where it fails */
    void (*run)(const struct ag_probe *p, const ag_tensor *x, ag_tensor *y);
    const void *user;
    size_t inputs;
    int outputs;
    bool coarse;                 /* f32 results are accepted */
    bool forgiving;              /* some derivatives may be lost in rounding */
    const ag_shape *shape;       /* of each input */
    const double *x;             /* all inputs, one after the other, row-major */
    const ag_tensor *persistent; /* inputs that are written in place; NULL, {0}: none, a leaf is made */
    const char *const *names;    /* of the inputs; NULL, "": numbered */
    ag_check_options options;
} ag_probe;

/* What came out; text says what is wrong, "" if nothing is. */
enum { AG_CAUSE = 256 };
typedef struct ag_probe_result {
    ag_check_report report;
    int64_t checked[2];   /* derivatives of either order */
    char cause[AG_CAUSE]; /* what text begins with, where a pattern was found */
    char text[AG_TEXT];
} ag_probe_result;

/* The tape is left as it was found. A pending error of the tape is kept; AG_ENOMEM and AG_ELIMIT are added to it. */
void ag_check_function(const ag_probe *p, ag_probe_result *r);

/* ---- evaluate.c: f and its first derivative as plain functions on numbers, which function.c compares */

typedef struct ag_check_held ag_check_held; /* a persistent input as it was before */
typedef struct ag_evaluation {
    const ag_probe *p;
    ag_tape *t;
    ag_probe_result *result;
    uint64_t random_calls;
    uint32_t begin;       /* the first id of the check's own */
    int64_t n, m;         /* elements of the inputs, and of the value */
    int64_t groups[2];    /* of the value's elements, and of its first derivative's, that are looked at together */
    double *weight[2];    /* of each element within its group: m, n */
    double *group_weight; /* of each group of outputs in what the second order differentiates */
    double size, largest; /* of that: the sum of its absolute terms, and the largest one */
    double *gradient, *gradient_size; /* its derivative: n, and the sums of the absolute terms of that */
    double *point;                    /* where it is evaluated: n */
    double *output, *first;           /* the value's elements: m, and its first derivative's: n */
    double *rest;                     /* of each group's sum, what rounding took away */
    ag_tensor *leaf, *dx, *y;
    ag_shape *shape; /* of the outputs: the same in every evaluation */
    ag_dtype *dtype;
    bool *reached;          /* by input: does the value depend on it, with a gradient or without? */
    ag_error_state *hidden; /* the caller's error, which f must not bring back */
    ag_check_held *held;
} ag_evaluation;

/* Sets everything up at the point, f evaluated once. False: it failed, the result says why. */
bool ag_evaluation_begin(ag_evaluation *v, const ag_probe *p, ag_probe_result *result);
/* At v->point: order 1: each group's weighted sum of outputs; order 2: the weighted sum of the first derivative's
 * elements. size, if given: the sums of the absolute terms. */
bool ag_evaluation_at(ag_evaluation *v, int order, double *value, double *size);
/* Analytic derivatives at the point, a row of n numbers per group, each given to `row`. Order 1 by plain passes, which
 * use the fused kernels; order 2 by a plain pass over the graph of the first derivative, whose values are compared with
 * order 1. */
typedef void ag_row_taker(void *user, int64_t group, const double *row);
bool ag_evaluation_rows(ag_evaluation *v, int order, ag_row_taker *row, void *user);
/* A group's value, after ag_evaluation_run, as a tensor; an error is pending where it failed. */
enum { AG_ALL_GROUPS = -1 }; /* weighted, for order 1 */
ag_tensor ag_evaluation_sum(ag_evaluation *v, int order, int64_t group);
/* Then: the gradient of `factor` times the weighted sum of all groups: n numbers. */
bool ag_evaluation_gradient(ag_evaluation *v, double factor, int flags, double *to);

/* ---- linear.c */

/* After the rows of order 1, or with AG_CREATE_GRAPH before those of order 2: is the derivative linear in dy? */
bool ag_evaluation_is_linear(ag_evaluation *v, int flags);

/* ---- rounding.c */

double ag_evaluation_rounding(ag_evaluation *v, int order, int64_t group); /* of a group's value at v->point */

/* ---- evaluate_once.c: f at v->point. Where the functions return false the result says why, or an error is pending */

bool ag_evaluation_fail(ag_evaluation *v, ag_verdict verdict, const char *format, ...) AG_PRINTF(3, 4); /* false */
bool ag_evaluation_fail_pending(ag_evaluation *v, const char *what); /* false; an error is pending */
bool ag_evaluation_hold(ag_evaluation *v);                           /* before the first run: persistent inputs */
bool ag_evaluation_run(ag_evaluation *v);                            /* makes v->leaf and v->y */
bool ag_evaluation_reach(ag_evaluation *v, ag_tensor of);            /* adds to v->reached */
void ag_evaluation_end(ag_evaluation *v); /* after ag_evaluation_begin, whatever it returned: inputs are as before */

/* What function.c, line.c and judge.c share. */
typedef struct ag_checker {
    ag_evaluation v;
    const ag_probe *p;
    ag_probe_result *result;
    int order;
    int64_t columns, rows; /* derivatives of `rows` values by `columns` elements, or along as many directions */
    double *analytic;      /* rows by columns */
    double *direction;     /* columns by n; NULL: the elements themselves */
    double *probing;       /* the direction in which noise is measured: n */
    double *along;         /* per row: the analytic derivative in that direction */
    double *rounding;      /* per row: of the value inside f; negative: not asked for yet */
    double *center, *again, *size, *noise; /* per row: the value, evaluated twice; its scale; how far it is off */
    ag_slope *slope, *near; /* of the rows along the column's line; along `probing`, close to the point */
    double spacing;         /* of the points there */
    bool contradicted;      /* the analytic derivative is not what is seen close to the point */
    void *memory;
    double largest, steepest; /* of all values, of all analytic derivatives */
    int64_t seen, lost;       /* derivatives that were resolved; those that rounding hides, but for nothing */
    bool hidden;              /* too many of the latter in an order */
    size_t unused;            /* the first input that f does not read; as many as there are: none */
    int64_t column;           /* that is being looked at */
    const double *direct;     /* its direction, or that of the noise */
    double worst;             /* the worst disagreement so far, relative to what was allowed */
} ag_checker;

/* What a difference may amount to, relative to the derivative. */
#define AG_CHECK_TOLERANCE 1e-6

/* Along a direction no less: what one element of n is off by must not be lost among the others' parts, whose sum is of the
 * size of sqrt(n) of them. */
static inline double ag_checker_tolerance(const ag_checker *c)
{
    return c->direction ? AG_CHECK_TOLERANCE / sqrt((double)c->v.n) : AG_CHECK_TOLERANCE;
}

/* Steps are relative to this. */
static inline double ag_check_unit(double x)
{
    return fmax(fabs(x), 1);
}

/* ---- line.c */

size_t ag_check_input_of(const ag_probe *p, int64_t *i); /* which one element i belongs to; i: the index in it */
ag_line ag_checker_line(ag_checker *c);                  /* through the point along c->direct or c->column */
void ag_checker_aim(ag_checker *c);                      /* c->probing */
bool ag_checker_noise(ag_checker *c);                    /* c->noise, c->near */
bool ag_checker_is_contradicted(ag_checker *c);
void ag_checker_expect_rounding(ag_checker *c, int64_t row); /* raises c->noise to it */
double ag_checker_rounding(ag_checker *c, int64_t row);      /* at the point and close to it */

/* ---- judge.c */

ag_verdict ag_checker_judge(ag_checker *c, int64_t row, double analytic, double *tolerance);
void ag_checker_note(ag_checker *c, int64_t row, double analytic); /* judges it for the report */

/* ---- bisect.c */

/* A sum that is right to its last bits however its terms cancel (Neumaier 1974): add each, then take sum + rest. */
static inline void ag_check_add(double *sum, double *rest, double x)
{
    double next = *sum + x;
    *rest += fabs(*sum) >= fabs(x) ? *sum - next + x : x - next + *sum;
    *sum = next;
}
double ag_check_product(const double *a, const double *b, int64_t n);

/* Of a direction along which the derivative is wrong: the element by which it is, for the report. */
void ag_checker_bisect(ag_checker *c);

/* ---- cause.c */

/* Names what is wrong by the pattern of all derivatives of the order, in result->cause. */
void ag_checker_explain(ag_checker *c);

/* ---- influence.c */

/* Does f read the input? center: its values at the point, values: memory for as many. False negatives are possible
 * where the values do not change in a few places, and no op records that it read it. */
bool ag_evaluation_uses(ag_evaluation *v, size_t input, const double *center, double *values);

/* ---- describe.c */

/* What an input is called: by its name, or x; x1 where there are several. */
const char *ag_check_input_name(const ag_probe *p, size_t input, char *text, size_t bytes);
/* "w[2, 0]" */
const char *ag_place_text(const char *name, ag_shape s, int64_t element, char *text, size_t bytes);
/* Element i of all inputs' or of all outputs' */
const char *ag_check_input_place(const ag_probe *p, int64_t i, char *text, size_t bytes);
const char *ag_check_output_place(const ag_evaluation *v, int64_t i, char *text, size_t bytes);
/* Puts the worst element of the report into words. */
void ag_check_describe(const ag_evaluation *v, ag_probe_result *result);
void ag_check_describe_unused(const ag_evaluation *v, size_t input, ag_probe_result *result);

#include "ag/check/case.h"

#endif
