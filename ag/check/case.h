/* The checks of an op: an op with inputs, run in one way or another, and what is compared. check.h includes it. */
#ifndef AG_CHECK_CASE_H
#define AG_CHECK_CASE_H

/* ---- case.c: an op with inputs, run in one way or another on a tape of its own */

enum { AG_CASE_INPUTS = 16, AG_CASE_OUTPUTS = 16 };
enum { AG_CASE_OTHER = 1 << 20 }; /* the seed of other operands than any check draws */

typedef struct ag_case {
    const ag_op *op;
    const void *params;
    int count, outputs;
    double tolerance, diagonal;
    ag_shape shape[AG_CASE_INPUTS];
    ag_dtype dtype[AG_CASE_INPUTS]; /* AG_FLOAT: that of the run */
    double low[AG_CASE_INPUTS], high[AG_CASE_INPUTS];
    const double *x[AG_CASE_INPUTS]; /* values that f32 can hold, so that f32 and f64 compute the same */
} ag_case;

typedef enum ag_case_layout { AG_CASE_DENSE, AG_CASE_TRANSPOSED, AG_CASE_GAPS, AG_CASE_STRETCHED } ag_case_layout;
typedef enum ag_case_pass {
    AG_CASE_FORWARD,
    AG_CASE_BACKWARD, /* ag_backward */
    AG_CASE_TWICE,    /* ag_backward of two applications with different adjoints */
    AG_CASE_PLAIN,    /* ag_gradients */
    AG_CASE_GRAPH     /* ag_gradients with AG_CREATE_GRAPH */
} ag_case_pass;

typedef struct ag_run {
    ag_dtype dtype;
    int threads;
    ag_case_pass pass;
    ag_case_layout layout[AG_CASE_INPUTS];
    uint32_t constant;     /* bits: inputs that want no gradient */
    int adjoint;           /* which of several adjoints of the result */
    bool persistent;       /* the inputs are parameters */
    double shaken;         /* relative changes of all inputs and adjoints, up to this size */
    uint64_t shake;        /* which ones */
    bool clean;            /* memory that the op and the pass will take holds zeros, not NaN */
    int written;           /* 1 + the input that is overwritten between the op and the pass */
    uint64_t memory_limit; /* of the tape; zero: the machine's */
    void *scribble;        /* the case's parameters, to be spoilt once the op has been applied */
    bool between;          /* the op is applied to other operands and parameters before the pass */
    int only;              /* 1 + the output of which alone the loss is made; zero: of all */
} ag_run;

typedef struct ag_outcome {
    const ag_case *of;
    bool applied;
    bool contradicts; /* an error and a result, or neither */
    int mutated;      /* 1 + the operand whose values are others after the op or its derivative */
    ag_status status;
    char text[AG_TEXT];
    ag_shape shape[AG_CASE_OUTPUTS]; /* of the outputs */
    ag_dtype dtype[AG_CASE_OUTPUTS];
    int64_t y_count, g_count;
    double *y, *g; /* the outputs' elements; the gradients' of the floating inputs, zeros where none was wanted */
} ag_outcome;

ag_tape *ag_case_tape(ag_dtype d, int threads, uint64_t memory_limit); /* NULL: no memory */
bool ag_case_is_float(const ag_case *c, int i);
int64_t ag_case_size(const ag_case *c); /* of all inputs */
/* The shapes of a sample; elementwise ops: of `rank` dimensions. */
void ag_case_of_sample(const ag_op *op, const ag_sample *sample, int rank, ag_case *c);
/* Values within the bounds, in the memory of the tape. False: no memory. */
bool ag_case_draw(ag_tape *home, ag_case *c, uint64_t seed);
/* x[i] repeats its first slice along its first dimension of more than one element, for AG_CASE_STRETCHED. */
bool ag_case_flatten(ag_tape *home, ag_case *c, int i);
/* x times 1 + size r, r random in [-1, 1]. */
void ag_case_shake(double *x, int64_t count, double size, uint64_t seed, uint64_t call);
/* A dense array of the caller's. */
ag_array ag_case_array(ag_dtype d, ag_shape s, const double *data);
/* A leaf with the values of the f64 array `from`, which lie in the part of it that starts at `inside`; the rest
 * is NaN. */
ag_tensor ag_case_leaf(ag_tape *t, const ag_array *from, ag_dtype d, ag_shape whole, int64_t inside);
/* The inputs as tensors: leaf[i], which may be written, and x[i], which is what the op is given. */
void ag_case_inputs(const ag_case *c, const ag_run *r, ag_tape *t, ag_tensor *leaf, ag_tensor *x);
ag_tensor ag_case_constant(const ag_case *c, ag_tape *t, int i); /* input i; floating: f64 unless the case says f32 */

/* ---- run.c */

ag_status ag_case_apply(const ag_case *c, const ag_tensor *x, ag_tensor *y);
/* The weights of an output in the loss: of size 1/2 to 3/2, exact in every float type. */
void ag_case_weights(double *w, int64_t count, int adjoint, int output);
/* The sum of the floating outputs, weighted. Inert: the op has none. */
ag_tensor ag_case_loss(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *y, int adjoint);

/* Tapes for the runs, by dtype and threads, kept for their memory; the home tape holds cases and outcomes. */
enum { AG_CASE_THREADS = 3 };
typedef struct ag_case_tapes {
    ag_tape *home, *run[2][AG_CASE_THREADS + 1];
} ag_case_tapes;
void ag_case_tapes_free(ag_case_tapes *tapes);
/* False: no memory. */
bool ag_case_run(const ag_case *c, const ag_run *r, ag_case_tapes *tapes, ag_outcome *o);

/* ---- compare.c */

/* How far values move under relative changes of the inputs of size 1: what rounding may do to them is a multiple. */
typedef struct ag_scale {
    const double *y, *g;
} ag_scale;
bool ag_case_scale(const ag_case *c, ag_case_tapes *tapes, ag_scale *s);
/* To single precision and its range. */
void ag_outcome_round(ag_outcome *o);
/* Do two outcomes agree to `epsilon` times the scale? If not, text says where. Equal failures agree. */
bool ag_outcome_close(const ag_outcome *a, const ag_outcome *b, const ag_scale *s, double epsilon, char *text,
                      size_t bytes);
bool ag_outcome_same(const ag_outcome *a, const ag_outcome *b, char *text, size_t bytes); /* bit for bit */
const char *ag_case_operand(const ag_case *c, int i);                                     /* x, or x0, x1 ... */

/* ---- op.c: the checks of an op and their results */

typedef enum ag_check_id {
    AG_CHECK_FIRST,
    AG_CHECK_SECOND,
    AG_CHECK_PASSES,
    AG_CHECK_MEMORY,
    AG_CHECK_NEEDS,
    AG_CHECK_JVP,
    AG_CHECK_VECTORS,
    AG_CHECK_F32,
    AG_CHECK_STRIDES,
    AG_CHECK_BROADCAST,
    AG_CHECK_RANK0,
    AG_CHECK_EMPTY,
    AG_CHECK_SHAPES,
    AG_CHECK_HANDLES,
    AG_CHECK_WRITES,
    AG_CHECK_PARAMS,
    AG_CHECK_STATE,
    AG_CHECK_ZEROS,
    AG_CHECK_LARGE,
    AG_CHECK_THREADS,
    AG_CHECKS
} ag_check_id;
extern const char *const ag_check_names[AG_CHECKS];

typedef struct ag_check_result {
    ag_verdict verdict;    /* of what was done */
    int64_t done, skipped; /* comparisons, and those that do not apply */
    char why[256];         /* the first one skipped: the reason */
    char text[AG_TEXT];    /* the worst failure */
    char inputs[256];      /* of which sample and shapes */
} ag_check_result;

typedef struct ag_op_check {
    const ag_op *op;
    bool builtin;
    bool differentiable; /* the case has derivatives */
    int sample, samples; /* the one at work, counted from 1; how many */
    ag_case_tapes tapes;
    ag_check_result result[AG_CHECKS];
    char cause[AG_CAUSE]; /* what no single check says: a parameter that is ignored */
} ag_op_check;

/* ag_check_op with the results, which the caller provides zeroed. */
ag_verdict ag_check_op_into(const ag_op *op, FILE *report, ag_op_check *k);
void ag_check_done(ag_op_check *k, ag_check_id id, int64_t count);
void ag_check_skip(ag_op_check *k, ag_check_id id, const char *format, ...) AG_PRINTF(3, 4);
void ag_check_wrong(ag_op_check *k, ag_check_id id, ag_verdict verdict, const ag_case *c, const char *format, ...)
    AG_PRINTF(5, 6);
bool ag_check_memory(ag_op_check *k, bool got); /* got; notes that there was none */

/* ---- gradient.c: the checks, each in a file of its kind. Every one is given a case drawn from the sample. */

bool ag_check_gradient(ag_op_check *k, const ag_case *c); /* false: the sample is refused */
void ag_check_passes(ag_op_check *k, const ag_case *c);
void ag_check_unwritten(ag_op_check *k, const ag_case *c);
void ag_check_needs(ag_op_check *k, const ag_case *c);
/* Has `look` see the case as a function of its floating inputs, on a tape of its own; false: noted that there was no
 * memory. */
typedef void ag_case_look(void *user, const ag_probe *p);
bool ag_case_probed(ag_op_check *k, const ag_case *c, int order, int directions, ag_case_look *look, void *user);
/* numeric derivatives of any case; directions 0: every element */
void ag_check_numeric(ag_op_check *k, ag_check_id id, const ag_case *c, int order, int directions);
bool ag_case_differentiable(const ag_case *c); /* has it a derivative and a floating input? */
const char *ag_case_obstacle(const ag_case *c,
                             const ag_outcome *o); /* why there is nothing to differentiate; NULL: there is */
void ag_check_close(ag_op_check *k, ag_check_id id, const ag_case *c, const ag_outcome *a, const ag_outcome *b,
                    const ag_scale *s, double epsilon, const char *what);
/* Rounding in f64 and in f32, in units of the scale. */
#define AG_CLOSE_F64 (256 * 0x1p-52)
#define AG_CLOSE_F32 (16 * 0x1p-23)

/* ---- jvp.c */

void ag_check_jvp(ag_op_check *k, const ag_case *c);

/* ---- vectors.c */

void ag_check_vectors(ag_op_check *k, const ag_case *c);

/* ---- parameters.c */

/* Where a derivative was found wrong: is it that it does not depend on a parameter? Then k->cause says so. */
void ag_check_ignored(ag_op_check *k, const ag_case *c);

/* ---- layout.c */

void ag_check_f32(ag_op_check *k, const ag_case *c);
void ag_check_strides(ag_op_check *k, const ag_case *c);

/* ---- shape.c */

void ag_check_broadcast(ag_op_check *k, const ag_case *c);
void ag_check_rank0(ag_op_check *k, const ag_case *c);
void ag_check_empty(ag_op_check *k, const ag_case *c);
void ag_check_shapes(ag_op_check *k, const ag_case *c);

/* ---- misuse.c */

void ag_check_handles(ag_op_check *k, const ag_case *c);
void ag_check_writes(ag_op_check *k, const ag_case *c);
void ag_check_params(ag_op_check *k, const ag_case *c);

/* ---- state.c */

void ag_check_state(ag_op_check *k, const ag_case *c);

/* ---- zeros.c */

void ag_check_zeros(ag_op_check *k, const ag_case *c);

/* ---- large.c */

void ag_check_large(ag_op_check *k, const ag_case *c);
void ag_check_threads(ag_op_check *k, const ag_case *c);

#endif
