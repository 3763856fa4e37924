/* What an op may not keep from one application to another: its operands, what it computed, where its parameters are. */
#include "ag/check/check.h"

/* The derivative of one application after another one was made. */
static void check_between(ag_op_check *k, const ag_case *c, ag_case_pass pass)
{
    ag_outcome alone, after;
    char text[600];
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = pass };
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &alone)) || alone.status)
        return;
    r.between = true;
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &after)))
        return;
    ag_check_done(k, AG_CHECK_STATE, 1);
    if (!ag_outcome_same(&after, &alone, text, sizeof text))
        ag_check_wrong(k, AG_CHECK_STATE, AG_FAIL, c, "the derivative changes when the op is applied again: %s", text);
}

/* Operands that the op has not met before: nothing of the first ones may be left. */
static void check_others(ag_op_check *k, const ag_case *c)
{
    ag_case other = *c;
    ag_outcome plain, graph;
    ag_scale s;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_BACKWARD };
    if (!ag_check_memory(k, ag_case_draw(k->tapes.home, &other, AG_CASE_OTHER + (uint64_t)k->sample) &&
                                ag_case_run(&other, &r, &k->tapes, &plain) && ag_case_scale(&other, &k->tapes, &s)) ||
        plain.status)
        return;
    r.pass = AG_CASE_GRAPH;
    if (ag_check_memory(k, ag_case_run(&other, &r, &k->tapes, &graph)))
        ag_check_close(k, AG_CHECK_STATE, &other, &graph, &plain, &s, AG_CLOSE_F64,
                       "of other operands, ag_gradients with a graph against ag_backward");
    if (!ag_case_obstacle(&other, &plain))
        ag_check_numeric(k, AG_CHECK_STATE, &other, 1, 1);
}

void ag_check_state(ag_op_check *k, const ag_case *c)
{
    if (!k->differentiable) {
        ag_check_skip(k, AG_CHECK_STATE, "there is no derivative");
        return;
    }
    check_between(k, c, AG_CASE_BACKWARD);
    check_between(k, c, AG_CASE_GRAPH);
    check_others(k, c);
}
