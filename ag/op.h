/* What an op is, and checking gradients. A part of ag.h, which includes it. */
#ifndef AG_OP_H
#define AG_OP_H

typedef struct ag_call ag_call; /* one application of an op, as its functions see it */
typedef struct ag_array {
    void *data;
    ag_dtype dtype;
    ag_shape shape;
    int64_t stride[AG_MAX_RANK]; /* in elements */
} ag_array;

/* Arguments on which the automatic checks try an op; the list ends where low[0] == high[0]. */
enum { AG_SAMPLE_INPUTS = 8 }; /* further ones are like the last of these */
typedef struct ag_sample {
    const void *params;
    double low[AG_SAMPLE_INPUTS], high[AG_SAMPLE_INPUTS]; /* per input; equal: those of the first */
    double tolerance;                                     /* zero: estimated */
    ag_shape shape[AG_SAMPLE_INPUTS];                     /* of each input; elementwise ops: generated */
    ag_dtype dtype[AG_SAMPLE_INPUTS];                     /* zero: floating; integers are drawn from [low, high) */
    int inputs;                                           /* how many, for AG_VARIADIC */
    double diagonal; /* i + 1 times this is added to the elements [i,i] of the first input's matrices */
} ag_sample;

enum {                     /* flags of an op */
       AG_VARIADIC = 1,    /* any number of inputs from 1 on */
       AG_NO_GRADIENT = 2, /* its derivative is zero wherever it exists: no vjp */
       AG_STRIDED = 4,     /* forward and vjp_fused take arrays of any strides; with neither this nor AG_DENSE_ROWS they
                            * get dense ones: row-major, without gaps */
       AG_VIEW = 8,        /* no forward: `shape` sets data and strides within the memory that x[0] spans, whose dtype
                            * the result has; data NULL: x[0]'s elements, row by row, are copied */
       AG_DENSE_ROWS = 16  /* they take arrays whose last dimension has stride 1, whatever the other strides are */
};

/* An op. Either `map` (elementwise: one element, broadcasting and dtypes are the engine's) or `shape` and `forward`.
 *
 * `shape` fills in dtype and shape of each output and validates (ag_call_fail): an operand may be of any dtype, and what
 * `shape` does not refuse `forward` must compute, into dense memory that holds anything before.
 *
 * `vjp` is written in ag ops: dx[i] is the contribution to input i, {0} for none; sums over broadcast dimensions and
 * casts are the engine's. An input that needs no gradient need not be computed (ag_call_needs). dy[k] belongs to output
 * k: zeros where none arrived. An integer output takes no gradient.
 *
 * `vjp_fused` is an optional kernel for plain first-order passes: dx[i] = (its contribution) + beta[i] dx[i], beta[i]
 * being 0 or 1, of the input's shape, with strides as the flags say. dx[i].data is NULL where not needed, dy[k].data
 * where output k received none. It may return AG_USE_RULE before it has written anything.
 *
 * `saved` more outputs follow the first ones and are handed to nobody: what `forward` knows and the derivative would
 * compute again. To `shape`, `forward`, ag_call_output and ag_call_output_array they are the outputs from number
 * `outputs` on. This is the one way to keep a value that depends on the inputs. A rule may read one as it reads any
 * output. If it is recorded, what it made of that value is differentiated in its turn: an adjoint arrives in dy at the
 * saved output, and has to be passed on like the others (a kernel may decline then). Otherwise none does. Without
 * recording, saved outputs last as long as `forward`.
 *
 * Definitions that contradict themselves are refused: AG_EARG. */
typedef struct ag_op {
    size_t size; /* sizeof(ag_op); zero: the fields that are here, whatever a later version adds */
    const char *name, *formula;
    int inputs, outputs, saved, flags; /* zero outputs: one; saved: more of them, for the derivative alone */
    size_t params_size;                /* plain data, copied */
    double (*map)(const double *x, const void *params);
    ag_status (*shape)(const ag_call *c, const ag_array *x, ag_array *y);
    ag_status (*forward)(const ag_call *c, const ag_array *x, ag_array *y);
    void (*vjp)(const ag_call *c, const ag_tensor *dy, ag_tensor *dx);
    void (*jvp)(const ag_call *c, const ag_tensor *dx, ag_tensor *dy);                              /* optional */
    ag_status (*vjp_fused)(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta); /* optional */
    const ag_sample *samples;
    double (*flops)(const ag_call *c, const ag_array *x, const ag_array *y); /* optional, for ag_profile: of forward */
} ag_op;

/* What these functions may do with the tape. `vjp` and `jvp` make the tensors they need, which are gone when they return
 * but where a gradient is recorded. The others compute on arrays: there, making a tensor is AG_EUSE. Reset,
 * rewind and backward passes are AG_EUSE in all of them, but a rule may rewind to a mark that it made and differentiate
 * what it recorded itself (ag_enable_grad_begin). A function that leaves an error pending has failed, whatever it
 * returns. */

/* ag_apply - applies an op and returns its first output; ag_apply_all - all of them. `op` must outlive the tape. */
AG_API ag_tensor ag_apply(const ag_op *op, ag_list inputs, const void *params);
AG_API ag_status ag_apply_all(const ag_op *op, ag_list inputs, const void *params, ag_tensor *outputs);
/* What an op's functions may ask of the call. Reading an operand that was written since is an error. */
AG_API ag_tape *ag_call_tape(const ag_call *c);
AG_API int ag_call_inputs(const ag_call *c); /* how many */
AG_API ag_tensor ag_call_input(const ag_call *c, int i);
AG_API ag_tensor ag_call_output(const ag_call *c, int i);             /* inert where there is none yet */
AG_API const ag_array *ag_call_input_array(const ag_call *c, int i);  /* in vjp_fused; NULL on error */
AG_API const ag_array *ag_call_output_array(const ag_call *c, int i); /* in vjp_fused; NULL on error */
AG_API bool ag_call_needs(const ag_call *c, int i);                   /* does input i want a gradient? */
AG_API const void *ag_call_params(const ag_call *c);
AG_API int ag_call_threads(const ag_call *c);
AG_API void *ag_call_scratch(const ag_call *c,
                             size_t bytes); /* 64-byte aligned, gone when the function returns; NULL: AG_ENOMEM */
/* ag_call_matmul - y[..,m,n] = a[..,m,k] b[..,k,n] + beta y, beta 0 or 1, for the op's kernels: of matrices of one
 * floating dtype and any strides, on the tape's threads, with the same bits on any number of them. Leading dimensions
 * broadcast, aligned at their end; along one that y lacks the products are summed. y is not a, nor b. */
AG_API ag_status ag_call_matmul(const ag_call *c, const ag_array *a, const ag_array *b, const ag_array *y, double beta);
/* ag_call_fail - ag_fail with the op's name and the operands' shapes, dtypes and names before the text. */
AG_API ag_status ag_call_fail(const ag_call *c, ag_status s, const char *format, ...) AG_PRINTF(3, 4);

/* ---- checking gradients */

typedef enum ag_verdict { AG_INCONCLUSIVE, AG_PASS, AG_FAIL, AG_KINK } ag_verdict;

/* The element at which analytic and numeric derivative agree worst, measured against the tolerance. At order 2 `output`
 * is the element of the first derivative. With random directions a wrong element is looked for by bisecting; where none
 * is named `element` is the number of a direction. */
typedef struct ag_check_report {
    ag_verdict verdict;
    int order;                            /* 1 or 2: of the derivative at which it stands */
    size_t input;                         /* which of the list */
    int64_t element, output;              /* row-major, in the input and in f's value */
    bool along;                           /* no element, but a direction */
    double analytic, numeric;             /* the derivative both ways */
    double estimate;                      /* error estimate of the numeric one */
    double tolerance;                     /* what |analytic - numeric| was allowed to be */
    int64_t checked, kinks, inconclusive; /* derivatives looked at, and those of each kind among them */
} ag_check_report;

typedef struct ag_check_options {
    int order;                /* zero: 2 */
    double tolerance;         /* relative to the derivative's scale; zero: 1e-6, or the estimate if that is larger */
    double step;              /* first step of the extrapolation, relative to max(|x|, 1); zero: 0.02 */
    int directions;           /* zero: every element; else that many random directions, none of whose parts is small */
    uint64_t seed;            /* of the directions and of the weights of a ranked value */
    const double *low, *high; /* per input: bounds that no step may cross; NULL: none */
} ag_check_options;

/* ag_gradcheck - compares f's derivatives at the given f64 tensors with numeric ones (Ridders 1982: central differences
 * extrapolated over shrinking steps, with an error estimate), every element, first and second order. f must be
 * deterministic but for the tape's random numbers, which are replayed. It is given copies of transient tensors, and
 * persistent ones themselves, whose values are changed in place and put back: f may read those by handles of its own,
 * as in ag_gradcheck(loss, m, nn_params(m), stdout). An input that neither changes f's value nor receives a gradient
 * makes the verdict AG_INCONCLUSIVE; `input` of the report is the first one. Prints what is wrong to `report` (NULL:
 * nothing), its cause first. */
AG_API ag_verdict ag_gradcheck(ag_function *f, void *user, ag_list at, FILE *report);
AG_API ag_verdict ag_gradcheck_with(ag_function *f, void *user, ag_list at, ag_check_options options,
                                    ag_check_report *report);
/* ag_check_op - all automatic checks of an op on its samples, on tapes of its own. AG_INCONCLUSIVE without samples. */
AG_API ag_verdict ag_check_op(const ag_op *op, FILE *report);
AG_API const char *ag_verdict_name(ag_verdict v);
/* ag_ops - the built-in ops, a list of `count` pointers. */
AG_API const ag_op *const *ag_ops(size_t *count);

#endif
