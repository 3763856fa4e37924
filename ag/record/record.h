/* Recording: one elementwise op, any other op, and what an op's functions may ask. */
#ifndef AG_RECORD_RECORD_H
#define AG_RECORD_RECORD_H

#include "ag/record/repeat.h"
#include "ag/tape/tape.h"

/* ---- ops/registry.c: the table of the built-in ops, which is generated */

extern const ag_op *const ag_builtin[]; /* from AG_OP_FIRST on */
extern const uint32_t ag_op_count;      /* the number of the first op of a user's */
static inline const ag_op *ag_op_at(const ag_tape *t, uint32_t number)
{
    return AG_LIKELY(number < ag_op_count) ? ag_builtin[number - AG_OP_FIRST] : t->user_ops[number - ag_op_count];
}

/* The parameters of reductions over axes. */
typedef struct ag_reduction {
    ag_axes axes;
    int flags;
} ag_reduction;

/* ---- elementwise.c: ops that are table rows; ag/ops/elementwise/rows.h makes them */

typedef struct ag_row_params {
    double c, d;
} ag_row_params;

enum {                              /* flags of a row, beside AG_NO_GRADIENT */
       AG_ROW_CONSTANT = 1 << 17,   /* it has a constant c */
       AG_ROW_TWO = 1 << 18,        /* and d */
       AG_ROW_POLES = 1 << 19,      /* the derivative may not be finite: where dy is 0 the contribution is */
       AG_ROW_POLES_OF_C = 1 << 25, /* the derivative may be c, which may not be finite */
       AG_ROW_VECTOR =
           1 << 20, /* calls vector functions: the last elements go through a padded block, to get the same bits */
       AG_ROW_TRUTH = 1 << 21,  /* the result is u8, 1 where it holds, also of rank-0 f64 operands */
       AG_ROW_BOUNDS = 1 << 22, /* c must not be above d */
       /* the derivative by a, or b, is 0 where a branch is not taken, and there alone: there the contribution is 0,
        * whatever dy is */
       AG_ROW_SELECTS_A = 1 << 23,
       AG_ROW_SELECTS_B = 1 << 24,
       AG_ROW_SELECTS = AG_ROW_SELECTS_A | AG_ROW_SELECTS_B,
       AG_ROW_DIVIDES = 1 << 26,   /* by b or c, which must not be 0 where it is an integer */
       AG_ROW_ORDERS = 1 << 27,    /* a number beyond a type of integers stands for the nearest one; else it wraps */
       AG_ROW_INTEGERS = 1 << 28,  /* it is defined for integers alone */
       AG_ROW_PLAIN_BACK = 1 << 29 /* with AG_ROW_VECTOR: its derivative calls no function */
};
#define AG_BACK_CALLS(flags) (((flags) & (AG_ROW_VECTOR | AG_ROW_PLAIN_BACK)) == AG_ROW_VECTOR)
enum {                        /* flags of an ag_op */
       AG_ROW = 1 << 16,      /* it is the first member of an ag_row */
       AG_INNER = 1 << 17,    /* it is for rules alone */
       AG_SUMS = 1 << 19,     /* its value is the sum of its operand, of all elements or, with parameters, over axes */
       AG_AVERAGES = 1 << 20, /* with AG_SUMS: divided by their number */
       AG_REPEATS = 1 << 21,  /* what its result is, layouts and parameters say: see repeat.h */
       AG_PRODUCTS = 1 << 22, /* its functions call ag_call_product, as often each time */
       AG_CARRIES = 1 << 23,  /* its forward may leave what its vjp_fused would compute again: see ag_carried_bytes */
       AG_STACKED = 1 << 18   /* its vjp_fused takes many adjoints at once: dy and dx with a dimension more in front */
};

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

typedef struct ag_row {
    ag_op op;
    const char *function; /* the public one's name */
    int reads, flags;
    void (*scalar)(const double *x, double c, double d, double *out); /* y, dy/da, dy/db */
    ag_row_forward *forward[3][2];                                    /* by constant operand; f32, f64 */
    ag_row_forward *integers[3];                                      /* of arrays: i32, i64, u8; NULL: undefined */
    ag_row_backward *back[2][3][2];                                   /* by operand, constant operand; f32, f64 */
} ag_row;

ag_tensor ag_row_apply(uint32_t number, const ag_tensor *operands, ag_row_params p);
static inline ag_row_params ag_row_params_at(const ag_tape *t, uint32_t id)
{
    const ag_record *r = &t->records[AG_INDEX(id)];
    ag_row_params q = { r->partial[1], 0 };
    if (t->headers[AG_INDEX(id)].flags & AG_HAS_NODE)
        memcpy(&q, r->partial, sizeof q);
    return q;
}

typedef struct ag_operand {
    uint32_t id;
    const ag_layout *layout;
    const void *data; /* NULL: a number */
    double value;
    bool scalar; /* rank 0 */
} ag_operand;
ag_operand ag_operand_at(const ag_tape *t, uint32_t id);

/* The value of a floating rank-0 operand; false: it is an array, or no float. */
static inline bool ag_number_at(const ag_tape *t, uint32_t id, double *value)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (ag_is_number(d)) {
        *value = t->records[AG_INDEX(id)].value;
        return true;
    }
    if (d->layout->rank || d->layout->dtype != AG_F32 || ag_is_pending(d))
        return false;
    *value = (double)*(const float *)d->data;
    return true;
}

typedef struct ag_operands { /* the operands and what follows from them */
    ag_operand x[2];
    int count;
    ag_dtype dtype;          /* that is computed in */
    const ag_layout *layout; /* of the result */
    int constant;            /* AG_ROW_ARRAYS ... */
    bool dense;              /* all arrays have the result's shape and this dtype, and are dense */
} ag_operands;

/* An error of the op; the text follows its name and the operands. */
AG_COLD void ag_row_complain(ag_tape *t, const ag_row *row, const ag_operands *p, ag_status s, const char *what);

/* The node of a result, for which there is room. b: 0 where there is one operand. */
static inline ag_tensor ag_row_put(ag_tape *t, uint32_t number, const ag_row *row, const ag_layout *l, void *data,
                                   uint32_t a, uint32_t b, ag_row_params q)
{
    const bool recorded = !t->no_grad, needs = ag_needs(t, a) || (b && ag_needs(t, b));
    const uint32_t flags = recorded && needs && !(row->flags & AG_NO_GRADIENT) ? AG_NEEDS : 0;
    ag_node *d = ag_node_put(t, recorded ? number : AG_OP_CONSTANT, flags, l, data);
    if (AG_LIKELY(recorded)) {
        d->input[0] = a;
        d->input[1] = b;
        d->inputs = (uint16_t)row->op.inputs;
    }
    memcpy(t->records[d->id].partial, &q, sizeof q);
    return (ag_tensor){ t, data ? d->id | AG_TAG_RANKED : d->id, (uint32_t)(t->base >> 32) };
}

/* ---- plain.c: the plain way of small arrays */

/* Takes it where it is one, q's bounds being in order; false: it is none. */
bool ag_row_plainly(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y);
ag_tensor ag_row_unary(ag_tensor x, double c, uint32_t number); /* ag_row_apply, which looks there first */
ag_tensor ag_row_binary(ag_tensor a, ag_tensor b, uint32_t number);

/* ---- integers.c: what elementwise ops ask of integers */

/* Is the op defined for the dtype? Else `lack` says what to do. */
bool ag_row_defined(const ag_row *row, ag_dtype d, const char **lack);
/* Puts the constants as the op's kernels for integers take them. false: reported, as is a divisor that is 0. */
bool ag_row_integers(ag_tape *t, const ag_row *row, const ag_operands *p, ag_row_params *q);

/* ---- range.c: one call of an elementwise kernel, forward or backward, over a range of elements */

enum { AG_GRAIN = 1 << 14 }; /* elements per task of a thread */

typedef struct ag_range { /* one call of a kernel; size is that of the operands' elements, out_size of y's */
    ag_row_forward *forward;
    ag_row_backward *backward;
    void *to;
    const void *dy, *a, *b, *y;
    double c, d;
    size_t size, out_size;
    bool add, padded;
} ag_range;

/* contiguous operands of n elements */
void ag_range_run(const ag_range *r, int64_t n, int threads);
/* strided operands: the result (dense), dy, a, b, y; those without data are not read. `work`: the dtype of
 * the kernel */
void ag_range_walk(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads);

void ag_range_piece(const ag_range *r, int64_t i, int64_t n); /* contiguous ones from place i on, by this thread */

/* ---- range_turned.c */

/* ag_range_walk, where an operand lies turned or rows are short, and there are elements enough to care. False: not so, nothing
 * was done. */
bool ag_range_turned(const ag_range *r, ag_dtype work, const ag_array *const *arrays, int threads);

/* ---- range_sum.c */

/* to = the sum over the dimensions along which it is broadcast, or += it, of what ag_range_walk would write, whose arrays
 * these are, but that the result's data is not used, and dy and y are dense. room: ag_reduce_work bytes. */
void ag_range_sum(const ag_range *r, ag_dtype work, const ag_array *const *arrays, const ag_array *to, bool add,
                  void *room, int threads);

/* One operand's part of that. */
typedef struct ag_range_part {
    ag_range r;
    const ag_array *const *arrays;
    ag_array to; /* of the operand's shape */
    int column;  /* the operand that does not repeat in every row; the kernel for one that is a number: */
    ag_row_backward *of_number;
    bool add;
} ag_range_part;
/* May both operands' parts of an op whose result has the shape y be computed together? The first one repeats in every
 * row, the other one is of y's shape or has a number for each row. */
enum { AG_TOGETHER = 1 << 16 }; /* elements of such a result at least */
bool ag_range_goes_with(ag_shape y, ag_shape repeated, ag_shape other);
/* Together, so that memory gives dy once. `to` is dense; the other's may be dy if it is of that shape. room:
 * ag_reduce_work bytes for the first one. */
void ag_range_both(const ag_range_part *repeated, const ag_range_part *other, ag_dtype work, void *room, int threads);

/* ---- chain.c: elementwise ops on large arrays, and sums of them, which wait: see chain.h */

/* Records the op, whose value is computed when it is asked for. False: it is none that can wait, its operands are there
 * now; or reported. */
bool ag_chain_row(ag_tape *t, uint32_t number, const ag_row *row, const uint32_t *ids, ag_row_params q, ag_tensor *y);
/* ---- chain_sum.c */

/* The same of an op with AG_SUMS. */
bool ag_chain_sum(ag_tape *t, uint32_t number, const ag_op *op, ag_tensor x, const void *params, ag_tensor *y);

/* ---- definition.c: ops of a user's */

enum { AG_MAX_OUTPUTS = UINT8_MAX }; /* of an op: a node says which one it is in a byte */
/* The number of an op on the tape, where a user's is registered. 0: reported. */
uint32_t ag_op_number(ag_tape *t, const ag_op *op);

/* ---- apply.c: every other op */

/* How many nodes an op makes, one after the other: outputs that are handed out, then those that it saves. */
static inline int ag_op_outputs(const ag_op *op)
{
    return op->outputs ? op->outputs : 1;
}
static inline int ag_op_results(const ag_op *op)
{
    return ag_op_outputs(op) + op->saved;
}

/* Does a gradient flow through the op whose first output is i? Others may be floating where that one is not. */
static inline bool ag_op_needs(const ag_tape *t, uint32_t i)
{
    int outputs = 1;
    if (AG_LIKELY(ag_needs(t, i)))
        return true;
    if (t->headers[i].op >= AG_OP_FIRST)
        outputs = ag_op_results(ag_op_at(t, t->headers[i].op));
    for (int k = 1; k < outputs; k++)
        if (ag_needs(t, i + (uint32_t)k))
            return true;
    return false;
}

struct ag_call {
    ag_tape *tape;
    const ag_op *op;
    const void *params;
    const ag_array *x;      /* inputs, while shape or forward run */
    const uint32_t *inputs; /* ids */
    uint32_t id;            /* of the first output, once there is one */
    int count;              /* of inputs */
    int outputs;            /* with those that are saved */
    bool all_needed;        /* ag_local: a derivative by every input */
    const uint8_t *wanted;  /* by index: what ag_gradients wants; NULL: all that needs a gradient */
    ag_array *operands;     /* inputs then outputs, dense where the op asks, in vjp_fused */
    void *carried;          /* by the op from forward to vjp_fused; NULL: there is no room, and nothing was left */
    ag_products *products;  /* of a call that is repeated, with the same arrays; NULL: it is none */
};

/* An op with AG_CARRIES has room for an array like its first operand behind its parameters, where that is to be
 * differentiated and so small that it stays in the cache: reading more from memory takes longer than computing it.
 * Values that its kernel alone reads are constants to nobody, as the rule, which makes higher orders, does not. */
enum { AG_CARRIED = 1 << 13 /* elements at most */ };
static inline size_t ag_carried_bytes(const ag_tape *t, const ag_op *op, uint32_t operand)
{
    const ag_layout *l = op->flags & AG_CARRIES ? ag_layout_at(t, operand) : NULL;
    return l && l->size <= AG_CARRIED ? ag_layout_bytes(l) : 0;
}
static inline size_t ag_carried_offset(const ag_op *op)
{
    return (op->params_size + 63) & ~(size_t)63;
}
/* ag_apply for a built-in op by its number in the registry */
ag_tensor ag_apply_op(uint32_t number, ag_list inputs, const void *params);
ag_status ag_apply_number(ag_tape *t, uint32_t number, ag_list inputs, const void *params, ag_tensor *outputs);
ag_tape *ag_tape_of_operands(const ag_op *op, ag_list inputs); /* NULL: reported where possible */

/* ---- call.c: what an op's functions may ask, and how they complain */

/* Do the op's functions take an array of these strides? */
bool ag_op_accepts(const ag_op *op, const ag_array *x);
/* Puts dense copies, which lie in the work arena, in the place of arrays that the op does not take. False: no memory. */
bool ag_make_acceptable(ag_tape *t, const ag_op *op, ag_array *x, int count);
/* Around a function of an op that is no rule. The tape is closed for a user's, and an error that it ignores is none the
 * less: end returns its status with that. */
typedef struct ag_kernel {
    bool user, pending;
    uint32_t no_grad;
} ag_kernel;
static inline ag_kernel ag_kernel_begin(ag_tape *t, bool user)
{
    ag_kernel k = { user, t->error.status, t->no_grad };
    if (user)
        ag_close(t);
    return k;
}
static inline ag_status ag_kernel_end(ag_tape *t, ag_kernel k, ag_status s)
{
    if (k.user) {
        t->no_grad = k.no_grad;
        ag_open(t);
        if ((unsigned)s > AG_USE_RULE) /* no status at all */
            s = AG_EUSE;
    }
    return !k.pending && t->error.status ? t->error.status : s;
}
const char *ag_operand_name(const ag_tape *t, uint32_t id); /* "" without one */
const char *ag_op_prefix(const ag_op *op);                  /* of its name in messages: "ag_" for built-in ones */
/* The call of the node at id as its rules see it. */
void ag_call_of(ag_tape *t, uint32_t id, ag_call *c, uint32_t inputs[3], double constants[2]);
/* The name of a tensor that was written, of a view without one that of what it views; where it was written, or "". */
const char *ag_written_name(const ag_tape *t, uint32_t id, char *where, size_t bytes);
ag_status ag_fail_written(ag_tape *t, const ag_op *op, uint32_t id, const char *what, int i); /* what i, which is id */
void ag_operand_text(const ag_call *c, const ag_array *x, char *text, size_t bytes); /* shapes, dtypes and names */

/* ---- observe.c: everything that ops do, shown to who wants to see it */

typedef enum ag_moment {
    AG_COMPUTED, /* the op's results are there */
    AG_ARRIVED,  /* in a backward pass: the adjoints of its results are complete */
    AG_PASSED_ON /* and what follows from them was added to the adjoints of its operands */
} ag_moment;

/* An op at one of these moments. An operand's adjoint is what it has so far, without data where nothing has arrived; a
 * number whose adjoint is 0 may have received nothing. */
typedef struct ag_event {
    const ag_call *call;                                        /* without arrays */
    ag_array (*adjoint)(const struct ag_event *e, uint32_t id); /* of a result, of an operand; NULL: in no pass */
    const void *pass;                                           /* these two are for `adjoint` */
    const double *scalar;
    struct ag_suspects *suspects; /* of the pass, for the finite checks */
    ag_moment moment;
} ag_event;

/* While there are observers ops take slower ways, all of which end in ag_observe; else they cost a branch for each op
 * that is not on rank-0 numbers alone. What happens in derivative rules is shown too: see t->rules. An observer
 * looks, and does not record; the error that it returns, which it has reported, is the op's, or the pass's.
 *
 * Around all that an op does, forward or in a pass, whether it succeeds or not, and around what is named otherwise, come
 * `enter` and `leave`; what lies between them is the op's, but what other ops do within it. */
typedef struct ag_observer {
    ag_status (*see)(struct ag_observer *o, ag_event *e);
    void (*enter)(struct ag_observer *o, const char *name); /* these two are optional; name: NULL for an op */
    void (*leave)(struct ag_observer *o, const char *name); /* "": the innermost name */
    bool blind; /* it looks at no values: adjoints may be overwritten as where nobody looks */
    struct ag_observer *next;
} ag_observer;
void ag_observer_add(ag_tape *t, ag_observer *o); /* which stays there until it is removed */
void ag_observer_remove(ag_tape *t, ag_observer *o);
void ag_check_nothing(ag_tape *t); /* from now on no values are checked, whatever the options say */
ag_status ag_observe(ag_event *e, ag_moment m);
ag_status ag_observe_computed(const ag_call *c); /* to be called where t->observed, when c has an id */
void ag_observe_enter(ag_tape *t, const char *name);
void ag_observe_leave(ag_tape *t, const char *name);
#define AG_BACKWARD_PASS "backward pass" /* with what names of passes begin */
/* Between them nobody is shown what an op does, whose whole is shown. */
void ag_observe_aside(ag_tape *t);
void ag_observe_again(ag_tape *t);

/* ---- finite.c: the observer that ag_options.check_finite asks for */

ag_status ag_check_finite(ag_event *e);
/* What a pass knows of adjoints that are not finite: who made them. */
typedef struct ag_suspect ag_suspect;
typedef struct ag_suspects {
    const ag_suspect **by_index; /* NULL until there is one */
    ag_suspect *all;
    size_t count; /* of indices */
} ag_suspects;
ag_status ag_suspects_at(ag_tape *t, const ag_suspects *s, uint32_t id); /* an error if id's adjoint has one */
void ag_suspects_end(ag_tape *t, ag_suspects *s);

/* ---- view.c: results of ops with AG_VIEW */

/* What the shape rule has set is checked, or x's elements are copied where it sets no data. */
ag_status ag_view_settle(const ag_call *c, const ag_array *x, ag_array *y, bool *copied);

/* ---- map.c: ops given for one element */

ag_status ag_map_shape(const ag_call *c, const ag_array *x, ag_array *y);
void ag_map_forward(const ag_call *c, const ag_array *x, ag_array *y);

#include "ag/record/chain.h"
#include "ag/record/number.h"

#endif
