/* Finite checks: the first op that makes an infinity or a NaN from finite values is an error, in which is said where and
 * from what. What comes from values that were not finite, as from a mask of -inf, is not looked into. */
#include "ag/record/record.h"
#include <math.h>
#include <stdarg.h>

/* ---- messages */

typedef struct text {
    char at[512];
    size_t used;
} text;

static void AG_PRINTF(2, 3) put(text *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(to->at + to->used, sizeof to->at - to->used, format, arguments);
    va_end(arguments);
    if (n > 0)
        to->used = to->used + (size_t)n < sizeof to->at ? to->used + (size_t)n : sizeof to->at - 1;
}

static void put_number(text *to, double x)
{
    if (ag_is_finite(x))
        put(to, "%.8g", x);
    else
        put(to, "%s", ag_nonfinite_text(x));
}

static const char *shape_of(const ag_array *a, char text[128])
{
    return ag_shape_text(a->shape, text, 128);
}

static void put_name(text *to, const ag_call *c, int k) /* 'w', or operand 2 */
{
    const char *name = ag_operand_name(c->tape, c->inputs[k]);
    if (*name)
        put(to, "'%s'", name);
    else if (c->count > 1)
        put(to, "operand %d", k + 1);
    else
        put(to, "the operand");
}

/* Between which values those of an array lie. */
static void put_range(text *to, const ag_array *a)
{
    char shape[128];
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < ag_array_size(a); i++) {
        low = fmin(low, ag_array_get(a, i));
        high = fmax(high, ag_array_get(a, i));
    }
    put(to, " ");
    if (a->shape.rank)
        put(to, "%s ", shape_of(a, shape));
    if (low > high) {
        put(to, "is empty");
    } else if (low == high) {
        put(to, "is ");
        put_number(to, low);
    } else {
        put(to, "has values from ");
        put_number(to, low);
        put(to, " to ");
        put_number(to, high);
    }
}

/* ---- operands */

/* The constants of a row; false: it has none. */
static bool constants_of(const ag_call *c, ag_row_params *q)
{
    if (!(c->op->flags & AG_ROW) || !c->op->params_size)
        return false;
    memcpy(q, c->params, sizeof *q);
    return true;
}

static bool finite_constants(const ag_call *c)
{
    ag_row_params q;
    return !constants_of(c, &q) || (ag_is_finite(q.c) && ag_is_finite(q.d));
}

/* Are they finite, all of them? */
static bool finite_operands(const ag_call *c)
{
    bool finite = finite_constants(c);
    for (int k = 0; k < c->count && finite; k++) {
        ag_array x = ag_array_of(c->tape, c->inputs[k]);
        finite = ag_find_nonfinite(&x, 0) < 0;
    }
    return finite;
}

/* Of an elementwise op: those that element i of a result of this shape is made of. */
static double operand_there(const ag_call *c, int k, ag_shape shape, int64_t i)
{
    ag_array x = ag_array_of(c->tape, c->inputs[k]), spread = ag_array_expand(&x, shape);
    return ag_array_get(&spread, i);
}

static bool finite_there(const ag_call *c, ag_shape shape, int64_t i)
{
    bool finite = finite_constants(c);
    for (int k = 0; k < c->count && finite; k++)
        finite = ag_is_finite(operand_there(c, k, shape, i));
    return finite;
}

/* "operand 1 'a' there is 1 and operand 2 is 0" */
static void put_operands_there(text *to, const ag_call *c, ag_shape shape, int64_t i)
{
    ag_row_params q;
    for (int k = 0; k < c->count; k++) {
        put(to, "%s", !k ? "" : k + 1 < c->count ? ", " : " and ");
        put_name(to, c, k);
        put(to, " is ");
        put_number(to, operand_there(c, k, shape, i));
    }
    if (constants_of(c, &q)) {
        put(to, " and the constant ");
        put_number(to, q.c);
    }
}

static void put_operand_ranges(text *to, const ag_call *c)
{
    enum { LISTED = 4 };
    for (int k = 0; k < c->count && k < LISTED; k++) {
        ag_array x = ag_array_of(c->tape, c->inputs[k]);
        put(to, "%s", !k ? "" : k + 1 < c->count ? ", " : " and ");
        put_name(to, c, k);
        put_range(to, &x);
    }
    if (c->count > LISTED)
        put(to, ", ...");
}

/* ---- forward */

/* "ag_log: element 1 of [4] is nan, the operand 'p' there is -1" */
static ag_status refuse_result(const ag_call *c, int k, const ag_array *y, int64_t i)
{
    text to = { .used = 0 };
    char shape[128];
    const int given = ag_op_outputs(c->op);
    if (k >= given)
        put(&to, "saved output %d, ", k + 1 - given);
    else if (given > 1)
        put(&to, "output %d, ", k + 1);
    if (y->shape.rank)
        put(&to, "element %lld of %s is ", (long long)i, shape_of(y, shape));
    else
        put(&to, "the result is ");
    put_number(&to, ag_array_get(y, i));
    if (!c->op->map) {
        put(&to, ": ");
        put_operand_ranges(&to, c);
    } else if (c->count == 1 && !c->op->params_size) {
        const char *name = ag_operand_name(c->tape, c->inputs[0]);
        put(&to, ", the operand%s%s%s%s is ", *name ? " '" : "", name, *name ? "'" : "", y->shape.rank ? " there" : "");
        put_number(&to, operand_there(c, 0, y->shape, i));
    } else {
        put(&to, "%s", y->shape.rank ? ", there " : ", ");
        put_operands_there(&to, c, y->shape, i);
    }
    return ag_fail(c->tape, AG_EVALUE, "%s%s: %s", ag_op_prefix(c->op), c->op->name, to.at);
}

static ag_status computed(const ag_call *c)
{
    for (int k = 0; k < c->outputs; k++) {
        ag_array y = ag_array_of(c->tape, c->id + (uint32_t)k);
        int64_t i = ag_find_nonfinite(&y, 0);
        while (c->op->map && i >= 0 && !finite_there(c, y.shape, i))
            i = ag_find_nonfinite(&y, i + 1);
        if (i >= 0 && (c->op->map || finite_operands(c)))
            return refuse_result(c, k, &y, i);
    }
    return AG_OK;
}

/* ---- on the way back */

/* All that an op's contributions are made of, but the adjoints. */
static bool finite_values(const ag_call *c)
{
    bool finite = finite_operands(c);
    for (int k = 0; k < c->outputs && finite; k++) {
        ag_array y = ag_array_of(c->tape, c->id + (uint32_t)k);
        finite = ag_find_nonfinite(&y, 0) < 0;
    }
    return finite;
}

/* The first output whose adjoint is not finite; -1: none. */
static int nonfinite_adjoint(const ag_event *e)
{
    for (int k = 0; k < e->call->outputs; k++) {
        ag_array dy = e->adjoint(e, e->call->id + (uint32_t)k);
        if (dy.data && ag_find_nonfinite(&dy, 0) >= 0)
            return k;
    }
    return -1;
}

/* Does element i of an operand's adjoint follow from element i of the result's alone? */
static bool is_elementwise(const ag_call *c, const ag_array *dx)
{
    ag_array y = ag_array_of(c->tape, c->id);
    return c->op->map && ag_shape_equal(dx->shape, y.shape);
}

static void put_adjoints(text *to, const ag_event *e)
{
    const ag_call *c = e->call;
    for (int k = 0; k < c->outputs; k++) {
        ag_array dy = e->adjoint(e, c->id + (uint32_t)k);
        if (!dy.data)
            continue;
        put(to, " and the adjoint");
        if (c->outputs > 1)
            put(to, " of output %d", k + 1);
        put_range(to, &dy);
    }
}

/* "ag_sqrt, on the way back: the gradient by 'q' is inf at element 1 of [3]: there 'q' is 0 and the adjoint 1" */
static void put_gradient(text *to, const ag_event *e, int k, const ag_array *dx, int64_t i)
{
    const ag_call *c = e->call;
    char shape[128];
    put(to, "%s%s, on the way back: the gradient by ", ag_op_prefix(c->op), c->op->name);
    put_name(to, c, k);
    put(to, " is ");
    put_number(to, ag_array_get(dx, i));
    if (dx->shape.rank)
        put(to, " at element %lld of %s", (long long)i, shape_of(dx, shape));
    put(to, ": ");
    if (is_elementwise(c, dx)) {
        ag_array dy = e->adjoint(e, c->id);
        put(to, "%s", dx->shape.rank ? "there " : "");
        put_operands_there(to, c, dx->shape, i);
        put(to, " and the adjoint ");
        put_number(to, dy.data ? ag_array_get(&dy, i) : 0);
    } else {
        put_operand_ranges(to, c);
        put_adjoints(to, e);
    }
}

/* ---- suspects
 *
 * An adjoint that is not finite need not harm: a branch that is not taken, as in ag_sqrt(ag_relu(x)) below 0, passes
 * none of it on. So what made it is kept beside it, goes where it goes, and is reported when it reaches a gradient. */

struct ag_suspect {
    struct ag_suspect *next;
    size_t bytes;
    uint32_t inner; /* of the pass that blamed it */
    char text[];
};
static const ag_suspect innocent = { 0 }; /* it came of values that were not finite */

/* It has reached a gradient; in a pass within a rule it is up to the outer pass what becomes of that. */
static ag_status blame(ag_tape *t, const ag_suspect *made)
{
    if (!made || made == &innocent)
        return AG_OK;
    if (!t->rules)
        return ag_fail(t, AG_EVALUE, "%s", made->text);
    if (!t->blamed && (t->blamed = ag_pool_take(t, made->bytes))) {
        memcpy(t->blamed, made, made->bytes);
        t->blamed->inner = t->inner;
    }
    return t->blamed ? AG_OK : t->error.status;
}

/* What passes within rules of the one that runs have blamed. */
static ag_suspect *take_blamed(ag_tape *t)
{
    ag_suspect *made = t->blamed && t->blamed->inner > t->inner ? t->blamed : NULL;
    t->blamed = made ? NULL : t->blamed;
    return made;
}

static void forget_blamed(ag_tape *t)
{
    ag_suspect *made = take_blamed(t);
    ag_pool_give(t, made, made ? made->bytes : 0);
}

static const ag_suspect *new_suspect(ag_event *e, int k, const ag_array *dx, int64_t i)
{
    ag_tape *t = e->call->tape;
    ag_suspect *made = take_blamed(t);
    if (!made) {
        text to = { .used = 0 };
        put_gradient(&to, e, k, dx, i);
        const size_t bytes = sizeof *made + to.used + 1;
        made = ag_pool_take(t, bytes);
        if (!made)
            return NULL;
        made->bytes = bytes;
        memcpy(made->text, to.at, to.used + 1);
    }
    made->next = e->suspects->all;
    return e->suspects->all = made;
}

/* What made the first element, i, of operand k's adjoint that is not finite. NULL: no memory. */
static const ag_suspect *who_made(ag_event *e, int k, const ag_array *dx, int64_t i)
{
    const ag_call *c = e->call;
    const int source = nonfinite_adjoint(e);
    bool own = source < 0;
    if (is_elementwise(c, dx)) {
        ag_array y = ag_array_of(c->tape, c->id), dy = e->adjoint(e, c->id);
        int64_t at = i;
        while (at >= 0 && !(finite_there(c, y.shape, at) && ag_is_finite(ag_array_get(&y, at)) &&
                            (!dy.data || ag_is_finite(ag_array_get(&dy, at)))))
            at = ag_find_nonfinite(dx, at + 1);
        own = at >= 0;
        i = own ? at : i;
    } else if (own) {
        own = finite_values(c);
    }
    if (own)
        return new_suspect(e, k, dx, i);
    const ag_suspect *before = source < 0 ? NULL : e->suspects->by_index[c->id + (uint32_t)source];
    return before ? before : &innocent;
}

static bool make_suspects(ag_tape *t, ag_suspects *s)
{
    if (s->by_index)
        return true;
    s->by_index = ag_pool_take(t, s->count * sizeof *s->by_index);
    if (s->by_index)
        memset(s->by_index, 0, s->count * sizeof *s->by_index);
    return s->by_index;
}

static ag_status passed_on(ag_event *e)
{
    const ag_call *c = e->call;
    ag_tape *t = c->tape;
    for (int k = 0; k < c->count; k++) {
        const uint32_t index = AG_INDEX(c->inputs[k]);
        ag_array dx = e->adjoint(e, c->inputs[k]);
        const int64_t i = dx.data && ag_needs(t, index) ? ag_find_nonfinite(&dx, 0) : -1;
        if (i < 0)
            continue;
        if (!make_suspects(t, e->suspects))
            return t->error.status;
        const ag_suspect **at = &e->suspects->by_index[index];
        if (!*at && !(*at = who_made(e, k, &dx, i)))
            return t->error.status;
        const bool end = t->headers[index].op < AG_OP_OUTPUT && !(t->headers[index].flags & AG_HOOKED);
        if (end && blame(t, *at))
            return t->error.status;
    }
    return AG_OK;
}

ag_status ag_suspects_at(ag_tape *t, const ag_suspects *s, uint32_t id)
{
    return s->by_index && AG_INDEX(id) < s->count ? blame(t, s->by_index[AG_INDEX(id)]) : AG_OK;
}

void ag_suspects_end(ag_tape *t, ag_suspects *s)
{
    for (ag_suspect *made = s->all, *next; made; made = next) {
        next = made->next;
        ag_pool_give(t, made, made->bytes);
    }
    ag_pool_give(t, s->by_index, s->count * sizeof *s->by_index);
    forget_blamed(t);
}

ag_status ag_check_finite(ag_event *e)
{
    ag_tape *t = e->call->tape;
    if (e->moment == AG_PASSED_ON)
        return passed_on(e);
    if (e->moment == AG_ARRIVED)
        forget_blamed(t);
    /* a rule may well divide by zero what it then leaves out: what counts is its result */
    return e->moment == AG_ARRIVED || t->rules || e->call->op->flags & AG_VIEW ? AG_OK : computed(e->call);
}
