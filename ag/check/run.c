/* Running an op with inputs and its derivative, on tapes that are used again and again. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>
#include <stdio.h>

enum { POISONED_BLOCKS = 4, MOST_POISON = 1 << 18 };

ag_status ag_case_apply(const ag_case *c, const ag_tensor *x, ag_tensor *y)
{
    return ag_apply_all(c->op, (ag_list){ x, (size_t)c->count }, c->params, y);
}

/* ---- the derivative */

static uint64_t weights_call(int adjoint, int output)
{
    return 64 + (uint64_t)(16 * adjoint + output);
}

void ag_case_weights(double *w, int64_t count, int adjoint, int output)
{
    ag_random_uniform(AG_F64, w, count, 7, AG_CHECK_RANDOM + weights_call(adjoint, output), -1, 1, 1);
    for (int64_t i = 0; i < count; i++)
        w[i] = (w[i] < 0 ? -0.5 : 0.5) + floor(w[i] * 64) / 64;
}

static ag_tensor weights_like(ag_tape *t, ag_tensor y, const ag_run *r, int adjoint, int output)
{
    ag_shape s = ag_shape_of(y);
    int64_t size = ag_shape_size(s);
    double *w = ag_check_doubles(t, size);
    if (!w)
        return ag_inert(t);
    ag_case_weights(w, size, adjoint, output);
    ag_case_shake(w, size, r->shaken, r->shake, weights_call(adjoint, output));
    ag_array from = ag_case_array(AG_F64, s, w);
    return ag_case_leaf(t, &from, ag_dtype_of(y), s, 0);
}

ag_tensor ag_case_loss(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *y, int adjoint)
{
    ag_tensor sum = ag_inert(t);
    for (int k = 0; k < c->outputs; k++) {
        if (!ag_is_float(ag_dtype_of(y[k])) || (r->only && r->only != k + 1))
            continue;
        ag_tensor part = ag_sum(ag_mul(y[k], weights_like(t, y[k], r, adjoint, k)));
        if (ag_dtype_of(part) != AG_F64)
            part = ag_cast(part, AG_F64);
        sum = sum.id ? ag_add(sum, part) : part;
    }
    return sum;
}

/* Memory that the op and the pass will take holds NaN: a kernel that reads what it should write shows it. */
static void poison(ag_tape *t, const ag_case *c, const ag_run *r)
{
    const int byte = r->clean ? 0 : 0xff;
    size_t bytes = (size_t)ag_case_size(c) * 64 + 4096;
    bytes = bytes < MOST_POISON ? bytes : MOST_POISON;
    ag_arena *const arenas[] = { &t->arena, &t->work };
    void *block[POISONED_BLOCKS];
    for (int i = 0; i < 2; i++) {
        uint64_t position = ag_arena_position(arenas[i]);
        void *p = ag_arena_take(t, arenas[i], bytes);
        if (p)
            memset(p, byte, bytes);
        ag_arena_rewind(arenas[i], position);
    }
    for (size_t size = 64; size <= bytes / 4; size *= 2) {
        for (int k = 0; k < POISONED_BLOCKS; k++)
            if ((block[k] = ag_pool_take(t, size)))
                memset(block[k], byte, size);
        for (int k = 0; k < POISONED_BLOCKS; k++)
            ag_pool_give(t, block[k], size);
    }
}

static bool copy_outputs(const ag_case *c, const ag_tensor *y, ag_tape *home, ag_outcome *o)
{
    o->y_count = 0;
    for (int k = 0; k < c->outputs; k++) {
        o->shape[k] = ag_shape_of(y[k]);
        o->dtype[k] = ag_dtype_of(y[k]);
        o->y_count += ag_shape_size(o->shape[k]);
    }
    o->y = ag_check_doubles(home, o->y_count);
    double *to = o->y;
    for (int k = 0; to && k < c->outputs; k++) {
        int64_t size = ag_shape_size(o->shape[k]);
        ag_copy_out(y[k], AG_F64, to, (size_t)size * sizeof *to);
        to += size;
    }
    return to;
}

static ag_tensor gradient_of(const ag_run *r, ag_tensor x, ag_tensor result)
{
    return r->pass == AG_CASE_BACKWARD || r->pass == AG_CASE_TWICE ? ag_grad(x) : result;
}

/* Zeros for the gradients of the floating inputs. */
static bool make_gradients(const ag_case *c, ag_tape *home, ag_outcome *o)
{
    o->g_count = 0;
    for (int i = 0; i < c->count; i++)
        o->g_count += ag_case_is_float(c, i) ? ag_shape_size(c->shape[i]) : 0;
    o->g = ag_check_doubles(home, o->g_count);
    if (o->g)
        memset(o->g, 0, (size_t)o->g_count * sizeof *o->g);
    return o->g;
}

/* A gradient of another shape than its input's is an error. */
static void copy_gradients(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *x, const ag_tensor *dx,
                           double *to)
{
    for (int i = 0; i < c->count && !t->error.status; i++) {
        if (!ag_case_is_float(c, i))
            continue;
        int64_t size = ag_shape_size(c->shape[i]);
        if (ag_needs_grad(x[i])) {
            ag_tensor g = gradient_of(r, x[i], dx[i]);
            if (!ag_shape_equal(ag_shape_of(g), c->shape[i]) || ag_dtype_of(g) != ag_dtype_of(x[i]))
                ag_fail(t, AG_ESHAPE, "the gradient of operand %d has another shape or dtype than the operand", i + 1);
            ag_copy_out(g, AG_F64, to, (size_t)size * sizeof *to);
        }
        to += size;
    }
}

/* Other values of the same kind: each element takes its neighbour's, a single one the middle of the bounds. */
static void overwrite(const ag_case *c, ag_tape *t, const ag_tensor *leaf, int i)
{
    int64_t size = ag_shape_size(c->shape[i]);
    double *values = ag_check_doubles(t, size);
    if (!values)
        return;
    for (int64_t j = 0; j < size; j++)
        values[j] = size > 1 ? c->x[i][(j + 1) % size] : (c->low[i] + c->high[i]) / 2;
    ag_copy_in(leaf[i], AG_F64, values, (size_t)size * sizeof *values);
}

static void spoil(void *params, size_t bytes)
{
    bool zeros = true;
    for (size_t i = 0; i < bytes; i++)
        zeros &= ((const char *)params)[i] == 0;
    memset(params, zeros, bytes);
}

/* Another application, with parameters of its own: what an op keeps of an application is then of this one. */
static void interpose(const ag_case *c, const ag_run *r, ag_tape *t)
{
    const ag_run plain = { .dtype = r->dtype, .threads = r->threads };
    ag_tensor leaf[AG_CASE_INPUTS], x[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS];
    ag_case other = *c;
    size_t bytes = c->op->params_size;
    void *params = bytes ? ag_scratch(t, bytes) : NULL;
    if (!ag_case_draw(t, &other, AG_CASE_OTHER) || (bytes && !params))
        return;
    if (bytes)
        other.params = memcpy(params, c->params, bytes);
    ag_case_inputs(&other, &plain, t, leaf, x);
    ag_error_push(t); /* it may refuse other values */
    ag_status status = ag_case_apply(&other, x, y);
    ag_error_pop(t);
    if (!bytes || status)
        return;
    spoil(params, bytes);
    ag_node *made = ag_node_or_null(t, y[0].id);
    if (made && made->params)
        spoil(made->params, bytes);
}

/* False: no output has a derivative. */
static bool differentiate(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *leaf, const ag_tensor *x,
                          const ag_tensor *y, ag_tensor *dx)
{
    ag_tensor loss = ag_case_loss(c, r, t, y, r->adjoint), wanted[AG_CASE_INPUTS], found[AG_CASE_INPUTS],
              again[AG_CASE_OUTPUTS];
    size_t count = 0;
    if (!loss.id || !ag_needs_grad(loss))
        return false;
    t->random_calls = 0; /* the second application draws what the first one drew */
    if (r->pass == AG_CASE_TWICE && !ag_case_apply(c, x, again))
        loss = ag_add(loss, ag_case_loss(c, r, t, again, r->adjoint + 1));
    if (r->between)
        interpose(c, r, t);
    poison(t, c, r);
    if (r->written)
        overwrite(c, t, leaf, r->written - 1);
    if (r->pass == AG_CASE_BACKWARD || r->pass == AG_CASE_TWICE) {
        ag_backward(loss);
        return true;
    }
    for (int i = 0; i < c->count; i++)
        if (ag_needs_grad(x[i]))
            wanted[count++] = x[i];
    ag_gradients(loss, (ag_list){ wanted, count }, r->pass == AG_CASE_GRAPH ? AG_CREATE_GRAPH : 0, found);
    count = 0;
    for (int i = 0; i < c->count; i++)
        if (ag_needs_grad(x[i]))
            dx[i] = found[count++];
    return true;
}

/* A tape without a trace of earlier runs, but with their memory. Parameters would stay, so they get a tape of their
 * own. */
static ag_tape *tape_for(const ag_run *r, ag_case_tapes *tapes, bool *own)
{
    ag_tape **kept = &tapes->run[r->dtype == AG_F32][r->threads];
    *own = r->persistent || r->memory_limit;
    if (*own)
        return ag_case_tape(r->dtype, r->threads, r->memory_limit);
    if (!*kept)
        *kept = ag_case_tape(r->dtype, r->threads, 0);
    if (!*kept)
        return NULL;
    ag_error_clear(*kept);
    ag_tape_reset(*kept);
    (*kept)->random_calls = 0;
    return *kept;
}

void ag_case_tapes_free(ag_case_tapes *tapes)
{
    for (int d = 0; d < 2; d++)
        for (int k = 0; k <= AG_CASE_THREADS; k++)
            ag_tape_free(tapes->run[d][k]);
    ag_tape_free(tapes->home);
    *tapes = (ag_case_tapes){ 0 };
}

/* 1 + the first operand that does not hold its values any more. */
static int find_mutated(const ag_case *c, ag_tape *t, ag_tape *home, const ag_tensor *x)
{
    ag_mark mark = ag_tape_mark(home);
    int found = 0;
    for (int i = 0; i < c->count && !found && !t->error.status; i++) {
        size_t bytes = (size_t)ag_shape_size(c->shape[i]) * sizeof(double);
        double *now = ag_check_doubles(home, ag_shape_size(c->shape[i]));
        if (now && !ag_copy_out(x[i], AG_F64, now, bytes) && memcmp(now, c->x[i], bytes))
            found = i + 1;
    }
    ag_tape_rewind(home, mark);
    return found;
}

static bool run_on(ag_tape *t, const ag_case *c, const ag_run *r, ag_tape *home, ag_outcome *o)
{
    ag_tensor leaf[AG_CASE_INPUTS], x[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS], dx[AG_CASE_INPUTS];
    bool differentiated = false, memory = true;
    for (int k = 0; k < c->outputs; k++)
        y[k] = ag_inert(t);
    ag_case_inputs(c, r, t, leaf, x);
    for (int i = 0; i < c->count; i++)
        dx[i] = ag_inert(t);
    poison(t, c, r);
    o->status = ag_error(t) ? ag_error(t) : ag_case_apply(c, x, y);
    o->applied = !o->status;
    for (int k = 0; k < c->outputs; k++)
        o->contradicts |= !ag_error(t) || o->applied ? ag_ok(y[k]) != o->applied : y[k].id != 0;
    if (r->scribble)
        memset(r->scribble, 0xa5, c->op->params_size);
    if (o->applied && r->pass != AG_CASE_FORWARD)
        differentiated = differentiate(c, r, t, leaf, x, y, dx);
    if (o->applied)
        memory = copy_outputs(c, y, home, o) && make_gradients(c, home, o);
    if (differentiated && memory)
        copy_gradients(c, r, t, x, dx, o->g);
    if (o->applied && !r->written && r->shaken == 0)
        o->mutated = find_mutated(c, t, home, x);
    o->status = ag_error(t) ? ag_error(t) : o->status;
    snprintf(o->text, sizeof o->text, "%s", ag_error_text(t));
    return memory;
}

bool ag_case_run(const ag_case *c, const ag_run *r, ag_case_tapes *tapes, ag_outcome *o)
{
    bool own;
    ag_tape *t = tape_for(r, tapes, &own);
    *o = (ag_outcome){ .of = c };
    bool memory = t && run_on(t, c, r, tapes->home, o);
    if (own)
        ag_tape_free(t);
    return memory;
}
