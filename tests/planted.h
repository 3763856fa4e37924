/* What tests of ops that are wrong on purpose share: which check finds the mistake. */
#ifndef TESTS_PLANTED_H
#define TESTS_PLANTED_H

#include "ag/check/check.h"
#include "values.h"

#include <stdio.h>

static UNUSED void expect_pass(const ag_op *op)
{
    ag_verdict v = ag_check_op(op, NULL);
    if (v != AG_PASS)
        ag_check_op(op, stdout);
    assert_int_equal(v, AG_PASS);
}

/* The op fails, in this check at least. */
static UNUSED void expect_fail(const ag_op *op, ag_check_id id)
{
    ag_op_check k = { 0 };
    ag_verdict v = ag_check_op_into(op, NULL, &k);
    if (v != AG_FAIL || k.result[id].verdict != AG_FAIL || !k.result[id].text[0]) {
        ag_check_op(op, stdout);
        fail_msg("%s: %s, \"%s\": %s", op->name, ag_verdict_name(v), ag_check_names[id],
                 ag_verdict_name(k.result[id].verdict));
    }
}

#endif
