/* Handles that cannot be used, operands written too early, parameters that are gone, adjoints that are zero. */
#include "ag/check/check.h"
#include <math.h>
#include <stdio.h>

/* ---- handles */

typedef struct trial {
    ag_op_check *k;
    const ag_case *c;
    ag_tape *t, *other;
    ag_tensor x[AG_CASE_INPUTS];
} trial;

/* The op with x in place of operand i: the result must be inert and the error the expected one on the tape where it
 * belongs. */
static void try_handle(trial *f, int i, ag_tensor x, ag_status expected, const char *what)
{
    ag_tensor inputs[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS];
    memcpy(inputs, f->x, sizeof inputs);
    inputs[i] = x;
    ag_tape *first = NULL;
    for (int j = 0; j < f->c->count && !first; j++)
        first = inputs[j].tape;
    ag_case_apply(f->c, inputs, y);
    ag_status got = first ? ag_error(first) : expected;
    bool inert = true;
    for (int j = 0; j < f->c->outputs; j++)
        inert &= y[j].id == 0 && y[j].tape == first;
    if (!inert)
        ag_check_wrong(f->k, AG_CHECK_HANDLES, AG_FAIL, f->c, "operand %d %s: the result is not inert", i + 1, what);
    if (got != expected)
        ag_check_wrong(f->k, AG_CHECK_HANDLES, AG_FAIL, f->c, "operand %d %s: %s, expected %s", i + 1, what,
                       ag_status_name(got), ag_status_name(expected));
    ag_error_clear(f->t);
    ag_error_clear(f->other);
    ag_check_done(f->k, AG_CHECK_HANDLES, 1);
}

static ag_tensor rewound(trial *f, int i)
{
    ag_tensor leaf[AG_CASE_INPUTS], x[AG_CASE_INPUTS];
    ag_run r = { .dtype = AG_F64, .threads = 1 };
    ag_mark mark = ag_tape_mark(f->t);
    ag_case_inputs(f->c, &r, f->t, leaf, x);
    ag_tape_rewind(f->t, mark);
    return x[i];
}

static void try_handles(trial *f)
{
    ag_tensor leaf[AG_CASE_INPUTS], foreign[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS];
    ag_run r = { .dtype = AG_F64, .threads = 1 };
    ag_case_inputs(f->c, &r, f->other, leaf, foreign);
    ag_tensor gone[AG_CASE_INPUTS];
    for (int i = 0; i < f->c->count; i++)
        gone[i] = rewound(f, i);
    ag_case_inputs(f->c, &r, f->t, leaf, f->x);
    for (int i = 0; i < f->c->count; i++) {
        try_handle(f, i, ag_inert(f->t), AG_OK, "inert");
        try_handle(f, i, (ag_tensor){ 0 }, AG_ENULL, "absent");
        try_handle(f, i, gone[i], AG_ESTALE, "rewound");
        try_handle(f, i, (ag_tensor){ f->t, 0x3abcdef0u, gone[i].epoch }, AG_ESTALE, "never made");
        try_handle(f, i, (ag_tensor){ f->t, AG_TAG_PERSISTENT | 0x123456u, 1 }, AG_ESTALE, "never made, persistent");
        if (f->c->count > 1)
            try_handle(f, i, foreign[i], AG_EUSE, "of another tape");
    }
    if (ag_case_apply(f->c, f->x, y) || !ag_ok(y[0]))
        ag_check_wrong(f->k, AG_CHECK_HANDLES, AG_FAIL, f->c, "after these errors the op does not work any more");
}

void ag_check_handles(ag_op_check *k, const ag_case *c)
{
    trial f = { .k = k, .c = c, .t = ag_case_tape(AG_F64, 1, 0), .other = ag_case_tape(AG_F64, 1, 0) };
    if (ag_check_memory(k, f.t && f.other))
        try_handles(&f);
    ag_tape_free(f.t);
    ag_tape_free(f.other);
}

/* ---- operands written after the op: noticed, or not needed */

static void check_written(ag_op_check *k, const ag_case *c, int i, ag_case_pass pass)
{
    ag_outcome before, after;
    char text[600];
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = pass };
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &before)) || before.status)
        return;
    r.written = i + 1;
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &after)))
        return;
    ag_check_done(k, AG_CHECK_WRITES, 1);
    if (after.status == AG_EUSE)
        return;
    after.y = before.y; /* a view changes with what it shows */
    if (!ag_outcome_same(&after, &before, text, sizeof text))
        ag_check_wrong(k, AG_CHECK_WRITES, AG_FAIL, c,
                       "operand %d was written and read by the derivative, which %s: %s", i + 1,
                       after.status ? "failed in another way" : "went unnoticed", text);
}

/* What the op was given must be as it was, whatever its functions do. */
static void check_untouched(ag_op_check *k, const ag_case *c, ag_case_pass pass)
{
    ag_outcome o;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = pass };
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &o)))
        return;
    ag_check_done(k, AG_CHECK_WRITES, 1);
    if (o.mutated)
        ag_check_wrong(k, AG_CHECK_WRITES, AG_FAIL, c, "an operand is written: %s has other values after %s",
                       ag_case_operand(c, o.mutated - 1), pass == AG_CASE_FORWARD ? "the op" : "the derivative");
}

void ag_check_writes(ag_op_check *k, const ag_case *c)
{
    check_untouched(k, c, AG_CASE_FORWARD);
    if (!k->differentiable) {
        ag_check_skip(k, AG_CHECK_WRITES, "there is no derivative");
        return;
    }
    check_untouched(k, c, AG_CASE_BACKWARD);
    for (int i = 0; i < c->count; i++) {
        if (c->shape[i].rank == 0 && ag_case_is_float(c, i)) {
            ag_check_skip(k, AG_CHECK_WRITES, "a rank-0 f64 transient cannot be written");
            continue;
        }
        check_written(k, c, i, AG_CASE_PLAIN);
        check_written(k, c, i, AG_CASE_GRAPH);
    }
}

/* ---- parameters are copied */

void ag_check_params(ag_op_check *k, const ag_case *c)
{
    ag_outcome kept, spoilt;
    char text[600];
    if (!c->op->params_size || !k->differentiable) {
        ag_check_skip(k, AG_CHECK_PARAMS, c->op->params_size ? "there is no derivative" : "no parameters");
        return;
    }
    ag_case copy = *c;
    for (int graph = 0; graph < 2; graph++) {
        ag_run r = { .dtype = AG_F64, .threads = 1, .pass = graph ? AG_CASE_GRAPH : AG_CASE_PLAIN };
        void *params = ag_scratch(k->tapes.home, c->op->params_size);
        if (!ag_check_memory(k, params && ag_case_run(c, &r, &k->tapes, &kept)) || kept.status)
            return;
        copy.params = r.scribble = memcpy(params, c->params, c->op->params_size);
        if (!ag_check_memory(k, ag_case_run(&copy, &r, &k->tapes, &spoilt)))
            return;
        if (!ag_outcome_same(&spoilt, &kept, text, sizeof text))
            ag_check_wrong(k, AG_CHECK_PARAMS, AG_FAIL, c, "the derivative depends on the caller's parameters: %s",
                           text);
        ag_check_done(k, AG_CHECK_PARAMS, 1);
    }
}
